/* fill and loss_seed: one number each. */
#include "fill_host.h"

static const anl__kernel fill = {.op = "fill", .device = "cpu", .name = "fill/cpu", .run = anl__fill_run};
static const anl__kernel seed = {.op = "loss_seed", .device = "cpu", .name = "loss_seed/cpu", .run = anl__loss_seed_run};
const anl__kernel *const anl__kernels_fill_cpu[] = {&fill, &seed, NULL};
