/* Plans that a device times, remembers and keeps in a file (in f32 the shim's cuDNN has two acceptable
 * engines, 2 before 3; ANL_SHIM_FASTEST names the one that its clock calls the faster). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "graph/graph.h"
#include "runtime/base/files.h"
#include "tests/common/scratch.h"

typedef struct fixture {
    anl_ctx *ctx;
    char dir[SCRATCH_PATH], file[SCRATCH_PATH + 300];
    long queries; /* of cuDNN's heuristics, in the last explain */
    int files;    /* in dir, before the device was closed there */
} fixture;

static int files(fixture *f);

/* So far in this process; -1: the shim is not loaded yet. */
static long queries(void)
{
    const char *plugin = getenv("ANNEAL_CUDA_PLUGIN");
    void *so = plugin ? dlopen(plugin, RTLD_LAZY | RTLD_NOLOAD) : NULL;
    const long *n = so ? dlsym(so, "anl_shim_queries") : NULL;
    long count = n ? *n : -1;
    if (so) dlclose(so);
    return count;
}

static int set_up(void **state)
{
    static fixture f;
    f.ctx = anl_ctx_create();
    assert_true(scratch_make(f.dir, "plans"));
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    assert_true(scratch_remove(f->dir));
    assert_int_equal(anl__live_blocks(f->ctx), 0);
    anl_ctx_destroy(f->ctx);
    return 0;
}

/* What explain says of a convolution, of an lstm or of a dense layer, on a device opened so; plans (may be NULL): the device's
 * text, freed with anl__buf_release. */
typedef enum layer { CONV, LSTM, DENSE } layer;
static void explain(fixture *f, const anl_device_opts *o, layer which, char note[512], anl__buf *plans)
{
    anl_device *dev;
    anl_net *net = NULL;
    anl_graph *g;
    anl_program *p;
    char *text = NULL;
    if (anl_device_open(f->ctx, "cuda", o, &dev) != ANL_OK) fail_msg("%s", anl_last_error(f->ctx));
    long before = queries();
    assert_true(before >= 0);
    assert_int_equal(anl_net_create(dev, &net), ANL_OK);
    assert_int_equal(anl_graph_create(f->ctx, ANL_EVAL, ANL_F32, &g), ANL_OK);
    anl_value image[2] = {anl_input(g, "x", ANL_F32, 4, (const int64_t[]){2, 8, 8, 8}),
                          anl_input(g, "w", ANL_F32, 4, (const int64_t[]){4, 3, 3, 8})};
    anl_value same[2] = {image[0], anl_input(g, "v", ANL_F32, 4, (const int64_t[]){4, 3, 3, 8})};
    anl_value sequence[3] = {anl_input(g, "s", ANL_F32, 3, (const int64_t[]){3, 2, 4}),
                             anl_input(g, "w_ih", ANL_F32, 2, (const int64_t[]){20, 4}),
                             anl_input(g, "w_hh", ANL_F32, 2, (const int64_t[]){20, 5})};
    anl_value row[2] = {anl_input(g, "r", ANL_F32, 2, (const int64_t[]){6, 8}), anl_input(g, "u", ANL_F32, 2, (const int64_t[]){4, 8})};
    anl_output(g, "y",
               which == LSTM    ? anl_node(g, "recurrent", "layer", sequence, 3, "cell=lstm")
               : which == DENSE ? anl_node(g, "dense", "layer", row, 2, " ")
                                : anl_node(g, "conv2d", "layer", image, 2, "pad=1"));
    if (which == CONV) anl_output(g, "z", anl_node(g, "conv2d", "same", same, 2, "pad=1"));
    anl_compile_opts c = anl_compile_opts_default(g);
    assert_int_equal(anl_program_compile(net, g, &c, &p), ANL_OK);
    assert_int_equal(anl_program_explain(p, &text), ANL_OK);
    snprintf(note, 512, "%s", strchr(text, '[') ? strchr(text, '[') : text);
    if (strchr(note, ']')) strchr(note, ']')[1] = 0;
    if (plans) {
        anl__buf_init(plans, f->ctx);
        dev->vt->plans(dev, plans);
    }
    f->queries = queries() - before;
    f->files = files(f);
    anl_text_free(f->ctx, text);
    anl_net_destroy(net);
    anl_device_close(dev);
}

