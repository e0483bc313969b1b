/* The same bits: twice, with 1, 2 and 3 threads, for several slice counts; and a sample-wise kernel's task reads
 * no row but its own, so that chains of such kernels may run slice by slice. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct result_bytes { int n; size_t bytes[ANL__MAX_OUT + ANL__MAX_IN]; void *p[ANL__MAX_OUT + ANL__MAX_IN]; } result_bytes;

static void bytes_take(result_bytes *b, const direct *d)
{
    b->n = direct_results(d);
    for (int r = 0; r < b->n; r++) {
        anl__type t = direct_result_type(d, r);
        b->bytes[r] = (size_t)anl_shape_count(&t.shape) * anl_dtype_size(t.dtype);
        b->p[r] = must(calloc(b->bytes[r] + 1, 1));
        direct_result(d, r, b->p[r]);
    }
}

static void bytes_close(result_bytes *b)
{
    for (int r = 0; r < b->n; r++) free(b->p[r]);
    b->n = 0;
}

static int bytes_differ(const result_bytes *a, const result_bytes *b)
{
    for (int r = 0; r < a->n; r++)
        if (memcmp(a->p[r], b->p[r], a->bytes[r])) return r;
    return -1;
}

static bool batched(const direct *d, const test_case *tc, int i)
{
    spec_kind k = tc->in[i].kind;
    return (k == SPEC_ACTIVATION || k == SPEC_I32 || k == SPEC_U8) && d->call.in[i].shape.rank > 0 &&
           d->call.in[i].shape.dim[0] == d->call.in[0].shape.dim[0];
}

/* Fills all rows but [from, to) of the batched inputs with 0xFF. */
static void poison_other_rows(direct *d, const test_case *tc, int64_t rows, int64_t from, int64_t to)
{
    for (int i = 0; i < d->call.n_in; i++) {
        if (!d->in[i].p || !batched(d, tc, i)) continue;
        size_t row = d->in[i].bytes / (size_t)rows;
        unsigned char *t = must(malloc(d->in[i].bytes + 1));
        block_read(&d->in[i], t);
        memset(t, 0xFF, row * (size_t)from);
        memset(t + row * (size_t)to, 0xFF, row * (size_t)(rows - to));
        block_write(&d->in[i], t);
        free(t);
    }
}

/* Task t alone, on inputs whose other rows are NaN, must give its rows of `want` and leave the other rows alone. */
static bool task_alone(direct *d, const test_case *tc, double *const *in, const result_bytes *want, int t, char text[160])
{
    int64_t rows = d->call.in[0].shape.dim[0];
    int64_t from = anl__slice_begin(rows, d->p.tasks, t), to = anl__slice_begin(rows, d->p.tasks, t + 1);
    bool good = true;
    if (direct_load(d, in, NULL) != ANL_OK) return false;
    poison_other_rows(d, tc, rows, from, to);
    direct_task(d, t);
    for (int j = 0; j < d->call.n_out && good; j++) {
        const anl_shape *s = &d->call.out[j].shape;
        if (s->rank < 2 || s->dim[0] != rows) continue; /* not a batched output: written by finish */
        size_t row = want->bytes[j] / (size_t)rows, lo = row * (size_t)from, hi = row * (size_t)to;
        unsigned char *got = must(malloc(want->bytes[j] + 1));
        block_read(&d->out[j], got);
        if (memcmp(got + lo, (char *)want->p[j] + lo, hi - lo)) {
            snprintf(text, 160, "task %d of %d reads rows of others: output %d differs", t, d->p.tasks, j);
            good = false;
        }
        for (size_t b = 0; b < want->bytes[j] && good; b++)
            if ((b < lo || b >= hi) && got[b] != 0xFF) {
                snprintf(text, 160, "task %d of %d wrote output %d, row %zu of another slice", t, d->p.tasks, j, b / row);
                good = false;
            }
        free(got);
    }
    return good;
}

