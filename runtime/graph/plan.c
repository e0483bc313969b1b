/* Plan: from lifetimes to offsets in one arena. A pure function: no graph, no device.
 * Best fit by decreasing size: each interval takes the lowest gap among those already placed whose lifetimes meet
 * its own. Ties keep the given order, so the same input gives the same plan. */
#include "passes.h"

#include <stdlib.h>

typedef struct placed { size_t begin, end; } placed;

static int by_begin(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    return x->begin < y->begin ? -1 : x->begin > y->begin ? 1 : x->end < y->end ? -1 : x->end > y->end;
}

static size_t up(size_t n, size_t align) { return (n + align - 1) & ~(align - 1); }

static size_t live_peak(const anl__interval *iv, int n, size_t align)
{
    size_t peak = 0;
    for (int a = 0; a < n; a++) { /* the maximum is reached where some interval begins */
        size_t sum = 0;
        for (int b = 0; b < n; b++)
            if (iv[b].first <= iv[a].first && iv[a].first <= iv[b].last) sum += up(iv[b].bytes, align);
        if (sum > peak) peak = sum;
    }
    return peak;
}

/* Lowest offset where `bytes` fit between the m placed blocks, which are sorted by begin. */
static size_t lowest_gap(const placed *block, int m, size_t bytes)
{
    size_t at = 0;
    for (int i = 0; i < m; i++) {
        if (block[i].begin >= at + bytes) break;
        if (block[i].end > at) at = block[i].end;
    }
    return at;
}

static void sort_by_size(const anl__interval *iv, int *order, int n)
{
    for (int i = 0; i < n; i++) { /* insertion: stable, n is some hundreds */
        int k = i;
        for (; k > 0 && iv[order[k - 1]].bytes < iv[i].bytes; k--) order[k] = order[k - 1];
        order[k] = i;
    }
}

anl_status anl__plan(anl_ctx *ctx, anl__interval *iv, int n, size_t align, bool share, size_t *arena, size_t *peak)
{
    size_t end = 0;
    anl_status st = ANL_NOMEM;
    int *order = anl__calloc(ctx, (size_t)n + 1, sizeof *order);
    placed *block = anl__calloc(ctx, (size_t)n + 1, sizeof *block);
    if (!order || !block) goto done;
    sort_by_size(iv, order, n);
    for (int k = 0; k < n; k++) {
        anl__interval *x = &iv[order[k]];
        int m = 0;
        for (int q = 0; q < k; q++) {
            const anl__interval *y = &iv[order[q]];
            if (!share || (y->first <= x->last && x->first <= y->last))
                block[m++] = (placed){y->offset, y->offset + up(y->bytes, align)};
        }
        qsort(block, (size_t)m, sizeof *block, by_begin);
        x->offset = lowest_gap(block, m, up(x->bytes, align));
        if (x->offset + up(x->bytes, align) > end) end = x->offset + up(x->bytes, align);
    }
    *arena = end;
    if (peak) *peak = live_peak(iv, n, align);
    st = ANL_OK;
done:
    anl__free(ctx, order);
    anl__free(ctx, block);
    return st;
}
