/* See similar.h. An index from trigrams (bytes, with a blank before and behind the text) to the texts that hold them. A text is looked
 * up by its rarest trigrams first, and no further than until the texts that have not come up cannot be among the best; those that have
 * are then compared as a whole. */
#include "datasets/similar.h"

#include <stdlib.h>
#include <string.h>

enum { TRIGRAMS = 1 << 24, WORDS = TRIGRAMS / 64, MOST_GRAMS = 4096 };

struct anl__similar {
    anl_ctx *ctx;
    int64_t n;
    const char *const *text;
    uint64_t *there;   /* [WORDS] bits: trigrams of any text; they are numbered in their order */
    int32_t *before;   /* [WORDS] trigrams before a word */
    int64_t *begin;    /* [trigrams + 1] places in `holder` */
    int32_t *holder;   /* texts, by trigram */
    int64_t *own;      /* [n + 1] places in `gram` */
    int32_t *gram;     /* numbers of trigrams, by text, ascending */
    int32_t *common;   /* [n] trigrams in common so far; all 0 between two questions */
    int32_t *touched;  /* [n] texts with such */
};

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* The different trigrams of a text, at most MOST_GRAMS, ascending. */
static int grams_of(const char *text, uint32_t out[MOST_GRAMS])
{
    uint32_t at = ' ';
    int n = 0, kept = 0;
    for (const unsigned char *p = (const unsigned char *)text;; p++) {
        at = (at << 8 | (*p ? *p : ' ')) & (TRIGRAMS - 1);
        if (p > (const unsigned char *)text && n < MOST_GRAMS) out[n++] = at;
        if (!*p) break;
    }
    qsort(out, (size_t)n, sizeof *out, by_number);
    for (int i = 0; i < n; i++)
        if (!i || out[i] != out[i - 1]) out[kept++] = out[i];
    return kept;
}

/* -1: no text has it. */
static int32_t number_of(const anl__similar *s, uint32_t gram)
{
    uint64_t word = s->there[gram / 64], bit = (uint64_t)1 << gram % 64;
    return word & bit ? s->before[gram / 64] + __builtin_popcountll(word & (bit - 1)) : -1;
}

static anl_status fill(anl__similar *s)
{
    uint32_t g[MOST_GRAMS];
    int32_t grams = 0;
    for (int64_t i = 0; i < s->n; i++) {
        int c = grams_of(s->text[i], g);
        s->own[i + 1] = s->own[i] + c;
        for (int m = 0; m < c; m++) s->there[g[m] / 64] |= (uint64_t)1 << g[m] % 64;
    }
    for (int w = 0; w < WORDS; w++) {
        s->before[w] = grams;
        grams += __builtin_popcountll(s->there[w]);
    }
    s->begin = anl__calloc(s->ctx, (size_t)grams + 2, sizeof *s->begin);
    s->gram = anl__calloc(s->ctx, (size_t)s->own[s->n] + 1, sizeof *s->gram);
    s->holder = anl__calloc(s->ctx, (size_t)s->own[s->n] + 1, sizeof *s->holder);
    if (!s->begin || !s->gram || !s->holder) return ANL_NOMEM;
    for (int64_t i = 0, at = 0; i < s->n; i++) {
        int c = grams_of(s->text[i], g);
        for (int m = 0; m < c; m++) {
            s->gram[at] = number_of(s, g[m]);
            s->begin[s->gram[at++] + 2]++;
        }
    }
    for (int32_t k = 0; k < grams; k++) s->begin[k + 2] += s->begin[k + 1];
    for (int64_t i = 0; i < s->n; i++) /* begin[k + 1] runs from the trigram's first place to its end */
        for (int64_t m = s->own[i]; m < s->own[i + 1]; m++) s->holder[s->begin[s->gram[m] + 1]++] = (int32_t)i;
    return ANL_OK;
}

anl_status anl__similar_create(anl_ctx *ctx, const char *const *text, int64_t n, anl__similar **out)
{
    anl__similar *s = anl__alloc(ctx, sizeof *s);
    if (!s) return ANL_NOMEM;
    *s = (anl__similar){.ctx = ctx, .n = n, .text = text};
    s->there = anl__calloc(ctx, WORDS, sizeof *s->there);
    s->before = anl__calloc(ctx, WORDS, sizeof *s->before);
    s->own = anl__calloc(ctx, (size_t)n + 1, sizeof *s->own);
    s->common = anl__calloc(ctx, (size_t)n + 1, sizeof *s->common);
    s->touched = anl__calloc(ctx, (size_t)n + 1, sizeof *s->touched);
    anl_status st = s->there && s->before && s->own && s->common && s->touched ? fill(s) : ANL_NOMEM;
    if (st == ANL_OK) *out = s;
    else anl__similar_destroy(s);
    return st;
}

