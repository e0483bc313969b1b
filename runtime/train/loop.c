/* The training loop; see loop.h. What it decides by is in anl__loop_state, all of it, and so in every checkpoint. */
#include "loop.h"

#include "../graph/net.h"
#include "../state/signals.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ROW = 48, MOST_ROLLBACKS = 8, MOST_BAD_ROW = 100 };

typedef struct loop {
    anl_ctx *ctx;
    const anl__loop_opts *o;
    anl__loop_state s;
    anl__cadence every;
    anl__capture *capture;
    anl__writer *writer;
    anl__mlog *log;
    anl__scores *scores;
    anl__ckpt_attr *attr;
    int64_t batches;       /* of an epoch */
    double asked; /* when a stop was noticed */
    double began; /* monotonic seconds, of this process's training */
    int64_t begin_samples; /* samples seen by this process */
    anl__mlog_field row[ROW];
    int n_row;
} loop;

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

anl__loop_opts anl__loop_opts_default(void)
{
    return (anl__loop_opts){.epochs = 10, .lr = 1e-3, .schedule = anl__schedule_default(), .stop_metric = "valid.loss", .best_metric = "valid.accuracy",
                            .topk = 5, .log_every = 100, .tensorboard = true, .writer = {.keep = 2, .command_timeout_s = 300, .command_retries = 2}};
}

bool anl__metric_lower(const char *name)
{
    const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name;
    return !strcmp(last, "loss") || !strcmp(last, "rmse") || !strcmp(last, "mae") || !strcmp(last, "bits");
}

