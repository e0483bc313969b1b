#include "tests/ops/case.h"

static const anl__case plain = {.op = "embedding", .in = {"i32 6 <5", "param 5,7"}};
static const anl__case tokens = {.op = "embedding", .in = {"i32 3,4 <9", "param 9,18"}};
static const anl__case outside = {.op = "embedding", .in = {"i32 5,3 <8", "param 4,3"}}; /* half of the indices stand for nothing */
static const anl__case wide = {.op = "embedding", .in = {"i32 2,3 <4", "param 4,33"}};
static const anl__case back = {.op = "embedding_bwd", .attrs = "vocabulary=5", .in = {"i32 3,8 <6", "8,3,20"}, .nograd = true, .reduction = 24};
static const anl__case back_flat = {.op = "embedding_bwd", .attrs = "vocabulary=3", .in = {"i32 9 <3", "9,2"}, .nograd = true, .reduction = 9};
/* more positions than a list has places, rows of the table shared by a block, columns past a warp */
static const anl__case back_many = {.op = "embedding_bwd", .attrs = "vocabulary=3", .in = {"i32 23,211 <4", "211,23,35"}, .nograd = true, .reduction = 4853};
static const anl__case back_groups = {.op = "embedding_bwd", .attrs = "vocabulary=2051", .in = {"i32 7,40 <2052", "40,7,3"}, .nograd = true, .reduction = 8};
/* blocks side by side over the columns; rows of the table that hold many positions, with columns past the last group */
static const anl__case back_wide = {.op = "embedding_bwd", .attrs = "vocabulary=2", .in = {"i32 5,31 <3", "31,5,530"}, .nograd = true, .reduction = 155};
static const anl__case misfit = {.op = "embedding_bwd", .attrs = "vocabulary=3", .in = {"i32 9 <3", "8,2"}, .reject = "do not fit"};
static const anl__case floats = {.op = "embedding", .in = {"3,4", "param 9,2"}, .reject = "needs i32 indices"};
static const anl__case deep = {.op = "embedding", .in = {"i32 3,4,2 <3", "param 9,2"}, .reject = "needs i32 indices"};
static const anl__case bench = {.op = "embedding", .in = {"i32 32,128 <90", "param 90,128"}, .bench = true};
static const anl__case bench_back = {.op = "embedding_bwd", .attrs = "vocabulary=8000", .in = {"i32 640 <8000", "640,256"}, .bench = true, .reduction = 640};
const anl__case *const anl__cases_embedding[] = {&plain, &tokens, &outside, &wide, &back, &back_flat, &back_many, &back_groups, &back_wide, &misfit, &floats, &deep, &bench, &bench_back, NULL};
