/* ops_driver: runs every operator's case list (kernels/<op>/<op>_cases.c) in the modes that the design asks for:
 *   infer        shape inference accepts, or refuses with the wanted words
 *   grad         gradients against central differences in double
 *   device       every device against the double reference
 *   determinism  the same bits twice and with 1, 2 and 3 threads
 *   bench        medians, GB/s and GF/s (not a test)
 * Usage: ops_driver [--folder F] [--mode M] [--device D] [--large] [--verbose] | --list (the folders). Exit: 0 passed, 1 failed, 2 usage, 77 nothing
 * but skips. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void line(const char *word, const char *fmt, va_list ap)
{
    printf("%s ", word);
    vprintf(fmt, ap);
    putchar('\n');
}

void report_pass(harness *h, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (h->verbose) line("PASS", fmt, ap);
    va_end(ap);
    h->sum.passed++;
}

void report_fail(harness *h, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    line("FAIL", fmt, ap);
    va_end(ap);
    h->sum.failed++;
}

void report_skip(harness *h, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    line("SKIP", fmt, ap);
    va_end(ap);
    h->sum.skipped++;
}

typedef struct open_device { const char *name; int threads; anl_device *dev; } open_device;
static open_device opened[32];
static int n_opened;

anl_device *device_get(harness *h, const char *name, int threads)
{
    for (int i = 0; i < n_opened; i++)
        if (!strcmp(opened[i].name, name) && opened[i].threads == threads) return opened[i].dev;
    if (h->reference && !strcmp(name, "reference")) return h->reference;
    anl_device_opts o = anl_device_opts_default();
    o.threads = threads;
    anl_device *dev = NULL;
    if (n_opened == (int)(sizeof opened / sizeof *opened) || anl_device_open(h->ctx, name, &o, &dev) != ANL_OK) return NULL;
    opened[n_opened++] = (open_device){name, threads, dev};
    return dev;
}

void devices_close(void)
{
    while (n_opened > 0) anl_device_close(opened[--n_opened].dev);
}

static void infer_type(harness *h, const test_case *tc, anl_dtype t)
{
    anl_graph *g = NULL;
    anl_value in[ANL__MAX_IN], y = ANL_NONE;
    anl_status st = case_graph(h->ctx, tc, t, false, &g, in, &y);
    if (st == ANL_OK) st = anl_graph_status(g);
    const char *said = st == ANL_OK ? "" : anl_last_error(h->ctx), *want = tc->c->reject;
    if (st == ANL_INTERNAL || st == ANL_NOMEM) report_fail(h, "%s %s: %s", tc->label, anl_dtype_name(t), said);
    else if (want && st == ANL_OK) report_fail(h, "%s %s: accepted, must be refused with '%s'", tc->label, anl_dtype_name(t), want);
    else if (want && !strstr(said, want))
        report_fail(h, "%s %s: refused with '%s', wanted '%s'", tc->label, anl_dtype_name(t), said, want);
    else if (!want && st != ANL_OK) report_fail(h, "%s %s: refused: %s", tc->label, anl_dtype_name(t), said);
    else report_pass(h, "%s %s", tc->label, anl_dtype_name(t));
    anl_graph_destroy(g);
}

void mode_infer(harness *h, const test_case *tc)
{
    infer_type(h, tc, ANL_F32);
    if (case_oracle_type(tc) == ANL_F64) infer_type(h, tc, ANL_F64);
}

typedef struct mode {
    const char *name;
    void (*run)(harness *h, const test_case *tc);
    int64_t large_rows; /* the most samples of a `bench` case; 0: all. The double reference is slow */
} mode;
#ifdef ANL_SANITIZED
enum { MANY_ROWS = 17 }; /* sanitizers make whole batches take minutes; every slice count still has uneven slices */
#else
enum { MANY_ROWS = 0 };
#endif
static const mode modes[] = {{"infer", mode_infer, 0}, {"grad", mode_grad, 0}, {"device", mode_device, 4},
                             {"determinism", mode_determinism, MANY_ROWS}, {"bench", mode_bench, 0}};
enum { N_MODES = sizeof modes / sizeof *modes, N_TESTS = N_MODES - 1 };

static void run_case(harness *h, const mode *m, const char *folder, int index, const anl__case *c)
{
    test_case tc;
    char why[ANL__WHY];
    int64_t live = anl__live_blocks(h->ctx);
    int devices = n_opened;
    if (c->large != h->large) return;
    if (!anl__op_find(c->op)) report_fail(h, "%s[%d]: there is no operator '%s'", folder, index, c->op);
    else if (!case_open(&tc, folder, index, c, c->bench ? m->large_rows : 0, why)) report_fail(h, "%s[%d]: %s", folder, index, why);
    else {
        m->run(h, &tc);
        int64_t left = anl__live_blocks(h->ctx) - live;
        if (left > 0 && devices == n_opened) { /* a device may keep what its library said once; a leak grows each time */
            m->run(h, &tc);
            left = anl__live_blocks(h->ctx) - live - left;
        }
        if (left > 0 && devices == n_opened) report_fail(h, "%s: %lld blocks of memory were not freed", tc.label, (long long)left);
        case_close(&tc);
    }
}

static int run_mode(harness *h, const mode *m, const char *folder)
{
    int seen = 0;
    for (const anl__case_row *row = anl__case_table; row->folder; row++) {
        if (folder && strcmp(folder, row->folder)) continue;
        seen++;
        for (int i = 0; row->cases[i]; i++) run_case(h, m, row->folder, i, row->cases[i]);
    }
    return seen;
}

static int list_folders(void)
{
    for (const anl__case_row *row = anl__case_table; row->folder; row++) puts(row->folder);
    return 0;
}

static int usage(void)
{
    fputs("usage: ops_driver [--folder F] [--mode infer|grad|device|determinism|bench] [--device D] [--verbose] | --list\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    harness h = {0};
    const char *folder = NULL, *only = NULL;
    setvbuf(stdout, NULL, _IOLBF, 1 << 16); /* a case that never ends is behind the last line */
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--verbose")) h.verbose = true;
        else if (!strcmp(argv[i], "--large")) h.large = true;
        else if (!strcmp(argv[i], "--list")) return list_folders();
        else if (i + 1 == argc) return usage();
        else if (!strcmp(argv[i], "--folder")) folder = argv[++i];
        else if (!strcmp(argv[i], "--mode")) only = argv[++i];
        else if (!strcmp(argv[i], "--device")) h.only_device = argv[++i];
        else return usage();
    }
    h.ctx = must(anl_ctx_create());
    if (h.large && (!only || strcmp(only, "bench"))) return usage();
    bool runs = !only || strcmp(only, "infer"); /* infer needs no device */
    if (runs) h.reference = device_get(&h, "reference", 1);
    if (runs && !h.reference) {
        fprintf(stderr, "ops_driver: %s\n", anl_last_error(h.ctx));
        return 1;
    }
    int seen = 0, known = 0;
    for (int m = 0; m < N_MODES; m++)
        if (only ? !strcmp(only, modes[m].name) : m < N_TESTS) {
            known++;
            seen += run_mode(&h, &modes[m], folder);
        }
    if (!known) return usage();
    if (folder && !seen) report_fail(&h, "there is no case list '%s'", folder);
    devices_close();
    anl_ctx_destroy(h.ctx);
    printf("%d passed, %d failed, %d skipped\n", h.sum.passed, h.sum.failed, h.sum.skipped);
    if (h.sum.failed) return 1;
    return !h.sum.passed && h.sum.skipped ? 77 : 0;
}
