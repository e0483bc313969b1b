/* The file itself; see model_file.h. It is made by HDF5 in memory and written by us, so that every write
 * error is seen, and the file is replaced as a whole. */
#include "model_file.h"

#include "runtime/base/files.h"

#include <hdf5.h>
#include <stdio.h>
#include <string.h>

/* No file on disk can have this name. */
#define IMAGE "/dev/null/model"
/* The form that is written. Keras reads its first digit: earlier ones had other weights. */
#define FORMAT_OF "2.15.0"
enum { MOST_ATTRIBUTE = 64512 }; /* bytes of an attribute's header; Keras cuts lists of names there, too */

static bool put_text(hid_t at, const char *key, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    hid_t attr = H5Acreate2(at, key, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = attr >= 0 && H5Awrite(attr, type, &text) >= 0;
    if (attr >= 0) H5Aclose(attr);
    H5Sclose(space);
    H5Tclose(type);
    return ok;
}

/* names of equal size, padded with zeros. */
static bool put_names(hid_t at, const char *key, const char *names, size_t size, hsize_t n)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &n, NULL);
    H5Tset_size(type, size);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    hid_t attr = H5Acreate2(at, key, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = attr >= 0 && (!n || H5Awrite(attr, type, names) >= 0);
    if (attr >= 0) H5Aclose(attr);
    H5Sclose(space);
    H5Tclose(type);
    return ok;
}

/* A list of names as one attribute, or, where it is too large, as key0, key1, ... */
static bool put_list(anl_ctx *ctx, hid_t at, const char *key, const char *const *name, int64_t n)
{
    size_t size = 1;
    char part[64];
    for (int64_t i = 0; i < n; i++)
        if (strlen(name[i]) > size) size = strlen(name[i]);
    int64_t most = MOST_ATTRIBUTE / (int64_t)size;
    char *all = most ? anl__calloc(ctx, (size_t)n + 1, size) : NULL;
    bool ok = all != NULL;
    for (int64_t i = 0; ok && i < n; i++) memcpy(all + (size_t)i * size, name[i], strlen(name[i]));
    if (ok && n <= most) ok = put_names(at, key, all, size, (hsize_t)n);
    for (int64_t i = 0; ok && n > most && i * most < n; i++) {
        snprintf(part, sizeof part, "%.40s%lld", key, (long long)i);
        int64_t count = n - i * most < most ? n - i * most : most;
        ok = put_names(at, part, all + (size_t)(i * most) * size, size, (hsize_t)count);
    }
    anl__free(ctx, all);
    return ok;
}

typedef struct lists { /* no times in the file; groups are made on the way */
    hid_t set, link;
} lists;

static bool put_weight(hid_t at, const keras_weight *w, const char *name, lists l)
{
    hsize_t dim[4];
    for (int i = 0; i < w->rank; i++) dim[i] = (hsize_t)w->dim[i];
    hid_t space = H5Screate_simple(w->rank, dim, NULL),
          set = H5Dcreate2(at, name, H5T_IEEE_F32LE, space, l.link, l.set, H5P_DEFAULT);
    bool ok = set >= 0 && H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, w->data) >= 0;
    if (set >= 0) H5Dclose(set);
    H5Sclose(space);
    return ok;
}

