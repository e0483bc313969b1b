#include "tests/ops/case.h"

static const anl__case rows = {.op = "gather", .in = {"5,7", "i32 6 <5"}, .reduction = 6};
static const anl__case table = {.op = "gather", .in = {"param 5,18", "i32 3,4 <5"}, .reduction = 12};
static const anl__case middle = {.op = "gather", .attrs = "axis=1", .in = {"3,6,5", "i32 4 <6"},
                                 .reduction = 4};
static const anl__case matrix = {.op = "gather", .attrs = "axis=1", .in = {"2,4,35", "i32 2,3 <4"},
                                 .reduction = 6};
static const anl__case last = {.op = "gather", .attrs = "axis=-1", .in = {"4,3,9", "i32 12 <9"},
                               .reduction = 12};
static const anl__case outside = {.op = "gather", .attrs = "axis=1", .in = {"2,3,4", "i32 9 <6"},
                                  .reduction = 9}; /* half of the indices stand for nothing */
static const anl__case nothing = {.op = "gather", .in = {"3,4", "i32 2 =-1"}};
static const anl__case vector = {.op = "gather", .in = {"8", "i32 5 <8"}, .reduction = 5};
static const anl__case back = {.op = "gather_bwd", .attrs = "axis=1 size=6",
                               .in = {"i32 3,4 <7", "2,3,4,20"}, .nograd = true, .reduction = 12};
static const anl__case back_many = {.op = "gather_bwd", .attrs = "size=3", .in = {"i32 70 <3", "70,33"},
                                    .nograd = true, .reduction = 70};
static const anl__case axis = {.op = "gather", .attrs = "axis=2", .in = {"5,7", "i32 6 <5"},
                               .reject = "axis 2 of 5x7"};
static const anl__case floats = {.op = "gather", .in = {"5,7", "6"}, .reject = "needs i32 indices"};
static const anl__case deep = {.op = "gather", .in = {"2,3,4,2", "i32 2,2,2,2,2,2 <2"},
                               .reject = "dimensions, 1 to"};
static const anl__case whole = {.op = "gather", .in = {"i32 5,7 <3", "i32 6 <5"}, .reject = "not of i32"};
static const anl__case misfit = {.op = "gather_bwd", .attrs = "size=3", .in = {"i32 9 <3", "8,2"},
                                 .reject = "do not fit"};
static const anl__case bench = {.op = "gather", .attrs = "axis=1", .in = {"64,128,64", "i32 128 <128"},
                                .bench = true};
/* samples of 3 KiB, as a shuffled batch of pictures of 32 has them */
static const anl__case large = {.op = "gather", .attrs = "axis=0", .in = {"65536,768", "i32 65536 <65536"},
                                .large = true, .bench = true, .nograd = true};
static const anl__case bench_back = {.op = "gather_bwd", .attrs = "size=128",
                                     .in = {"i32 640 <128", "640,256"}, .bench = true, .reduction = 8};
const anl__case *const anl__cases_gather[] = {&rows, &table, &middle, &matrix, &last, &outside, &nothing,
                                              &vector, &back, &back_many, &axis, &floats, &deep, &whole,
                                              &misfit,
                                              &bench, &bench_back, &large, NULL};
