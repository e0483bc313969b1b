/* Layers: see layers.h. A layer type is a row: its parameters' builder and the operator it becomes; arguments that are
 * not the layer's own go to the operator, whose schema checks them. */
#include "layers.h"

#include "../runtime/op.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct build {
    anl_graph *g;
    const anl__layer *l;
    const char *name;
    const anl_value *in;
    int n_in;
    bool used[32];
} build;

typedef struct row {
    const char *type, *op;
    int min_in, max_in;
    anl_value (*make)(build *b, const struct row *r);
    const char *own;  /* arguments of the layer itself */
    const char *fixed; /* attributes set by the type */
} row;

static int find_arg(build *b, const char *key)
{
    for (int i = 0; i < b->l->n_arg && i < 32; i++)
        if (!strcmp(b->l->arg[i].key, key)) {
            b->used[i] = true;
            return i;
        }
    return -1;
}

static int64_t int_arg(build *b, const char *key, int64_t def, int64_t least)
{
    int i = find_arg(b, key);
    if (i < 0) {
        if (def < least) anl_graph_fail(b->g, ANL_RECIPE, "layer '%s' (%s) needs '%s'", b->name, b->l->type, key);
        return def;
    }
    char *end;
    errno = 0;
    long long v = strtoll(b->l->arg[i].value, &end, 10);
    if (end == b->l->arg[i].value || *end || errno || v < least || v > 1 << 24)
        anl_graph_fail(b->g, ANL_RECIPE, "layer '%s' (%s): %s '%s' is not an integer of at least %lld", b->name, b->l->type, key, b->l->arg[i].value, (long long)least);
    return v;
}

static double float_arg(build *b, const char *key, double def)
{
    int i = find_arg(b, key);
    char *end;
    if (i < 0) return def;
    double v = strtod(b->l->arg[i].value, &end);
    if (end == b->l->arg[i].value || *end) anl_graph_fail(b->g, ANL_RECIPE, "layer '%s' (%s): %s '%s' is not a number", b->name, b->l->type, key, b->l->arg[i].value);
    return v;
}

static bool bool_arg(build *b, const char *key, bool def)
{
    int i = find_arg(b, key);
    if (i < 0) return def;
    if (!strcmp(b->l->arg[i].value, "true") || !strcmp(b->l->arg[i].value, "1")) return true;
    if (!strcmp(b->l->arg[i].value, "false") || !strcmp(b->l->arg[i].value, "0")) return false;
    anl_graph_fail(b->g, ANL_RECIPE, "layer '%s' (%s): %s '%s' is not true or false", b->name, b->l->type, key, b->l->arg[i].value);
    return def;
}

/* One or two numbers: "3" or "3,5". */
static void pair_arg(build *b, const char *key, int64_t out[2])
{
    int i = find_arg(b, key);
    long long a = 0, c = 0;
    char extra;
    int n = i < 0 ? 0 : sscanf(b->l->arg[i].value, "%lld,%lld%c", &a, &c, &extra);
    out[0] = a;
    out[1] = n == 2 ? c : a;
    if (n < 1 || n > 2 || a < 1 || out[1] < 1 || a > 4096 || out[1] > 4096)
        anl_graph_fail(b->g, ANL_RECIPE, "layer '%s' (%s) needs '%s' as one or two numbers of at least 1", b->name, b->l->type, key);
}

static const char *text_arg(build *b, const char *key, const char *def)
{
    int i = find_arg(b, key);
    return i < 0 ? def : b->l->arg[i].value;
}

/* The arguments nobody asked for are the operator's attributes; "[1, 2]" reads as "1,2". */
static void rest(build *b, const char *fixed, char *out, size_t size)
{
    size_t len = (size_t)snprintf(out, size, "%s", fixed ? fixed : "");
    for (int i = 0; i < b->l->n_arg; i++) {
        if (i < 32 && b->used[i]) continue;
        if (strpbrk(b->l->arg[i].key, " =") || len + strlen(b->l->arg[i].key) + strlen(b->l->arg[i].value) + 3 > size)
            return anl_graph_fail(b->g, ANL_RECIPE, "layer '%s' (%s): argument '%.40s' cannot be used", b->name, b->l->type, b->l->arg[i].key);
        len += (size_t)snprintf(out + len, size - len, " %s=", b->l->arg[i].key);
        for (const char *p = b->l->arg[i].value; *p; p++)
            if (*p != ' ' && *p != '[' && *p != ']') out[len++] = *p;
        out[len] = 0;
    }
}

