/* The data of a job: sets, parts, normalisation, class weights. */
#include "job.h"

#include "runtime/base/files.h"
#include "runtime/op.h"

#include <string.h>

_Static_assert((int)ANL_MOST_LABELS == (int)ANL__MOST_LABELS, "columns of labels: models and data sets");

static anl__data_opts data_opts(const job *j, const job_opts *o, const char *part)
{
    const recipe *r = j->recipe;
    anl__data_opts d = anl__data_opts_default();
    bool test = !strcmp(part, "test");
    const char *format = recipe_text(r, "data.format");
    d.format = format && strcmp(format, "auto") ? format : NULL;
    d.images = recipe_text(r, test ? "data.test_images" : "data.images");
    d.labels = recipe_text(r, test ? "data.test_labels" : "data.labels");
    if (test && !d.images && recipe_text(r, "data.images") && anl__path_is_dir(recipe_text(r, "data.images"))) { /* one table has both parts */
        d.images = recipe_text(r, "data.images");
        d.labels = recipe_text(r, "data.labels");
    }
    d.path = d.images ? NULL : recipe_text(r, "data.path");
    d.part = part;
    d.classes = (int)recipe_int(r, "data.classes");
    d.values = j->model.values;
    for (int k = 1; k < ANL_MOST_LABELS; k++) {
        anl_label_use use = anl_model_label_use(&j->model, k);
        d.more[k] = use == ANL_LABEL_CLASS ? ANL__LABEL_CLASS : use == ANL_LABEL_VALUE ? ANL__LABEL_VALUE : ANL__LABEL_UNUSED;
        d.more_classes[k] = j->model.label_classes[k];
    }
    d.cache = recipe_bool(r, "data.cache");
    d.cache_dir = recipe_text(r, "data.cache_dir");
    d.parts = (anl__parts_opts){.seed = (uint64_t)recipe_int(r, "data.split_seed"), .test = recipe_real(r, "data.test"), .test_only = o->test_data != NULL};
    job_pictures(j, o, &d.pictures);
    return d;
}

static anl_status open_train(job *j, const job_opts *o)
{
    j->set[0] = o->set;
    if (o->set) return ANL_OK;
    anl__data_opts d = data_opts(j, o, "train");
    if (!d.path && !d.images)
        return anl__fail(j->ctx, ANL_RECIPE, "the recipe names no data: set data.path (a directory or a known set, see `anneal data get`) or data.images and data.labels");
    ANL_TRY(anl__dataset_open(j->ctx, &d, &j->set[0]));
    const anl__dataset *ds = j->set[0];
    for (int k = 1; k < ANL_MOST_LABELS; k++) j->model.label_classes[k] = ds->more_classes[k];
    if (!recipe_is_default(j->recipe, "data.test") && ds->own_parts)
        return anl__fail(j->ctx, ANL_RECIPE, "%s: data.test draws a test part, but %s has parts of its own", recipe_where(j->recipe, "data.test"), ds->name);
    if (ds->fields < 2)
        return anl__fail(j->ctx, ANL_DATA, "%s has no labels: training needs them%s", ds->name, ds->item ? " (folders of classes: data.path names them, not data.images; or a table: data.labels)" : "");
    return anl__dataset_fingerprint(j->set[0], j->fingerprint);
}

static anl__data_opts test_opts(const job *j, const job_opts *o)
{
    anl__data_opts d = data_opts(j, o, "test");
    if (!anl_model_more_inputs(&j->model)) d.most = o->limit_batches * j->batch; /* else files of all of them lie beside it */
    if (o->test_data) {
        d.images = d.labels = NULL;
        d.path = o->test_data;
    }
    if (o->test_file) {
        d.images = o->test_file;
        d.labels = d.path = d.format = NULL;
        d.cache = false;
    }
    return d;
}

/* The test part is optional unless it is asked for. */
static anl_status open_test(job *j, const job_opts *o)
{
    anl__data_opts d = test_opts(j, o);
    bool named = o->test_data || o->test_file;
    j->whole_test = !o->no_test && !o->limit_batches;
    if (o->set || (o->no_test && !named)) return ANL_OK;
    if (j->set[0]) d.classes = j->set[0]->classes;
    d.optional = j->set[0] && !named;
    d.allow_empty_class = true;
    return anl__dataset_open(j->ctx, &d, &j->set[1]);
}

