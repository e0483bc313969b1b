/* Every combination of values, once; the last axis changes fastest. */
#include "sampler_inside.h"

static anl_status check(anl_ctx *ctx, const sampler_task *t)
{
    int64_t n;
    return space_grid_count(ctx, t->space, &n);
}

static anl_status limit(anl_ctx *ctx, const sampler_task *t, int64_t *n)
{
    return space_grid_count(ctx, t->space, n);
}

static anl_status propose(anl_ctx *ctx, const sampler_task *t, int64_t number, const trial_result *seen,
                          int64_t n, double *out)
{
    int64_t count;
    (void)seen, (void)n;
    ANL_TRY(space_grid_count(ctx, t->space, &count));
    number -= t->n_points;
    if (number >= count)
        return anl__fail(ctx, ANL_INVALID, "sampler grid: the grid has %lld points and all are taken",
                         (long long)count);
    space_grid_point(t->space, number, out);
    return ANL_OK;
}

const sampler sampler_grid = {.name = "grid",
                              .help = "every combination of values",
                              .check = check,
                              .limit = limit,
                              .propose = propose};
