/* Checkpoints in HDF5: see checkpoint.h. */
#include "checkpoint.h"

#ifdef ANL_HAVE_HDF5

#include "../base/files.h"
#include "ckpt_file.h"

#include <hdf5.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The name of images in memory: HDF5 would read, or stumble over, a file of that name on disk, and there can
 * be none. */
#define IMAGE "/dev/null/checkpoint"
#define NAME_MOST 240 /* bytes of a group's or tensor's name, with its 0 */

/* HDF5 is thread-safe only when built so; the writer's thread and the owner's both come here. */
static pthread_mutex_t hdf5 = PTHREAD_MUTEX_INITIALIZER;

static void hdf5_enter(void)
{
    pthread_mutex_lock(&hdf5);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* a thread's own setting: no printing */
}

static void hdf5_leave(void) { pthread_mutex_unlock(&hdf5); }

/* ---- digests --------------------------------------------------------------------------------- */

typedef struct digested { /* a tensor and the SHA-256 of its data */
    anl__ckpt_tensor t;
    char sha[65];
} digested;

static void tensor_digest(digested *d)
{
    anl__sha256 s;
    anl__sha256_init(&s);
    anl__sha256_add(&s, d->t.data, (size_t)anl_shape_count(&d->t.shape) * sizeof(float));
    anl__sha256_hex(&s, d->sha);
}

static void add_text(anl__sha256 *s, const char *text) { anl__sha256_add(s, text, strlen(text) + 1); }
static void add_int(anl__sha256 *s, int64_t v) { anl__sha256_add(s, &v, sizeof v); }

static void add_attr(anl__sha256 *s, const anl__ckpt_attr *a)
{
    add_text(s, a->name);
    add_int(s, a->type);
    if (a->type == ANL__CKPT_INT) add_int(s, a->i);
    else if (a->type == ANL__CKPT_DOUBLE) anl__sha256_add(s, &a->d, sizeof a->d);
    else add_text(s, a->text);
}

static int by_name(const void *x, const void *y)
{
    const anl__ckpt_attr *a = x, *b = y;
    int n = strcmp(a->name, b->name);
    if (n) return n;
    return (int)a->type - (int)b->type; /* a text may have a number's name: they lie apart in the file */
}

static int by_tensor(const void *x, const void *y)
{
    const digested *a = x, *b = y;
    int g = strcmp(a->t.group, b->t.group);
    return g ? g : strcmp(a->t.name, b->t.name);
}

