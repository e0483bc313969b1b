/* See similar.h. An index from trigrams (bytes, with a blank before and behind the text) to the texts that hold them. A text is looked
 * up by its rarest trigrams first, and no further than until the texts that have not come up cannot be among the best: the lists of
 * common trigrams are the long ones. How good the best are is known early, because texts that come up most often are compared as a
 * whole at once; at the end the others that could be as good are. */
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
    int32_t *gram;     /* numbers of trigrams, by text */
    uint8_t *asked;    /* [trigrams] is it one of the text's that is looked up? All 0 between two questions, */
    uint16_t *common;  /* [n] trigrams in common so far; likewise */
    int32_t *touched;  /* [n + 1] texts that came up */
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
    s->asked = anl__alloc(s->ctx, (size_t)grams + 1);
    s->gram = anl__calloc(s->ctx, (size_t)s->own[s->n] + 1, sizeof *s->gram);
    s->holder = anl__calloc(s->ctx, (size_t)s->own[s->n] + 1, sizeof *s->holder);
    if (!s->begin || !s->asked || !s->gram || !s->holder) return ANL_NOMEM;
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
    anl__free(s->ctx, s->asked);
    anl__free(s->ctx, s->common);
    anl__free(s->ctx, s->touched);
    anl__free(s->ctx, s);
}

/* ---- a question ------------------------------------------------------------------------------- */

typedef struct question {
    const anl__similar *s;
    const char *text;
    bool other;
    int grams; /* of the text */
    /* the best so far */
    int64_t best[ANL__MOST_SIMILAR];
    double dice[ANL__MOST_SIMILAR]; /* falling */
    int n, most;
} question;

/* What a text must have to be among the best. */
static double least(const question *q) { return q->n < q->most ? 0 : q->dice[q->n - 1]; }

static bool is_in(const question *q, int64_t text)
{
    for (int i = 0; i < q->n; i++)
        if (q->best[i] == text) return true;
    return false;
}

static int64_t size_of(const anl__similar *s, int64_t text) { return s->own[text + 1] - s->own[text]; }

static int common_with(const anl__similar *s, int64_t text)
{
    int c = 0;
    for (int64_t m = s->own[text]; m < s->own[text + 1]; m++) c += s->asked[s->gram[m]];
    return c;
}

/* A text that is not in yet, compared as a whole. */
static void compare(question *q, int64_t text)
{
    double dice = 2.0 * common_with(q->s, text) / (double)(q->grams + size_of(q->s, text));
    int at = 0;
    while (at < q->n && (q->dice[at] > dice || (q->dice[at] == dice && q->best[at] < text))) at++;
    if (at == q->most || (q->other && !strcmp(q->text, q->s->text[text]))) return;
    if (q->n < q->most) q->n++;
    for (int i = q->n - 1; i > at; i--) {
        q->best[i] = q->best[i - 1];
        q->dice[i] = q->dice[i - 1];
    }
    q->best[at] = text;
    q->dice[at] = dice;
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

/* Texts with `common` trigrams in common and more are compared: `left` with that number, then only those with more. */
typedef struct eagerness {
    int common, left;
} eagerness;

/* Counts one trigram's texts; returns how many came up by now. */
static int32_t count_texts(question *q, int32_t trigram, eagerness *eager, int32_t touched)
{
    const anl__similar *s = q->s;
    uint16_t *common = s->common;
    for (int64_t p = s->begin[trigram]; p < s->begin[trigram + 1]; p++) {
        int32_t t = s->holder[p];
        int c = ++common[t];
        s->touched[touched] = t;
        touched += c == 1;
        if (c < eager->common || is_in(q, t)) continue;
        compare(q, t);
        if (--eager->left) continue;
        eager->common = c + 1;
        eager->left = q->most;
    }
    return touched;
}

/* Of a bound: its roundings drop no text that is as good as the worst. */
static const double NEARLY = 1 - 1e-12;

int anl__similar_find(anl__similar *s, const char *text, bool other, int64_t *out, int most)
{
    uint32_t g[MOST_GRAMS];
    int32_t rare[MOST_GRAMS], touched = 0;
    int c = grams_of(text, g), known = by_rarity(s, g, c, rare), rest = known; /* a text that has not come up has at most `rest` in common */
    question q = {.s = s, .text = text, .other = other, .grams = c, .most = most};
    eagerness eager = {2, most};
    for (int m = 0; m < known; m++) s->asked[rare[m]] = 1;
    for (; rest && least(&q) * NEARLY <= 2.0 * rest / (c + rest); rest--) touched = count_texts(&q, rare[known - rest], &eager, touched);
    for (int32_t i = 0; i < touched; i++) {
        int32_t t = s->touched[i];
        double bound = 2.0 * (s->common[t] + rest);
        s->common[t] = 0;
        if (bound >= least(&q) * (double)(c + size_of(s, t)) * NEARLY && !is_in(&q, t)) compare(&q, t);
    }
    for (int m = 0; m < known; m++) s->asked[rare[m]] = 0;
    memcpy(out, q.best, sizeof *out * (size_t)q.n);
    return q.n;
}