static anl_value param(build *b, const char *suffix, int rank, const int64_t *dim, anl_init init, unsigned flags)
{
    char name[192];
    snprintf(name, sizeof name, "%s.%s", b->name, suffix);
    return anl_param(b->g, name, rank, dim, init, flags);
}

/* Weights uniform in +-1/sqrt(fan_in) (PyTorch's default; LeCun et al., 1998, keep the variance of sums), or normal with
   variance 2/fan_out (He et al., 2015) or 2/fan_in. */
static anl_init weight_init(build *b, int64_t fan_in, int64_t fan_out)
{
    const char *kind = text_arg(b, "init", "uniform");
    if (!strcmp(kind, "uniform")) return (anl_init){ANL_INIT_UNIFORM, 1 / sqrt((double)fan_in)};
    if (!strcmp(kind, "he-normal")) return (anl_init){ANL_INIT_NORMAL, sqrt(2.0 / (double)fan_in)};
    if (!strcmp(kind, "he-normal-out")) return (anl_init){ANL_INIT_NORMAL, sqrt(2.0 / (double)fan_out)};
    if (!strcmp(kind, "xavier")) return (anl_init){ANL_INIT_UNIFORM, sqrt(6.0 / (double)(fan_in + fan_out))};
    if (!strcmp(kind, "zero")) return (anl_init){ANL_INIT_CONSTANT, 0};
    anl_graph_fail(b->g, ANL_RECIPE, "layer '%s': init '%s' is none of uniform, he-normal, he-normal-out, xavier, zero", b->name, kind);
    return (anl_init){ANL_INIT_CONSTANT, 0};
}

/* `act` may be any activation; relu is also an attribute of the operator, which fusions know. */
static anl_value activate(build *b, const char *act, anl_value x)
{
    char name[192];
    if (!act || !strcmp(act, "none") || b->g == NULL) return x;
    snprintf(name, sizeof name, "%s.%s", b->name, act);
    return anl_node(b->g, act, name, &x, 1, NULL);
}

static anl_value make_conv(build *b, const row *r)
{
    char attrs[256];
    int64_t k[2];
    anl_shape x = anl_value_shape(b->g, b->in[0]);
    if (x.rank != 4) {
        char t[96];
        anl_graph_fail(b->g, ANL_SHAPE, "layer '%s' (%s) needs images N x H x W x C, not %s", b->name, b->l->type, anl__shape_text(&x, t));
        return ANL_NONE;
    }
    bool depthwise = !strcmp(r->type, "depthwise");
    int64_t filters = depthwise ? int_arg(b, "filters", x.dim[3], 1) : int_arg(b, "filters", 0, 1);
    pair_arg(b, "kernel", k);
    int64_t groups = depthwise ? x.dim[3] : int_arg(b, "groups", 1, 1);
    bool bias = bool_arg(b, "bias", true);
    const char *act = text_arg(b, "act", "none"), *pad = text_arg(b, "pad", "0");
    if (anl_graph_status(b->g) != ANL_OK) return ANL_NONE;
    if (x.dim[3] % groups || filters % groups) {
        anl_graph_fail(b->g, ANL_SHAPE, "layer '%s' (%s): %lld groups divide neither %lld input channels nor %lld filters evenly", b->name, b->l->type, (long long)groups, (long long)x.dim[3], (long long)filters);
        return ANL_NONE;
    }
    int64_t fan_in = k[0] * k[1] * x.dim[3] / groups, fan_out = k[0] * k[1] * filters / groups;
    int64_t w[4] = {filters, k[0], k[1], x.dim[3] / groups};
    anl_value in[3] = {b->in[0], param(b, "weight", 4, w, weight_init(b, fan_in, fan_out), ANL_PARAM_DECAY), ANL_NONE};
    if (bias) in[2] = param(b, "bias", 1, &filters, (anl_init){ANL_INIT_UNIFORM, 1 / sqrt((double)fan_in)}, 0);
    char fixed[96], same[96];
    if (!strcmp(pad, "same")) { /* as much as keeps the size at stride 1; the odd cell below and right */
        snprintf(same, sizeof same, "%lld,%lld,%lld,%lld", (long long)(k[0] - 1) / 2, (long long)(k[1] - 1) / 2, (long long)k[0] / 2, (long long)k[1] / 2);
        pad = same;
    }
    snprintf(fixed, sizeof fixed, "groups=%lld pad=%.60s", (long long)groups, pad);
    rest(b, fixed, attrs, sizeof attrs);
    return activate(b, act, anl_node(b->g, r->op, b->name, in, bias ? 3 : 2, "%s", attrs));
}

