/* Checkpoints in HDF5: see checkpoint.h. */
#include "checkpoint.h"

#ifdef ANL_HAVE_HDF5

#include "../base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* ---- digests --------------------------------------------------------------------------------- */

static void tensor_digest(const anl__ckpt_tensor *t, char hex[65])
{
    anl__sha256 s;
    anl__sha256_init(&s);
    anl__sha256_add(&s, t->data, (size_t)anl_shape_count(&t->shape) * sizeof(float));
    anl__sha256_hex(&s, hex);
}

static void add_text(anl__sha256 *s, const char *text) { anl__sha256_add(s, text, strlen(text) + 1); }

static void add_attr(anl__sha256 *s, const anl__ckpt_attr *a)
{
    add_text(s, a->name);
    if (a->type == ANL__CKPT_INT) anl__sha256_add(s, &a->i, sizeof a->i);
    else if (a->type == ANL__CKPT_DOUBLE) anl__sha256_add(s, &a->d, sizeof a->d);
    else add_text(s, a->text);
}

static int by_name(const void *x, const void *y) { return strcmp(((const anl__ckpt_attr *)x)->name, ((const anl__ckpt_attr *)y)->name); }

static int by_tensor(const void *x, const void *y)
{
    const anl__ckpt_tensor *a = x, *b = y;
    int g = strcmp(a->group, b->group);
    return g ? g : strcmp(a->name, b->name);
}

