#include "tests/ops/case.h"

/* The rng block of the tests begins the batch at position 640. */
#define CASE(id, how, samples, labels, index, channels, x, y) static const anl__case id = {.op = "sample_batch", .attrs = how, .in = {samples, labels, index, "stat " channels, "stat " channels, x, y, "rng"}, .nograd = true}
CASE(plain, NULL, "u8 700,4,5,1 <256", "i32 700 <10", "-", "1", "9,4,5,1", "i32 9 <1");
CASE(shuffled, "shuffle=true", "u8 700,3,3,3 <256", "i32 700 <10", "-", "3", "17,3,3,3", "i32 17 <1");
CASE(indexed, "shuffle=true", "u8 40,3,2,2 <256", "i32 40 <10", "i32 661 <40", "2", "20,3,2,2", "i32 20 <1");
CASE(everything, "shuffle=true crop=2 flip=true erase=0.7 erase_min=0.1 erase_max=0.5", "u8 300,9,7,3 <256", "i32 300 <10", "i32 700 <300", "3", "33,9,7,3", "i32 33 <1");
CASE(cropped, "crop=3", "u8 650,5,6,1 <256", "i32 650 <10", "-", "1", "8,5,6,1", "i32 8 <1");
CASE(flipped, "flip=true", "u8 650,2,9,2 <256", "i32 650 <10", "-", "2", "10,2,9,2", "i32 10 <1");
CASE(erased, "erase=1", "u8 650,8,8,1 <256", "i32 650 <10", "-", "1", "10,8,8,1", "i32 10 <1");
CASE(floats, "shuffle=true", "stat 700,13", "stat 700", "-", "13", "31,13", "stat 31");
CASE(large, "shuffle=true crop=4 flip=true", "u8 6,48,48,3 <256", "i32 6 <6", "i32 643 <6", "3", "3,48,48,3", "i32 3 <1"); /* more than a block */
static const anl__case channels = {.op = "sample_batch", .in = {"u8 7,4,4,3 <9", "i32 7 <2", "-", "stat 1", "stat 3", "2,4,4,3", "i32 2 <1", "rng"}, .reject = "samples of 3 channels"};
static const anl__case shapes = {.op = "sample_batch", .in = {"u8 7,4,4,3 <9", "i32 7 <2", "-", "stat 3", "stat 3", "2,4,3,3", "i32 2 <1", "rng"}, .reject = "do not make a batch"};
static const anl__case labels = {.op = "sample_batch", .in = {"u8 7,4,4,3 <9", "i32 6 <2", "-", "stat 3", "stat 3", "2,4,4,3", "i32 2 <1", "rng"}, .reject = "labels do not fit 7 samples"};
static const anl__case bench = {.op = "sample_batch", .attrs = "shuffle=true crop=4 flip=true", .in = {"u8 1000,32,32,3 <256", "i32 1000 <10", "-", "stat 3", "stat 3", "128,32,32,3", "i32 128 <1", "rng"}, .nograd = true, .bench = true};
const anl__case *const anl__cases_sample_batch[] = {&plain, &shuffled, &indexed, &everything, &cropped, &flipped, &erased, &floats, &large, &channels, &shapes, &labels, &bench, NULL};
