/* Splits by key (split.h). Every class's samples are put in the order of their 64-bit keys; quotas or fold
 * numbers are dealt along that order. It reads labels only, never the samples' bytes. */
#include "datasets/split.h"

#include "runtime/base/philox.h"

#include <math.h>
#include <string.h>

typedef struct keyed {
    uint64_t key;
    int64_t index;
    int32_t stratum;
} keyed;

enum { DIGIT = 65536 }; /* classes are at most as many */

anl__split_opts anl__split_opts_default(void)
{
    anl__split_opts o = {.stratified = true};
    return o;
}

void anl__split_release(anl_ctx *ctx, anl__split *s)
{
    anl__free(ctx, s->train);
    anl__free(ctx, s->valid);
    *s = (anl__split){0};
}

/* One stable counting pass over 16 bits (digit 0..3 of the key; 4: the stratum). */
static void sort_pass(const keyed *from, keyed *to, int64_t n, int digit, int64_t *start)
{
    memset(start, 0, (DIGIT + 1) * sizeof *start);
#define DIGIT_OF(k) (digit < 4 ? (k).key >> 16 * digit & 0xffffu : (uint32_t)(k).stratum)
    for (int64_t i = 0; i < n; i++) start[DIGIT_OF(from[i]) + 1]++;
    for (int d = 0; d < DIGIT; d++) start[d + 1] += start[d];
    for (int64_t i = 0; i < n; i++) to[start[DIGIT_OF(from[i])]++] = from[i];
#undef DIGIT_OF
}

/* By (stratum, key, index), in linear time: a split stands before the first step of every run. */
static anl_status sort_keys(anl_ctx *ctx, keyed **k, int64_t n)
{
    keyed *other = anl__calloc(ctx, (size_t)n, sizeof *other);
    int64_t *start = anl__calloc(ctx, DIGIT + 1, sizeof *start);
    if (other && start) {
        for (int digit = 0; digit < 5; digit++) {
            sort_pass(*k, other, n, digit, start);
            keyed *t = *k;
            *k = other;
            other = t;
        }
    }
    anl_status st = other && start ? ANL_OK : ANL_NOMEM;
    anl__free(ctx, start);
    anl__free(ctx, other);
    return st;
}

static uint64_t sample_key(uint64_t seed, int64_t i)
{
    anl__u32x4 r = anl__philox(seed, (uint32_t)i, (uint32_t)((uint64_t)i >> 32), 0, ANL__STREAM_SPLIT);
    return (uint64_t)r.v[0] << 32 | r.v[1];
}

/* Largest remainders: quota[c] of size[c] so that the quotas add up to `want` of `n`. Ties go to the lower
 * class. */
static void quotas(int64_t n, int64_t want, int strata, const int64_t *size, int64_t *quota, int64_t *rest)
{
    int64_t given = 0;
    for (int c = 0; c < strata; c++) {
        __int128 share = (__int128)size[c] * want;
        quota[c] = (int64_t)(share / n);
        rest[c] = (int64_t)(share % n);
        given += quota[c];
    }
    for (; given < want; given++) {
        int best = 0;
        for (int c = 1; c < strata; c++)
            if (rest[c] > rest[best]) best = c;
        quota[best]++;
        rest[best] = -1;
    }
}

/* Marks the validation samples: the first quota[c] of each stratum. */
static void mark_quotas(const keyed *k, int64_t n, const int64_t *quota, uint8_t *is_valid)
{
    int64_t rank = 0;
    for (int64_t i = 0; i < n; i++) {
        rank = i > 0 && k[i].stratum == k[i - 1].stratum ? rank + 1 : 0;
        is_valid[k[i].index] = rank < quota[k[i].stratum];
    }
}

/* Deals the samples round-robin in the order (class, key): sizes of folds, in all and in each class, differ
 * by one at most. */
static void mark_fold(const keyed *k, int64_t n, int folds, int fold, uint8_t *is_valid)
{
    for (int64_t i = 0; i < n; i++) is_valid[k[i].index] = i % folds == fold;
}

