/* NPY, NumPy's file of one array (format versions 1 and 2): little endian, C order. Samples are u1, f4 or f8
 * (f8 is kept as f32) of shape (N,F), (N,H,W) or (N,H,W,C); labels u1, i4 or i8 of shape (N) or (N,1), or, where
 * a model's heads read several, (N,columns), also f4 and f8. */
#include "datasets/dataset.h"
#include "datasets/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum npy_type { NPY_U1, NPY_I4, NPY_I8, NPY_F4, NPY_F8, NPY_TYPES } npy_type;
static const struct {
    const char *descr[2]; /* spellings */
    size_t size;
} npy_types[NPY_TYPES] = {
    {{"|u1", "<u1"}, 1}, {{"<i4", "<i4"}, 4}, {{"<i8", "<i8"}, 8}, {{"<f4", "<f4"}, 4}, {{"<f8", "<f8"}, 8},
};

typedef struct npy_head {
    npy_type type;
    int rank;
    int64_t dim[4];
    int64_t per_sample; /* elements */
    const uint8_t *data;
} npy_head;

enum { NPY_MAX_HEADER = 65536 };

/* The text behind 'key': in the header's dictionary, blanks skipped; NULL if it is not there. */
static const char *npy_value(const char *text, const char *key)
{
    const char *p = strstr(text, key);
    if (!p) return NULL;
    p += strlen(key);
    while (*p == ' ') p++;
    return *p == ':' ? p + 1 + strspn(p + 1, " ") : NULL;
}

static anl_status npy_parse_type(anl_ctx *ctx, const char *path, const char *text, npy_head *h)
{
    const char *p = npy_value(text, "'descr'");
    size_t n = p && *p == '\'' ? strcspn(p + 1, "'") : 0;
    for (int t = 0; t < NPY_TYPES; t++)
        for (int i = 0; i < 2; i++)
            if (n == strlen(npy_types[t].descr[i]) && strncmp(p + 1, npy_types[t].descr[i], n) == 0) {
                h->type = (npy_type)t;
                return ANL_OK;
            }
    return anl__fail(
        ctx, ANL_FORMAT,
        "%s: NPY elements of type %.*s are not supported, expected '|u1', '<i4', '<i8', '<f4' or '<f8'", path,
        n && n < 32 ? (int)n + 2 : 9, n && n < 32 ? p : "(unknown)");
}

static anl_status npy_parse_shape(anl_ctx *ctx, const char *path, const char *text, npy_head *h)
{
    const char *p = npy_value(text, "'shape'");
    h->per_sample = 1;
    if (!p || *p++ != '(')
        return anl__fail(ctx, ANL_FORMAT, "%s: the NPY header gives no shape: %.200s", path, text);
    for (p += strspn(p, " "); *p != ')'; p += strspn(p, " ,")) {
        char *end;
        long long v = strtoll(p, &end, 10);
        if (end == p || h->rank == 4)
            return anl__fail(ctx, ANL_FORMAT, "%s: the NPY shape must be 1 to 4 counts: %.200s", path, text);
        if (v < 1)
            return anl__fail(ctx, ANL_DATA, "%s: NPY dimension %d is %lld: the set is empty", path, h->rank,
                             v);
        if (h->rank > 0 && __builtin_mul_overflow(h->per_sample, (int64_t)v, &h->per_sample))
            return anl__fail(ctx, ANL_FORMAT, "%s: the NPY shape is too large: %.200s", path, text);
        h->dim[h->rank++] = v;
        p = end;
    }
    if (h->rank == 0)
        return anl__fail(ctx, ANL_FORMAT, "%s: the NPY file holds a scalar, expected samples", path);
    return ANL_OK;
}

/* Finds the header's text: its length field grew from 2 to 4 bytes with version 2. */
static anl_status npy_frame(anl_ctx *ctx, const anl__source *s, size_t *start, size_t *len)
{
    const uint8_t *p = s->data;
    if (s->bytes < 10 || memcmp(p, "\x93NUMPY", 6) != 0)
        return anl__fail(ctx, ANL_FORMAT, "%s: not an NPY file: the magic \\x93NUMPY is missing", s->path);
    if (p[6] != 1 && p[6] != 2)
        return anl__fail(ctx, ANL_FORMAT,
                         "%s: NPY format version %d.%d is not supported, expected 1.0 or 2.0", s->path, p[6],
                         p[7]);
    *start = p[6] == 1 ? 10 : 12;
    if (s->bytes < *start)
        return anl__fail(ctx, ANL_FORMAT, "%s: the NPY header is cut short after %zu bytes", s->path,
                         s->bytes);
    *len = (size_t)p[8] | (size_t)p[9] << 8;
    if (p[6] == 2) *len |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    if (*len > NPY_MAX_HEADER || *len > s->bytes - *start)
        return anl__fail(ctx, ANL_FORMAT, "%s: an NPY header of %zu bytes in a file of %zu bytes", s->path,
                         *len, s->bytes);
    return ANL_OK;
}

