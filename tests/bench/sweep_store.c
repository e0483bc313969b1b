/* What a sweep itself costs: proposals, the store's transactions and the log, for trials whose results are
 * free. Prints; is no test. Usage: sweep_store_bench SAMPLER TRIALS
 */
#include "tests/common/scratch.h"
#include "tools/sweep/seen.h"
#include "tests/common/timing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char base[] = "data: {path: none}\n";
static const char text[] = "base: base.yaml\nspace:\n  optim.lr: {low: 1e-5, high: 1, log: true}\n  "
                           "optim.weight_decay: {low: 0, high: 1}\n"
                           "  train.batch: [16, 32, 64]\n  optim.name: [sgd, adam]\n  optim.momentum: {low: "
                           "0, high: 1, when: {optim.name: sgd}}\n"
                           "objective: valid.loss\nbudget: {trials: 1000000}\nsampler: ";

/* Seconds of a processor, which other programs on the machine do not lengthen. */
static double computing(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool write_file(const char *dir, const char *name, const char *a, const char *b)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    return f && fprintf(f, "%s%s\n", a, b) > 0 && !fclose(f);
}

/* One trial: proposed, in the store; then its row and its end. */
static anl_status one(sweep_state *s, store *db, int64_t k, double *proposing)
{
    double point[SPACE_MAX_AXES], before = now();
    sweep_trial *t;
    ANL_TRY(seen_propose(s, k, -1, point));
    *proposing += now() - before;
    ANL_TRY(sweep_state_add(s, k, "sampler", point, &t));
    ANL_TRY(store_begin(db));
    ANL_TRY(store_put_trial(db, s->recipe, t));
    ANL_TRY(store_log(
        db, &(log_entry){.kind = "propose", .trial = k, .seen = -1, .value = NAN, .why = "sampler"}));
    ANL_TRY(store_commit(db));
    t->status = STATUS_COMPLETE;
    t->objective[0] = pow(log10(point[0]) + 3, 2) + point[1];
    trial_row row = {.epoch = 1, .value = {t->objective[0]}};
    ANL_TRY(store_begin(db));
    ANL_TRY(sweep_trial_add_row(s, t, &row));
    ANL_TRY(store_put_row(db, s->recipe, t, &row));
    ANL_TRY(store_put_trial(db, s->recipe, t));
    ANL_TRY(store_log(
        db,
        &(log_entry){.kind = "end", .trial = k, .seen = -1, .value = t->objective[0], .why = "complete"}));
    return store_commit(db);
}

static anl_status run(anl_ctx *ctx, const char *dir, const char *name, int64_t n)
{
    char path[512];
    sweep_recipe *r = NULL;
    store *db = NULL;
    sweep_state s = {0};
    double proposing = 0, began, seconds, work;
    snprintf(path, sizeof path, "%s/s.yaml", dir);
    anl_status st = sweep_recipe_load(ctx, path, NULL, &r);
    if (st == ANL_OK) st = store_open(ctx, dir, true, &db);
    if (st == ANL_OK) st = sweep_state_load(ctx, r, db, &s);
    began = now();
    work = computing();
    for (int64_t k = 0; k < n && st == ANL_OK; k++) st = one(&s, db, k, &proposing);
    seconds = now() - began;
    work = computing() - work;
    if (st == ANL_OK)
        printf("%s, %lld trials: %.2f s, %.3f ms a trial, of which proposals %.3f ms; %.2f s and %.3f ms of a processor\n",
               name, (long long)n, seconds, 1e3 * seconds / (double)n, 1e3 * proposing / (double)n, work,
               1e3 * work / (double)n);
    if (s.ctx) sweep_state_free(&s);
    store_close(db);
    sweep_recipe_free(r);
    return st;
}

int main(int argc, char **argv)
{
    char dir[SCRATCH_PATH];
    anl_ctx *ctx = anl_ctx_create();
    if (argc != 3 || !ctx || !scratch_make(dir, "bench") || !write_file(dir, "base.yaml", base, "") ||
        !write_file(dir, "s.yaml", text, argv[1])) {
        fprintf(stderr, "usage: sweep_store_bench SAMPLER TRIALS\n");
        return 2;
    }
    anl_status st = run(ctx, dir, argv[1], strtoll(argv[2], NULL, 10));
    if (st != ANL_OK) fprintf(stderr, "%s\n", anl_last_error(ctx));
    anl_ctx_destroy(ctx);
    return !scratch_remove(dir) || st != ANL_OK;
}
