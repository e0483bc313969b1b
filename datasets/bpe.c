/* Byte-pair encoding: learning merges and applying them (Sennrich et al. 2016). Words, counts and what is a word come from
 * outside. Learning counts pairs once and then changes the counts of the words that a merge touches. */
#include "datasets/tokens_inside.h"
#include "datasets/utf8.h"

#include <string.h>

anl_status anl__bpe_word(anl__span word, bool spaced, anl__buf *out)
{
    out->len = 0;
    if (spaced) anl__buf_bytes(out, ANL__BPE_BLANK, sizeof ANL__BPE_BLANK - 1);
    anl__buf_bytes(out, word.text, word.bytes);
    return out->status;
}

/* ---- counts of pairs -------------------------------------------------------------------------- */

typedef struct pair {
    int32_t left, right;
    int64_t count;
    bool used;
} pair;

typedef struct pairs {
    anl_ctx *ctx;
    pair *slot;
    int64_t slots, n; /* slots: a power of two */
} pairs;

static uint64_t mix(int32_t left, int32_t right)
{
    uint64_t h = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 29;
}

static pair *find_pair(const pairs *p, int32_t left, int32_t right)
{
    uint64_t at = mix(left, right), mask = (uint64_t)p->slots - 1;
    for (at &= mask; p->slot[at].used; at = (at + 1) & mask)
        if (p->slot[at].left == left && p->slot[at].right == right) break;
    return &p->slot[at];
}

static anl_status count_pair(pairs *p, int32_t left, int32_t right, int64_t by)
{
    if (2 * (p->n + 1) > p->slots) {
        pairs bigger = {p->ctx, anl__calloc(p->ctx, 2 * (size_t)p->slots, sizeof(pair)), 2 * p->slots, 0};
        if (!bigger.slot) return ANL_NOMEM;
        for (int64_t i = 0; i < p->slots; i++) {
            if (!p->slot[i].used || p->slot[i].count == 0) continue;
            *find_pair(&bigger, p->slot[i].left, p->slot[i].right) = p->slot[i];
            bigger.n++;
        }
        anl__free(p->ctx, p->slot);
        *p = bigger;
    }
    pair *at = find_pair(p, left, right);
    if (!at->used) {
        *at = (pair){.left = left, .right = right, .used = true};
        p->n++;
    }
    at->count += by;
    return ANL_OK;
}

/* The most frequent pair, the smaller by bytes among equals; NULL: none occurs twice. */
static const pair *best_pair(const pairs *p, const anl__vocab *v)
{
    const pair *best = NULL;
    for (int64_t i = 0; i < p->slots; i++) {
        const pair *q = &p->slot[i];
        if (!q->used || q->count < 2 || (best && q->count < best->count)) continue;
        if (best && q->count == best->count) {
            int c = anl__span_compare(v->item[q->left], v->item[best->left]);
            if (c == 0) c = anl__span_compare(v->item[q->right], v->item[best->right]);
            if (c >= 0) continue;
        }
        best = q;
    }
    return best;
}

/* ---- learning --------------------------------------------------------------------------------- */

typedef struct learner {
    anl__tokens *t;
    const anl__vocab *words;
    anl__ids symbols;        /* of all words */
    int64_t *begin, *length; /* [words] */
    pairs pairs;
} learner;

static anl_status base_symbols(anl__tokens *t, const anl__vocab *words)
{
    anl__vocab seen;
    int32_t id, *order = NULL;
    uint32_t c;
    anl_status st = ANL_OK;
    ANL_TRY(anl__vocab_init(t->ctx, &seen));
    for (int64_t w = 0; w < words->n; w++) {
        anl__span s = words->item[w];
        for (size_t i = 0, n; i < s.bytes; i += n) {
            n = (size_t)anl__utf8_get(s.text + i, s.bytes - i, &c);
            ANL_GO(anl__vocab_add(&seen, (anl__span){s.text + i, n}, &id));
        }
    }
    order = anl__calloc(t->ctx, (size_t)seen.n, sizeof *order);
    if (!order) ANL_GO(ANL_NOMEM);
    ANL_GO(anl__vocab_sort(&seen, false, order));
    for (int64_t i = 0; i < seen.n; i++) ANL_GO(anl__vocab_add(&t->vocab, seen.item[order[i]], &id));
done:
    anl__free(t->ctx, order);
    anl__vocab_release(&seen);
    return st;
}

static anl_status count_word(learner *l, int64_t w, int64_t sign)
{
    const int32_t *s = l->symbols.id + l->begin[w];
    for (int64_t i = 0; i + 1 < l->length[w]; i++) ANL_TRY(count_pair(&l->pairs, s[i], s[i + 1], sign * l->words->count[w]));
    return ANL_OK;
}

static anl_status spell_words(learner *l)
{
    int64_t n = l->words->n;
    l->begin = anl__calloc(l->t->ctx, (size_t)n, sizeof *l->begin);
    l->length = anl__calloc(l->t->ctx, (size_t)n, sizeof *l->length);
    l->pairs = (pairs){l->t->ctx, anl__calloc(l->t->ctx, 4096, sizeof(pair)), 4096, 0};
    if (!l->begin || !l->length || !l->pairs.slot) return ANL_NOMEM;
    for (int64_t w = 0; w < n; w++) {
        l->begin[w] = l->symbols.n;
        ANL_TRY(anl__bpe_encode(l->t, l->words->item[w], &l->symbols));
        l->length[w] = l->symbols.n - l->begin[w];
        ANL_TRY(count_word(l, w, 1));
    }
    return ANL_OK;
}

