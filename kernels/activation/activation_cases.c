#include "tests/ops/case.h"

static const anl__case relu_a = {.op = "relu", .in = {"3,5,7 distinct"}};
static const anl__case relu_b = {.op = "relu_bwd", .in = {"4,33", "4,33 distinct"}, .nograd = true};
static const anl__case leaky_relu_a = {.op = "leaky_relu", .attrs = "slope=0.2", .in = {"3,5,7 distinct"}};
static const anl__case leaky_relu_b = {.op = "leaky_relu_bwd", .attrs = "slope=0.2", .in = {"4,33", "4,33 distinct"}, .nograd = true};
static const anl__case elu_a = {.op = "elu", .attrs = "alpha=0.7", .in = {"3,5,7 distinct"}};
static const anl__case elu_b = {.op = "elu_bwd", .attrs = "alpha=0.7", .in = {"4,33", "4,33 distinct"}, .nograd = true};
static const anl__case gelu_a = {.op = "gelu", .in = {"3,5,7 distinct"}};
static const anl__case gelu_b = {.op = "gelu_bwd", .in = {"4,33", "4,33 distinct"}, .nograd = true};
static const anl__case silu_a = {.op = "silu", .in = {"3,5,7 distinct"}};
static const anl__case silu_b = {.op = "silu_bwd", .in = {"4,33", "4,33 distinct"}, .nograd = true};
static const anl__case sigmoid_a = {.op = "sigmoid", .in = {"3,5,7 distinct"}};
static const anl__case sigmoid_b = {.op = "sigmoid_bwd", .in = {"4,33", "4,33 distinct"}, .nograd = true};
static const anl__case tanh_a = {.op = "tanh", .in = {"3,5,7 distinct"}};
static const anl__case tanh_b = {.op = "tanh_bwd", .in = {"4,33", "4,33 distinct"}, .nograd = true};
static const anl__case hardswish_a = {.op = "hardswish", .in = {"3,5,7 distinct"}};
static const anl__case hardswish_b = {.op = "hardswish_bwd", .in = {"4,33", "4,33 distinct"}, .nograd = true};
static const anl__case softplus_a = {.op = "softplus", .in = {"3,5,7 distinct"}};
static const anl__case softplus_b = {.op = "softplus_bwd", .in = {"4,33", "4,33 distinct"}, .nograd = true};
static const anl__case gelu_tanh = {.op = "gelu", .attrs = "approx=tanh", .in = {"2,65"}};
static const anl__case gelu_tanh_b = {.op = "gelu_bwd", .attrs = "approx=tanh", .in = {"2,65", "2,65"}, .nograd = true};
static const anl__case hard_far = {.op = "hardswish", .in = {"2,3 =5"}};
static const anl__case far = {.op = "softplus", .in = {"1,2 =-90"}};
static const anl__case slope = {.op = "leaky_relu", .attrs = "slope=2", .in = {"2,3"}, .reject = "is outside 0 to 1"};
static const anl__case shapes = {.op = "relu_bwd", .in = {"2,3", "2,4"}, .reject = "does not fit"};
const anl__case *const anl__cases_activation[] = {
    &relu_a, &relu_b, &leaky_relu_a, &leaky_relu_b, &elu_a, &elu_b, &gelu_a, &gelu_b, &silu_a, &silu_b, &sigmoid_a, &sigmoid_b, &tanh_a, &tanh_b, &hardswish_a, &hardswish_b, &softplus_a, &softplus_b, &gelu_tanh, &gelu_tanh_b, &hard_far, &far, &slope, &shapes, NULL};
