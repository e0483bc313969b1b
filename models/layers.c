/* Layers: see layers.h. A layer type is a row: its parameters' builder and the operator it becomes; arguments that are
 * not the layer's own go to the operator, whose schema checks them. */
#include "layer_build.h"

#include "../runtime/op.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static anl_value make_conv(anl__build *b, const anl__layer_row *r)
{
    char attrs[256];
    int64_t k[2], dilation[2] = {1, 1};
    anl_shape x = anl_value_shape(b->g, b->in[0]);
    if (x.rank != 4) {
        char t[96];
        anl_graph_fail(b->g, ANL_SHAPE, "layer '%s' (%s) needs images N x H x W x C, not %s", b->name, b->l->type, anl__shape_text(&x, t));
        return ANL_NONE;
    }
    bool depthwise = !strcmp(r->type, "depthwise");
    int64_t filters = depthwise ? anl__arg_int(b, "filters", x.dim[3], 1) : anl__arg_int(b, "filters", 0, 1);
    anl__arg_pair(b, "kernel", k);
    int64_t groups = depthwise ? x.dim[3] : anl__arg_int(b, "groups", 1, 1);
    bool bias = anl__arg_bool(b, "bias", true);
    const char *act = anl__arg_text(b, "act", "none"), *pad = anl__arg_text(b, "pad", "0");
    if (anl__arg_text(b, "dilation", NULL)) anl__arg_pair(b, "dilation", dilation);
    if (isalpha((unsigned char)*pad) && strcmp(pad, "same"))
        anl_graph_fail(b->g, ANL_RECIPE, "layer '%s' (%s): pad '%s' is neither a number of pixels (0, none, without it) nor same", b->name, b->l->type, pad);
    if (anl_graph_status(b->g) != ANL_OK) return ANL_NONE;
    if (x.dim[3] % groups || filters % groups) {
        anl_graph_fail(b->g, ANL_SHAPE, "layer '%s' (%s): %lld groups divide neither %lld input channels nor %lld filters evenly", b->name, b->l->type, (long long)groups, (long long)x.dim[3], (long long)filters);
        return ANL_NONE;
    }
    int64_t fan_in = k[0] * k[1] * x.dim[3] / groups, fan_out = k[0] * k[1] * filters / groups;
    int64_t w[4] = {filters, k[0], k[1], x.dim[3] / groups};
    anl_value in[3] = {b->in[0], anl__layer_param(b, "weight", 4, w, anl__weight_init(b, fan_in, fan_out), ANL_PARAM_DECAY), ANL_NONE};
    if (bias) in[2] = anl__layer_param(b, "bias", 1, &filters, (anl_init){ANL_INIT_UNIFORM, 1 / sqrt((double)fan_in)}, 0);
    char fixed[192], same[96];
    if (!strcmp(pad, "same")) { /* as much as keeps the size at stride 1; the odd cell below and right */
        long long wide[2] = {dilation[0] * (k[0] - 1), dilation[1] * (k[1] - 1)};
        snprintf(same, sizeof same, "%lld,%lld,%lld,%lld", wide[0] / 2, wide[1] / 2, wide[0] - wide[0] / 2, wide[1] - wide[1] / 2);
        pad = same;
    }
    snprintf(fixed, sizeof fixed, "groups=%lld dilation=%lld,%lld pad=%.60s", (long long)groups, (long long)dilation[0], (long long)dilation[1], pad);
    anl__arg_rest(b, fixed, attrs, sizeof attrs);
    return anl__activate(b, act, anl_node(b->g, r->op, b->name, in, bias ? 3 : 2, "%s", attrs));
}

/* Transposed convolution: the gradient of a convolution for its input, from small images to larger ones. Sizes as PyTorch's:
 * (in - 1) stride - 2 pad + dilation (kernel - 1) + output_pad + 1. Weights: in x kernel x kernel x filters/groups. */
