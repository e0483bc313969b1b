/* Activations, element by element: relu, leaky_relu, elu, gelu, silu, sigmoid, tanh, hardswish, softplus, and NAME_bwd for
 * each: dx = dy * slope. Those whose slope follows from the output (relu, leaky_relu, elu, sigmoid, tanh) read that. */
#include "activation.h"

#include <string.h>

static const char *const names[ANL__ACT_COUNT] = {"relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh", "hardswish", "softplus"};
static const anl__attr_def leaky_attrs[] = {{"slope", ANL__FLOAT, "0.01", 0, 1, NULL, "slope below 0"}, {0}};
static const anl__attr_def elu_attrs[] = {{"alpha", ANL__FLOAT, "1", 0, 1e6, NULL, "limit below 0 is -alpha"}, {0}};
static const anl__attr_def gelu_attrs[] = {{"approx", ANL__ENUM, "none", 0, 0, "none|tanh", "the tanh form of Hendrycks and Gimpel"}, {0}};

anl__act anl__act_of(const anl__call *c, double *a)
{
    int kind = 0;
    while (kind + 1 < ANL__ACT_COUNT && (strncmp(c->op->name, names[kind], strlen(names[kind])) || (c->op->name[strlen(names[kind])] && strcmp(c->op->name + strlen(names[kind]), "_bwd")))) kind++;
    *a = kind == ANL__LEAKY_RELU ? anl__attr_float(c, "slope") : kind == ANL__ELU ? anl__attr_float(c, "alpha") : kind == ANL__GELU ? (double)anl__attr_int(c, "approx") : 0;
    return (anl__act)kind;
}

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    (void)ctx;
    c->n_out = 1;
    c->out[0] = c->in[0];
    return ANL_OK;
}

static anl_status infer_bwd(anl_ctx *ctx, anl__call *c)
{
    char a[96], b[96];
    if (anl_shape_count(&c->in[0].shape) != anl_shape_count(&c->in[1].shape))
        return anl__fail(ctx, ANL_SHAPE, "gradient %s does not fit %s", anl__shape_text(&c->in[0].shape, a), anl__shape_text(&c->in[1].shape, b));
    c->n_out = 1;
    c->out[0] = c->in[0];
    return ANL_OK;
}

static anl_status grad(anl__grad *g)
{
    double a;
    int kind = anl__act_of(anl__grad_call(g), &a);
    anl_value in[2] = {anl__grad_dout(g, 0), anl__act_reads_output(kind) ? anl__grad_out(g, 0) : anl__grad_in(g, 0)};
    char op[32];
    size_t n = strlen(names[kind]);
    memcpy(op, names[kind], n);
    memcpy(op + n, "_bwd", 5);
    anl__grad_give(g, 0, anl__grad_node(g, op, in, 2, true, NULL));
    return ANL_OK;
}

static const anl__op relu_op = {.name = "relu", .min_in = 1, .max_in = 1, .infer = infer, .grad = grad, .cheap = true, .help = "x where positive, else 0"};
static const anl__op relu_bwd_op = {.name = "relu_bwd", .min_in = 2, .max_in = 2, .infer = infer_bwd, .help = "gradient of relu"};
static const anl__op leaky_relu_op = {.name = "leaky_relu", .min_in = 1, .max_in = 1, .infer = infer, .grad = grad, .cheap = true, .attrs = leaky_attrs, .help = "x where positive, else slope*x"};
static const anl__op leaky_relu_bwd_op = {.name = "leaky_relu_bwd", .min_in = 2, .max_in = 2, .infer = infer_bwd, .attrs = leaky_attrs, .help = "gradient of leaky_relu"};
static const anl__op elu_op = {.name = "elu", .min_in = 1, .max_in = 1, .infer = infer, .grad = grad, .cheap = true, .attrs = elu_attrs, .help = "x where positive, else alpha*(exp(x)-1); alpha >= 0"};
static const anl__op elu_bwd_op = {.name = "elu_bwd", .min_in = 2, .max_in = 2, .infer = infer_bwd, .attrs = elu_attrs, .help = "gradient of elu"};
static const anl__op gelu_op = {.name = "gelu", .min_in = 1, .max_in = 1, .infer = infer, .grad = grad, .cheap = true, .attrs = gelu_attrs, .help = "x times the normal distribution"};
static const anl__op gelu_bwd_op = {.name = "gelu_bwd", .min_in = 2, .max_in = 2, .infer = infer_bwd, .attrs = gelu_attrs, .help = "gradient of gelu"};
static const anl__op silu_op = {.name = "silu", .min_in = 1, .max_in = 1, .infer = infer, .grad = grad, .cheap = true, .help = "x*sigmoid(x)"};
static const anl__op silu_bwd_op = {.name = "silu_bwd", .min_in = 2, .max_in = 2, .infer = infer_bwd, .help = "gradient of silu"};
static const anl__op sigmoid_op = {.name = "sigmoid", .min_in = 1, .max_in = 1, .infer = infer, .grad = grad, .cheap = true, .help = "1/(1+exp(-x))"};
static const anl__op sigmoid_bwd_op = {.name = "sigmoid_bwd", .min_in = 2, .max_in = 2, .infer = infer_bwd, .help = "gradient of sigmoid"};
static const anl__op tanh_op = {.name = "tanh", .min_in = 1, .max_in = 1, .infer = infer, .grad = grad, .cheap = true, .help = "hyperbolic tangent"};
static const anl__op tanh_bwd_op = {.name = "tanh_bwd", .min_in = 2, .max_in = 2, .infer = infer_bwd, .help = "gradient of tanh"};
static const anl__op hardswish_op = {.name = "hardswish", .min_in = 1, .max_in = 1, .infer = infer, .grad = grad, .cheap = true, .help = "x*min(max(x+3,0),6)/6"};
static const anl__op hardswish_bwd_op = {.name = "hardswish_bwd", .min_in = 2, .max_in = 2, .infer = infer_bwd, .help = "gradient of hardswish"};
static const anl__op softplus_op = {.name = "softplus", .min_in = 1, .max_in = 1, .infer = infer, .grad = grad, .cheap = true, .help = "log(1+exp(x))"};
static const anl__op softplus_bwd_op = {.name = "softplus_bwd", .min_in = 2, .max_in = 2, .infer = infer_bwd, .help = "gradient of softplus"};
const anl__op *const anl__ops_activation[] = {
    &relu_op, &relu_bwd_op, &leaky_relu_op, &leaky_relu_bwd_op, &elu_op, &elu_bwd_op, &gelu_op, &gelu_bwd_op, &silu_op, &silu_bwd_op, &sigmoid_op, &sigmoid_bwd_op, &tanh_op, &tanh_bwd_op, &hardswish_op, &hardswish_bwd_op, &softplus_op, &softplus_bwd_op, NULL};