/* A convolution twice: the heuristics are asked once, whatever is looked for in their list. */
static void convolve(fixture *f, const anl_device_opts *o, char note[512], anl__buf *plans)
{
    explain(f, o, CONV, note, plans);
    assert_int_equal(f->queries, 1);
}

static int files(fixture *f)
{
    int n = 0;
    DIR *d = opendir(f->dir);
    if (!d) return 0;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') {
            n++;
            snprintf(f->file, sizeof f->file, "%s/%s", f->dir, e->d_name);
        }
    closedir(d);
    return n;
}

static bool no_shim(void)
{
    if (getenv("ANNEAL_CUDA_PLUGIN")) return false;
    print_message("skipped: ANNEAL_CUDA_PLUGIN does not name the shim\n");
    return true;
}

static void test_order_and_time(void **state)
{
    fixture *f = *state;
    anl_device_opts o = anl_device_opts_default();
    char note[512];
    anl__buf plans;
    if (no_shim()) skip();
    unsetenv("ANL_SHIM_FASTEST");
    convolve(f, &o, note, &plans);
    assert_string_equal(note, "[engine 2]");
    assert_null(strchr(plans.text, '|')); /* nothing was measured */
    anl__buf_release(&plans);
    o.tune = true;
    convolve(f, &o, note, &plans);
    assert_string_equal(note, "[engine 2, 1000.0 us]");
    assert_non_null(strstr(plans.text, " timed|"));
    anl__buf_release(&plans);
    setenv("ANL_SHIM_FASTEST", "3", 1);
    convolve(f, &o, note, NULL);
    assert_string_equal(note, "[engine 3, 500.0 us]");
    setenv("ANL_SHIM_HOST_MS", "5", 1); /* for a call: it would hide which is the faster */
    convolve(f, &o, note, NULL);
    assert_string_equal(note, "[engine 3, 500.0 us]");
    setenv("ANL_SHIM_SPEED", "10", 1); /* 50 us, in which there are 16 calls */
    convolve(f, &o, note, NULL);
    assert_string_equal(note, "[engine 3, 3.1 us]");
    unsetenv("ANL_SHIM_SPEED");
    unsetenv("ANL_SHIM_HOST_MS");
}

/* What was measured before is taken, whatever the clock says now; damaged or foreign text is as if it were
 * not there. */
static void test_given_back(void **state)
{
    fixture *f = *state;
    anl_device_opts o = anl_device_opts_default();
    char note[512];
    anl__buf plans;
    if (no_shim()) skip();
    setenv("ANL_SHIM_FASTEST", "3", 1);
    o.tune = true;
    convolve(f, &o, note, &plans);
    setenv("ANL_SHIM_FASTEST", "2", 1);
    o.plans = plans.text;
    convolve(f, &o, note, NULL);
    assert_string_equal(note, "[engine 3, 500.0 us]");
    char *at = strchr(plans.text, '|') + 1, kept[64];
    snprintf(kept, sizeof kept, "%s", at);
    static const char *const damaged[] = {"8 0 3 1 3 500\n",
                                          "8 0 3 99 3 500\n",
                                          "8 0 77 3 3 500\n",
                                          "1000 0 3 3 3 500\n",
                                          "-8 0 3 3 3 500\n",
                                          "8 9 3 3 3 500\n",
                                          "8 0 3 3 3\n",
                                          "8 0 3 3 3 500 1\n",
                                          "\n",
                                          "x"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        strcpy(at, damaged[i]);
        convolve(f, &o, note, NULL);
        assert_string_equal(note, "[engine 2, 500.0 us]");
    }
    strcpy(at, kept);
    plans.text[10] = '?';
    convolve(f, &o, note, NULL);
    assert_string_equal(note, "[engine 2, 500.0 us]");
    anl__buf_release(&plans);
}

/* cuDNN's persistent algorithm (1) comes first; timed, the standard one (0) may win, and stays. */
static void test_recurrent(void **state)
{
    fixture *f = *state;
    anl_device_opts o = anl_device_opts_default();
    char note[512];
    anl__buf plans;
    if (no_shim()) skip();
    setenv("ANL_SHIM_FASTEST", "0", 1);
    explain(f, &o, LSTM, note, NULL);
    assert_string_equal(note, "[persistent]");
    o.tune = true;
    explain(f, &o, LSTM, note, &plans);
    assert_string_equal(note, "[standard, 500.0 us]");
    setenv("ANL_SHIM_FASTEST", "1", 1);
    explain(f, &o, LSTM, note, NULL);
    assert_string_equal(note, "[persistent, 500.0 us]");
    o.plans = plans.text;
    explain(f, &o, LSTM, note, NULL);
    assert_string_equal(note, "[standard, 1000.0 us]");
    anl__buf_release(&plans);
}

