#include "tests/ops/case.h"

#define N(id, op_name, attributes, ...) static const anl__case id = {.op = op_name, .attrs = attributes, .in = {__VA_ARGS__}, .reduction = 256}
N(rows, "layernorm", "", "5,8", "param 8", "param 8");
N(sequence, "layernorm", "eps=1e-3", "3,4,17", "param 17", "param 17");
N(images, "layernorm", "", "2,3,3,16", "param 16", "param 16");
N(groups, "groupnorm", "groups=2", "3,4,4,6", "param 6", "param 6");
N(instance, "groupnorm", "groups=5", "2,3,3,5", "param 5", "param 5");
N(whole, "groupnorm", "groups=1", "2,2,3,7", "param 7", "param 7");
static const anl__case back = {.op = "layernorm_bwd", .in = {"6,9", "param 9", "stat 6,1", "stat 6,1 positive", "6,9"}, .nograd = true, .reduction = 64};
static const anl__case group_back = {.op = "groupnorm_bwd", .attrs = "groups=3", .in = {"4,3,3,6", "param 6", "stat 4,3", "stat 4,3 positive", "4,3,3,6"}, .nograd = true, .reduction = 128};
static const anl__case uneven = {.op = "groupnorm", .attrs = "groups=4", .in = {"2,3,3,6", "param 6", "param 6"}, .reject = "6 channels are not 4 equal groups"};
static const anl__case bad_gamma = {.op = "layernorm", .in = {"5,8", "param 7", "param 8"}, .reject = "gamma (7) does not fit 8 channels"};
static const anl__case bad_beta = {.op = "layernorm", .in = {"5,8", "param 8", "param 7"}, .reject = "beta (7)"};
static const anl__case flat = {.op = "groupnorm", .attrs = "groups=1", .in = {"5,8", "param 8", "param 8"}, .reject = "at least 3 dimensions"};
const anl__case *const anl__cases_layernorm[] = {&rows, &sequence, &images, &groups, &instance, &whole, &back, &group_back, &uneven, &bad_gamma, &bad_beta, &flat, NULL};
