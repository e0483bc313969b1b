/* anneal export --to onnx without a program that runs it: the file is a message of the schema; inputs,
 * outputs and weights are those of the run; every value is made before it is read, once; what cannot be
 * exported is refused. tests/onnx/oracle.py runs such files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <onnx.pb-c.h>
#include <stdlib.h>
#include <string.h>

static Onnx__ModelProto *read_model(const cli *c, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", c->dir, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    uint8_t *all = malloc(1 << 22);
    assert_non_null(all);
    size_t n = fread(all, 1, 1 << 22, f);
    fclose(f);
    Onnx__ModelProto *m = onnx__model_proto__unpack(NULL, n, all);
    free(all);
    assert_non_null(m);
    assert_int_equal(m->ir_version, 8);
    assert_int_equal(m->n_opset_import, 1);
    assert_int_equal(m->opset_import[0]->version, 17);
    assert_string_equal(m->producer_name, "anneal");
    return m;
}

static const Onnx__TensorProto *weight(const Onnx__GraphProto *g, const char *name)
{
    for (size_t i = 0; i < g->n_initializer; i++)
        if (!strcmp(g->initializer[i]->name, name)) return g->initializer[i];
    fail_msg("there is no initializer %s", name);
    return NULL;
}

static const char *property(const Onnx__ModelProto *m, const char *key)
{
    for (size_t i = 0; i < m->n_metadata_props; i++)
        if (!strcmp(m->metadata_props[i]->key, key)) return m->metadata_props[i]->value;
    fail_msg("there is no property %s", key);
    return NULL;
}

enum { MOST = 2000 };

typedef struct names {
    int n;
    const char *name[MOST];
} names;

static bool has(const names *l, const char *name)
{
    for (int i = 0; i < l->n; i++)
        if (!strcmp(l->name[i], name)) return true;
    return false;
}

static void add(names *l, const char *name)
{
    assert_true(l->n < MOST && *name);
    if (has(l, name)) fail_msg("%s is made twice", name);
    l->name[l->n++] = name;
}

/* Bytes of initializers as their shapes say; nothing is read before it is there, and all outputs are. Names
 * of nodes differ. */
static void well_formed(const Onnx__GraphProto *g)
{
    static names made, nodes;
    made.n = nodes.n = 0;
    for (size_t i = 0; i < g->n_input; i++) add(&made, g->input[i]->name);
    for (size_t i = 0; i < g->n_initializer; i++) {
        const Onnx__TensorProto *t = g->initializer[i];
        size_t bytes = t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__INT64 ? 8 : 4;
        for (size_t k = 0; k < t->n_dims; k++) bytes *= (size_t)t->dims[k];
        assert_true(t->has_raw_data && t->raw_data.len == bytes);
        add(&made, t->name);
    }
    for (size_t i = 0; i < g->n_node; i++) {
        const Onnx__NodeProto *n = g->node[i];
        add(&nodes, n->name);
        for (size_t k = 0; k < n->n_input; k++)
            if (*n->input[k] && !has(&made, n->input[k]))
                fail_msg("%s reads %s, which is not there yet", n->name, n->input[k]);
        for (size_t k = 0; k < n->n_output; k++)
            if (*n->output[k]) add(&made, n->output[k]);
    }
    for (size_t i = 0; i < g->n_output; i++) assert_true(has(&made, g->output[i]->name));
}

/* dim: 0 for any number. */
static void shaped(const Onnx__ValueInfoProto *v, const char *name, int32_t type, const int64_t *dim,
                   size_t rank)
{
    const Onnx__TypeProto__Tensor *t = v->type->tensor_type;
    assert_string_equal(v->name, name);
    assert_int_equal(t->elem_type, type);
    assert_int_equal(t->shape->n_dim, rank);
    for (size_t i = 0; i < rank; i++) {
        const Onnx__TensorShapeProto__Dimension *d = t->shape->dim[i];
        if (dim[i]) assert_int_equal(d->dim_value, dim[i]);
        else assert_int_equal(d->value_case, ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM);
    }
}

enum { F32 = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, I32 = ONNX__TENSOR_PROTO__DATA_TYPE__INT32 };

static void images(void **state)
{
    cli *c = *state;
    char *shown;
    cli_expect(c, 0, "train recipe.yaml --run ex train.epochs=1 train.ema=0.9");
    cli_expect(c, 0, "export ex --to onnx");
    cli_says(c, "ex/model.onnx");
    Onnx__ModelProto *m = read_model(c, "ex/model.onnx");
    const Onnx__GraphProto *g = m->graph;
    well_formed(g);
    assert_int_equal(g->n_input, 1);
    shaped(g->input[0], "image", F32, (int64_t[]){0, 1, 8, 8}, 4);
    assert_int_equal(g->n_output, 2);
    shaped(g->output[0], "logits", F32, (int64_t[]){0, 4}, 2);
    shaped(g->output[1], "probabilities", F32, (int64_t[]){0, 4}, 2);
    const Onnx__TensorProto *w = weight(g, "conv1.weight");
    const int64_t filters[4] = {6, 1, 3, 3};
    assert_int_equal(w->n_dims, 4);
    assert_memory_equal(w->dims, filters, sizeof filters);
    cli_expect(c, 0, "inspect ex:best --tensor ema/conv1.weight"); /* one channel: the same order */
    float v;
    memcpy(&v, w->raw_data.data, sizeof v);
    assert_true(strtof(c->out, &shown) == v && shown != c->out);
    assert_int_equal(atoi(property(m, "step")), 16);
    assert_int_equal(strlen(property(m, "digest")), 64);
    assert_non_null(strstr(property(m, "recipe"), "sequential"));
    onnx__model_proto__free_unpacked(m, NULL);
}

