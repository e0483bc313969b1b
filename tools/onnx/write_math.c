/* Products, sums and functions of single elements. */
#include "emit.h"

#include <math.h>
#include <string.h>

/* Rows: Gemm. More dimensions: MatMul, whose weights are (in, out). */
static void dense(onnx_emit *e)
{
    bool bias = onnx_has(e, 2), rows = onnx_shape(e, 0)->rank == 2;
    const char *x = onnx_in(e, 0, ONNX_PLAIN), *b = bias ? onnx_weight(e, 2, ONNX_AS_IS) : NULL, *y;
    if (rows) {
        y = onnx_op(e, "Gemm", (const char *[]){x, onnx_weight(e, 1, ONNX_AS_IS), b}, bias ? 3 : 2);
        onnx_attr_int(e->m, "transB", 1);
    } else {
        y = onnx_op2(e, "MatMul", x, onnx_weight(e, 1, ONNX_TURNED));
        if (bias) y = onnx_op2(e, "Add", y, b);
    }
    onnx_give(e, 0, ONNX_PLAIN, onnx_activated(e, y));
}

/* ---- two operands ---------------------------------------------------------------------------- */

/* The second operand where it is smaller: one number, a vector over the last axis, or [outer, 1.., last].
   ONNX repeats from the last axis on, and in planes that is not the channels'. */
static const char *repeated(onnx_emit *e, onnx_layout layout)
{
    const anl_shape *a = onnx_shape(e, 0), *b = onnx_shape(e, 1);
    const uint8_t *free = onnx_free_dims(e, 1);
    const char *y = onnx_in(e, 1, layout);
    anl_shape to = {a->rank, {1, 1, 1, 1, 1, 1}};
    uint8_t to_free[ANL_MAX_RANK] = {0};
    int channel = layout == ONNX_PLANES ? 1 : a->rank - 1;
    bool number = anl_shape_count(b) == 1;
    if (b->rank == a->rank || (b->rank <= 1 && (number || layout == ONNX_PLAIN))) return y;
    to.dim[channel] = number ? 1 : b->dim[b->rank - 1];
    if (b->rank >= 2 && !number) {
        to.dim[0] = b->dim[0];
        to_free[0] = free[0];
    }
    return onnx_reshaped(e, y, b, free, &to, to_free);
}

static void two(onnx_emit *e, const char *op)
{
    bool images = onnx_shape(e, 0)->rank == 4;
    bool planes = images && (onnx_in_planes(e, 0) || (onnx_shape(e, 1)->rank == 4 && onnx_in_planes(e, 1)));
    onnx_layout layout = planes ? ONNX_PLANES : ONNX_PLAIN;
    const char *a = onnx_in(e, 0, layout);
    onnx_give(e, 0, layout, onnx_op2(e, op, a, repeated(e, layout)));
}

static void add(onnx_emit *e) { two(e, "Add"); }
static void sub(onnx_emit *e) { two(e, "Sub"); }
static void mul(onnx_emit *e) { two(e, "Mul"); }

/* ---- one operand ----------------------------------------------------------------------------- */

/* The layout that the input is there in. */
static onnx_layout here(const onnx_emit *e) { return onnx_in_planes(e, 0) ? ONNX_PLANES : ONNX_PLAIN; }

static void one(onnx_emit *e, const char *op)
{
    onnx_layout l = here(e);
    onnx_give(e, 0, l, onnx_op1(e, op, onnx_in(e, 0, l)));
}

static void one_with(onnx_emit *e, const char *op, const char *attr, double v)
{
    onnx_layout l = here(e);
    const char *y = onnx_op1(e, op, onnx_in(e, 0, l));
    onnx_attr_float(e->m, attr, v);
    onnx_give(e, 0, l, y);
}

