/* Drawn shapes of recurrent layers: the cpu device (or that of ANL_TEST_DEVICE) against the reference, forwards and backwards, in f32 and
 * bf16. Odd sizes, missing biases and states, lengths from 0 to past the end, both directions: where a
 * kernel's tiles, packs and threads could disagree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "kernels/recurrent/recurrent.h"
#include "runtime/base/philox.h"

enum { CASES = 120, INPUTS = 8, OUTPUTS = 3 };
static const char *device_name(void) { return getenv("ANL_TEST_DEVICE") ? getenv("ANL_TEST_DEVICE") : "cpu"; }
static bool on_cuda(void) { return !strcmp(device_name(), "cuda"); }

typedef struct shape_case {
    uint32_t id;
    char attrs[64], text[160];
    bool lstm, eval, has[INPUTS]; /* eval: no gradients */
    int outputs;
    anl_shape shape[INPUTS];
} shape_case;

typedef struct result {
    float *v[OUTPUTS + INPUTS]; /* outputs, then gradients of the inputs; NULL: absent */
    int64_t n[OUTPUTS + INPUTS];
} result;

static uint32_t draw(uint32_t id, uint32_t what, uint32_t below)
{
    return anl__philox(11, id, what, 0, 0).v[0] % below;
}

static anl_shape shape(int rank, int64_t a, int64_t b, int64_t c)
{
    return (anl_shape){.rank = rank, .dim = {a, b, c}};
}

static shape_case make(uint32_t id)
{
    static const char *const cells[] = {"rnn_tanh", "rnn_relu", "lstm", "gru", "gru reset=before"};
    static const int gates[] = {1, 1, 4, 3, 3};
    shape_case c = {.id = id};
    int cell = (int)(id % 5);
    bool large = id % 6 == 0 && !on_cuda();
    int64_t t = 1 + draw(id, 1, 9), n = 1 + draw(id, 2, large ? 70 : 20),
        i = 1 + draw(id, 3, large ? 90 : 24), h = 1 + draw(id, 4, large ? 150 : 40), g = gates[cell] * h;
    const anl_shape s[INPUTS] = {shape(3, t, n, i), shape(2, g, i, 0), shape(2, g, h, 0), shape(1, g, 0, 0),
                                 shape(1, g, 0, 0), shape(2, n, h, 0), shape(2, n, h, 0), shape(1, n, 0, 0)};
    memcpy(c.shape, s, sizeof s);
    c.lstm = cell == 2;
    c.eval = id % 7 == 3;
    c.outputs = c.lstm ? 3 : 2;
    for (int k = 0; k < INPUTS; k++) c.has[k] = k <= ANL__REC_W_HH || draw(id, 10 + (uint32_t)k, 3) > 0;
    if (!c.lstm) c.has[ANL__REC_C0] = false;
    if (on_cuda() && id % 4) c.has[ANL__REC_LENGTHS] = false; /* what its library takes */
    snprintf(c.attrs, sizeof c.attrs, "cell=%s reverse=%d", cells[cell], (int)draw(id, 5, 2));
    snprintf(c.text, sizeof c.text, "case %u: %s, T %d, N %d, I %d, H %d, inputs %d%d%d%d%d", id, c.attrs,
             (int)t, (int)n, (int)i, (int)h, c.has[3], c.has[4], c.has[5], c.has[6], c.has[7]);
    return c;
}

static float value(const shape_case *c, uint32_t what, int64_t i)
{
    float v = 2 * anl__u32_to_unit(anl__philox(12, (uint32_t)i, c->id, what, 0).v[0]) - 1;
    bool weight = what == ANL__REC_W_IH || what == ANL__REC_W_HH;
    return weight ? v / sqrtf((float)c->shape[what].dim[1]) : v; /* sums near 1 */
}

/* x, states and what comes from behind are activations; weights stay f32. */
static anl_dtype type_of(int input, anl_dtype t)
{
    bool activation = input == ANL__REC_X || input == ANL__REC_H0 || input == ANL__REC_C0;
    return input == ANL__REC_LENGTHS ? ANL_I32 : activation ? t : ANL_F32;
}

static void *fill(const shape_case *c, uint32_t what, int64_t n, anl_dtype type)
{
    void *p = calloc((size_t)n + 1, 4);
    float *f = calloc((size_t)n + 1, 4);
    assert_true(p && f);
    for (int64_t i = 0; i < n; i++) {
        f[i] = value(c, what, i);
        if (type == ANL_I32)
            ((int32_t *)p)[i] = (int32_t)draw(c->id, 100 + (uint32_t)i, (uint32_t)c->shape[0].dim[0] + 3) - 1;
        if (type == ANL_F32) ((float *)p)[i] = f[i];
        if (type == ANL_BF16) { /* the nearest number that bf16 has, so that both see the same */
            uint32_t u;
            memcpy(&u, &f[i], 4);
            ((uint16_t *)p)[i] = (uint16_t)(u >> 16);
        }
    }
    free(f);
    return p;
}