void anl__similar_destroy(anl__similar *s)
{
    if (!s) return;
    anl__free(s->ctx, s->there);
    anl__free(s->ctx, s->before);
    anl__free(s->ctx, s->begin);
    anl__free(s->ctx, s->holder);
    anl__free(s->ctx, s->own);
    anl__free(s->ctx, s->gram);
    anl__free(s->ctx, s->common);
    anl__free(s->ctx, s->touched);
    anl__free(s->ctx, s);
}

/* ---- a question ------------------------------------------------------------------------------- */

typedef struct found { /* the best so far */
    int64_t text[ANL__MOST_SIMILAR];
    double dice[ANL__MOST_SIMILAR]; /* falling */
    int n, most;
} found;

static double worst(const found *f) { return f->n < f->most ? 0 : f->dice[f->n - 1]; }

/* A text is there once, with the last value that is told of it, which is the largest. */
static void keep(found *f, int64_t text, double dice)
{
    int at = 0, n = 0;
    for (int i = 0; i < f->n; i++) { /* without it */
        if (f->text[i] == text) continue;
        f->text[n] = f->text[i];
        f->dice[n++] = f->dice[i];
    }
    while (at < n && (f->dice[at] > dice || (f->dice[at] == dice && f->text[at] < text))) at++;
    f->n = n;
    if (at == f->most) return;
    if (n < f->most) f->n = n + 1;
    for (int i = f->n - 1; i > at; i--) {
        f->text[i] = f->text[i - 1];
        f->dice[i] = f->dice[i - 1];
    }
    f->text[at] = text;
    f->dice[at] = dice;
}

/* The known trigrams of a text by how many texts hold them. */
static int by_rarity(const anl__similar *s, const uint32_t *g, int c, int32_t *out)
{
    int n = 0;
    for (int m = 0; m < c; m++) {
        int32_t k = number_of(s, g[m]);
        if (k < 0) continue;
        int64_t size = s->begin[k + 1] - s->begin[k];
        int at = n++;
        for (; at && s->begin[out[at - 1] + 1] - s->begin[out[at - 1]] > size; at--) out[at] = out[at - 1];
        out[at] = k;
    }
    return n;
}

static int common_with(const anl__similar *s, int64_t text, const int32_t *ascending, int n)
{
    int c = 0, k = 0;
    for (int64_t m = s->own[text]; m < s->own[text + 1] && k < n; m++) {
        while (k < n && ascending[k] < s->gram[m]) k++;
        c += k < n && ascending[k] == s->gram[m];
    }
    return c;
}

/* Of a bound: roundings of a product drop no text that is as good as the worst. */
static const double NEARLY = 1 - 1e-12;

int anl__similar_find(anl__similar *s, const char *text, bool other, int64_t *out, int most)
{
    uint32_t g[MOST_GRAMS];
    int32_t rare[MOST_GRAMS], ascending[MOST_GRAMS];
    int c = grams_of(text, g), known = by_rarity(s, g, c, rare), n = 0, asked = 0;
    int32_t touched = 0;
    double least = 0; /* worst(&f) */
    found f = {.most = most};
    for (int m = 0; m < c; m++) {
        ascending[n] = number_of(s, g[m]);
        n += ascending[n] >= 0;
    }
    for (; asked < known; asked++) {
        int rest = known - asked; /* a text that has not come up has at most so many in common */
        if (least > 2.0 * rest / (c + rest)) break;
        for (int64_t p = s->begin[rare[asked]]; p < s->begin[rare[asked] + 1]; p++) {
            int32_t t = s->holder[p];
            if (!s->common[t]++) s->touched[touched++] = t;
            double both = 2.0 * s->common[t], sum = (double)(c + s->own[t + 1] - s->own[t]);
            if (both <= least * sum || (other && !strcmp(text, s->text[t]))) continue; /* a product: this is the innermost loop */
            keep(&f, t, both / sum);
            least = worst(&f);
        }
    }
    found whole = {.most = most};
    for (int32_t i = 0; i < touched; i++) {
        int32_t t = s->touched[i];
        double sum = (double)(c + s->own[t + 1] - s->own[t]), bound = 2.0 * (s->common[t] + known - asked);
        s->common[t] = 0;
        if (bound < least * sum * NEARLY || bound < worst(&whole) * sum * NEARLY || (other && !strcmp(text, s->text[t]))) continue;
        keep(&whole, t, 2.0 * common_with(s, t, ascending, n) / sum);
    }
    memcpy(out, whole.text, sizeof *out * (size_t)whole.n);
    return whole.n;
}
