/* The sizes of a ctc call, and what one sample of it is aligned with: labels with a blank before, between
 * and behind them. */
#ifndef ANL_CTC_H
#define ANL_CTC_H

#include "base/philox.h" /* ANL_HD */
#include "op.h"

#define ANL__CTC_NEVER (-1e30) /* stands for log 0: finite, so that differences of two are no NaN */

enum { ANL__CTC_NUM, ANL__CTC_DEN, ANL__CTC_CORRECT, ANL__CTC_IMPOSSIBLE, ANL__CTC_SUMS };

typedef struct anl__ctc {
    int64_t steps, samples, classes, most; /* T, N, C, L */
    int64_t blank;
    bool infinite;
    const int32_t *target, *input_length, *target_length; /* lengths: NULL where absent */
} anl__ctc;

/* lengths: the first of the two inputs that hold lengths. r NULL: sizes only. */
static inline anl__ctc anl__ctc_of(const anl__call *c, const anl__run *r, int lengths)
{
    const anl_shape *z = &c->in[0].shape, *t = &c->in[1].shape;
    anl__ctc k = {.steps = z->dim[0], .samples = z->dim[1], .classes = z->dim[2],
                  .most = t->rank > 1 ? t->dim[1] : 1,
                  .blank = anl__attr_int(c, "blank"), .infinite = anl__attr_int(c, "impossible") != 0};
    if (k.blank < 0) k.blank += k.classes;
    if (!r) return k;
    k.target = (const int32_t *)r->in[1];
    k.input_length = anl__has_in(c, lengths) ? (const int32_t *)r->in[lengths] : NULL;
    k.target_length = anl__has_in(c, lengths + 1) ? (const int32_t *)r->in[lengths + 1] : NULL;
    return k;
}

/* A sample's rows of workspace. The trellis has two cells of ANL__CTC_NEVER before and behind each row. */
typedef struct anl__ctc_room {
    double *alpha;  /* rows x (states + 4) */
    double *beta;   /* 2 x (states + 4) */
    double *emit;   /* states */
    double *with;   /* states: probability of the paths through each */
    double *skip;   /* states + 2: 0 where a path may jump over the blank before, else ANL__CTC_NEVER */
    double *lse;    /* steps */
    double *row;    /* classes */
    int32_t *state; /* states: class of each */
} anl__ctc_room;

static inline int64_t anl__ctc_cells(const anl__ctc *k) { return 2 * k->most + 1 + 4; }

/* Lays `rows` rows of alpha and the rest over doubles from p; returns how many, in whole cache lines. */
static inline size_t anl__ctc_lay(const anl__ctc *k, int64_t rows, double *p, anl__ctc_room *room)
{
    int64_t cells = anl__ctc_cells(k), at = 0;
    const int64_t size[] = {rows * cells, 2 * cells, cells, cells, cells, k->steps, k->classes,
                            (cells + 1) / 2};
    int64_t begin[8];
    for (int i = 0; i < 8; at += size[i++]) begin[i] = at;
    if (p)
        *room = (anl__ctc_room){p, p + begin[1], p + begin[2], p + begin[3], p + begin[4], p + begin[5],
                                p + begin[6], (int32_t *)(p + begin[7])};
    return (size_t)(at + 7) / 8 * 8;
}

typedef struct anl__ctc_sample {
    int64_t steps, labels, states;
    bool bad; /* a label outside the classes, or the blank */
} anl__ctc_sample;

ANL_HD int64_t anl__ctc_length(const int32_t *length, int64_t n, int64_t most)
{
    int64_t l = length ? length[n] : most;
    return l < 0 ? 0 : l > most ? most : l;
}

/* Writes state and skip. Without lengths a target ends before its first negative label. */
static inline anl__ctc_sample anl__ctc_begin(const anl__ctc *k, int64_t n, const anl__ctc_room *room)
{
    const int32_t *label = k->target + n * k->most;
    anl__ctc_sample s = {.steps = anl__ctc_length(k->input_length, n, k->steps),
                         .labels = anl__ctc_length(k->target_length, n, k->most)};
    for (int64_t i = 0; i < s.labels; i++) {
        if (!k->target_length && label[i] < 0) s.labels = i;
        else if (label[i] < 0 || label[i] >= k->classes || label[i] == k->blank) s.bad = true;
    }
    s.states = 2 * s.labels + 1;
    for (int64_t i = 0; i < s.states; i++) room->state[i] = i % 2 ? label[i / 2] : (int32_t)k->blank;
    for (int64_t i = 0; i < s.states + 2; i++) {
        bool over = i % 2 && i >= 3 && i < s.states && room->state[i] != room->state[i - 2];
        room->skip[i] = over ? 0 : ANL__CTC_NEVER;
    }
    return s;
}

#endif
