/* add, sub, mul, scale, cast. The second operand has the first's shape, or one that repeats over it: [C] over the last axis,
 * [N,1..1,C] over the middle, or one number. sum_to is the gradient of that repetition: it adds what was repeated. */
#include "broadcast.h"

#include <stdio.h>
#include <string.h>

static const anl__attr_def scale_attrs[] = {{"factor", ANL__FLOAT, "1", 0, 0, NULL, "multiplier"}, {0}};
static const anl__attr_def cast_attrs[] = {{"dtype", ANL__ENUM, NULL, 0, 0, "f32|bf16|f64|f16", "of the result"}, {0}};
static const anl__attr_def sum_attrs[] = {{"shape", ANL__INTS, NULL, 1, 1e15, NULL, "of the result"}, {0}};

static anl_status infer_same(anl_ctx *ctx, anl__call *c)
{
    (void)ctx;
    c->n_out = 1;
    c->out[0] = c->in[0];
    return ANL_OK;
}

static anl_status infer_two(anl_ctx *ctx, anl__call *c)
{
    char a[96], b[96];
    anl__broadcast m;
    if (!anl__broadcast_of(&c->in[0].shape, &c->in[1].shape, &m))
        return anl__fail(ctx, ANL_SHAPE, "%s does not repeat over %s", anl__shape_text(&c->in[1].shape, a), anl__shape_text(&c->in[0].shape, b));
    if (c->in[0].dtype != c->in[1].dtype)
        return anl__fail(ctx, ANL_SHAPE, "the operands are %s and %s: cast one of them", anl_dtype_name(c->in[0].dtype), anl_dtype_name(c->in[1].dtype));
    return infer_same(ctx, c);
}

static anl_status infer_cast(anl_ctx *ctx, anl__call *c)
{
    static const anl_dtype to[] = {ANL_F32, ANL_BF16, ANL_F64, ANL_F16};
    ANL_TRY(infer_same(ctx, c));
    c->out[0].dtype = to[anl__attr_int(c, "dtype")];
    return ANL_OK;
}

static anl_status infer_sum(anl_ctx *ctx, anl__call *c)
{
    const anl__attr *s = anl__attr_get(c, "shape");
    anl__broadcast m;
    c->n_out = 1;
    c->out[0] = anl__type_of(c->in[0].dtype, s->n, s->i);
    if (s->n > ANL_MAX_RANK || !anl__broadcast_of(&c->in[0].shape, &c->out[0].shape, &m)) return anl__fail(ctx, ANL_SHAPE, "the result does not repeat over the input");
    return ANL_OK;
}

/* The gradient of operand 1, whose shape may be smaller. */
static anl_value reduced(anl__grad *g, anl_value d)
{
    const anl__call *c = anl__grad_call(g);
    const anl_shape *s = &c->in[1].shape;
    char text[160] = "shape=";
    size_t len = 6;
    if (anl__shape_equal(&c->in[0].shape, s)) return d;
    for (int i = 0; i < s->rank; i++) len += (size_t)snprintf(text + len, sizeof text - len, i ? ",%lld" : "%lld", (long long)s->dim[i]);
    if (s->rank == 0) memcpy(text + len, "1", 2);
    return anl__grad_node(g, "sum_to", &d, 1, false, "%s", text);
}

static anl_status grad_add(anl__grad *g)
{
    anl_value dy = anl__grad_dout(g, 0);
    anl__grad_give(g, 0, dy);
    if (anl__grad_needs(g, 1)) anl__grad_give(g, 1, reduced(g, dy));
    return ANL_OK;
}

static anl_status grad_sub(anl__grad *g)
{
    anl_value dy = anl__grad_dout(g, 0);
    anl__grad_give(g, 0, dy);
    if (anl__grad_needs(g, 1)) anl__grad_give(g, 1, reduced(g, anl__grad_node(g, "scale", &dy, 1, false, "factor=-1")));
    return ANL_OK;
}

static anl_status grad_mul(anl__grad *g)
{
    anl_value dy = anl__grad_dout(g, 0);
    anl_value a[2] = {dy, anl__grad_in(g, 1)}, b[2] = {dy, anl__grad_in(g, 0)};
    if (anl__grad_needs(g, 0)) anl__grad_give(g, 0, anl__grad_node(g, "mul", a, 2, false, NULL));
    if (anl__grad_needs(g, 1)) anl__grad_give(g, 1, reduced(g, anl__grad_node(g, "mul", b, 2, false, NULL)));
    return ANL_OK;
}

static anl_status grad_scale(anl__grad *g)
{
    anl_value dy = anl__grad_dout(g, 0);
    anl__grad_give(g, 0, anl__grad_node(g, "scale", &dy, 1, true, NULL));
    return ANL_OK;
}

static anl_status grad_cast(anl__grad *g)
{
    anl_value dy = anl__grad_dout(g, 0);
    anl_dtype t = anl__grad_call(g)->in[0].dtype;
    anl__grad_give(g, 0, anl__grad_node(g, "cast", &dy, 1, false, "dtype=%s", anl_dtype_name(t)));
    return ANL_OK;
}

static const anl__op add = {.name = "add", .min_in = 2, .max_in = 2, .infer = infer_two, .grad = grad_add, .cheap = true, .help = "a + b, b may repeat"};
static const anl__op sub = {.name = "sub", .min_in = 2, .max_in = 2, .infer = infer_two, .grad = grad_sub, .cheap = true, .help = "a - b, b may repeat"};
static const anl__op mul = {.name = "mul", .min_in = 2, .max_in = 2, .infer = infer_two, .grad = grad_mul, .cheap = true, .help = "a * b, b may repeat"};
static const anl__op scale = {.name = "scale", .min_in = 1, .max_in = 1, .attrs = scale_attrs, .infer = infer_same, .grad = grad_scale, .cheap = true, .help = "a * factor"};
static const anl__op cast = {.name = "cast", .min_in = 1, .max_in = 1, .attrs = cast_attrs, .infer = infer_cast, .grad = grad_cast, .help = "another element type"};
static const anl__op sum_to = {.name = "sum_to", .min_in = 1, .max_in = 1, .attrs = sum_attrs, .infer = infer_sum, .help = "adds what a smaller shape repeats over"};
const anl__op *const anl__ops_elementwise[] = {&add, &sub, &mul, &scale, &cast, &sum_to, NULL};
