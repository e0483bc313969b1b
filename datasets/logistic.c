/* Sparse rows of labelled sequences and the regression over them (logistic.h). */
#include "datasets/logistic.h"

#include <math.h>
#include <string.h>

enum { STEPS = 300 };

/* ---- rows ------------------------------------------------------------------------------------- */

void anl__sparse_release(anl__sparse *x)
{
    anl__free(x->ctx, x->begin);
    anl__free(x->ctx, x->column);
    anl__free(x->ctx, x->value);
    anl__free(x->ctx, x->class);
    *x = (anl__sparse){.ctx = x->ctx};
}

typedef struct shape { /* of the set */
    const anl__ragged_field *x, *label;
    int64_t longest, tokens;
    bool places;  /* texts of one length */
    double *rare; /* bag: a word's weight; NULL otherwise */
    double *count; /* bag: of one row; all 0 between rows */
} shape;

static anl_status put(anl__sparse *x, int64_t column, double value)
{
    int64_t at = x->begin[x->rows + 1], cap = x->cap;
    ANL_TRY(anl__grow(x->ctx, &x->column, &cap, at + 1, sizeof *x->column));
    ANL_TRY(anl__grow(x->ctx, &x->value, &x->cap, at + 1, sizeof *x->value));
    x->column[at] = (int32_t)column;
    x->value[at] = (float)value;
    x->begin[x->rows + 1]++;
    return ANL_OK;
}

static anl_status put_bag(anl__sparse *x, const shape *s, const int32_t *id, int64_t n)
{
    anl_status st = ANL_OK;
    for (int64_t i = 0; i < n; i++) s->count[id[i]]++;
    for (int64_t i = 0; i < n; i++) {
        double count = s->count[id[i]];
        if (count > 0 && st == ANL_OK) st = put(x, id[i], log(1 + count) * s->rare[id[i]]);
        s->count[id[i]] = 0;
    }
    return st;
}

static anl_status put_row(anl__sparse *x, const shape *s, int64_t item)
{
    int64_t n = anl__ragged_steps(s->x, item), first = x->begin[x->rows];
    const void *data = anl__ragged_get(s->x, item);
    double squares = 0;
    x->begin[x->rows + 1] = first;
    x->class[x->rows] = *(const int32_t *)anl__ragged_get(s->label, item);
    if (s->rare) ANL_TRY(put_bag(x, s, data, n));
    else if (s->places)
        for (int64_t i = 0; i < n; i++) ANL_TRY(put(x, i * s->tokens + ((const int32_t *)data)[i], 1));
    else
        for (int64_t i = 0; i < n * s->x->width; i++) ANL_TRY(put(x, i, ((const float *)data)[i]));
    for (int64_t k = first; k < x->begin[x->rows + 1]; k++) squares += (double)x->value[k] * x->value[k];
    for (int64_t k = first; k < x->begin[x->rows + 1]; k++) x->value[k] = (float)(x->value[k] / sqrt(squares > 0 ? squares : 1));
    x->rows++;
    return ANL_OK;
}

/* Words in few rows of the training part say more. */
static anl_status weigh_words(const anl__labelled *l, shape *s)
{
    const anl__parts *p = &l->parts;
    s->rare = anl__calloc(l->ctx, (size_t)s->tokens, sizeof *s->rare);
    s->count = anl__calloc(l->ctx, (size_t)s->tokens, sizeof *s->count);
    if (!s->rare || !s->count) return ANL_NOMEM;
    for (int64_t i = 0; i < p->n[ANL__PART_TRAIN]; i++) { /* count holds the last row with the word, from 1 */
        int64_t item = p->item[ANL__PART_TRAIN][i];
        const int32_t *id = anl__ragged_get(s->x, item);
        for (int64_t k = 0; k < anl__ragged_steps(s->x, item); k++) {
            s->rare[id[k]] += s->count[id[k]] != (double)(i + 1);
            s->count[id[k]] = (double)(i + 1);
        }
    }
    for (int64_t k = 0; k < s->tokens; k++) {
        s->rare[k] = log((1 + (double)p->n[ANL__PART_TRAIN]) / (1 + s->rare[k]));
        s->count[k] = 0;
    }
    return ANL_OK;
}

