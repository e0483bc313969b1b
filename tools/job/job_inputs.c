/* Further inputs of a graph ("input2", ...): sets of their own over the same samples, normalised as the first, not
 * augmented. */
#include "job.h"

#include "runtime/base/files.h"

#include <stdio.h>
#include <string.h>

static anl_status open_one(job *j, const anl__data_opts *d, int part, int k)
{
    job_input *in = &j->more_input[k];
    const anl__dataset *first = j->set[part];
    ANL_TRY(anl__dataset_open_input(j->ctx, d, k + 2, &in->set[part]));
    anl__dataset *ds = in->set[part];
    if (ds->n != first->n)
        return anl__fail(j->ctx, ANL_DATA, "%s has %lld samples, but %s has %lld", ds->name, (long long)ds->n,
                         first->name, (long long)first->n);
    anl_shape s = ds->field[ANL__FIELD_X].shape;
    j->model.more_input[k] = s.rank == 3 ? s : (anl_shape){3, {1, 1, s.dim[0]}};
    return ANL_OK;
}

static anl_status norm_of(job *j, const anl__ckpt *from, int k)
{
    job_input *in = &j->more_input[k];
    char mean[16], std[16];
    if (!recipe_bool(j->recipe, "data.normalize")) return ANL_OK;
    snprintf(mean, sizeof mean, "mean%d", k + 2);
    snprintf(std, sizeof std, "std%d", k + 2);
    if (from) return job_norm_from(j, from, mean, std, &in->norm);
    ANL_TRY(anl__norm_measure(j->ctx, in->set[0], j->split.train, j->split.n_train, &in->norm));
    job_norm_round(&in->norm);
    return ANL_OK;
}

/* The fingerprint of everything that is trained on. */
static anl_status add_fingerprint(job *j, anl__dataset *ds)
{
    char all[130];
    anl__sha256 s;
    memcpy(all, j->fingerprint, 64);
    ANL_TRY(anl__dataset_fingerprint(ds, all + 64));
    anl__sha256_init(&s);
    anl__sha256_add(&s, all, 128);
    anl__sha256_hex(&s, j->fingerprint);
    return ANL_OK;
}

anl_status job_inputs_open(job *j, const anl__data_opts *train, const anl__data_opts *test,
                           const anl__ckpt *from)
{
    int n = anl_model_more_inputs(&j->model);
    if (n && test->images)
        return anl__fail(j->ctx, ANL_INVALID,
                         "the model reads %d inputs a sample, and a file is one of them: name a directory that has "
                         "all (`anneal eval RUN --data DIR`)", n + 1);
    for (int k = 0; k < n; k++) {
        if (j->set[0]) {
            ANL_TRY(open_one(j, train, 0, k));
            ANL_TRY(add_fingerprint(j, j->more_input[k].set[0]));
        }
        if (j->set[1]) ANL_TRY(open_one(j, test, 1, k));
        const job_input *in = &j->more_input[k];
        if (in->set[0] && in->set[1]) ANL_TRY(job_same_shape(j, in->set[0], in->set[1]));
        ANL_TRY(norm_of(j, from, k));
    }
    j->more_inputs = n;
    return ANL_OK;
}

const char *const job_input_shape[ANL_MORE_INPUTS][3] = {{"data.height2", "data.width2", "data.channels2"},
                                                         {"data.height3", "data.width3", "data.channels3"},
                                                         {"data.height4", "data.width4", "data.channels4"}};

anl_status job_inputs_bare(job *j, const anl__ckpt *from)
{
    j->more_inputs = anl_model_more_inputs(&j->model);
    for (int k = 0; k < j->more_inputs; k++) {
        anl_shape s = {3, {0}};
        for (int i = 0; i < 3; i++) s.dim[i] = anl__ckpt_int(from, job_input_shape[k][i], 0);
        if (anl_shape_count(&s) < 1)
            return anl__fail(j->ctx, ANL_MISMATCH, "%s does not say how large input%d is: it was written by an older version",
                             anl__ckpt_path(from), k + 2);
        j->model.more_input[k] = s;
        ANL_TRY(norm_of(j, from, k));
    }
    return ANL_OK;
}

void job_inputs_close(job *j)
{
    for (int k = 0; k < ANL_MORE_INPUTS; k++) {
        for (int s = 0; s < 2; s++) anl__dataset_close(j->more_input[k].set[s]);
        anl__norm_release(j->ctx, &j->more_input[k].norm);
    }
}

anl_status job_inputs_feed(job *j, job_feed *f, const anl__dataset *ds, int slots)
{
    for (int k = 0; k < j->more_inputs; k++) {
        job_input *in = &j->more_input[k];
        job_input_feed *to = &f->more_input[k];
        to->set = in->set[ds == j->set[1]];
        const anl__norm *norm = in->norm.channels ? &in->norm : NULL;
        ANL_TRY(anl__transform_init(j->ctx, &to->set->field[ANL__FIELD_X], norm, NULL, j->dtype, &to->transform));
        to->bytes = anl__transform_bytes(&to->transform);
        to->x = anl__calloc(j->ctx, (size_t)slots * (size_t)f->feed.batch, to->bytes);
        to->scratch = anl__alloc(j->ctx, anl__transform_scratch(&to->transform));
        if (!to->x || !to->scratch) return ANL_NOMEM;
        f->more_inputs = k + 1;
    }
    return ANL_OK;
}

void job_inputs_put(job_feed *f, const anl__batch *b, const void **input)
{
    for (int k = 0; k < f->more_inputs; k++) {
        job_input_feed *in = &f->more_input[k];
        char *to = (char *)in->x + (size_t)b->slot * (size_t)f->feed.batch * in->bytes;
        for (int64_t i = 0; i < b->n; i++) {
            const void *x = anl__dataset_get(in->set, ANL__FIELD_X, b->id[i]);
            anl__transform_apply(&in->transform, 0, 0, b->id[i], x, in->scratch, to + (size_t)i * in->bytes);
        }
        input[k] = to;
    }
}

void job_inputs_feed_close(job *j, job_feed *f)
{
    for (int k = 0; k < ANL_MORE_INPUTS; k++) {
        anl__transform_release(j->ctx, &f->more_input[k].transform);
        anl__free(j->ctx, f->more_input[k].x);
        anl__free(j->ctx, f->more_input[k].scratch);
    }
}
