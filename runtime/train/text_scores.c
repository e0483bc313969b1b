/* BLEU and chrF; see text_scores.h. An n-gram is the 64-bit hash of its units, so that counting is sorting. */
#include "text_scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct units { /* words or code points, each as a number */
    uint64_t *u;
    int64_t n;
} units;

static uint64_t mix(uint64_t h, uint64_t x) /* splitmix64's finaliser (Steele et al., 2014) over a running sum */
{
    h = (h + x) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return h ^ h >> 31;
}

static bool blank(unsigned char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static anl_status words_of(anl_ctx *ctx, const char *text, units *out)
{
    out->u = anl__calloc(ctx, strlen(text) / 2 + 1, sizeof *out->u);
    out->n = 0;
    if (!out->u) return ANL_NOMEM;
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        uint64_t h = 1;
        while (blank(*p)) p++;
        if (!*p) break;
        while (*p && !blank(*p)) h = mix(h, *p++);
        out->u[out->n++] = h;
    }
    return ANL_OK;
}

static anl_status letters_of(anl_ctx *ctx, const char *text, units *out)
{
    out->u = anl__calloc(ctx, strlen(text) + 1, sizeof *out->u);
    out->n = 0;
    if (!out->u) return ANL_NOMEM;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (blank(*p)) continue;
        if ((*p & 0xc0) == 0x80 && out->n) out->u[out->n - 1] = out->u[out->n - 1] << 8 | *p; /* inside a code point */
        else out->u[out->n++] = *p;
    }
    return ANL_OK;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* All n-grams of an order, sorted; how many. */
static int64_t grams(const units *x, int order, uint64_t *out)
{
    int64_t n = x->n - order + 1;
    for (int64_t i = 0; i < n; i++) {
        out[i] = (uint64_t)order;
        for (int k = 0; k < order; k++) out[i] = mix(out[i], x->u[i + k]);
    }
    if (n > 1) qsort(out, (size_t)n, sizeof *out, by_value);
    return n > 0 ? n : 0;
}

static int64_t run_at(const uint64_t *g, int64_t n, int64_t i)
{
    int64_t k = i;
    while (k < n && g[k] == g[i]) k++;
    return k - i;
}

static int64_t count_in(const uint64_t *g, int64_t n, uint64_t x)
{
    int64_t lo = 0, hi = n;
    while (lo < hi) {
        int64_t mid = (lo + hi) / 2;
        if (g[mid] < x) lo = mid + 1;
        else hi = mid;
    }
    return lo < n && g[lo] == x ? run_at(g, n, lo) : 0;
}

/* n-grams of `a` that are in some b too, each as often as in the b that has most of it. */
static int64_t matches(const uint64_t *a, int64_t n, uint64_t *const *b, const int64_t *n_b, int refs)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < n;) {
        int64_t here = run_at(a, n, i), most = 0;
        for (int r = 0; r < refs; r++) {
            int64_t c = count_in(b[r], n_b[r], a[i]);
            most = c > most ? c : most;
        }
        sum += here < most ? here : most;
        i += here;
    }
    return sum;
}

typedef struct segment { /* one side as units, and room for its n-grams */
    units given, *ref;
    uint64_t *gram, **ref_gram;
    int64_t *n_ref_gram;
    int refs;
} segment;

static void segment_release(anl_ctx *ctx, segment *s)
{
    for (int r = 0; s->ref && r < s->refs; r++) {
        anl__free(ctx, s->ref[r].u);
        if (s->ref_gram) anl__free(ctx, s->ref_gram[r]);
    }
    anl__free(ctx, s->ref);
    anl__free(ctx, s->ref_gram);
    anl__free(ctx, s->n_ref_gram);
    anl__free(ctx, s->given.u);
    anl__free(ctx, s->gram);
    *s = (segment){0};
}

static anl_status segment_make(anl_ctx *ctx, const char *given, const char *const *ref, int n_ref, anl_status (*cut)(anl_ctx *, const char *, units *), segment *s)
{
    *s = (segment){.refs = n_ref};
    s->ref = anl__calloc(ctx, (size_t)n_ref, sizeof *s->ref);
    s->ref_gram = anl__calloc(ctx, (size_t)n_ref, sizeof *s->ref_gram);
    s->n_ref_gram = anl__calloc(ctx, (size_t)n_ref, sizeof *s->n_ref_gram);
    if (!s->ref || !s->ref_gram || !s->n_ref_gram) return ANL_NOMEM;
    ANL_TRY(cut(ctx, given, &s->given));
    s->gram = anl__calloc(ctx, (size_t)s->given.n + 1, sizeof *s->gram);
    if (!s->gram) return ANL_NOMEM;
    for (int r = 0; r < n_ref; r++) {
        ANL_TRY(cut(ctx, ref[r], &s->ref[r]));
        s->ref_gram[r] = anl__calloc(ctx, (size_t)s->ref[r].n + 1, sizeof **s->ref_gram);
        if (!s->ref_gram[r]) return ANL_NOMEM;
    }
    return ANL_OK;
}