/* The set's own validation part: its last samples. */
static anl_status own_split(job *j)
{
    const anl__dataset *ds = j->set[0];
    anl__split *s = &j->split;
    if (recipe_int(j->recipe, "data.folds") || !recipe_is_default(j->recipe, "data.validation"))
        return anl__fail(j->ctx, ANL_RECIPE, "%s: data.validation and data.folds draw a validation part, but %s has one of its own",
                         recipe_where(j->recipe, recipe_int(j->recipe, "data.folds") ? "data.folds" : "data.validation"), ds->name);
    s->n_train = ds->valid_from;
    s->n_valid = ds->n - ds->valid_from;
    if (s->n_train < 1) return anl__fail(j->ctx, ANL_DATA, "%s: all samples are of the validation part", ds->name);
    s->train = anl__calloc(j->ctx, (size_t)s->n_train, sizeof *s->train);
    s->valid = anl__calloc(j->ctx, (size_t)s->n_valid, sizeof *s->valid);
    if (!s->train || !s->valid) return ANL_NOMEM;
    for (int64_t i = 0; i < s->n_train; i++) s->train[i] = i;
    for (int64_t i = 0; i < s->n_valid; i++) s->valid[i] = s->n_train + i;
    return ANL_OK;
}

static anl_status drawn_split(job *j)
{
    const recipe *r = j->recipe;
    const anl__dataset *ds = j->set[0];
    anl__split_opts s = anl__split_opts_default();
    anl__split_input in = {ds->n, ds->label, ds->classes};
    double part = recipe_real(r, "data.validation");
    s.seed = (uint64_t)recipe_int(r, "data.split_seed");
    if (part >= 1) s.count = (int64_t)part;
    else s.fraction = part;
    s.folds = (int)recipe_int(r, "data.folds");
    s.fold = (int)recipe_int(r, "data.fold");
    return anl__split_make(j->ctx, &in, &s, &j->split);
}

static anl_status make_split(job *j, const job_opts *o)
{
    ANL_TRY(j->set[0]->valid_from < j->set[0]->n ? own_split(j) : drawn_split(j));
    if (o->overfit > 0) { /* the same few samples for both, so that a model that learns must reach accuracy 1 */
        if (o->overfit < j->split.n_train) j->split.n_train = o->overfit;
        anl__free(j->ctx, j->split.valid);
        j->split.valid = NULL;
        j->split.n_valid = 0;
    }
    return ANL_OK;
}

anl_status job_norm_from(job *j, const anl__ckpt *from, const char *mean_name, const char *std_name, anl__norm *out)
{
    anl__ckpt_tensor mean = anl__ckpt_find(from, "data", mean_name), std = anl__ckpt_find(from, "data", std_name);
    if (!mean.data || !std.data || anl_shape_count(&mean.shape) != anl_shape_count(&std.shape))
        return anl__fail(j->ctx, ANL_MISMATCH, "%s holds no normalisation (data/%s, data/%s)", anl__ckpt_path(from), mean_name, std_name);
    int64_t n = anl_shape_count(&mean.shape);
    double *both = anl__arena_alloc(j->arena, sizeof *both * 2 * (size_t)n);
    if (!both) return ANL_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        both[i] = (double)mean.data[i];
        both[n + i] = (double)std.data[i];
    }
    return anl__norm_make(j->ctx, n, both, both + n, out);
}

void job_norm_round(anl__norm *norm)
{
    for (int64_t i = 0; i < norm->channels; i++) {
        norm->mean[i] = (double)(float)norm->mean[i];
        norm->std[i] = (double)(float)norm->std[i];
    }
}

/* data.mean and data.std of the recipe: what a network was trained with before. */
static anl_status given_norm(job *j)
{
    const recipe *r = j->recipe;
    int n = recipe_count(r, "data.mean");
    double *mean = anl__arena_alloc(j->arena, sizeof *mean * (size_t)n);
    double *std = anl__arena_alloc(j->arena, sizeof *std * (size_t)n);
    if (!mean || !std) return ANL_NOMEM;
    if (n != j->model.channels)
        return anl__fail(j->ctx, ANL_RECIPE, "%s: data.mean has %d numbers, but %s has %lld channels",
                         recipe_where(r, "data.mean"), n, j->set[0]->name, (long long)j->model.channels);
    for (int i = 0; i < n; i++) {
        mean[i] = recipe_real_at(r, "data.mean", i);
        std[i] = recipe_real_at(r, "data.std", i);
    }
    return anl__norm_make(j->ctx, n, mean, std, &j->norm);
}

