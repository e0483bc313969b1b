#include "tests/ops/case.h"

static const anl__case one = {.op = "attention", .in = {"3,2,4", "5,2,4", "5,2,3"}, .reduction = 8};
static const anl__case heads = {.op = "attention", .attrs = "heads=3", .in = {"4,2,6", "3,2,6", "3,2,9"}, .reduction = 8};
static const anl__case causal = {.op = "attention", .attrs = "heads=2 causal=1", .in = {"5,3,4", "5,3,4", "5,3,4"}, .reduction = 8};
static const anl__case lengths = {.op = "attention", .attrs = "scale=1", .in = {"2,4,3", "6,4,3", "6,4,5", "i32 4 <7"}, .reduction = 16};
static const anl__case both = {.op = "attention", .attrs = "heads=2 causal=1", .in = {"6,3,34", "6,3,34", "6,3,20", "i32 3 <7"}, .reduction = 64};
static const anl__case single = {.op = "attention", .in = {"1,1,1", "1,1,1", "1,1,1"}, .reduction = 8};
static const anl__case back = {.op = "attention_bwd", .attrs = "heads=2", .in = {"3,2,4", "5,2,4", "5,2,6", "2,2,3,5 unit", "3,2,6", "i32 2 <6"}, .nograd = true, .reduction = 16};
static const anl__case misfit = {.op = "attention", .in = {"3,2,4", "5,2,5", "5,2,3"}, .reject = "do not fit"};
static const anl__case odd = {.op = "attention", .attrs = "heads=3", .in = {"3,2,4", "5,2,4", "5,2,3"}, .reject = "3 heads do not divide"};
static const anl__case flat = {.op = "attention", .in = {"3,4", "5,2,4", "5,2,3"}, .reject = "queries"};
static const anl__case few = {.op = "attention", .in = {"3,2,4", "5,2,4", "5,2,3", "i32 3 <4"}, .reject = "one i32 length a sample"};
const anl__case *const anl__cases_attention[] = {&one, &heads, &causal, &lengths, &both, &single, &back, &misfit, &odd, &flat, &few, NULL};
