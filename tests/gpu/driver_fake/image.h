/* Device code as files hold it: fat binaries, their compression, and what a cubin says of its kernels. */
#ifndef ANL_TEST_DRIVER_IMAGE_H
#define ANL_TEST_DRIVER_IMAGE_H

#include "driver.h"

/* One cubin for compute capability 9.0, or PTX where there is none. */
typedef struct image {
    char *bytes; /* owned */
    size_t size;
    bool ptx;
} image;

/* All images of `data` (a fat binary, its wrapper, a cubin or PTX) that the device would take; 0 with CUDA_ERROR_NO_BINARY_FOR_GPU or another code in
 * *why. */
int images_of(const void *data, image **out, CUresult *why);

typedef struct variable {
    char *name;
    size_t bytes;
    const char *first; /* NULL: zeros */
} variable;
/* Called for each kernel (owned by the callee) and variable of a cubin. */
void cubin_read(const image *im, void (*kernel)(void *to, kernel_info *k), void (*global)(void *to, variable v), void *to);

#endif
