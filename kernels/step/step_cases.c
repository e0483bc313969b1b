#include "tests/ops/case.h"

static const anl__case begin = {.op = "step_begin", .in = {"i32 304 <3", "i32 96 <9"}, .nograd = true}; /* three rows */
static const anl__case begin_last = {.op = "step_begin", .in = {"i32 46 =1", "i32 15 <9"}, .nograd = true};
static const anl__case end = {.op = "step_end", .attrs = "num=3 den=700 correct=999", .in = {"stat 1000", "stat 40", "stat 4 =0.5", "-", "rng"}, .nograd = true};
static const anl__case end_bare = {.op = "step_end", .attrs = "den=0 row=1", .in = {"stat 5", "stat 16", "-", "-", "rng"}, .nograd = true};
static const anl__case end_bad = {.op = "step_end", .attrs = "num=4", .in = {"stat 5", "stat 16", "stat 4 =0", "stat 4 =512", "rng"}, .nograd = true}; /* nothing to blame */
static const anl__case keep = {.op = "step_keep", .in = {"stat 4 =1", "7,33", "7,33"}, .nograd = true};
static const anl__case keep_not = {.op = "step_keep", .in = {"stat 4 =0", "3,5", "3,5"}, .nograd = true};
static const anl__case no_scale = {.op = "step_end", .in = {"stat 5", "stat 16", "stat 4", "stat 3", "rng"}, .reject = "the scale block"};
static const anl__case torn = {.op = "step_begin", .in = {"i32 47 <1", "i32 15 <9"}, .reject = "has no rows of 15"};
static const anl__case short_ring = {.op = "step_end", .in = {"stat 5", "stat 8", "stat 4", "-", "rng"}, .reject = "a ring of at least two rows"};
static const anl__case behind = {.op = "step_end", .attrs = "num=5", .in = {"stat 5", "stat 16", "stat 4", "-", "rng"}, .reject = "behind the 5 elements"};
static const anl__case types = {.op = "step_keep", .in = {"stat 4", "3,5", "5,3"}, .reject = "two tensors of one type"};
const anl__case *const anl__cases_step[] = {&begin, &begin_last, &end, &end_bare, &end_bad, &keep, &keep_not, &no_scale, &torn, &short_ring, &behind, &types, NULL};
