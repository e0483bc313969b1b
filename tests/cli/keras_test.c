/* anneal export --to keras without Keras: the file's groups and attributes are those that Keras reads; its
 * description is JSON in which every layer reads what stands before it; arrays are the run's, in Keras's
 * order; what cannot be exported is refused. tests/keras/oracle.py has Keras load such files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <cjson/cJSON.h>
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

static hid_t open_model(const cli *c, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", c->dir, name);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

/* A text attribute, freed by the caller with H5free_memory. */
static char *text_of(hid_t at, const char *key)
{
    char *text = NULL;
    hid_t attr = H5Aopen(at, key, H5P_DEFAULT), type = H5Aget_type(attr);
    assert_true(attr >= 0 && H5Tis_variable_str(type) > 0);
    assert_true(H5Aread(attr, type, &text) >= 0 && text);
    H5Tclose(type);
    H5Aclose(attr);
    return text;
}

static void says(hid_t at, const char *key, const char *want)
{
    char *text = text_of(at, key);
    if (!strstr(text, want)) fail_msg("%s is %s", key, text);
    H5free_memory(text);
}

enum { MOST = 64, LONGEST = 64 };

typedef struct names {
    int n;
    char name[MOST][LONGEST];
} names;

static void names_of(hid_t at, const char *key, names *out)
{
    static char all[MOST * LONGEST];
    hid_t attr = H5Aopen(at, key, H5P_DEFAULT), type = H5Aget_type(attr), space = H5Aget_space(attr);
    size_t size = H5Tget_size(type);
    out->n = (int)H5Sget_simple_extent_npoints(space);
    assert_true(attr >= 0 && H5Tget_class(type) == H5T_STRING && !H5Tis_variable_str(type));
    assert_true(out->n <= MOST && size < LONGEST);
    if (out->n) assert_true(H5Aread(attr, type, all) >= 0);
    for (int i = 0; i < out->n; i++)
        snprintf(out->name[i], LONGEST, "%.*s", (int)size, all + (size_t)i * size);
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(attr);
}

/* The array `path`, of that many f32 numbers and that shape. */
static void array(hid_t file, const char *path, int rank, const hsize_t *dim, float *out)
{
    hsize_t have[4];
    hid_t set = H5Dopen2(file, path, H5P_DEFAULT), space = H5Dget_space(set);
    if (set < 0) fail_msg("there is no %s", path);
    assert_int_equal(H5Sget_simple_extent_dims(space, have, NULL), rank);
    for (int i = 0; i < rank; i++) assert_int_equal(have[i], dim[i]);
    assert_true(H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0);
    H5Sclose(space);
    H5Dclose(set);
}

static int layer_named(const cJSON *layers, const char *name)
{
    int i = 0;
    const cJSON *l;
    cJSON_ArrayForEach(l, layers)
    {
        if (!strcmp(cJSON_GetObjectItem(l, "name")->valuestring, name)) return i;
        i++;
    }
    fail_msg("there is no layer %s", name);
    return -1;
}

static const char *text_at(const cJSON *o, const char *key)
{
    return cJSON_GetObjectItem(o, key)->valuestring;
}

/* Names are a layer's own; what is read stands before it. */
static void reads_what_is_there(const cJSON *layers)
{
    int i = 0;
    const cJSON *l, *in;
    cJSON_ArrayForEach(l, layers)
    {
        assert_int_equal(layer_named(layers, text_at(l, "name")), i);
        assert_string_equal(text_at(cJSON_GetObjectItem(l, "config"), "name"), text_at(l, "name"));
        const cJSON *calls = cJSON_GetObjectItem(l, "inbound_nodes");
        assert_int_equal(cJSON_GetArraySize(calls), strcmp(text_at(l, "class_name"), "InputLayer") != 0);
        cJSON_ArrayForEach(in, cJSON_GetArrayItem(calls, 0))
        {
            assert_int_equal(cJSON_GetArraySize(in), 4);
            assert_true(layer_named(layers, cJSON_GetArrayItem(in, 0)->valuestring) < i);
        }
        i++;
    }
}

