/* A job: opening, compiling, closing; see job.h. */
#include "job.h"

#include "job_answer.h"
#include "job_params.h"
#include "job_sequence.h"

#include "datasets/cache.h"
#include "datasets/hdf5.h"
#include "runtime/base/files.h"
#include "runtime/train/capture.h"
#include "tools/recipe/layers.h"
#include "tools/weights/init_weights.h"

#include <stdlib.h>
#include <string.h>

const anl__precision *job_precision(const recipe *r)
{
    const anl__precision *p = anl__precision_find(recipe_text(r, "train.precision"));
    return p ? p : anl__precision_find("fp32"); /* auto, where nothing has decided it */
}

int job_devices(anl_ctx *ctx, const recipe *r)
{
    if (!recipe_is_word(r, "devices")) return (int)recipe_int(r, "devices");
    int there = anl_device_count(ctx, recipe_text(r, "device")), shards = (int)recipe_int(r, "train.shards");
    return there < 1 ? 1 : there < shards ? there : shards;
}

/* A part to evaluate on: those samples (index NULL: all n), or as many of them as the limit allows. */
static anl_status open_evaluated(job *j, const job_opts *o, job_part part, const anl__dataset *ds, const int64_t *index, int64_t n)
{
    int64_t most = o->limit_batches * j->batch;
    if (!most || n <= most) return job_feed_open(j, &j->part[part], ds, index, n, false);
    int64_t *some = anl__arena_alloc(j->arena, sizeof *some * (size_t)most);
    if (!some) return ANL_NOMEM;
    for (int64_t i = 0; i < most; i++) {
        int64_t at = anl__dataset_spread(i, most, n);
        some[i] = index ? index[at] : at;
    }
    return job_feed_open(j, &j->part[part], ds, some, most, false);
}

anl_status job_open(anl_ctx *ctx, recipe *r, const job_opts *o, job *out)
{
    *out = (job){.ctx = ctx, .recipe = r, .foreign = o->from != NULL};
    ANL_TRY(anl__arena_create(ctx, &out->arena));
    out->dtype = job_precision(r)->dtype;
    out->devices = o->train ? job_devices(ctx, r) : 1;
    out->model = anl_model_opts_default();
    ANL_TRY(recipe_model(r, ctx, out->arena, &out->model));
    bool values = out->model.n_head ? !anl_model_loss_is_class(out->model.head[0].loss) : out->model.values;
    out->whole_targets = values && !out->model.values;
    out->kind = values ? ANL__SCORE_VALUES : ANL__SCORE_CLASSES;
    out->batch = o->batch ? o->batch : recipe_is_word(r, "train.batch") ? 128 : recipe_int(r, "train.batch");
    bool sequences = anl_model_is_sequence(out->model.name);
    anl_status st = sequences ? job_sequence_open(out, o) : job_open_data(out, o);
    if (st == ANL_FORMAT || st == ANL_IO) st = ANL_DATA; /* of the user's data, not of our files */
    if (st != ANL_OK || sequences) return st;
    if (o->train) {
        const anl__split *s = &out->split;
        ANL_TRY(job_feed_open(out, &out->part[JOB_TRAIN], out->set[0], s->train, s->n_train, !o->overfit));
        const int64_t *valid = o->overfit ? s->train : s->valid;
        int64_t n_valid = o->overfit ? s->n_train : s->n_valid;
        if (n_valid) ANL_TRY(open_evaluated(out, o, JOB_VALID, out->set[0], valid, n_valid));
    }
    return out->set[1] ? open_evaluated(out, o, JOB_TEST, out->set[1], NULL, out->set[1]->n) : ANL_OK;
}

static void build(void *self, anl_graph *g, anl__size size)
{
    const job *j = self;
    anl_model_opts m = j->model;
    m.seq.decode = j->sequence && size.variant == j->sequence->decode_variant;
    anl_model_build(g, &m, size);
}

/* The batch sizes that a part gives. */
static int sizes_of(const job_feed *f, anl__size *out, int most)
{
    if (!f->feed.samples) return 0;
    if (f->sequence) {
        int n = anl__sequence_loader_sizes(f->sequence, out, most);
        return n < most ? n : most;
    }
    out[0].n = f->feed.batch;
    if (f->feed.samples % f->feed.batch == 0) return 1;
    out[1].n = f->feed.samples % f->feed.batch;
    return 2;
}

