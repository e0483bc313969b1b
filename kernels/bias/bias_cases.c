#include "tests/ops/case.h"

static const anl__case bias = {.op = "bias", .in = {"2,3,4", "param 4"}};
static const anl__case one = {.op = "bias", .in = {"1,1", "param 1"}};
static const anl__case wrong = {.op = "bias", .in = {"2,3", "param 2"}, .reject = "does not fit the last axis"};
static const anl__case sum = {.op = "bias_grad", .in = {"37,5,3"}, .nograd = true, .reduction = 185};
static const anl__case wide = {.op = "bias_grad", .in = {"129,33"}, .nograd = true, .reduction = 129};
const anl__case *const anl__cases_bias[] = {&bias, &one, &wrong, &sum, &wide, NULL};
