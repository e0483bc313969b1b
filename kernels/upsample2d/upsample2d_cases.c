#include "tests/ops/case.h"

#define UP(id, attributes, x) static const anl__case id = {.op = "upsample2d", .attrs = attributes, .in = {x}, .reduction = 16}
UP(twice, "", "2,3,4,3");
UP(thrice, "scale=3,1", "2,2,3,5");
UP(linear, "mode=bilinear", "2,3,4,3");
UP(wide, "scale=1,4 mode=bilinear", "1,2,3,2");
UP(pixel, "scale=2 mode=bilinear", "1,1,1,4");
static const anl__case back = {.op = "upsample2d_bwd", .attrs = "scale=2 mode=bilinear", .in = {"2,4,6,3"}, .nograd = true, .reduction = 16};
static const anl__case uneven = {.op = "upsample2d_bwd", .attrs = "scale=2", .in = {"2,5,6,3"}, .reject = "5 is no multiple", .nograd = true};
static const anl__case flat = {.op = "upsample2d", .in = {"4,4"}, .reject = "images must have 4 dimensions"};
const anl__case *const anl__cases_upsample2d[] = {&twice, &thrice, &linear, &wide, &pixel, &back, &uneven, &flat, NULL};