anl_status job_compile(job *j, bool train, bool answer)
{
    const recipe *r = j->recipe;
    anl__trainer_opts o = anl__trainer_opts_default();
    o.task = (anl__task){j, build};
    o.device = recipe_text(r, "device");
    o.device_opts.threads = (int)recipe_int(r, "threads");
    o.device_opts.tune = recipe_bool(r, "train.tune");
    o.device_opts.plans = j->plans;
    char cache[4096];
    if (recipe_bool(r, "train.plan_cache") && anl__cache_root(cache, sizeof cache)) o.device_opts.plan_dir = cache;
    o.dtype = j->dtype;
    o.device_opts.tf32 = job_precision(r)->tf32;
    o.seed = (uint64_t)recipe_int(r, "train.seed");
    o.shards = (int)recipe_int(r, "train.shards");
    o.lanes = (int)recipe_int(r, "train.lanes");
    o.devices = j->devices;
    o.record = recipe_bool(r, "train.record");
    o.ahead = (int)recipe_int(r, "train.ahead");
    o.rewrite = recipe_bool(r, "train.rewrite");
    o.recompute = recipe_bool(r, "train.recompute");
    o.plan = recipe_bool(r, "train.plan");
    o.optim = (anl__optim_opts){
        .name = recipe_text(r, "optim.name"), .lr = recipe_real(r, "optim.lr"), .momentum = recipe_real(r, "optim.momentum"),
        .dampening = recipe_real(r, "optim.dampening"), .beta1 = recipe_real(r, "optim.beta1"), .beta2 = recipe_real(r, "optim.beta2"),
        .eps = recipe_real(r, "optim.eps"), .rho = recipe_real(r, "optim.rho"), .weight_decay = recipe_real(r, "optim.weight_decay"),
        .nesterov = recipe_bool(r, "optim.nesterov"), .decay_all = recipe_bool(r, "optim.decay_all"),
        .clip_norm = recipe_real(r, "train.clip_norm"), .clip_value = recipe_real(r, "train.clip_value"), .ema = recipe_real(r, "train.ema"),
        .loss_scale = recipe_real(r, "train.loss_scale"), .scale_min = recipe_real(r, "train.loss_scale_min"), .scale_steps = recipe_int(r, "train.loss_scale_steps")};
    if (train) ANL_TRY(job_params(j, &o));
    if (!train) o.optim.ema = 0; /* evaluation reads the averages in the parameters' place */
    if (train) sizes_of(&j->part[JOB_TRAIN], o.train_sizes, ANL__MOST_SIZES);
    if (train) o.samples = j->part[JOB_TRAIN].samples;
    if (train) o.eval_samples = j->part[JOB_VALID].samples;
    int n = sizes_of(&j->part[JOB_VALID], o.eval_sizes, ANL__MOST_SIZES);
    n += sizes_of(&j->part[JOB_TEST], o.eval_sizes + n, ANL__MOST_SIZES - n);
    if (!train) n += sizes_of(&j->part[JOB_TRAIN], o.eval_sizes + n, ANL__MOST_SIZES - n);
    if (answer && j->sequence) job_answer_sizes(j, o.eval_sizes, n, ANL__MOST_SIZES);
    ANL_TRY(anl__trainer_create(j->ctx, &o, &j->trainer));
    j->part[JOB_TRAIN].resident = anl__trainer_resident(j->trainer);
    j->part[JOB_VALID].resident = anl__trainer_eval_resident(j->trainer);
    return ANL_OK;
}

/* Class weights are a buffer of the model. */
static anl_status put_weights(job *j)
{
    anl_net *net = anl__trainer_net(j->trainer);
    for (int i = 0; j->class_weight && i < anl_net_buffer_count(net); i++) {
        anl_tensor_info t = anl_net_buffer(net, i);
        if (!strcmp(t.name, "class_weight")) ANL_TRY(anl_net_slab_write(net, ANL_SLAB_BUFFER, t.offset, t.count, j->class_weight));
    }
    return ANL_OK;
}

anl_status job_init(job *j, char **report)
{
    *report = NULL;
    ANL_TRY(anl__trainer_init(j->trainer));
    const char *init = recipe_text(j->recipe, "train.init");
    anl_status st = ANL_OK;
    if (init && init_weights_is_file(init)) {
        st = anl__context(j->ctx, init_weights(j->trainer, &j->model, init, report), "train.init");
    } else if (init) {
        anl__ckpt *c;
        ANL_TRY(anl__context(j->ctx, job_checkpoint(j->ctx, init, "best", &c), "train.init"));
        st = anl__capture_init(j->trainer, c, report);
        anl__ckpt_close(c);
    }
    if (st == ANL_OK) st = put_weights(j);
    return st == ANL_OK ? anl__trainer_spread(j->trainer) : st;
}

void job_close(job *j)
{
    if (!j->ctx) return;
    anl__trainer_destroy(j->trainer);
    for (int p = 0; p < JOB_PARTS; p++) job_feed_close(j, &j->part[p]);
    job_sequence_close(j);
    anl__norm_release(j->ctx, &j->norm);
    job_inputs_close(j);
    anl__split_release(j->ctx, &j->split);
    for (int s = 0; s < 2; s++) anl__dataset_close(j->set[s]);
    if (j->arena) anl__arena_destroy(j->arena);
    *j = (job){0};
}

