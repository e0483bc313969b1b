/* Timing of single kernels: the median over repeated runs, with the bytes of inputs and outputs (each counted once,
 * those written in place twice) and the operator's own count of flops. Packing is not in it: it happens once a step. */
#include "harness.h"
#include "tests/common/timing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RUNS = 101 };
static const double SECONDS = 0.3; /* about this long a kernel */

/* Median seconds; negative on failure. (direct_run would count its own checks too.) */
static double median_seconds(direct *d)
{
    double t[MOST_RUNS];
    int n = 0;
    for (double start = now(); n < MOST_RUNS && (n < 3 || now() - start < SECONDS); n++)
        if (direct_time(d, &t[n]) != ANL_OK) return -1;
    qsort(t, (size_t)n, sizeof *t, by_size);
    return t[n / 2];
}

static void bench_kernel(harness *h, const test_case *tc, anl_device *dev, const anl__kernel *k, anl_dtype t)
{
    direct d;
    char why[ANL__WHY] = "";
    double *in[ANL__MAX_IN] = {0}, bytes = 0;
    for (int i = 0; i < tc->n_in; i++) in[i] = case_values(tc, i, t);
    anl_status st = direct_open(&d, h->ctx, tc, dev, k, t, &(direct_opts){.slices = 8}, why);
    if (st == ANL_OK) st = direct_load(&d, in, NULL);
    if (st == ANL_OK) st = direct_run(&d);
    double s = st == ANL_OK ? median_seconds(&d) : -1;
    if (s >= 0) {
        for (int i = 0; i < d.call.n_in; i++) bytes += d.in[i].p ? (double)d.in[i].bytes * (d.call.op->mutates >> i & 1 ? 2 : 1) : 0;
        for (int j = 0; j < d.call.n_out; j++) bytes += (double)d.out[j].bytes;
        double flops = d.call.op->flops ? d.call.op->flops(&d.call) : 0;
        printf("%-28s %-4s %d thr %9.3f ms %7.1f GB/s %8.1f GF/s  %s\n", k->name, anl_dtype_name(t), d.env.workers, s * 1e3, bytes / s * 1e-9,
               flops / s * 1e-9, tc->label);
        report_pass(h, "%s", tc->label);
    } else if (d.refused) report_skip(h, "%s: %s %s: %s", tc->label, k->name, anl_dtype_name(t), why);
    else report_fail(h, "%s: %s: %s", tc->label, k->name, anl_last_error(h->ctx));
    direct_close(&d);
    for (int i = 0; i < tc->n_in; i++) free(in[i]);
}

void mode_bench(harness *h, const test_case *tc)
{
    if (!tc->c->bench) return;
    const char *name = h->only_device ? h->only_device : "cpu";
    anl_device *dev = device_get(h, name, 0);
    if (!dev) {
        report_skip(h, "%s: %s", name, anl_last_error(h->ctx));
        return;
    }
    const anl__kernel *const *const *table = anl__device_kernels(dev);
    for (int i = 0; table[i]; i++)
        for (int j = 0; table[i][j]; j++) {
            const anl__kernel *k = table[i][j];
            if (strcmp(k->op, tc->c->op) || strcmp(k->device, name)) continue;
            bench_kernel(h, tc, dev, k, ANL_F32);
            for (int q = 0; q < HALF_TYPES; q++)
                if (has_type(dev, half_types[q])) bench_kernel(h, tc, dev, k, half_types[q]);
        }
}
