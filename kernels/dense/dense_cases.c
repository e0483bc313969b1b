#include "tests/ops/case.h"

static const anl__case plain = {.op = "dense", .in = {"5,7", "param 3,7", "param 3"}, .reduction = 7};
static const anl__case no_bias = {.op = "dense", .in = {"4,6", "param 5,6"}, .reduction = 6};
static const anl__case relu = {.op = "dense", .attrs = "act=relu", .in = {"9,17 distinct", "param 33,17", "param 33"}, .reduction = 17};
static const anl__case activations = {.op = "dense", .in = {"5,7", "6,7"}, .reduction = 7}; /* as weights */
static const anl__case activations_data = {.op = "dense_bwd_data", .in = {"5,6", "6,9"}, .nograd = true, .reduction = 6};
static const anl__case sequence = {.op = "dense", .in = {"3,2,8", "param 4,8", "param 4"}, .reduction = 8};
static const anl__case one = {.op = "dense", .in = {"1,1", "param 1,1", "param 1"}, .reduction = 1};
static const anl__case odd = {.op = "dense", .in = {"33,65", "param 17,65", "param 17"}, .reduction = 65};
static const anl__case data = {.op = "dense_bwd_data", .in = {"35,10", "param 10,129"}, .nograd = true, .reduction = 10};
static const anl__case weight = {.op = "dense_bwd_weight", .in = {"67,33", "67,18"}, .nograd = true, .reduction = 67};
static const anl__case shape = {.op = "dense", .in = {"2,3", "param 4,5"}, .reject = "weights 4x5 do not fit an input of 2x3"};
static const anl__case bias = {.op = "dense", .in = {"2,3", "param 4,3", "param 3"}, .reject = "bias 3 does not fit 4 outputs"};
static const anl__case rows = {.op = "dense_bwd_weight", .in = {"2,3", "4,3"}, .reject = "different rows"};
static const anl__case tiles = {.op = "dense", .attrs = "act=relu", .in = {"331,130 distinct", "param 201,130", "param 201"}, .reduction = 130, .nograd = true};
static const anl__case tiles_data = {.op = "dense_bwd_data", .in = {"331,129", "param 129,210"}, .nograd = true, .reduction = 129};
static const anl__case tiles_weight = {.op = "dense_bwd_weight", .in = {"301,140", "301,133"}, .nograd = true, .reduction = 301};
/* an inner dimension longer than is copied, turned or packed at a time, and more columns than a task makes */
static const anl__case deep = {.op = "dense", .in = {"37,1050", "param 70,1050", "param 70"}, .nograd = true, .reduction = 1050};
static const anl__case deep_data = {.op = "dense_bwd_data", .in = {"37,1050", "param 1050,70"}, .nograd = true, .reduction = 1050};
static const anl__case deep_weight = {.op = "dense_bwd_weight", .in = {"1050,75", "1050,37"}, .nograd = true, .reduction = 1050};
static const anl__case wide = {.op = "dense", .attrs = "act=relu", .in = {"150,33 distinct", "param 600,33", "param 600"}, .nograd = true, .reduction = 33};
/* the multilayer perceptron's 784-512-256-10, then the large one of cnn2 */
#define BENCH(id, in_, out_)                                                                                                                         \
    static const anl__case id = {.op = "dense", .in = {"128," #in_, "param " #out_ "," #in_, "param " #out_}, .bench = true, .reduction = in_};          \
    static const anl__case id##_data = {.op = "dense_bwd_data", .in = {"128," #out_, "param " #out_ "," #in_}, .bench = true, .nograd = true, .reduction = out_}; \
    static const anl__case id##_weight = {.op = "dense_bwd_weight", .in = {"128," #in_, "128," #out_}, .bench = true, .nograd = true, .reduction = 128}
static const anl__case fc1 = {.op = "dense", .in = {"128,784", "param 512,784", "param 512"}, .bench = true, .reduction = 784};
static const anl__case fc1_weight = {.op = "dense_bwd_weight", .in = {"128,784", "128,512"}, .bench = true, .nograd = true, .reduction = 128};
BENCH(fc2, 512, 256);
BENCH(fc3, 256, 10);
BENCH(big, 9216, 128);
const anl__case *const anl__cases_dense[] = {&plain, &no_bias, &relu, &activations, &activations_data, &sequence, &one, &odd, &data, &weight, &shape, &bias, &rows, &tiles, &tiles_data, &tiles_weight, &deep, &deep_data, &deep_weight, &wide,
                                             &fc1, &fc1_weight, &fc2, &fc2_data, &fc2_weight, &fc3, &fc3_data, &fc3_weight, &big, &big_data, &big_weight, NULL};