anl_status job_use(anl_ctx *ctx, const char *what, const char *which, const char *const *override, int n_override, job_opts *o, job_used *out)
{
    *out = (job_used){0};
    ANL_TRY(job_checkpoint(ctx, what, which, &out->from));
    const char *text = anl__ckpt_text(out->from, "recipe", NULL);
    if (!text) return anl__fail(ctx, ANL_MISMATCH, "%s holds no recipe: it was not written by `anneal train`", anl__ckpt_path(out->from));
    ANL_TRY(recipe_parse(ctx, "the checkpoint's recipe", text, strlen(text), override, n_override, &out->recipe));
    o->from = out->from;
    ANL_TRY(job_open(ctx, out->recipe, o, &out->job));
    if (o->bare) return ANL_OK;
    ANL_TRY(job_compile(&out->job, false, o->answer));
    ANL_TRY(anl__trainer_init(out->job.trainer));
    return anl__capture_restore(out->job.trainer, out->from, false, true);
}

void job_used_close(job_used *u)
{
    job_close(&u->job);
    recipe_free(u->recipe);
    anl__ckpt_close(u->from);
    *u = (job_used){0};
}

anl_status job_scores(job *j, int64_t samples, anl__scores **out)
{
    int outputs = (int)anl__trainer_columns(j->trainer);
    ANL_TRY(anl__scores_create(j->ctx, outputs, j->kind, (int)recipe_int(j->recipe, "metrics.topk"), samples, out));
    if (j->whole_targets) anl__scores_whole_targets(*out);
    return ANL_OK;
}

/* ---- naming a checkpoint --------------------------------------------------------------------- */

/* A set in HDF5 is no damaged checkpoint, and neither is what does not even have a checkpoint's name. */
static anl_status open_file(anl_ctx *ctx, const char *path, anl__ckpt **out)
{
    anl_status st = anl__ckpt_open(ctx, path, out);
    const char *ending = strrchr(path, '.');
    if (st == ANL_FORMAT && !anl__hdf5_is(path) && (!ending || strcmp(ending, ".h5")))
        return anl__fail(ctx, ANL_FORMAT, "%s: is no HDF5 file, and so no checkpoint, nor a run's directory; a run is named first, files behind it", path);
    if (st != ANL_FORMAT || !anl__hdf5_is_set(path)) return st;
    return anl__fail(ctx, ANL_INVALID, "%s is a data set, not a checkpoint: `anneal data describe %s` says what it holds", path, path);
}

static anl_status open_in(anl_ctx *ctx, anl__arena *a, const char *run, const char *which, anl__ckpt **out)
{
    char *dir = anl__arena_printf(a, "%s/checkpoints", run), *end;
    if (!dir) return ANL_NOMEM;
    if (!anl__path_exists(run)) return anl__fail(ctx, ANL_INVALID, "%s: there is no such run, nor a checkpoint's file", run);
    if (!anl__path_is_dir(run)) return open_file(ctx, run, out); /* a file by another name: says what it is not */
    if (!anl__path_is_dir(dir)) return anl__fail(ctx, ANL_INVALID, "%s is no run: it has no directory checkpoints", run);
    int64_t step = strtoll(which, &end, 10);
    bool number = *which && !*end;
    if (!number) {
        if (strcmp(which, "best") && strcmp(which, "last")) return anl__fail(ctx, ANL_INVALID, "%s: a checkpoint is 'best', 'last' or a step, not '%s'", run, which);
        step = anl__ckpt_pointed(ctx, dir, which);
        if (step < 0 && !strcmp(which, "best")) step = anl__ckpt_pointed(ctx, dir, "last");
        if (step < 0) { /* the pointer is not there: the newest that verifies */
            const char *only[1] = {dir};
            ANL_TRY(anl__ckpt_newest(ctx, only, 1, out));
            return *out ? ANL_OK : anl__fail(ctx, ANL_INVALID, "%s has no checkpoint yet", run);
        }
    }
    char *path = anl__ckpt_name(a, dir, step);
    if (!path) return ANL_NOMEM;
    if (!anl__path_exists(path)) return anl__fail(ctx, ANL_INVALID, "%s has no checkpoint of step %lld (%s)", run, (long long)step, path);
    return anl__ckpt_open(ctx, path, out);
}

anl_status job_checkpoint(anl_ctx *ctx, const char *text, const char *def, anl__ckpt **out)
{
    anl__arena *a;
    ANL_TRY(anl__arena_create(ctx, &a));
    anl_status st;
    const char *colon = strrchr(text, ':');
    size_t len = strlen(text);
    if (len > 3 && !strcmp(text + len - 3, ".h5")) {
        st = open_file(ctx, text, out);
    } else if (anl__path_is_dir(text) || !colon) {
        st = open_in(ctx, a, text, def, out);
    } else {
        char *run = anl__arena_printf(a, "%.*s", (int)(colon - text), text);
        st = run ? open_in(ctx, a, run, colon + 1, out) : ANL_NOMEM;
    }
    anl__arena_destroy(a);
    return st;
}
