#include "tests/ops/case.h"

static const anl__case add = {.op = "add", .in = {"3,5,7", "3,5,7"}};
static const anl__case add_vector = {.op = "add", .in = {"3,5,7", "7"}, .reduction = 15};
static const anl__case add_one = {.op = "add", .in = {"3,5", "1"}, .reduction = 15};
static const anl__case sub = {.op = "sub", .in = {"2,33", "2,33"}};
static const anl__case sub_vector = {.op = "sub", .in = {"4,3", "3"}, .reduction = 4};
static const anl__case mul = {.op = "mul", .in = {"2,3,4,5", "2,3,4,5"}};
static const anl__case mul_gate = {.op = "mul", .in = {"2,3,4,5", "2,1,1,5"}, .reduction = 12};
static const anl__case mul_flat_gate = {.op = "mul", .in = {"2,3,4,5", "2,5"}, .reduction = 12};
static const anl__case mul_wide_gate = {.op = "mul", .in = {"2,3,300", "2,1,300"}, .reduction = 3};
static const anl__case sub_wide_vector = {.op = "sub", .in = {"3,2,700", "700"}, .reduction = 6};
static const anl__case add_line = {.op = "add", .in = {"9", "9"}};
static const anl__case sum_each = {.op = "sum_to", .attrs = "shape=2,300", .in = {"2,3,300"}, .nograd = true, .reduction = 3};
static const anl__case sum_all = {.op = "sum_to", .attrs = "shape=1", .in = {"5,7,3"}, .nograd = true, .reduction = 105};
static const anl__case sum_wide = {.op = "sum_to", .attrs = "shape=700", .in = {"5,700"}, .nograd = true, .reduction = 5};
static const anl__case scale = {.op = "scale", .attrs = "factor=-2.5", .in = {"3,17"}};
static const anl__case same = {.op = "scale", .attrs = "factor=1", .in = {"1"}};
static const anl__case sum = {.op = "sum_to", .attrs = "shape=6", .in = {"37,6"}, .nograd = true, .reduction = 37};
static const anl__case to_f32 = {.op = "cast", .attrs = "dtype=f32", .in = {"5,67"}, .nograd = true};
static const anl__case shapes = {.op = "add", .in = {"2,3", "2"}, .reject = "2 does not repeat over 2x3"};
static const anl__case result = {.op = "sum_to", .attrs = "shape=4", .in = {"2,3"}, .reject = "does not repeat"};
static const anl__case large = {.op = "add", .in = {"64,56,56,256", "64,56,56,256"}, .large = true, .bench = true, .nograd = true};
const anl__case *const anl__cases_elementwise[] = {&add, &add_vector, &add_one, &sub, &sub_vector, &mul, &mul_gate, &mul_flat_gate, &mul_wide_gate, &sub_wide_vector, &add_line, &scale, &same, &sum, &sum_each, &sum_all, &sum_wide, &to_f32, &shapes, &result, &large, NULL};