/* Transposed convolution: the gradient of a convolution for its input, from small images to larger ones. Sizes as PyTorch's:
 * (in - 1) stride - 2 pad + dilation (kernel - 1) + output_pad + 1. Weights: in x kernel x kernel x filters/groups. */
static anl_value make_transposed(build *b, const row *r)
{
    char attrs[256], fixed[160], name[192];
    int64_t k[2], out[2];
    anl_shape x = anl_value_shape(b->g, b->in[0]);
    if (x.rank != 4) {
        char t[96];
        anl_graph_fail(b->g, ANL_SHAPE, "layer '%s' (%s) needs images N x H x W x C, not %s", b->name, b->l->type, anl__shape_text(&x, t));
        return ANL_NONE;
    }
    int64_t filters = int_arg(b, "filters", 0, 1), groups = int_arg(b, "groups", 1, 1), stride = int_arg(b, "stride", 1, 1), pad = int_arg(b, "pad", 0, 0);
    int64_t dilation = int_arg(b, "dilation", 1, 1), more = int_arg(b, "output_pad", 0, 0);
    pair_arg(b, "kernel", k);
    bool bias = bool_arg(b, "bias", true);
    const char *act = text_arg(b, "act", "none");
    if (anl_graph_status(b->g) != ANL_OK) return ANL_NONE;
    if (x.dim[3] % groups || filters % groups || more >= stride) {
        anl_graph_fail(b->g, ANL_SHAPE, "layer '%s' (%s): groups (%lld) must divide %lld input channels and %lld filters, output_pad be below the stride", b->name, b->l->type,
                       (long long)groups, (long long)x.dim[3], (long long)filters);
        return ANL_NONE;
    }
    for (int i = 0; i < 2; i++) out[i] = (x.dim[1 + i] - 1) * stride - 2 * pad + dilation * (k[i] - 1) + more + 1;
    int64_t w[4] = {x.dim[3], k[0], k[1], filters / groups}, fan_in = k[0] * k[1] * x.dim[3] / groups;
    anl_value in[2] = {b->in[0], param(b, "weight", 4, w, weight_init(b, fan_in, k[0] * k[1] * filters / groups), ANL_PARAM_DECAY)};
    snprintf(fixed, sizeof fixed, "groups=%lld stride=%lld pad=%lld dilation=%lld in_h=%lld in_w=%lld", (long long)groups, (long long)stride, (long long)pad, (long long)dilation,
             (long long)out[0], (long long)out[1]);
    rest(b, fixed, attrs, sizeof attrs);
    anl_value y = anl_node(b->g, r->op, b->name, in, 2, "%s", attrs);
    if (!bias) return activate(b, act, y);
    anl_value add[2] = {y, param(b, "bias", 1, &filters, (anl_init){ANL_INIT_UNIFORM, 1 / sqrt((double)fan_in)}, 0)};
    snprintf(name, sizeof name, "%s.add_bias", b->name);
    return activate(b, act, anl_node(b->g, "bias", name, add, 2, NULL));
}

