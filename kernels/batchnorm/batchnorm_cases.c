#include "tests/ops/case.h"

#define BN(id, attributes, x, k, ...) static const anl__case id = {.op = "batchnorm", .attrs = attributes, .in = {x, "param " k, "param " k, "stat " k " nograd", "stat " k " positive nograd", __VA_ARGS__}, .reduction = 64}
BN(plain, "", "4,3,3,5", "5");
BN(flat, "eps=0.001", "17,6", "6");
BN(relu, "act=relu", "4,3,2,17", "17");
BN(residual, "act=relu", "3,2,2,4", "4", "3,2,2,4");
BN(residual_only, "", "3,2,2,4", "4", "3,2,2,4");
BN(one_channel, "", "5,2,2,1", "1");
BN(wide, "act=relu", "9,5,5,33", "33");
BN(wider, "act=relu", "3,2,2,300", "300", "3,2,2,300");
BN(large_sample, "act=relu", "2,9,7,17", "17", "2,9,7,17");
BN(one_sample, "act=relu", "1,5,3,3", "3", "1,5,3,3");
/* whole vectors in every type, and samples of more than a block of the mask or of less than a row a lane */
BN(vectors, "act=relu", "3,5,5,24", "24", "3,5,5,24");
BN(many_vectors, "act=relu", "2,3,3,72", "72", "2,3,3,72");
BN(few_each, "act=relu", "37,3,1,2", "2", "37,3,1,2");
BN(no_image, "act=relu", "41,8", "8", "41,8");
/* so many slices of the rows on cuda that a lane has several, in one and in two blocks' columns */
static const anl__case slices = {.op = "batchnorm", .in = {"8300,17", "param 17", "param 17", "stat 17 nograd", "stat 17 positive nograd"}, .nograd = true, .reduction = 8300};
static const anl__case slices_bwd = {.op = "batchnorm_bwd", .in = {"4500,33", "4500,33", "param 33", "stat 33", "stat 33 positive"}, .nograd = true, .reduction = 4500};
/* frozen: statistics are given, gamma and beta do not move */
#define GIVEN(id, attributes, x, k, ...) \
    static const anl__case id = {.op = "batchnorm", .attrs = "global_stats=1 " attributes, .reduction = 2, \
                                 .in = {x, "param " k " nograd", "param " k " nograd", "stat " k " nograd", \
                                        "stat " k " positive nograd", __VA_ARGS__}}
