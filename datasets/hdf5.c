/* See hdf5.h. Rows are read straight to their places, a run of rows of one part after the other. */
#include "datasets/hdf5.h"

#include "runtime/base/files.h"

#include <stdio.h>
#include <string.h>

bool anl__hdf5_is(const char *path)
{
    char first[8] = "";
    FILE *f = anl__path_is_dir(path) ? NULL : fopen(path, "rb");
    bool is = f && fread(first, 1, sizeof first, f) == sizeof first && !memcmp(first, "\x89HDF\r\n\x1a\n", sizeof first);
    if (f) fclose(f);
    return is;
}

#ifdef ANL_HAVE_HDF5

#include <hdf5.h>

/* One of the file's arrays. */
typedef struct array {
    const char *name;
    hid_t id; /* < 0: it is not there */
    H5T_class_t type;
    size_t size; /* of an element */
    int rank;
    hsize_t dim[4];
} array;

typedef struct file {
    anl_ctx *ctx;
    const char *path;
    hid_t id;
    array x, label, part, names;
} file;

static anl_status open_array(file *f, const char *name, array *a)
{
    *a = (array){.name = name, .id = -1};
    if (H5Lexists(f->id, name, H5P_DEFAULT) <= 0) return ANL_OK;
    a->id = H5Dopen2(f->id, name, H5P_DEFAULT);
    hid_t type = a->id < 0 ? -1 : H5Dget_type(a->id), space = a->id < 0 ? -1 : H5Dget_space(a->id);
    if (type >= 0) a->type = H5Tget_class(type), a->size = H5Tget_size(type);
    if (space >= 0) a->rank = H5Sget_simple_extent_ndims(space);
    bool good = type >= 0 && space >= 0 && a->rank >= 1 && a->rank <= 4 && H5Sget_simple_extent_dims(space, a->dim, NULL) == a->rank;
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    return good ? ANL_OK : anl__fail(f->ctx, ANL_FORMAT, "%s: /%s is no array of 1 to 4 dimensions that can be read", f->path, name);
}

static void close_file(file *f)
{
    array *all[] = {&f->x, &f->label, &f->part, &f->names};
    for (int i = 0; i < 4; i++)
        if (all[i]->id > 0) H5Dclose(all[i]->id);
    if (f->id > 0) H5Fclose(f->id);
}

static anl_status open_file(anl_ctx *ctx, const char *path, file *f)
{
    *f = (file){.ctx = ctx, .path = path};
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    f->id = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (f->id < 0) return anl__fail(ctx, ANL_FORMAT, "%s: cannot be opened as HDF5: it is damaged, or being written", path);
    ANL_TRY(open_array(f, "images", &f->x));
    if (f->x.id < 0) ANL_TRY(open_array(f, "features", &f->x));
    ANL_TRY(open_array(f, "labels", &f->label));
    ANL_TRY(open_array(f, "part", &f->part));
    return open_array(f, "class_names", &f->names);
}

bool anl__hdf5_is_set(const char *path)
{
    if (!anl__hdf5_is(path)) return false;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t f = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    bool is = f >= 0 && (H5Lexists(f, "images", H5P_DEFAULT) > 0 || H5Lexists(f, "features", H5P_DEFAULT) > 0);
    if (f >= 0) H5Fclose(f);
    return is;
}

