/* Functions of single elements, and softmax. */
#include "emit.h"

#include <math.h>

static void named(keras_emit *e, const char *activation)
{
    keras_tensor y = keras_add1(e, "Activation", NULL, keras_in(e, 0));
    keras_set_text(e->f, "activation", activation);
    keras_give(e, 0, y);
}

static void sigmoid(keras_emit *e) { named(e, "sigmoid"); }
static void tanh_(keras_emit *e) { named(e, "tanh"); }
static void softplus(keras_emit *e) { named(e, "softplus"); }
static void silu(keras_emit *e) { named(e, "swish"); } /* the name that Keras 2 has, too */

static void relu(keras_emit *e) { keras_give(e, 0, keras_add1(e, "ReLU", NULL, keras_in(e, 0))); }

/* LeakyReLU's argument has another name in Keras 3; ReLU's has not. */
static void leaky_relu(keras_emit *e)
{
    relu(e);
    keras_set_float(e->f, "negative_slope", anl__attr_float(&e->call, "slope"));
}

static void elu(keras_emit *e)
{
    keras_tensor y = keras_add1(e, "ELU", NULL, keras_in(e, 0));
    keras_set_float(e->f, "alpha", anl__attr_float(&e->call, "alpha"));
    keras_give(e, 0, y);
}

static keras_tensor product(keras_emit *e, const char *what, keras_tensor a, keras_tensor b)
{
    return keras_add(e, "Multiply", what, (const keras_tensor[]){a, b}, 2);
}

/* x relu6(x + 3) / 6, which Keras 2 has no name for. */
static void hardswish(keras_emit *e)
{
    keras_tensor x = keras_in(e, 0),
                 gate = keras_add1(e, "ReLU", "relu6", keras_rescaled(e, "shifted", x, 1, 3));
    keras_set_float(e->f, "max_value", 6);
    keras_give(e, 0, product(e, NULL, x, keras_rescaled(e, "gate", gate, 1 / 6.0, 0)));
}

/* x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2 (Hendrycks and Gimpel, 2016). Keras's own name stands for
   the form with erf. */
static void gelu(keras_emit *e)
{
    if (!anl__attr_int(&e->call, "approx")) {
        named(e, "gelu");
        return;
    }
    double root = sqrt(2 / 3.14159265358979323846);
    keras_tensor x = keras_in(e, 0), cube = product(e, "cube", x, product(e, "square", x, x));
    const keras_tensor sum[2] = {keras_rescaled(e, "linear", x, root, 0),
                                 keras_rescaled(e, "cubic", cube, root * 0.044715, 0)};
    keras_tensor gate = keras_add1(e, "Activation", "tanh", keras_add(e, "Add", "sum", sum, 2));
    keras_set_text(e->f, "activation", "tanh");
    keras_give(e, 0, product(e, NULL, x, keras_rescaled(e, "gate", gate, 0.5, 0.5)));
}

static void softmax(keras_emit *e)
{
    keras_tensor y = keras_add1(e, "Softmax", NULL, keras_in_at(e, 0, KERAS_NOT_LAST));
    keras_set_int(e->f, "axis", -1);
    keras_give(e, 0, y);
}

static void log_softmax(keras_emit *e)
{
    keras_in_at(e, 0, KERAS_NOT_LAST);
    named(e, "log_softmax");
}

const keras_writer keras_write_activation[] = {
    {"relu", relu},         {"leaky_relu", leaky_relu}, {"elu", elu},   {"gelu", gelu},
    {"silu", silu},         {"sigmoid", sigmoid},       {"tanh", tanh_}, {"hardswish", hardswish},
    {"softplus", softplus}, {"softmax", softmax},       {"log_softmax", log_softmax}, {NULL, NULL}};
