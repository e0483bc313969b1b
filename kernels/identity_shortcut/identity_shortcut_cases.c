#include "tests/ops/case.h"

static const anl__case stride2 = {.op = "identity_shortcut", .attrs = "stride=2 channels=6", .in = {"2,5,4,3"}};
static const anl__case same = {.op = "identity_shortcut", .attrs = "channels=4", .in = {"3,2,2,1"}};
static const anl__case one = {.op = "identity_shortcut", .attrs = "stride=3 channels=2", .in = {"1,1,1,2"}};
static const anl__case fewer = {.op = "identity_shortcut", .attrs = "channels=2", .in = {"1,4,4,3"}, .reject = "fewer than"};
static const anl__case flat = {.op = "identity_shortcut", .attrs = "channels=2", .in = {"4,4"}, .reject = "4 dimensions"};
static const anl__case back = {.op = "identity_shortcut_bwd", .attrs = "stride=2 in_h=5 in_w=4 in_c=3", .in = {"2,3,2,6"}, .nograd = true};
static const anl__case wrong = {.op = "identity_shortcut_bwd", .attrs = "stride=2 in_h=9 in_w=4 in_c=3", .in = {"2,3,2,6"}, .reject = "does not come from"};
const anl__case *const anl__cases_identity_shortcut[] = {&stride2, &same, &one, &fewer, &flat, &back, &wrong, NULL};
