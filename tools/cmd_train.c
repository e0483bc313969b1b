/* anneal train: starts, resumes, or says that the run is finished. */
#include "command.h"
#include "exit_code.h"
#include "decide.h"
#include "dry_run.h"
#include "progress.h"
#include "run.h"
#include "train_report.h"
#include "train_scores.h"
#include "tools/job/job_idle.h"
#include "tools/job/job_notes.h"

#include "runtime/base/files.h"
#include "runtime/device.h"
#include "runtime/state/signals.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <time.h>

static const option train_options[] = {
    {"run", "DIR", "the run's directory (default: runs/ + the recipe's name + the overrides)"},
    {"change", NULL, "accept changed keys that may change in a run (`anneal help keys`: ~)"},
    {"exact", NULL, "refuse to resume where the bits would no longer be those of the uninterrupted run"},
    {"until", "EPOCH", "end with a checkpoint after this epoch; the rates are those of the whole run, which goes on without it"},
    {"no-test", NULL, "leave the test part alone: a run among many that are chosen from by validation"},
    {"dry-run", NULL, "model table, memory plan, one batch through train, eval, checkpoint and resume; writes no run"},
    {"overfit-batch", NULL, "trains on one batch only, as a test that the model can learn; writes no run"},
    {"limit-batches", "N", "epochs of N batches, as a quick look; of images also N of validation and test; writes no run"},
    {"json", NULL, "the scores at the end as one JSON object instead of a table"},
    {NULL, NULL, NULL},
};

typedef struct train {
    anl_ctx *ctx;
    const options *o;
    run run;
    recipe *loose;    /* the recipe of a training that writes no run */
    recipe *recipe;   /* either */
    job job;
    anl__loop_opts loop;
    anl__loop_result result;
    progress progress;
    train_report page;
    anl__watch *watch;
    anl__ckpt_tensor tensor[2 + 2 * ANL_MORE_INPUTS];
    float *norm[1 + ANL_MORE_INPUTS];
    anl__ckpt_attr attr[13 + ANL_MOST_LABELS + 3 * ANL_MORE_INPUTS + JOB_SEQUENCE_TEXTS];
    job_sequence_text text[JOB_SEQUENCE_TEXTS];
    anl__buf dump, names, device, plans;
} train;

/* ---- what every checkpoint holds besides the engine's tensors -------------------------------- */

static void add_text(train *t, const char *name, const char *text)
{
    t->loop.extra_attr = t->attr;
    t->attr[t->loop.n_extra_attr++] = (anl__ckpt_attr){.name = name, .type = ANL__CKPT_TEXT, .text = text};
}

static void add_int(train *t, const char *name, int64_t v)
{
    t->loop.extra_attr = t->attr;
    t->attr[t->loop.n_extra_attr++] = (anl__ckpt_attr){.name = name, .type = ANL__CKPT_INT, .i = v};
}

/* How input number k is normalised; nothing where it is not. */
static anl_status add_norm(train *t, int k, const anl__norm *norm)
{
    static const char *const names[1 + ANL_MORE_INPUTS][2] = {{"mean", "std"}, {"mean2", "std2"}, {"mean3", "std3"}, {"mean4", "std4"}};
    int64_t n = norm->channels;
    if (!n) return ANL_OK;
    float *both = t->norm[k] = anl__calloc(t->ctx, 2 * (size_t)n, sizeof *both);
    if (!both) return ANL_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        both[i] = (float)norm->mean[i];
        both[n + i] = (float)norm->std[i];
    }
    t->loop.extra_tensor = t->tensor;
    for (int i = 0; i < 2; i++) t->tensor[t->loop.n_extra_tensor++] = (anl__ckpt_tensor){"data", names[k][i], {1, {n}}, both + i * n};
    return ANL_OK;
}

