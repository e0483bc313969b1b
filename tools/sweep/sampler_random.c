/* Random search (Bergstra and Bengio 2012): each axis uniform on its own scale. */
#include "sampler_inside.h"

static anl_status propose(anl_ctx *ctx, const sampler_task *t, int64_t number, const trial_result *seen,
                          int64_t n, double *out)
{
    draws d = draws_for(t->seed, number, "random");
    (void)ctx, (void)seen, (void)n;
    sampler_random_point(t, &d, out);
    return ANL_OK;
}

const sampler sampler_random = {.name = "random", .help = "independent random points", .propose = propose};