/* Two runs of one prepared kernel, compared with `first` (filled when empty). */
static bool run_twice(direct *d, double *const *in, result_bytes *first, char text[160])
{
    for (int run = 0; run < 2; run++) {
        result_bytes now = {0};
        if (direct_load(d, in, NULL) != ANL_OK || direct_run(d) != ANL_OK) {
            snprintf(text, 160, "%s", anl_last_error(d->ctx));
            return false;
        }
        bytes_take(&now, d);
        if (!first->n) {
            *first = now;
            continue;
        }
        int r = bytes_differ(first, &now);
        bytes_close(&now);
        if (r >= 0) {
            snprintf(text, 160, "%d threads, %s run: other bits in result %d", d->env.workers, run ? "second" : "first", r);
            return false;
        }
    }
    return true;
}

/* True when the kernel takes the case (the test is then counted). */
static bool check_kernel(harness *h, const test_case *tc, const char *device, const anl__kernel *k, anl_dtype t, int slices, char why[ANL__WHY])
{
    double *in[ANL__MAX_IN] = {0};
    result_bytes first = {0};
    char text[160] = "";
    bool good = true, ran = true;
    for (int i = 0; i < tc->n_in; i++) in[i] = case_values(tc, i, t);
    for (int threads = 1; threads <= 3 && good && ran; threads++) {
        direct d;
        anl_device *dev = device_get(h, device, threads);
        anl_status st = direct_open(&d, h->ctx, tc, dev, k, t, &(direct_opts){.slices = slices}, why);
        if (d.refused) ran = false;
        else if (st != ANL_OK) {
            snprintf(text, sizeof text, "%s", anl_last_error(h->ctx));
            good = false;
        } else {
            good = run_twice(&d, in, &first, text);
            if (good && threads == 1 && k->samplewise && k->task && !k->finish && d.p.tasks > 1)
                for (int q = 0; q < d.p.tasks && good; q++) good = task_alone(&d, tc, in, &first, q, text);
        }
        direct_close(&d);
    }
    if (ran && good) report_pass(h, "%s: %s %s slices %d", tc->label, k->name, anl_dtype_name(t), slices);
    else if (ran) report_fail(h, "%s: %s %s slices %d: %s", tc->label, k->name, anl_dtype_name(t), slices, text);
    bytes_close(&first);
    for (int i = 0; i < tc->n_in; i++) free(in[i]);
    return ran;
}

static void check_type(harness *h, const test_case *tc, const char *device, anl_dtype t)
{
    static const int slices[] = {1, 3, 8};
    char why[ANL__WHY] = "the device has no kernel for it";
    bool ran = false;
    const anl_device *dev = device_get(h, device, 1);
    const anl__kernel *const *const *table = dev ? anl__device_kernels(dev) : anl__kernel_table;
    for (int i = 0; table[i]; i++)
        for (int j = 0; table[i][j]; j++) {
            const anl__kernel *k = table[i][j];
            if (strcmp(k->op, tc->c->op) || strcmp(k->device, device)) continue;
            for (size_t s = tc->c->bench ? 2 : 0; s < 3; s++)
                if (!check_kernel(h, tc, device, k, t, slices[s], why)) break;
                else ran = true;
        }
    if (!ran) report_skip(h, "%s: %s %s: %s", tc->label, device, anl_dtype_name(t), why);
}

void mode_determinism(harness *h, const test_case *tc)
{
    const anl__op *op = anl__op_find(tc->c->op);
    if (tc->c->reject || (op && op->view)) return;
    bool activation = false;
    for (int i = 0; i < tc->n_in; i++) activation = activation || tc->in[i].kind == SPEC_ACTIVATION;
    for (int i = 0; anl__device_table[i]; i++) {
        const anl__device_vt *vt = anl__device_table[i];
        if (!strcmp(vt->name, "null") || !strcmp(vt->name, "reference")) continue;
        if (h->only_device && strcmp(vt->name, h->only_device)) continue;
        anl_device *dev = device_get(h, vt->name, 1);
        if (!dev) {
            if (h->only_device || strcmp(vt->name, "cuda")) report_skip(h, "%s: device %s does not open here: %s", tc->label, vt->name, anl_last_error(h->ctx));
            continue;
        }
        check_type(h, tc, vt->name, ANL_F32);
        if (!activation) continue;
        for (int k = 0; k < HALF_TYPES; k++)
            if (has_type(dev, half_types[k])) check_type(h, tc, vt->name, half_types[k]);
            else if (half_types[k] == ANL_BF16) report_skip(h, "%s: device %s has no bf16", tc->label, vt->name);
    }
}
