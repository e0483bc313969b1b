/* Writing sets to one HDF5 file; see hdf5.h. */
#include "datasets/hdf5.h"

#include "runtime/base/files.h"

#include <stdio.h>
#include <string.h>

#ifdef ANL_HAVE_HDF5

#include <hdf5.h>

/* Rows of a set to an array, from row `at` on. */
static bool put_rows(hid_t array_id, hid_t type, int rank, const hsize_t *dim, int64_t at, int64_t rows, const void *from)
{
    hsize_t start[4] = {(hsize_t)at}, count[4] = {(hsize_t)rows};
    if (!rows) return true;
    for (int i = 1; i < rank; i++) count[i] = dim[i];
    hid_t where = H5Dget_space(array_id), memory = H5Screate_simple(rank, count, NULL);
    bool good = where >= 0 && memory >= 0 && H5Sselect_hyperslab(where, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 && H5Dwrite(array_id, type, memory, where, H5P_DEFAULT, from) >= 0;
    if (where >= 0) H5Sclose(where);
    if (memory >= 0) H5Sclose(memory);
    return good;
}

/* Both sets' field, one behind the other. */
static bool put_field(hid_t to, const char *name, hid_t type, int rank, const hsize_t *dim, const anl__dataset *a, const anl__dataset *b, int field)
{
    hid_t space = H5Screate_simple(rank, dim, NULL), id = H5Dcreate2(to, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    bool good = id >= 0 && put_rows(id, type, rank, dim, 0, a->n, a->field[field].data) && (!b || put_rows(id, type, rank, dim, a->n, b->n, b->field[field].data));
    if (id >= 0) H5Dclose(id);
    if (space >= 0) H5Sclose(space);
    return good;
}

static bool put_parts(hid_t to, const uint8_t *part, hsize_t n)
{
    hid_t space = H5Screate_simple(1, &n, NULL), id = H5Dcreate2(to, "part", H5T_NATIVE_UINT8, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    bool good = id >= 0 && H5Dwrite(id, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, part) >= 0;
    if (id >= 0) H5Dclose(id);
    if (space >= 0) H5Sclose(space);
    return good;
}

static bool put_names(hid_t to, const char *const *names, hsize_t n)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &n, NULL);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    hid_t id = H5Dcreate2(to, "class_names", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    bool good = id >= 0 && H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, names) >= 0;
    if (id >= 0) H5Dclose(id);
    H5Sclose(space);
    H5Tclose(type);
    return good;
}

static bool put_all(hid_t to, const anl__dataset *a, const anl__dataset *b, const uint8_t *part)
{
    const anl__field *x = &a->field[ANL__FIELD_X];
    hsize_t n = (hsize_t)(a->n + (b ? b->n : 0)), dim[4] = {n};
    for (int i = 0; i < x->shape.rank; i++) dim[i + 1] = (hsize_t)x->shape.dim[i];
    bool good = put_field(to, x->shape.rank == 1 ? "features" : "images", x->dtype == ANL_U8 ? H5T_NATIVE_UINT8 : H5T_NATIVE_FLOAT, x->shape.rank + 1, dim, a, b, ANL__FIELD_X);
    if (good && a->fields > 1) good = put_field(to, "labels", a->label ? H5T_NATIVE_INT32 : H5T_NATIVE_FLOAT, 1, dim, a, b, ANL__FIELD_LABEL);
    if (good) good = put_parts(to, part, n);
    return good && (!a->class_names || put_names(to, a->class_names, (hsize_t)a->classes));
}

anl_status anl__hdf5_write(anl_ctx *ctx, const char *path, const anl__dataset *train, const anl__dataset *test)
{
    anl__buf tmp;
    int64_t n = train->n + (test ? test->n : 0);
    uint8_t *part = anl__alloc(ctx, (size_t)n);
    hid_t id = -1;
    anl_status st = part ? ANL_OK : ANL_NOMEM;
    anl__buf_init(&tmp, ctx);
    anl__buf_add(&tmp, "%s.tmp", path);
    if (st == ANL_OK) st = tmp.status;
    for (int64_t i = 0; i < n && part; i++) part[i] = i < train->valid_from ? ANL__PART_TRAIN : i < train->n ? ANL__PART_VALID : ANL__PART_TEST;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    if (st == ANL_OK && (id = H5Fcreate(tmp.text, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)) < 0) st = anl__fail(ctx, ANL_IO, "%s: cannot be created", tmp.text);
    bool good = st == ANL_OK && put_all(id, train, test, part);
    if (id >= 0) good &= H5Fclose(id) >= 0;
    if (st == ANL_OK && !good) st = anl__fail(ctx, ANL_IO, "%s: cannot be written (is the disk full?)", tmp.text);
    if (st == ANL_OK) st = anl__file_sync(ctx, tmp.text);
    if (st == ANL_OK) st = anl__file_rename(ctx, tmp.text, path);
    if (st != ANL_OK && id >= 0) remove(tmp.text);
    anl__buf_release(&tmp);
    anl__free(ctx, part);
    return st;
}

#else

anl_status anl__hdf5_write(anl_ctx *ctx, const char *path, const anl__dataset *train, const anl__dataset *test)
{
    (void)train, (void)test;
    return anl__fail(ctx, ANL_UNSUPPORTED, "%s: this build has no HDF5", path);
}

#endif
