#include "tests/ops/case.h"

static const anl__case last = {.op = "time_pool", .in = {"4,3,5"}};
static const anl__case last_lengths = {.op = "time_pool", .in = {"4,3,5", "i32 3 <5"}};
static const anl__case mean = {.op = "time_pool", .attrs = "mode=mean", .in = {"6,2,3", "i32 2 <7"}, .reduction = 6};
static const anl__case mean_all = {.op = "time_pool", .attrs = "mode=mean", .in = {"6,2,3"}, .reduction = 6};
static const anl__case most = {.op = "time_pool", .attrs = "mode=max", .in = {"5,3,4 distinct", "i32 3 <6"}};
static const anl__case most_wide = {.op = "time_pool", .attrs = "mode=max", .in = {"3,2,33 distinct"}};
static const anl__case one = {.op = "time_pool", .attrs = "mode=max", .in = {"1,1,1"}};
static const anl__case flat = {.op = "time_pool", .in = {"4,3"}, .reject = "a sequence"};
static const anl__case few = {.op = "time_pool", .in = {"4,3,2", "i32 4 <3"}, .reject = "one i32 length a sample"};
const anl__case *const anl__cases_time_pool[] = {&last, &last_lengths, &mean, &mean_all, &most, &most_wide, &one, &flat, &few, NULL};
