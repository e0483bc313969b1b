/* What the models of sequences share; see sequence.h. */
#include "sequence.h"

#include "../runtime/op.h"

#include <math.h>
#include <stdio.h>

anl_value anl__seq_node(anl_graph *g, const char *op, const char *name, anl_value x, const char *fmt, ...)
{
    char attrs[192] = "";
    va_list ap;
    va_start(ap, fmt);
    if (fmt) vsnprintf(attrs, sizeof attrs, fmt, ap);
    va_end(ap);
    return anl_node(g, op, name, &x, 1, "%s", attrs);
}

anl_value anl__seq_values(anl_graph *g, const char *name, int64_t n, int64_t t, int64_t f)
{
    const int64_t dim[3] = {n, t, f};
    anl_value x = anl_input(g, name, ANL_F32, 3, dim);
    char node[64];
    anl_dtype type = anl_graph_dtype(g);
    snprintf(node, sizeof node, "%s.cast", name);
    if (type != ANL_F32) x = anl__seq_node(g, "cast", node, x, "dtype=%s", anl_dtype_name(type));
    snprintf(node, sizeof node, "%s.time", name);
    return anl__seq_node(g, "transpose", node, x, "perm=1,0,2");
}

anl_value anl__seq_embedding(anl_graph *g, const char *name, anl_value tokens, int64_t vocabulary, int64_t units)
{
    return anl__layer_text(g, "embedding", name, &tokens, 1, "vocabulary=%lld units=%lld std=%.9g", (long long)vocabulary, (long long)units, 1.0);
}

anl_value anl__seq_dropout(anl_graph *g, const char *name, double p, anl_value x)
{
    return p > 0 ? anl__seq_node(g, "dropout", name, x, "p=%.9g sample_axis=1", p) : x;
}

anl_value anl__seq_dense(anl_graph *g, const char *name, anl_value x, int64_t units, bool bias)
{
    char text[128];
    anl_shape s = anl_value_shape(g, x);
    if (s.rank < 1) return ANL_NONE;
    const int64_t w[2] = {units, s.dim[s.rank - 1]};
    anl_init init = {ANL_INIT_UNIFORM, 1 / sqrt((double)w[1])};
    snprintf(text, sizeof text, "%s.weight", name);
    anl_value in[3] = {x, anl_param(g, text, 2, w, init, ANL_PARAM_DECAY), ANL_NONE};
    snprintf(text, sizeof text, "%s.bias", name);
    if (bias) in[2] = anl_param(g, text, 1, &units, init, 0);
    return anl_node(g, "dense", name, in, bias ? 3 : 2, NULL);
}

void anl__seq_token_loss(anl_graph *g, const anl_model_opts *o, anl_value y, anl_value label)
{
    anl_shape s = anl_value_shape(g, y);
    if (s.rank != 3) return;
    y = anl__seq_node(g, "reshape", "logits", y, "shape=-1,%lld", (long long)s.dim[2]);
    label = anl__seq_node(g, "transpose", "label.time", label, "perm=1,0");
    label = anl__seq_node(g, "reshape", "label.rows", label, "shape=-1");
    if (o->seq.decode) {
        anl_value out = anl_graph_dtype(g) == ANL_F32 ? y : anl__seq_node(g, "cast", "logits.f32", y, "dtype=f32");
        anl_output(g, "logits", out);
    }
    anl_value in[2] = {y, label};
    double smoothing = anl_graph_mode(g) == ANL_TRAIN ? o->label_smoothing : 0;
    anl_value num = anl_node(g, "softmax_cross_entropy", "loss.cross_entropy", in, 2, "label_smoothing=%.9g", smoothing);
    anl_loss(g, "loss", num, anl_node_output(g, num, 1), 1);
    anl_sum(g, "correct", anl_node_output(g, num, 2));
}
