/* See nearest.h. An index from trigrams (bytes, with a blank before and behind the text) to the texts that hold them. */
#include "nearest.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1 << 24, MOST_GRAMS = 4096 };

struct nearest {
    anl_ctx *ctx;
    int64_t n;
    int64_t *begin;   /* [BUCKETS + 1] places of a trigram's texts */
    int32_t *holder;  /* texts */
    int32_t *grams;   /* [n] different trigrams of a text */
    int32_t *common;  /* [n] of the text asked for */
};

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* The different trigrams of a text, at most MOST_GRAMS. */
static int grams_of(const char *text, uint32_t out[MOST_GRAMS])
{
    uint32_t at = ' ';
    int n = 0, kept = 0;
    for (const unsigned char *p = (const unsigned char *)text;; p++) {
        at = (at << 8 | (*p ? *p : ' ')) & (BUCKETS - 1);
        if (p > (const unsigned char *)text && n < MOST_GRAMS) out[n++] = at;
        if (!*p) break;
    }
    qsort(out, (size_t)n, sizeof *out, by_number);
    for (int i = 0; i < n; i++)
        if (!i || out[i] != out[i - 1]) out[kept++] = out[i];
    return kept;
}

anl_status nearest_create(anl_ctx *ctx, const char *const *text, int64_t n, nearest **out)
{
    uint32_t g[MOST_GRAMS];
    nearest *k = anl__alloc(ctx, sizeof *k);
    if (!k) return ANL_NOMEM;
    *k = (nearest){.ctx = ctx, .n = n};
    k->begin = anl__calloc(ctx, BUCKETS + 2, sizeof *k->begin);
    k->grams = anl__calloc(ctx, (size_t)n + 1, sizeof *k->grams);
    k->common = anl__calloc(ctx, (size_t)n + 1, sizeof *k->common);
    if (!k->begin || !k->grams || !k->common) goto nomem;
    for (int64_t i = 0; i < n; i++) {
        k->grams[i] = grams_of(text[i], g);
        for (int m = 0; m < k->grams[i]; m++) k->begin[g[m] + 2]++;
    }
    for (int64_t b = 2; b < BUCKETS + 2; b++) k->begin[b] += k->begin[b - 1];
    k->holder = anl__calloc(ctx, (size_t)k->begin[BUCKETS + 1] + 1, sizeof *k->holder);
    if (!k->holder) goto nomem;
    for (int64_t i = 0; i < n; i++) { /* begin[b + 1] runs from the bucket's first place to its end */
        int c = grams_of(text[i], g);
        for (int m = 0; m < c; m++) k->holder[k->begin[g[m] + 1]++] = (int32_t)i;
    }
    *out = k;
    return ANL_OK;
nomem:
    nearest_destroy(k);
    return ANL_NOMEM;
}

void nearest_destroy(nearest *k)
{
    if (!k) return;
    anl__free(k->ctx, k->begin);
    anl__free(k->ctx, k->holder);
    anl__free(k->ctx, k->grams);
    anl__free(k->ctx, k->common);
    anl__free(k->ctx, k);
}

int64_t nearest_find(nearest *k, const char *text)
{
    uint32_t g[MOST_GRAMS];
    int c = grams_of(text, g);
    int64_t best = 0;
    double most = 0;
    memset(k->common, 0, sizeof *k->common * (size_t)k->n);
    for (int m = 0; m < c; m++)
        for (int64_t p = k->begin[g[m]]; p < k->begin[g[m] + 1]; p++) k->common[k->holder[p]]++;
    for (int64_t i = 0; i < k->n; i++) {
        double dice = k->common[i] ? 2.0 * k->common[i] / (c + k->grams[i]) : 0;
        if (dice > most) {
            most = dice;
            best = i;
        }
    }
    return best;
}