/* Over everything, in name order, so that the file's order does not matter. */
static anl_status manifest(anl_ctx *ctx, const anl__ckpt_content *c, char hex[65])
{
    anl__sha256 s;
    anl_status st = ANL_NOMEM;
    anl__ckpt_tensor *t = anl__calloc(ctx, (size_t)c->n_tensor + 1, sizeof *t);
    anl__ckpt_attr *a = anl__calloc(ctx, (size_t)c->n_attr + 1, sizeof *a);
    if (!t || !a) goto done;
    if (c->n_tensor) memcpy(t, c->tensor, sizeof *t * (size_t)c->n_tensor);
    if (c->n_attr) memcpy(a, c->attr, sizeof *a * (size_t)c->n_attr);
    qsort(t, (size_t)c->n_tensor, sizeof *t, by_tensor);
    qsort(a, (size_t)c->n_attr, sizeof *a, by_name);
    anl__sha256_init(&s);
    anl__sha256_add(&s, &c->step, sizeof c->step);
    for (int i = 0; i < c->n_tensor; i++) {
        char digest[65];
        tensor_digest(&t[i], digest);
        add_text(&s, t[i].group);
        add_text(&s, t[i].name);
        for (int k = 0; k < t[i].shape.rank; k++) anl__sha256_add(&s, &t[i].shape.dim[k], sizeof(int64_t));
        add_text(&s, digest);
    }
    for (int i = 0; i < c->n_attr; i++) add_attr(&s, &a[i]);
    anl__sha256_hex(&s, hex);
    st = ANL_OK;
done:
    anl__free(ctx, t);
    anl__free(ctx, a);
    return st;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool put_attr(hid_t loc, const anl__ckpt_attr *a)
{
    hid_t type = H5Tcopy(a->type == ANL__CKPT_INT ? H5T_STD_I64LE : a->type == ANL__CKPT_DOUBLE ? H5T_IEEE_F64LE : H5T_C_S1);
    if (a->type == ANL__CKPT_TEXT) H5Tset_size(type, strlen(a->text) + 1);
    hid_t memory = a->type == ANL__CKPT_INT ? H5T_NATIVE_INT64 : a->type == ANL__CKPT_DOUBLE ? H5T_NATIVE_DOUBLE : type;
    hid_t space = H5Screate(H5S_SCALAR), attr = H5Acreate2(loc, a->name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    const void *data = a->type == ANL__CKPT_INT ? (const void *)&a->i : a->type == ANL__CKPT_DOUBLE ? (const void *)&a->d : a->text;
    bool ok = attr >= 0 && H5Awrite(attr, memory, data) >= 0;
    if (attr >= 0) H5Aclose(attr);
    H5Sclose(space);
    H5Tclose(type);
    return ok;
}

/* Texts may be longer than an attribute's 64 KiB (the recipe): they are datasets of bytes. */
static bool put_text(hid_t loc, const anl__ckpt_attr *a)
{
    hsize_t n = strlen(a->text) + 1;
    hid_t space = H5Screate_simple(1, &n, NULL), set = H5Dcreate2(loc, a->name, H5T_STD_I8LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = set >= 0 && H5Dwrite(set, H5T_NATIVE_INT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, a->text) >= 0;
    if (set >= 0) H5Dclose(set);
    H5Sclose(space);
    return ok;
}

static bool put_tensor(hid_t file, const anl__ckpt_tensor *t)
{
    char path[512], hex[65];
    hsize_t dim[ANL_MAX_RANK];
    for (int i = 0; i < t->shape.rank; i++) dim[i] = (hsize_t)t->shape.dim[i];
    if (snprintf(path, sizeof path, "/%s/%s", t->group, t->name) >= (int)sizeof path) return false;
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    hid_t space = t->shape.rank ? H5Screate_simple(t->shape.rank, dim, NULL) : H5Screate(H5S_SCALAR);
    hid_t set = H5Dcreate2(file, path, H5T_IEEE_F32LE, space, links, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = set >= 0 && H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, t->data) >= 0;
    tensor_digest(t, hex);
    ok = ok && put_attr(set, &(anl__ckpt_attr){.name = "sha256", .type = ANL__CKPT_TEXT, .text = hex});
    if (set >= 0) H5Dclose(set);
    H5Sclose(space);
    H5Pclose(links);
    return ok;
}

static bool put_all(hid_t file, const anl__ckpt_content *c, const char *digest)
{
    hid_t meta = H5Gcreate2(file, "/meta", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), state = H5Gcreate2(file, "/state", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const anl__ckpt_attr info[] = {{.name = "format", .type = ANL__CKPT_INT, .i = ANL__CHECKPOINT_FORMAT},
                                   {.name = "version", .type = ANL__CKPT_TEXT, .text = ANL_VERSION},
                                   {.name = "step", .type = ANL__CKPT_INT, .i = c->step},
                                   {.name = "digest", .type = ANL__CKPT_TEXT, .text = digest}};
    bool ok = meta >= 0 && state >= 0;
    for (int i = 0; ok && i < 4; i++) ok = put_attr(meta, &info[i]);
    for (int i = 0; ok && i < c->n_attr; i++) ok = c->attr[i].type == ANL__CKPT_TEXT ? put_text(state, &c->attr[i]) : put_attr(state, &c->attr[i]);
    for (int i = 0; ok && i < c->n_tensor; i++) ok = put_tensor(file, &c->tensor[i]);
    if (meta >= 0) H5Gclose(meta);
    if (state >= 0) H5Gclose(state);
    return ok;
}

/* The file's bytes, made by HDF5 in memory. */
static anl_status make_image(anl_ctx *ctx, const char *path, const anl__ckpt_content *c, const char *digest, void **image, size_t *bytes)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(access, 1 << 20, 0);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    if (file < 0) return anl__fail(ctx, ANL_NOMEM, "%s: HDF5 could not make a file in memory", path);
    anl_status st = ANL_OK;
    ssize_t size = -1;
    if (put_all(file, c, digest) && H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0) size = H5Fget_file_image(file, NULL, 0);
    *image = size > 0 ? anl__alloc(ctx, (size_t)size) : NULL;
    if (size <= 0) st = anl__fail(ctx, ANL_NOMEM, "%s: HDF5 could not build the checkpoint", path);
    else if (!*image) st = ANL_NOMEM;
    else if (H5Fget_file_image(file, *image, (size_t)size) != size) st = anl__fail(ctx, ANL_INTERNAL, "%s: HDF5 gave no image", path);
    H5Fclose(file);
    if (st != ANL_OK) {
        anl__free(ctx, *image);
        *image = NULL;
    }
    *bytes = (size_t)(size > 0 ? size : 0);
    return st;
}

static anl_status check_room(anl_ctx *ctx, const char *path, size_t bytes)
{
    struct statvfs v;
    char dir[1024];
    snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '/');
    if (slash) *slash = 0;
    if (statvfs(slash ? dir : ".", &v)) return ANL_OK; /* the write will tell */
    uint64_t have = (uint64_t)v.f_bavail * v.f_frsize;
    if (have >= 2 * (uint64_t)bytes) return ANL_OK;
    return anl__fail(ctx, ANL_IO, "%s: a checkpoint of %zu bytes wants %zu free, the disk has %llu", path, bytes, 2 * bytes, (unsigned long long)have);
}

static anl_status read_back(anl_ctx *ctx, const char *path, const void *image, size_t bytes)
{
    void *data = NULL;
    size_t n = 0;
    ANL_TRY(anl__file_read(ctx, path, 0, &data, &n));
    bool same = n == bytes && !memcmp(data, image, bytes);
    anl__free(ctx, data);
    return same ? ANL_OK : anl__fail(ctx, ANL_IO, "%s: what was read back is not what was written", path);
}

anl_status anl__ckpt_write(anl_ctx *ctx, const char *path, const anl__ckpt_content *c)
{
    char digest[65];
    void *image = NULL;
    size_t bytes = 0;
    int fd = -1;
    anl_status st;
    anl__buf tmp;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    anl__buf_init(&tmp, ctx);
    anl__buf_add(&tmp, "%s.tmp.%ld", path, (long)getpid());
    ANL_GO(tmp.status);
    ANL_GO(manifest(ctx, c, digest));
    ANL_GO(make_image(ctx, path, c, digest, &image, &bytes));
    ANL_GO(check_room(ctx, path, bytes));
    fd = open(tmp.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) ANL_GO(anl__fail(ctx, ANL_IO, "%s: create failed: %s", tmp.text, strerror(errno)));
    ANL_GO(anl__fd_write(ctx, fd, tmp.text, image, bytes));
    ANL_GO(anl__fd_sync(ctx, fd, tmp.text));
    ANL_GO(read_back(ctx, tmp.text, image, bytes));
    ANL_GO(anl__file_rename(ctx, tmp.text, path));
done:
    if (fd >= 0) close(fd);
    if (st != ANL_OK && tmp.text) unlink(tmp.text);
    anl__free(ctx, image);
    anl__buf_release(&tmp);
    return st;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct anl__ckpt {
    anl_ctx *ctx;
    anl__arena *arena;
    char *path;
    char digest[65];
    int64_t step;
    anl__ckpt_tensor *tensor;
    anl__ckpt_attr *attr;
    int64_t n_tensor, cap_tensor, n_attr, cap_attr;
    anl_status status; /* of the walk */
};

static bool get_attr(hid_t loc, const char *name, anl__arena *arena, anl__ckpt_attr *out)
{
    bool ok = false;
    hid_t attr = H5Aopen(loc, name, H5P_DEFAULT), type = attr < 0 ? -1 : H5Aget_type(attr), space = attr < 0 ? -1 : H5Aget_space(attr);
    if (type >= 0 && space >= 0 && H5Sget_simple_extent_npoints(space) == 1) {
        H5T_class_t k = H5Tget_class(type);
        out->name = anl__arena_strdup(arena, name);
        if (k == H5T_INTEGER) {
            out->type = ANL__CKPT_INT;
            ok = H5Aread(attr, H5T_NATIVE_INT64, &out->i) >= 0;
        } else if (k == H5T_FLOAT) {
            out->type = ANL__CKPT_DOUBLE;
            ok = H5Aread(attr, H5T_NATIVE_DOUBLE, &out->d) >= 0;
        } else if (k == H5T_STRING && H5Tis_variable_str(type) <= 0 && H5Tget_size(type) < 1 << 20) {
            char *text = anl__arena_alloc(arena, H5Tget_size(type) + 1);
            out->type = ANL__CKPT_TEXT;
            out->text = text;
            ok = text && H5Aread(attr, type, text) >= 0;
        }
        ok = ok && out->name;
    }
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    if (attr >= 0) H5Aclose(attr);
    return ok;
}

static herr_t on_attr(hid_t loc, const char *name, const H5A_info_t *info, void *user)
{
    anl__ckpt *c = user;
    (void)info;
    c->status = anl__grow(c->ctx, &c->attr, &c->cap_attr, c->n_attr + 1, sizeof *c->attr);
    if (c->status == ANL_OK && !get_attr(loc, name, c->arena, &c->attr[c->n_attr++]))
        c->status = anl__fail(c->ctx, ANL_FORMAT, "%s: attribute %s cannot be read", c->path, name);
    return c->status == ANL_OK ? 0 : -1;
}

static anl_status get_text(anl__ckpt *c, hid_t set, const char *name, hsize_t n)
{
    char *text = n > 0 && n < 1 << 26 ? anl__arena_alloc(c->arena, n + 1) : NULL;
    ANL_TRY(anl__grow(c->ctx, &c->attr, &c->cap_attr, c->n_attr + 1, sizeof *c->attr));
    if (!text || H5Dread(set, H5T_NATIVE_INT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) < 0)
        return anl__fail(c->ctx, ANL_FORMAT, "%s: text %s cannot be read", c->path, name);
    c->attr[c->n_attr++] = (anl__ckpt_attr){.name = anl__arena_strdup(c->arena, name), .type = ANL__CKPT_TEXT, .text = text};
    return ANL_OK;
}

static anl_status get_tensor(anl__ckpt *c, hid_t set, const char *group, const char *name, int rank, const hsize_t *dim)
{
    anl__ckpt_tensor t = {.group = anl__arena_strdup(c->arena, group), .name = anl__arena_strdup(c->arena, name), .shape.rank = rank};
    anl__ckpt_attr sha = {0};
    char hex[65];
    double count = 1;
    for (int i = 0; i < rank; i++) {
        t.shape.dim[i] = (int64_t)dim[i];
        count *= (double)dim[i];
    }
    size_t bytes = count >= 1 && count < 1e12 ? (size_t)count * sizeof(float) : 0;
    if (!bytes || H5Dget_storage_size(set) != bytes)
        return anl__fail(c->ctx, ANL_FORMAT, "%s: /%s/%s holds %llu bytes, its shape %zu", c->path, group, name, (unsigned long long)H5Dget_storage_size(set), bytes);
    float *data = anl__arena_alloc(c->arena, bytes);
    if (!data || !t.group || !t.name) return ANL_NOMEM;
    if (H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        return anl__fail(c->ctx, ANL_FORMAT, "%s: /%s/%s cannot be read", c->path, group, name);
    t.data = data;
    tensor_digest(&t, hex);
    if (!get_attr(set, "sha256", c->arena, &sha) || sha.type != ANL__CKPT_TEXT || strcmp(sha.text, hex))
        return anl__fail(c->ctx, ANL_FORMAT, "%s: /%s/%s is damaged (its SHA-256 differs)", c->path, group, name);
    ANL_TRY(anl__grow(c->ctx, &c->tensor, &c->cap_tensor, c->n_tensor + 1, sizeof *c->tensor));
    c->tensor[c->n_tensor++] = t;
    return ANL_OK;
}

static herr_t on_object(hid_t root, const char *name, const H5O_info_t *info, void *user)
{
    anl__ckpt *c = user;
    hsize_t dim[H5S_MAX_RANK] = {0};
    if (info->type != H5O_TYPE_DATASET) return 0;
    const char *slash = strrchr(name, '/');
    hid_t set = H5Dopen2(root, name, H5P_DEFAULT), space = set < 0 ? -1 : H5Dget_space(set);
    int rank = space < 0 ? -1 : H5Sget_simple_extent_dims(space, dim, NULL);
    char group[256];
    if (rank < 0 || rank > ANL_MAX_RANK || !slash || slash - name >= (long)sizeof group) {
        c->status = anl__fail(c->ctx, ANL_FORMAT, "%s: dataset /%s is not a tensor of a checkpoint", c->path, name);
    } else {
        memcpy(group, name, (size_t)(slash - name));
        group[slash - name] = 0;
        if (!strcmp(group, "state")) c->status = get_text(c, set, slash + 1, rank == 1 ? dim[0] : 0);
        else c->status = get_tensor(c, set, group, slash + 1, rank, dim);
    }
    if (space >= 0) H5Sclose(space);
    if (set >= 0) H5Dclose(set);
    return c->status == ANL_OK ? 0 : -1;
}

static anl_status read_meta(anl__ckpt *c, hid_t file)
{
    anl__ckpt_attr format = {0}, step = {0}, digest = {0};
    hid_t meta = H5Gopen2(file, "/meta", H5P_DEFAULT);
    bool ok = meta >= 0 && get_attr(meta, "format", c->arena, &format) && format.type == ANL__CKPT_INT;
    bool rest = ok && format.i <= ANL__CHECKPOINT_FORMAT && get_attr(meta, "step", c->arena, &step) && get_attr(meta, "digest", c->arena, &digest) &&
                step.type == ANL__CKPT_INT && digest.type == ANL__CKPT_TEXT && strlen(digest.text) == 64;
    if (meta >= 0) H5Gclose(meta);
    if (!ok) return anl__fail(c->ctx, ANL_FORMAT, "%s: is an HDF5 file, but no Anneal checkpoint", c->path);
    if (format.i > ANL__CHECKPOINT_FORMAT)
        return anl__fail(c->ctx, ANL_FORMAT, "%s: was made by a newer Anneal (format %lld; this program reads up to %d)", c->path, (long long)format.i, ANL__CHECKPOINT_FORMAT);
    if (!rest) return anl__fail(c->ctx, ANL_FORMAT, "%s: /meta is incomplete", c->path);
    c->step = step.i;
    memcpy(c->digest, digest.text, 65);
    return ANL_OK;
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
    anl__ckpt_content content = {.step = c->step, .tensor = c->tensor, .n_tensor = (int)c->n_tensor, .attr = c->attr, .n_attr = (int)c->n_attr};
    ANL_TRY(manifest(c->ctx, &content, hex));
    if (strcmp(hex, c->digest)) return anl__fail(c->ctx, ANL_FORMAT, "%s: is damaged (the digest over all differs)", c->path);
    return ANL_OK;
}

anl_status anl__ckpt_open(anl_ctx *ctx, const char *path, anl__ckpt **out)
{
    void *image = NULL;
    size_t bytes = 0;
    hid_t file = -1;
    anl_status st;
    anl__ckpt *c = anl__alloc(ctx, sizeof *c);
    if (!c) return ANL_NOMEM;
    c->ctx = ctx;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    ANL_GO(anl__arena_create(ctx, &c->arena));
    if (!(c->path = anl__arena_strdup(c->arena, path))) ANL_GO(ANL_NOMEM);
    ANL_GO(anl__file_read(ctx, path, 0, &image, &bytes));
    if (bytes < 8 || memcmp(image, "\211HDF\r\n\032\n", 8)) ANL_GO(anl__fail(ctx, ANL_FORMAT, "%s: is no HDF5 file", path));
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(access, 1 << 20, 0);
    H5Pset_file_image(access, image, bytes);
    file = H5Fopen(path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    if (file < 0) ANL_GO(anl__fail(ctx, ANL_FORMAT, "%s: HDF5 cannot open it: truncated or damaged", path));
    ANL_GO(read_all(c, file));
    *out = c;
done:
    if (file >= 0) H5Fclose(file);
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
anl__ckpt_tensor anl__ckpt_at(const anl__ckpt *c, int i) { return c->tensor[i]; }
int anl__ckpt_attr_count(const anl__ckpt *c) { return (int)c->n_attr; }
anl__ckpt_attr anl__ckpt_attr_at(const anl__ckpt *c, int i) { return c->attr[i]; }

anl__ckpt_tensor anl__ckpt_find(const anl__ckpt *c, const char *group, const char *name)
{
    for (int64_t i = 0; i < c->n_tensor; i++)
        if (!strcmp(c->tensor[i].group, group) && !strcmp(c->tensor[i].name, name)) return c->tensor[i];
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
