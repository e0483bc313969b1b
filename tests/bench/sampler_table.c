/* The samplers on seven functions: median and quartiles of the best value over seeds, and the time a proposal
 * takes, over all trials and over the last tenth of them. Never a test.
 *
 * Usage: sampler_table [samplers, comma-separated [functions [seeds [trials]]]]; "all" for all. 20 seeds, 100
 * trials.
 */
#include "tests/sweep/fixture.h"

static bool listed(const char *list, const char *name)
{
    size_t n = strlen(name);
    if (!strcmp(list, "all")) return true;
    for (const char *p = strstr(list, name); p; p = strstr(p + 1, name))
        if ((p == list || p[-1] == ',') && (p[n] == ',' || !p[n])) return true;
    return false;
}

static int row(anl_ctx *ctx, const problem *p, const char *name, int seeds, int trials)
{
    double *last = calloc((size_t)seeds, sizeof *last), *half = calloc((size_t)seeds, sizeof *half),
           *best = calloc((size_t)trials, sizeof *best), all = 0, late = 0;
    double *seconds = calloc((size_t)trials, sizeof *seconds);
    int tenth = (trials + 9) / 10;
    int bad = !last || !half || !best || !seconds;
    for (int k = 0; k < seeds && !bad; k++) {
        last[k] = problem_search(ctx, p, name, (uint64_t)k, trials, best, seconds);
        bad = isnan(last[k]);
        half[k] = best[(trials + 1) / 2 - 1];
        for (int i = 0; i < trials && !bad; i++) {
            all += 1e3 * seconds[i] / seeds / trials;
            if (i >= trials - tenth) late += 1e3 * seconds[i] / seeds / tenth;
        }
    }
    if (bad) fprintf(stderr, "%s, %s: %s\n", p->name, name, anl_last_error(ctx));
    else
        printf("| %s | %s | %.4g | %.4g [%.4g, %.4g] | %.3f | %.3f |\n", p->name, name,
               percentile(half, seeds, 50), percentile(last, seeds, 50), percentile(last, seeds, 25),
               percentile(last, seeds, 75), all, late);
    fflush(stdout);
    free(last);
    free(half);
    free(best);
    free(seconds);
    return bad;
}

int main(int argc, char **argv)
{
    const char *which = argc > 1 ? argv[1] : "random,sobol,tpe,gp,cmaes",
               *functions = argc > 2 ? argv[2] : "all";
    int seeds = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 20,
        trials = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 100, bad = 0;
    anl_ctx *ctx = anl_ctx_create();
    if (!ctx || seeds < 1 || trials < 1) {
        fprintf(stderr, "sampler_table: seeds and trials must be 1 or more\n");
        return 2;
    }
    printf("| function | sampler | median after %d | median after %d [quartiles] | ms a proposal | in the "
           "last tenth |\n|---|---|---|---|---|---|\n",
           (trials + 1) / 2, trials);
    for (const problem *p = problems; p->name; p++)
        for (int s = 0; samplers[s]; s++)
            if (listed(functions, p->name) && strcmp(samplers[s]->name, "grid") &&
                listed(which, samplers[s]->name))
                bad |= row(ctx, p, samplers[s]->name, seeds, trials);
    anl_ctx_destroy(ctx);
    return bad;
}
