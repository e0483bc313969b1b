/* See read_safetensors.h. */
#include "read_safetensors.h"

#include "runtime/base/files.h"
#include "runtime/base/half.h"
#include "runtime/op.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FILE ((size_t)16 << 30)
#define MOST_HEADER ((size_t)16 << 20) /* 100 000 tensors and more */
#define MOST_NUMBER 9007199254740992.0 /* 2^53: JSON's numbers are doubles */

struct safetensors_file {
    anl_ctx *ctx;
    char *path;
    void *own;        /* the file's bytes; NULL: borrowed */
    const char *data; /* behind the header */
    size_t bytes;     /* of data */
    cJSON *header;
    safetensors_entry *entry; /* [n], by name */
    int n;
};

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8},     {"I64", 8},
              {"I32", 4}, {"I16", 2}, {"I8", 1},   {"U64", 8},     {"U32", 4},
              {"U16", 2}, {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
enum { DTYPES = sizeof dtypes / sizeof dtypes[0], FLOATS = 4 };

static int dtype_of(const char *name)
{
    int k = 0;
    while (k < DTYPES && strcmp(dtypes[k].name, name)) k++;
    return k;
}

/* ---- the header ------------------------------------------------------------------------------ */

static anl_status wrong(const safetensors_file *f, const char *tensor, const char *what)
{
    return anl__fail(f->ctx, ANL_FORMAT, "%s: tensor '%.200s': %s", f->path, tensor, what);
}

/* A whole number from 0 on; false: something else. */
static bool number_of(const cJSON *j, double *out)
{
    *out = cJSON_IsNumber(j) ? j->valuedouble : -1;
    return *out >= 0 && *out <= MOST_NUMBER && *out == floor(*out);
}

static anl_status read_shape(const safetensors_file *f, const cJSON *j, safetensors_entry *e, double *count)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(j, "shape"), *one;
    *count = 1;
    if (!cJSON_IsArray(list)) return wrong(f, e->name, "its shape is no list");
    cJSON_ArrayForEach(one, list) {
        double v;
        if (e->shape.rank == ANL_MAX_RANK)
            return anl__fail(f->ctx, ANL_UNSUPPORTED, "%s: tensor '%.200s' has more than %d dimensions",
                             f->path, e->name, ANL_MAX_RANK);
        if (!number_of(one, &v))
            return wrong(f, e->name, "its shape holds what is no whole number from 0 on");
        e->shape.dim[e->shape.rank++] = (int64_t)v;
        *count *= v;
        if (*count > MOST_NUMBER) return wrong(f, e->name, "its shape has more elements than any file");
    }
    return ANL_OK;
}

static anl_status read_entry(const safetensors_file *f, const cJSON *j, safetensors_entry *e)
{
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(j, "dtype");
    const cJSON *at = cJSON_GetObjectItemCaseSensitive(j, "data_offsets");
    double count, begin, end;
    char text[96];
    *e = (safetensors_entry){.name = j->string};
    if (!cJSON_IsObject(j) || !*e->name) return wrong(f, e->name, "it is no {dtype, shape, data_offsets}");
    if (!cJSON_IsString(dtype)) return wrong(f, e->name, "it has no dtype");
    e->dtype = dtype->valuestring;
    int k = dtype_of(e->dtype);
    if (k == DTYPES)
        return anl__fail(f->ctx, ANL_FORMAT, "%s: tensor '%.200s': there is no dtype '%.40s'", f->path,
                         e->name, e->dtype);
    ANL_TRY(read_shape(f, j, e, &count));
    if (!cJSON_IsArray(at) || cJSON_GetArraySize(at) != 2 || !number_of(cJSON_GetArrayItem(at, 0), &begin) ||
        !number_of(cJSON_GetArrayItem(at, 1), &end))
        return wrong(f, e->name, "its data_offsets are not two whole numbers");
    if (begin > end || end > (double)f->bytes)
        return anl__fail(f->ctx, ANL_FORMAT,
                         "%s: tensor '%.200s' lies at bytes %.0f to %.0f, but there are %zu: the file is "
                         "truncated, or no safetensors file",
                         f->path, e->name, begin, end, f->bytes);
    if (end - begin != count * (double)dtypes[k].size)
        return anl__fail(f->ctx, ANL_FORMAT, "%s: tensor '%.200s': %s %s takes %.0f bytes, but it has %.0f",
                         f->path, e->name, e->dtype, anl__shape_text(&e->shape, text),
                         count * (double)dtypes[k].size, end - begin);
    e->begin = (size_t)begin;
    e->end = (size_t)end;
    return ANL_OK;
}

