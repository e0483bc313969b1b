#include "tests/ops/case.h"

/* The hyper block and grad_stats' result are given as constants: every word 0.5, so that all formulas are exercised. */
#define UPDATE(id, n, ...) static const anl__case id = {.op = #id, .in = {n, n, "stat 4 =0.5", "stat 32 =0.5", __VA_ARGS__}, .nograd = true, .reduction = 4}
UPDATE(sgd, "stat 1037", "stat 1037");
UPDATE(adam, "stat 1037", "stat 1037", "stat 1037 positive");
UPDATE(adamw, "stat 65", "stat 65", "stat 65 positive");
UPDATE(rmsprop, "stat 65", "stat 65 positive", "stat 65");
UPDATE(adagrad, "stat 65", "stat 65 positive");
UPDATE(lamb, "stat 65", "stat 65", "stat 65 positive");
UPDATE(ema, "stat 65", NULL);
static const anl__case stats = {.op = "grad_stats", .in = {"stat 40000", "stat 1 =2", "stat 32 =0.5"}, .nograd = true, .reduction = 40000};
static const anl__case slab_add = {.op = "slab_add", .in = {"stat 300001", "stat 300001"}, .nograd = true};
static const anl__case lengths = {.op = "sgd", .in = {"stat 5", "stat 6", "stat 4 =1", "stat 32 =0.5", "stat 5"}, .reject = "slab 1 has 6 elements"};
const anl__case *const anl__cases_optimizer[] = {&sgd, &adam, &adamw, &rmsprop, &adagrad, &lamb, &ema, &stats, &slab_add, &lengths, NULL};
