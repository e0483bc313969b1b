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
/* many slices of rows, and blocks of columns of each width; more blocks of columns than an engine counts at once */
static const anl__case sum_six = {.op = "bias_grad", .in = {"9000,6"}, .nograd = true, .reduction = 9000};
static const anl__case sum_twelve = {.op = "bias_grad", .in = {"5000,12"}, .nograd = true, .reduction = 5000};
static const anl__case sum_forty = {.op = "bias_grad", .in = {"3000,40"}, .nograd = true, .reduction = 3000};
static const anl__case sum_most = {.op = "bias_grad", .in = {"2,33000"}, .nograd = true, .reduction = 2};
const anl__case *const anl__cases_bias[] = {&bias, &one, &wrong, &sum, &wide, &vector, &wide_rows, &odd, &sum_one, &sum_wide, &sum_large, &sum_six, &sum_twelve, &sum_forty, &sum_most, NULL};