static bool put_layer(const keras_file *f, hid_t weights, const keras_layer *x, lists l)
{
    const char *name[KERAS_MOST_WEIGHTS];
    hid_t at = H5Gcreate2(weights, x->name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = at >= 0;
    for (int i = 0; ok && i < x->n_weight; i++) {
        name[i] = anl__arena_printf(f->arena, "%s/%s:0", x->name, x->weight[i].name);
        ok = name[i] && put_weight(at, &x->weight[i], name[i], l);
    }
    ok = ok && put_list(f->ctx, at, "weight_names", name, x->n_weight);
    if (at >= 0) H5Gclose(at);
    return ok;
}

static bool put_weights(const keras_file *f, hid_t file, const int *order, lists l)
{
    hid_t at = H5Gcreate2(file, "model_weights", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const char **name = anl__arena_alloc(f->arena, sizeof *name * (size_t)(f->n_layer + 1));
    bool ok = at >= 0 && name;
    for (int64_t i = 0; ok && i < f->n_layer; i++) {
        name[i] = f->layer[order[i]].name;
        ok = put_layer(f, at, &f->layer[order[i]], l);
    }
    ok = ok && put_list(f->ctx, at, "layer_names", name, f->n_layer) &&
         put_text(at, "keras_version", FORMAT_OF) && put_text(at, "backend", "tensorflow");
    if (at >= 0) H5Gclose(at);
    return ok;
}

static bool put_all(const keras_file *f, hid_t file, const int *order, const char *config)
{
    lists l = {.set = H5Pcreate(H5P_DATASET_CREATE), .link = H5Pcreate(H5P_LINK_CREATE)};
    H5Pset_obj_track_times(l.set, false);
    H5Pset_create_intermediate_group(l.link, 1);
    bool ok = put_text(file, "keras_version", FORMAT_OF) && put_text(file, "backend", "tensorflow") &&
              put_text(file, "model_config", config) && put_weights(f, file, order, l);
    for (int64_t i = 0; ok && i < f->n_property; i++)
        ok = put_text(file, f->property[i].key, f->property[i].value);
    H5Pclose(l.set);
    H5Pclose(l.link);
    return ok;
}

static size_t bytes_of(const keras_file *f)
{
    size_t bytes = 0;
    for (int64_t i = 0; i < f->n_layer; i++)
        for (int k = 0; k < f->layer[i].n_weight; k++) {
            const keras_weight *w = &f->layer[i].weight[k];
            size_t count = 1;
            for (int d = 0; d < w->rank; d++) count *= (size_t)w->dim[d];
            bytes += count * sizeof(float);
        }
    return bytes;
}

static anl_status make_image(const keras_file *f, const char *path, const int *order, const char *config,
                             void **image, size_t *bytes)
{
    size_t data = bytes_of(f);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);                     /* failures are said by us */
    H5Pset_fapl_core(access, data + data / 16 + (1 << 20), 0); /* grows in one go */
    hid_t file = H5Fcreate(IMAGE, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    if (file < 0) return anl__fail(f->ctx, ANL_NOMEM, "%s: HDF5 could not make a file in memory", path);
    anl_status st = ANL_OK;
    ssize_t size = -1;
    if (put_all(f, file, order, config) && H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0)
        size = H5Fget_file_image(file, NULL, 0);
    *image = size > 0 ? anl__alloc(f->ctx, (size_t)size) : NULL;
    *bytes = (size_t)size;
    if (size <= 0) st = anl__fail(f->ctx, ANL_NOMEM, "%s: HDF5 could not build the model's file", path);
    else if (!*image) st = ANL_NOMEM;
    else if (H5Fget_file_image(file, *image, *bytes) != size)
        st = anl__fail(f->ctx, ANL_INTERNAL, "%s: HDF5 gave no image", path);
    H5Fclose(file);
    return st;
}

anl_status keras_file_write(keras_file *f, const char *path)
{
    void *image = NULL;
    size_t bytes = 0;
    if (f->status != ANL_OK) return f->status;
    int *order = anl__arena_alloc(f->arena, sizeof *order * (size_t)(f->n_layer + 1));
    if (!order) return ANL_NOMEM;
    ANL_TRY(keras_order(f, order));
    char *config = keras_config_text(f, order);
    if (!config) return anl__fail(f->ctx, ANL_NOMEM, "no memory for the description in %s", path);
    anl_status st = make_image(f, path, order, config, &image, &bytes);
    if (st == ANL_OK) st = anl__file_replace(f->ctx, path, image, bytes);
    anl__free(f->ctx, image);
    cJSON_free(config);
    return st;
}
