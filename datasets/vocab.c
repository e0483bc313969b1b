/* The string set of vocab.h. */
#include "datasets/vocab.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 1024 };

static uint64_t hash(anl__span s)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < s.bytes; i++) h = (h ^ (uint8_t)s.text[i]) * 1099511628211u;
    return h ^ h >> 32;
}

anl_status anl__vocab_init(anl_ctx *ctx, anl__vocab *v)
{
    *v = (anl__vocab){.ctx = ctx, .slots = FIRST_SLOTS};
    v->slot = anl__calloc(ctx, FIRST_SLOTS, sizeof *v->slot);
    anl_status st = v->slot ? anl__arena_create(ctx, &v->arena) : ANL_NOMEM;
    if (st != ANL_OK) anl__vocab_release(v);
    return st;
}

void anl__vocab_release(anl__vocab *v)
{
    if (!v->ctx) return;
    anl__arena_destroy(v->arena);
    anl__free(v->ctx, v->item);
    anl__free(v->ctx, v->count);
    anl__free(v->ctx, v->slot);
    *v = (anl__vocab){.ctx = NULL};
}

static bool same(anl__span a, anl__span b)
{
    return a.bytes == b.bytes && memcmp(a.text, b.text, a.bytes) == 0;
}

/* The slot of a string, or the free one where it would go. */
static int64_t place(const anl__vocab *v, anl__span s)
{
    int64_t mask = v->slots - 1, at = (int64_t)(hash(s) & (uint64_t)mask);
    while (v->slot[at] && !same(v->item[v->slot[at] - 1], s)) at = (at + 1) & mask;
    return at;
}

int32_t anl__vocab_find(const anl__vocab *v, anl__span s)
{
    return v->slot[place(v, s)] - 1;
}

static anl_status grow_slots(anl__vocab *v)
{
    int32_t *slot = anl__calloc(v->ctx, 2 * (size_t)v->slots, sizeof *slot);
    if (!slot) return ANL_NOMEM;
    anl__free(v->ctx, v->slot);
    v->slot = slot;
    v->slots *= 2;
    for (int64_t i = 0; i < v->n; i++) v->slot[place(v, v->item[i])] = (int32_t)i + 1;
    return ANL_OK;
}

anl_status anl__vocab_add(anl__vocab *v, anl__span s, int32_t *id)
{
    int32_t found = anl__vocab_find(v, s);
    if (found < 0) {
        if (v->n >= INT32_MAX / 2) return anl__fail(v->ctx, ANL_DATA, "a vocabulary of more than %lld entries", (long long)v->n);
        if (2 * (v->n + 1) > v->slots) ANL_TRY(grow_slots(v));
        ANL_TRY(anl__grow(v->ctx, &v->item, &v->item_cap, v->n + 1, sizeof *v->item));
        ANL_TRY(anl__grow(v->ctx, &v->count, &v->count_cap, v->n + 1, sizeof *v->count));
        char *copy = anl__arena_alloc(v->arena, s.bytes + 1);
        if (!copy) return ANL_NOMEM;
        memcpy(copy, s.text, s.bytes);
        v->item[v->n] = (anl__span){copy, s.bytes};
        v->count[v->n] = 0;
        found = (int32_t)v->n++;
        v->slot[place(v, s)] = found + 1;
    }
    *id = found;
    return ANL_OK;
}

int anl__span_compare(anl__span a, anl__span b)
{
    int c = memcmp(a.text, b.text, a.bytes < b.bytes ? a.bytes : b.bytes);
    return c ? c : (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

typedef struct entry {
    anl__span text;
    int64_t count;
    int32_t id;
} entry;

static int compare(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return anl__span_compare(x->text, y->text);
}

anl_status anl__vocab_sort(const anl__vocab *v, bool by_count, int32_t *order)
{
    entry *e = anl__calloc(v->ctx, (size_t)v->n, sizeof *e);
    if (!e) return ANL_NOMEM;
    for (int64_t i = 0; i < v->n; i++) e[i] = (entry){v->item[i], by_count ? v->count[i] : 0, (int32_t)i};
    qsort(e, (size_t)v->n, sizeof *e, compare);
    for (int64_t i = 0; i < v->n; i++) order[i] = e[i].id;
    anl__free(v->ctx, e);
    return ANL_OK;
}