static anl_status describe_job(train *t)
{
    const job *j = &t->job;
    ANL_TRY(recipe_dump(t->recipe, &t->dump));
    for (int c = 0; j->class_names && c < j->model.classes; c++) anl__buf_add(&t->names, "%s%s", c ? "\n" : "", j->class_names[c]);
    anl_device *dev = anl__trainer_device(j->trainer);
    dev->vt->describe(dev, &t->device);
    if (recipe_bool(t->recipe, "train.tune") && dev->vt->plans) dev->vt->plans(dev, &t->plans);
    ANL_TRY(t->names.status);
    ANL_TRY(t->device.status);
    ANL_TRY(t->plans.status);
    add_text(t, "recipe", t->dump.text);
    add_text(t, "anneal", anl_version());
    add_text(t, "device", t->device.text);
    add_text(t, "best.metric", t->loop.best_metric ? t->loop.best_metric : "");
    if (t->plans.len) add_text(t, "plans", t->plans.text); /* a resume takes the same */
    add_text(t, "data.fingerprint", j->fingerprint);
    add_text(t, "data.class_names", t->names.text);
    int texts;
    ANL_TRY(job_sequence_texts(&t->job, t->text, &texts));
    for (int i = 0; i < texts; i++) add_text(t, t->text[i].name, t->text[i].text);
    add_int(t, "data.classes", j->model.classes);
    add_int(t, "data.height", j->model.height);
    add_int(t, "data.width", j->model.width);
    add_int(t, "data.channels", j->model.channels);
    for (int k = 0; k < j->more_inputs; k++)
        for (int i = 0; i < 3; i++) add_int(t, job_input_shape[k][i], j->model.more_input[k].dim[i]);
    for (int k = 1; k < ANL_MOST_LABELS; k++)
        if (j->model.label_classes[k]) add_int(t, job_label_classes[k], j->model.label_classes[k]);
    ANL_TRY(add_norm(t, 0, &j->norm));
    for (int k = 0; k < j->more_inputs; k++) ANL_TRY(add_norm(t, 1 + k, &j->more_input[k].norm));
    return ANL_OK;
}

/* ---- from the recipe to the loop ------------------------------------------------------------- */

static anl_status loop_from_recipe(train *t)
{
    const recipe *r = t->recipe;
    anl__loop_opts *l = &t->loop;
    static const char *const policies[] = {"stop", "skip", "rollback"};
    *l = anl__loop_opts_default();
    l->epochs = recipe_int(r, "train.epochs");
    l->hours = recipe_real(r, "train.hours");
    l->lr = recipe_real(r, "optim.lr");
    for (int i = 0; i < 3; i++)
        if (!strcmp(recipe_text(r, "train.nonfinite"), policies[i])) l->nonfinite = (anl__nonfinite)i;
    l->ema = recipe_real(r, "train.ema") > 0;
    l->stop_metric = recipe_text(r, "early_stop.metric");
    l->patience = recipe_int(r, "early_stop.patience");
    l->min_delta = recipe_real(r, "early_stop.min_delta");
    l->best_metric = recipe_text(r, "checkpoint.metric");
    l->topk = (int)recipe_int(r, "metrics.topk");
    l->log_every = recipe_int(r, "log.every");
    l->tensorboard = recipe_bool(r, "log.tensorboard");
    l->writer = (anl__writer_opts){.mirror = t->run.mirror, .command = recipe_text(r, "checkpoint.command"), .keep = (int)recipe_int(r, "checkpoint.keep"),
                                   .command_timeout_s = recipe_real(r, "checkpoint.timeout"), .command_retries = (int)recipe_int(r, "checkpoint.retries")};
    anl__schedule *s = &l->schedule;
    s->name = recipe_text(r, "schedule.name");
    s->warmup = recipe_real(r, "schedule.warmup");
    s->every = recipe_real(r, "schedule.step");
    s->gamma = recipe_real(r, "schedule.gamma");
    s->final = recipe_real(r, "schedule.final");
    s->power = recipe_real(r, "schedule.power");
    s->peak_at = recipe_real(r, "schedule.peak_at");
    s->div = recipe_real(r, "schedule.div");
    s->patience = (int)recipe_int(r, "schedule.patience");
    s->cooldown = (int)recipe_int(r, "schedule.cooldown");
    s->factor = recipe_real(r, "schedule.factor");
    s->min_lr = recipe_real(r, "schedule.min_lr");
    int n = recipe_count(r, "schedule.milestones");
    double *milestone = anl__arena_alloc(t->job.arena, sizeof *milestone * (size_t)(n + 1));
    if (!milestone) return ANL_NOMEM;
    for (int i = 0; i < n; i++) milestone[i] = recipe_real_at(r, "schedule.milestones", i);
    s->milestone = milestone;
    s->n_milestone = n;
    return anl__cadence_parse(t->ctx, recipe_text(r, "checkpoint.every"), &l->every);
}

