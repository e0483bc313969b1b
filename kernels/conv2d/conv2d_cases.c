#include "tests/ops/case.h"

#define CONV(id, attributes, x, w, ...) static const anl__case id = {.op = "conv2d", .attrs = attributes, .in = {x, "param " w, __VA_ARGS__}, .reduction = 36}
CONV(plain, "", "2,5,5,3", "4,3,3,3", "param 4");
CONV(no_bias, "", "2,4,6,2", "3,3,3,2");
CONV(stride, "stride=2 pad=1", "2,7,6,3", "5,3,3,3", "param 5");
CONV(stride_hw, "stride=2,3 pad=1,2", "1,8,9,2", "3,3,2,2", "param 3");
CONV(asymmetric, "pad=0,1,2,0", "2,4,4,2", "3,3,3,2", "param 3");
CONV(dilated, "dilation=2 pad=2", "2,6,6,2", "3,3,3,2", "param 3");
CONV(grouped, "groups=2 pad=1", "2,4,4,4", "6,3,3,2", "param 6");
CONV(depthwise, "groups=5 pad=1", "2,4,4,5", "5,3,3,1", "param 5");
CONV(one_by_one, "", "3,2,2,8", "16,1,1,8", "param 16");
CONV(one_pixel, "", "1,1,1,1", "1,1,1,1", "param 1");
CONV(first1, "", "3,9,9,1", "16,3,3,1", "param 16");
CONV(first3, "pad=1", "2,6,6,3", "16,3,3,3", "param 16");
CONV(first_odd, "pad=2", "2,7,7,1", "6,5,5,1", "param 6");
CONV(odd17, "pad=1", "5,3,3,17", "8,3,3,17", "param 8");
static const anl__case relu = {.op = "conv2d", .attrs = "act=relu pad=1", .in = {"2,4,4,2 distinct", "param 3,3,3,2", "param 3"}, .reduction = 18};
static const anl__case data = {.op = "conv2d_bwd_data", .attrs = "pad=1 stride=2 in_h=7 in_w=6", .in = {"2,4,3,5", "param 5,3,3,3"}, .nograd = true, .reduction = 45};
static const anl__case data_grouped = {.op = "conv2d_bwd_data", .attrs = "pad=1 groups=2 in_h=4 in_w=4", .in = {"2,4,4,6", "param 6,3,3,2"}, .nograd = true, .reduction = 27};
static const anl__case data_uneven = {.op = "conv2d_bwd_data", .attrs = "pad=1 in_h=5 in_w=5", .in = {"9,5,5,41", "param 41,3,3,7"}, .nograd = true, .reduction = 369};
static const anl__case filter = {.op = "conv2d_bwd_filter", .attrs = "pad=1 kernel_h=3 kernel_w=3", .in = {"17,6,6,8", "17,6,6,16"}, .nograd = true, .reduction = 612};
static const anl__case filter_first = {.op = "conv2d_bwd_filter", .attrs = "kernel_h=3 kernel_w=3", .in = {"9,8,8,1", "9,6,6,32"}, .nograd = true, .reduction = 324};
static const anl__case filter_grouped = {.op = "conv2d_bwd_filter", .attrs = "groups=2 kernel_h=3 kernel_w=3", .in = {"4,5,5,4", "4,3,3,6"}, .nograd = true, .reduction = 36};
/* as transposed convolutions, differentiated */
#define TRANSPOSED(id, attributes, x, w) static const anl__case id = {.op = "conv2d_bwd_data", .attrs = attributes, .in = {x, "param " w}, .reduction = 45}
TRANSPOSED(up, "stride=2 in_h=6 in_w=8", "2,3,4,5", "5,2,2,3");
TRANSPOSED(up_pad, "stride=2 pad=1 in_h=6 in_w=8", "2,3,4,5", "5,3,3,2");
TRANSPOSED(up_groups, "stride=3 groups=2 dilation=2 in_h=9 in_w=9", "1,3,3,4", "4,2,2,3");
CONV(first3_five, "pad=2", "3,8,9,3", "20,5,5,3", "param 20");
CONV(first_stride, "stride=2 pad=3", "2,15,14,3", "16,7,7,3");
CONV(first2, "pad=1,0", "5,6,5,2", "33,3,3,2", "param 33");
CONV(one_by_one_stride, "stride=2", "3,7,6,16", "24,1,1,16", "param 24");
CONV(downsample, "stride=2 pad=1", "3,8,8,16", "32,3,3,16");
CONV(uneven, "pad=1", "17,4,4,20", "20,3,3,20");
static const anl__case filter_first3 = {.op = "conv2d_bwd_filter", .attrs = "pad=1 kernel_h=3 kernel_w=3", .in = {"11,7,8,3", "11,7,8,17"}, .nograd = true, .reduction = 616};
static const anl__case filter_first5 = {.op = "conv2d_bwd_filter", .attrs = "pad=2 kernel_h=5 kernel_w=5", .in = {"6,9,9,1", "6,9,9,6"}, .nograd = true, .reduction = 486};
static const anl__case filter_first_stride = {.op = "conv2d_bwd_filter", .attrs = "stride=2 pad=3 kernel_h=7 kernel_w=7", .in = {"2,15,14,3", "2,8,7,16"}, .nograd = true, .reduction = 112};
static const anl__case filter_one = {.op = "conv2d_bwd_filter", .attrs = "stride=2 kernel_h=1 kernel_w=1", .in = {"9,7,6,16", "9,4,3,24"}, .nograd = true, .reduction = 108};
static const anl__case filter_depthwise = {.op = "conv2d_bwd_filter", .attrs = "groups=20 pad=1 kernel_h=3 kernel_w=3", .in = {"5,5,6,20", "5,5,6,20"}, .nograd = true, .reduction = 150};
static const anl__case data_depthwise = {.op = "conv2d_bwd_data", .attrs = "groups=20 pad=1 in_h=5 in_w=6", .in = {"5,5,6,20", "param 20,3,3,1"}, .nograd = true, .reduction = 9};
static const anl__case data_one = {.op = "conv2d_bwd_data", .attrs = "stride=2 in_h=7 in_w=6", .in = {"9,4,3,24", "param 24,1,1,16"}, .nograd = true, .reduction = 24};
/* channels in sixteens: products over images as they lie */
static const anl__case sixteens_relu = {.op = "conv2d", .attrs = "act=relu pad=1", .in = {"3,7,9,16 distinct", "param 32,3,3,16", "param 32"}, .reduction = 144};
CONV(sixteens, "", "3,8,13,32", "16,3,3,32", "param 16");
CONV(sixteens_asymmetric, "pad=0,1,2,0", "2,5,8,16", "32,3,3,16", "param 32");
CONV(sixteens_above, "pad=1,0", "9,4,7,48", "80,3,1,48");
CONV(sixteens_flat, "pad=0,2,1,1", "2,1,6,16", "16,2,5,16", "param 16");
CONV(sixteens_tall, "pad=4,0", "2,2,3,16", "16,5,2,16");
CONV(sixteens_one, "", "11,5,5,64", "32,1,1,64", "param 32");
CONV(sixteens_dot, "", "1,3,3,16", "16,3,3,16");
static const anl__case sixteens_data = {.op = "conv2d_bwd_data", .attrs = "pad=2,0,1,1 in_h=6 in_w=13", .in = {"9,7,12,48", "param 48,3,3,32"}, .nograd = true, .reduction = 432};
static const anl__case sixteens_data_wide = {.op = "conv2d_bwd_data", .attrs = "pad=0,2 in_h=3 in_w=12", .in = {"5,2,12,16", "param 16,2,5,80"}, .nograd = true, .reduction = 160};
static const anl__case sixteens_filter = {.op = "conv2d_bwd_filter", .attrs = "pad=2,0,1,1 kernel_h=3 kernel_w=3", .in = {"17,31,7,32", "17,32,6,48"}, .nograd = true, .reduction = 3264};
static const anl__case small = {.op = "conv2d", .attrs = "", .in = {"1,2,2,1", "param 1,3,3,1"}, .reject = "smaller than the 3x3 filter"};
static const anl__case channels = {.op = "conv2d", .attrs = "", .in = {"1,4,4,3", "param 1,3,3,2"}, .reject = "filters 1x3x3x2 want 2 input channels"};
static const anl__case groups = {.op = "conv2d", .attrs = "groups=2", .in = {"1,4,4,3", "param 2,3,3,1"}, .reject = "do not divide"};
static const anl__case bias = {.op = "conv2d", .attrs = "", .in = {"1,4,4,1", "param 2,3,3,1", "param 3"}, .reject = "bias 3 does not fit 2 filters"};
static const anl__case rank = {.op = "conv2d", .attrs = "", .in = {"4,4", "param 2,3,3,1"}, .reject = "images must have 4 dimensions"};
static const anl__case pads = {.op = "conv2d", .attrs = "pad=1,2,3", .in = {"1,4,4,1", "param 2,3,3,1"}, .reject = "pad takes 1, 2 or 4"};
static const anl__case wrong_dy = {.op = "conv2d_bwd_data", .attrs = "in_h=9 in_w=9", .in = {"1,4,4,1", "param 1,3,3,1"}, .reject = "is not the 7x7x1"};
static const anl__case bench1 = {.op = "conv2d", .attrs = "", .in = {"128,28,28,1", "param 32,3,3,1", "param 32"}, .bench = true, .reduction = 9};
static const anl__case bench2 = {.op = "conv2d", .attrs = "", .in = {"128,26,26,32", "param 64,3,3,32"}, .bench = true, .reduction = 288};
static const anl__case bench2_data = {.op = "conv2d_bwd_data", .attrs = "in_h=26 in_w=26", .in = {"128,24,24,64", "param 64,3,3,32"}, .bench = true, .reduction = 576, .nograd = true};
static const anl__case bench2_filter = {.op = "conv2d_bwd_filter", .attrs = "kernel_h=3 kernel_w=3", .in = {"128,26,26,32", "128,24,24,64"}, .bench = true, .reduction = 73728, .nograd = true};
static const anl__case bench1_filter = {.op = "conv2d_bwd_filter", .attrs = "kernel_h=3 kernel_w=3", .in = {"128,28,28,1", "128,26,26,32"}, .bench = true, .reduction = 86528, .nograd = true};
/* ResNet-20's: the first layer, then each stage's, and the two that halve the image */
static const anl__case r3 = {.op = "conv2d", .attrs = "pad=1", .in = {"128,32,32,3", "param 16,3,3,3"}, .bench = true, .reduction = 27};
static const anl__case r3_filter = {.op = "conv2d_bwd_filter", .attrs = "pad=1 kernel_h=3 kernel_w=3", .in = {"128,32,32,3", "128,32,32,16"}, .bench = true, .reduction = 131072, .nograd = true};
#define RESNET(id, strided, h, c, o, k)                                                                                                     \
    static const anl__case id = {.op = "conv2d", .attrs = "pad=1 stride=" #strided, .in = {"128," #h "," #h "," #c, "param " #k ",3,3," #c}, \
                                 .bench = true, .reduction = 9 * c};                                                                        \
    static const anl__case id##_data = {.op = "conv2d_bwd_data", .attrs = "pad=1 stride=" #strided " in_h=" #h " in_w=" #h,                 \
                                        .in = {"128," #o "," #o "," #k, "param " #k ",3,3," #c}, .bench = true, .reduction = 9 * k, .nograd = true}; \
    static const anl__case id##_filter = {.op = "conv2d_bwd_filter", .attrs = "kernel_h=3 kernel_w=3 pad=1 stride=" #strided,               \
                                          .in = {"128," #h "," #h "," #c, "128," #o "," #o "," #k}, .bench = true, .reduction = 128 * o * o, .nograd = true}
RESNET(r16, 1, 32, 16, 32, 16);
RESNET(r32down, 2, 32, 16, 16, 32);
RESNET(r32, 1, 16, 32, 16, 32);
RESNET(r64down, 2, 16, 32, 8, 64);
RESNET(r64, 1, 8, 64, 8, 64);
const anl__case *const anl__cases_conv2d[] = {
    &plain, &up, &up_pad, &up_groups, &no_bias, &stride, &stride_hw, &asymmetric, &dilated, &grouped, &depthwise, &one_by_one, &one_pixel, &first1, &first3, &first_odd, &odd17, &relu,
    &first3_five, &first_stride, &first2, &one_by_one_stride, &downsample, &uneven,
    &sixteens_relu, &sixteens, &sixteens_asymmetric, &sixteens_above, &sixteens_flat, &sixteens_tall, &sixteens_one, &sixteens_dot,
    &sixteens_data, &sixteens_data_wide, &sixteens_filter,
    &data, &data_grouped, &data_uneven, &data_depthwise, &data_one,
    &filter, &filter_first, &filter_grouped, &filter_first3, &filter_first5, &filter_first_stride, &filter_one, &filter_depthwise,
    &small, &channels, &groups, &bias, &rank, &pads, &wrong_dy,
    &bench1, &bench1_filter, &bench2, &bench2_data, &bench2_filter,
    &r3, &r3_filter, &r16, &r16_data, &r16_filter, &r32down, &r32down_data, &r32down_filter, &r32, &r32_data, &r32_filter,
    &r64down, &r64down_data, &r64down_filter, &r64, &r64_data, &r64_filter, NULL};
