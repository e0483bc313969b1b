#include "tests/ops/case.h"

static const anl__case last = {.op = "concat", .in = {"3,4,5", "3,4,2"}};
static const anl__case channels = {.op = "concat", .attrs = "axis=3", .in = {"2,3,3,1", "2,3,3,7", "2,3,3,16"}};
static const anl__case middle = {.op = "concat", .attrs = "axis=1", .in = {"2,3,4", "2,1,4"}};
static const anl__case first = {.op = "concat", .attrs = "axis=0", .in = {"2,3", "5,3"}};
static const anl__case misfit = {.op = "concat", .attrs = "axis=1", .in = {"2,3,4", "2,3,5"}, .reject = "input 2 is 2x3x5"};
static const anl__case noaxis = {.op = "concat", .attrs = "axis=3", .in = {"2,3", "2,3"}, .reject = "axis 3 is outside"};
static const anl__case head = {.op = "slice", .attrs = "end=2", .in = {"4,5"}};
static const anl__case tail = {.op = "slice", .attrs = "axis=1 begin=-2", .in = {"3,5,2"}};
static const anl__case inside = {.op = "slice", .attrs = "axis=2 begin=1 end=-1", .in = {"2,2,6,3"}};
static const anl__case rows = {.op = "slice", .attrs = "axis=0 begin=1 end=3", .in = {"4,3"}};
static const anl__case empty = {.op = "slice", .attrs = "begin=3 end=2", .in = {"4,5"}, .reject = "is no part of the 5"};
static const anl__case beyond = {.op = "slice", .attrs = "begin=0 end=9", .in = {"4,5"}, .reject = "is no part of the 5"};
static const anl__case back = {.op = "slice_bwd", .attrs = "axis=1 begin=2 dim=6", .in = {"3,3,2"}, .nograd = true};
static const anl__case back_rows = {.op = "slice_bwd", .attrs = "axis=0 begin=1 dim=5", .in = {"3,2"}, .nograd = true};
static const anl__case back_full = {.op = "slice_bwd", .attrs = "axis=1 begin=4 dim=6", .in = {"3,3,2"}, .reject = "do not fit into 6"};
const anl__case *const anl__cases_concat[] = {&last, &channels, &middle, &first, &misfit, &noaxis, &head, &tail, &inside, &rows, &empty, &beyond, &back, &back_rows, &back_full, NULL};
