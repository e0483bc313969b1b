#include "tests/ops/case.h"

#define S(id, op_name, x) static const anl__case id = {.op = op_name, .in = {x}, .reduction = 32}
S(rows, "softmax", "5,7");
S(images, "softmax", "2,3,3,10");
S(single, "softmax", "3,1");
S(vector, "softmax", "9");
S(wide, "softmax", "4,200");
S(log_rows, "log_softmax", "5,7");
S(log_images, "log_softmax", "2,3,3,10");
S(log_vector, "log_softmax", "9");
static const anl__case back = {.op = "softmax_bwd", .in = {"5,7 unit", "5,7"}, .nograd = true, .reduction = 16};
static const anl__case log_back = {.op = "log_softmax_bwd", .in = {"5,7", "5,7"}, .nograd = true, .reduction = 16};
static const anl__case misfit = {.op = "softmax_bwd", .in = {"5,7", "5,6"}, .reject = "does not fit output 5x7"};
const anl__case *const anl__cases_softmax[] = {&rows, &images, &single, &vector, &wide, &log_rows, &log_images, &log_vector, &back, &log_back, &misfit, NULL};
