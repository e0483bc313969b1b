/* Texts: the first byte says what is read (a running text, pairs, labelled texts or windows, or what a checkpoint keeps of them: a
 * tokenizer, the scales of a series or of windows, a translation memory). Whatever the bytes, reading gives something whose tokens lie in the vocabulary
 * and that survives being written, or a message. */
#include "datasets/labelled.h"
#include "datasets/pairs.h"
#include "datasets/series.h"
#include "datasets/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT, PAIRS, LABELLED, WINDOWS, TOKENS, SERIES_FIT, WINDOW_SCALES, MEMORY, WAYS };

static anl__tokens_opts tokens_of(int way)
{
    anl__tokens_opts o = anl__tokens_opts_default();
    o.kind = (anl__tokens_kind)(way / WAYS % 4);
    o.lower = way / WAYS / 4 % 2;
    o.merges = 20;
    return o;
}

/* Written, read and written again: the same. */
static void round_trip(anl_ctx *ctx, const anl__tokens *t)
{
    anl__buf a, b;
    anl__tokens *again = NULL;
    anl__buf_init(&a, ctx);
    anl__buf_init(&b, ctx);
    anl__tokens_write(t, &a);
    if (a.status != ANL_OK || anl__tokens_read(ctx, a.text, a.len, &again) != ANL_OK) abort();
    anl__tokens_write(again, &b);
    if (a.len != b.len || memcmp(a.text, b.text, a.len)) abort();
    anl__tokens_destroy(again);
    anl__buf_release(&a);
    anl__buf_release(&b);
}

static anl_status as_text(anl_ctx *ctx, const char *at, size_t n, int way)
{
    anl__text *t;
    anl__text_opts o = anl__text_opts_default();
    o.tokens = tokens_of(way);
    o.streams[0] = o.streams[1] = o.streams[2] = 2;
    o.chunk = 4;
    ANL_TRY(anl__text_parse(ctx, "fuzz.txt", at, n, &o, &t));
    for (int64_t i = 0; i < t->ids.n; i++)
        if (t->ids.id[i] < 0 || t->ids.id[i] >= anl__tokens_size(t->tokenizer)) abort();
    round_trip(ctx, t->tokenizer);
    anl__text_close(t);
    return ANL_OK;
}

static anl_status as_pairs(anl_ctx *ctx, const char *at, size_t n, int way)
{
    anl__pairs *p;
    anl__pairs_opts o = anl__pairs_opts_default();
    o.source = "source";
    o.target = "target";
    o.source_tokens = o.target_tokens = tokens_of(way);
    o.max_length = 8;
    o.similar = way / WAYS / 8 % 3;
    ANL_TRY(anl__pairs_parse(ctx, "fuzz.tsv", at, n, &o, &p));
    round_trip(ctx, p->source_tokens);
    round_trip(ctx, p->target_tokens);
    anl__pairs_close(p);
    return ANL_OK;
}

static anl_status as_labelled(anl_ctx *ctx, const char *at, size_t n, int way)
{
    anl__labelled *l;
    anl__labelled_opts o = anl__labelled_opts_default();
    bool windows = way % WAYS == WINDOWS;
    o.label = "label";
    o.text = windows ? NULL : "text";
    o.item = windows ? "item" : NULL;
    o.tokens = tokens_of(way);
    o.max_length = 8;
    ANL_TRY(anl__labelled_parse(ctx, "fuzz.csv", at, n, &o, &l));
    if (l->tokenizer) round_trip(ctx, l->tokenizer);
    anl__labelled_close(l);
    return ANL_OK;
}

static anl_status as_tokens(anl_ctx *ctx, const char *at, size_t n)
{
    anl__tokens *t;
    anl__buf out;
    anl__ids ids = {0};
    ANL_TRY(anl__tokens_read(ctx, at, n, &t));
    round_trip(ctx, t);
    anl__buf_init(&out, ctx);
    anl_status st = anl__tokens_encode(t, (anl__span){at, n}, &ids, NULL);
    if (st == ANL_OK && anl__tokens_decode(t, ids.id, ids.n, &out) != ANL_OK) abort();
    anl__free(ctx, ids.id);
    anl__buf_release(&out);
    anl__tokens_destroy(t);
    return st;
}

static anl_status as_series_fit(anl_ctx *ctx, const char *at, size_t n)
{
    anl__series_fit *f;
    ANL_TRY(anl__series_read(ctx, at, n, &f));
    anl__series_fit_destroy(f);
    return ANL_OK;
}

static anl_status as_window_scales(anl_ctx *ctx, const char *at, size_t n)
{
    anl__arena *a;
    anl__labelled_opts o = anl__labelled_opts_default();
    ANL_TRY(anl__arena_create(ctx, &a));
    anl_status st = anl__labelled_read(ctx, at, n, a, &o);
    anl__arena_destroy(a);
    return st;
}

/* Written, it is what was read. */
static anl_status as_memory(anl_ctx *ctx, const char *at, size_t n)
{
    anl__memory *m;
    anl__buf b;
    ANL_TRY(anl__memory_read(ctx, at, n, &m));
    anl__buf_init(&b, ctx);
    anl__memory_write(m, &b);
    if (b.len != n || (n && memcmp(b.text, at, n))) abort();
    anl__buf_release(&b);
    anl__memory_destroy(m);
    return ANL_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    int way = data[0];
    const char *at = (const char *)data + 1;
    size_t n = size - 1;
    anl_ctx *ctx = anl_ctx_create();
    if (!ctx) return 0;
    anl_status st = ANL_OK;
    switch (way % WAYS) {
    case TEXT: st = as_text(ctx, at, n, way); break;
    case PAIRS: st = as_pairs(ctx, at, n, way); break;
    case LABELLED:
    case WINDOWS: st = as_labelled(ctx, at, n, way); break;
    case TOKENS: st = as_tokens(ctx, at, n); break;
    case SERIES_FIT: st = as_series_fit(ctx, at, n); break;
    case WINDOW_SCALES: st = as_window_scales(ctx, at, n); break;
    case MEMORY: st = as_memory(ctx, at, n); break;
    default: break;
    }
    if (st != ANL_OK && !anl_last_error(ctx)[0]) abort();
    if (anl__live_blocks(ctx) != 0) abort();
    anl_ctx_destroy(ctx);
    return 0;
}
