/* All host memory: counted, zeroed, 64-byte aligned; the n-th allocation can be made to fail. */
#include "context.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* From this size on a block begins on a huge page and asks for them: touching it first is several times as fast. */
#define HUGE_FROM ((size_t)4 << 20)
#define HUGE_PAGE ((size_t)2 << 20)

void anl__inject(anl_ctx *ctx, anl__inject_kind kind, int64_t nth)
{
    atomic_store(&ctx->seen[kind], 0);
    atomic_store(&ctx->fail_at[kind], nth);
}

bool anl__inject_hit(anl_ctx *ctx, anl__inject_kind kind)
{
    int64_t at = atomic_fetch_add(&ctx->seen[kind], 1) + 1;
    return atomic_load_explicit(&ctx->fail_at[kind], memory_order_relaxed) == at;
}

int64_t anl__inject_seen(const anl_ctx *ctx, anl__inject_kind kind) { return atomic_load(&ctx->seen[kind]); }
int64_t anl__live_blocks(const anl_ctx *ctx) { return atomic_load(&ctx->live); }

void *anl__alloc(anl_ctx *ctx, size_t bytes)
{
    void *p = NULL;
    size_t whole = (bytes + 63) & ~(size_t)63;
    if (whole < bytes || anl__inject_hit(ctx, ANL__INJECT_ALLOC) || posix_memalign(&p, whole >= HUGE_FROM ? HUGE_PAGE : 64, whole ? whole : 64)) {
        anl__fail(ctx, ANL_NOMEM, "no memory for %zu bytes", bytes);
        return NULL;
    }
    if (whole >= HUGE_FROM) (void)madvise(p, whole, MADV_HUGEPAGE);
    memset(p, 0, whole ? whole : 64);
    atomic_fetch_add_explicit(&ctx->live, 1, memory_order_relaxed);
    return p;
}

void *anl__calloc(anl_ctx *ctx, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size) {
        anl__fail(ctx, ANL_NOMEM, "no memory for %zu items of %zu bytes", count, size);
        return NULL;
    }
    return anl__alloc(ctx, count * size);
}

void *anl__realloc(anl_ctx *ctx, void *p, size_t old_bytes, size_t new_bytes)
{
    void *q = anl__alloc(ctx, new_bytes);
    if (!q) return NULL;
    if (p) memcpy(q, p, old_bytes < new_bytes ? old_bytes : new_bytes);
    anl__free(ctx, p);
    return q;
}

void anl__free(anl_ctx *ctx, void *p)
{
    if (!p) return;
    atomic_fetch_sub_explicit(&ctx->live, 1, memory_order_relaxed);
    free(p);
}

char *anl__strdup(anl_ctx *ctx, const char *s)
{
    size_t n = strlen(s) + 1;
    char *p = anl__alloc(ctx, n);
    if (p) memcpy(p, s, n);
    return p;
}

anl_status anl__grow(anl_ctx *ctx, void *items_ptr, int64_t *cap, int64_t need, size_t item)
{
    void *old, *now;
    int64_t want = *cap > 0 ? *cap : 8;
    if (need <= *cap) return ANL_OK;
    while (want < need) want *= 2;
    memcpy(&old, items_ptr, sizeof old);
    now = anl__realloc(ctx, old, (size_t)*cap * item, (size_t)want * item);
    if (!now) return ANL_NOMEM;
    memcpy(items_ptr, &now, sizeof now);
    *cap = want;
    return ANL_OK;
}
