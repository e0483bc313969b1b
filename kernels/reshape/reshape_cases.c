#include "tests/ops/case.h"

static const anl__case flat = {.op = "reshape", .attrs = "shape=0,-1", .in = {"2,3,4,5"}};
static const anl__case fold = {.op = "reshape", .attrs = "shape=6,2,2", .in = {"2,3,4"}};
static const anl__case two = {.op = "reshape", .attrs = "shape=-1,-1", .in = {"2,3"}, .reject = "two dimensions are -1"};
static const anl__case count = {.op = "reshape", .attrs = "shape=4,2", .in = {"2,3"}, .reject = "has only 6 elements"};
static const anl__case uneven = {.op = "reshape", .attrs = "shape=4,-1", .in = {"2,3"}, .reject = "6 elements, the new shape 4"};
const anl__case *const anl__cases_reshape[] = {&flat, &fold, &two, &count, &uneven, NULL};
