/* See emit.h. */
#include "emit.h"

#include "tools/export/facts.h"

#include <string.h>

void keras_refuse(keras_emit *e, const char *fmt, ...)
{
    va_list ap;
    if (e->f->status != ANL_OK) return;
    va_start(ap, fmt);
    anl_status st = anl__failv(e->ctx, ANL_UNSUPPORTED, fmt, ap);
    va_end(ap);
    keras_fail(e->f,
               anl__context(e->ctx, st, "layer '%s' (%s)", e->at, e->node ? e->node->op->name : "input"));
}

/* ---- values ---------------------------------------------------------------------------------- */

keras_tensor keras_value(keras_emit *e, anl_value v)
{
    const anl__value *x = &e->g->value[v];
    if (e->seen[v].layer >= 0 || e->f->status != ANL_OK) return e->seen[v];
    if (x->kind == ANL__PARAM)
        keras_refuse(e, "the weights '%s' alone: no layer of Keras gives them", x->name);
    else keras_refuse(e, "it reads what no layer of Keras gives");
    return e->seen[v];
}

keras_tensor keras_in(keras_emit *e, int i) { return keras_value(e, e->node->in[i]); }
keras_tensor keras_in_at(keras_emit *e, int i, int samples)
{
    static const char *const what[] = {"samples first (images N,H,W,C)", "a sequence T,N,C"};
    keras_tensor x = keras_in(e, i);
    int at = keras_samples(e, e->node->in[i]), last = keras_shape(e, i)->rank - 1;
    if (samples == KERAS_NOT_LAST && (at < 0 || at == last))
        keras_refuse(e, "its last dimension is the samples");
    else if (samples >= 0 && at != samples) keras_refuse(e, "what it reads is not %s", what[samples]);
    return x;
}

bool keras_has(const keras_emit *e, int i) { return anl__has_in(&e->call, i); }
void keras_give(keras_emit *e, int j, keras_tensor x) { e->seen[e->node->out[j]] = x; }
const anl_shape *keras_shape(const keras_emit *e, int i) { return &e->call.in[i].shape; }

int keras_samples(const keras_emit *e, anl_value v)
{
    int at = -1;
    for (int i = 0; i < e->g->value[v].type.shape.rank; i++) {
        if (!(e->graph->free[v][i] & EVAL_SAMPLES)) continue;
        if (at >= 0 || e->graph->free[v][i] != EVAL_SAMPLES) return -1;
        at = i;
    }
    return at;
}

int keras_place(const keras_emit *e, anl_value v, int i)
{
    int samples = keras_samples(e, v);
    return i == samples ? 0 : i < samples ? i + 1 : i;
}

int keras_sizes(keras_emit *e, anl_value v, int64_t out[ANL_MAX_RANK])
{
    const anl_shape *s = &e->g->value[v].type.shape;
    int n = 0, samples = keras_samples(e, v);
    if (samples < 0) keras_refuse(e, "samples are not a dimension of their own");
    for (int i = 0; i < s->rank; i++)
        if (i != samples) out[n++] = e->graph->free[v][i] ? INT64_MIN : s->dim[i];
    return n;
}

int keras_only_reader(const keras_emit *e, anl_value v)
{
    int found = -1;
    for (int64_t i = 0; i < e->g->n_output; i++)
        if (e->g->output[i].v == v) return -1;
    for (int64_t k = 0; k < e->g->n_node; k++)
        for (int i = 0; e->graph->wanted[k] && i < e->g->node[k].n_in; i++) {
            if (e->g->node[k].in[i] != v) continue;
            if (found >= 0) return -1;
            found = (int)k;
        }
    return found;
}

/* ---- layers ---------------------------------------------------------------------------------- */

keras_tensor keras_add(keras_emit *e, const char *kind, const char *what, const keras_tensor *in, int n)
{
    const char *name = what ? anl__arena_printf(e->arena, "%s.%s", e->at, what) : e->at;
    if (!name) keras_fail(e->f, ANL_NOMEM);
    return keras_layer_add(e->f, kind, name, in, n);
}

keras_tensor keras_add1(keras_emit *e, const char *kind, const char *what, keras_tensor x)
{
    return keras_add(e, kind, what, &x, 1);
}

keras_tensor keras_permuted(keras_emit *e, const char *what, keras_tensor x, const int64_t *order, int n)
{
    bool same = true;
    for (int i = 0; i < n; i++) same = same && order[i] == i + 1;
    if (same) return x;
    x = keras_add1(e, "Permute", what, x);
    keras_set_ints(e->f, "dims", order, n);
    return x;
}

keras_tensor keras_reshaped(keras_emit *e, const char *what, keras_tensor x, const int64_t *to, int n)
{
    int64_t shape[ANL_MAX_RANK];
    int open = 0;
    for (int i = 0; i < n; i++) {
        shape[i] = to[i] == INT64_MIN ? -1 : to[i];
        open += shape[i] < 0;
    }
    if (open > 1) keras_refuse(e, "what becomes of each dimension is not known where several are any number");
    x = keras_add1(e, "Reshape", what, x);
    keras_set_ints(e->f, "target_shape", shape, n);
    return x;
}

