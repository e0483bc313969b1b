/* See model_file.h. */
#include "model_file.h"

#include <string.h>

void keras_file_init(keras_file *f, anl_ctx *ctx, anl__arena *a, const char *name)
{
    *f = (keras_file){.ctx = ctx, .arena = a, .name = name};
}

void keras_file_destroy(keras_file *f)
{
    for (int64_t i = 0; i < f->n_layer; i++) cJSON_Delete(f->layer[i].config);
    anl__free(f->ctx, f->layer);
    anl__free(f->ctx, f->output);
    anl__free(f->ctx, f->property);
}

void keras_fail(keras_file *f, anl_status st)
{
    if (f->status == ANL_OK) f->status = st;
}

static void grow(keras_file *f, void *items, int64_t *cap, int64_t n, size_t item)
{
    if (f->status == ANL_OK) f->status = anl__grow(f->ctx, items, cap, n + 1, item);
}

/* ---- layers ---------------------------------------------------------------------------------- */

static bool is_taken(const keras_file *f, const char *name)
{
    for (int64_t i = 0; i < f->n_layer; i++)
        if (!strcmp(f->layer[i].name, name)) return true;
    return false;
}

/* Letters, digits, '_', '-' and '.', a letter or digit first: what every version of Keras takes. */
static const char *name_of(keras_file *f, const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    const char *first = *name && memchr(plain, *name, sizeof plain - 4) ? "" : "layer";
    char *own = anl__arena_printf(f->arena, "%s%s", first, name);
    if (!own) return NULL;
    for (char *p = own + strspn(own, plain); *p; p += strspn(p, plain)) *p = '_';
    const char *free = own;
    for (int k = 2; free && is_taken(f, free); k++) free = anl__arena_printf(f->arena, "%s_%d", own, k);
    return free;
}

keras_tensor keras_layer_add(keras_file *f, const char *kind, const char *name, const keras_tensor *in, int n)
{
    grow(f, &f->layer, &f->cap_layer, f->n_layer, sizeof *f->layer);
    if (f->status != ANL_OK) return (keras_tensor){0};
    keras_layer l = {.kind = kind, .n_in = n, .name = name_of(f, name), .config = cJSON_CreateObject()};
    l.in = anl__arena_alloc(f->arena, sizeof *l.in * (size_t)(n + 1));
    if (!l.name || !l.in || !l.config) {
        cJSON_Delete(l.config);
        keras_fail(f, ANL_NOMEM);
        return (keras_tensor){0};
    }
    if (n) memcpy(l.in, in, sizeof *in * (size_t)n);
    f->layer[f->n_layer++] = l;
    keras_set_text(f, "name", l.name);
    return (keras_tensor){(int)f->n_layer - 1, 0};
}

void keras_set_object(keras_file *f, const char *key, cJSON *v)
{
    if (f->status == ANL_OK && v && cJSON_AddItemToObject(f->layer[f->n_layer - 1].config, key, v)) return;
    cJSON_Delete(v);
    if (f->status == ANL_OK) f->status = anl__fail(f->ctx, ANL_NOMEM, "no memory for a layer's description");
}

void keras_set_bool(keras_file *f, const char *key, bool v) { keras_set_object(f, key, cJSON_CreateBool(v)); }
void keras_set_float(keras_file *f, const char *key, double v)
{
    keras_set_object(f, key, cJSON_CreateNumber(v));
}
void keras_set_int(keras_file *f, const char *key, int64_t v) { keras_set_float(f, key, (double)v); }
void keras_set_text(keras_file *f, const char *key, const char *v)
{
    keras_set_object(f, key, cJSON_CreateString(v));
}

/* Adds to a list; a NULL item leaves the list shorter, which the caller's check finds. */
static void push(cJSON *list, cJSON *item)
{
    if (!cJSON_AddItemToArray(list, item)) cJSON_Delete(item);
}

static void set_list(keras_file *f, const char *key, cJSON *list, int64_t n)
{
    if (cJSON_GetArraySize(list) != n) {
        cJSON_Delete(list);
        list = NULL;
    }
    keras_set_object(f, key, list);
}

void keras_set_ints(keras_file *f, const char *key, const int64_t *v, int n)
{
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; i < n; i++)
        push(list, v[i] == INT64_MIN ? cJSON_CreateNull() : cJSON_CreateNumber((double)v[i]));
    set_list(f, key, list, n);
}