/* The whole form; what is in it is the caller's: freed with cJSON_Delete. */
static cJSON *well_formed(hid_t file)
{
    names layers, weights;
    char *text = text_of(file, "model_config");
    cJSON *top = cJSON_Parse(text), *config = cJSON_GetObjectItem(top, "config"),
          *list = cJSON_GetObjectItem(config, "layers");
    H5free_memory(text);
    assert_non_null(list);
    assert_string_equal(text_at(top, "class_name"), "Functional");
    says(file, "keras_version", "2.");
    says(file, "backend", "tensorflow");
    reads_what_is_there(list);
    hid_t all = H5Gopen2(file, "model_weights", H5P_DEFAULT);
    assert_true(all >= 0);
    names_of(all, "layer_names", &layers);
    assert_int_equal(layers.n, cJSON_GetArraySize(list));
    for (int i = 0; i < layers.n; i++) {
        assert_string_equal(layers.name[i], text_at(cJSON_GetArrayItem(list, i), "name"));
        hid_t one = H5Gopen2(all, layers.name[i], H5P_DEFAULT);
        assert_true(one >= 0);
        names_of(one, "weight_names", &weights);
        for (int k = 0; k < weights.n; k++) assert_true(H5Lexists(one, weights.name[k], H5P_DEFAULT) > 0);
        H5Gclose(one);
    }
    H5Gclose(all);
    return top;
}

static const cJSON *layers_of(const cJSON *top)
{
    return cJSON_GetObjectItem(cJSON_GetObjectItem(top, "config"), "layers");
}

/* The numbers that `inspect --tensor` has shown, one a line. */
static void shown(const cli *c, float *out, int n)
{
    const char *at = c->out;
    char *end;
    for (int i = 0; i < n; i++) {
        out[i] = strtof(at, &end);
        assert_true(end != at);
        at = end;
    }
}

static void images(void **state)
{
    cli *c = *state;
    float ours[6 * 3 * 3], theirs[6 * 3 * 3];
    cli_expect(c, 0, "train recipe.yaml --run ex train.epochs=1 train.ema=0.9");
    cli_expect(c, 0, "export ex --to keras");
    cli_says(c, "ex/model.h5");
    hid_t file = open_model(c, "ex/model.h5");
    cJSON *top = well_formed(file);
    const cJSON *layers = layers_of(top), *first = cJSON_GetArrayItem(layers, 0),
                *last = cJSON_GetArrayItem(layers, cJSON_GetArraySize(layers) - 1);
    assert_string_equal(text_at(first, "class_name"), "InputLayer");
    char *shape = cJSON_PrintUnformatted(
        cJSON_GetObjectItem(cJSON_GetObjectItem(first, "config"), "batch_input_shape"));
    assert_string_equal(shape, "[null,8,8,1]");
    cJSON_free(shape);
    assert_string_equal(text_at(last, "name"), "probabilities");
    assert_string_equal(text_at(last, "class_name"), "Softmax");
    array(file, "model_weights/conv1/conv1/kernel:0", 4, (hsize_t[]){3, 3, 1, 6}, theirs);
    cli_expect(c, 0, "inspect ex:best --tensor ema/conv1.weight");
    shown(c, ours, 6 * 3 * 3);
    for (int k = 0; k < 6; k++)
        for (int p = 0; p < 9; p++) assert_true(theirs[p * 6 + k] == ours[k * 9 + p]);
    says(file, "recipe", "sequential");
    says(file, "step", "16");
    cJSON_Delete(top);
    H5Fclose(file);
}

static const char text_recipe[] =
    "model: {name: seqclassifier, cell: gru, units: 6, embed: 4, pool: last}\n"
    "data: {path: texts.csv, text: text, label: label, tokens: word, validation: 0.1, test: 0.2}\ntrain: "
    "{batch: 16, epochs: 1}\n";

