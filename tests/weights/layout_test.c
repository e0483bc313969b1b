/* Names and layouts of PyTorch's: every tensor of torchvision's ResNets has a place, turning there and back
 * changes nothing, and a model's graph tells what is to be turned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "runtime/op.h"
#include "tools/weights/param_map.h"
#include "tools/weights/torch_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void there_and_back(void **state)
{
    (void)state;
    const struct {
        turn t;
        anl_shape ours, torch;
    } cases[] = {{{TURN_FILTERS, 0, 0}, {4, {2, 3, 5, 4}}, {4, {2, 4, 3, 5}}},
                 {{TURN_FILTERS, 0, 0}, {4, {7, 1, 1, 4}}, {4, {7, 4, 1, 1}}},
                 {{TURN_FILTERS_1D, 0, 0}, {4, {2, 1, 5, 4}}, {3, {2, 4, 5}}},
                 {{TURN_COLUMNS, 6, 4}, {2, {3, 24}}, {2, {3, 24}}},
                 {{TURN_FEATURES, 6, 4}, {1, {24}}, {1, {24}}},
                 {{TURN_NONE, 0, 0}, {2, {3, 24}}, {2, {3, 24}}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float a[200], b[200], c[200];
        anl_shape s = turn_shape(cases[i].t, &cases[i].ours);
        int64_t n = anl_shape_count(&s);
        assert_true(anl__shape_equal(&s, &cases[i].torch));
        assert_true(turn_fits(cases[i].t, &cases[i].ours, &cases[i].torch));
        for (int64_t k = 0; k < n; k++) a[k] = (float)k;
        turn_to_torch(cases[i].t, &cases[i].ours, a, b);
        turn_from_torch(cases[i].t, &cases[i].ours, b, c);
        assert_memory_equal(a, c, sizeof *a * (size_t)n);
    }
    const anl_shape filters = {4, {2, 3, 5, 4}};
    float a[120], b[120];
    for (int k = 0; k < 120; k++) a[k] = (float)k;
    turn_to_torch(cases[0].t, &filters, a, b);
    assert_true(b[((1 * 4 + 2) * 3 + 1) * 5 + 3] ==
                a[((1 * 3 + 1) * 5 + 3) * 4 + 2]); /* [k][c][r][s] of [k][r][s][c] */
    assert_false(turn_fits(cases[0].t, &filters, &filters));
    assert_false(turn_fits((turn){.kind = TURN_UNKNOWN}, &filters, &filters));
}

/* ---- torchvision's ResNets ------------------------------------------------------------------- */

typedef struct names {
    char name[800][48];
    bool met[800];
    int n;
} names;

static void name(names *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(l->name[l->n++], sizeof l->name[0], fmt, ap);
    va_end(ap);
}

static void norm(names *l, const char *bn)
{
    static const char *const of[] = {"weight", "bias", "running_mean", "running_var"};
    for (int i = 0; i < 4; i++) name(l, "%s.%s", bn, of[i]);
}

/* As torchvision's resnet.py makes them: state_dict's keys but for num_batches_tracked. */
static void torchvision(names *l, const int blocks[4], int convs)
{
    char bn[64];
    l->n = 0;
    memset(l->met, 0, sizeof l->met);
    name(l, "conv1.weight");
    norm(l, "bn1");
    for (int s = 1; s <= 4; s++)
        for (int b = 0; b < blocks[s - 1]; b++) {
            for (int c = 1; c <= convs; c++) {
                name(l, "layer%d.%d.conv%d.weight", s, b, c);
                snprintf(bn, sizeof bn, "layer%d.%d.bn%d", s, b, c);
                norm(l, bn);
            }
            if (b > 0 || (s == 1 && convs == 2)) continue; /* no other size, no other width */
            name(l, "layer%d.%d.downsample.0.weight", s, b);
            snprintf(bn, sizeof bn, "layer%d.%d.downsample.1", s, b);
            norm(l, bn);
        }
    name(l, "fc.weight");
    name(l, "fc.bias");
}