static int by_place(const void *a, const void *b)
{
    const safetensors_entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const safetensors_entry *)a)->name, ((const safetensors_entry *)b)->name);
}

/* Sorted by place: one begins where the one before ends, and the last ends with the file. */
static anl_status check_places(const safetensors_file *f)
{
    size_t at = 0;
    for (int i = 0; i < f->n; i++) {
        const safetensors_entry *e = &f->entry[i];
        if (e->begin != at)
            return anl__fail(f->ctx, ANL_FORMAT,
                             "%s: tensor '%.200s' begins at byte %zu, where %s ends at %zu: %s", f->path,
                             e->name, e->begin, i ? f->entry[i - 1].name : "the header", at,
                             e->begin < at ? "they overlap" : "there is a gap");
        at = e->end;
    }
    if (at == f->bytes) return ANL_OK;
    return anl__fail(f->ctx, ANL_FORMAT, "%s: its tensors end at byte %zu, but %zu follow on the header",
                     f->path, at, f->bytes);
}

static anl_status check_names(const safetensors_file *f)
{
    for (int i = 1; i < f->n; i++)
        if (!strcmp(f->entry[i - 1].name, f->entry[i].name))
            return wrong(f, f->entry[i].name, "it stands twice");
    return ANL_OK;
}

static anl_status check_meta(const safetensors_file *f, const cJSON *meta, int *seen)
{
    const cJSON *one;
    if (++*seen > 1) return anl__fail(f->ctx, ANL_FORMAT, "%s: __metadata__ stands twice", f->path);
    if (!cJSON_IsObject(meta)) return anl__fail(f->ctx, ANL_FORMAT, "%s: __metadata__ is no map", f->path);
    cJSON_ArrayForEach(one, meta)
        if (!cJSON_IsString(one))
            return anl__fail(f->ctx, ANL_FORMAT, "%s: __metadata__ holds '%.100s', which is no text", f->path,
                             one->string);
    return ANL_OK;
}

static anl_status read_header(safetensors_file *f)
{
    const cJSON *one;
    int seen = 0, n = 0;
    if (!cJSON_IsObject(f->header))
        return anl__fail(f->ctx, ANL_FORMAT, "%s: its header is no JSON object", f->path);
    cJSON_ArrayForEach(one, f->header) n++; /* as many as were parsed */
    if (!(f->entry = anl__calloc(f->ctx, (size_t)n + 1, sizeof *f->entry))) return ANL_NOMEM;
    cJSON_ArrayForEach(one, f->header) {
        if (strcmp(one->string, "__metadata__")) ANL_TRY(read_entry(f, one, &f->entry[f->n++]));
        else ANL_TRY(check_meta(f, one, &seen));
    }
    qsort(f->entry, (size_t)f->n, sizeof *f->entry, by_place);
    ANL_TRY(check_places(f));
    qsort(f->entry, (size_t)f->n, sizeof *f->entry, by_name);
    return check_names(f);
}

/* ---- opening --------------------------------------------------------------------------------- */

static anl_status parse(safetensors_file *f, const char *data, size_t bytes)
{
    uint64_t head = 0;
    const char *end = NULL;
    if (bytes < 8)
        return anl__fail(f->ctx, ANL_FORMAT,
                         "%s: %zu bytes are no safetensors file, which begins with 8 that give the "
                         "header's length",
                         f->path, bytes);
    for (int i = 0; i < 8; i++) head |= (uint64_t)(unsigned char)data[i] << 8 * i;
    if (head > bytes - 8 || head > MOST_HEADER)
        return anl__fail(f->ctx, ANL_FORMAT,
                         "%s: its header would have %llu bytes, but %zu follow%s: it is truncated, or no "
                         "safetensors file",
                         f->path, (unsigned long long)head, bytes - 8,
                         head > MOST_HEADER ? " and 16 MiB are the most" : "");
    f->data = data + 8 + head;
    f->bytes = bytes - 8 - (size_t)head;
    f->header = cJSON_ParseWithLengthOpts(data + 8, (size_t)head, &end, false);
    if (!f->header)
        return anl__fail(f->ctx, ANL_FORMAT, "%s: its header is no JSON (byte %zu)", f->path,
                         end ? (size_t)(end - data) : (size_t)8);
    for (; end < f->data; end++)
        if (!strchr(" \t\r\n", *end))
            return anl__fail(f->ctx, ANL_FORMAT, "%s: something follows on its JSON header (byte %zu)",
                             f->path, (size_t)(end - data));
    return read_header(f);
}