static anl_status check_input(anl_ctx *ctx, const anl__split_input *in, const anl__split_opts *o,
                              int64_t *want)
{
    if (in->n < 1)
        return anl__fail(ctx, ANL_DATA, "a split needs at least one sample, found %lld", (long long)in->n);
    if (in->label && (in->classes < 1 || in->classes > DIGIT))
        return anl__fail(ctx, ANL_INVALID, "a split over %d classes: expected 1 to %d", in->classes, DIGIT);
    for (int64_t i = 0; in->label && i < in->n; i++)
        if (in->label[i] < 0 || in->label[i] >= in->classes)
            return anl__fail(ctx, ANL_DATA, "sample %lld: label %d is outside the %d classes", (long long)i,
                             in->label[i], in->classes);
    if (o->folds) {
        if (o->folds < 2 || o->fold < 0 || o->fold >= o->folds)
            return anl__fail(ctx, ANL_INVALID,
                             "fold %d of %d: folds must be at least 2 and fold between 0 and folds - 1",
                             o->fold, o->folds);
        if (o->folds > in->n)
            return anl__fail(ctx, ANL_DATA, "%d folds of %lld samples", o->folds, (long long)in->n);
        return ANL_OK;
    }
    if (o->count < 0 || !(o->fraction >= 0 && o->fraction < 1))
        return anl__fail(
            ctx, ANL_INVALID,
            "validation count %lld, fraction %g: the count must not be negative, the fraction in [0, 1)",
            (long long)o->count, o->fraction);
    *want = o->count ? o->count : (int64_t)floor(o->fraction * (double)in->n + 0.5);
    if (*want >= in->n)
        return anl__fail(ctx, ANL_DATA,
                         "a validation part of %lld leaves nothing to train on: the set has %lld samples",
                         (long long)*want, (long long)in->n);
    if (o->fraction > 0 && *want == 0)
        return anl__fail(ctx, ANL_DATA, "a validation fraction of %g of %lld samples is none", o->fraction,
                         (long long)in->n);
    return ANL_OK;
}

/* The lists from the marks; and the promise of split.h, checked from the lists themselves. */
static anl_status collect(anl_ctx *ctx, int64_t n, uint8_t *is_valid, anl__split *s)
{
    for (int64_t i = 0; i < n; i++) s->n_valid += is_valid[i];
    s->n_train = n - s->n_valid;
    s->train = anl__calloc(ctx, (size_t)s->n_train, sizeof *s->train);
    s->valid = anl__calloc(ctx, (size_t)s->n_valid, sizeof *s->valid);
    if (!s->train || !s->valid) return ANL_NOMEM;
    int64_t t = 0, v = 0;
    for (int64_t i = 0; i < n; i++) {
        if (is_valid[i])
            s->valid[v++] = i;
        else
            s->train[t++] = i;
    }
    for (int64_t i = 0; i < n; i++) is_valid[i] = 0;
    for (int64_t i = 0; i < s->n_train; i++) is_valid[s->train[i]]++;
    for (int64_t i = 0; i < s->n_valid; i++) is_valid[s->valid[i]]++;
    for (int64_t i = 0; i < n; i++) ANL_CHECK_INTERNAL(ctx, is_valid[i] == 1);
    return ANL_OK;
}

static anl_status check_folds(anl_ctx *ctx, const int64_t *size, int strata, int folds)
{
    for (int c = 0; c < strata; c++)
        if (size[c] > 0 && size[c] < folds)
            return anl__fail(ctx, ANL_DATA, "class %d has %lld samples, fewer than the %d folds", c,
                             (long long)size[c], folds);
    return ANL_OK;
}

anl_status anl__split_make(anl_ctx *ctx, const anl__split_input *in, const anl__split_opts *opts,
                           anl__split *out)
{
    int64_t want = 0;
    ANL_TRY(check_input(ctx, in, opts, &want));
    bool strata_used = in->label && (opts->stratified || opts->folds);
    int strata = strata_used ? in->classes : 1;
    anl_status st = ANL_NOMEM;
    anl__split s = {0};
    keyed *k = anl__calloc(ctx, (size_t)in->n, sizeof *k);
    uint8_t *is_valid = anl__alloc(ctx, (size_t)in->n);
    int64_t *size = anl__calloc(ctx, 3 * (size_t)strata, sizeof *size);
    if (!k || !is_valid || !size) goto done;
    for (int64_t i = 0; i < in->n; i++) {
        k[i] =
            (keyed){.key = sample_key(opts->seed, i), .index = i, .stratum = strata_used ? in->label[i] : 0};
        size[k[i].stratum]++;
    }
    ANL_GO(sort_keys(ctx, &k, in->n));
    if (opts->folds) {
        if (strata_used) ANL_GO(check_folds(ctx, size, strata, opts->folds));
        mark_fold(k, in->n, opts->folds, opts->fold, is_valid);
    } else {
        quotas(in->n, want, strata, size, size + strata, size + 2 * strata);
        mark_quotas(k, in->n, size + strata, is_valid);
    }
    ANL_GO(collect(ctx, in->n, is_valid, &s));
    *out = s;
    s = (anl__split){0};
done:
    anl__split_release(ctx, &s);
    anl__free(ctx, size);
    anl__free(ctx, is_valid);
    anl__free(ctx, k);
    return st;
}
