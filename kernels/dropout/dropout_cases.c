#include "tests/ops/case.h"

static const anl__case half = {.op = "dropout", .attrs = "p=0.5", .in = {"3,7,5", "rng"}};
static const anl__case quarter = {.op = "dropout", .attrs = "p=0.25", .in = {"17,130", "rng"}};
static const anl__case none = {.op = "dropout", .attrs = "p=0", .in = {"2,3", "rng"}};
static const anl__case one = {.op = "dropout", .attrs = "p=0.9", .in = {"1", "rng"}};
static const anl__case back = {.op = "dropout_bwd", .attrs = "p=0.3 key=77", .in = {"5,9", "rng"}, .nograd = true};
static const anl__case time4 = {.op = "dropout", .attrs = "p=0.4 sample_axis=1", .in = {"3,5,8", "rng"}};
static const anl__case time_odd = {.op = "dropout", .attrs = "p=0.4 sample_axis=1", .in = {"7,2,3", "rng"}};
static const anl__case time_wide = {.op = "dropout", .attrs = "p=0.2 sample_axis=1", .in = {"4,3,301", "rng"}};
static const anl__case no_axis = {.op = "dropout", .attrs = "sample_axis=1", .in = {"4", "rng"}, .reject = "needs a batch axis"};
static const anl__case all = {.op = "dropout", .attrs = "p=1", .in = {"2,3", "rng"}, .reject = "is outside 0 to 0.999"};
static const anl__case bench = {.op = "dropout", .attrs = "p=0.25", .in = {"128,9216", "rng"}, .bench = true};
const anl__case *const anl__cases_dropout[] = {&half, &quarter, &none, &one, &back, &time4, &time_odd, &time_wide, &no_axis, &all, &bench, NULL};
