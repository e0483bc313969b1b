/* Lists of training, validation and test items (parts.h), on top of split.h's keyed draws. */
#include "datasets/parts.h"

#include <string.h>

static const char *const names[ANL__PARTS] = {"train", "valid", "test"};

int anl__part_find(const char *name)
{
    for (int p = 0; p < ANL__PARTS; p++)
        if (strcmp(names[p], name) == 0) return p;
    return -1;
}

const char *anl__part_name(int part)
{
    return names[part];
}

/* Moves a fraction (or count) of the groups that are still in the training part to `to`. */
static anl_status draw_one(anl_ctx *ctx, int64_t n, const int32_t *label, int classes, uint64_t seed, double fraction, int to, int32_t *part)
{
    anl__split s = {0};
    anl_status st = ANL_OK;
    int64_t left = 0;
    int64_t *id = anl__calloc(ctx, (size_t)n, sizeof *id);
    int32_t *kept = anl__calloc(ctx, (size_t)n, sizeof *kept);
    if (!id || !kept) ANL_GO(ANL_NOMEM);
    for (int64_t i = 0; i < n; i++) {
        if (part[i] != ANL__PART_TRAIN) continue;
        kept[left] = label ? label[i] : 0;
        id[left++] = i;
    }
    anl__split_opts o = anl__split_opts_default();
    o.seed = seed;
    if (fraction >= 1) o.count = (int64_t)fraction;
    else o.fraction = fraction;
    o.stratified = label != NULL;
    anl__split_input in = {left, label ? kept : NULL, label ? classes : 0};
    ANL_GO(anl__context(ctx, anl__split_make(ctx, &in, &o, &s), "the %s part", names[to]));
    for (int64_t i = 0; i < s.n_valid; i++) part[id[s.valid[i]]] = to;
done:
    anl__split_release(ctx, &s);
    anl__free(ctx, kept);
    anl__free(ctx, id);
    return st;
}

anl_status anl__parts_draw(anl_ctx *ctx, int64_t n, const int32_t *label, int classes, const anl__parts_opts *opts, int32_t *part)
{
    if (opts->test_only) {
        for (int64_t i = 0; i < n; i++) part[i] = ANL__PART_TEST;
        return ANL_OK;
    }
    double test = opts->test < 1 ? opts->test : opts->test / (double)n, valid = opts->valid < 1 ? opts->valid : opts->valid / (double)n;
    if (!(opts->valid >= 0 && opts->test >= 0 && valid + test < 1))
        return anl__fail(ctx, ANL_INVALID, "parts of %g and %g for validation and test leave nothing to train on", opts->valid, opts->test);
    for (int64_t i = 0; i < n; i++) part[i] = ANL__PART_TRAIN;
    if (opts->test > 0) ANL_TRY(draw_one(ctx, n, label, classes, opts->seed, opts->test, ANL__PART_TEST, part));
    if (opts->valid > 0) ANL_TRY(draw_one(ctx, n, label, classes, opts->seed + 1, opts->valid < 1 ? valid / (1 - test) : opts->valid, ANL__PART_VALID, part));
    return ANL_OK;
}

anl_status anl__parts_draw_test(anl_ctx *ctx, int64_t n, const int32_t *label, int classes, const anl__parts_opts *opts, int32_t *part)
{
    anl__parts_opts p = *opts;
    p.valid = 0;
    p.seed ^= 0x74657374;
    return anl__parts_draw(ctx, n, label, classes, &p, part);
}

anl_status anl__parts_make(anl_ctx *ctx, const char *name, const anl__parts_opts *opts, const int32_t *part, int64_t n, anl__parts *out)
{
    anl__parts p = {.n = {0}};
    int64_t at[ANL__PARTS] = {0};
    for (int64_t i = 0; i < n; i++)
        if (part[i] >= 0) p.n[part[i]]++;
    int needed = opts->test_only ? ANL__PART_TEST : ANL__PART_TRAIN;
    if (!p.n[needed]) return anl__fail(ctx, ANL_DATA, "%s: the %s part is empty", name, opts->test_only ? "test" : "training");
    for (int k = 0; k < ANL__PARTS; k++) {
        p.item[k] = anl__calloc(ctx, (size_t)p.n[k], sizeof *p.item[k]);
        if (p.item[k]) continue;
        anl__parts_release(ctx, &p);
        return ANL_NOMEM;
    }
    for (int64_t i = 0; i < n; i++)
        if (part[i] >= 0) p.item[part[i]][at[part[i]]++] = i;
    *out = p;
    return ANL_OK;
}

void anl__parts_release(anl_ctx *ctx, anl__parts *p)
{
    for (int k = 0; k < ANL__PARTS; k++) anl__free(ctx, p->item[k]);
    *p = (anl__parts){.n = {0}};
}
