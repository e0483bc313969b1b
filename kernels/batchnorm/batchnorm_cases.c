#include "tests/ops/case.h"

#define BN(id, attributes, x, k, ...) static const anl__case id = {.op = "batchnorm", .attrs = attributes, .in = {x, "param " k, "param " k, "stat " k " nograd", "stat " k " positive nograd", __VA_ARGS__}, .reduction = 64}
BN(plain, "", "4,3,3,5", "5");
BN(flat, "eps=0.001", "17,6", "6");
BN(relu, "act=relu", "4,3,2,17", "17");
BN(residual, "act=relu", "3,2,2,4", "4", "3,2,2,4");
BN(residual_only, "", "3,2,2,4", "4", "3,2,2,4");
BN(one_channel, "", "5,2,2,1", "1");
BN(wide, "act=relu", "9,5,5,33", "33");
static const anl__case back = {.op = "batchnorm_bwd", .attrs = "act=relu residual=1", .in = {"9,3,3,18", "9,3,3,18", "param 18", "stat 18", "stat 18 positive", "9,3,3,18"}, .nograd = true, .reduction = 81};
static const anl__case back_plain = {.op = "batchnorm_bwd", .in = {"5,7", "5,7", "param 7", "stat 7", "stat 7 positive"}, .nograd = true, .reduction = 5};
static const anl__case running = {.op = "batchnorm_running", .attrs = "momentum=0.2", .in = {"stat 9", "stat 9 positive", "stat 18", "scalar =16"}, .nograd = true};
static const anl__case single = {.op = "batchnorm", .in = {"1,1,1,5", "param 5", "param 5", "stat 5", "stat 5"}, .reject = "has no variance"};
static const anl__case channels = {.op = "batchnorm", .in = {"4,5", "param 4", "param 5", "stat 5", "stat 5"}, .reject = "does not fit 5 channels"};
static const anl__case other = {.op = "batchnorm", .in = {"4,5", "param 5", "param 5", "stat 5", "stat 5", "5,4"}, .reject = "residual 5x4 is not of the input's shape 4x5"};
static const anl__case bench = {.op = "batchnorm", .attrs = "act=relu", .in = {"128,32,32,16", "param 16", "param 16", "stat 16", "stat 16 positive"}, .bench = true, .reduction = 131072};
static const anl__case bench_bwd = {.op = "batchnorm_bwd", .attrs = "act=relu residual=1", .in = {"128,32,32,16", "128,32,32,16", "param 16", "stat 16", "stat 16 positive", "128,32,32,16"}, .bench = true, .nograd = true, .reduction = 131072};
const anl__case *const anl__cases_batchnorm[] = {&plain, &flat, &relu, &residual, &residual_only, &one_channel, &wide, &back, &back_plain, &running, &single, &channels, &other, &bench, &bench_bwd, NULL};
