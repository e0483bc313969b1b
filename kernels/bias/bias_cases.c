#include "tests/ops/case.h"

static const anl__case bias = {.op = "bias", .in = {"2,3,4", "param 4"}};
static const anl__case one = {.op = "bias", .in = {"1,1", "param 1"}};
static const anl__case wrong = {.op = "bias", .in = {"2,3", "param 2"}, .reject = "does not fit the last axis"};
static const anl__case sum = {.op = "bias_grad", .in = {"37,5,3"}, .nograd = true, .reduction = 185};
static const anl__case wide = {.op = "bias_grad", .in = {"129,33"}, .nograd = true, .reduction = 129};
static const anl__case vector = {.op = "bias", .in = {"7", "param 7"}};
static const anl__case wide_rows = {.op = "bias", .in = {"3,700", "param 700"}};
static const anl__case odd = {.op = "bias", .in = {"5,3,3,17", "param 17"}};
static const anl__case sum_one = {.op = "bias_grad", .in = {"9"}, .nograd = true, .reduction = 1};
static const anl__case sum_wide = {.op = "bias_grad", .in = {"5,700"}, .nograd = true, .reduction = 5};
static const anl__case sum_large = {.op = "bias_grad", .in = {"3,40,40,2"}, .nograd = true, .reduction = 4800};
const anl__case *const anl__cases_bias[] = {&bias, &one, &wrong, &sum, &wide, &vector, &wide_rows, &odd, &sum_one, &sum_wide, &sum_large, NULL};
