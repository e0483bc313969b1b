/* fill and loss_seed: one number each. */
#include "fill_host.h"

static const anl__kernel fill = {.op = "fill", .device = "reference", .name = "fill/ref", .run = anl__fill_run};
static const anl__kernel seed = {.op = "loss_seed", .device = "reference", .name = "loss_seed/ref", .run = anl__loss_seed_run};
const anl__kernel *const anl__kernels_fill_ref[] = {&fill, &seed, NULL};