static anl_value make_transposed(anl__build *b, const anl__layer_row *r)
{
    char attrs[256], fixed[160], name[192];
    int64_t k[2], out[2];
    anl_shape x = anl_value_shape(b->g, b->in[0]);
    if (x.rank != 4) {
        char t[96];
        anl_graph_fail(b->g, ANL_SHAPE, "layer '%s' (%s) needs images N x H x W x C, not %s", b->name, b->l->type, anl__shape_text(&x, t));
        return ANL_NONE;
    }
    int64_t filters = anl__arg_int(b, "filters", 0, 1), groups = anl__arg_int(b, "groups", 1, 1), stride = anl__arg_int(b, "stride", 1, 1), pad = anl__arg_int(b, "pad", 0, 0);
    int64_t dilation = anl__arg_int(b, "dilation", 1, 1), more = anl__arg_int(b, "output_pad", 0, 0);
    anl__arg_pair(b, "kernel", k);
    bool bias = anl__arg_bool(b, "bias", true);
    const char *act = anl__arg_text(b, "act", "none");
    if (anl_graph_status(b->g) != ANL_OK) return ANL_NONE;
    if (x.dim[3] % groups || filters % groups || more >= stride) {
        anl_graph_fail(b->g, ANL_SHAPE, "layer '%s' (%s): groups (%lld) must divide %lld input channels and %lld filters, output_pad be below the stride", b->name, b->l->type,
                       (long long)groups, (long long)x.dim[3], (long long)filters);
        return ANL_NONE;
    }
    for (int i = 0; i < 2; i++) out[i] = (x.dim[1 + i] - 1) * stride - 2 * pad + dilation * (k[i] - 1) + more + 1;
    int64_t w[4] = {x.dim[3], k[0], k[1], filters / groups}, fan_in = k[0] * k[1] * x.dim[3] / groups;
    anl_value in[2] = {b->in[0], anl__layer_param(b, "weight", 4, w, anl__weight_init(b, fan_in, k[0] * k[1] * filters / groups), ANL_PARAM_DECAY)};
    snprintf(fixed, sizeof fixed, "groups=%lld stride=%lld pad=%lld dilation=%lld in_h=%lld in_w=%lld", (long long)groups, (long long)stride, (long long)pad, (long long)dilation,
             (long long)out[0], (long long)out[1]);
    anl__arg_rest(b, fixed, attrs, sizeof attrs);
    anl_value y = anl_node(b->g, r->op, b->name, in, 2, "%s", attrs);
    if (!bias) return anl__activate(b, act, y);
    anl_value add[2] = {y, anl__layer_param(b, "bias", 1, &filters, (anl_init){ANL_INIT_UNIFORM, 1 / sqrt((double)fan_in)}, 0)};
    snprintf(name, sizeof name, "%s.add_bias", b->name);
    return anl__activate(b, act, anl_node(b->g, "bias", name, add, 2, NULL));
}

static anl_value make_dense(anl__build *b, const anl__layer_row *r)
{
    char attrs[256];
    anl_shape x = anl_value_shape(b->g, b->in[0]);
    anl_value from = b->in[0];
    if (x.rank > 2) { /* dense takes the whole sample */
        char name[192];
        snprintf(name, sizeof name, "%s.flatten", b->name);
        from = anl_node(b->g, "reshape", name, &from, 1, "shape=0,-1");
        x = anl_value_shape(b->g, from);
    }
    int64_t units = anl__arg_int(b, "units", 0, 1);
    bool bias = anl__arg_bool(b, "bias", true);
    const char *act = anl__arg_text(b, "act", "none");
    if (anl_graph_status(b->g) != ANL_OK || x.rank < 1) return ANL_NONE;
    int64_t w[2] = {units, x.dim[x.rank - 1]};
    anl_value in[3] = {from, anl__layer_param(b, "weight", 2, w, anl__weight_init(b, w[1], w[0]), ANL_PARAM_DECAY), ANL_NONE};
    if (bias) in[2] = anl__layer_param(b, "bias", 1, &units, (anl_init){ANL_INIT_UNIFORM, 1 / sqrt((double)w[1])}, 0);
    anl__arg_rest(b, NULL, attrs, sizeof attrs);
    return anl__activate(b, act, anl_node(b->g, r->op, b->name, in, bias ? 3 : 2, "%s", attrs));
}

static anl_value make_norm(anl__build *b, const anl__layer_row *r)
{
    char attrs[256], name[192];
    anl_shape x = anl_value_shape(b->g, b->in[0]);
    bool batch = !strcmp(r->op, "batchnorm");
    const char *act = anl__arg_text(b, "act", "none");
    if (x.rank < 2) {
        anl_graph_fail(b->g, ANL_SHAPE, "layer '%s' (%s) needs at least two dimensions", b->name, b->l->type);
        return ANL_NONE;
    }
    int64_t c = x.dim[x.rank - 1];
    double scale = anl__arg_float(b, "gamma", 1);
    anl_value in[5] = {b->in[0], anl__layer_param(b, "weight", 1, &c, (anl_init){ANL_INIT_CONSTANT, scale}, 0), anl__layer_param(b, "bias", 1, &c, (anl_init){ANL_INIT_CONSTANT, 0}, 0)};
    if (batch) {
        snprintf(name, sizeof name, "%s.running_mean", b->name);
        in[3] = anl_buffer(b->g, name, 1, &c, 0);
        snprintf(name, sizeof name, "%s.running_var", b->name);
        in[4] = anl_buffer(b->g, name, 1, &c, 1);
    }
    if (batch && anl__arg_text(b, "global_stats", NULL))
        anl_graph_fail(b->g, ANL_RECIPE, "layer '%s' (%s): global_stats goes with frozen parameters, and is set by train.freeze",
                       b->name, b->l->type);
    /* then its statistics are too */
    bool frozen = batch && anl_param_is_frozen(b->g, in[1]) && anl_param_is_frozen(b->g, in[2]);
    anl__arg_rest(b, frozen ? "global_stats=1" : NULL, attrs, sizeof attrs);
    return anl__activate(b, act, anl_node(b->g, r->op, b->name, in, batch ? 5 : 3, "%s", attrs));
}

