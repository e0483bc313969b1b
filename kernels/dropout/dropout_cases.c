#include "tests/ops/case.h"

static const anl__case half = {.op = "dropout", .attrs = "p=0.5", .in = {"3,7,5", "rng"}};
static const anl__case quarter = {.op = "dropout", .attrs = "p=0.25", .in = {"17,130", "rng"}};
static const anl__case none = {.op = "dropout", .attrs = "p=0", .in = {"2,3", "rng"}};
static const anl__case one = {.op = "dropout", .attrs = "p=0.9", .in = {"1", "rng"}};
static const anl__case back = {.op = "dropout_bwd", .attrs = "p=0.3 key=77", .in = {"5,9", "rng"}, .nograd = true};
static const anl__case all = {.op = "dropout", .attrs = "p=1", .in = {"2,3", "rng"}, .reject = "is outside 0 to 0.999"};
static const anl__case bench = {.op = "dropout", .attrs = "p=0.25", .in = {"128,9216", "rng"}, .bench = true};
const anl__case *const anl__cases_dropout[] = {&half, &quarter, &none, &one, &back, &all, &bench, NULL};
