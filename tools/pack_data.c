/* See pack_data.h. */
#include "pack_data.h"

#include "datasets/hdf5.h"

#include <stdio.h>

/* The test part, which the set need not have, alike the training part. */
static anl_status open_test(anl_ctx *ctx, const anl__data_opts *opts, const anl__dataset *train, anl__dataset **test)
{
    anl__data_opts o = *opts;
    const anl_shape *s = &train->field[ANL__FIELD_X].shape;
    o.part = "test";
    o.classes = train->classes;
    o.allow_empty_class = true;
    o.pictures.class_names = train->item ? train->class_names : NULL;
    o.pictures.classes = o.pictures.class_names ? train->classes : 0;
    if (s->rank == 3) o.pictures.height = s->dim[0], o.pictures.width = s->dim[1], o.pictures.channels = (int)s->dim[2];
    o.optional = true;
    ANL_TRY(anl__dataset_open(ctx, &o, test));
    if (!*test) return ANL_OK;
    const anl__field *a = &train->field[ANL__FIELD_X], *b = &(*test)->field[ANL__FIELD_X];
    if (a->dtype == b->dtype && a->bytes == b->bytes && train->fields == (*test)->fields) return ANL_OK;
    return anl__fail(ctx, ANL_DATA, "%s: the test part's samples are of another shape or type than the training part's", train->name);
}

anl_status pack_data(anl_ctx *ctx, const anl__data_opts *opts, const char *out)
{
    anl__data_opts o = *opts;
    anl__dataset *train = NULL, *test = NULL;
    anl_status st;
    o.part = "train";
    ANL_GO(anl__dataset_open(ctx, &o, &train));
    ANL_GO(open_test(ctx, &o, train, &test));
    ANL_GO(anl__hdf5_write(ctx, out, train, test));
    printf("%s\n", out);
    fprintf(stderr, "%lld samples to train on, %lld of the set's own validation part, %lld to test, %zu bytes each\n", (long long)train->valid_from,
            (long long)(train->n - train->valid_from), test ? (long long)test->n : 0, train->field[ANL__FIELD_X].bytes);
done:
    anl__dataset_close(test);
    anl__dataset_close(train);
    return st;
}
