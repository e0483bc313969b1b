#include "tests/ops/case.h"

/* The hyper block and grad_stats' result are given as constants: every word 0.5, so that all formulas are exercised. */
#define UPDATE(id, n, ...) static const anl__case id = {.op = #id, .in = {n, n, "stat 6 =0.5", "stat 32 =0.5", __VA_ARGS__}, .nograd = true, .reduction = 4}
UPDATE(sgd, "stat 1037", "stat 1037");
UPDATE(adam, "stat 1037", "stat 1037", "stat 1037 positive");
UPDATE(adamw, "stat 65", "stat 65", "stat 65 positive");
UPDATE(rmsprop, "stat 65", "stat 65 positive", "stat 65");
UPDATE(adagrad, "stat 65", "stat 65 positive");
UPDATE(lamb, "stat 65", "stat 65", "stat 65 positive");
static const anl__case lamb_chunks = {.op = "lamb", .in = {"stat 20001", "stat 20001", "stat 6 =0.5", "stat 32 =0.5", "stat 20001", "stat 20001 positive"}, .nograd = true, .reduction = 4};
UPDATE(ema, "stat 65", NULL);
static const anl__case stats = {.op = "grad_stats", .in = {"stat 40000", "stat 1 =2", "stat 32 =0.5"}, .nograd = true, .reduction = 40000};
static const anl__case stats_scaled = {.op = "grad_stats", .attrs = "scale_min=1", .in = {"stat 5000", "stat 1 =2", "stat 32 =0.5", "stat 4 =1024", "stat 1 =3"}, .nograd = true, .reduction = 5000};
static const anl__case stats_over = {.op = "grad_stats", .attrs = "scale_min=1", .in = {"stat 100 =inf", "stat 1 =2", "stat 32 =0.5", "stat 4 =1024", "stat 1 =3"}, .nograd = true};
static const anl__case stats_least = {.op = "grad_stats", .attrs = "scale_min=1", .in = {"stat 100 =inf", "stat 1 =2", "stat 32 =0.5", "stat 4 =1", "stat 1 =3"}, .nograd = true};
static const anl__case stats_loss = {.op = "grad_stats", .attrs = "scale_min=1", .in = {"stat 100 =inf", "stat 1 =2", "stat 32 =0.5", "stat 4 =1024", "stat 1 =nan"}, .nograd = true};
static const anl__case stats_skipped = {.op = "grad_stats", .in = {"stat 100", "stat 1 =2", "stat 32 =0.5", "stat 4 =0.25"}, .nograd = true}; /* a fourth of half a step was left out */
static const anl__case stats_block = {.op = "grad_stats", .in = {"stat 100", "stat 1 =2", "stat 32 =0.5", "stat 3 =1"}, .reject = "needs the scale block"};
static const anl__case over = {.op = "loss_scale", .in = {"stat 4 =512", "stat 6 =0"}, .nograd = true};
static const anl__case grown = {.op = "loss_scale", .attrs = "steps=3", .in = {"stat 4 =2", "stat 6 =1"}, .nograd = true};
static const anl__case misfit = {.op = "loss_scale", .in = {"stat 3 =1", "stat 6 =1"}, .reject = "needs the scale block"};
static const anl__case slab_add = {.op = "slab_add", .in = {"stat 300001", "stat 300001"}, .nograd = true};
static const anl__case lengths = {.op = "sgd", .in = {"stat 5", "stat 6", "stat 6 =1", "stat 32 =0.5", "stat 5"}, .reject = "slab 1 has 6 elements"};
#define LARGE(id, name, ...) static const anl__case id = {.op = name, .in = {"stat 25557032", "stat 25557032", "stat 6 =0.5", "stat 32 =0.5", __VA_ARGS__}, .large = true, .bench = true, .nograd = true}
LARGE(sgd_large, "sgd", "stat 25557032"); /* ResNet-50 */
LARGE(adam_large, "adam", "stat 25557032", "stat 25557032 positive");
static const anl__case stats_large = {.op = "grad_stats", .in = {"stat 25557032", "stat 1 =2", "stat 32 =0.5"}, .large = true, .bench = true, .nograd = true};
const anl__case *const anl__cases_optimizer[] = {&sgd, &adam, &adamw, &rmsprop, &adagrad, &lamb, &lamb_chunks, &ema, &stats, &stats_scaled, &stats_over, &stats_least, &stats_loss, &stats_skipped, &stats_block, &over, &grown, &misfit, &slab_add, &lengths, &sgd_large, &adam_large, &stats_large, NULL};
