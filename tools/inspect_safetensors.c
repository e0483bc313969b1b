/* See inspect_safetensors.h. */
#include "inspect_safetensors.h"

#include "runtime/op.h"
#include "tools/weights/read_safetensors.h"

#include <stdio.h>
#include <string.h>

bool inspect_is_safetensors(const char *path)
{
    static const char end[] = ".safetensors";
    size_t n = strlen(path), m = sizeof end - 1;
    return n > m && !strcmp(path + n - m, end);
}

static void show_all(const safetensors_file *f)
{
    char shape[96];
    int64_t numbers = 0;
    const char *format = safetensors_meta(f, "format");
    printf("file     %s\nformat   %s\n", safetensors_path(f), format ? format : "(not said)");
    for (int i = 0; i < safetensors_count(f); i++) {
        const safetensors_entry *e = safetensors_at(f, i);
        printf("%-52s %-8s %s\n", e->name, e->dtype, anl__shape_text(&e->shape, shape));
        numbers += anl_shape_count(&e->shape);
    }
    printf("%d tensors, %lld numbers\n", safetensors_count(f), (long long)numbers);
}

static anl_status unknown(anl_ctx *ctx, const safetensors_file *f, const char *tensor)
{
    int n = safetensors_count(f);
    const char **names = anl__calloc(ctx, (size_t)n + 1, sizeof *names);
    if (!names) return ANL_NOMEM;
    for (int i = 0; i < n; i++) names[i] = safetensors_at(f, i)->name;
    const char *near = anl__nearest(tensor, names, n);
    anl_status st = anl__fail(ctx, ANL_INVALID, "%s: there is no tensor '%s'%s%s%s", safetensors_path(f),
                              tensor, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    anl__free(ctx, names);
    return st;
}

static anl_status show_one(anl_ctx *ctx, const safetensors_file *f, const char *tensor)
{
    const safetensors_entry *e = safetensors_find(f, tensor);
    if (!e) return unknown(ctx, f, tensor);
    if (!safetensors_is_float(e))
        return anl__fail(ctx, ANL_UNSUPPORTED,
                         "%s: tensor '%s' is of type %s: values are shown of F32, F16, BF16 and F64",
                         safetensors_path(f), tensor, e->dtype);
    int64_t n = anl_shape_count(&e->shape);
    float *v = anl__calloc(ctx, (size_t)n + 1, sizeof *v);
    if (!v) return ANL_NOMEM;
    safetensors_floats(f, e, v);
    for (int64_t i = 0; i < n; i++) printf("%.9g\n", (double)v[i]);
    anl__free(ctx, v);
    return ANL_OK;
}

anl_status inspect_safetensors(anl_ctx *ctx, const char *path, const char *tensor)
{
    safetensors_file *f;
    ANL_TRY(safetensors_open(ctx, path, &f));
    anl_status st = ANL_OK;
    if (tensor) st = show_one(ctx, f, tensor);
    else show_all(f);
    safetensors_close(f);
    return st;
}