static anl_status check_file(const file *f)
{
    const array *x = &f->x, *one[] = {&f->label, &f->part};
    if (x->id < 0) return anl__fail(f->ctx, ANL_FORMAT, "%s: neither /images nor /features is there", f->path);
    bool bytes = x->type == H5T_INTEGER && x->size == 1;
    if (!bytes && x->type != H5T_FLOAT) return anl__fail(f->ctx, ANL_FORMAT, "%s: /%s must be uint8 or float", f->path, x->name);
    if (x->rank < 2 || (strcmp(x->name, "images") ? x->rank != 2 : x->rank < 3))
        return anl__fail(f->ctx, ANL_FORMAT, "%s: /%s has %d dimensions, expected %s", f->path, x->name, x->rank, strcmp(x->name, "images") ? "2 (N,F)" : "3 or 4 (N,H,W or N,H,W,C)");
    size_t all = 4;
    for (int i = 0; i < x->rank; i++)
        if (!x->dim[i] || __builtin_mul_overflow(all, (size_t)x->dim[i], &all)) return anl__fail(f->ctx, ANL_DATA, "%s: /%s is empty or too large", f->path, x->name);
    for (int i = 0; i < 2; i++) {
        if (one[i]->id < 0) continue;
        if (one[i]->rank != 1 || one[i]->dim[0] != x->dim[0])
            return anl__fail(f->ctx, ANL_DATA, "%s: /%s is not one number for each of the %llu samples", f->path, one[i]->name, (unsigned long long)x->dim[0]);
        if (one[i]->type != H5T_INTEGER && one[i]->type != H5T_FLOAT) return anl__fail(f->ctx, ANL_FORMAT, "%s: /%s must be numbers", f->path, one[i]->name);
    }
    return ANL_OK;
}

static anl_status read_all(const file *f, const array *a, hid_t type, void *to)
{
    if (H5Dread(a->id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, to) >= 0) return ANL_OK;
    return anl__fail(f->ctx, ANL_FORMAT, "%s: /%s cannot be read: the file is damaged, or packed by a filter that is not here", f->path, a->name);
}

/* ---- which rows -------------------------------------------------------------------------------- */

static int part_of(const void *part, int64_t i) { return ((const int32_t *)part)[i]; }

/* part [n]: the file's own, or drawn. label: of all rows, or NULL. */
static anl_status parts_of(const file *f, const anl__data_opts *o, const int32_t *label, int classes, int32_t *part)
{
    int64_t n = (int64_t)f->x.dim[0];
    if (f->part.id < 0) return anl__parts_draw_test(f->ctx, n, label, classes, &o->parts, part);
    ANL_TRY(read_all(f, &f->part, H5T_NATIVE_INT32, part));
    for (int64_t i = 0; i < n; i++)
        if (part[i] < 0 || part[i] >= ANL__PARTS) return anl__fail(f->ctx, ANL_DATA, "%s: /part of sample %lld is %d, expected 0, 1 or 2 (training, validation, test)", f->path, (long long)i, part[i]);
    return ANL_OK;
}

/* ---- reading ----------------------------------------------------------------------------------- */

