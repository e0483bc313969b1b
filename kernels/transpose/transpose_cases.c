#include "tests/ops/case.h"

static const anl__case matrix = {.op = "transpose", .attrs = "perm=1,0", .in = {"5,7"}};
static const anl__case to_nchw = {.op = "transpose", .attrs = "perm=0,3,1,2", .in = {"2,3,4,5"}};
static const anl__case rotate = {.op = "transpose", .attrs = "perm=2,0,1", .in = {"3,4,5"}};
static const anl__case same = {.op = "transpose", .attrs = "perm=0,1,2", .in = {"3,4,5"}};
static const anl__case six = {.op = "transpose", .attrs = "perm=5,3,1,0,2,4", .in = {"2,3,2,2,3,2"}};
static const anl__case one = {.op = "transpose", .attrs = "perm=0", .in = {"6"}};
static const anl__case labels = {.op = "transpose", .attrs = "perm=1,0", .in = {"i32 5,7 <1000"}, .nograd = true};
static const anl__case twice = {.op = "transpose", .attrs = "perm=0,0", .in = {"2,3"}, .reject = "must name each of the 2 dimensions once"};
static const anl__case few = {.op = "transpose", .attrs = "perm=1,0", .in = {"2,3,4"}, .reject = "must name each of the 3 dimensions once"};
const anl__case *const anl__cases_transpose[] = {&matrix, &to_nchw, &rotate, &same, &six, &one, &labels, &twice, &few, NULL};