static anl_status npy_parse(anl_ctx *ctx, const anl__source *s, npy_head *out)
{
    size_t start = 0, len = 0, want = 0;
    ANL_TRY(npy_frame(ctx, s, &start, &len));
    char *text = anl__alloc(ctx, len + 1);
    if (!text) return ANL_NOMEM;
    memcpy(text, s->data + start, len);
    npy_head h = {0};
    anl_status st = ANL_OK;
    ANL_GO(npy_parse_type(ctx, s->path, text, &h));
    ANL_GO(npy_parse_shape(ctx, s->path, text, &h));
    const char *order = npy_value(text, "'fortran_order'");
    if (!order || strncmp(order, "False", 5) != 0) {
        st =
            anl__fail(ctx, ANL_FORMAT, "%s: the NPY array must be in C order (fortran_order False)", s->path);
        goto done;
    }
    size_t have = s->bytes - start - len;
    if (__builtin_mul_overflow((size_t)h.per_sample, (size_t)h.dim[0], &want) ||
        __builtin_mul_overflow(want, npy_types[h.type].size, &want) || want != have) {
        st = anl__fail(
            ctx, ANL_FORMAT,
            "%s: %lld records of %lld elements of %zu bytes do not make the %zu bytes that follow the header",
            s->path, (long long)h.dim[0], (long long)h.per_sample, npy_types[h.type].size, have);
        goto done;
    }
    h.data = s->data + start + len;
    *out = h;
done:
    anl__free(ctx, text);
    return st;
}

/* Copies to f32, also where the file's bytes are not aligned for direct use. */
static anl_status npy_to_f32(anl__dataset *ds, const anl__source *s, const npy_head *h)
{
    int64_t count = h->dim[0] * h->per_sample;
    float *to = anl__calloc(ds->ctx, (size_t)count, sizeof *to);
    if (!to) return ANL_NOMEM;
    ds->owned = to;
    if (h->type == NPY_F4) memcpy(to, h->data, (size_t)count * sizeof *to);
    for (int64_t i = 0; h->type == NPY_F8 && i < count; i++) {
        double v;
        memcpy(&v, h->data + i * 8, 8);
        to[i] = (float)v;
    }
    for (int64_t i = 0; i < count; i++)
        if (!__builtin_isfinite(to[i]))
            return anl__fail(ds->ctx, ANL_DATA,
                             "%s: record %lld: element %lld is not finite in single precision", s->path,
                             (long long)(i / h->per_sample), (long long)(i % h->per_sample));
    return ANL_OK;
}

static anl_status npy_samples(anl__dataset *ds, const anl__source *s)
{
    npy_head h;
    ANL_TRY(npy_parse(ds->ctx, s, &h));
    if (h.rank < 2 || h.type == NPY_I4 || h.type == NPY_I8)
        return anl__fail(ds->ctx, ANL_FORMAT,
                         "%s: samples must be u1, f4 or f8 of 2 to 4 dimensions, found %s of %d", s->path,
                         npy_types[h.type].descr[0], h.rank);
    ds->n = h.dim[0];
    ds->fields = 1;
    anl__field *f = &ds->field[ANL__FIELD_X];
    *f = (anl__field){.name = h.rank == 2 ? "features" : "image",
                      .dtype = h.type == NPY_U1 ? ANL_U8 : ANL_F32,
                      .data = h.data};
    f->shape.rank = h.rank == 2 ? 1 : 3;
    for (int i = 0; i < f->shape.rank; i++) f->shape.dim[i] = i + 1 < h.rank ? h.dim[i + 1] : 1;
    f->bytes = (size_t)h.per_sample * anl_dtype_size(f->dtype);
    if (h.type == NPY_U1) return ANL_OK;
    ANL_TRY(npy_to_f32(ds, s, &h));
    f->data = ds->owned;
    return ANL_OK;
}

static double npy_number(const npy_head *h, int64_t i)
{
    const uint8_t *at = h->data + (size_t)i * npy_types[h->type].size;
    double f8;
    float f4;
    int64_t i8;
    int32_t i4;
    switch (h->type) {
    case NPY_F8: memcpy(&f8, at, sizeof f8); return f8;
    case NPY_F4: memcpy(&f4, at, sizeof f4); return (double)f4;
    case NPY_I8: memcpy(&i8, at, sizeof i8); return (double)i8;
    case NPY_I4: memcpy(&i4, at, sizeof i4); return i4;
    default: return *at;
    }
}