static int place_of(names *l, const char *wanted)
{
    for (int i = 0; i < l->n; i++)
        if (!strcmp(l->name[i], wanted)) return i;
    return -1;
}

static void resnets(void **state)
{
    (void)state;
    static const struct {
        int depth, blocks[4], convs, keys;
    } nets[] = {{18, {2, 2, 2, 2}, 2, 102},
                {34, {3, 4, 6, 3}, 2, 182},
                {50, {3, 4, 6, 3}, 3, 267},
                {101, {3, 4, 23, 3}, 3, 522},
                {152, {3, 8, 36, 3}, 3, 777}};
    static names l;
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
        anl_ctx *ctx = anl_ctx_create();
        anl__arena *a;
        const param_map *map;
        anl_model_opts m = anl_model_opts_default();
        m.name = "resnet";
        m.depth = nets[i].depth;
        m.height = m.width = 64;
        m.channels = 3;
        m.classes = 1000;
        assert_int_equal(anl__arena_create(ctx, &a), ANL_OK);
        if (param_map_create(ctx, a, &m, &map) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
        torchvision(&l, nets[i].blocks, nets[i].convs);
        assert_int_equal(l.n, nets[i].keys);
        assert_int_equal(param_map_count(map), l.n);
        for (int k = 0; k < param_map_count(map); k++) {
            anl_shape s = param_map_shape(map, k);
            turn t = param_map_find(map, param_map_name(map, k), &s);
            int at = place_of(&l, torch_name(a, "resnet", param_map_name(map, k)));
            if (at < 0 || l.met[at])
                fail_msg("%s: %s has no place of its own", param_map_name(map, k),
                         torch_name(a, "resnet", param_map_name(map, k)));
            l.met[at] = true;
            assert_int_equal(t.kind, s.rank == 4 ? TURN_FILTERS : TURN_NONE);
        }
        anl__arena_destroy(a);
        assert_int_equal(anl__live_blocks(ctx), 0);
        anl_ctx_destroy(ctx);
    }
}

static void other_names(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    anl__arena *a;
    assert_int_equal(anl__arena_create(ctx, &a), ANL_OK);
    assert_string_equal(torch_name(a, "resnet-cifar", "stage3.block9.bn2.running_var"),
                        "layer3.8.bn2.running_var");
    assert_string_equal(torch_name(a, "resnet", "convolution.weight"), "convolution.weight");
    assert_string_equal(torch_name(a, "resnet", "stage1.weight"), "stage1.weight");
    assert_string_equal(torch_name(a, "graph", "conv.weight"), "conv.weight");
    assert_true(torch_name_is_counter("bn1.num_batches_tracked") &&
                torch_name_is_counter("num_batches_tracked"));
    assert_false(torch_name_is_counter("my_num_batches_tracked") || torch_name_is_counter("bn1.weight"));
    anl__arena_destroy(a);
    anl_ctx_destroy(ctx);
}

/* ---- what the graph tells -------------------------------------------------------------------- */

#define ARG(...) ((const anl__layer_arg[]){__VA_ARGS__})