anl_status anl__sparse_of(const anl__labelled *l, const int64_t *item, int64_t n, anl__sparse *out, const char **what)
{
    shape s = {.x = &l->set->field[anl__ragged_find(l->set, "x")], .label = &l->set->field[anl__ragged_find(l->set, "label")], .places = l->tokenizer != NULL};
    anl__sparse x = {.ctx = l->ctx};
    anl_status st = ANL_OK;
    for (int64_t i = 0; i < l->set->n; i++) {
        int64_t steps = anl__ragged_steps(s.x, i);
        if (i && steps != s.longest) s.places = false;
        if (steps > s.longest) s.longest = steps;
    }
    s.tokens = l->tokenizer ? anl__tokens_size(l->tokenizer) : 0;
    if (l->tokenizer && !s.places) ANL_GO(weigh_words(l, &s));
    x.columns = s.rare ? s.tokens : s.longest * (s.places ? s.tokens : s.x->width);
    if (x.columns > INT32_MAX) ANL_GO(anl__fail(l->ctx, ANL_DATA, "logistic regression over %lld columns is more than it is made for", (long long)x.columns));
    x.begin = anl__calloc(l->ctx, (size_t)n + 1, sizeof *x.begin);
    x.class = anl__calloc(l->ctx, (size_t)n, sizeof *x.class);
    if (!x.begin || !x.class) ANL_GO(ANL_NOMEM);
    for (int64_t i = 0; i < n; i++) ANL_GO(put_row(&x, &s, item[i]));
    *what = s.rare ? "bag of words" : s.places ? "places" : "values";
done:
    anl__free(l->ctx, s.rare);
    anl__free(l->ctx, s.count);
    if (st == ANL_OK) *out = x;
    else anl__sparse_release(&x);
    return st;
}

/* ---- regression -------------------------------------------------------------------------------- */

static void logits_of(const anl__sparse *x, int64_t row, int classes, const double *weight, double *out)
{
    memcpy(out, weight + x->columns * classes, sizeof *out * (size_t)classes);
    for (int64_t k = x->begin[row]; k < x->begin[row + 1]; k++)
        for (int c = 0; c < classes; c++) out[c] += x->value[k] * weight[(int64_t)x->column[k] * classes + c];
}

/* The gradient of the mean loss and the penalty. */
static void gradient(const anl__sparse *x, int classes, double lambda, const double *weight, double *p, double *g)
{
    int64_t d = x->columns * classes;
    for (int64_t i = 0; i < d; i++) g[i] = lambda * weight[i];
    memset(g + d, 0, sizeof *g * (size_t)classes);
    for (int64_t row = 0; row < x->rows; row++) {
        double most = -INFINITY, sum = 0;
        logits_of(x, row, classes, weight, p);
        for (int c = 0; c < classes; c++) most = p[c] > most ? p[c] : most;
        for (int c = 0; c < classes; c++) sum += p[c] = exp(p[c] - most);
        for (int c = 0; c < classes; c++) p[c] = (p[c] / sum - (c == x->class[row])) / (double)x->rows;
        for (int64_t k = x->begin[row]; k < x->begin[row + 1]; k++)
            for (int c = 0; c < classes; c++) g[(int64_t)x->column[k] * classes + c] += x->value[k] * p[c];
        for (int c = 0; c < classes; c++) g[d + c] += p[c];
    }
}

anl_status anl__logistic_fit(const anl__sparse *x, int classes, double lambda, double *weight)
{
    size_t n = (size_t)((x->columns + 1) * classes);
    double *at = anl__calloc(x->ctx, n, sizeof *at), *g = anl__calloc(x->ctx, n, sizeof *g), *p = anl__calloc(x->ctx, (size_t)classes, sizeof *p);
    /* Rows of length 1 and a constant: the curvature is at most 1/2 (Boehning, 1992) times 2. */
    double rate = 1 / (1 + lambda), momentum = 0;
    if (at && g && p) memset(weight, 0, n * sizeof *weight);
    for (int step = 0; step < STEPS && at && g && p; step++) {
        double turn = 0;
        gradient(x, classes, lambda, at, p, g);
        for (size_t i = 0; i < n; i++) {
            double next = at[i] - rate * g[i], move = next - weight[i];
            turn += g[i] * move;
            at[i] = next + momentum / (momentum + 3) * move;
            weight[i] = next;
        }
        momentum = turn > 0 ? 0 : momentum + 1;
    }
    bool done = at && g && p;
    anl__free(x->ctx, p);
    anl__free(x->ctx, g);
    anl__free(x->ctx, at);
    return done ? ANL_OK : ANL_NOMEM;
}

void anl__logistic_predict(const anl__sparse *x, int classes, const double *weight, float *logits)
{
    for (int64_t row = 0; row < x->rows; row++)
        for (int c = 0; c < classes; c++) {
            double sum = weight[x->columns * classes + c];
            for (int64_t k = x->begin[row]; k < x->begin[row + 1]; k++) sum += x->value[k] * weight[(int64_t)x->column[k] * classes + c];
            logits[row * classes + c] = (float)sum;
        }
}

double anl__logistic_loss(const anl__sparse *x, int classes, const float *logits)
{
    double loss = 0;
    for (int64_t row = 0; row < x->rows; row++) {
        const float *y = logits + row * classes;
        double most = y[0], sum = 0;
        for (int c = 1; c < classes; c++) most = y[c] > most ? y[c] : most;
        for (int c = 0; c < classes; c++) sum += exp(y[c] - most);
        loss += log(sum) + most - y[x->class[row]];
    }
    return x->rows ? loss / (double)x->rows : 0;
}