/* "label", or "label2" and so on. */
static const char *npy_label(int column, char text[16])
{
    snprintf(text, 16, column ? "label%d" : "label", column + 1);
    return text;
}

/* A column of labels: classes as i32 (their range is the set's business), values as f32. */
static anl_status npy_column(anl__dataset *ds, const anl__source *s, const npy_head *h, int column, bool class, void **out)
{
    char name[16];
    float *value = NULL;
    int32_t *label = NULL;
    if (class) label = *out = anl__calloc(ds->ctx, (size_t)ds->n, sizeof *label);
    else value = *out = anl__calloc(ds->ctx, (size_t)ds->n, sizeof *value);
    if (!*out) return ANL_NOMEM;
    for (int64_t i = 0; i < ds->n; i++) {
        double v = npy_number(h, i * h->per_sample + column);
        if (!class) {
            value[i] = (float)v;
            if (!__builtin_isfinite(value[i]))
                return anl__fail(ds->ctx, ANL_DATA, "%s: record %lld: the value %g is not finite in single precision%s%s",
                                 s->path, (long long)i, v, column ? ": " : "", column ? npy_label(column, name) : "");
            continue;
        }
        if (!(v >= (column ? -1 : 0) && v < ANL__MAX_CLASSES))
            return anl__fail(ds->ctx, ANL_DATA, "%s: record %lld: %s %.17g is outside 0..%d", s->path, (long long)i,
                             npy_label(column, name), v, ANL__MAX_CLASSES - 1);
        label[i] = (int32_t)v;
        if ((double)label[i] != v)
            return anl__fail(ds->ctx, ANL_DATA, "%s: record %lld: %s %.17g is no class: classes are whole numbers", s->path,
                             (long long)i, npy_label(column, name), v);
    }
    return ANL_OK;
}

static anl_status npy_labels(anl__dataset *ds, const anl__source *s, const anl__data_opts *o)
{
    npy_head h;
    char name[16];
    int columns = 1;
    bool real;
    for (int k = 1; k < ANL__MOST_LABELS; k++)
        if (o->more[k] != ANL__LABEL_UNUSED) columns = k + 1;
    ANL_TRY(npy_parse(ds->ctx, s, &h));
    real = h.type == NPY_F4 || h.type == NPY_F8;
    if (columns > 1 && h.per_sample < columns)
        return anl__fail(ds->ctx, ANL_FORMAT, "%s: a head reads %s, but there are %lld labels a sample", s->path,
                         npy_label(columns - 1, name), (long long)h.per_sample);
    if (columns == 1 && h.per_sample != 1)
        return anl__fail(ds->ctx, ANL_FORMAT,
                         o->values ? "%s: one value a sample is expected, found %lld a sample; a graph's heads may read a column each (label, label2, ...)"
                                   : "%s: labels must be one a sample, found %lld a sample; a graph's heads may read a column each (label, label2, ...)",
                         s->path, (long long)h.per_sample);
    if (!o->values && real && h.per_sample == 1)
        return anl__fail(ds->ctx, ANL_FORMAT,
                         "%s: labels must be u1, i4 or i8, found %s; are they values to predict? then set "
                         "data.label_type to value",
                         s->path, npy_types[h.type].descr[0]);
    if (h.dim[0] != ds->n)
        return anl__fail(ds->ctx, ANL_DATA, "%s has %lld samples, but %s has %lld labels",
                         ds->source[0]->path, (long long)ds->n, s->path, (long long)h.dim[0]);
    void *first = NULL;
    anl_status st = npy_column(ds, s, &h, 0, !o->values, &first);
    if (o->values) ds->value = first;
    else ds->label = first;
    for (int k = 1; k < columns && st == ANL_OK; k++)
        if (o->more[k] != ANL__LABEL_UNUSED) st = npy_column(ds, s, &h, k, o->more[k] == ANL__LABEL_CLASS, &ds->more[k]);
    return st;
}

static anl_status npy_open(anl__dataset *ds, const anl__data_opts *opts)
{
    const char *paths[2] = {opts->images, opts->labels};
    ANL_TRY(anl__sources_open(ds->ctx, paths, opts->labels ? 2 : 1, opts, ds->source));
    ANL_TRY(npy_samples(ds, ds->source[0]));
    return opts->labels ? npy_labels(ds, ds->source[1], opts) : ANL_OK;
}

const anl__dataset_vt anl__dataset_npy = {"npy", npy_open, NULL};