static anl_value make_plain(anl__build *b, const anl__layer_row *r)
{
    char attrs[256];
    anl__arg_rest(b, r->fixed, attrs, sizeof attrs);
    return anl_node(b->g, r->op, b->name, b->in, b->n_in, "%s", attrs);
}

static const anl__layer_row rows[] = {
    {"conv", "conv2d", 1, 1, make_conv, "filters kernel stride pad dilation groups bias act init", NULL},
    {"depthwise", "conv2d", 1, 1, make_conv, "filters kernel stride pad dilation bias act init", NULL},
    {"conv-transpose", "conv2d_bwd_data", 1, 1, make_transposed, "filters kernel stride pad dilation groups output_pad bias act init", NULL},
    {"dense", "dense", 1, 1, make_dense, "units bias act init", NULL},
    {"batchnorm", "batchnorm", 1, 1, make_norm, "eps momentum act gamma", NULL},
    {"layernorm", "layernorm", 1, 1, make_norm, "eps act", NULL},
    {"groupnorm", "groupnorm", 1, 1, make_norm, "groups eps act", NULL},
    {"maxpool", "maxpool2d", 1, 1, make_plain, "kernel stride pad", NULL},
    {"avgpool", "avgpool2d", 1, 1, make_plain, "kernel stride pad count_include_pad", NULL},
    {"global-avgpool", "global_avgpool", 1, 1, make_plain, "", NULL},
    {"upsample", "upsample2d", 1, 1, make_plain, "scale mode", NULL},
    {"pad", "pad2d", 1, 1, make_plain, "pad", NULL},
    {"shortcut", "identity_shortcut", 1, 1, make_plain, "stride channels", NULL},
    {"flatten", "reshape", 1, 1, make_plain, "", "shape=0,-1"},
    {"reshape", "reshape", 1, 1, make_plain, "shape", NULL},
    {"transpose", "transpose", 1, 1, make_plain, "perm", NULL},
    {"slice", "slice", 1, 1, make_plain, "axis begin end", NULL},
    {"concat", "concat", 2, ANL__MAX_IN, make_plain, "axis", NULL},
    {"dropout", "dropout", 1, 1, make_plain, "p", NULL},
    {"add", "add", 2, 2, make_plain, "", NULL},
    {"mul", "mul", 2, 2, make_plain, "", NULL},
    {"sub", "sub", 2, 2, make_plain, "", NULL},
    {"scale", "scale", 1, 1, make_plain, "factor", NULL},
    {"relu", "relu", 1, 1, make_plain, "", NULL},
    {"leaky-relu", "leaky_relu", 1, 1, make_plain, "slope", NULL},
    {"elu", "elu", 1, 1, make_plain, "alpha", NULL},
    {"gelu", "gelu", 1, 1, make_plain, "approx", NULL},
    {"silu", "silu", 1, 1, make_plain, "", NULL},
    {"sigmoid", "sigmoid", 1, 1, make_plain, "", NULL},
    {"tanh", "tanh", 1, 1, make_plain, "", NULL},
    {"hardswish", "hardswish", 1, 1, make_plain, "", NULL},
    {"softplus", "softplus", 1, 1, make_plain, "", NULL},
    {"softmax", "softmax", 1, 1, make_plain, "", NULL},
    {"log-softmax", "log_softmax", 1, 1, make_plain, "", NULL},
    {"to-time", "transpose", 1, 1, anl__make_to_time, "", "perm=1,0,2"},
    {"embedding", "embedding", 1, 1, anl__make_embedding, "vocabulary units std", NULL},
    {"lstm", "recurrent", 1, 2, anl__make_recurrent, "units layers bidirectional dropout", "lstm"},
    {"gru", "recurrent", 1, 2, anl__make_recurrent, "units layers bidirectional dropout reset", "gru"},
    {"rnn", "recurrent", 1, 2, anl__make_recurrent, "units layers bidirectional dropout", "rnn"},
    {"rnn-relu", "recurrent", 1, 2, anl__make_recurrent, "units layers bidirectional dropout", "rnn-relu"},
    {"conv1d", "conv2d", 1, 1, anl__make_conv1d, "filters kernel stride dilation pad causal bias act init", NULL},
    {"position", "add", 1, 1, anl__make_position, "length", NULL},
    {"self-attention", "attention", 1, 2, anl__make_attention, "heads causal", NULL},
    {"time-dense", "dense", 1, 1, anl__make_time_dense, "units bias act init", NULL},
    {"time-pool", "time_pool", 1, 2, anl__make_time_pool, "mode", NULL},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static const anl__layer_row *find_row(anl_graph *g, const anl__layer *l)
{
    const char *names[ROWS];
    for (int i = 0; i < ROWS; i++) {
        if (!strcmp(rows[i].type, l->type)) return &rows[i];
        names[i] = rows[i].type;
    }
    const char *near = anl__nearest(l->type, names, ROWS);
    anl_graph_fail(g, ANL_RECIPE, "%s%sthere is no layer type '%s'%s%s%s", l->where ? l->where : "", l->where ? ": " : "", l->type,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return NULL;
}

static bool takes(const char *words, const char *key)
{
    for (size_t n; *words; words += n + strspn(words + n, " ")) {
        n = strcspn(words, " ");
        if (strlen(key) == n && !strncmp(words, key, n)) return true;
    }
    return false;
}

/* What an argument is called elsewhere. */
static const struct { const char *there, *here; } called[] = {
    {"activation", "act"}, {"kernel_size", "kernel"}, {"pool_size", "kernel"}, {"size", "kernel"}, {"padding", "pad"}, {"strides", "stride"}, {"dilation_rate", "dilation"},
    {"out_channels", "filters"}, {"out_features", "units"}, {"hidden_size", "units"}, {"num_layers", "layers"}, {"use_bias", "bias"}, {"rate", "p"}, {"epsilon", "eps"},
    {"negative_slope", "slope"}, {"num_groups", "groups"}, {"num_heads", "heads"}, {"dim", "axis"}, {"scale_factor", "scale"}, {"kernel_initializer", "init"},
};

static void fail_argument(anl__build *b, const anl__layer_row *r, const char *key)
{
    const char *here = NULL;
    for (size_t i = 0; i < sizeof called / sizeof *called; i++)
        if (!strcmp(called[i].there, key) && takes(r->own, called[i].here)) here = called[i].here;
    anl_graph_fail(b->g, ANL_RECIPE, "layer '%s' (%s) takes no '%.60s'%s%s%s; it takes: %s", b->name, r->type, key, here ? ", which here is '" : "", here ? here : "",
                   here ? "'" : "", *r->own ? r->own : "no argument at all");
}

static bool check_arguments(anl__build *b, const anl__layer_row *r)
{
    /* of these the layer itself says why there are none */
    const char *refused = !strcmp(r->op, "batchnorm") ? "global_stats" : !strcmp(r->op, "recurrent") ? "peepholes" : "";
    for (int i = 0; i < b->l->n_arg; i++) {
        const char *key = b->l->arg[i].key;
        if (takes(r->own, key) || takes(refused, key)) continue;
        fail_argument(b, r, key);
        return false;
    }
    return true;
}

anl_value anl__layer_add(anl_graph *g, const anl__layer *l, const anl_value *in, int n_in)
{
    char made[64];
    if (anl_graph_status(g) != ANL_OK) return ANL_NONE;
    const anl__layer_row *r = find_row(g, l);
    if (!r) return ANL_NONE;
    anl__build b = {.g = g, .l = l, .name = l->name, .in = in, .n_in = n_in};
    if (!b.name) {
        snprintf(made, sizeof made, "%s%d", r->type, anl_graph_node_count(g) + 1);
        b.name = made;
    }
    if (n_in < r->min_in || n_in > r->max_in) {
        anl_graph_fail(g, ANL_RECIPE, "layer '%s' (%s) takes %d to %d inputs, not %d", b.name, r->type, r->min_in, r->max_in, n_in);
    } else if (check_arguments(&b, r)) {
        anl_value out = r->make(&b, r);
        if (anl_graph_status(g) == ANL_OK) return out;
    }
    anl_graph_context(g, l->where);
    return ANL_NONE;
}

anl_value anl__layer_text(anl_graph *g, const char *type, const char *name, const anl_value *in, int n_in, const char *fmt, ...)
{
    char text[256];
    anl__layer_arg arg[16];
    anl__layer l = {.type = type, .name = name, .arg = arg};
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    char *save = NULL;
    for (char *p = strtok_r(text, " ", &save); p && l.n_arg < 16; p = strtok_r(NULL, " ", &save)) {
        char *eq = strchr(p, '=');
        if (!eq) continue;
        *eq = 0;
        arg[l.n_arg++] = (anl__layer_arg){p, eq + 1};
    }
    return anl__layer_add(g, &l, in, n_in);
}

void anl__layer_help(anl__buf *out)
{
    for (int i = 0; i < ROWS; i++) anl__buf_add(out, "  %-16s %s\n", rows[i].type, rows[i].own);
    anl__activate_help(out);
}
