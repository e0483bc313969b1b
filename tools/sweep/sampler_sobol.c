/* Scrambled Sobol points: as random search, but spread evenly. One dimension an axis. */
#include "sampler_inside.h"

_Static_assert((int)SPACE_MAX_AXES <= (int)SOBOL_DIMENSIONS, "every axis needs a dimension");

static anl_status propose(anl_ctx *ctx, const sampler_task *t, int64_t number, const trial_result *seen,
                          int64_t n, double *out)
{
    (void)ctx, (void)seen, (void)n;
    sampler_sobol_point(t, number - t->n_points, out);
    return ANL_OK;
}

const sampler sampler_sobol = {
    .name = "sobol", .help = "evenly spread random points (scrambled Sobol sequence)", .propose = propose};