static void relu(onnx_emit *e) { one(e, "Relu"); }
static void sigmoid(onnx_emit *e) { one(e, "Sigmoid"); }
static void tanh_(onnx_emit *e) { one(e, "Tanh"); }
static void hardswish(onnx_emit *e) { one(e, "HardSwish"); }
static void softplus(onnx_emit *e) { one(e, "Softplus"); }
static void leaky_relu(onnx_emit *e)
{
    one_with(e, "LeakyRelu", "alpha", anl__attr_float(&e->call, "slope"));
}
static void elu(onnx_emit *e) { one_with(e, "Elu", "alpha", anl__attr_float(&e->call, "alpha")); }

static void silu(onnx_emit *e)
{
    onnx_layout l = here(e);
    const char *x = onnx_in(e, 0, l);
    onnx_give(e, 0, l, onnx_op2(e, "Mul", x, onnx_op1(e, "Sigmoid", x)));
}

static const char *times(onnx_emit *e, const char *x, double v)
{
    return onnx_op2(e, "Mul", x, onnx_number(e, "factor", v));
}
static const char *plus(onnx_emit *e, const char *x, double v)
{
    return onnx_op2(e, "Add", x, onnx_number(e, "term", v));
}

/* x/2 (1 + erf(x/sqrt 2)), or with tanh(sqrt(2/pi) (x + 0.044715 x^3)) in erf's place (Hendrycks and Gimpel,
   2016). Opset 17 has no operator of it. */
static void gelu(onnx_emit *e)
{
    onnx_layout l = here(e);
    const char *x = onnx_in(e, 0, l), *y;
    if (anl__attr_int(&e->call, "approx")) {
        y = onnx_op2(e, "Mul", x, onnx_op2(e, "Mul", x, x));
        y = onnx_op1(
            e, "Tanh",
            times(e, onnx_op2(e, "Add", x, times(e, y, 0.044715)), sqrt(2 / 3.14159265358979323846)));
    } else {
        y = onnx_op1(e, "Erf", times(e, x, sqrt(0.5)));
    }
    onnx_give(e, 0, l, onnx_op2(e, "Mul", times(e, x, 0.5), plus(e, y, 1)));
}

static void scale(onnx_emit *e)
{
    onnx_layout l = here(e);
    onnx_give(e, 0, l, times(e, onnx_in(e, 0, l), anl__attr_float(&e->call, "factor")));
}

static void bias(onnx_emit *e)
{
    const float *b = onnx_data(e, 1);
    const anl_shape *s = onnx_shape(e, 0);
    onnx_layout l = here(e);
    int64_t k = s->dim[s->rank - 1];
    if (!b) return;
    const char *term =
        l == ONNX_PLANES ? onnx_floats(e, "bias", 3, (int64_t[]){k, 1, 1}, b) : onnx_weight(e, 1, ONNX_AS_IS);
    onnx_give(e, 0, l, onnx_op2(e, "Add", onnx_in(e, 0, l), term));
}

static void softmax_like(onnx_emit *e, const char *op)
{
    onnx_layout l = here(e);
    const char *y = onnx_op1(e, op, onnx_in(e, 0, l));
    onnx_attr_int(e->m, "axis", l == ONNX_PLANES ? 1 : -1);
    onnx_give(e, 0, l, y);
}

static void softmax(onnx_emit *e) { softmax_like(e, "Softmax"); }
static void log_softmax(onnx_emit *e) { softmax_like(e, "LogSoftmax"); }

const onnx_writer onnx_write_math[] = {
    {"dense", dense},     {"add", add},           {"sub", sub},         {"mul", mul},
    {"scale", scale},     {"bias", bias},         {"relu", relu},       {"leaky_relu", leaky_relu},
    {"elu", elu},         {"gelu", gelu},         {"silu", silu},       {"sigmoid", sigmoid},
    {"tanh", tanh_},      {"hardswish", hardswish}, {"softplus", softplus}, {"softmax", softmax},
    {"log_softmax", log_softmax}, {NULL, NULL}};
