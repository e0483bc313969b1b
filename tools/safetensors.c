/* See safetensors.h. */
#include "safetensors.h"

#include "runtime/base/files.h"

#include <cjson/cJSON.h>
#include <string.h>

/* The header as text; cJSON's memory. NULL: none. */
static char *header_of(const safetensor *t, int n, const char *const (*meta)[2], int n_meta, size_t *bytes)
{
    cJSON *o = cJSON_CreateObject(), *m = cJSON_AddObjectToObject(o, "__metadata__");
    for (int i = 0; i < n_meta; i++) cJSON_AddStringToObject(m, meta[i][0], meta[i][1]);
    *bytes = 0;
    for (int i = 0; i < n; i++) {
        cJSON *one = cJSON_AddObjectToObject(o, t[i].name), *shape, *at;
        cJSON_AddStringToObject(one, "dtype", "F32");
        shape = cJSON_AddArrayToObject(one, "shape");
        for (int k = 0; k < t[i].shape.rank; k++)
            cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)t[i].shape.dim[k]));
        at = cJSON_AddArrayToObject(one, "data_offsets");
        cJSON_AddItemToArray(at, cJSON_CreateNumber((double)*bytes));
        *bytes += sizeof(float) * (size_t)anl_shape_count(&t[i].shape);
        cJSON_AddItemToArray(at, cJSON_CreateNumber((double)*bytes));
    }
    char *text = cJSON_PrintUnformatted(o);
    cJSON_Delete(o);
    return text;
}

anl_status safetensors_write(anl_ctx *ctx, const char *path, const safetensor *t, int n,
                             const char *const (*meta)[2], int n_meta)
{
    size_t bytes;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++)
            if (!strcmp(t[i].name, t[k].name))
                return anl__fail(ctx, ANL_INVALID, "two tensors have the name %s", t[i].name);
    char *text = header_of(t, n, meta, n_meta, &bytes);
    if (!text) return anl__fail(ctx, ANL_NOMEM, "no memory for the header of %s", path);
    size_t len = strlen(text), head = (len + 7) & ~(size_t)7; /* blanks to 8 bytes: aligned tensors */
    char *file = anl__alloc(ctx, 8 + head + bytes);
    anl_status st = ANL_NOMEM;
    if (file) {
        char *to = file + 8 + head;
        for (int i = 0; i < 8; i++) file[i] = (char)(head >> 8 * i);
        memset(file + 8, ' ', head);
        memcpy(file + 8, text, len);
        for (int i = 0; i < n; i++) {
            size_t size = sizeof(float) * (size_t)anl_shape_count(&t[i].shape);
            memcpy(to, t[i].data, size);
            to += size;
        }
        st = anl__file_replace(ctx, path, file, 8 + head + bytes);
    }
    anl__free(ctx, file);
    cJSON_free(text);
    return st;
}