static void on_step(void *self, const anl__progress *p) { progress_step(&((train *)self)->progress, p); }
static void on_message(void *self, const char *text) { progress_message(&((train *)self)->progress, text); }
static void on_epoch(void *self, const anl__mlog_field *field, int n, bool best)
{
    train *t = self;
    progress_epoch(&t->progress, field, n, best);
    train_report_epoch(&t->page);
}

static void tell(train *t, anl__loop_opts *l)
{
    l->user = t;
    l->on_step = on_step;
    l->on_epoch = on_epoch;
    l->on_message = on_message;
}

/* ---- resuming -------------------------------------------------------------------------------- */

/* Another device or another version gives other bits: said, recorded, refused on request. Other data is refused. */
static anl_status check_resume(train *t)
{
    const anl__ckpt *c = t->run.from;
    const char *device = anl__ckpt_text(c, "device", ""), *version = anl__ckpt_text(c, "anneal", ""), *data = anl__ckpt_text(c, "data.fingerprint", "");
    if (strcmp(data, t->job.fingerprint))
        return anl__fail(t->ctx, ANL_DATA, "the training data is not what this run began with (digest %.12s..., then %.12s...): give the new data a run of its own", t->job.fingerprint, data);
    bool other_device = strcmp(device, t->device.text) != 0, other_version = strcmp(version, anl_version()) != 0;
    if (!other_device && !other_version) return ANL_OK;
    if (options_has(t->o, "exact"))
        return anl__fail(t->ctx, ANL_MISMATCH, "--exact: the run was made with anneal %s on %s, and this is anneal %s on %s: the bits would differ", version, device, anl_version(), t->device.text);
    fprintf(stderr, "note: resumed on %s (before: %s); from here on the bits are no longer those of the uninterrupted run\n", t->device.text, device);
    const char *old = NULL;
    ANL_TRY(anl__run_dir_get(t->run.dir, t->run.arena, "changes.txt", &old));
    char *all = anl__arena_printf(t->run.arena, "%sat step %lld: device %s -> %s, anneal %s -> %s\n", old ? old : "", (long long)anl__ckpt_step(c), device, t->device.text, version, anl_version());
    return all ? anl__run_dir_put(t->run.dir, "changes.txt", all) : ANL_NOMEM;
}