/* The algorithm of a product that was measured to be the fastest, 0, 1 or 2 of the list, is kept and given back. */
static void test_product(void **state)
{
    fixture *f = *state;
    anl_device_opts o = anl_device_opts_default();
    char note[512];
    anl__buf plans, again;
    if (no_shim()) skip();
    explain(f, &o, DENSE, note, &plans);
    assert_null(strstr(plans.text, "product"));
    anl__buf_release(&plans);
    o.tune = true;
    setenv("ANL_SHIM_FASTEST_LT", "2", 1);
    explain(f, &o, DENSE, note, &plans);
    if (!strstr(plans.text, "product f32 f32 4x6x8 tn 1 timed|1 0 3 0 2 500")) fail_msg("%s", plans.text);
    setenv("ANL_SHIM_FASTEST_LT", "1", 1);
    explain(f, &o, DENSE, note, &again);
    assert_non_null(strstr(again.text, "timed|1 0 3 0 1 500"));
    anl__buf_release(&again);
    o.plans = plans.text;
    explain(f, &o, DENSE, note, &again);
    assert_string_equal(again.text, plans.text);
    unsetenv("ANL_SHIM_FASTEST_LT");
    anl__buf_release(&again);
    anl__buf_release(&plans);
}

static void count_warnings(void *user, anl_log_level level, const char *text)
{
    (void)text;
    *(int *)user += level == ANL_LOG_WARN;
}

static void test_file(void **state)
{
    fixture *f = *state;
    anl_device_opts o = anl_device_opts_default();
    char note[512];
    if (no_shim()) skip();
    setenv("ANL_SHIM_FASTEST", "3", 1);
    o.tune = true;
    convolve(f, &o, note, NULL);
    assert_int_equal(files(f), 0); /* switched off */
    o.plan_dir = f->dir;
    convolve(f, &o, note, NULL);
    assert_int_equal(f->files, 1); /* already there when the process might have been killed */
    assert_int_equal(files(f), 1);
    setenv("ANL_SHIM_FASTEST", "2", 1);
    convolve(f, &o, note, NULL);
    assert_string_equal(note, "[engine 3, 500.0 us]"); /* from the file */
    anl__buf plans;
    explain(f, &o, LSTM, note, &plans); /* a run records what it uses, not what the file has besides */
    assert_non_null(strstr(plans.text, "rnn"));
    assert_null(strstr(plans.text, "forward"));
    anl__buf_release(&plans);
    o.tune = false; /* what was timed is for those who asked for it */
    convolve(f, &o, note, NULL);
    assert_string_equal(note, "[engine 2]");
    assert_int_equal(files(f), 1);
    void *data;
    size_t bytes;
    assert_int_equal(anl__file_read(f->ctx, f->file, 0, &data, &bytes), ANL_OK);
    assert_non_null(strstr(data, " timed|"));
    for (size_t cut = 0; cut < bytes; cut += 7) { /* cut short, and garbage from there on */
        char *bad = malloc(bytes);
        assert_non_null(bad);
        memcpy(bad, data, bytes);
        memset(bad + cut, 0xA5, bytes - cut);
        assert_int_equal(anl__file_replace(f->ctx, f->file, bad, cut % 2 ? cut : bytes), ANL_OK);
        convolve(f, &o, note, NULL);
        assert_string_equal(note, "[engine 2]");
        free(bad);
    }
    anl__free(f->ctx, data);
    int warnings = 0;
    anl_ctx_set_log(f->ctx, count_warnings, &warnings);
    o.plan_dir = "/proc/no/such/place"; /* cannot be written: nothing but a warning, once */
    convolve(f, &o, note, NULL);
    assert_string_equal(note, "[engine 2]");
    assert_int_equal(warnings, 1);
    o.tune = true;
    convolve(f, &o, note, NULL);
    assert_string_equal(note, "[engine 2, 500.0 us]");
    assert_int_equal(warnings, 2);
    anl_ctx_set_log(f->ctx, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order_and_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_given_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_recurrent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_product, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file, set_up, tear_down)};
    return cmocka_run_group_tests_name("train/plans", tests, NULL, NULL);
}