GIVEN(given, "", "4,3,3,5", "5");
GIVEN(given_one, "", "1,1,1,5", "5");
GIVEN(given_relu, "act=relu", "4,3,2,17", "17");
GIVEN(given_add, "act=relu eps=0.001", "3,2,2,24", "24", "3,2,2,24");
static const anl__case far = {.op = "batchnorm", .in = {"6,8,8,3 =1000", "param 3", "param 3", "stat 3 nograd", "stat 3 positive nograd"}, .nograd = true, .reduction = 64};
static const anl__case mask = {.op = "batchnorm_bwd", .attrs = "act=relu", .in = {"5,7", "5,7", "param 7", "stat 7", "stat 7 positive", "-", "u8 5,7 <256"}, .reject = "must have 320 bytes"};
static const anl__case neither = {.op = "batchnorm_bwd", .attrs = "act=relu", .in = {"5,7", "5,7", "param 7", "stat 7", "stat 7 positive"}, .reject = "needs beta or the mask"};
static const anl__case back = {.op = "batchnorm_bwd", .attrs = "act=relu residual=1", .in = {"9,3,3,18", "9,3,3,18", "param 18", "stat 18", "stat 18 positive", "-", "u8 9,64 <256"}, .nograd = true, .reduction = 81};
static const anl__case back_large = {.op = "batchnorm_bwd", .attrs = "act=relu", .in = {"3,9,7,17", "3,9,7,17", "param 17", "stat 17", "stat 17 positive", "-", "u8 3,192 <256"}, .nograd = true, .reduction = 189};
static const anl__case back_vectors = {.op = "batchnorm_bwd", .attrs = "act=relu residual=1", .in = {"3,5,5,24", "3,5,5,24", "param 24", "stat 24", "stat 24 positive", "-", "u8 3,128 <256"}, .nograd = true, .reduction = 75};
static const anl__case back_relu = {.op = "batchnorm_bwd", .attrs = "act=relu", .in = {"9,3,3,18", "9,3,3,18", "param 18", "stat 18", "stat 18 positive", "param 18 =0.0078125"}, .nograd = true, .reduction = 81};
static const anl__case back_wide = {.op = "batchnorm_bwd", .attrs = "act=relu", .in = {"2,2,1,300", "2,2,1,300", "param 300", "stat 300", "stat 300 positive", "param 300 =0.0078125"}, .nograd = true, .reduction = 4};
static const anl__case back_plain = {.op = "batchnorm_bwd", .in = {"5,7", "5,7", "param 7", "stat 7", "stat 7 positive"}, .nograd = true, .reduction = 5};
static const anl__case running = {.op = "batchnorm_running", .attrs = "momentum=0.2", .in = {"stat 9", "stat 9 positive", "stat 18", "scalar =16"}, .nograd = true};
static const anl__case single = {.op = "batchnorm", .in = {"1,1,1,5", "param 5", "param 5", "stat 5", "stat 5"}, .reject = "has no variance"};
static const anl__case channels = {.op = "batchnorm", .in = {"4,5", "param 4", "param 5", "stat 5", "stat 5"}, .reject = "does not fit 5 channels"};
static const anl__case other = {.op = "batchnorm", .in = {"4,5", "param 5", "param 5", "stat 5", "stat 5", "5,4"}, .reject = "residual 5x4 is not of the input's shape 4x5"};
static const anl__case bench = {.op = "batchnorm", .attrs = "act=relu", .in = {"128,32,32,16", "param 16", "param 16", "stat 16", "stat 16 positive"}, .bench = true, .reduction = 131072};
static const anl__case bench_add = {.op = "batchnorm", .attrs = "act=relu", .in = {"128,32,32,16", "param 16", "param 16", "stat 16", "stat 16 positive", "128,32,32,16"}, .bench = true, .reduction = 131072};
static const anl__case bench_relu = {.op = "batchnorm_bwd", .attrs = "act=relu", .in = {"128,32,32,16", "128,32,32,16", "param 16", "stat 16", "stat 16 positive", "param 16"}, .bench = true, .nograd = true, .reduction = 131072};
static const anl__case bench_bwd = {.op = "batchnorm_bwd", .attrs = "act=relu residual=1", .in = {"128,32,32,16", "128,32,32,16", "param 16", "stat 16", "stat 16 positive", "-", "u8 128,2048 <256"}, .bench = true, .nograd = true, .reduction = 131072};
/* ResNet-50, batch 64 */
static const anl__case large = {.op = "batchnorm", .attrs = "act=relu", .in = {"64,56,56,256", "param 256", "param 256", "stat 256", "stat 256 positive"}, .large = true, .bench = true, .nograd = true};
static const anl__case large_add = {.op = "batchnorm", .attrs = "act=relu", .in = {"64,56,56,256", "param 256", "param 256", "stat 256", "stat 256 positive", "64,56,56,256"}, .large = true, .bench = true, .nograd = true};
static const anl__case large_bwd = {.op = "batchnorm_bwd", .attrs = "act=relu", .in = {"64,56,56,256", "64,56,56,256", "param 256", "stat 256", "stat 256 positive", "param 256"}, .large = true, .bench = true, .nograd = true};
const anl__case *const anl__cases_batchnorm[] = {&plain, &flat, &relu, &residual, &residual_only, &one_channel, &wide, &wider, &large_sample, &one_sample, &vectors, &many_vectors, &few_each, &no_image, &slices, &slices_bwd, &given, &given_one, &given_relu, &given_add, &far, &mask, &neither, &back, &back_large, &back_vectors, &back_relu, &back_wide, &back_plain, &running, &single, &channels, &other, &bench, &bench_add, &bench_relu, &bench_bwd, &large, &large_add, &large_bwd, NULL};
