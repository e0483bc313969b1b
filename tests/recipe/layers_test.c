/* Models written in recipes: repeats, blocks, names, messages; and the shipped recipes. */
#include "fixture.h"

#include "runtime/base/files.h"

#include <dirent.h>

#define MODEL "model:\n  name: graph\n"

typedef struct spelled {
    recipe *r;
    anl__arena *a;
    anl_model_opts m;
    anl_status st;
} spelled;

static spelled spell(anl_ctx *ctx, const char *text)
{
    spelled s = {.r = recipe_good(ctx, text, NULL), .m = anl_model_opts_default()};
    assert_int_equal(anl__arena_create(ctx, &s.a), ANL_OK);
    s.st = recipe_model(s.r, ctx, s.a, &s.m);
    return s;
}

static void done(spelled *s)
{
    anl__arena_destroy(s->a);
    recipe_free(s->r);
}

/* The layers as text: "type name(from,from) key=value". */
static void expect(anl_ctx *ctx, const char *text, const char *want)
{
    anl__buf b;
    spelled s = spell(ctx, text);
    if (s.st != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    anl__buf_init(&b, ctx);
    for (int i = 0; i < s.m.n_layer; i++) {
        const anl__model_layer *l = &s.m.layer[i];
        anl__buf_add(&b, "%s %s(", l->layer.type, l->layer.name);
        for (int k = 0; k < l->n_from; k++) anl__buf_add(&b, "%s%s", k ? "," : "", l->from[k]);
        anl__buf_add(&b, ")");
        for (int k = 0; k < l->layer.n_arg; k++) anl__buf_add(&b, " %s=%s", l->layer.arg[k].key, l->layer.arg[k].value);
        anl__buf_add(&b, "\n");
        assert_true(!strncmp(l->layer.where, "r.yaml:", 7));
    }
    assert_string_equal(b.text, want);
    anl__buf_release(&b);
    done(&s);
}

static void refuse(anl_ctx *ctx, const char *text, const char *message)
{
    spelled s = spell(ctx, text);
    assert_int_equal(s.st, ANL_RECIPE);
    assert_string_equal(anl_last_error(ctx), message);
    done(&s);
}

static void plain(void **state)
{
    expect(*state, "model:\n  name: sequential\n  layers: [{type: conv, filters: 8, pad: [1, 2], act: relu}, flatten, {type: dense, units: 4, name: out}]\n",
           "conv conv1() filters=8 pad=1,2 act=relu\nflatten flatten1(conv1)\ndense out(flatten1) units=4\n");
    expect(*state, MODEL "  layers: [{type: relu, name: relu2}, relu, relu, {type: add, from: [relu2, input]}]\n",
           "relu relu2()\nrelu relu3(relu2)\nrelu relu4(relu3)\nadd add1(relu2,input)\n");
}

static void repeats(void **state)
{
    expect(*state, MODEL "  layers:\n    - {repeat: 2, layers: [{type: conv, name: c, filters: 8}, {type: relu, name: r, from: c}]}\n    - {type: add, from: [r_1, r_2]}\n",
           "conv c_1() filters=8\nrelu r_1(c_1)\nconv c_2(r_1) filters=8\nrelu r_2(c_2)\nadd add1(r_1,r_2)\n");
    expect(*state, MODEL "  layers:\n    - {repeat: 2, as: k, layers: [{repeat: 2, layers: [{type: conv, name: c$k.$i, filters: $k$i}]}]}\n",
           "conv c1.1() filters=11\nconv c1.2(c1.1) filters=12\nconv c2.1(c1.2) filters=21\nconv c2.2(c2.1) filters=22\n");
}

static void blocks(void **state)
{
    static const char text[] = MODEL
        "  blocks:\n    b: {parameters: {f: 16, s: 1}, layers: [{type: conv, name: c, filters: $f, stride: $s}, {type: add, name: a, from: [c, input]}]}\n"
        "    two: {layers: [{type: add, from: [input, input2]}]}\n"
        "  layers: [{type: relu, name: c}, {block: b, name: x, f: 4}, {block: b, name: y, from: c, s: 2}, {block: two, name: z, from: [x, y]}, {type: relu, name: e, from: [x.c]}]\n";
    expect(*state, text,
           "relu c()\nconv x.c(c) filters=4 stride=1\nadd x.a(x.c,c)\nconv y.c(c) filters=16 stride=2\nadd y.a(y.c,c)\n"
           "add add3(x.a,y.a)\nrelu e(x.c)\n");
}

static void mistakes(void **state)
{
    static const struct { const char *text, *message; } list[] = {
        {MODEL "  layers: {type: conv}\n", "r.yaml:3:11: model.layers needs a list"},
        {MODEL "  layers:\n    - {filters: 3}\n", "r.yaml:4:7: a layer needs 'type' (or 'block' or 'repeat')"},
        {MODEL "  layers:\n    - [relu]\n", "r.yaml:4:7: a layer is a word or a map, not a list"},
        {MODEL "  layers: [{type: relu, name: a}, {type: relu, name: a}]\n", "r.yaml:3:54: the name 'a' is taken"},
        {MODEL "  layers: [{type: relu, name: 'a b'}]\n", "r.yaml:3:31: the name 'a b' is empty or has a blank or a slash"},
        {MODEL "  layers: [{type: relu, from: {a: b}}]\n", "r.yaml:3:31: 'from' needs a name, or a list of 1 to 16"},
        {MODEL "  layers: [{type: conv, filters: {a: 3}}]\n", "r.yaml:3:34: argument 'filters' is a map"},
        {MODEL "  layers: [{type: conv, filters: $f}]\n", "r.yaml:3:34: $f is no parameter here"},
        {MODEL "  layers: [{repeat: many, layers: [relu]}]\n", "r.yaml:3:21: repeat 'many' is not a number from 1 to 1000"},
        {MODEL "  layers: [{repeat: 2}]\n", "r.yaml:3:12: 'repeat' needs 'layers', a list"},
        {MODEL "  layers: [{repeat: 2, layer: [relu], layers: [relu]}]\n", "r.yaml:3:31: 'repeat' knows layers and as, not 'layer'"},
        {MODEL "  layers: [{block: b, name: x}]\n", "r.yaml:3:20: there is no block 'b' in model.blocks"},
        {MODEL "  blocks: {b: {layers: [relu]}}\n  layers: [{block: b}]\n", "r.yaml:4:12: block 'b' needs a name"},
        {MODEL "  blocks: {b: {parameters: {filters: 3}, layers: [relu]}}\n  layers: [{block: b, name: x, filtres: 3}]\n",
         "r.yaml:4:41: the block has no parameter 'filtres'; did you mean 'filters'?"},
        {MODEL "  blocks: {b: {layers: [{block: b, name: b}]}}\n  layers: [{block: b, name: x}]\n",
         "r.yaml:3:24: repeats and blocks are nested more than 8 deep (a block that uses itself?)"},
        {MODEL "  layers: [{repeat: 1000, layers: [{repeat: 1000, layers: [relu]}]}]\n", "r.yaml:3:60: more than 10000 layers"},
        {MODEL "  layers: [relu]\n  heads: [{loss: mse}]\n", "r.yaml:4:11: a head needs 'from'"},
        {MODEL "  layers: [relu]\n  heads: [{from: relu1, wait: 2}]\n", "r.yaml:4:31: a head knows from, label, loss, weight and delta, not 'wait'"},
        {MODEL "  layers: [relu]\n  heads: [{from: relu1, weight: -1}]\n", "r.yaml:4:11: weight '-1' is not a number above 0"},
        {MODEL "  layers: [relu]\n  heads: [{from: relu1, weight: inf}]\n", "r.yaml:4:11: weight 'inf' is not a number above 0"},
        {MODEL "  layers: [relu]\n  heads: [{from: relu1, loss: mse, delta: 2}]\n", "r.yaml:4:11: delta belongs to the loss huber, not to 'mse'"},
        {MODEL "  layers: [relu]\n  heads: [{from: relu1, loss: huber, delta: 0}]\n", "r.yaml:4:11: delta '0' is not a number above 0"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) refuse(*state, list[i].text, list[i].message);
}

/* Small recipes that would spell out to huge ones. */
static void bombs(void **state)
{
    static const char levels[] = MODEL
        "  blocks:\n    a: {parameters: {t: x}, layers: [{block: b, name: n, t: $t$t$t$t$t$t$t$t$t$t$t$t}]}\n"
        "    b: {parameters: {t: x}, layers: [{block: c, name: n, t: $t$t$t$t$t$t$t$t$t$t$t$t}]}\n"
        "    c: {parameters: {t: x}, layers: [{type: relu, name: n, t: $t$t$t$t$t$t$t$t$t$t$t$t}]}\n"
        "  layers: [{block: a, name: n, t: 123456789}]\n";
    refuse(*state, levels, "r.yaml:5:61: $ makes this text longer than 1000");
    refuse(*state, MODEL "  layers: [{repeat: 1000, layers: [{repeat: 1000, layers: [{repeat: 1000, layers: []}]}]}]\n", "r.yaml:3:60: 'repeat' needs 'layers', a list");
    char text[4096] = MODEL "  layers: [{type: conv, pad: [0", *p = text + strlen(text);
    for (int i = 0; i < 100; i++) p += sprintf(p, ",%d", i);
    strcpy(p, "]}]\n");
    refuse(*state, text, "r.yaml:3:30: argument 'pad' has more than 64 items");
    p = text + sprintf(text, MODEL "  layers: [{type: conv, name: ");
    memset(p, 'n', 200);
    strcpy(p + 200, "}]\n");
    refuse(*state, text, "r.yaml:3:31: the name 'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn...' is longer than 128");
}

/* ---- the shipped recipes --------------------------------------------------------------------- */

/* Layers, shapes and parameters of a recipe's model for 28x28 images of 10 classes, or for short sequences, as text. */
static void describe(anl_ctx *ctx, const char *path, const char *override, anl__buf *out)
{
    recipe *r;
    anl__arena *a;
    anl_graph *g;
    anl_device *dev;
    anl_net *net;
    anl_program *p;
    char *text;
    anl_model_opts m = anl_model_opts_default();
    anl_device_opts d = anl_device_opts_default();
    if (recipe_load(ctx, path, &override, override ? 1 : 0, &r) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl__arena_create(ctx, &a), ANL_OK);
    if (recipe_model(r, ctx, a, &m) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    m.height = m.width = 28;
    m.channels = 1;
    m.classes = 10;
    m.seq.length = (const int64_t[][2]){{6, 5}};
    m.seq.variants = 1;
    m.seq.features = m.seq.targets = 2;
    m.seq.horizon = 3;
    if (strcmp(m.name, "forecaster")) m.seq.vocabulary = m.seq.target_vocabulary = 50;
    assert_int_equal(anl_device_open(ctx, "reference", &d, &dev), ANL_OK);
    assert_int_equal(anl_net_create(dev, &net), ANL_OK);
    assert_int_equal(anl_graph_create(ctx, ANL_TRAIN, ANL_F32, &g), ANL_OK);
    anl_model_build(g, &m, (anl__size){4, 0});
    anl_compile_opts co = anl_compile_opts_default(g);
    if (anl_program_compile(net, g, &co, &p) != ANL_OK) fail_msg("%s: %s", path, anl_last_error(ctx));
    assert_int_equal(anl_program_explain(p, &text), ANL_OK);
    anl__buf_add(out, "%s", text);
    for (int i = 0; i < anl_net_param_count(net); i++) {
        anl_tensor_info t = anl_net_param(net, i);
        anl__buf_add(out, "%s %lld %u\n", t.name, (long long)t.count, t.flags);
    }
    anl_text_free(ctx, text);
    anl_net_destroy(net);
    anl_device_close(dev);
    anl__arena_destroy(a);
    recipe_free(r);
}

static void shipped(void **state)
{
    static const char dir[] = ANL_TESTS_DIR "/../models/recipes";
    DIR *d = opendir(dir);
    int n = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char path[1024];
        anl__buf b;
        size_t len = strlen(e->d_name);
        if (len < 5 || strcmp(e->d_name + len - 5, ".yaml")) continue;
        anl__buf_init(&b, *state);
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        describe(*state, path, NULL, &b);
        assert_int_equal(b.status, ANL_OK);
        anl__buf_release(&b);
        n++;
    }
    closedir(d);
    assert_true(n >= 16);
}

/* The same nodes in the same order over the same parameters: the same bits. */
static void resnet_as_graph(void **state)
{
    anl__buf built, written;
    anl__buf_init(&built, *state);
    anl__buf_init(&written, *state);
    describe(*state, ANL_TESTS_DIR "/../models/recipes/fashion-resnet20.yaml", NULL, &built);
    describe(*state, ANL_TESTS_DIR "/../models/recipes/resnet20-graph.yaml", NULL, &written);
    assert_true(built.len > 1000);
    assert_string_equal(built.text, written.text);
    anl__buf_release(&built);
    anl__buf_release(&written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {recipe_test(plain), recipe_test(repeats), recipe_test(blocks), recipe_test(mistakes), recipe_test(bombs), recipe_test(shipped), recipe_test(resnet_as_graph)};
    return recipe_tests("recipe/layers", tests);
}
