/* Layers over time. Inside a graph a sequence is time-major, T x N x C; `to-time` makes one of N x T x C or of an image's rows,
 * and `time-pool` makes one vector a sample of it. */
#include "layer_build.h"
#include "recurrent.h"

#include "../runtime/op.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* (T,N,C) of the first input; fails the graph for anything else. */
static bool sequence(anl__build *b, anl_shape *x)
{
    char t[96];
    *x = anl_value_shape(b->g, b->in[0]);
    if (x->rank == 3) return true;
    anl_graph_fail(b->g, ANL_SHAPE, "layer '%s' (%s) needs a sequence T x N x C, not %s: a layer `to-time` makes one", b->name, b->l->type, anl__shape_text(x, t));
    return false;
}

static anl_value sub_node(anl__build *b, const char *op, const char *suffix, anl_value x, const char *attrs)
{
    char name[192];
    snprintf(name, sizeof name, "%s.%s", b->name, suffix);
    return anl_node(b->g, op, name, &x, 1, "%s", attrs);
}

/* N x T x C, or an image N x H x W x C whose rows are time steps. */
anl_value anl__make_to_time(anl__build *b, const anl__layer_row *r)
{
    char attrs[96];
    anl_value x = b->in[0];
    anl_shape s = anl_value_shape(b->g, x);
    if (s.rank == 4) x = sub_node(b, "reshape", "rows", x, "shape=0,0,-1");
    anl__arg_rest(b, r->fixed, attrs, sizeof attrs);
    return sub_node(b, r->op, "time", x, attrs);
}

/* Rows of a table for i32 indices, drawn from N(0, 1) as PyTorch's. */
anl_value anl__make_embedding(anl__build *b, const anl__layer_row *r)
{
    char attrs[96];
    int64_t w[2] = {anl__arg_int(b, "vocabulary", 0, 1), anl__arg_int(b, "units", 0, 1)};
    double scale = anl__arg_float(b, "std", 1);
    if (anl_graph_status(b->g) != ANL_OK) return ANL_NONE;
    anl_value in[2] = {b->in[0], anl__layer_param(b, "weight", 2, w, (anl_init){ANL_INIT_NORMAL, scale}, ANL_PARAM_DECAY)};
    anl_dtype t = anl_graph_dtype(b->g);
    anl__arg_rest(b, t == ANL_BF16 ? "dtype=bf16" : t == ANL_F16 ? "dtype=f16" : NULL, attrs, sizeof attrs);
    return anl_node(b->g, r->op, b->name, in, 2, "%s", attrs);
}

anl_value anl__make_recurrent(anl__build *b, const anl__layer_row *r)
{
    anl__recurrent_opts o = {.cell = r->fixed, .units = anl__arg_int(b, "units", 0, 1), .layers = (int)anl__arg_int(b, "layers", 1, 1),
                             .bidirectional = anl__arg_bool(b, "bidirectional", false), .dropout = anl__arg_float(b, "dropout", 0), .reset = anl__arg_text(b, "reset", NULL)};
    if (anl__arg_bool(b, "peepholes", false))
        anl_graph_fail(b->g, ANL_UNSUPPORTED,
                       "layer '%s' (%s): there are no peepholes (weights from the cell's state to the gates): leave them out",
                       b->name, b->l->type);
    if (anl_graph_status(b->g) != ANL_OK) return ANL_NONE;
    return anl__recurrent(b->g, b->name, &o, b->in[0], b->n_in > 1 ? b->in[1] : ANL_NONE, NULL, NULL);
}

/* A convolution over time: that of images N x 1 x T x C. causal: only the past is seen, and the length stays. */
anl_value anl__make_conv1d(anl__build *b, const anl__layer_row *r)
{
    char name[192], text[96];
    anl_shape x;
    if (!sequence(b, &x)) return ANL_NONE;
    int64_t filters = anl__arg_int(b, "filters", 0, 1), kernel = anl__arg_int(b, "kernel", 0, 1), dilation = anl__arg_int(b, "dilation", 1, 1), stride = anl__arg_int(b, "stride", 1, 1);
    bool bias = anl__arg_bool(b, "bias", true), causal = anl__arg_bool(b, "causal", false);
    const char *act = anl__arg_text(b, "act", "none");
    int64_t pad = anl__arg_int(b, "pad", 0, 0), wide = dilation * (kernel - 1), left = causal ? wide : pad, right = causal ? 0 : pad, fan_in = kernel * x.dim[2];
    anl_init init = anl__weight_init(b, fan_in, kernel * filters);
    if (anl_graph_status(b->g) != ANL_OK) return ANL_NONE;
    anl_value image = sub_node(b, "transpose", "samples", b->in[0], "perm=1,0,2");
    snprintf(text, sizeof text, "shape=0,1,%lld,%lld", (long long)x.dim[0], (long long)x.dim[2]);
    image = sub_node(b, "reshape", "image", image, text);
    int64_t w[4] = {filters, 1, kernel, x.dim[2]};
    anl_value in[3] = {image, anl__layer_param(b, "weight", 4, w, init, ANL_PARAM_DECAY), ANL_NONE};
    if (bias) in[2] = anl__layer_param(b, "bias", 1, &filters, (anl_init){ANL_INIT_UNIFORM, 1 / sqrt((double)fan_in)}, 0);
    snprintf(name, sizeof name, "%s.conv", b->name);
    anl_value y = anl_node(b->g, r->op, name, in, bias ? 3 : 2, "stride=1,%lld dilation=1,%lld pad=0,%lld,0,%lld", (long long)stride, (long long)dilation, (long long)left, (long long)right);
    y = anl__activate(b, act, y);
    snprintf(text, sizeof text, "shape=0,-1,%lld", (long long)filters);
    return sub_node(b, "transpose", "time", sub_node(b, "reshape", "rows", y, text), "perm=1,0,2");
}

