#include "tests/ops/case.h"

static const anl__case plain = {.op = "fold_batchnorm", .in = {"param 4,3,3,2", "param 4", "param 4", "stat 4", "stat 4 positive"}, .nograd = true, .reduction = 2};
static const anl__case bias = {.op = "fold_batchnorm", .attrs = "eps=0.01", .in = {"param 5,1,1,7", "param 5", "param 5", "stat 5", "stat 5 positive", "param 5"}, .nograd = true, .reduction = 2};
static const anl__case misfit = {.op = "fold_batchnorm", .in = {"param 4,3,3,2", "param 3", "param 4", "stat 4", "stat 4 positive"}, .reject = "parameter 1 (3) does not fit 4 filters"};
const anl__case *const anl__cases_fold_batchnorm[] = {&plain, &bias, &misfit, NULL};