static const char text_recipe[] =
    "model: {name: seqclassifier, cell: lstm, units: 6, embed: 4, bidirectional: true, pool: mean}\n"
    "data: {path: texts.csv, text: text, label: label, tokens: word, validation: 0.1, test: 0.2}\ntrain: "
    "{batch: 16, epochs: 1}\n";

/* Samples and steps are any number; gates lie in ONNX's order. */
static void texts(void **state)
{
    cli *c = *state;
    char rows[4096] = "label,text\n";
    for (int i = 0; i < 60; i++) strcat(rows, i % 2 ? "good,one two three\n" : "bad,four five\n");
    cli_write(c, "texts.csv", rows);
    cli_write(c, "texts.yaml", text_recipe);
    cli_expect(c, 0, "train texts.yaml --run texts");
    cli_expect(c, 0, "export texts --to onnx --out here.onnx");
    Onnx__ModelProto *m = read_model(c, "here.onnx");
    const Onnx__GraphProto *g = m->graph;
    well_formed(g);
    assert_int_equal(g->n_input, 2);
    shaped(g->input[0], "tokens", I32, (int64_t[]){0, 0}, 2);
    shaped(g->input[1], "length", I32, (int64_t[]){0}, 1);
    assert_string_equal(property(m, "class_names"), "bad\ngood");
    assert_non_null(strstr(property(m, "tokens"), "\nfour\n"));
    const Onnx__TensorProto *b = weight(g, "rnn.bias_ih_l0");
    assert_true(b->n_dims == 2 && b->dims[0] == 1 && b->dims[1] == 2 * 4 * 6);
    cli_expect(c, 0, "inspect texts:best --tensor params/rnn.bias_ih_l0"); /* a number a line */
    float ours[4 * 6], theirs[4 * 6];
    char *at = c->out;
    for (int k = 0; k < 4 * 6; k++) ours[k] = strtof(at, &at);
    memcpy(theirs, b->raw_data.data, sizeof theirs);
    static const int from[4] = {0, 3, 1, 2}; /* i o f c, of i f g o */
    for (int gate = 0; gate < 4; gate++)
        assert_memory_equal(theirs + 6 * gate, ours + 6 * from[gate], sizeof(float) * 6);
    onnx__model_proto__free_unpacked(m, NULL);
}

/* Lists have a line an item and no empty one behind the last. */
static void properties(void **state)
{
    cli *c = *state;
    cli_shell(c, "awk 'BEGIN { print \"load,heat\"; for (i = 0; i < 120; i++) print i % 5 \",\" i % 3 }' > series.csv");
    cli_write(c, "series.yaml", "model: {name: forecaster, units: 4}\ndata: {path: series.csv, targets: [load], inputs: [heat], window: 8, horizon: 2, validation: 0.2, test: 0.2}\n"
                                "train: {batch: 16, epochs: 1}\n");
    cli_expect(c, 0, "train series.yaml --run series");
    static const char *const runs[] = {"series", "texts", "ex"};
    for (int r = 0; r < 3; r++) {
        char words[64];
        snprintf(words, sizeof words, "export %s --to onnx --out here.onnx", runs[r]);
        cli_expect(c, 0, words);
        Onnx__ModelProto *m = read_model(c, "here.onnx");
        if (!r) {
            assert_string_equal(property(m, "features"), "load\nheat");
            assert_string_equal(property(m, "targets"), "load");
        }
        for (size_t i = 0; i < m->n_metadata_props; i++) {
            const char *v = m->metadata_props[i]->value;
            size_t n = strlen(v);
            if (!n || v[n - 1] == '\n') fail_msg("%s ends with a line break, or is empty", m->metadata_props[i]->key);
        }
        onnx__model_proto__free_unpacked(m, NULL);
    }
}

static void refusals(void **state)
{
    cli *c = *state;
    cli_expect(c, 2, "export ex --to onx");
    cli_says(c, "did you mean 'onnx'?");
    cli_expect(c, 2, "export nowhere --to onnx --out x.onnx");
    cli_says(c, "there is no such run");
    cli_expect(c, 2, "export ex:best --to onnx");
    cli_says(c, "--out FILE");
    cli_expect(c, 2, "export ex --to onnx --checkpoint 12345");
    cli_expect(c, 6, "export ex --to onnx --out nowhere/x.onnx");
    cli_says(c, "nowhere/x.onnx");
    cli_shell(c, "mkdir empty && mkdir empty/checkpoints");
    cli_expect(c, 2, "export empty --to onnx");
    cli_says(c, "has no checkpoint yet");
    cli_write(
        c, "pairs.yaml",
        "model: {name: seq2seq, cell: gru, units: 6, embed: 4}\n"
        "data: {path: pairs.tsv, tokens: word, validation: 0.1, test: 0.1}\ntrain: {batch: 8, epochs: 1}\n");
    char rows[4096] = "source\ttarget\n";
    for (int i = 0; i < 60; i++) sprintf(rows + strlen(rows), "%d %d\t%d %d\n", i, i % 7, i % 7, i);
    cli_write(c, "pairs.tsv", rows);
    cli_expect(c, 0, "train pairs.yaml --run pairs");
    cli_expect(c, 2, "export pairs --to onnx");
    cli_says(c, "a translator (seq2seq) is two graphs");
    cli_shell(c, "test ! -e pairs/model.onnx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(images), cmocka_unit_test(texts), cmocka_unit_test(properties),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests_name("cli/onnx", tests, cli_setup, cli_teardown);
}
