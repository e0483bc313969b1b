/* safetensors files: whatever the bytes, reading gives tensors of which every number can be read, or a
 * message. Seeds: those of tests/golden/generate_weights.py, and files of one mistake each. */
#include "tools/weights/read_safetensors.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(anl_ctx *ctx, const safetensors_file *f)
{
    for (int i = 0; i < safetensors_count(f); i++) {
        const safetensors_entry *e = safetensors_at(f, i);
        size_t n = (size_t)anl_shape_count(&e->shape);
        if (safetensors_find(f, e->name) != e) abort(); /* names are told apart */
        if (n > e->end - e->begin)
            abort(); /* a number takes a byte at least: what follows is no more than four files */
        if (!safetensors_is_float(e)) continue;
        float *to = anl__calloc(ctx, n, sizeof *to);
        if (to) safetensors_floats(f, e, to);
        anl__free(ctx, to);
    }
    safetensors_meta(f, "format");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    safetensors_file *f = NULL;
    anl_ctx *ctx = anl_ctx_create();
    if (!ctx) return 0;
    if (safetensors_parse(ctx, "fuzz", data, size, &f) == ANL_OK) use(ctx, f);
    else if (!anl_last_error(ctx)[0]) abort();
    safetensors_close(f);
    if (anl__live_blocks(ctx) != 0) abort();
    anl_ctx_destroy(ctx);
    return 0;
}