static void say(const loop *l, const char *fmt, ...) ANL_FORMAT(2, 3);
static void say(const loop *l, const char *fmt, ...)
{
    if (!l->o->on_message) return;
    va_list ap;
    char line[1024];
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    l->o->on_message(l->o->user, line);
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

static double trained(const loop *l) { return l->s.seconds + (now_seconds() - l->began); }

static void pass_on_warnings(loop *l)
{
    const char *w;
    while (l->writer && (w = anl__writer_warning(l->writer))) say(l, "warning: %s", w);
    if (l->o->preempt && (w = anl__watch_warning(l->o->preempt))) say(l, "warning: preempt.command: %s", w);
}

/* Logs are on the disk first, and their length is in the checkpoint. */
static anl_status save(loop *l, bool best, bool durable)
{
    if (!l->writer) return ANL_OK;
    anl__mlog_mark mark;
    ANL_TRY(anl__mlog_sync(l->log, &mark));
    anl__loop_state s = l->s;
    s.seconds = trained(l);
    s.log_jsonl = mark.jsonl;
    s.log_csv = mark.csv;
    s.log_events = mark.events;
    anl__ckpt_content c = {.step = s.step, .attr = l->attr};
    c.n_attr = anl__loop_state_save(&s, l->attr);
    for (int i = 0; i < l->o->n_extra_attr; i++) l->attr[c.n_attr++] = l->o->extra_attr[i];
    ANL_TRY(anl__capture_take(l->capture, &c.tensor, &c.n_tensor));
    ANL_TRY(anl__writer_submit(l->writer, &c, best));
    l->every.last_seconds = now_seconds();
    l->every.last_step = s.step;
    pass_on_warnings(l);
    return durable ? anl__writer_wait(l->writer) : ANL_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void put(loop *l, const char *name, double value, bool integer)
{
    if (l->n_row < ROW) l->row[l->n_row++] = (anl__mlog_field){.name = name, .value = value, .integer = integer};
}

static void put_scores(loop *l, anl__scores *sc)
{
    anl__score_summary s;
    anl__scores_summary(sc, &s);
    put(l, "valid.loss", s.loss, false);
    if (l->o->kind == ANL__SCORE_TOKENS) {
        put(l, "valid.accuracy", s.accuracy, false);
        put(l, "valid.bits", s.bits, false);
        put(l, "valid.perplexity", s.perplexity, false);
    } else if (l->o->kind == ANL__SCORE_CLASSES) {
        put(l, "valid.accuracy", s.accuracy, false);
        if (anl__scores_topk(sc)) put(l, "valid.topk", s.topk, false);
        put(l, "valid.macro_f1", s.macro_f1, false);
        if (!isnan(s.macro_auc)) put(l, "valid.auc", s.macro_auc, false);
        double rarest = anl__scores_class(sc, anl__scores_rarest(sc)).average_precision;
        if (!isnan(rarest)) put(l, "valid.average_precision", rarest, false);
    } else {
        put(l, "valid.rmse", s.rmse, false);
        put(l, "valid.mae", s.mae, false);
        put(l, "valid.r2", s.r2, false);
    }
    const anl__heads *heads = anl__scores_heads(sc);
    for (int i = 0; i < heads->n; i++) {
        put(l, heads->head[i].loss_name, anl__head_loss(&heads->head[i]), false);
        if (heads->head[i].at[2] >= 0) put(l, heads->head[i].accuracy_name, anl__head_accuracy(&heads->head[i]), false);
    }
}

static bool row_value(const loop *l, const char *name, double *out)
{
    for (int i = 0; i < l->n_row; i++)
        if (!strcmp(l->row[i].name, name)) {
            *out = l->row[i].value;
            return true;
        }
    return false;
}

/* Without a validation part its metrics are those of training. */
static anl_status metric(loop *l, const char *key, const char *name, double *out)
{
    char train[64];
    if (row_value(l, name, out)) return ANL_OK;
    if (!l->o->valid.samples && !strncmp(name, "valid.", 6)) {
        snprintf(train, sizeof train, "train.%s", name + 6);
        if (row_value(l, train, out)) return ANL_OK;
    }
    anl__buf b;
    anl__buf_init(&b, l->ctx);
    for (int i = 0; i < l->n_row; i++)
        if (strchr(l->row[i].name, '.')) anl__buf_add(&b, " %s", l->row[i].name);
    anl_status st = anl__fail(l->ctx, ANL_RECIPE, "%s = '%s' is not measured here; there are:%s", key, name, b.text);
    anl__buf_release(&b);
    return st;
}

/* ---- one step -------------------------------------------------------------------------------- */

static double rate_at(const loop *l, int64_t step)
{
    const anl__loop_opts *o = l->o;
    return anl__schedule_rate(&o->schedule, o->lr, step, l->s.total_steps, l->batches) * l->s.plateau.factor * l->s.lr_factor;
}

/* At the rate floor of schedule.min_lr plateau has no further effect. */
static double floored(const loop *l, double lr)
{
    double floor = l->o->schedule.min_lr;
    return lr < floor && l->s.plateau.factor < 1 ? floor : lr;
}

static anl_status log_step(loop *l, const anl__step_result *r, double lr)
{
    const anl__loop_opts *o = l->o;
    bool due = o->log_every > 0 && l->s.step % o->log_every == 0;
    if (!l->log || (!due && r->finite)) return ANL_OK;
    anl__mlog_field f[6] = {{.name = "epoch", .value = (double)(l->s.epoch + 1), .integer = true}, {.name = "lr", .value = lr},
                            {.name = "step.loss", .value = r->loss_den > 0 ? r->loss_num / r->loss_den : NAN}, {.name = "grad_norm", .value = r->norm},
                            {.name = "finite", .value = r->finite, .integer = true}, {.name = "loss_scale", .value = r->scale}};
    return anl__mlog_row(l->log, "step", l->s.step, f, r->scale > 0 ? 6 : 5);
}

static anl_status diverged(loop *l, const anl__step_result *r, double lr, const char *why)
{
    const char *name = r->bad_param >= 0 ? anl_net_param(anl__trainer_net(l->o->trainer), r->bad_param).name : NULL;
    return anl__fail(l->ctx, ANL_NONFINITE,
                     "training diverged at step %lld (epoch %lld, batch %lld, learning rate %.6g): loss %g, gradient norm %g%s%s%s; %s%s. "
                     "No weight has moved by it. Try a smaller optim.lr, schedule.warmup, train.clip_norm, or train.nonfinite=rollback",
                     (long long)l->s.step, (long long)l->s.epoch + 1, (long long)l->s.batch, lr, r->loss_den > 0 ? r->loss_num / r->loss_den : NAN, r->norm,
                     name ? ", first bad gradient in '" : "", name ? name : "", name ? "'" : "", why, r->scale > 0 ? ", and no smaller loss scale helps fp16" : "");
}

/* Back to the state at the epoch's beginning, with half the rate. What was written since is removed, so that a kill at
   any moment leads to the same again. */
static anl_status roll_back(loop *l)
{
    anl__ckpt *c;
    anl__arena *a;
    char *dir;
    anl_status st = ANL_OK;
    ANL_TRY(anl__writer_wait(l->writer));
    ANL_TRY(anl__arena_create(l->ctx, &a));
    dir = anl__run_dir_file(l->o->dir, a, "checkpoints");
    int64_t step = dir ? anl__ckpt_pointed(l->ctx, dir, "rollback") : -1;
    char *path = dir ? anl__ckpt_name(a, dir, step) : NULL;
    if (!path) st = ANL_NOMEM;
    if (st == ANL_OK) st = anl__ckpt_open(l->ctx, path, &c);
    if (st == ANL_OK) {
        double seconds = trained(l);
        int64_t bad = l->s.bad_steps, overflows = l->s.overflows, resumes = l->s.resumes;
        st = anl__capture_restore(l->o->trainer, c, true, false);
        anl__loop_state_load(&l->s, c);
        anl__ckpt_close(c);
        l->s.seconds = seconds;
        l->began = now_seconds();
        l->s.bad_steps = bad;
        l->s.overflows = overflows;
        l->s.resumes = resumes;
        l->s.rollbacks++;
        l->s.lr_factor *= 0.5;
    }
    if (st == ANL_OK) st = anl__writer_remove_after(l->writer, step);
    if (st == ANL_OK) {
        anl__mlog_mark mark = {l->s.log_jsonl, l->s.log_csv, l->s.log_events};
        anl__mlog_close(l->log);
        l->log = NULL;
        st = anl__mlog_open(l->ctx, anl__run_dir_path(l->o->dir), l->o->tensorboard, &mark, &l->log);
    }
    anl__arena_destroy(a);
    if (st != ANL_OK) return st;
    anl__mlog_field f[2] = {{.name = "rollback", .value = (double)l->s.rollbacks, .integer = true}, {.name = "lr_factor", .value = l->s.lr_factor}};
    ANL_TRY(anl__mlog_row(l->log, "event", l->s.step, f, 2));
    say(l, "a step was not finite: back to step %lld with %g of the learning rate (rollback %lld of %d)", (long long)l->s.step, l->s.lr_factor,
        (long long)l->s.rollbacks, MOST_ROLLBACKS);
    return save(l, false, true);
}

static anl_status on_overflow(loop *l, const anl__step_result *r)
{
    l->s.overflows++;
    say(l, "step %lld overflowed in fp16 and is left out; the loss scale is now %g (%lld so far)", (long long)l->s.step, r->scale, (long long)l->s.overflows);
    return ANL_OK;
}

/* Sets *again when the epoch must be started anew. */
static anl_status on_bad_step(loop *l, const anl__step_result *r, double lr, bool *again)
{
    l->s.bad_steps++;
    l->s.bad_row++;
    switch (l->o->nonfinite) {
    case ANL__NONFINITE_SKIP:
        if (l->s.bad_row >= MOST_BAD_ROW) return diverged(l, r, lr, "100 steps in a row were skipped");
        say(l, "step %lld was not finite and is skipped (%lld so far)", (long long)l->s.step, (long long)l->s.bad_steps);
        return ANL_OK;
    case ANL__NONFINITE_ROLLBACK:
        if (!l->writer) return diverged(l, r, lr, "there is no run directory to roll back to");
        if (l->s.rollbacks >= MOST_ROLLBACKS) return diverged(l, r, lr, "the learning rate was halved 8 times");
        *again = true;
        return roll_back(l);
    default: return diverged(l, r, lr, "train.nonfinite is stop");
    }
}

/* Of the epoch so far: tokens count in the loss's denominator. */
static double accuracy(const loop *l)
{
    double n = l->o->kind == ANL__SCORE_TOKENS ? l->s.loss_den : (double)l->s.samples;
    return n > 0 ? l->s.correct / n : NAN;
}

static void progress(loop *l, const anl__step_result *r, double lr)
{
    const anl__loop_opts *o = l->o;
    if (!o->on_step) return;
    double spent = now_seconds() - l->began, done = (double)l->begin_samples;
    int64_t left = (o->epochs - l->s.epoch) * l->batches - l->s.batch;
    double per_second = spent > 0 ? done / spent : 0;
    anl__progress p = {.epoch = l->s.epoch + 1, .epochs = o->epochs, .batch = l->s.batch, .batches = l->batches, .step = l->s.step,
                       .loss = l->s.loss_den > 0 ? l->s.loss_num / l->s.loss_den : NAN,
                       .accuracy = accuracy(l), .lr = lr, .norm = r->norm, .finite = r->finite,
                       .samples_per_second = per_second,
                       .seconds_left = per_second > 0 ? (double)left * (double)o->train.batch / per_second : 0};
    o->on_step(o->user, &p);
}

/* What a step over n samples gave. */
static anl_status take(loop *l, const anl__step_result *r, double lr, int64_t n, bool *again)
{
    l->s.step++;
    l->s.batch++;
    l->begin_samples += n;
    if (r->finite || r->overflow) { /* the loss of an overflow is sound */
        l->s.bad_row = 0;
        l->s.loss_num += r->loss_num;
        l->s.loss_den += r->loss_den;
        l->s.correct += r->correct;
        l->s.samples += n;
    }
    ANL_TRY(log_step(l, r, lr));
    progress(l, r, lr);
    if (r->finite) return ANL_OK;
    return r->overflow ? on_overflow(l, r) : on_bad_step(l, r, lr, again);
}

/* Steps that may follow each other before the host looks at what they gave: to the next row of the log, checkpoint or end of the epoch. */
static int until_boundary(const loop *l)
{
    const anl__loop_opts *o = l->o;
    int64_t n = anl__trainer_most_ahead(o->trainer), left = l->batches - l->s.batch;
    if (n > left) n = left;
    if (l->log && o->log_every > 0 && n > o->log_every - l->s.step % o->log_every) n = o->log_every - l->s.step % o->log_every;
    if (l->writer && l->every.kind == ANL__EVERY_STEPS) {
        int64_t due = l->every.last_step + (int64_t)l->every.amount - l->s.step;
        if (n > due) n = due;
    }
    return n > 1 ? (int)n : 1;
}

/* The next steps, all of them from one wait to the next. A signal ends them at the next step. Those that are behind a step after which the
   loop ends or goes back are as if they had not been: nothing of them is looked at, and no checkpoint is taken of them. */
static anl_status some_steps(loop *l, bool *over, bool *again)
{
    const anl__feed *f = &l->o->train;
    double lr[ANL__MOST_AHEAD];
    int64_t samples[ANL__MOST_AHEAD];
    anl__step_result r[ANL__MOST_AHEAD];
    int n = until_boundary(l), done = 0;
    for (int i = 0; i < n; i++) lr[i] = floored(l, rate_at(l, l->s.step + i));
    anl__launch launch = {.n = n, .step = l->s.step + 1, .epoch = l->s.epoch, .first = l->s.batch * f->batch, .batch = f->batch, .lr = lr};
    ANL_TRY(anl__trainer_begin(l->o->trainer, &launch));
    while (done < n && !(done && anl__signals_stop())) {
        anl__feed_batch b = {0};
        ANL_TRY(f->next(f->self, &b));
        *over = !b.n;
        if (*over) break;
        samples[done++] = b.n;
        anl_status st = anl__trainer_enqueue(l->o->trainer, &b);
        f->release(f->self, &b);
        ANL_TRY(st);
    }
    if (!done) return ANL_OK;
    ANL_TRY(anl__trainer_results(l->o->trainer, r));
    for (int i = 0; i < done && !*again; i++) ANL_TRY(take(l, &r[i], lr[i], samples[i], again));
    return ANL_OK;
}

/* ---- an epoch -------------------------------------------------------------------------------- */

/* Does something ask to stop at this step boundary? */
static bool stopping(loop *l, anl__loop_end *end)
{
    if (anl__signals_stop()) *end = ANL__END_INTERRUPTED;
    else if (l->o->preempt && anl__watch_hit(l->o->preempt)) *end = ANL__END_PREEMPTED;
    else if (l->o->hours > 0 && trained(l) >= l->o->hours * 3600) *end = ANL__END_BUDGET;
    else return false;
    if (!l->asked) l->asked = now_seconds();
    return true;
}

static anl_status train_epoch(loop *l, bool *stop, bool *again, anl__loop_end *end)
{
    const anl__feed *f = &l->o->train;
    ANL_TRY(f->start(f->self, l->s.epoch, l->s.batch));
    for (bool over = false; l->s.batch < l->batches && !*stop && !*again;) {
        ANL_TRY(some_steps(l, &over, again));
        if (*again) break;
        if (over && l->s.batch < l->batches)
            return anl__fail(l->ctx, ANL_INTERNAL, "the data of epoch %lld ended after %lld of %lld batches", (long long)l->s.epoch + 1, (long long)l->s.batch, (long long)l->batches);
        *stop = stopping(l, end);
        double cost = l->writer ? anl__writer_seconds(l->writer) : 0;
        if (l->writer && !*stop && l->s.batch < l->batches && l->every.kind != ANL__EVERY_EPOCHS &&
            (anl__cadence_due(&l->every, now_seconds(), l->s.step, -1, cost) || anl__signals_checkpoint()))
            ANL_TRY(save(l, false, false));
    }
    return ANL_OK;
}

/* Batches of an evaluation that are under way, the oldest first: as many as there are devices, and as the feed gives out. */
typedef struct flight {
    anl__trainer *trainer;
    const anl__feed *feed;
    anl__scores *scores;
    anl__feed_batch batch[ANL__MOST_PLACES];
    int places;
    int64_t begun, ended;
} flight;

static anl_status land(flight *a)
{
    anl__eval_result r;
    int place = (int)(a->ended++ % a->places);
    anl__feed_batch *b = &a->batch[place];
    anl_status st = anl__trainer_eval_end(a->trainer, place, &r);
    if (st == ANL_OK) {
        if (anl__scores_kind(a->scores) == ANL__SCORE_TOKENS) anl__scores_add_tokens(a->scores, r.correct, r.loss_den, b->n);
        else anl__scores_add(a->scores, r.logits, b->label, b->n);
        anl__scores_add_loss(a->scores, r.loss_num, r.loss_den);
        st = anl__trainer_eval_heads(a->trainer, place, anl__scores_heads(a->scores));
    }
    a->feed->release(a->feed->self, b);
    return st;
}

static anl_status fly(flight *a, bool ema)
{
    for (;;) {
        int place = (int)(a->begun % a->places);
        if (a->begun - a->ended == a->places) ANL_TRY(land(a));
        a->batch[place] = (anl__feed_batch){0};
        ANL_TRY(a->feed->next(a->feed->self, &a->batch[place]));
        if (!a->batch[place].n) return ANL_OK;
        a->begun++;
        ANL_TRY(anl__trainer_eval_begin(a->trainer, place, &a->batch[place], ema));
    }
}

anl_status anl__loop_evaluate(anl__trainer *t, const anl__feed *f, bool ema, anl__scores *scores)
{
    flight a = {.trainer = t, .feed = f, .scores = scores, .places = anl__trainer_eval_places(t)};
    if (a.places > (f->held > 1 ? f->held : 1)) a.places = f->held > 1 ? f->held : 1;
    if (a.places > ANL__MOST_PLACES) a.places = ANL__MOST_PLACES;
    anl__scores_reset(scores);
    anl__heads_find(anl__trainer_net(t), anl__scores_heads(scores));
    ANL_TRY(f->start(f->self, 0, 0));
    anl_status st = fly(&a, ema);
    while (st == ANL_OK && a.ended < a.begun) st = land(&a);
    for (; a.ended < a.begun; a.ended++) f->release(f->self, &a.batch[a.ended % a.places]);
    return st;
}

static void begin_row(loop *l)
{
    double loss = l->s.loss_den > 0 ? l->s.loss_num / l->s.loss_den : NAN;
    l->n_row = 0;
    put(l, "epoch", (double)(l->s.epoch + 1), true);
    put(l, "lr", floored(l, rate_at(l, l->s.step - 1)), false); /* of its last step */
    put(l, "train.loss", loss, false);
    if (l->o->kind != ANL__SCORE_VALUES) put(l, "train.accuracy", accuracy(l), false);
}

static bool paused(const loop *l) { return l->o->pause_epoch > 0 && l->s.epoch >= l->o->pause_epoch; }

/* After an epoch's last step: validation, best, plateau, patience, the row, a checkpoint. */
static anl_status end_epoch(loop *l, bool *stop, anl__loop_end *end)
{
    const anl__loop_opts *o = l->o;
    double best, watched;
    begin_row(l);
    if (o->valid.samples) {
        ANL_TRY(anl__loop_evaluate(o->trainer, &o->valid, o->ema, l->scores));
        put_scores(l, l->scores);
    }
    put(l, "bad_steps", (double)l->s.bad_steps, true);
    if (anl__trainer_scaled(l->o->trainer)) put(l, "overflows", (double)l->s.overflows, true);
    put(l, "seconds", trained(l), false);
    put(l, "samples_per_second", (double)l->begin_samples / (now_seconds() - l->began + 1e-9), false);
    if (o->best_metric) ANL_TRY(metric(l, "checkpoint.metric", o->best_metric, &best));
    else best = (double)l->s.epoch; /* the later, the better */
    ANL_TRY(metric(l, "early_stop.metric", o->stop_metric, &watched));
    bool lower = o->best_metric && anl__metric_lower(o->best_metric), is_best = !isnan(best) && (isnan(l->s.best) || (lower ? best < l->s.best : best > l->s.best));
    if (is_best) {
        l->s.best = best;
        l->s.best_step = l->s.step;
        l->s.best_epoch = l->s.epoch + 1;
    }
    /* Patience counts epochs without a gain of min_delta in the watched metric; plateau does the same with its own patience. */
    anl__plateau before = l->s.plateau;
    anl__schedule watch = o->schedule;
    bool reduces = !strcmp(o->schedule.name, "plateau");
    if (!reduces) watch.patience = INT32_MAX;
    watch.min_delta = o->min_delta;
    bool reduced = anl__plateau_see(&watch, &l->s.plateau, watched, anl__metric_lower(o->stop_metric));
    bool gained = isnan(before.best) || l->s.plateau.best != before.best;
    l->s.waited = gained ? 0 : l->s.waited + 1;
    if (reduced) say(l, "epoch %lld: no gain in %s; the learning rate is %.3g of its schedule from now on", (long long)l->s.epoch + 1, o->stop_metric, l->s.plateau.factor);
    if (l->log) ANL_TRY(anl__mlog_row(l->log, "epoch", l->s.step, l->row, l->n_row));
    if (o->on_epoch) o->on_epoch(o->user, l->row, l->n_row, is_best);
    l->s.epoch++;
    l->s.batch = 0;
    l->s.loss_num = l->s.loss_den = l->s.correct = 0;
    l->s.samples = 0;
    bool early = o->patience > 0 && l->s.waited >= o->patience, last = l->s.epoch >= o->epochs;
    if (early && !last) {
        l->s.finished = 2;
        *end = ANL__END_EARLY;
    } else if (last) {
        l->s.finished = 1;
        *end = ANL__END_EPOCHS;
    } else if (paused(l)) {
        *end = ANL__END_PAUSED;
        *stop = true;
    }
    *stop = *stop || early || last;
    double cost = l->writer ? anl__writer_seconds(l->writer) : 0;
    bool pin = o->nonfinite == ANL__NONFINITE_ROLLBACK;
    if (is_best || pin || *stop || anl__cadence_due(&l->every, now_seconds(), l->s.step, l->s.epoch, cost)) ANL_TRY(save(l, is_best, pin || *stop));
    return ANL_OK;
}

/* With rollback every epoch begins with a checkpoint that is kept until the next. */
static anl_status pin_epoch(loop *l)
{
    if (l->o->nonfinite != ANL__NONFINITE_ROLLBACK || !l->writer || l->s.batch) return ANL_OK;
    anl__arena *a;
    if (anl__writer_step(l->writer) != l->s.step) ANL_TRY(save(l, false, true));
    ANL_TRY(anl__arena_create(l->ctx, &a));
    char *dir = anl__run_dir_file(l->o->dir, a, "checkpoints");
    anl_status st = dir ? anl__ckpt_point(l->ctx, dir, "rollback", l->s.step) : ANL_NOMEM;
    anl__arena_destroy(a);
    return st;
}

static anl_status epochs(loop *l, anl__loop_end *end)
{
    bool stop = false;
    while (!stop && l->s.epoch < l->o->epochs) {
        bool again = false;
        ANL_TRY(pin_epoch(l));
        ANL_TRY(train_epoch(l, &stop, &again, end));
        if (again) continue;
        if (l->s.batch >= l->batches) ANL_TRY(end_epoch(l, &stop, end));
        else if (stop) ANL_TRY(save(l, false, true));
    }
    return ANL_OK;
}

/* ---- beginning and ending -------------------------------------------------------------------- */

/* Rows may be lost with a disk while the checkpoint was saved elsewhere; that stops no run. */
static anl_status open_log(loop *l, anl__mlog_mark *mark)
{
    const char *dir = anl__run_dir_path(l->o->dir);
    anl_status st = anl__mlog_open(l->ctx, dir, l->o->tensorboard, l->o->from ? mark : NULL, &l->log);
    if (st != ANL_DATA) return st;
    say(l, "warning: %s", anl_last_error(l->ctx));
    ANL_TRY(anl__mlog_fit(l->ctx, dir, mark));
    return anl__mlog_open(l->ctx, dir, l->o->tensorboard, mark, &l->log);
}

/* Of epochs behind its end a schedule that falls to nothing makes nothing: that is to be known before they are trained. */
static void say_schedule(loop *l)
{
    const anl__loop_opts *o = l->o;
    double rate = anl__schedule_rate(&o->schedule, o->lr, l->s.total_steps, l->s.total_steps, l->batches);
    say(l, "train.epochs changed: the schedule keeps the %lld steps that it began with", (long long)l->s.total_steps);
    if (o->epochs * l->batches > l->s.total_steps && rate <= 1e-6 * o->lr)
        say(l, "warning: behind them the rate of %s is %.3g: the further epochs change no weight; a longer schedule is a new run "
               "(which train.init can begin with these weights)", o->schedule.name, rate);
}

static anl_status open_state(loop *l)
{
    const anl__loop_opts *o = l->o;
    if (o->from) {
        anl__loop_state_load(&l->s, o->from);
        ANL_TRY(anl__capture_restore(o->trainer, o->from, true, false));
        l->s.resumes++;
    }
    int64_t total = o->epochs * l->batches;
    if (l->s.total_steps && l->s.total_steps != total && l->s.epoch < o->epochs) say_schedule(l);
    if (!l->s.total_steps) l->s.total_steps = total;
    l->s.finished = anl__loop_state_finished(&l->s, o->epochs, o->patience);
    if (!o->dir) return ANL_OK;
    anl__mlog_mark mark = {l->s.log_jsonl, l->s.log_csv, l->s.log_events};
    ANL_TRY(open_log(l, &mark));
    ANL_TRY(anl__capture_create(l->ctx, o->trainer, o->extra_tensor, o->n_extra_tensor, &l->capture));
    anl__writer_opts w = o->writer;
    anl__arena *a;
    ANL_TRY(anl__arena_create(l->ctx, &a));
    w.dir = anl__run_dir_file(o->dir, a, "checkpoints");
    w.run = anl__run_dir_path(o->dir);
    anl_status st = w.dir ? anl__writer_create(l->ctx, &w, &l->writer) : ANL_NOMEM;
    anl__arena_destroy(a);
    return st;
}

static void close_state(loop *l)
{
    anl__writer_destroy(l->writer);
    anl__mlog_close(l->log);
    anl__capture_destroy(l->capture);
    anl__scores_destroy(l->scores);
    anl__free(l->ctx, l->attr);
}

anl_status anl__loop_run(anl_ctx *ctx, const anl__loop_opts *o, anl__loop_result *out)
{
    loop l = {.ctx = ctx, .o = o, .s = anl__loop_state_start(), .every = o->every};
    anl_status st;
    *out = (anl__loop_result){.end = ANL__END_EPOCHS};
    l.batches = anl__feed_batches(&o->train);
    if (o->limit_batches > 0 && o->limit_batches < l.batches) l.batches = o->limit_batches;
    ANL_TRY(anl__schedule_check(ctx, &o->schedule));
    l.attr = anl__calloc(ctx, (size_t)(ANL__LOOP_ATTRS + o->n_extra_attr), sizeof *l.attr);
    if (!l.attr) return ANL_NOMEM;
    ANL_GO(anl__scores_create(ctx, o->outputs, o->kind, o->topk, o->valid.samples <= 100000 && o->outputs <= 64 ? o->valid.samples : 0, &l.scores));
    if (o->kind == ANL__SCORE_VALUES && o->whole_targets) anl__scores_whole_targets(l.scores);
    ANL_GO(open_state(&l));
    l.began = now_seconds();
    l.every.last_seconds = l.began;
    l.every.last_step = l.s.step;
    if (l.s.finished) out->end = l.s.finished == 2 ? ANL__END_EARLY : ANL__END_EPOCHS;
    else if (o->hours > 0 && l.s.seconds >= o->hours * 3600) out->end = ANL__END_BUDGET;
    else if (paused(&l)) out->end = ANL__END_PAUSED;
    else ANL_GO(epochs(&l, &out->end));
    if (l.writer) ANL_GO(anl__writer_wait(l.writer));
    pass_on_warnings(&l);
    if (l.asked) out->signal_to_durable = now_seconds() - l.asked;
done:
    l.s.seconds = trained(&l);
    out->state = l.s;
    close_state(&l);
    return st;
}