/* Replaces the pair in n symbols; returns how many are left. */
static int64_t apply(int32_t *s, int64_t n, const anl__merge *m)
{
    int64_t to = 0;
    for (int64_t i = 0; i < n; i++) {
        bool here = i + 1 < n && s[i] == m->left && s[i + 1] == m->right;
        s[to++] = here ? m->result : s[i];
        i += here;
    }
    return to;
}

static bool has(const int32_t *s, int64_t n, const anl__merge *m)
{
    for (int64_t i = 0; i + 1 < n; i++)
        if (s[i] == m->left && s[i + 1] == m->right) return true;
    return false;
}

static anl_status merge_everywhere(learner *l, const anl__merge *m)
{
    for (int64_t w = 0; w < l->words->n; w++) {
        int32_t *s = l->symbols.id + l->begin[w];
        if (!has(s, l->length[w], m)) continue;
        ANL_TRY(count_word(l, w, -1));
        l->length[w] = apply(s, l->length[w], m);
        ANL_TRY(count_word(l, w, 1));
    }
    return ANL_OK;
}

static anl_status join(anl__tokens *t, int32_t left, int32_t right, int32_t *id)
{
    anl__buf both;
    anl__buf_init(&both, t->ctx);
    anl__buf_bytes(&both, t->vocab.item[left].text, t->vocab.item[left].bytes);
    anl__buf_bytes(&both, t->vocab.item[right].text, t->vocab.item[right].bytes);
    anl_status st = both.status;
    if (st == ANL_OK) st = anl__vocab_add(&t->vocab, (anl__span){both.text, both.len}, id);
    anl__buf_release(&both);
    return st;
}

static anl_status learn(learner *l)
{
    anl__tokens *t = l->t;
    t->merge = anl__calloc(t->ctx, (size_t)t->opts.merges, sizeof *t->merge);
    if (!t->merge) return ANL_NOMEM;
    int64_t most = t->opts.merges;
    while (t->merges < most) {
        const pair *p = best_pair(&l->pairs, &t->vocab);
        if (!p) break;
        anl__merge m = {p->left, p->right, 0};
        ANL_TRY(join(t, m.left, m.right, &m.result));
        ANL_TRY(merge_everywhere(l, &m));
        t->merge[t->merges++] = m;
    }
    return anl__bpe_index(t);
}

anl_status anl__bpe_learn(anl__tokens *t, const anl__vocab *words)
{
    learner l = {.t = t, .words = words};
    ANL_TRY(base_symbols(t, words));
    ANL_TRY(anl__bpe_index(t)); /* of no merges: words are spelled */
    anl_status st = spell_words(&l);
    if (st == ANL_OK) st = learn(&l);
    anl__free(t->ctx, l.pairs.slot);
    anl__free(t->ctx, l.length);
    anl__free(t->ctx, l.begin);
    anl__free(t->ctx, l.symbols.id);
    return st;
}

/* ---- applying --------------------------------------------------------------------------------- */

static int64_t place(const anl__tokens *t, int32_t left, int32_t right)
{
    int64_t mask = t->slots - 1, at = (int64_t)(mix(left, right) & (uint64_t)mask);
    for (; t->slot[at]; at = (at + 1) & mask) {
        const anl__merge *m = &t->merge[t->slot[at] - 1];
        if (m->left == left && m->right == right) break;
    }
    return at;
}

anl_status anl__bpe_index(anl__tokens *t)
{
    int64_t slots = 64;
    while (slots < 2 * t->merges + 2) slots *= 2;
    int32_t *slot = anl__calloc(t->ctx, (size_t)slots, sizeof *slot);
    if (!slot) return ANL_NOMEM;
    anl__free(t->ctx, t->slot);
    t->slot = slot;
    t->slots = slots;
    for (int64_t i = 0; i < t->merges; i++) {
        int64_t at = place(t, t->merge[i].left, t->merge[i].right);
        if (!t->slot[at]) t->slot[at] = (int32_t)i + 1; /* the first of a pair counts */
    }
    return ANL_OK;
}

anl_status anl__bpe_encode(const anl__tokens *t, anl__span word, anl__ids *out)
{
    int64_t begin = out->n;
    uint32_t c;
    for (size_t i = 0, n; i < word.bytes; i += n) {
        n = (size_t)anl__utf8_get(word.text + i, word.bytes - i, &c);
        ANL_TRY(anl__ids_add(t->ctx, out, anl__vocab_find(&t->vocab, (anl__span){word.text + i, n})));
    }
    for (;;) {
        const anl__merge *first = NULL;
        for (int64_t i = begin; i + 1 < out->n; i++) {
            int32_t k = t->slot[place(t, out->id[i], out->id[i + 1])];
            if (k && (!first || &t->merge[k - 1] < first)) first = &t->merge[k - 1];
        }
        if (!first) return ANL_OK;
        out->n = begin + apply(out->id + begin, out->n - begin, first);
    }
}