/* Steps are any number; gates lie in Keras's order, z r n of r z n; a GRU has two biases. */
static void texts(void **state)
{
    cli *c = *state;
    float ours[18], theirs[36];
    char rows[4096] = "label,text\n";
    for (int i = 0; i < 60; i++) strcat(rows, i % 2 ? "good,one two three\n" : "bad,four five\n");
    cli_write(c, "texts.csv", rows);
    cli_write(c, "texts.yaml", text_recipe);
    cli_expect(c, 0, "train texts.yaml --run texts");
    cli_expect(c, 0, "export texts --to keras --out here.h5");
    hid_t file = open_model(c, "here.h5");
    cJSON *top = well_formed(file);
    const cJSON *gru = cJSON_GetArrayItem(layers_of(top), layer_named(layers_of(top), "rnn.l0"));
    assert_string_equal(text_at(gru, "class_name"), "GRU");
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetObjectItem(gru, "config"), "reset_after")));
    array(file, "model_weights/rnn.l0/rnn.l0/gru_cell/bias:0", 2, (hsize_t[]){2, 18}, theirs);
    cli_expect(c, 0, "inspect texts:best --tensor params/rnn.bias_ih_l0");
    shown(c, ours, 18);
    static const int from[3] = {1, 0, 2};
    for (int g = 0; g < 3; g++) assert_memory_equal(theirs + 6 * g, ours + 6 * from[g], sizeof(float) * 6);
    says(file, "class_names", "bad\ngood");
    says(file, "tokens", "\nfour\n");
    cJSON_Delete(top);
    H5Fclose(file);
}

static const char graph_recipe[] =
    "model:\n  name: graph\n  layers:\n"
    "    - {type: conv, name: \"a+b\", filters: 4, kernel: 3, stride: 2, pad: 1}\n"
    "    - {type: batchnorm, name: a_b}\n"
    "    - {type: to-time, name: t}\n"
    "    - {type: %s}\n"
    "    - {type: time-pool, name: p, mode: mean}\n"
    "    - {type: dense, name: out, units: 4}\n"
    "data: {path: data}\ntrain: {batch: 8, epochs: 1}\n";

/* A name that Keras does not take, and one that would be the same; borders of our own. */
static void names_and_borders(void **state)
{
    cli *c = *state;
    char recipe[1024];
    snprintf(recipe, sizeof recipe, graph_recipe, "lstm, name: l, units: 3, bidirectional: true");
    cli_write(c, "names.yaml", recipe);
    cli_expect(c, 0, "train names.yaml --run names");
    cli_expect(c, 0, "export names --to keras");
    hid_t file = open_model(c, "names/model.h5");
    cJSON *top = well_formed(file);
    const cJSON *layers = layers_of(top);
    assert_string_equal(text_at(cJSON_GetArrayItem(layers, layer_named(layers, "a_b.pad")), "class_name"),
                        "ZeroPadding2D");
    layer_named(layers, "a_b_2");
    array(file, "model_weights/l.l0/l.l0/backward_lstm/lstm_cell/recurrent_kernel:0", 2, (hsize_t[]){3, 12},
          (float[36]){0});
    cJSON_Delete(top);
    H5Fclose(file);
}

static void refusals(void **state)
{
    cli *c = *state;
    char recipe[1024];
    cli_expect(c, 2, "export ex --to kears");
    cli_says(c, "did you mean 'keras'?");
    cli_expect(c, 2, "export nowhere --to keras --out x.h5");
    cli_says(c, "there is no such run");
    cli_expect(c, 2, "export ex:best --to keras");
    cli_says(c, "--out FILE");
    cli_expect(c, 6, "export ex --to keras --out nowhere/x.h5");
    cli_says(c, "nowhere/x.h5");
    cli_expect(c, 2, "export ex --to keras --out model.keras"); /* it tells its formats by the name */
    cli_says(c, "ends with .h5 or .hdf5");
    cli_shell(c, "mkdir folder.h5");
    cli_expect(c, 6, "export ex --to keras --out folder.h5");
    snprintf(recipe, sizeof recipe, graph_recipe, "self-attention, name: eyes, heads: 2");
    cli_write(c, "eyes.yaml", recipe);
    cli_expect(c, 0, "train eyes.yaml --run eyes");
    cli_expect(c, 2, "export eyes --to keras");
    cli_says(c, "layer 'eyes.heads' (attention): Keras has no layer for it");
    cli_shell(c, "test ! -e eyes/model.h5");
    cli_shell(c, "cp ex/model.h5 before.h5");
    cli_expect(c, 2, "export eyes --to keras --out before.h5"); /* what was there stays */
    cli_shell(c, "cmp ex/model.h5 before.h5");
    cli_expect(c, 0, "export ex --to keras --out again.h5"); /* the same bytes */
    cli_shell(c, "cmp ex/model.h5 again.h5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(images), cmocka_unit_test(texts),
                                       cmocka_unit_test(names_and_borders), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests_name("cli/keras", tests, cli_setup, cli_teardown);
}
