#include "tests/ops/case.h"

#define CE(id, attributes, ...) static const anl__case id = {.op = "softmax_cross_entropy", .attrs = attributes, .in = {__VA_ARGS__}, .reduction = 64}
CE(plain, "", "5,4", "i32 5 <4");
CE(smooth, "label_smoothing=0.1", "7,10", "i32 7 <10");
CE(weighted, "label_smoothing=0.2", "6,3", "i32 6 <3", "stat 3 positive nograd");
CE(ignored, "ignore=1", "9,3", "i32 9 <3");
CE(one_class, "", "3,1", "i32 3 <1");
CE(one_row, "", "1,17", "i32 1 <17");
CE(rows, "", "130,10", "i32 130 <10");
CE(many, "label_smoothing=0.1", "3,1000", "i32 3 <1000");
static const anl__case most_rows = {.op = "softmax_cross_entropy", .in = {"4099,2", "i32 4099 <2"}, .nograd = true, .reduction = 4099};
static const anl__case back = {.op = "softmax_cross_entropy_bwd", .in = {"33,10", "i32 33 <10", "scalar"}, .nograd = true, .reduction = 10};
static const anl__case backw = {.op = "softmax_cross_entropy_bwd", .attrs = "label_smoothing=0.1 ignore=2", .in = {"9,5", "i32 9 <5", "scalar", "stat 5 positive"}, .nograd = true, .reduction = 10};
/* more than four columns a thread, one by one and as vectors */
CE(many_odd, "label_smoothing=0.1", "2,1003", "i32 2 <1003");
static const anl__case back_many = {.op = "softmax_cross_entropy_bwd", .attrs = "label_smoothing=0.1", .in = {"3,1016", "i32 3 <1016", "scalar"}, .nograd = true, .reduction = 64};
static const anl__case back_odd = {.op = "softmax_cross_entropy_bwd", .in = {"2,1003", "i32 2 <1003", "scalar"}, .nograd = true, .reduction = 64};
static const anl__case labels = {.op = "softmax_cross_entropy", .in = {"5,4", "i32 6 <4"}, .reject = "do not fit logits 5x4"};
static const anl__case kind = {.op = "softmax_cross_entropy", .in = {"5,4", "5"}, .reject = "labels (f"};
static const anl__case weights = {.op = "softmax_cross_entropy", .in = {"5,4", "i32 5 <4", "stat 3"}, .reject = "3 class weights for 4 classes"};
static const anl__case large = {.op = "softmax_cross_entropy", .in = {"4096,10000", "i32 4096 <10000"}, .large = true, .bench = true, .nograd = true};
static const anl__case large_back = {.op = "softmax_cross_entropy_bwd", .in = {"4096,10000", "i32 4096 <10000", "scalar"}, .large = true, .bench = true, .nograd = true};
const anl__case *const anl__cases_cross_entropy[] = {&plain, &smooth, &weighted, &ignored, &one_class, &one_row, &rows, &most_rows, &many, &many_odd, &back, &backw, &back_many, &back_odd, &labels, &kind, &weights, &large, &large_back, NULL};
