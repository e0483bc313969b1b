#include "tests/ops/case.h"

static const anl__case plain = {.op = "dense", .in = {"5,7", "param 3,7", "param 3"}, .reduction = 7};
static const anl__case no_bias = {.op = "dense", .in = {"4,6", "param 5,6"}, .reduction = 6};
static const anl__case relu = {.op = "dense", .attrs = "act=relu", .in = {"9,17 distinct", "param 33,17", "param 33"}, .reduction = 17};
static const anl__case sequence = {.op = "dense", .in = {"3,2,8", "param 4,8", "param 4"}, .reduction = 8};
static const anl__case one = {.op = "dense", .in = {"1,1", "param 1,1", "param 1"}, .reduction = 1};
static const anl__case odd = {.op = "dense", .in = {"33,65", "param 17,65", "param 17"}, .reduction = 65};
static const anl__case data = {.op = "dense_bwd_data", .in = {"35,10", "param 10,129"}, .nograd = true, .reduction = 10};
static const anl__case weight = {.op = "dense_bwd_weight", .in = {"67,33", "67,18"}, .nograd = true, .reduction = 67};
static const anl__case shape = {.op = "dense", .in = {"2,3", "param 4,5"}, .reject = "weights 4x5 do not fit an input of 2x3"};
static const anl__case bias = {.op = "dense", .in = {"2,3", "param 4,3", "param 3"}, .reject = "bias 3 does not fit 4 outputs"};
static const anl__case rows = {.op = "dense_bwd_weight", .in = {"2,3", "4,3"}, .reject = "different rows"};
static const anl__case bench1 = {.op = "dense", .in = {"128,784", "param 512,784", "param 512"}, .bench = true, .reduction = 784};
static const anl__case bench2 = {.op = "dense", .in = {"128,9216", "param 128,9216", "param 128"}, .bench = true, .reduction = 9216};
static const anl__case bench2w = {.op = "dense_bwd_weight", .in = {"128,9216", "128,128"}, .bench = true, .nograd = true, .reduction = 128};
static const anl__case bench2d = {.op = "dense_bwd_data", .in = {"128,128", "param 128,9216"}, .bench = true, .nograd = true, .reduction = 128};
const anl__case *const anl__cases_dense[] = {&plain, &no_bias, &relu, &sequence, &one, &odd, &data, &weight, &shape, &bias, &rows, &bench1, &bench2, &bench2w, &bench2d, NULL};