static anl_status create(anl_ctx *ctx, const char *name, safetensors_file **out)
{
    safetensors_file *f = anl__alloc(ctx, sizeof *f);
    if (!f) return ANL_NOMEM;
    f->ctx = ctx;
    if (!(f->path = anl__strdup(ctx, name))) {
        anl__free(ctx, f);
        return ANL_NOMEM;
    }
    *out = f;
    return ANL_OK;
}

anl_status safetensors_parse(anl_ctx *ctx, const char *name, const void *data, size_t bytes,
                             safetensors_file **out)
{
    safetensors_file *f;
    ANL_TRY(create(ctx, name, &f));
    anl_status st = parse(f, data, bytes);
    if (st == ANL_OK) *out = f;
    else safetensors_close(f);
    return st;
}

anl_status safetensors_open(anl_ctx *ctx, const char *path, safetensors_file **out)
{
    safetensors_file *f;
    size_t bytes;
    if (!anl__path_exists(path)) return anl__fail(ctx, ANL_INVALID, "%s: there is no such file", path);
    if (anl__path_is_dir(path))
        return anl__fail(ctx, ANL_INVALID, "%s is a directory, no safetensors file", path);
    ANL_TRY(create(ctx, path, &f));
    anl_status st = anl__file_read(ctx, path, MOST_FILE, &f->own, &bytes);
    if (st == ANL_OK) st = parse(f, f->own, bytes);
    if (st == ANL_OK) *out = f;
    else safetensors_close(f);
    return st;
}

void safetensors_close(safetensors_file *f)
{
    if (!f) return;
    cJSON_Delete(f->header);
    anl__free(f->ctx, f->entry);
    anl__free(f->ctx, f->own);
    anl__free(f->ctx, f->path);
    anl__free(f->ctx, f);
}

/* ---- what it holds --------------------------------------------------------------------------- */

int safetensors_count(const safetensors_file *f) { return f->n; }
const safetensors_entry *safetensors_at(const safetensors_file *f, int i) { return &f->entry[i]; }
const char *safetensors_path(const safetensors_file *f) { return f->path; }

const safetensors_entry *safetensors_find(const safetensors_file *f, const char *name)
{
    const safetensors_entry key = {.name = name};
    return bsearch(&key, f->entry, (size_t)f->n, sizeof key, by_name);
}

const char *safetensors_meta(const safetensors_file *f, const char *key)
{
    const cJSON *meta = cJSON_GetObjectItemCaseSensitive(f->header, "__metadata__");
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(meta, key));
}

bool safetensors_is_float(const safetensors_entry *e) { return dtype_of(e->dtype) < FLOATS; }

void safetensors_floats(const safetensors_file *f, const safetensors_entry *e, float *to)
{
    const char *from = f->data + e->begin; /* at any address */
    int64_t n = anl_shape_count(&e->shape);
    bool narrow = !strcmp(e->dtype, "F16"), brain = !strcmp(e->dtype, "BF16");
    if (!strcmp(e->dtype, "F32")) memcpy(to, from, (size_t)n * sizeof *to);
    for (int64_t i = 0; (narrow || brain) && i < n; i++) {
        uint16_t v;
        memcpy(&v, from + i * (int64_t)sizeof v, sizeof v);
        anl__half_to_f32(narrow ? ANL_F16 : ANL_BF16, to + i, &v, 1);
    }
    for (int64_t i = 0; !strcmp(e->dtype, "F64") && i < n; i++) {
        double v;
        memcpy(&v, from + i * (int64_t)sizeof v, sizeof v);
        to[i] = (float)v;
    }
}
