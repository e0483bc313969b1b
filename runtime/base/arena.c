/* Arena: blocks of growing size, freed together. */
#include "base.h"

#include <stdio.h>
#include <string.h>

typedef struct block {
    struct block *next;
    size_t used, size;
} block;
struct anl__arena {
    anl_ctx *ctx;
    block *head;
};
#define HEAD ((sizeof(block) + 15) & ~(size_t)15)

anl_status anl__arena_create(anl_ctx *ctx, anl__arena **out)
{
    anl__arena *a = anl__alloc(ctx, sizeof *a);
    if (!a) return ANL_NOMEM;
    a->ctx = ctx;
    *out = a;
    return ANL_OK;
}

void *anl__arena_alloc(anl__arena *a, size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    if (!a->head || a->head->size - a->head->used < bytes) {
        size_t size = a->head ? a->head->size * 2 : 4096 - HEAD;
        if (size > 1 << 20) size = 1 << 20;
        if (size < bytes) size = bytes;
        block *b = anl__alloc(a->ctx, HEAD + size);
        if (!b) return NULL;
        b->size = size;
        b->next = a->head;
        a->head = b;
    }
    void *p = (char *)a->head + HEAD + a->head->used;
    a->head->used += bytes;
    return p;
}

char *anl__arena_strdup(anl__arena *a, const char *s)
{
    size_t n = strlen(s) + 1;
    char *p = anl__arena_alloc(a, n);
    if (p) memcpy(p, s, n);
    return p;
}

char *anl__arena_printf(anl__arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = n < 0 ? NULL : anl__arena_alloc(a, (size_t)n + 1);
    if (!p) return NULL;
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

void anl__arena_destroy(anl__arena *a)
{
    if (!a) return;
    for (block *b = a->head; b;) {
        block *next = b->next;
        anl__free(a->ctx, b);
        b = next;
    }
    anl__free(a->ctx, a);
}