static anl_value make_dense(build *b, const row *r)
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
    int64_t units = int_arg(b, "units", 0, 1);
    bool bias = bool_arg(b, "bias", true);
    const char *act = text_arg(b, "act", "none");
    if (anl_graph_status(b->g) != ANL_OK || x.rank < 1) return ANL_NONE;
    int64_t w[2] = {units, x.dim[x.rank - 1]};
    anl_value in[3] = {from, param(b, "weight", 2, w, weight_init(b, w[1], w[0]), ANL_PARAM_DECAY), ANL_NONE};
    if (bias) in[2] = param(b, "bias", 1, &units, (anl_init){ANL_INIT_UNIFORM, 1 / sqrt((double)w[1])}, 0);
    rest(b, NULL, attrs, sizeof attrs);
    return activate(b, act, anl_node(b->g, r->op, b->name, in, bias ? 3 : 2, "%s", attrs));
}

static anl_value make_norm(build *b, const row *r)
{
    char attrs[256], name[192];
    anl_shape x = anl_value_shape(b->g, b->in[0]);
    bool batch = !strcmp(r->op, "batchnorm");
    const char *act = text_arg(b, "act", "none");
    if (x.rank < 2) {
        anl_graph_fail(b->g, ANL_SHAPE, "layer '%s' (%s) needs at least two dimensions", b->name, b->l->type);
        return ANL_NONE;
    }
    int64_t c = x.dim[x.rank - 1];
    double scale = float_arg(b, "gamma", 1);
    anl_value in[5] = {b->in[0], param(b, "weight", 1, &c, (anl_init){ANL_INIT_CONSTANT, scale}, 0), param(b, "bias", 1, &c, (anl_init){ANL_INIT_CONSTANT, 0}, 0)};
    if (batch) {
        snprintf(name, sizeof name, "%s.running_mean", b->name);
        in[3] = anl_buffer(b->g, name, 1, &c, 0);
        snprintf(name, sizeof name, "%s.running_var", b->name);
        in[4] = anl_buffer(b->g, name, 1, &c, 1);
    }
    rest(b, NULL, attrs, sizeof attrs);
    return activate(b, act, anl_node(b->g, r->op, b->name, in, batch ? 5 : 3, "%s", attrs));
}

static anl_value make_plain(build *b, const row *r)
{
    char attrs[256];
    rest(b, r->fixed, attrs, sizeof attrs);
    return anl_node(b->g, r->op, b->name, b->in, b->n_in, "%s", attrs);
}

static const row rows[] = {
    {"conv", "conv2d", 1, 1, make_conv, "filters kernel stride pad dilation groups bias act init", NULL},
    {"depthwise", "conv2d", 1, 1, make_conv, "kernel stride pad dilation bias act init", NULL},
    {"conv-transpose", "conv2d_bwd_data", 1, 1, make_transposed, "filters kernel stride pad dilation groups output_pad bias act init", NULL},
    {"dense", "dense", 1, 1, make_dense, "units bias act init", NULL},
    {"batchnorm", "batchnorm", 1, 1, make_norm, "eps momentum act gamma", NULL},
    {"layernorm", "layernorm", 1, 1, make_norm, "eps act", NULL},
    {"groupnorm", "groupnorm", 1, 1, make_norm, "groups eps act", NULL},
    {"maxpool", "maxpool2d", 1, 1, make_plain, "kernel stride pad", NULL},
    {"avgpool", "avgpool2d", 1, 1, make_plain, "kernel stride pad", NULL},
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
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static const row *find_row(anl_graph *g, const anl__layer *l)
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

anl_value anl__layer_add(anl_graph *g, const anl__layer *l, const anl_value *in, int n_in)
{
    char made[64];
    if (anl_graph_status(g) != ANL_OK) return ANL_NONE;
    const row *r = find_row(g, l);
    if (!r) return ANL_NONE;
    build b = {.g = g, .l = l, .name = l->name, .in = in, .n_in = n_in};
    if (!b.name) {
        snprintf(made, sizeof made, "%s%d", r->type, anl_graph_node_count(g) + 1);
        b.name = made;
    }
    if (n_in < r->min_in || n_in > r->max_in) {
        anl_graph_fail(g, ANL_RECIPE, "layer '%s' (%s) takes %d to %d inputs, not %d", b.name, r->type, r->min_in, r->max_in, n_in);
    } else {
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
}