static turn turn_in(const anl__model_layer *layer, int n, int64_t channels, const char *param)
{
    anl_ctx *ctx = anl_ctx_create();
    anl__arena *a;
    const param_map *map;
    anl_model_opts m = anl_model_opts_default();
    turn t = {0};
    m.name = "sequential";
    m.height = 6;
    m.width = 4;
    m.channels = channels;
    m.classes = 3;
    m.layer = layer;
    m.n_layer = n;
    assert_int_equal(anl__arena_create(ctx, &a), ANL_OK);
    if (param_map_create(ctx, a, &m, &map) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    bool there = false;
    for (int i = 0; i < param_map_count(map); i++) {
        anl_shape s = param_map_shape(map, i);
        if (strcmp(param_map_name(map, i), param)) continue;
        t = param_map_find(map, param, &s);
        there = true;
    }
    if (!there) fail_msg("there is no %s", param);
    anl__arena_destroy(a);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
    return t;
}

#define LAYER(type, name, ...) \
    { \
        {type, name, NULL, ARG(__VA_ARGS__), sizeof ARG(__VA_ARGS__) / sizeof(anl__layer_arg)}, NULL, 0 \
    }
#define PLAIN(type, name) \
    { \
        {type, name, NULL, NULL, 0}, NULL, 0 \
    }
#define OUT LAYER("dense", "out", {"units", "3"})
#define TURN(layers, channels, param) turn_in(layers, sizeof layers / sizeof layers[0], channels, param)

static void flattened(void **state)
{
    (void)state;
    const anl__model_layer direct[] = {OUT};
    const anl__model_layer between[] = {LAYER("conv", "c", {"filters", "5"}, {"kernel", "3"}, {"pad", "1"}),
                                        PLAIN("flatten", "f"),
                                        PLAIN("layernorm", "n"),
                                        LAYER("dropout", "d", {"p", "0.5"}),
                                        PLAIN("gelu", "g"),
                                        OUT};
    const anl__model_layer pooled[] = {LAYER("conv", "c", {"filters", "5"}, {"kernel", "3"}),
                                       PLAIN("global-avgpool", "p"), OUT};
    const anl__model_layer turned[] = {LAYER("transpose", "t", {"perm", "0,3,1,2"}), PLAIN("flatten", "f"),
                                       OUT};
    const anl__model_layer cut[] = {PLAIN("flatten", "f"),
                                    LAYER("slice", "s", {"axis", "1"}, {"begin", "1"}, {"end", "9"}), OUT};
    turn t = TURN(direct, 2, "out.weight"); /* an image is flattened by the dense layer itself */
    assert_true(t.kind == TURN_COLUMNS && t.plane == 24 && t.channels == 2);
    assert_int_equal(TURN(direct, 2, "out.bias").kind, TURN_NONE);
    assert_int_equal(TURN(direct, 1, "out.weight").kind, TURN_NONE); /* one channel: one order */
    t = TURN(between, 3, "out.weight");
    assert_true(t.kind == TURN_COLUMNS && t.plane == 24 && t.channels == 5);
    t = TURN(between, 3, "n.bias");
    assert_true(t.kind == TURN_FEATURES && t.plane == 24 && t.channels == 5);
    assert_int_equal(TURN(between, 3, "c.weight").kind, TURN_FILTERS);
    assert_int_equal(TURN(pooled, 3, "out.weight").kind, TURN_NONE);
    assert_int_equal(TURN(turned, 3, "out.weight").kind, TURN_UNKNOWN);
    assert_int_equal(TURN(cut, 3, "out.weight").kind, TURN_UNKNOWN);
}

static void over_time(void **state)
{
    (void)state;
    const anl__model_layer conv1d[] = {PLAIN("to-time", "t"),
                                       LAYER("conv1d", "c", {"filters", "5"}, {"kernel", "3"}),
                                       LAYER("gru", "r", {"units", "4"}), PLAIN("time-pool", "p"), OUT};
    assert_int_equal(TURN(conv1d, 1, "c.weight").kind, TURN_FILTERS_1D);
    assert_int_equal(TURN(conv1d, 1, "r.weight_ih_l0").kind, TURN_NONE);
    assert_int_equal(TURN(conv1d, 1, "out.weight").kind, TURN_NONE);
    const anl__model_layer several[] = {PLAIN("to-time", "t"), LAYER("lstm", "r", {"units", "4"}),
                                        PLAIN("time-pool", "p"), OUT};
    assert_int_equal(TURN(several, 1, "r.weight_ih_l0").kind, TURN_NONE);
    assert_int_equal(TURN(several, 2, "r.weight_ih_l0").kind,
                     TURN_UNKNOWN); /* rows of pixels of several channels */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back), cmocka_unit_test(resnets),
                                       cmocka_unit_test(other_names), cmocka_unit_test(flattened),
                                       cmocka_unit_test(over_time)};
    return cmocka_run_group_tests_name("weights/layout", tests, NULL, NULL);
}
