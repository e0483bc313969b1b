#include "tests/ops/case.h"

static const anl__case constant = {.op = "fill", .attrs = "value=2.5", .nograd = true};
static const anl__case seed = {.op = "loss_seed", .attrs = "weight=0.5", .in = {"stat 32"}, .nograd = true};
static const anl__case ratio = {.op = "loss_seed", .attrs = "weight=0.5", .in = {"stat 32", "stat 1 positive", "stat 1 positive"}, .nograd = true};
static const anl__case nothing = {.op = "loss_seed", .in = {"stat 32", "stat 1 positive", "stat 1 =0"}, .nograd = true};
static const anl__case half = {.op = "loss_seed", .in = {"stat 32", "stat 1"}, .reject = "both denominators"};
static const anl__case wide = {.op = "loss_seed", .in = {"stat 32", "stat 2", "stat 1"}, .reject = "one number"};
static const anl__case scaled = {.op = "loss_seed", .in = {"stat 32 =3", "stat 1 positive", "stat 1 positive", "stat 4 =1024"}, .nograd = true};
static const anl__case no_scale = {.op = "loss_seed", .in = {"stat 32 =3", "stat 1", "stat 1", "stat 5"}, .reject = "needs the scale block"};
const anl__case *const anl__cases_fill[] = {&constant, &seed, &ratio, &nothing, &half, &wide, &scaled, &no_scale, NULL};