/* Of (rows, columns, channels): the channels first, and back. */
static const int64_t channels_first[3] = {3, 1, 2}, channels_last[3] = {2, 3, 1}, swapped[2] = {2, 1};

static keras_tensor cropped_image(keras_emit *e, const char *what, keras_tensor x, bool columns,
                                  int64_t before, int64_t behind)
{
    const int64_t none[2] = {0, 0}, cut[2] = {before, behind}, *a = columns ? none : cut,
                  *b = columns ? cut : none;
    x = keras_add1(e, "Cropping2D", what, x);
    keras_set_pairs(e->f, "cropping", (const int64_t[][2]){{a[0], a[1]}, {b[0], b[1]}}, 2);
    return x;
}

static keras_tensor cropped_rows(keras_emit *e, const char *what, keras_tensor x, int64_t before,
                                 int64_t behind)
{
    x = keras_add1(e, "Cropping1D", what, x);
    keras_set_ints(e->f, "cropping", (int64_t[]){before, behind}, 2);
    return x;
}

/* Keras crops rows and columns only: channels become rows and rows channels again. */
keras_tensor keras_cropped(keras_emit *e, const char *what, keras_tensor x, const int64_t *sizes, int n,
                           int p, int64_t before, int64_t behind)
{
    if (!before && !behind) return x;
    if (n == 1) {
        x = keras_reshaped(e, "rows", x, (int64_t[]){sizes[0], 1}, 2);
        x = cropped_rows(e, "crop", x, before, behind);
        return keras_reshaped(e, what, x, (int64_t[]){sizes[0] - before - behind}, 1);
    }
    if (n == 2 && p == 1) return cropped_rows(e, what, x, before, behind);
    if (n == 2) {
        x = keras_permuted(e, "turn", x, swapped, 2);
        return keras_permuted(e, what, cropped_rows(e, "crop", x, before, behind), swapped, 2);
    }
    if (n == 3 && p < 3) return cropped_image(e, what, x, p == 2, before, behind);
    if (n != 3) keras_refuse(e, "values of %d dimensions cannot be cut", n + 1);
    x = cropped_image(e, "crop", keras_permuted(e, "turn", x, channels_first, 3), false, before, behind);
    return keras_permuted(e, what, x, channels_last, 3);
}

keras_tensor keras_padded(keras_emit *e, const char *what, keras_tensor x, const int64_t pad[4])
{
    if (!pad[0] && !pad[1] && !pad[2] && !pad[3]) return x;
    x = keras_add1(e, "ZeroPadding2D", what, x);
    keras_set_pairs(e->f, "padding", (const int64_t[][2]){{pad[0], pad[2]}, {pad[1], pad[3]}}, 2);
    return x;
}

/* The largest of single pixels. */
keras_tensor keras_picked(keras_emit *e, keras_tensor x, int64_t rows, int64_t columns)
{
    if (rows == 1 && columns == 1) return x;
    x = keras_add1(e, "MaxPooling2D", "pick", x);
    keras_set_ints(e->f, "pool_size", (int64_t[]){1, 1}, 2);
    keras_set_ints(e->f, "strides", (int64_t[]){rows, columns}, 2);
    return x;
}

keras_tensor keras_activated(keras_emit *e, keras_tensor x)
{
    return anl__attr_int(&e->call, "act") ? keras_add1(e, "ReLU", "relu", x) : x;
}

keras_tensor keras_rescaled(keras_emit *e, const char *what, keras_tensor x, double factor, double term)
{
    x = keras_add1(e, "Rescaling", what, x);
    keras_set_float(e->f, "scale", factor);
    keras_set_float(e->f, "offset", term);
    return x;
}

/* ---- weights --------------------------------------------------------------------------------- */

const float *keras_data(keras_emit *e, int i)
{
    const anl__value *x = &e->g->value[e->node->in[i]];
    const float *data = NULL;
    if (x->kind != ANL__PARAM && x->kind != ANL__BUFFER) {
        keras_refuse(e, "its weights are computed by another layer");
        return NULL;
    }
    anl_status st = facts_weight(e->ctx, e->from, x, &data);
    if (st != ANL_OK) keras_fail(e->f, st);
    return data;
}

float *keras_room(keras_emit *e, int64_t count)
{
    float *p = anl__arena_alloc(e->arena, sizeof *p * (size_t)(count + 1));
    if (!p) keras_fail(e->f, ANL_NOMEM);
    return p;
}

const float *keras_turned(keras_emit *e, const float *w, int64_t a, int64_t b)
{
    float *y = w ? facts_turned(e->arena, w, 1, a, b) : NULL;
    if (w && !y) keras_fail(e->f, ANL_NOMEM);
    return y;
}