static anl_status make_norm(job *j, const job_opts *o)
{
    if (!recipe_bool(j->recipe, "data.normalize")) return ANL_OK;
    if (o->from) return job_norm_from(j, o->from, "mean", "std", &j->norm);
    if (recipe_count(j->recipe, "data.mean")) ANL_TRY(given_norm(j));
    else ANL_TRY(anl__norm_measure(j->ctx, j->set[0], j->split.train, j->split.n_train, &j->norm));
    job_norm_round(&j->norm);
    return ANL_OK;
}

/* loss.class_weights: a list, or "balanced": n / (classes * n of the class), over the training part (as scikit-learn). */
anl_status job_weights(job *j, const int64_t *count, int64_t n)
{
    const recipe *r = j->recipe;
    bool balanced = recipe_is_word(r, "loss.class_weights");
    int given = recipe_count(r, "loss.class_weights"), classes = j->model.classes;
    if (!balanced && !given) return ANL_OK;
    if (!balanced && given != classes)
        return anl__fail(j->ctx, ANL_RECIPE, "%s: loss.class_weights has %d numbers, but the data has %d classes", recipe_where(r, "loss.class_weights"), given, classes);
    j->class_weight = anl__arena_alloc(j->arena, sizeof *j->class_weight * (size_t)classes);
    if (!j->class_weight) return ANL_NOMEM;
    for (int c = 0; c < classes; c++)
        j->class_weight[c] = !balanced ? (float)recipe_real_at(r, "loss.class_weights", c)
                             : count && count[c] ? (float)((double)n / ((double)classes * (double)count[c])) : 0.0f;
    j->model.class_weight = j->class_weight;
    return ANL_OK;
}

static anl_status make_weights(job *j)
{
    const anl__dataset *ds = j->set[0];
    int64_t *count = anl__arena_alloc(j->arena, sizeof *count * (size_t)(j->model.classes + 1));
    if (!count) return ANL_NOMEM;
    for (int64_t i = 0; ds && ds->label && i < j->split.n_train; i++) count[ds->label[j->split.train[i]]]++;
    return job_weights(j, count, j->split.n_train);
}

/* The model's own names of its classes, where it has some. */
static anl_status names_from(job *j, const anl__ckpt *from)
{
    const char *names = anl__ckpt_text(from, "data.class_names", "");
    int64_t classes = anl__ckpt_int(from, "data.classes", 0);
    const char **list = anl__arena_alloc(j->arena, sizeof *list * (size_t)(classes + 1));
    char *at = anl__arena_strdup(j->arena, names);
    if (!list || !at) return ANL_NOMEM;
    int n = 0;
    while (*at && n < classes) {
        char *end = strchr(at, '\n');
        list[n++] = at;
        if (!end) break;
        *end = 0;
        at = end + 1;
    }
    j->model.classes = (int)classes;
    j->class_names = n && n == classes ? list : NULL;
    return ANL_OK;
}

/* Other data may have fewer classes than the model, but none that it does not know. */
static anl_status same_classes(job *j, const anl__dataset *ds, int classes)
{
    if (ds && ds->fields > 1 && ds->classes > classes)
        return anl__fail(j->ctx, ANL_MISMATCH, "%s has %d classes, but the model was trained on %d", ds->name, ds->classes, classes);
    for (int c = 0; j->class_names && ds && ds->class_names && c < ds->classes; c++)
        if (strcmp(ds->class_names[c], j->class_names[c]))
            return anl__fail(j->ctx, ANL_MISMATCH, "%s: its class %d is '%s', the model's is '%s'", ds->name, c, ds->class_names[c], j->class_names[c]);
    return ANL_OK;
}

