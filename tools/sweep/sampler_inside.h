/* What samplers share; only sampler*.c include this. */
#ifndef SWEEP_SAMPLER_INSIDE_H
#define SWEEP_SAMPLER_INSIDE_H

#include "random.h"
#include "sampler.h"

#include "runtime/base/base.h"
#include "sobol.h"

extern const sampler sampler_grid, sampler_random, sampler_sobol, sampler_tpe, sampler_gp, sampler_cmaes,
    sampler_nsga2;

/* What a result is worth, best first. A complete one that is not finite counts as failed. */
typedef enum result_class {
    CLASS_COMPLETE,
    CLASS_PRUNED,
    CLASS_INFEASIBLE,
    CLASS_FAILED,
    CLASS_RUNNING
} result_class;
result_class sampler_class(const sampler_task *t, const trial_result *r);

/* The refusal of samplers that know one objective and no constraints. */
anl_status sampler_one_objective(anl_ctx *ctx, const sampler_task *t, const char *name);

void sampler_random_point(const sampler_task *t, draws *d, double *out);
void sampler_sobol_point(const sampler_task *t, int64_t index, double *out);

#endif
