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
CASE(upside_down, "shuffle=true crop=2 flip=true flip_vertical=true erase=0.5", "u8 300,9,7,3 <256", "i32 300 <10", "-", "3", "33,9,7,3", "i32 33 <1");
CASE(resized, "shuffle=true resized_crop=0.08 flip=true", "u8 300,12,9,3 <256", "i32 300 <10", "-", "3", "21,12,9,3", "i32 21 <1");
CASE(rotated, "rotate=180", "u8 650,7,11,1 <256", "i32 650 <10", "-", "1", "10,7,11,1", "i32 10 <1");
CASE(jittered, "brightness=0.5 contrast=0.6 saturation=0.7", "u8 650,20,19,3 <256", "i32 650 <10", "-", "3", "10,20,19,3", "i32 10 <1");
CASE(contrast, "contrast=1", "u8 650,9,8,4 <256", "i32 650 <10", "-", "4", "10,9,8,4", "i32 10 <1");
CASE(all_computed, "shuffle=true resized_crop=0.3 flip=true flip_vertical=true rotate=30 brightness=0.4 contrast=0.4 saturation=0.4 erase=0.5",
     "u8 300,17,14,3 <256", "i32 300 <10", "i32 700 <300", "3", "19,17,14,3", "i32 19 <1");
CASE(turned_floats, "shuffle=true crop=2 rotate=20 brightness=0.4 contrast=0.4", "stat 650,8,9,2", "stat 650", "-", "2", "12,8,9,2", "stat 12");
CASE(parts, "rotate=10 resized_crop=0.5", "u8 6,48,48,3 <256", "i32 6 <6", "i32 643 <6", "3", "3,48,48,3", "i32 3 <1"); /* more than a block */
static const anl__case of_rows = {.op = "sample_batch", .attrs = "rotate=3", .in = {"stat 7,4", "i32 7 <2", "-", "stat 4", "stat 4", "2,4", "i32 2 <1", "rng"}, .reject = "of images"};
static const anl__case of_three = {.op = "sample_batch", .attrs = "saturation=1", .in = {"u8 7,4,4,1 <9", "i32 7 <2", "-", "stat 1", "stat 1", "2,4,4,1", "i32 2 <1", "rng"}, .reject = "saturation is of 3 channels"};
static const anl__case bench_computed = {.op = "sample_batch", .attrs = "shuffle=true resized_crop=0.08 flip=true brightness=0.4 contrast=0.4 saturation=0.4", .in = {"u8 1000,32,32,3 <256", "i32 1000 <10", "-", "stat 3", "stat 3", "128,32,32,3", "i32 128 <1", "rng"}, .nograd = true, .bench = true};
static const anl__case channels = {.op = "sample_batch", .in = {"u8 7,4,4,3 <9", "i32 7 <2", "-", "stat 1", "stat 3", "2,4,4,3", "i32 2 <1", "rng"}, .reject = "samples of 3 channels"};
static const anl__case shapes = {.op = "sample_batch", .in = {"u8 7,4,4,3 <9", "i32 7 <2", "-", "stat 3", "stat 3", "2,4,3,3", "i32 2 <1", "rng"}, .reject = "do not make a batch"};
static const anl__case labels = {.op = "sample_batch", .in = {"u8 7,4,4,3 <9", "i32 6 <2", "-", "stat 3", "stat 3", "2,4,4,3", "i32 2 <1", "rng"}, .reject = "labels do not fit 7 samples"};
static const anl__case bench = {.op = "sample_batch", .attrs = "shuffle=true crop=4 flip=true", .in = {"u8 1000,32,32,3 <256", "i32 1000 <10", "-", "stat 3", "stat 3", "128,32,32,3", "i32 128 <1", "rng"}, .nograd = true, .bench = true};
const anl__case *const anl__cases_sample_batch[] = {&plain, &shuffled, &indexed, &everything, &cropped, &flipped, &erased, &floats, &large, &upside_down, &resized, &rotated, &jittered, &contrast, &all_computed, &turned_floats, &parts,
                                                   &channels, &shapes, &labels, &of_rows, &of_three, &bench, &bench_computed, NULL};