void keras_set_floats(keras_file *f, const char *key, const double *v, int64_t n)
{
    cJSON *list = cJSON_CreateArray();
    for (int64_t i = 0; i < n; i++) push(list, cJSON_CreateNumber(v[i]));
    set_list(f, key, list, n);
}

void keras_set_pairs(keras_file *f, const char *key, const int64_t (*v)[2], int n)
{
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; i < n; i++) {
        const int pair[2] = {(int)v[i][0], (int)v[i][1]};
        push(list, cJSON_CreateIntArray(pair, 2));
    }
    set_list(f, key, list, n);
}

void keras_weight_add(keras_file *f, const char *name, int rank, const int64_t *dim, const float *data)
{
    if (f->status != ANL_OK) return;
    keras_layer *l = &f->layer[f->n_layer - 1];
    if (!data || l->n_weight == KERAS_MOST_WEIGHTS) {
        f->status = anl__fail(f->ctx, ANL_INTERNAL, "layer '%s': weight %s cannot be added", l->name, name);
        return;
    }
    keras_weight *w = &l->weight[l->n_weight++];
    *w = (keras_weight){.name = name, .rank = rank, .data = data};
    memcpy(w->dim, dim, sizeof *dim * (size_t)rank);
}

void keras_output_add(keras_file *f, keras_tensor x)
{
    grow(f, &f->output, &f->cap_output, f->n_output, sizeof *f->output);
    if (f->status == ANL_OK) f->output[f->n_output++] = x;
}

void keras_property_add(keras_file *f, const char *key, const char *value)
{
    grow(f, &f->property, &f->cap_property, f->n_property, sizeof *f->property);
    if (f->status != ANL_OK) return;
    keras_property p = {anl__arena_strdup(f->arena, key), anl__arena_strdup(f->arena, value)};
    if (p.key && p.value) f->property[f->n_property++] = p;
    else f->status = ANL_NOMEM;
}

/* ---- model_config ---------------------------------------------------------------------------- */

/* [layer's name, which call of it, which of its results]; of what a layer reads also {}: no further
 * arguments. */
static cJSON *reference(const keras_file *f, keras_tensor x, bool arguments)
{
    cJSON *r = cJSON_CreateArray();
    push(r, cJSON_CreateString(f->layer[x.layer].name));
    push(r, cJSON_CreateNumber(0));
    push(r, cJSON_CreateNumber(x.out));
    if (arguments) push(r, cJSON_CreateObject());
    return r;
}

static cJSON *described(const keras_file *f, const keras_layer *l)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "class_name", l->kind);
    cJSON_AddItemToObject(o, "config", cJSON_Duplicate(l->config, true));
    cJSON_AddStringToObject(o, "name", l->name);
    cJSON *calls = cJSON_AddArrayToObject(o, "inbound_nodes");
    if (!l->n_in) return o;
    cJSON *call = cJSON_CreateArray();
    for (int i = 0; i < l->n_in; i++) push(call, reference(f, l->in[i], true));
    push(calls, call);
    return o;
}

char *keras_config_text(const keras_file *f, const int *order)
{
    cJSON *top = cJSON_CreateObject();
    cJSON_AddStringToObject(top, "class_name", "Functional");
    cJSON *c = cJSON_AddObjectToObject(top, "config");
    cJSON_AddStringToObject(c, "name", f->name);
    cJSON_AddBoolToObject(c, "trainable", true);
    cJSON *layers = cJSON_AddArrayToObject(c, "layers"), *inputs = cJSON_AddArrayToObject(c, "input_layers"),
          *outputs = cJSON_AddArrayToObject(c, "output_layers");
    for (int64_t i = 0; i < f->n_layer; i++) push(layers, described(f, &f->layer[order[i]]));
    for (int64_t i = 0; i < f->n_layer; i++)
        if (!f->layer[i].n_in) push(inputs, reference(f, (keras_tensor){(int)i, 0}, false));
    for (int64_t i = 0; i < f->n_output; i++) push(outputs, reference(f, f->output[i], false));
    char *text = cJSON_PrintUnformatted(top);
    cJSON_Delete(top);
    return text;
}
