#include "tests/ops/case.h"

#define POOL(id, op_name, attributes, x) static const anl__case id = {.op = op_name, .attrs = attributes, .in = {x}, .reduction = 16}
POOL(plain, "avgpool2d", "kernel=2", "2,4,6,3");
POOL(overlap, "avgpool2d", "kernel=3 stride=2 pad=1", "2,7,6,4");
POOL(whole, "avgpool2d", "kernel=3 stride=1 pad=1 count_include_pad=1", "1,4,4,5");
POOL(hw, "avgpool2d", "kernel=3,2 stride=1,2", "1,5,6,2");
POOL(all, "global_avgpool", "", "3,4,5,17");
POOL(one, "global_avgpool", "", "1,1,1,1");
static const anl__case back = {.op = "avgpool2d_bwd", .attrs = "kernel=3 stride=2 pad=1 in_h=5 in_w=5", .in = {"2,3,3,4"}, .nograd = true, .reduction = 4};
static const anl__case small = {.op = "avgpool2d", .attrs = "kernel=3", .in = {"1,2,2,1"}, .reject = "smaller than the 3x3 window"};
static const anl__case flat = {.op = "global_avgpool", .in = {"4,4"}, .reject = "images must have 4 dimensions"};
static const anl__case bench = {.op = "global_avgpool", .in = {"128,8,8,64"}, .bench = true, .reduction = 64};
const anl__case *const anl__cases_avgpool2d[] = {&plain, &overlap, &whole, &hw, &all, &one, &back, &small, &flat, &bench, NULL};
