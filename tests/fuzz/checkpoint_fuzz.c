/* Checkpoints. The first byte chooses:
 *   even  the rest is the file, as it is: the seal must keep all that is not ours from HDF5
 *   odd   the rest is a list of edits, done through HDF5's own calls to a good checkpoint, which is then
 * sealed anew: well-formed HDF5 that is not what we write (types, shapes, layouts, links, loops, missing
 * parts) Whatever comes, opening gives a checkpoint whose every byte can be read, or a message.
 *
 * What is not tried: damaged HDF5 under a right seal. HDF5's parser has known holes and is not ours; nothing
 * damaged by accident gets past the seal, and who can make a seal must be trusted (checkpoint.h).
 *
 * With ANL_FUZZ_SEEDS=DIR in the environment the program writes its seeds there and ends.
 */
#include "runtime/base/files.h"
#include "runtime/state/checkpoint.h"
#include "runtime/state/ckpt_file.h"
#include "tests/common/scratch.h"

#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static unsigned char *base; /* the good checkpoint, without its seal */
static size_t base_bytes;

/* ---- the good one and the seeds -------------------------------------------------------------- */

static void write_base(anl_ctx *ctx, const char *path)
{
    static const float w[6] = {1, 2, 3, 4, 5, 6};
    const anl__ckpt_tensor t[] = {{"params", "fc.weight", {2, {2, 3}}, w}, {"optim", "t", {0, {0}}, w}};
    const anl__ckpt_attr a[] = {{.name = "epoch", .type = ANL__CKPT_INT, .i = 3},
                                {.name = "lr", .type = ANL__CKPT_DOUBLE, .d = 0.1},
                                {.name = "recipe", .type = ANL__CKPT_TEXT, .text = "a: 1\n"}};
    if (anl__ckpt_write(ctx, path, &(anl__ckpt_content){12, t, 2, a, 3}) != ANL_OK) abort();
}

static void seed(const char *dir, const char *name, unsigned char first, const void *data, size_t n)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *o = fopen(path, "wb");
    if (!o || fputc(first, o) == EOF || fwrite(data, 1, n, o) != n || fclose(o)) abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char dir[SCRATCH_PATH], path[SCRATCH_PATH + 8];
    anl_ctx *ctx = anl_ctx_create();
    const char *seeds = getenv("ANL_FUZZ_SEEDS");
    void *whole, *image;
    size_t n;
    (void)argc, (void)argv;
    if (!ctx || !scratch_make(dir, "fuzz")) abort();
    snprintf(path, sizeof path, "%s/a.h5", dir);
    write_base(ctx, path);
    if (anl__ckpt_load(ctx, path, &image, &base_bytes) != ANL_OK ||
        anl__file_read(ctx, path, 0, &whole, &n) != ANL_OK)
        abort();
    base = malloc(base_bytes);
    memcpy(base, image, base_bytes);
    if (!scratch_remove(dir)) abort();
    if (seeds) {
        seed(seeds, "good", 0, whole, n);
        seed(seeds, "torn", 0, whole, n / 2);
        seed(seeds, "untouched", 1, "", 0);
        for (int op = 0; op < 8; op++) {
            unsigned char edit[24] = {(unsigned char)op, 1, 2, 3, 1, 4, 2, 1};
            char name[16];
            snprintf(name, sizeof name, "edit-%d", op);
            seed(seeds, name, 1, edit, sizeof edit);
        }
    }
    anl__free(ctx, whole);
    anl__free(ctx, image);
    anl_ctx_destroy(ctx);
    if (seeds) exit(0);
    return 0;
}

/* ---- edits ----------------------------------------------------------------------------------- */

typedef struct script { const uint8_t *p, *end; } script;

static unsigned take(script *s) { return s->p < s->end ? *s->p++ : 0; }

static const char *pick_path(script *s)
{
    static const char *const path[] = {"/meta",
                                       "/state",
                                       "/params",
                                       "/optim",
                                       "/params/fc.weight",
                                       "/optim/t",
                                       "/state/recipe",
                                       "/params/new",
                                       "/state/new",
                                       "/new",
                                       "/params/deep/er/new",
                                       "/optim/fc.weight",
                                       "/meta/new",
                                       "/ema/x",
                                       "/state/deep/new",
                                       "/a b\n\xff"};
    return path[take(s) % (sizeof path / sizeof path[0])];
}

static const char *pick_name(script *s)
{
    static const char *const name[] = {"format", "step",   "digest", "version", "epoch", "lr",
                                       "recipe", "sha256", "new",    "",        "a/b",   "\xff\n"};
    return name[take(s) % (sizeof name / sizeof name[0])];
}