/* Over everything, in name order, so that the file's order does not matter. Sorts `t`. */
static anl_status manifest(anl_ctx *ctx, int64_t step, digested *t, int64_t n_tensor,
                           const anl__ckpt_attr *attr, int64_t n_attr, char hex[65])
{
    anl__sha256 s;
    anl__ckpt_attr *a = anl__calloc(ctx, (size_t)n_attr + 1, sizeof *a);
    if (!a) return ANL_NOMEM;
    if (n_attr) memcpy(a, attr, sizeof *a * (size_t)n_attr);
    if (n_tensor) qsort(t, (size_t)n_tensor, sizeof *t, by_tensor);
    qsort(a, (size_t)n_attr, sizeof *a, by_name);
    anl__sha256_init(&s);
    add_int(&s, step);
    add_int(&s, n_tensor);
    for (int64_t i = 0; i < n_tensor; i++) {
        add_text(&s, t[i].t.group);
        add_text(&s, t[i].t.name);
        add_int(&s, t[i].t.shape.rank);
        for (int k = 0; k < t[i].t.shape.rank; k++) add_int(&s, t[i].t.shape.dim[k]);
        add_text(&s, t[i].sha);
    }
    for (int64_t i = 0; i < n_attr; i++) add_attr(&s, &a[i]);
    anl__sha256_hex(&s, hex);
    anl__free(ctx, a);
    return ANL_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool name_is(const char *s, size_t most, bool slashes)
{
    size_t n = strlen(s);
    return n && n < most && strcmp(s, ".") && s[0] != '/' && s[n - 1] != '/' && (slashes || !strchr(s, '/'));
}

/* What HDF5 would refuse without a reason, or could not be read again. */
static anl_status check_content(anl_ctx *ctx, const char *path, const anl__ckpt_content *c)
{
    if (c->step < 0)
        return anl__fail(ctx, ANL_INVALID, "%s: step %lld is negative", path, (long long)c->step);
    for (int i = 0; i < c->n_tensor; i++) {
        const anl__ckpt_tensor *t = &c->tensor[i];
        if (!name_is(t->group, NAME_MOST, true) || !strcmp(t->group, "state") || !strcmp(t->group, "meta") ||
            !name_is(t->name, NAME_MOST, false))
            return anl__fail(ctx, ANL_INVALID, "%s: tensor %s/%s: not a name for a checkpoint", path,
                             t->group, t->name);
        if (t->shape.rank < 0 || t->shape.rank > ANL_MAX_RANK || anl_shape_count(&t->shape) < 1)
            return anl__fail(ctx, ANL_INVALID, "%s: tensor %s/%s has no elements", path, t->group, t->name);
    }
    for (int i = 0; i < c->n_attr; i++)
        if (!name_is(c->attr[i].name, NAME_MOST, false))
            return anl__fail(ctx, ANL_INVALID, "%s: '%s': not a name for an attribute", path,
                             c->attr[i].name);
    return ANL_OK;
}

static bool put_attr(hid_t loc, const anl__ckpt_attr *a)
{
    hid_t type = H5Tcopy(a->type == ANL__CKPT_INT      ? H5T_STD_I64LE
                         : a->type == ANL__CKPT_DOUBLE ? H5T_IEEE_F64LE
                                                       : H5T_C_S1);
    if (a->type == ANL__CKPT_TEXT) H5Tset_size(type, strlen(a->text) + 1);
    hid_t memory = a->type == ANL__CKPT_INT      ? H5T_NATIVE_INT64
                   : a->type == ANL__CKPT_DOUBLE ? H5T_NATIVE_DOUBLE
                                                 : type;
    hid_t space = H5Screate(H5S_SCALAR),
          attr = H5Acreate2(loc, a->name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    const void *data = a->type == ANL__CKPT_INT      ? (const void *)&a->i
                       : a->type == ANL__CKPT_DOUBLE ? (const void *)&a->d
                                                     : a->text;
    bool ok = attr >= 0 && H5Awrite(attr, memory, data) >= 0;
    if (attr >= 0) H5Aclose(attr);
    H5Sclose(space);
    H5Tclose(type);
    return ok;
}

/* Property lists: no times in the file (equal contents give equal bytes), groups made on the way. */
typedef struct lists {
    hid_t set, link;
} lists;

/* Texts may be longer than an attribute's 64 KiB (the recipe): they are datasets of bytes. */
static bool put_text(hid_t loc, const anl__ckpt_attr *a, lists l)
{
    hsize_t n = strlen(a->text) + 1;
    hid_t space = H5Screate_simple(1, &n, NULL),
          set = H5Dcreate2(loc, a->name, H5T_STD_I8LE, space, H5P_DEFAULT, l.set, H5P_DEFAULT);
    bool ok = set >= 0 && H5Dwrite(set, H5T_NATIVE_INT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, a->text) >= 0;
    if (set >= 0) H5Dclose(set);
    H5Sclose(space);
    return ok;
}

static bool put_tensor(hid_t file, const digested *d, lists l)
{
    const anl__ckpt_tensor *t = &d->t;
    char path[2 * NAME_MOST + 2];
    hsize_t dim[ANL_MAX_RANK];
    for (int i = 0; i < t->shape.rank; i++) dim[i] = (hsize_t)t->shape.dim[i];
    snprintf(path, sizeof path, "/%s/%s", t->group, t->name);
    hid_t space = t->shape.rank ? H5Screate_simple(t->shape.rank, dim, NULL) : H5Screate(H5S_SCALAR);
    hid_t set = H5Dcreate2(file, path, H5T_IEEE_F32LE, space, l.link, l.set, H5P_DEFAULT);
    bool ok = set >= 0 && H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, t->data) >= 0;
    ok = ok && put_attr(set, &(anl__ckpt_attr){.name = "sha256", .type = ANL__CKPT_TEXT, .text = d->sha});
    if (set >= 0) H5Dclose(set);
    H5Sclose(space);
    return ok;
}

/* NULL, or the name of what could not be put. */
static const char *put_content(hid_t file, const anl__ckpt_content *c, const digested *t, const char *digest,
                               lists l)
{
    hid_t meta = H5Gcreate2(file, "/meta", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
          state = H5Gcreate2(file, "/state", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const anl__ckpt_attr info[] = {{.name = "format", .type = ANL__CKPT_INT, .i = ANL__CHECKPOINT_FORMAT},
                                   {.name = "version", .type = ANL__CKPT_TEXT, .text = ANL_VERSION},
                                   {.name = "step", .type = ANL__CKPT_INT, .i = c->step},
                                   {.name = "digest", .type = ANL__CKPT_TEXT, .text = digest}};
    const char *bad = meta < 0 || state < 0 ? "/meta" : NULL;
    for (int i = 0; !bad && i < 4; i++)
        if (!put_attr(meta, &info[i])) bad = info[i].name;
    for (int i = 0; !bad && i < c->n_attr; i++)
        if (!(c->attr[i].type == ANL__CKPT_TEXT ? put_text(state, &c->attr[i], l)
                                                : put_attr(state, &c->attr[i])))
            bad = c->attr[i].name;
    for (int i = 0; !bad && i < c->n_tensor; i++)
        if (!put_tensor(file, &t[i], l)) bad = t[i].t.name;
    if (meta >= 0) H5Gclose(meta);
    if (state >= 0) H5Gclose(state);
    return bad;
}

static const char *put_all(hid_t file, const anl__ckpt_content *c, const digested *t, const char *digest)
{
    lists l = {.set = H5Pcreate(H5P_DATASET_CREATE), .link = H5Pcreate(H5P_LINK_CREATE)};
    H5Pset_obj_track_times(l.set, false);
    H5Pset_create_intermediate_group(l.link, 1);
    const char *bad = put_content(file, c, t, digest, l);
    H5Pclose(l.set);
    H5Pclose(l.link);
    return bad;
}

/* The file's bytes, made by HDF5 in memory. */
static anl_status make_image(anl_ctx *ctx, const char *path, const anl__ckpt_content *c, const digested *t,
                             const char *digest, void **image, size_t *bytes)
{
    size_t data = 0;
    for (int i = 0; i < c->n_tensor; i++)
        data += (size_t)anl_shape_count(&c->tensor[i].shape) * sizeof(float);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(access, data + data / 16 + (1 << 20), 0); /* grows in one go */
    hid_t file = H5Fcreate(IMAGE, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    if (file < 0) return anl__fail(ctx, ANL_NOMEM, "%s: HDF5 could not make a file in memory", path);
    anl_status st = ANL_OK;
    ssize_t size = -1;
    const char *bad = put_all(file, c, t, digest);
    if (!bad && H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0) size = H5Fget_file_image(file, NULL, 0);
    *image = size > 0 ? anl__alloc(ctx, (size_t)size) : NULL;
    if (bad)
        st = anl__fail(ctx, ANL_INVALID, "%s: HDF5 could not take %s (is the name there twice?)", path, bad);
    else if (size <= 0) st = anl__fail(ctx, ANL_NOMEM, "%s: HDF5 could not build the checkpoint", path);
    else if (!*image) st = ANL_NOMEM;
    else if (H5Fget_file_image(file, *image, (size_t)size) != size)
        st = anl__fail(ctx, ANL_INTERNAL, "%s: HDF5 gave no image", path);
    H5Fclose(file);
    if (st != ANL_OK) {
        anl__free(ctx, *image);
        *image = NULL;
    }
    *bytes = (size_t)(size > 0 ? size : 0);
    return st;
}

anl_status anl__ckpt_write(anl_ctx *ctx, const char *path, const anl__ckpt_content *c)
{
    char digest[65];
    void *image = NULL;
    size_t bytes = 0;
    anl_status st;
    ANL_TRY(check_content(ctx, path, c));
    digested *t = anl__calloc(ctx, (size_t)c->n_tensor + 1, sizeof *t);
    if (!t) return ANL_NOMEM;
    for (int i = 0; i < c->n_tensor; i++) {
        t[i].t = c->tensor[i];
        tensor_digest(&t[i]);
    }
    ANL_GO(manifest(ctx, c->step, t, c->n_tensor, c->attr, c->n_attr, digest));
    hdf5_enter();
    st = make_image(ctx, path, c, t, digest, &image, &bytes);
    hdf5_leave();
    if (st == ANL_OK) st = anl__ckpt_store(ctx, path, image, bytes);
done:
    anl__free(ctx, image);
    anl__free(ctx, t);
    return st;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct anl__ckpt {
    anl_ctx *ctx;
    anl__arena *arena;
    char *path;
    char digest[65];
    int64_t step;
    size_t image; /* bytes: nothing in the file can be larger */
    digested *tensor;
    anl__ckpt_attr *attr;
    int64_t n_tensor, cap_tensor, n_attr, cap_attr;
    anl_status status; /* of the walk */
};

static bool type_is(hid_t type, hid_t want) { return H5Tequal(type, want) > 0; }

/* Only the types that we write; `where` is for the message. */
static anl_status get_attr(anl__ckpt *c, hid_t loc, const char *where, const char *name, anl__ckpt_attr *out)
{
    bool ok = false, memory = true;
    hid_t attr = H5Aopen(loc, name, H5P_DEFAULT), type = attr < 0 ? -1 : H5Aget_type(attr),
          space = attr < 0 ? -1 : H5Aget_space(attr);
    if (type >= 0 && space >= 0 && H5Sget_simple_extent_npoints(space) == 1) {
        memory = (out->name = anl__arena_strdup(c->arena, name));
        if (type_is(type, H5T_STD_I64LE)) {
            out->type = ANL__CKPT_INT;
            ok = H5Aread(attr, H5T_NATIVE_INT64, &out->i) >= 0;
        } else if (type_is(type, H5T_IEEE_F64LE)) {
            out->type = ANL__CKPT_DOUBLE;
            ok = H5Aread(attr, H5T_NATIVE_DOUBLE, &out->d) >= 0;
        } else if (H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 &&
                   H5Tget_size(type) <= c->image) {
            char *text = anl__arena_alloc(c->arena, H5Tget_size(type) + 1);
            memory = memory && text;
            out->type = ANL__CKPT_TEXT;
            out->text = text;
            ok = text && H5Aread(attr, type, text) >= 0;
        }
    }
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    if (attr >= 0) H5Aclose(attr);
    if (!memory) return ANL_NOMEM;
    return ok ? ANL_OK
              : anl__fail(c->ctx, ANL_FORMAT, "%s: attribute %s of %s cannot be read", c->path, name, where);
}

static herr_t on_attr(hid_t loc, const char *name, const H5A_info_t *info, void *user)
{
    anl__ckpt *c = user;
    (void)info;
    c->status = anl__grow(c->ctx, &c->attr, &c->cap_attr, c->n_attr + 1, sizeof *c->attr);
    if (c->status == ANL_OK) c->status = get_attr(c, loc, "/state", name, &c->attr[c->n_attr]);
    if (c->status == ANL_OK) c->n_attr++;
    return c->status == ANL_OK ? 0 : -1;
}

/* The bytes of a dataset in the arena (a 0 byte after them): contiguous, in this file, of this type. */
static anl_status get_bytes(anl__ckpt *c, hid_t set, const char *path, hid_t want, hid_t memory, double count,
                            void **data)
{
    hid_t list = H5Dget_create_plist(set), type = H5Dget_type(set);
    bool plain = list >= 0 && H5Pget_layout(list) == H5D_CONTIGUOUS && H5Pget_external_count(list) == 0 &&
                 H5Pget_nfilters(list) == 0;
    bool known = type >= 0 && type_is(type, want);
    if (list >= 0) H5Pclose(list);
    if (type >= 0) H5Tclose(type);
    if (!plain || !known)
        return anl__fail(c->ctx, ANL_FORMAT, "%s: /%s is not stored as a checkpoint stores it", c->path,
                         path);
    double bytes = count * (double)H5Tget_size(want);
    if (bytes < 1 || bytes > (double)c->image || H5Dget_storage_size(set) != (hsize_t)bytes)
        return anl__fail(c->ctx, ANL_FORMAT, "%s: /%s holds %llu bytes, its shape %.0f", c->path, path,
                         (unsigned long long)H5Dget_storage_size(set), bytes);
    *data = anl__arena_alloc(c->arena, (size_t)bytes + 1);
    if (!*data) return ANL_NOMEM;
    if (H5Dread(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, *data) < 0)
        return anl__fail(c->ctx, ANL_FORMAT, "%s: /%s cannot be read", c->path, path);
    return ANL_OK;
}

static anl_status get_text(anl__ckpt *c, hid_t set, const char *path, double count)
{
    anl__ckpt_attr a = {.type = ANL__CKPT_TEXT};
    void *text;
    ANL_TRY(anl__grow(c->ctx, &c->attr, &c->cap_attr, c->n_attr + 1, sizeof *c->attr));
    ANL_TRY(get_bytes(c, set, path, H5T_STD_I8LE, H5T_NATIVE_INT8, count, &text));
    a.text = text;
    a.name = anl__arena_strdup(c->arena, strrchr(path, '/') + 1);
    if (!a.name) return ANL_NOMEM;
    c->attr[c->n_attr++] = a;
    return ANL_OK;
}

static anl_status get_tensor(anl__ckpt *c, hid_t set, const char *path, const anl_shape *shape, double count)
{
    digested d = {.t.shape = *shape};
    anl__ckpt_attr sha = {0};
    void *data;
    ANL_TRY(get_bytes(c, set, path, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, count, &data));
    ANL_TRY(get_attr(c, set, path, "sha256", &sha));
    d.t.data = data;
    tensor_digest(&d);
    if (sha.type != ANL__CKPT_TEXT || strcmp(sha.text, d.sha))
        return anl__fail(c->ctx, ANL_FORMAT, "%s: /%s is damaged (its SHA-256 differs)", c->path, path);
    char *group = anl__arena_strdup(c->arena, path);
    if (!group) return ANL_NOMEM;
    char *slash = strrchr(group, '/');
    *slash = 0;
    d.t.group = group;
    d.t.name = slash + 1;
    ANL_TRY(anl__grow(c->ctx, &c->tensor, &c->cap_tensor, c->n_tensor + 1, sizeof *c->tensor));
    c->tensor[c->n_tensor++] = d;
    return ANL_OK;
}

static herr_t on_object(hid_t root, const char *name, const H5O_info_t *info, void *user)
{
    anl__ckpt *c = user;
    hsize_t dim[H5S_MAX_RANK] = {0};
    double count = 1;
    if (info->type != H5O_TYPE_DATASET) return 0;
    hid_t set = H5Dopen2(root, name, H5P_DEFAULT), space = set < 0 ? -1 : H5Dget_space(set);
    int rank = space < 0 ? -1 : H5Sget_simple_extent_dims(space, dim, NULL);
    const char *slash = strrchr(name, '/');
    if (rank < 0 || rank > ANL_MAX_RANK || !slash) {
        c->status = anl__fail(c->ctx, ANL_FORMAT, "%s: /%s is not a tensor of a checkpoint", c->path, name);
    } else {
        anl_shape shape = {.rank = rank};
        for (int i = 0; i < rank; i++) {
            shape.dim[i] = (int64_t)dim[i];
            count *= (double)dim[i];
        }
        bool text = slash - name == 5 && !strncmp(name, "state", 5);
        c->status = text ? get_text(c, set, name, count) : get_tensor(c, set, name, &shape, count);
    }
    if (space >= 0) H5Sclose(space);
    if (set >= 0) H5Dclose(set);
    return c->status == ANL_OK ? 0 : -1;
}

static anl_status read_meta(anl__ckpt *c, hid_t file)
{
    anl__ckpt_attr format = {0}, step = {0}, digest = {0};
    anl_status st;
    hid_t meta = H5Gopen2(file, "/meta", H5P_DEFAULT);
    if (meta < 0)
        return anl__fail(c->ctx, ANL_FORMAT, "%s: is an HDF5 file, but no Anneal checkpoint", c->path);
    ANL_GO(get_attr(c, meta, "/meta", "format", &format));
    if (format.type == ANL__CKPT_INT && format.i > ANL__CHECKPOINT_FORMAT)
        ANL_GO(anl__fail(c->ctx, ANL_UNSUPPORTED,
                         "%s: was made by a newer Anneal (format %lld; this program reads up to %d)", c->path,
                         (long long)format.i, ANL__CHECKPOINT_FORMAT));
    ANL_GO(get_attr(c, meta, "/meta", "step", &step));
    ANL_GO(get_attr(c, meta, "/meta", "digest", &digest));
    if (format.type != ANL__CKPT_INT || format.i < 1 || step.type != ANL__CKPT_INT || step.i < 0 ||
        digest.type != ANL__CKPT_TEXT || strlen(digest.text) != 64)
        ANL_GO(anl__fail(c->ctx, ANL_FORMAT, "%s: /meta is not a checkpoint's", c->path));
    c->step = step.i;
    memcpy(c->digest, digest.text, 65);
done:
    H5Gclose(meta);
    return st;
}

static anl_status read_all(anl__ckpt *c, hid_t file)
{
    char hex[65];
    hsize_t at = 0;
    ANL_TRY(read_meta(c, file));
    hid_t state = H5Gopen2(file, "/state", H5P_DEFAULT);
    if (state < 0) return anl__fail(c->ctx, ANL_FORMAT, "%s: has no /state", c->path);
    herr_t walked = H5Aiterate2(state, H5_INDEX_NAME, H5_ITER_INC, &at, on_attr, c);
    H5Gclose(state);
    if (walked >= 0) walked = H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, on_object, c, H5O_INFO_BASIC);
    ANL_TRY(c->status);
    if (walked < 0) return anl__fail(c->ctx, ANL_FORMAT, "%s: the file is damaged", c->path);
    ANL_TRY(manifest(c->ctx, c->step, c->tensor, c->n_tensor, c->attr, c->n_attr, hex));
    if (strcmp(hex, c->digest))
        return anl__fail(c->ctx, ANL_FORMAT, "%s: is damaged (the digest over all differs)", c->path);
    return ANL_OK;
}

static anl_status read_image(anl__ckpt *c, void *image)
{
    anl_status st;
    hdf5_enter();
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(access, 1 << 20, 0);
    H5Pset_file_image(access, image, c->image);
    hid_t file = H5Fopen(IMAGE, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    st = file < 0 ? anl__fail(c->ctx, ANL_FORMAT, "%s: HDF5 cannot open it", c->path) : read_all(c, file);
    if (file >= 0) H5Fclose(file);
    hdf5_leave();
    return st;
}

anl_status anl__ckpt_open(anl_ctx *ctx, const char *path, anl__ckpt **out)
{
    void *image = NULL;
    anl_status st;
    anl__ckpt *c = anl__alloc(ctx, sizeof *c);
    if (!c) return ANL_NOMEM;
    c->ctx = ctx;
    ANL_GO(anl__arena_create(ctx, &c->arena));
    if (!(c->path = anl__arena_strdup(c->arena, path))) ANL_GO(ANL_NOMEM);
    ANL_GO(anl__ckpt_load(ctx, path, &image, &c->image));
    ANL_GO(read_image(c, image));
    *out = c;
done:
    anl__free(ctx, image);
    if (st != ANL_OK) anl__ckpt_close(c);
    return st;
}

void anl__ckpt_close(anl__ckpt *c)
{
    if (!c) return;
    anl__free(c->ctx, c->tensor);
    anl__free(c->ctx, c->attr);
    anl__arena_destroy(c->arena);
    anl__free(c->ctx, c);
}

int64_t anl__ckpt_step(const anl__ckpt *c) { return c->step; }
const char *anl__ckpt_path(const anl__ckpt *c) { return c->path; }
const char *anl__ckpt_digest(const anl__ckpt *c) { return c->digest; }
int anl__ckpt_count(const anl__ckpt *c) { return (int)c->n_tensor; }
anl__ckpt_tensor anl__ckpt_at(const anl__ckpt *c, int i) { return c->tensor[i].t; }
int anl__ckpt_attr_count(const anl__ckpt *c) { return (int)c->n_attr; }
anl__ckpt_attr anl__ckpt_attr_at(const anl__ckpt *c, int i) { return c->attr[i]; }

anl__ckpt_tensor anl__ckpt_find(const anl__ckpt *c, const char *group, const char *name)
{
    for (int64_t i = 0; i < c->n_tensor; i++)
        if (!strcmp(c->tensor[i].t.group, group) && !strcmp(c->tensor[i].t.name, name)) return c->tensor[i].t;
    return (anl__ckpt_tensor){.group = group, .name = name};
}

static const anl__ckpt_attr *attr(const anl__ckpt *c, const char *name, anl__ckpt_type type)
{
    for (int64_t i = 0; i < c->n_attr; i++)
        if (!strcmp(c->attr[i].name, name) && c->attr[i].type == type) return &c->attr[i];
    return NULL;
}

int64_t anl__ckpt_int(const anl__ckpt *c, const char *name, int64_t def)
{
    const anl__ckpt_attr *a = attr(c, name, ANL__CKPT_INT);
    return a ? a->i : def;
}

double anl__ckpt_double(const anl__ckpt *c, const char *name, double def)
{
    const anl__ckpt_attr *a = attr(c, name, ANL__CKPT_DOUBLE);
    return a ? a->d : def;
}

const char *anl__ckpt_text(const anl__ckpt *c, const char *name, const char *def)
{
    const anl__ckpt_attr *a = attr(c, name, ANL__CKPT_TEXT);
    return a ? a->text : def;
}

#endif