static void add_bleu(anl__text_scores *s, segment *g)
{
    int64_t nearest = -1;
    for (int o = 0; o < ANL__BLEU_ORDERS; o++) {
        int64_t n = grams(&g->given, o + 1, g->gram);
        for (int r = 0; r < g->refs; r++) g->n_ref_gram[r] = grams(&g->ref[r], o + 1, g->ref_gram[r]);
        s->bleu_match[o] += (double)matches(g->gram, n, g->ref_gram, g->n_ref_gram, g->refs);
        s->bleu_total[o] += (double)n;
    }
    for (int r = 0; r < g->refs; r++) { /* of equally near ones the shorter */
        int64_t n = g->ref[r].n, far = llabs(n - g->given.n), best = llabs(nearest - g->given.n);
        if (nearest < 0 || far < best || (far == best && n < nearest)) nearest = n;
    }
    s->bleu_words += (double)g->given.n;
    s->bleu_reference_words += (double)nearest;
}

static double chrf_of(const double *match, const double *given, const double *wanted)
{
    double precision = 0, recall = 0, orders = 0;
    for (int o = 0; o < ANL__CHRF_ORDERS; o++) {
        if (given[o] <= 0 || wanted[o] <= 0) continue;
        precision += match[o] / given[o];
        recall += match[o] / wanted[o];
        orders++;
    }
    if (orders <= 0 || precision + recall <= 0) return 0;
    precision /= orders;
    recall /= orders;
    return 100 * 5 * precision * recall / (4 * precision + recall); /* beta 2: 1 + beta^2 = 5 */
}

static void add_chrf(anl__text_scores *s, segment *g)
{
    double best = -1, match[ANL__CHRF_ORDERS] = {0}, given[ANL__CHRF_ORDERS] = {0}, wanted[ANL__CHRF_ORDERS] = {0};
    for (int r = 0; r < g->refs; r++) {
        double m[ANL__CHRF_ORDERS], a[ANL__CHRF_ORDERS], b[ANL__CHRF_ORDERS];
        for (int o = 0; o < ANL__CHRF_ORDERS; o++) {
            int64_t n = grams(&g->given, o + 1, g->gram), k = grams(&g->ref[r], o + 1, g->ref_gram[r]);
            m[o] = (double)matches(g->gram, n, &g->ref_gram[r], &k, 1);
            a[o] = k ? (double)n : 0;
            b[o] = (double)k;
        }
        double f = chrf_of(m, a, b);
        if (f <= best) continue;
        best = f;
        memcpy(match, m, sizeof m);
        memcpy(given, a, sizeof a);
        memcpy(wanted, b, sizeof b);
    }
    for (int o = 0; o < ANL__CHRF_ORDERS; o++) {
        s->chrf_match[o] += match[o];
        s->chrf_given[o] += given[o];
        s->chrf_wanted[o] += wanted[o];
    }
}

anl_status anl__text_scores_add(anl_ctx *ctx, anl__text_scores *s, const char *given, const char *const *ref, int n_ref)
{
    segment g;
    bool exact = false;
    anl_status st = segment_make(ctx, given, ref, n_ref, words_of, &g);
    if (st == ANL_OK) add_bleu(s, &g);
    segment_release(ctx, &g);
    if (st != ANL_OK) return st;
    st = segment_make(ctx, given, ref, n_ref, letters_of, &g);
    if (st == ANL_OK) add_chrf(s, &g);
    segment_release(ctx, &g);
    for (int r = 0; r < n_ref; r++) exact |= !strcmp(given, ref[r]);
    s->exact += exact;
    s->segments++;
    return st;
}

double anl__text_bleu(const anl__text_scores *s)
{
    double sum = 0, smooth = 1;
    if (s->bleu_match[0] <= 0) return 0; /* no word in common */
    for (int o = 0; o < ANL__BLEU_ORDERS; o++) {
        if (s->bleu_total[o] <= 0) return 0;
        if (s->bleu_match[o] <= 0) smooth *= 2;
        sum += log(s->bleu_match[o] > 0 ? s->bleu_match[o] / s->bleu_total[o] : 1 / (smooth * s->bleu_total[o]));
    }
    double brevity = s->bleu_words < s->bleu_reference_words ? exp(1 - s->bleu_reference_words / s->bleu_words) : 1;
    return 100 * brevity * exp(sum / ANL__BLEU_ORDERS);
}

double anl__text_chrf(const anl__text_scores *s) { return chrf_of(s->chrf_match, s->chrf_given, s->chrf_wanted); }
