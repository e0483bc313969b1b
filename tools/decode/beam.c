/* Beam search; see beam.h. */
#include "beam.h"

#include <math.h>
#include <string.h>

typedef struct candidate {
    double logp;
    int from;     /* hypothesis of the sentence */
    int32_t token;
} candidate;

typedef struct search {
    const beam_opts *o;
    int32_t *prefix, *next; /* [sentences * beam, longest + 1] */
    double *logp;           /* [sentences * beam] of the live ones */
    int64_t *from;          /* [sentences * beam] */
    int *live;              /* [sentences] */
    double *best;           /* [sentences] of the finished ones, by length */
    double *best_logp;
    float *logits;
    candidate *pool;        /* [beam] */
} search;

/* Keeps the `most` best, the earlier of equals first. */
static void offer(candidate *pool, int *n, int most, candidate c)
{
    int at = *n;
    if (*n == most && c.logp <= pool[most - 1].logp) return;
    if (*n < most) (*n)++;
    else at = most - 1;
    while (at > 0 && pool[at - 1].logp < c.logp) {
        pool[at] = pool[at - 1];
        at--;
    }
    pool[at] = c;
}

static double log_sum(const float *z, int64_t n)
{
    double most = (double)z[0], sum = 0;
    for (int64_t i = 1; i < n; i++) most = (double)z[i] > most ? (double)z[i] : most;
    for (int64_t i = 0; i < n; i++) sum += exp((double)z[i] - most);
    return most + log(sum);
}

static void finish(search *s, int64_t sentence, const int32_t *tokens, int n, double logp, int length, int32_t *answer)
{
    double score = logp / pow(length, s->o->length_power);
    if (s->best[sentence] >= score) return;
    s->best[sentence] = score;
    s->best_logp[sentence] = logp;
    memset(answer, -1, sizeof *answer * (size_t)s->o->longest);
    memcpy(answer, tokens, sizeof *answer * (size_t)n);
}

/* One more token for a sentence's hypotheses, `length` tokens long with the beginning. */
static void extend(search *s, int64_t sentence, int length, int32_t *answer)
{
    const beam_opts *o = s->o;
    int64_t row = sentence * o->beam, stride = o->longest + 1;
    int n = 0, kept = 0;
    for (int h = 0; h < s->live[sentence]; h++) {
        const float *z = s->logits + (row + h) * o->vocabulary;
        double all = log_sum(z, o->vocabulary);
        for (int64_t v = 0; v < o->vocabulary; v++)
            if (v != o->begin) offer(s->pool, &n, o->beam, (candidate){s->logp[row + h] + (double)z[v] - all, h, (int32_t)v});
    }
    double logp[64];
    for (int i = 0; i < n; i++) {
        const int32_t *from = s->prefix + (row + s->pool[i].from) * stride;
        if (s->pool[i].token == o->end) {
            finish(s, sentence, from + 1, length - 1, s->pool[i].logp, length, answer);
            continue;
        }
        int32_t *to = s->next + (row + kept) * stride;
        memcpy(to, from, sizeof *to * (size_t)length);
        to[length] = s->pool[i].token;
        s->from[row + kept] = row + s->pool[i].from;
        logp[kept++] = s->pool[i].logp;
    }
    memcpy(s->logp + row, logp, sizeof *logp * (size_t)kept);
    s->live[sentence] = kept;
    for (int h = 0; h < kept; h++) memcpy(s->prefix + (row + h) * stride, s->next + (row + h) * stride, sizeof *s->prefix * (size_t)(length + 1));
}

static anl_status run(search *s, int64_t sentences, beam_score score, void *user, int32_t *answer, double *log_probability)
{
    const beam_opts *o = s->o;
    int64_t stride = o->longest + 1, rows = sentences * o->beam, live = sentences;
    for (int64_t i = 0; i < rows * stride; i++) s->prefix[i] = -1;
    for (int64_t i = 0; i < rows; i++) {
        s->prefix[i * stride] = o->begin;
        s->from[i] = i;
    }
    for (int64_t i = 0; i < sentences; i++) {
        s->live[i] = 1; /* at first all hypotheses are the same */
        s->best[i] = -INFINITY;
    }
    for (int length = 1; length <= o->longest && live; length++) {
        ANL_TRY(score(user, s->prefix, s->from, rows, length, s->logits));
        live = 0;
        for (int64_t i = 0; i < sentences; i++) {
            if (s->live[i]) extend(s, i, length, answer + i * o->longest);
            live += s->live[i] > 0;
        }
    }
    for (int64_t i = 0; i < sentences; i++) { /* what never ended */
        for (int h = 0; h < s->live[i]; h++) {
            int64_t row = i * o->beam + h;
            if (s->best[i] == -INFINITY || h == 0) finish(s, i, s->prefix + row * stride + 1, o->longest, s->logp[row], o->longest, answer + i * o->longest);
        }
        if (log_probability) log_probability[i] = s->best_logp[i];
    }
    return ANL_OK;
}

anl_status beam_search(anl_ctx *ctx, const beam_opts *o, int64_t sentences, beam_score score, void *user, int32_t *answer, double *log_probability)
{
    search s = {.o = o};
    anl_status st = ANL_OK;
    if (o->beam < 1 || o->beam > 64 || o->longest < 1 || sentences < 1)
        return anl__fail(ctx, ANL_INVALID, "a beam of %d (1 to 64) for %lld answers of at most %d tokens", o->beam, (long long)sentences, o->longest);
    size_t rows = (size_t)sentences * (size_t)o->beam, stride = (size_t)o->longest + 1;
    if (!(s.from = anl__calloc(ctx, rows, sizeof *s.from)) || !(s.prefix = anl__calloc(ctx, rows * stride, sizeof *s.prefix)) || !(s.next = anl__calloc(ctx, rows * stride, sizeof *s.next)) ||
        !(s.logp = anl__calloc(ctx, rows, sizeof *s.logp)) || !(s.live = anl__calloc(ctx, (size_t)sentences, sizeof *s.live)) ||
        !(s.best = anl__calloc(ctx, (size_t)sentences, sizeof *s.best)) || !(s.best_logp = anl__calloc(ctx, (size_t)sentences, sizeof *s.best_logp)) ||
        !(s.logits = anl__calloc(ctx, rows * (size_t)o->vocabulary, sizeof *s.logits)) || !(s.pool = anl__calloc(ctx, (size_t)o->beam, sizeof *s.pool)))
        st = ANL_NOMEM;
    if (st == ANL_OK) st = run(&s, sentences, score, user, answer, log_probability);
    anl__free(ctx, s.from);
    anl__free(ctx, s.prefix);
    anl__free(ctx, s.next);
    anl__free(ctx, s.logp);
    anl__free(ctx, s.live);
    anl__free(ctx, s.best);
    anl__free(ctx, s.best_logp);
    anl__free(ctx, s.logits);
    anl__free(ctx, s.pool);
    return st;
}