/* The reference computes in f32 what the cpu computes in bf16: from the same numbers. */
static void as_f32(void *p, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, (char *)p + 4 * i, 4);
        u &= 0xffff0000u;
        memcpy((char *)p + 4 * i, &u, 4);
    }
}

static void keep(anl_device *dev, const anl_program *p, const char *name, float **v, int64_t *n)
{
    anl_shape s;
    anl_dtype type;
    const void *y = anl_program_output(p, name, &type, &s);
    assert_non_null(y);
    *n = anl_shape_count(&s);
    size_t bytes = (size_t)*n * anl_dtype_size(type);
    void *host = malloc(bytes + 1);
    assert_non_null(host);
    if (dev->vt->host_memory) memcpy(host, y, bytes);
    else assert_int_equal(dev->vt->download(dev, host, y, bytes), ANL_OK);
    y = host;
    *v = calloc((size_t)*n + 1, sizeof **v);
    assert_non_null(*v);
    for (int64_t i = 0; i < *n; i++) {
        uint32_t u = type == ANL_BF16 ? (uint32_t)((const uint16_t *)y)[i] << 16 : 0;
        if (type == ANL_BF16) memcpy(&(*v)[i], &u, 4);
        else (*v)[i] = ((const float *)y)[i];
    }
    free(host);
}

/* What a program reads: the host's memory, or a copy on the device; freed with give_back. */
static const void *placed(anl_device *dev, const void *host, size_t bytes)
{
    void *there = NULL;
    if (dev->vt->host_memory) return host;
    assert_int_equal(dev->vt->alloc(dev, bytes, &there), ANL_OK);
    assert_int_equal(dev->vt->upload(dev, there, host, bytes), ANL_OK);
    return there;
}

static void give_back(anl_device *dev, const void *p)
{
    if (!dev->vt->host_memory) dev->vt->free(dev, (void *)(uintptr_t)p);
}

/* cuDNN has the layers that it can do, both passes, and the others say why not. The stand-in persists up to 8 samples and 64 units, in f32. */
static void library_taken(anl_ctx *ctx, const anl_program *p, const shape_case *c, anl_dtype type)
{
    const char *libs = getenv("ANL_SHIM_LIBS");
    char *text = NULL;
    if (libs && *libs == '0') return;
    assert_int_equal(anl_program_explain(p, &text), ANL_OK);
    bool taken = !c->has[ANL__REC_LENGTHS] && !strstr(c->attrs, "before");
    bool persists = taken && type == ANL_F32 && c->shape[0].dim[1] <= 8 && c->shape[2].dim[1] <= 64;
    const char *want[] = {taken ? "recurrent/cudnn" : "(not recurrent/cudnn: ", taken ? "recurrent_bwd/cudnn" : "recurrent_bwd/cudnn: the reserve is not cuDNN's",
                          persists ? "[persistent]" : taken ? "[standard]" : strstr(c->attrs, "before") ? "before the product" : "different lengths"};
    for (int i = 0; i < 3; i++)
        if (!(c->eval && i == 1) && !strstr(text, want[i])) fail_msg("%s: '%s' is not in\n%s", c->text, want[i], text);
    anl_text_free(ctx, text);
}