/* Rows [from, from + rows) of x to `to`. */
static anl_status read_rows(const file *f, hid_t type, int64_t from, int64_t rows, void *to)
{
    hsize_t start[4] = {(hsize_t)from}, count[4];
    memcpy(count, f->x.dim, sizeof count);
    count[0] = (hsize_t)rows;
    hid_t where = H5Dget_space(f->x.id), memory = H5Screate_simple(f->x.rank, count, NULL);
    bool good = where >= 0 && memory >= 0 && H5Sselect_hyperslab(where, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 && H5Dread(f->x.id, type, memory, where, H5P_DEFAULT, to) >= 0;
    if (where >= 0) H5Sclose(where);
    if (memory >= 0) H5Sclose(memory);
    return good ? ANL_OK : anl__fail(f->ctx, ANL_FORMAT, "%s: /%s cannot be read from sample %lld on: the file is damaged, or packed by a filter that is not here", f->path, f->x.name, (long long)from);
}

static anl_status read_samples(anl__dataset *ds, const file *f, const anl__data_opts *o, const int64_t *pick)
{
    const array *x = &f->x;
    bool bytes = x->type == H5T_INTEGER, table = !strcmp(x->name, "features");
    anl__field *d = &ds->field[ANL__FIELD_X];
    *d = (anl__field){.name = table ? "features" : "image", .dtype = bytes ? ANL_U8 : ANL_F32, .shape = {table ? 1 : 3, {0}}};
    for (int i = 0; i < d->shape.rank; i++) d->shape.dim[i] = i + 1 < x->rank ? (int64_t)x->dim[i + 1] : 1;
    d->bytes = (size_t)anl_shape_count(&d->shape) * anl_dtype_size(d->dtype);
    if (d->bytes > o->max_bytes / (size_t)ds->n) return anl__fail(ds->ctx, ANL_DATA, "%s: its samples are more than the allowed %zu bytes", f->path, o->max_bytes);
    ds->owned = anl__calloc(ds->ctx, (size_t)ds->n, d->bytes);
    if (!ds->owned) return ANL_NOMEM;
    d->data = ds->owned;
    ds->fields = 1;
    for (int64_t from = 0, to; from < ds->n; from = to) {
        for (to = from + 1; to < ds->n && pick[to] == pick[to - 1] + 1; to++) continue;
        ANL_TRY(read_rows(f, bytes ? H5T_NATIVE_UINT8 : H5T_NATIVE_FLOAT, pick[from], to - from, (char *)ds->owned + (size_t)from * d->bytes));
    }
    const float *v = ds->owned;
    int64_t each = anl_shape_count(&d->shape);
    for (int64_t i = 0; !bytes && i < ds->n * each; i++)
        if (!__builtin_isfinite(v[i])) return anl__fail(ds->ctx, ANL_DATA, "%s: sample %lld: element %lld is not finite in single precision", f->path, (long long)pick[i / each], (long long)(i % each));
    return ANL_OK;
}

/* n texts of one length, as they are stored, into ds->inside: pointers, and the texts behind them. */
static anl_status keep_names(anl__dataset *ds, const file *f, const char *flat, size_t each, int n)
{
    const char **names = anl__alloc(ds->ctx, sizeof *names * (size_t)(n + 1) + (size_t)n * (each + 1));
    char *at = (char *)(names + n + 1);
    ds->inside = names;
    if (!names) return ANL_NOMEM;
    for (int i = 0; i < n; i++, at += each + 1) {
        memcpy(at, flat + (size_t)i * each, each); /* ends with a 0: the memory was zeroed */
        names[i] = at;
        if (strchr(at, '\n')) return anl__fail(ds->ctx, ANL_DATA, "%s: /class_names has a line break", f->path);
    }
    ds->class_names = names;
    ds->classes = n;
    return ANL_OK;
}

enum { MOST_NAME = 256 /* bytes of a class's name of variable length */ };

/* Texts of fixed length are read as they are, others cut to MOST_NAME. */
static anl_status read_names(anl__dataset *ds, const file *f, int classes)
{
    const array *a = &f->names;
    if (a->id < 0) return ANL_OK;
    int n = a->rank == 1 ? (int)a->dim[0] : 0;
    if (a->type != H5T_STRING || n < classes) return anl__fail(ds->ctx, ANL_DATA, "%s: /class_names must be %d texts", f->path, classes);
    hid_t own = H5Dget_type(a->id), space = H5Dget_space(a->id);
    bool variable = H5Tis_variable_str(own) > 0;
    size_t each = variable ? MOST_NAME : a->size;
    char *flat = anl__calloc(ds->ctx, (size_t)n, each), **text = anl__calloc(ds->ctx, (size_t)n + 1, sizeof *text);
    anl_status st = flat && text ? read_all(f, a, own, variable ? (void *)text : (void *)flat) : ANL_NOMEM;
    for (int i = 0; i < n && variable && st == ANL_OK; i++)
        if (text[i]) memcpy(flat + (size_t)i * each, text[i], strnlen(text[i], each - 1));
    if (variable && st == ANL_OK) H5Dvlen_reclaim(own, space, H5P_DEFAULT, text);
    if (st == ANL_OK) st = keep_names(ds, f, flat, each, n);
    H5Tclose(own);
    H5Sclose(space);
    anl__free(ds->ctx, text);
    anl__free(ds->ctx, flat);
    return st;
}

/* Classes of all rows; their number. */
static anl_status read_classes(const file *f, int32_t *label, int *classes)
{
    int64_t n = (int64_t)f->x.dim[0];
    int32_t most = 0;
    if (f->label.type != H5T_INTEGER) return anl__fail(f->ctx, ANL_FORMAT, "%s: /labels must be whole numbers; are they values to predict? then set data.label_type to value", f->path);
    ANL_TRY(read_all(f, &f->label, H5T_NATIVE_INT32, label));
    for (int64_t i = 0; i < n; i++) {
        if (label[i] < 0 || label[i] >= ANL__MAX_CLASSES) return anl__fail(f->ctx, ANL_DATA, "%s: /labels of sample %lld is %d, outside 0..%d", f->path, (long long)i, label[i], ANL__MAX_CLASSES - 1);
        if (label[i] > most) most = label[i];
    }
    *classes = most + 1;
    return ANL_OK;
}

static anl_status read_values(anl__dataset *ds, const file *f, const int64_t *pick)
{
    float *all = anl__calloc(ds->ctx, (size_t)f->x.dim[0], sizeof *all);
    ds->value = anl__calloc(ds->ctx, (size_t)ds->n, sizeof *ds->value);
    anl_status st = all && ds->value ? read_all(f, &f->label, H5T_NATIVE_FLOAT, all) : ANL_NOMEM;
    for (int64_t i = 0; i < ds->n && st == ANL_OK; i++) {
        ds->value[i] = all[pick[i]];
        if (!__builtin_isfinite(ds->value[i])) st = anl__fail(ds->ctx, ANL_DATA, "%s: /labels of sample %lld is not finite in single precision", f->path, (long long)pick[i]);
    }
    anl__free(ds->ctx, all);
    return st;
}

static anl_status fill(anl__dataset *ds, const file *f, const anl__data_opts *o, int32_t *label, int32_t *part, int64_t *pick)
{
    int64_t n = (int64_t)f->x.dim[0];
    bool labelled = o->path && f->label.id >= 0;
    int classes = 0;
    if (labelled && !o->values) ANL_TRY(read_classes(f, label, &classes));
    if (o->path) ANL_TRY(parts_of(f, o, classes ? label : NULL, classes, part));
    ANL_TRY(anl__dataset_pick(ds, o, part_of, part, n, pick, &ds->n));
    if (!ds->n) return ANL_OK;
    ANL_TRY(read_samples(ds, f, o, pick));
    ds->own_parts = f->part.id >= 0;
    ds->valid_from = ds->n;
    for (int64_t i = ds->n; i-- > 0 && part[pick[i]] == ANL__PART_VALID;) ds->valid_from = i;
    if (labelled && o->values) return read_values(ds, f, pick);
    if (!labelled) return ANL_OK;
    ds->label = anl__calloc(ds->ctx, (size_t)ds->n, sizeof *ds->label);
    if (!ds->label) return ANL_NOMEM;
    for (int64_t i = 0; i < ds->n; i++) ds->label[i] = label[pick[i]];
    ds->classes = classes;
    return read_names(ds, f, classes);
}

static anl_status hdf5_open(anl__dataset *ds, const anl__data_opts *o)
{
    file f;
    int32_t *label = NULL, *part = NULL;
    int64_t *pick = NULL;
    anl_status st;
    if (o->labels) return anl__fail(ds->ctx, ANL_INVALID, "%s: an HDF5 file has its labels inside: name it in data.path", o->images);
    ANL_GO(open_file(ds->ctx, o->images, &f));
    ANL_GO(check_file(&f));
    label = anl__calloc(ds->ctx, (size_t)f.x.dim[0], sizeof *label);
    part = anl__calloc(ds->ctx, (size_t)f.x.dim[0], sizeof *part);
    pick = anl__calloc(ds->ctx, (size_t)f.x.dim[0], sizeof *pick);
    st = label && part && pick ? fill(ds, &f, o, label, part, pick) : ANL_NOMEM;
done:
    anl__free(ds->ctx, pick);
    anl__free(ds->ctx, part);
    anl__free(ds->ctx, label);
    close_file(&f);
    return st;
}

#else

bool anl__hdf5_is_set(const char *path)
{
    (void)path;
    return false;
}

static anl_status hdf5_open(anl__dataset *ds, const anl__data_opts *o) { return anl__fail(ds->ctx, ANL_UNSUPPORTED, "%s: this build has no HDF5", o->images); }

#endif

static void hdf5_close(anl__dataset *ds) { anl__free(ds->ctx, ds->inside); }

const anl__dataset_vt anl__dataset_hdf5 = {"hdf5", hdf5_open, hdf5_close};