/* Targets that a head's loss cannot be measured against. */
static anl_status check_targets(job *j, const anl__dataset *ds)
{
    for (int h = 0; h < j->model.n_head && ds; h++) {
        int column = anl_model_label_column(j->model.head[h].label);
        bool bce = !strcmp(j->model.head[h].loss, "bce"), classes = anl_model_loss_is_class(j->model.head[h].loss);
        if (classes || ds->fields < 2 + column) continue;
        const anl__field *f = &ds->field[ANL__FIELD_LABEL + column];
        if (!bce && f->dtype == ANL_F32) continue;
        for (int64_t i = 0; i < ds->n; i++) {
            double v = f->dtype == ANL_F32 ? (double)((const float *)f->data)[i] : (double)((const int32_t *)f->data)[i];
            if (!bce && v < 0)
                return anl__fail(j->ctx, ANL_DATA, "%s: record %lld: %s is not known, but the loss %s of head '%s' takes it for a value", ds->name, (long long)i, f->name,
                                 j->model.head[h].loss, j->model.head[h].from);
            if (bce && (v < 0 || v > 1))
                return anl__fail(j->ctx, ANL_DATA, "%s: record %lld: %s is %g, but the loss bce of head '%s' takes 0 to 1", ds->name, (long long)i, f->name, v,
                                 j->model.head[h].from);
        }
    }
    return ANL_OK;
}

anl_status job_same_shape(job *j, const anl__dataset *train, const anl__dataset *test)
{
    char a[96], b[96];
    const anl_shape *s = &train->field[ANL__FIELD_X].shape, *t = &test->field[ANL__FIELD_X].shape;
    if (anl__shape_equal(s, t)) return ANL_OK;
    return anl__fail(j->ctx, ANL_DATA, "a sample of %s is %s, but one of %s is %s", test->name, anl__shape_text(t, b), train->name, anl__shape_text(s, a));
}

/* What the checkpoint says about classes and shape, or what the data says. */
static anl_status describe(job *j, const job_opts *o)
{
    const anl__dataset *ds = j->set[0] ? j->set[0] : j->set[1];
    anl_shape s = {.rank = -1};
    if (j->set[0] && j->set[1]) ANL_TRY(job_same_shape(j, j->set[0], j->set[1]));
    if (ds) {
        s = ds->field[ANL__FIELD_X].shape;
    }
    if (ds && !o->from) {
        j->model.classes = ds->classes;
        j->class_names = ds->class_names;
    }
    if (o->from) {
        ANL_TRY(same_classes(j, ds, j->model.classes));
        anl_shape t = {3, {anl__ckpt_int(o->from, "data.height", 0), anl__ckpt_int(o->from, "data.width", 0), anl__ckpt_int(o->from, "data.channels", 0)}};
        bool flat = s.rank == 1 && t.dim[0] == 1 && t.dim[1] == 1 && s.dim[0] == t.dim[2];
        bool same = s.rank == 3 && s.dim[0] == t.dim[0] && s.dim[1] == t.dim[1] && s.dim[2] == t.dim[2];
        if (ds && !flat && !same)
            return anl__fail(j->ctx, ANL_MISMATCH, "%s has samples of another shape than the %lldx%lldx%lld that the model was trained on", ds->name,
                             (long long)t.dim[0], (long long)t.dim[1], (long long)t.dim[2]);
        s = t;
    }
    j->model.height = s.rank == 3 ? s.dim[0] : 1;
    j->model.width = s.rank == 3 ? s.dim[1] : 1;
    j->model.channels = s.rank == 3 ? s.dim[2] : s.dim[0];
    return ANL_OK;
}

const char *const job_label_classes[ANL_MOST_LABELS] = {
    NULL, "data.classes2", "data.classes3", "data.classes4", "data.classes5", "data.classes6", "data.classes7", "data.classes8"};

anl_status job_open_data(job *j, const job_opts *o)
{
    for (int k = 1; k < ANL_MOST_LABELS && o->from; k++) j->model.label_classes[k] = (int)anl__ckpt_int(o->from, job_label_classes[k], 0);
    if (o->from) ANL_TRY(names_from(j, o->from));
    if (o->train) ANL_TRY(open_train(j, o));
    if (!o->bare) ANL_TRY(open_test(j, o));
    ANL_TRY(describe(j, o));
    for (int s = 0; s < 2; s++) ANL_TRY(check_targets(j, j->set[s]));
    if (o->train) ANL_TRY(make_split(j, o));
    ANL_TRY(make_norm(j, o));
    anl__data_opts train = data_opts(j, o, "train"), test = test_opts(j, o);
    ANL_TRY(o->bare ? job_inputs_bare(j, o->from) : job_inputs_open(j, &train, &test, o->from));
    return make_weights(j);
}