/* graph: activations' type; data: what they were rounded to before. */
static anl_status run(anl_ctx *ctx, anl_device *dev, const shape_case *c, anl_dtype graph, anl_dtype data,
                      result *out)
{
    static const char *const names[INPUTS] = {"x", "w_ih", "w_hh", "b_ih", "b_hh", "h0", "c0", "lengths"};
    static const char *const outs[OUTPUTS] = {"y", "hn", "cn"}, *const douts[OUTPUTS] = {"dy", "dhn", "dcn"};
    void *mem[INPUTS + OUTPUTS];
    anl_bind bind = {0};
    anl_value in[INPUTS];
    anl_graph *g;
    anl_net *net = NULL;
    anl_program *p;
    int n = 0;
    assert_int_equal(anl_net_create(dev, &net), ANL_OK);
    assert_int_equal(anl_graph_create(ctx, c->eval ? ANL_EVAL : ANL_TRAIN, graph, &g), ANL_OK);
    for (int i = 0; i < INPUTS; i++) {
        anl_dtype type = type_of(i, graph);
        in[i] = ANL_NONE;
        if (!c->has[i]) continue;
        int64_t count = anl_shape_count(&c->shape[i]);
        mem[n] = fill(c, (uint32_t)i, count, type);
        if (type == ANL_F32 && type_of(i, data) == ANL_BF16) as_f32(mem[n], count);
        bind.input[n] = placed(dev, mem[n], (size_t)count * anl_dtype_size(type));
        n++;
        in[i] = anl_input(g, names[i], type, c->shape[i].rank, c->shape[i].dim);
        if (i != ANL__REC_LENGTHS && !c->eval) anl__graph_want_grad(g, in[i]);
    }
    anl_value y = anl_node(g, "recurrent", "layer", in, INPUTS, "%s", c->attrs);
    for (int j = 0; j < c->outputs && anl_graph_status(g) == ANL_OK; j++) {
        anl_value v = anl_node_output(g, y, j);
        anl_shape s = anl_value_shape(g, v);
        anl_output(g, outs[j], v);
        if (c->eval) continue;
        mem[n] = fill(c, 20 + (uint32_t)j, anl_shape_count(&s), graph);
        if (graph == ANL_F32 && data == ANL_BF16) as_f32(mem[n], anl_shape_count(&s));
        bind.input[n] = placed(dev, mem[n], (size_t)anl_shape_count(&s) * anl_dtype_size(graph));
        n++;
        anl__graph_seed(g, v, anl_input(g, douts[j], graph, s.rank, s.dim));
    }
    anl_compile_opts o = anl_compile_opts_default(g);
    o.backward = !c->eval;
    anl_status st = anl_program_compile(net, g, &o, &p);
    if (st == ANL_OK && on_cuda() && !strcmp(anl_device_name(dev), "cuda")) library_taken(ctx, p, c, graph);
    if (st == ANL_OK) st = anl_net_finish(net, 0, 1, false);
    if (st == ANL_OK) st = anl_net_init(net, 1);
    if (st == ANL_OK) st = anl_program_run(p, &bind);
    for (int j = 0; j < c->outputs && st == ANL_OK; j++) keep(dev, p, outs[j], &out->v[j], &out->n[j]);
    for (int i = 0; i < INPUTS - 1 && st == ANL_OK && !c->eval; i++) {
        char name[16];
        snprintf(name, sizeof name, "grad.%s", names[i]);
        if (c->has[i]) keep(dev, p, name, &out->v[OUTPUTS + i], &out->n[OUTPUTS + i]);
    }
    anl_net_destroy(net);
    for (int i = 0; i < n; i++) {
        give_back(dev, bind.input[i]);
        free(mem[i]);
    }
    return st;
}

/* results: of how many; in bf16 relu's slope flips where a sum is near 0, so that its gradients are not
 * compared. */
static int compare(const shape_case *c, const result *a, const result *b, int results, double most)
{
    static const char *const what[] = {"y", "hn", "cn", "dx", "dw_ih", "dw_hh", "db_ih", "db_hh", "dh0",
                                       "dc0", ""};
    int bad = 0;
    for (int k = 0; k < results; k++) {
        double far = 0, top = 0;
        assert_int_equal(a->n[k], b->n[k]);
        for (int64_t i = 0; i < a->n[k]; i++) {
            double d = fabs((double)a->v[k][i] - (double)b->v[k][i]);
            if (!(d <= far)) far = isnan(d) ? INFINITY : d;
            top = fmax(top, fabs((double)b->v[k][i]));
        }
        if (far <= most * (1 + top)) continue;
        print_error("%s: %s is off by %.3g of %.3g\n", c->text, what[k], far, top);
        bad++;
    }
    return bad;
}

static void release(result *r)
{
    for (int k = 0; k < OUTPUTS + INPUTS; k++) free(r->v[k]);
}

static void drawn_shapes(anl_dtype type, double most)
{
    anl_ctx *ctx = anl_ctx_create();
    anl_device *reference, *fast;
    int bad = 0;
    assert_int_equal(anl_device_open(ctx, "reference", NULL, &reference), ANL_OK);
    anl_device_opts opts = {.threads = 2};
    if (anl_device_open(ctx, device_name(), &opts, &fast) != ANL_OK) {
        if (getenv("ANL_TEST_DEVICE")) fail_msg("%s", anl_last_error(ctx));
        print_message("skipped: %s\n", anl_last_error(ctx));
        anl_device_close(reference);
        anl_ctx_destroy(ctx);
        skip();
    }
    if (!fast->vt->has_dtype(fast, type)) {
        print_message("skipped: device %s has no %s here\n", device_name(), anl_dtype_name(type));
        anl_device_close(fast);
        anl_device_close(reference);
        anl_ctx_destroy(ctx);
        skip();
    }
    for (uint32_t id = 0; id < CASES; id++) {
        shape_case c = make(id);
        result a = {0}, b = {0};
        anl_status st = run(ctx, fast, &c, type, type, &a);
        if (st == ANL_OK) st = run(ctx, reference, &c, ANL_F32, type, &b);
        if (st != ANL_OK) fail_msg("%s: %s", c.text, anl_last_error(ctx));
        bool flips = type == ANL_BF16 && strstr(c.attrs, "relu");
        bad += compare(&c, &a, &b, flips || c.eval ? OUTPUTS : OUTPUTS + INPUTS, most);
        release(&a);
        release(&b);
    }
    anl_device_close(fast);
    anl_device_close(reference);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
    assert_int_equal(bad, 0);
}

static void test_f32(void **state)
{
    (void)state;
    drawn_shapes(ANL_F32, 1e-5);
}

static void test_bf16(void **state)
{
    (void)state;
    drawn_shapes(ANL_BF16, 0.03);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_f32), cmocka_unit_test(test_bf16)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
