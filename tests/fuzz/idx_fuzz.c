/* Data files: the first byte chooses what the rest is (images or labels, IDX or NPY; compressed if it looks
 * so). Whatever the bytes, opening gives a set whose every byte can be read, or a message. */
#include "datasets/dataset.h"
#include "datasets/transform.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { AS_IDX, AS_IDX_LABELS, AS_NPY, AS_NPY_LABELS, WAYS };

static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8};
static const char array[] =
    "\x93NUMPY\1\0\x3a\0{'descr': '|u1', 'fortran_order': False, 'shape': (4, 2)}\n12345678";

/* A file in memory, and a name to open it by. */
static int memory_file(const void *data, size_t size, char path[64])
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static void use(anl_ctx *ctx, const anl__dataset *ds)
{
    anl__norm norm;
    if (anl__norm_measure(ctx, ds, NULL, ds->n, &norm) != ANL_OK)
        return; /* reads every byte of every sample */
    anl__norm_release(ctx, &norm);
    for (int64_t i = 0; ds->classes && i < ds->n; i++) {
        int32_t y = *(const int32_t *)anl__dataset_get(ds, ANL__FIELD_LABEL, i);
        if (y < 0 || y >= ds->classes) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char first[64], second[64];
    if (size < 1) return 0;
    int way = data[0] % WAYS, fd = memory_file(data + 1, size - 1, first), other = -1;
    anl__data_opts o = anl__data_opts_default();
    o.cache = false;
    o.max_bytes = 1 << 20;
    o.format = way < AS_NPY ? "idx" : "npy";
    o.images = first;
    if (way == AS_IDX_LABELS || way == AS_NPY_LABELS) {
        other = way == AS_IDX_LABELS ? memory_file(images, sizeof images, second)
                                     : memory_file(array, sizeof array - 1, second);
        o.images = second;
        o.labels = first;
    }
    anl_ctx *ctx = anl_ctx_create();
    anl__dataset *ds = NULL;
    if (ctx && anl__dataset_open(ctx, &o, &ds) == ANL_OK) use(ctx, ds);
    if (ctx && !ds && !anl_last_error(ctx)[0]) abort();
    anl__dataset_close(ds);
    if (ctx && anl__live_blocks(ctx) != 0) abort();
    anl_ctx_destroy(ctx);
    if (other >= 0) close(other);
    close(fd);
    return 0;
}