/* A learned vector added at each place: the first T of `length`. */
anl_value anl__make_position(anl__build *b, const anl__layer_row *r)
{
    char text[96];
    anl_shape x;
    if (!sequence(b, &x)) return ANL_NONE;
    int64_t w[2] = {anl__arg_int(b, "length", x.dim[0], 1), x.dim[2]};
    if (w[0] < x.dim[0]) anl_graph_fail(b->g, ANL_SHAPE, "layer '%s' (%s) knows %lld places, the sequence has %lld", b->name, b->l->type, (long long)w[0], (long long)x.dim[0]);
    anl_value place = anl__layer_param(b, "weight", 2, w, (anl_init){ANL_INIT_NORMAL, 0.02}, 0);
    snprintf(text, sizeof text, "axis=0 begin=0 end=%lld", (long long)x.dim[0]);
    if (w[0] > x.dim[0]) place = sub_node(b, "slice", "first", place, text);
    snprintf(text, sizeof text, "shape=%lld,1,%lld", (long long)x.dim[0], (long long)x.dim[2]);
    anl_value in[2] = {b->in[0], sub_node(b, "reshape", "places", place, text)};
    if (anl_value_dtype(b->g, in[0]) != anl_value_dtype(b->g, in[1])) { /* parameters are wide */
        snprintf(text, sizeof text, "dtype=%s", anl_dtype_name(anl_value_dtype(b->g, in[0])));
        in[1] = sub_node(b, "cast", "narrow", in[1], text);
    }
    return anl_node(b->g, r->op, b->name, in, 2, NULL);
}

/* Multi-head self-attention (Vaswani et al., 2017): one product for queries, keys and values, one behind. Inputs: x, lengths. */
anl_value anl__make_attention(anl__build *b, const anl__layer_row *r)
{
    char name[192];
    anl_shape x;
    if (!sequence(b, &x)) return ANL_NONE;
    int64_t c = x.dim[2], heads = anl__arg_int(b, "heads", 1, 1), w_in[2] = {3 * c, c}, w_out[2] = {c, c}, c3 = 3 * c;
    bool causal = anl__arg_bool(b, "causal", false);
    if (c % heads) anl_graph_fail(b->g, ANL_RECIPE, "layer '%s' (%s): %lld heads do not divide %lld channels", b->name, b->l->type, (long long)heads, (long long)c);
    if (anl_graph_status(b->g) != ANL_OK) return ANL_NONE;
    anl_init init = {ANL_INIT_UNIFORM, 1 / sqrt((double)c)};
    anl_value in[3] = {b->in[0], anl__layer_param(b, "in.weight", 2, w_in, init, ANL_PARAM_DECAY), anl__layer_param(b, "in.bias", 1, &c3, (anl_init){ANL_INIT_CONSTANT, 0}, 0)};
    snprintf(name, sizeof name, "%s.in", b->name);
    anl_value all = anl_node(b->g, "dense", name, in, 3, NULL), part[4];
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s.%s", b->name, i == 0 ? "q" : i == 1 ? "k" : "v");
        part[i] = anl_node(b->g, "slice", name, &all, 1, "axis=2 begin=%lld end=%lld", (long long)(i * c), (long long)((i + 1) * c));
    }
    part[3] = b->n_in > 1 ? b->in[1] : ANL_NONE;
    snprintf(name, sizeof name, "%s.heads", b->name);
    anl_value y = anl_node(b->g, r->op, name, part, 4, "heads=%lld causal=%d", (long long)heads, causal);
    anl_value out[3] = {y, anl__layer_param(b, "out.weight", 2, w_out, init, ANL_PARAM_DECAY), anl__layer_param(b, "out.bias", 1, &c, (anl_init){ANL_INIT_CONSTANT, 0}, 0)};
    snprintf(name, sizeof name, "%s.out", b->name);
    return anl_node(b->g, "dense", name, out, 3, NULL);
}

/* Inputs: x, lengths (optional). */
anl_value anl__make_time_pool(anl__build *b, const anl__layer_row *r)
{
    char attrs[96];
    anl_shape x;
    if (!sequence(b, &x)) return ANL_NONE;
    anl__arg_rest(b, NULL, attrs, sizeof attrs);
    return anl_node(b->g, r->op, b->name, b->in, b->n_in, "%s", attrs);
}

/* `dense` of a layered model takes a whole sample; this one each time step. */
anl_value anl__make_time_dense(anl__build *b, const anl__layer_row *r)
{
    anl_shape x;
    char attrs[96];
    if (!sequence(b, &x)) return ANL_NONE;
    int64_t units = anl__arg_int(b, "units", 0, 1), w[2] = {units, x.dim[2]};
    bool bias = anl__arg_bool(b, "bias", true);
    const char *act = anl__arg_text(b, "act", "none");
    if (anl_graph_status(b->g) != ANL_OK) return ANL_NONE;
    anl_value in[3] = {b->in[0], anl__layer_param(b, "weight", 2, w, anl__weight_init(b, w[1], w[0]), ANL_PARAM_DECAY), ANL_NONE};
    if (bias) in[2] = anl__layer_param(b, "bias", 1, &units, (anl_init){ANL_INIT_UNIFORM, 1 / sqrt((double)w[1])}, 0);
    anl__arg_rest(b, NULL, attrs, sizeof attrs);
    return anl__activate(b, act, anl_node(b->g, r->op, b->name, in, bias ? 3 : 2, "%s", attrs));
}
