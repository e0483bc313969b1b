#include "tests/ops/case.h"

static const anl__case all = {.op = "pad2d", .attrs = "pad=1", .in = {"2,3,4,5"}};
static const anl__case two = {.op = "pad2d", .attrs = "pad=1,2", .in = {"2,3,4,1"}};
static const anl__case four = {.op = "pad2d", .attrs = "pad=0,1,2,3", .in = {"3,2,2,3"}};
static const anl__case none = {.op = "pad2d", .attrs = "pad=0", .in = {"1,1,1,1"}};
static const anl__case back = {.op = "pad2d_bwd", .attrs = "pad=0,1,2,3", .in = {"3,4,6,3"}, .nograd = true};
static const anl__case three = {.op = "pad2d", .attrs = "pad=1,2,3", .in = {"2,3,4,5"}, .reject = "pad has 3 numbers"};
static const anl__case flat = {.op = "pad2d", .attrs = "pad=1", .in = {"2,3"}, .reject = "images must have 4 dimensions"};
static const anl__case thin = {.op = "pad2d_bwd", .attrs = "pad=2", .in = {"2,4,4,1"}, .reject = "smaller than the border", .nograd = true};
const anl__case *const anl__cases_pad2d[] = {&all, &two, &four, &none, &back, &three, &flat, &thin, NULL};
