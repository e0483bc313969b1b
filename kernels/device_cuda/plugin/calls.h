/* What kernels ask of the CUDA device; C and C++. */
#ifndef ANL_CUDA_CALLS_H
#define ANL_CUDA_CALLS_H

#include "op.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anl__cuda_libs anl__cuda_libs;

void *anl__cuda_stream(const anl_device *dev);          /* a cudaStream_t */
anl_status anl__cuda_launched(const anl_device *dev);   /* did the launch just made go through? */
/* A library's call failed in `where` with that status of its own: the message and ANL_DEVICE. */
anl_status anl__cuda_failed(const anl_device *dev, const char *library, int status, const char *where);
/* Does this build have code for the current device? */
bool anl__cuda_has_code(void);
const anl__cuda_libs *anl__cuda_libs_of(const anl_device *dev);
/* cudaMemsetAsync on the device's stream. */
anl_status anl__cuda_zero(const anl_device *dev, void *p, size_t bytes);
/* Counters on the device, all 0 whenever none of our kernels runs, for anl_last_block (kernels/common/last_block.cuh). They are of the device handle, whose
   kernels follow each other on one stream: no two launches count in them at once. A launch that is cut off leaves them as they are; the device is lost then. */
enum { ANL__CUDA_COUNTERS = 1024 };
unsigned *anl__cuda_counters(const anl_device *dev);
/* Memory that a prepared kernel keeps on the device, filled from the host. */
anl_status anl__cuda_keep(anl_device *dev, const void *host, size_t bytes, void **out);
void anl__cuda_drop(anl_device *dev, void *p);
/* dst += src, n elements of f32, bf16 or f16. */
anl_status anl__cuda_add(const anl_device *dev, void *dst, const void *src, anl_dtype type, int64_t n);
/* Casts of at most ANL__MOST_COPIES arrays, n elements each, in one launch; one of the types is f32. */
typedef struct anl__cuda_cast { const void *src; void *dst; int64_t n; } anl__cuda_cast;
anl_status anl__cuda_convert(const anl_device *dev, anl_dtype dst_type, anl_dtype src_type, const anl__cuda_cast *list, int count);
/* dst (rows, dst_columns) = (accum ? dst : 0) + src (rows, src_columns): columns that src lacks are 0, columns that dst lacks are left out. */
anl_status anl__cuda_columns(const anl_device *dev, void *dst, anl_dtype dst_type, int64_t dst_columns, const void *src, anl_dtype src_type, int64_t src_columns, int64_t rows, bool accum);
/* y = relu(y + bias), n elements, k columns; bias may be NULL. */
anl_status anl__cuda_bias_relu(const anl_device *dev, void *y, anl_dtype type, const float *bias, int64_t n, int64_t k, bool relu);
/* dst[t] = src[steps - 1 - t], rows of an even number of bytes. */
anl_status anl__cuda_flip(const anl_device *dev, void *dst, const void *src, int64_t steps, size_t row);
static inline bool anl__cuda_is_half(anl_dtype t) { return t == ANL_BF16 || t == ANL_F16; }
/* Fills `out` for input `in`, an f32 parameter: its copy in a 16-bit type, in the same order. False with out->status set where memory is short. */
bool anl__cuda_pack_half(const anl__env *env, const anl__call *c, int in, anl_dtype to, anl__pack *out);

#ifdef __cplusplus
}
#endif

#endif
