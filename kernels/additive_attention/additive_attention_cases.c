#include "tests/ops/case.h"

static const anl__case plain = {.op = "additive_attention", .in = {"3,2,4", "5,2,4", "param 4", "5,2,3"}, .reduction = 8};
static const anl__case lengths = {.op = "additive_attention", .in = {"2,4,3", "6,4,3", "param 3", "6,4,5", "i32 4 <7"}, .reduction = 16};
static const anl__case wide = {.op = "additive_attention", .in = {"1,3,35", "4,3,35", "param 35", "4,3,20", "i32 3 <5"}, .reduction = 64};
static const anl__case single = {.op = "additive_attention", .in = {"1,1,1", "1,1,1", "param 1", "1,1,1"}, .reduction = 8};
static const anl__case back = {.op = "additive_attention_bwd", .in = {"3,2,4", "5,2,4", "param 4", "5,2,6", "2,3,5 unit", "3,2,6", "i32 2 <6"}, .nograd = true, .reduction = 32};
static const anl__case misfit = {.op = "additive_attention", .in = {"3,2,4", "5,2,4", "param 4", "4,2,3"}, .reject = "do not fit"};
static const anl__case weights = {.op = "additive_attention", .in = {"3,2,4", "5,2,4", "param 5", "5,2,3"}, .reject = "the weights v are 5, not 4"};
static const anl__case few = {.op = "additive_attention", .in = {"3,2,4", "5,2,4", "param 4", "5,2,3", "i32 3 <4"}, .reject = "one i32 length a sample"};
const anl__case *const anl__cases_additive_attention[] = {&plain, &lengths, &wide, &single, &back, &misfit, &weights, &few, NULL};
