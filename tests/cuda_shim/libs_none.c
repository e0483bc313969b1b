/* Test only: the shim has none of NVIDIA's libraries. */
#include "kernels/device_cuda/plugin/libs.h"

anl_status anl__cuda_libs_open(anl_ctx *ctx, void *stream, anl__cuda_libs **out)
{
    (void)stream;
    *out = anl__alloc(ctx, sizeof **out);
    return *out ? ANL_OK : ANL_NOMEM;
}

void anl__cuda_libs_close(anl_ctx *ctx, anl__cuda_libs *libs) { anl__free(ctx, libs); }

void anl__cuda_libs_describe(const anl__cuda_libs *libs, anl__buf *out)
{
    (void)libs;
    anl__buf_add(out, ", no libraries");
}

void anl__cuda_libs_report(anl_ctx *ctx, anl__buf *out)
{
    (void)ctx;
    anl__buf_add(out, "no libraries in the shim\n");
}