/* Closed by the caller. */
static hid_t pick_type(script *s)
{
    hid_t t;
    hsize_t two = 2;
    switch (take(s) % 14) {
    case 0: return H5Tcopy(H5T_IEEE_F32LE);
    case 1: return H5Tcopy(H5T_STD_I64LE);
    case 2: return H5Tcopy(H5T_IEEE_F64LE);
    case 3: return H5Tcopy(H5T_STD_I8LE);
    case 4: return H5Tcopy(H5T_IEEE_F32BE);
    case 5: return H5Tcopy(H5T_STD_U8LE);
    case 6:
        t = H5Tcopy(H5T_C_S1);
        H5Tset_size(t, take(s) + 1);
        return t;
    case 7:
        t = H5Tcopy(H5T_C_S1);
        H5Tset_size(t, H5T_VARIABLE);
        return t;
    case 8: return H5Tarray_create2(H5T_IEEE_F32LE, 1, &two);
    case 9: return H5Tvlen_create(H5T_STD_I64LE);
    case 10: return H5Tcreate(H5T_OPAQUE, 4);
    case 11:
        t = H5Tcreate(H5T_COMPOUND, 8);
        H5Tinsert(t, "x", 0, H5T_IEEE_F32LE);
        return t;
    case 12: return H5Tcopy(H5T_STD_REF_OBJ);
    default: return H5Tenum_create(H5T_STD_I64LE);
    }
}

static hid_t pick_space(script *s)
{
    hsize_t dim[32];
    int rank = (int)(take(s) % 10);
    if (rank == 9) rank = 32;
    if (rank == 8) return H5Screate(H5S_NULL);
    if (rank == 0) return H5Screate(H5S_SCALAR);
    for (int i = 0; i < rank; i++) {
        unsigned v = take(s);
        dim[i] = v >= 240 ? (hsize_t)1 << (v - 200) : rank > 7 ? 1 : v % 5;
    }
    return H5Screate_simple(rank, dim, NULL);
}

static void make_dataset(hid_t file, script *s)
{
    const char *path = pick_path(s);
    hid_t type = pick_type(s), space = pick_space(s), list = H5Pcreate(H5P_DATASET_CREATE),
          links = H5Pcreate(H5P_LINK_CREATE);
    unsigned how = take(s) % 5;
    hsize_t chunk[32];
    for (int i = 0; i < 32; i++) chunk[i] = 1;
    H5Pset_create_intermediate_group(links, 1);
    if (how == 1) H5Pset_layout(list, H5D_COMPACT);
    if (how == 2)
        H5Pset_chunk(list, H5Sget_simple_extent_ndims(space) > 0 ? H5Sget_simple_extent_ndims(space) : 1,
                     chunk);
    if (how == 3) H5Pset_external(list, "/etc/hostname", 0, H5F_UNLIMITED);
    if (how == 4) H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY);
    double bytes = (double)H5Sget_simple_extent_npoints(space) * (double)H5Tget_size(type);
    hid_t set = how == 4 && bytes > 4096 ? -1 : H5Dcreate2(file, path, type, space, links, list, H5P_DEFAULT);
    if (set >= 0) H5Dclose(set);
    H5Pclose(links);
    H5Pclose(list);
    H5Sclose(space);
    H5Tclose(type);
}

static void make_attribute(hid_t file, script *s)
{
    hid_t at = H5Oopen(file, pick_path(s), H5P_DEFAULT), type = pick_type(s), space = pick_space(s);
    const char *name = pick_name(s);
    if (take(s) % 2) H5Adelete(at, name);
    double bytes = (double)H5Sget_simple_extent_npoints(space) * (double)H5Tget_size(type);
    hid_t a = at < 0 || bytes > 4096 ? -1 : H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (a >= 0) H5Aclose(a);
    if (at >= 0) H5Oclose(at);
    H5Sclose(space);
    H5Tclose(type);
}

static void set_attribute(hid_t file, script *s)
{
    hid_t at = H5Oopen(file, pick_path(s), H5P_DEFAULT),
          a = at < 0 ? -1 : H5Aopen(at, pick_name(s), H5P_DEFAULT);
    hid_t type = a < 0 ? -1 : H5Aget_type(a), space = a < 0 ? -1 : H5Aget_space(a);
    double need =
        type < 0 || space < 0 ? 0 : (double)H5Tget_size(type) * (double)H5Sget_simple_extent_npoints(space);
    char bytes[512];
    H5T_class_t k = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
    memset(bytes, (int)take(s), sizeof bytes);
    bytes[0] = (char)take(s);
    if (need > 0 && need <= sizeof bytes &&
        (k == H5T_INTEGER || k == H5T_FLOAT || (k == H5T_STRING && H5Tis_variable_str(type) == 0)))
        H5Awrite(a, type, bytes);
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    if (a >= 0) H5Aclose(a);
    if (at >= 0) H5Oclose(at);
}

