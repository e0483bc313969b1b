#include "tests/ops/case.h"

#define L(id, op_name, attributes, ...) static const anl__case id = {.op = op_name, .attrs = attributes, .in = {__VA_ARGS__}, .reduction = 64}
L(mse, "mse", "", "5,4", "stat 5,4 nograd");
L(mse_one, "mse", "", "1,1", "stat 1 nograd");
L(mse_many, "mse", "", "70,3", "stat 70,3 nograd");
L(mse_numbers, "mse", "", "9,1", "i32 9 <5");
L(huber, "huber", "delta=0.25", "6,5", "stat 6,5 nograd positive");
L(huber_wide, "huber", "delta=10", "6,5", "stat 6,5 nograd");
L(bce, "bce_logits", "", "7,3", "stat 7,3 nograd unit");
L(bce_classes, "bce_logits", "", "9,1", "i32 9 <2");
static const anl__case mse_back = {.op = "mse_bwd", .in = {"5,4", "stat 5,4", "scalar"}, .nograd = true, .reduction = 2};
static const anl__case huber_back = {.op = "huber_bwd", .attrs = "delta=0.5", .in = {"5,4", "stat 5,4", "scalar"}, .nograd = true, .reduction = 2};
static const anl__case bce_back = {.op = "bce_logits_bwd", .in = {"33,4", "stat 33,4 unit", "scalar"}, .nograd = true, .reduction = 2};
static const anl__case count = {.op = "mse", .in = {"5,4", "stat 5,3"}, .reject = "do not fit predictions 5x4"};
static const anl__case kind = {.op = "mse", .in = {"5,4", "u8 5,4 <3"}, .reject = "targets (u8"};
const anl__case *const anl__cases_losses[] = {&mse, &mse_one, &mse_many, &mse_numbers, &huber, &huber_wide, &bce, &bce_classes, &mse_back, &huber_back, &bce_back, &count, &kind, NULL};
