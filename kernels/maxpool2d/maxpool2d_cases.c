#include "tests/ops/case.h"

#define POOL(id, attributes, ...) static const anl__case id = {.op = "maxpool2d", .attrs = attributes, .in = {__VA_ARGS__}}
POOL(plain, "kernel=2", "2,4,6,3 distinct");
POOL(odd, "kernel=2", "2,5,7,17 distinct");
POOL(overlap, "kernel=3 stride=2 pad=1", "2,7,6,4 distinct");
POOL(hw, "kernel=3,2 stride=1,2", "1,5,6,2 distinct");
POOL(biased, "kernel=2", "3,4,4,5 distinct", "param 5");
POOL(fused, "kernel=2 act=relu", "3,4,4,5 distinct", "param 5 =0.0078125");
POOL(relu, "kernel=2 act=relu", "2,4,4,33 distinct");
POOL(many_channels, "kernel=2 stride=1 pad=1", "1,3,3,130 distinct");
POOL(one, "kernel=1", "1,1,1,1 distinct");
POOL(vectors, "kernel=3 stride=2 pad=1 act=relu", "2,7,6,16 distinct", "param 16 =0.0078125");
POOL(few, "kernel=2 act=relu", "3,8,10,6 distinct", "param 6 =0.0078125");
POOL(few_overlap, "kernel=3 stride=2 pad=1", "2,9,9,5 distinct");
POOL(few_over, "kernel=2", "2,6,8,21 distinct");
POOL(gaps, "kernel=2,1 stride=3,2 pad=1,0,0,0", "2,8,7,8 distinct"); /* rows and columns that no window holds */
static const anl__case big = {.op = "maxpool2d", .attrs = "kernel=16", .in = {"1,16,16,1"}, .reject = "more than 255 cells"};
static const anl__case small = {.op = "maxpool2d", .attrs = "kernel=3", .in = {"1,2,2,1"}, .reject = "smaller than the 3x3 window"};
static const anl__case border = {.op = "maxpool2d", .attrs = "kernel=2 pad=2", .in = {"1,4,4,1"}, .reject = "padding as large as the window"};
static const anl__case bias = {.op = "maxpool2d", .attrs = "kernel=2", .in = {"1,4,4,3", "param 2"}, .reject = "bias 2 does not fit 3 channels"};
static const anl__case back = {.op = "maxpool2d_bwd", .attrs = "kernel=2 in_h=5 in_w=4", .in = {"2,2,2,19", "u8 2,2,2,19 <4"}, .nograd = true};
static const anl__case bwd_few = {.op = "maxpool2d_bwd", .attrs = "kernel=2 in_h=9 in_w=8", .in = {"2,4,4,6", "u8 2,4,4,6 <4"}, .nograd = true};
static const anl__case bwd_overlap = {.op = "maxpool2d_bwd", .attrs = "kernel=3 stride=1 pad=1 in_h=4 in_w=4", .in = {"2,4,4,3", "u8 2,4,4,3 <9"}, .nograd = true, .reduction = 9};
static const anl__case bwd_uneven = {.op = "maxpool2d_bwd", .attrs = "kernel=3,2 stride=2,1 pad=0,1,1,0 in_h=6 in_w=4", .in = {"2,3,4,24", "u8 2,3,4,24 <6"}, .nograd = true, .reduction = 9};
static const anl__case bench = {.op = "maxpool2d", .attrs = "kernel=2 act=relu", .in = {"128,24,24,64", "param 64"}, .bench = true};
static const anl__case bench_bwd = {.op = "maxpool2d_bwd", .attrs = "kernel=2 in_h=24 in_w=24", .in = {"128,12,12,64", "u8 128,12,12,64 <4"}, .bench = true, .nograd = true};
static const anl__case large = {.op = "maxpool2d", .attrs = "kernel=3 stride=2 pad=1", .in = {"64,112,112,64"}, .large = true, .bench = true, .nograd = true};
static const anl__case large_bwd = {.op = "maxpool2d_bwd", .attrs = "kernel=3 stride=2 pad=1 in_h=112 in_w=112", .in = {"64,56,56,64", "u8 64,56,56,64 <9"}, .large = true, .bench = true, .nograd = true};
const anl__case *const anl__cases_maxpool2d[] = {&plain, &odd, &overlap, &hw, &biased, &fused, &relu, &many_channels, &one, &vectors, &few, &few_overlap, &few_over, &gaps, &big, &small, &border, &bias, &back, &bwd_few, &bwd_overlap, &bwd_uneven, &bench, &bench_bwd, &large, &large_bwd, NULL};