static anl_status store_environment(train *t)
{
    struct utsname u;
    char when[64] = "";
    time_t now = time(NULL);
    struct tm tm;
    if (gmtime_r(&now, &tm)) strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (uname(&u)) memset(&u, 0, sizeof u);
    const char *old = NULL;
    ANL_TRY(anl__run_dir_get(t->run.dir, t->run.arena, "environment.txt", &old));
    char *text = anl__arena_printf(t->run.arena, "%s%s anneal %s, %s, devices %d, threads %d, host %s, %s %s, from step %lld\n", old ? old : "", when, anl_version(), t->device.text, t->job.devices,
                                   anl__trainer_device(t->job.trainer)->pool ? anl__pool_size(anl__trainer_device(t->job.trainer)->pool) : 1, u.nodename, u.sysname, u.release,
                                   (long long)(t->run.from ? anl__ckpt_step(t->run.from) : 0));
    return text ? anl__run_dir_put(t->run.dir, "environment.txt", text) : ANL_NOMEM;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* The last line of a run that is finished, also when the same command is given again. */
static void say_where(train *t, double seconds)
{
    char time[32];
    const char *word = run_word(&t->run);
    fprintf(stderr, "trained %s; the run lies in %s. Next: anneal predict %s, anneal eval %s, anneal export %s\n", anl__time_text(seconds, time), t->run.path, word, word, word);
}

/* Without a run's directory nothing is kept that could be gone on from. */
static int ended_without_run(const train *t)
{
    const anl__loop_state *s = &t->result.state;
    bool asked = t->result.end == ANL__END_INTERRUPTED || t->result.end == ANL__END_PREEMPTED;
    fprintf(stderr, "stopped at step %lld, epoch %lld; this training writes no run, so nothing of it is kept\n", (long long)s->step, (long long)s->epoch + 1);
    return asked ? EXIT_AGAIN : EXIT_DONE;
}

static int ended(train *t)
{
    const anl__loop_state *s = &t->result.state;
    char time[32];
    progress_end(&t->progress);
    if (!t->run.dir && t->result.end != ANL__END_EPOCHS && t->result.end != ANL__END_EARLY) return ended_without_run(t);
    switch (t->result.end) {
    case ANL__END_INTERRUPTED:
    case ANL__END_PREEMPTED:
        fprintf(stderr, "%s at step %lld (epoch %lld): the checkpoint is safe, %.1f s after the signal. Go on with: anneal train %s\n",
                t->result.end == ANL__END_PREEMPTED ? "preempted" : "interrupted", (long long)s->step, (long long)s->epoch + 1, t->result.signal_to_durable, run_word(&t->run));
        return EXIT_AGAIN;
    case ANL__END_BUDGET:
        fprintf(stderr, "train.hours are used up (%s) at step %lld, epoch %lld; a checkpoint is kept. Go on with: anneal train %s train.hours=%g --change\n",
                anl__time_text(s->seconds, time), (long long)s->step, (long long)s->epoch + 1, run_word(&t->run), 2 * t->loop.hours);
        break;
    case ANL__END_EARLY:
        fprintf(stderr, "stopped early after epoch %lld: no gain in %s for %lld epochs (best in epoch %lld)\n", (long long)s->epoch, t->loop.stop_metric,
                (long long)t->loop.patience, (long long)s->best_epoch);
        break;
    case ANL__END_PAUSED:
        fprintf(stderr, "paused after epoch %lld of %lld, step %lld; a checkpoint is kept. Go on with: anneal train %s\n", (long long)s->epoch, (long long)t->loop.epochs,
                (long long)s->step, run_word(&t->run));
        return EXIT_DONE;
    default: break;
    }
    anl_status st = options_has(t->o, "no-test") ? ANL_OK : train_scores_make(&t->run, &t->job, &t->loop, options_has(t->o, "json"));
    if (st != ANL_OK) return command_fail(t->ctx, st);
    if (t->run.dir) say_where(t, s->seconds);
    return EXIT_DONE;
}

/* ---- the command ----------------------------------------------------------------------------- */

/* Epochs behind the end of such a schedule would have no rate. */
static bool falls_to_nothing(const recipe *r)
{
    const char *name = recipe_text(r, "schedule.name");
    bool falls = !strcmp(name, "cosine") || !strcmp(name, "one-cycle") || !strcmp(name, "polynomial");
    return falls && recipe_real(r, "schedule.final") == 0;
}

/* How a run that is finished may be trained on. */
static void say_more(train *t, bool over, bool early)
{
    if (!over && !early && falls_to_nothing(t->recipe))
        fprintf(stderr, "Its %s schedule is at its end: more epochs are a new run (another train.epochs; train.init=%s begins with these weights).\n",
                recipe_text(t->recipe, "schedule.name"), t->run.path);
    else if (over) fprintf(stderr, "Train on with: anneal train %s train.hours=%g --change\n", run_word(&t->run), 2 * recipe_real(t->recipe, "train.hours"));
    else if (early) fprintf(stderr, "Train on with: anneal train %s early_stop.patience=%lld --change\n", run_word(&t->run), 2 * (long long)recipe_int(t->recipe, "early_stop.patience"));
    else fprintf(stderr, "Train on with: anneal train %s train.epochs=%lld --change\n", run_word(&t->run), 2 * (long long)recipe_int(t->recipe, "train.epochs"));
}

/* *finished: there is nothing to train, and all is said. */
static anl_status run_is_finished(train *t, bool *finished)
{
    anl__loop_state s;
    anl__loop_state_load(&s, t->run.from);
    int64_t end = anl__loop_state_finished(&s, recipe_int(t->recipe, "train.epochs"), recipe_int(t->recipe, "early_stop.patience"));
    double hours = recipe_real(t->recipe, "train.hours");
    bool over = hours > 0 && s.seconds >= hours * 3600;
    *finished = end || over;
    if (!*finished) return ANL_OK;
    fprintf(stderr, "%s is finished: %lld epochs, %lld steps%s\n", t->run.path, (long long)s.epoch, (long long)s.step, end == 2 ? ", stopped early" : over ? ", train.hours used up" : "");
    ANL_TRY(train_scores_again(&t->run, options_has(t->o, "json")));
    say_where(t, s.seconds);
    say_more(t, over, end == 2);
    return ANL_OK;
}

static anl_status say_notes(train *t, anl_status (*find)(const job *j, anl__buf *out))
{
    anl__buf notes;
    anl__buf_init(&notes, t->ctx);
    anl_status st = find(&t->job, &notes);
    if (st == ANL_OK && notes.len) fputs(notes.text, stderr);
    anl__buf_release(&notes);
    return st;
}

/* By itself the best checkpoint is chosen by what is measured here. A run goes on with what it began with, which its checkpoints say: a
   resolved recipe has every key, so that one that was not written looks as if it had been. (Those before 2026-11-28 do not say it.) */
static void choose_best(train *t)
{
    static const char *const by[] = {[ANL__SCORE_CLASSES] = "valid.accuracy", [ANL__SCORE_VALUES] = "valid.rmse", [ANL__SCORE_TOKENS] = "valid.bits"};
    anl__loop_opts *l = &t->loop;
    const char *begun = t->run.from ? anl__ckpt_text(t->run.from, "best.metric", NULL) : NULL;
    bool unmeasured = l->kind == ANL__SCORE_VALUES && !strcmp(l->best_metric, by[ANL__SCORE_CLASSES]);
    if (begun) l->best_metric = *begun ? begun : NULL;
    else if (unmeasured || !recipe_is_set(t->recipe, "checkpoint.metric")) l->best_metric = l->valid.samples ? by[l->kind] : NULL;
}

static anl_status prepare(train *t)
{
    job *j = &t->job;
    char *init_report = NULL;
    int64_t limit = 0;
    char why[256];
    int64_t until = 0;
    if (!options_int(t->o, "limit-batches", 0, 1, INT32_MAX, &limit, why) || !options_int(t->o, "until", 0, 1, INT32_MAX, &until, why)) return anl__fail(t->ctx, ANL_INVALID, "%s", why);
    ANL_TRY(decide(t->ctx, t->recipe, t->run.dir));
    job_opts jo = {.train = true, .no_test = options_has(t->o, "no-test"), .limit_batches = limit, .overfit = options_has(t->o, "overfit-batch") ? recipe_int(t->recipe, "train.batch") : 0};
    ANL_TRY(job_open(t->ctx, t->recipe, &jo, j));
    if (t->run.from) j->plans = anl__ckpt_text(t->run.from, "plans", NULL);
    ANL_TRY(say_notes(t, job_notes));
    ANL_TRY(say_notes(t, job_parts_note));
    if (!t->run.from) ANL_TRY(say_notes(t, job_idle_notes)); /* a resolved recipe has every key */
    ANL_TRY(loop_from_recipe(t));
    t->loop.limit_batches = limit;
    t->loop.pause_epoch = until;
    ANL_TRY(job_compile(j, true, j->sequence && j->sequence->pairs));
    ANL_TRY(say_notes(t, job_device_notes));
    if (*anl__trainer_data_note(j->trainer)) fprintf(stderr, "%s\n", anl__trainer_data_note(j->trainer));
    t->loop.trainer = j->trainer;
    t->loop.train = j->part[JOB_TRAIN].feed;
    t->loop.valid = j->part[JOB_VALID].feed;
    t->loop.outputs = (int)anl__trainer_columns(j->trainer);
    t->loop.kind = j->kind;
    t->loop.whole_targets = j->whole_targets;
    choose_best(t);
    if (j->sequence) t->progress.unit = "sequences";
    ANL_TRY(describe_job(t));
    tell(t, &t->loop);
    if (!t->run.from) {
        ANL_TRY(job_init(j, &init_report));
        if (init_report) fprintf(stderr, "train.init:\n%s", init_report);
        anl__free(t->ctx, init_report);
    } else {
        ANL_TRY(check_resume(t));
    }
    t->loop.dir = t->run.dir;
    t->loop.from = t->run.from;
    const char *preempt = recipe_text(t->recipe, "preempt.command");
    if (preempt && t->run.dir) ANL_TRY(anl__watch_start(t->ctx, preempt, 5, &t->watch));
    t->loop.preempt = t->watch;
    if (!t->run.dir) return ANL_OK;
    run_begins(&t->run);
    return store_environment(t);
}

/* Prints what went wrong, and sees to what is left of it. */
static int failed(train *t, anl_status st)
{
    int code = command_fail(t->ctx, st);
    bool trained = t->result.state.step > (t->run.from ? anl__ckpt_step(t->run.from) : 0);
    if (trained) train_report_end(&t->page, &t->result, anl_last_error(t->ctx));
    if (t->run.dir) run_failed(&t->run, trained, anl_last_error(t->ctx));
    return code;
}

static int train_job(train *t)
{
    anl_status st = prepare(t);
    if (st != ANL_OK) return failed(t, st);
    if (options_has(t->o, "dry-run")) {
        st = dry_run(&t->job, &t->loop);
        return st == ANL_OK ? EXIT_DONE : command_fail(t->ctx, st);
    }
    anl__signals_install();
    train_report_begin(&t->page, t->run.dir ? t->run.path : NULL, t->recipe, t->loop.best_metric, options_has(t->o, "no-test"));
    st = anl__loop_run(t->ctx, &t->loop, &t->result);
    progress_end(&t->progress);
    if (anl__signals_stop() > 1) return EXIT_TWICE;
    if (st != ANL_OK) return failed(t, st);
    int code = ended(t);
    train_report_end(&t->page, &t->result, NULL);
    return code;
}

/* For the first line: where `device: auto` trains, and why not on a GPU. */
static void say_device(train *t, char *out, size_t size)
{
    anl_device *dev;
    anl_device_opts o = anl_device_opts_default();
    o.threads = 1;
    *out = 0;
    if (strcmp(recipe_text(t->recipe, "device"), "auto")) return;
    if (anl_device_open(t->ctx, "cuda", &o, &dev) == ANL_OK) {
        anl_device_close(dev);
        int n = job_devices(t->ctx, t->recipe);
        if (n > 1) snprintf(out, size, ", on %d cuda devices", n);
        else snprintf(out, size, ", on cuda");
    } else {
        snprintf(out, size, ", on the CPU (%s)", anl_last_error(t->ctx));
    }
}

static int with_run(train *t)
{
    const options *o = t->o;
    run_opts ro = {.what = o->arg[0], .dir = options_text(o, "run", NULL), .override = o->override, .n_override = o->n_override, .change = options_has(o, "change")};
    anl_status st = run_open(t->ctx, &ro, &t->run);
    if (st != ANL_OK) return command_fail(t->ctx, st);
    t->recipe = t->run.recipe;
    char where[512];
    if (t->run.from) {
        bool finished;
        st = run_is_finished(t, &finished);
        if (st != ANL_OK || finished) return st == ANL_OK ? EXIT_DONE : command_fail(t->ctx, st);
        say_device(t, where, sizeof where);
        fprintf(stderr, "%s: resumed at step %lld (epoch %lld)%s%s\n", t->run.path, (long long)anl__ckpt_step(t->run.from), (long long)anl__ckpt_int(t->run.from, "loop.epoch", 0) + 1, t->run.from_where, where);
    } else {
        say_device(t, where, sizeof where);
        fprintf(stderr, "%s: a new run%s\n", t->run.path, where);
    }
    return train_job(t);
}

static int without_run(train *t)
{
    const options *o = t->o;
    anl_status st = anl__path_is_dir(o->arg[0]) ? run_recipe(t->ctx, o->arg[0], o->override, o->n_override, &t->loose)
                                                : recipe_load(t->ctx, o->arg[0], o->override, o->n_override, &t->loose);
    if (st != ANL_OK) return command_fail(t->ctx, st);
    t->recipe = t->loose;
    fprintf(stderr, "a trial: no run is written\n");
    return train_job(t);
}

/* A trial of a sweep below a launcher: when a driver is killed, the kernel ends the launcher, and this process is left behind.
 * It then gets SIGTERM: at once while nothing is trained yet, later with a checkpoint. */
static void end_with_launcher(void)
{
    int sig = 0;
    if (anl__environment("ANNEAL_SWEEP") && !prctl(PR_GET_PDEATHSIG, &sig) && !sig) prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static int run_train(const options *o)
{
    train *t = calloc(1, sizeof *t);
    end_with_launcher();
    if (!t || !(t->ctx = command_ctx())) {
        free(t);
        fprintf(stderr, "anneal: out of memory\n");
        return EXIT_ERROR;
    }
    t->o = o;
    t->progress = progress_make();
    anl__buf_init(&t->dump, t->ctx);
    anl__buf_init(&t->names, t->ctx);
    anl__buf_init(&t->device, t->ctx);
    anl__buf_init(&t->plans, t->ctx);
    bool trial = options_has(o, "dry-run") || options_has(o, "overfit-batch") || options_has(o, "limit-batches");
    int code = trial ? without_run(t) : with_run(t);
    anl__watch_stop(t->watch);
    train_report_close(&t->page);
    job_close(&t->job);
    for (int k = 0; k <= ANL_MORE_INPUTS; k++) anl__free(t->ctx, t->norm[k]);
    anl__buf_release(&t->dump);
    anl__buf_release(&t->names);
    anl__buf_release(&t->device);
    anl__buf_release(&t->plans);
    run_close(&t->run);
    recipe_free(t->loose);
    anl_ctx_destroy(t->ctx);
    free(t);
    return code;
}

const command command_train = {
    .name = "train", .args = "RECIPE|RUN [key=value ...]", .summary = "trains what a recipe describes; the same command again goes on where it stopped",
    .details = "Interrupted (Ctrl-C, SIGTERM) it writes a checkpoint and ends with 75; killed, it goes on from the last checkpoint; finished, it says so.",
    .options = train_options, .min_args = 1, .max_args = 1, .overrides = true, .run = run_train,
};