static void fill_dataset(hid_t file, script *s)
{
    hid_t set = H5Dopen2(file, pick_path(s), H5P_DEFAULT);
    unsigned char bytes[256];
    hid_t type = set < 0 ? -1 : H5Dget_type(set), space = set < 0 ? -1 : H5Dget_space(set);
    H5T_class_t k = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
    memset(bytes, (int)take(s), sizeof bytes);
    if (space >= 0 && (k == H5T_INTEGER || k == H5T_FLOAT) &&
        (double)H5Sget_simple_extent_npoints(space) * (double)H5Tget_size(type) <= sizeof bytes)
        H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes);
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    if (set >= 0) H5Dclose(set);
}

static void make_link(hid_t file, script *s)
{
    const char *from = pick_path(s), *to = pick_path(s);
    switch (take(s) % 4) {
    case 0: H5Lcreate_hard(file, from, file, to, H5P_DEFAULT, H5P_DEFAULT); break;
    case 1: H5Lcreate_hard(file, "/", file, to, H5P_DEFAULT, H5P_DEFAULT); break; /* a loop */
    case 2: H5Lcreate_soft(from, file, to, H5P_DEFAULT, H5P_DEFAULT); break;
    default: H5Lcreate_external("/etc/hostname", from, file, to, H5P_DEFAULT, H5P_DEFAULT);
    }
}

static void edit(hid_t file, script *s)
{
    for (int i = 0; i < 12 && s->p < s->end; i++) {
        switch (take(s) % 8) {
        case 0: H5Ldelete(file, pick_path(s), H5P_DEFAULT); break;
        case 1: {
            const char *from = pick_path(s), *to = pick_path(s);
            H5Lmove(file, from, file, to, H5P_DEFAULT, H5P_DEFAULT);
            break;
        }
        case 2: make_dataset(file, s); break;
        case 3: make_attribute(file, s); break;
        case 4: set_attribute(file, s); break;
        case 5: fill_dataset(file, s); break;
        case 6: make_link(file, s); break;
        default: {
            hid_t g = H5Gcreate2(file, pick_path(s), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
            if (g >= 0) H5Gclose(g);
        }
        }
    }
}

/* The edited checkpoint's image, malloc'ed; NULL when HDF5 could not make one. */
static void *edited(const uint8_t *data, size_t size, size_t *bytes)
{
    script s = {data, data + size};
    void *image = NULL;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(access, 1 << 16, 0);
    H5Pset_file_image(access, base, base_bytes);
    hid_t file = H5Fopen("/dev/null/fuzz", H5F_ACC_RDWR, access);
    H5Pclose(access);
    if (file < 0) abort();
    edit(file, &s);
    ssize_t n = H5Fflush(file, H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(file, NULL, 0);
    if (n > 0 && n < 1 << 20) {
        image = malloc((size_t)n);
        if (H5Fget_file_image(file, image, (size_t)n) != n) abort();
        *bytes = (size_t)n;
    }
    H5Fclose(file);
    return image;
}

/* ---- opening --------------------------------------------------------------------------------- */

static volatile double sink;

static void use(const anl__ckpt *k)
{
    double sum = 0;
    for (int i = 0; i < anl__ckpt_count(k); i++) {
        anl__ckpt_tensor t = anl__ckpt_at(k, i);
        for (int64_t e = 0; e < anl_shape_count(&t.shape); e++) sum += (double)t.data[e];
        if (anl__ckpt_find(k, t.group, t.name).data == NULL) abort();
    }
    for (int i = 0; i < anl__ckpt_attr_count(k); i++) {
        anl__ckpt_attr a = anl__ckpt_attr_at(k, i);
        sum += (double)strlen(a.name) + (a.type == ANL__CKPT_TEXT ? (double)strlen(a.text) : 0);
    }
    sink = sum;
}

static void try_file(const void *data, size_t size, const void *more, size_t more_size)
{
    char path[64];
    anl__ckpt *k = NULL;
    anl_ctx *ctx = anl_ctx_create();
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (!ctx || fd < 0 || write(fd, data, size) != (ssize_t)size ||
        write(fd, more, more_size) != (ssize_t)more_size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    anl_status st = anl__ckpt_open(ctx, path, &k);
    if (st == ANL_OK) use(k);
    else if (k || st == ANL_INTERNAL || !anl_last_error(ctx)[0]) abort();
    anl__ckpt_close(k);
    if (anl__live_blocks(ctx) != 0) abort();
    anl_ctx_destroy(ctx);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 1 << 16) return 0;
    if (data[0] % 2 == 0) {
        try_file(data + 1, size - 1, "", 0);
        return 0;
    }
    char seal[ANL__CKPT_SEAL + 1];
    size_t n;
    void *image = edited(data + 1, size - 1, &n);
    if (!image) return 0;
    anl__ckpt_seal(image, n, seal);
    try_file(image, n, seal, ANL__CKPT_SEAL);
    free(image);
    return 0;
}
