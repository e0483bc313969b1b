/* Pairs of texts from rows of cells (pairs.h). Rows of one source are a group: they stay in one part and are each other's
 * references. */
#include "datasets/pairs.h"

#include "datasets/vocab.h"

#include <string.h>

anl__pairs_opts anl__pairs_opts_default(void)
{
    anl__pairs_opts o = {.csv = anl__csv_opts_default(), .source = "source", .target = "target", .parts = {.valid = 0.05, .test = 0.05},
                         .source_tokens = anl__tokens_opts_default(), .target_tokens = anl__tokens_opts_default()};
    o.csv.quotes = false;
    return o;
}

typedef struct builder {
    anl__pairs *p;
    const anl__pairs_opts *o;
    int64_t rows, source, target, part; /* columns; part < 0: none */
    anl__vocab sources;                 /* the different ones, in the order of the file */
    int32_t *group, *row_part;          /* [rows] */
    int64_t *item;                      /* [rows] of the set; -1: left out */
    anl__ids src, tgt;                  /* all tokens; targets as bos .. eos */
    int64_t *src_at, *tgt_at;           /* [rows + 1] */
    int64_t items;
    int32_t *similar;                   /* [sources][o->similar] pairs of the memory that are most like a source; NULL: no memory */
} builder;

static anl__span cell(const builder *b, int64_t row, int64_t column)
{
    const char *s = anl__csv_get(b->p->csv, row, column);
    return (anl__span){s, strlen(s)};
}

/* ---- groups and parts ------------------------------------------------------------------------- */

static anl_status find_groups(builder *b)
{
    for (int64_t i = 0; i < b->rows; i++) {
        if (!cell(b, i, b->source).bytes) return anl__csv_fail(b->p->csv, i, b->source, "the source is empty");
        if (!cell(b, i, b->target).bytes) return anl__csv_fail(b->p->csv, i, b->target, "the target is empty");
        ANL_TRY(anl__vocab_add(&b->sources, cell(b, i, b->source), &b->group[i]));
    }
    return ANL_OK;
}

static anl_status parts_by_column(builder *b, int32_t *of_group)
{
    const anl__csv *c = b->p->csv;
    for (int64_t g = 0; g < b->sources.n; g++) of_group[g] = -1;
    for (int64_t i = 0; i < b->rows; i++) {
        int32_t part = anl__part_find(anl__csv_get(c, i, b->part)), *of = &of_group[b->group[i]];
        if (part < 0) return anl__csv_fail(c, i, b->part, "\"%.40s\" is none of train, valid and test", anl__csv_get(c, i, b->part));
        if (*of >= 0 && *of != part)
            return anl__csv_fail(c, i, b->source, "the source \"%.60s\" is in the %s part too: parts must have no source in common", anl__csv_get(c, i, b->source),
                                 anl__part_name(*of));
        *of = part;
    }
    return ANL_OK;
}

static anl_status find_parts(builder *b)
{
    anl_ctx *ctx = b->p->ctx;
    int32_t *of_group = anl__calloc(ctx, (size_t)b->sources.n, sizeof *of_group);
    if (!of_group) return ANL_NOMEM;
    anl_status st = b->part >= 0 ? parts_by_column(b, of_group) : anl__parts_draw(ctx, b->sources.n, NULL, 0, &b->o->parts, of_group);
    for (int64_t i = 0; st == ANL_OK && i < b->rows; i++) b->row_part[i] = of_group[b->group[i]];
    anl__free(ctx, of_group);
    return st;
}

/* ---- tokens ----------------------------------------------------------------------------------- */

/* Of one column of the training part, or of both. */
static anl_status build_tokens(builder *b, int64_t column, int64_t column2, const anl__tokens_opts *o, anl__tokens **out)
{
    anl_ctx *ctx = b->p->ctx;
    int64_t n = 0;
    anl__span *text = anl__calloc(ctx, 2 * (size_t)b->rows, sizeof *text);
    if (!text) return ANL_NOMEM;
    for (int64_t i = 0; i < b->rows; i++) {
        if (b->row_part[i] != ANL__PART_TRAIN) continue;
        text[n++] = cell(b, i, column);
        if (column2 >= 0) text[n++] = cell(b, i, column2);
    }
    anl_status st = anl__tokens_build(ctx, text, n, o, out);
    anl__free(ctx, text);
    return st == ANL_OK ? st : anl__context(ctx, st, "%s: the %s column's vocabulary", b->p->csv->path, b->p->csv->name[column]);
}

static anl_status find_tokenizers(builder *b)
{
    anl__pairs *p = b->p;
    anl__tokens_opts target = b->o->target_tokens;
    target.bos = target.eos = true;
    bool one = b->o->similar > 0; /* vocabulary for both */
    if (!b->o->source_tokenizer && !one) ANL_TRY(build_tokens(b, b->source, -1, &b->o->source_tokens, &p->own_source));
    if (!b->o->target_tokenizer) ANL_TRY(build_tokens(b, b->target, one ? b->source : -1, &target, &p->own_target));
    p->target_tokens = p->own_target ? p->own_target : b->o->target_tokenizer;
    p->source_tokens = p->own_source ? p->own_source : one ? p->target_tokens : b->o->source_tokenizer;
    if (anl__tokens_bos(p->target_tokens) >= 0 && anl__tokens_eos(p->target_tokens) >= 0) return ANL_OK;
    return anl__fail(p->ctx, ANL_INVALID, "%s: the target's tokenizer has no bos and eos", p->csv->path);
}

/* The memory: every training source with its first target. */
static anl_status find_memory(builder *b)
{
    anl__pairs *p = b->p;
    int64_t n = 0;
    p->memory = b->o->memory;
    if (!b->o->similar || p->memory) return ANL_OK;
    bool *seen = anl__calloc(p->ctx, (size_t)b->sources.n, sizeof *seen);
    const char **known = anl__arena_alloc(p->arena, 2 * (size_t)b->sources.n * sizeof *known); /* sources, and their targets behind them */
    if (seen && known)
        for (int64_t i = 0; i < b->rows; i++) {
            if (b->row_part[i] != ANL__PART_TRAIN || seen[b->group[i]]) continue;
            seen[b->group[i]] = true;
            known[n] = anl__csv_get(p->csv, i, b->source);
            known[b->sources.n + n++] = anl__csv_get(p->csv, i, b->target);
        }
    anl_status st = !seen || !known ? ANL_NOMEM : anl__memory_create(p->ctx, known, known + b->sources.n, n, &p->own_memory);
    anl__free(p->ctx, seen);
    p->memory = p->own_memory;
    return st;
}

/* What of it is most like each source: of the training part, another one. */
static anl_status ask_memory(builder *b)
{
    anl__pairs *p = b->p;
    size_t n = (size_t)b->sources.n;
    if (!p->memory) return ANL_OK;
    const char **text = anl__calloc(p->ctx, n, sizeof *text);
    bool *other = anl__calloc(p->ctx, n, sizeof *other);
    b->similar = anl__calloc(p->ctx, n, sizeof *b->similar * (size_t)(b->o->similar ? b->o->similar : 1));
    anl_status st = text && other && b->similar ? ANL_OK : ANL_NOMEM;
    for (int64_t i = 0; i < b->rows && st == ANL_OK; i++) {
        text[b->group[i]] = anl__csv_get(p->csv, i, b->source);
        other[b->group[i]] = b->row_part[i] == ANL__PART_TRAIN;
    }
    anl__memory_asked q = {text, other, b->sources.n, b->o->similar, b->o->cache ? p->csv->path : NULL, b->o->cache_dir};
    if (st == ANL_OK) st = anl__memory_find(p->memory, &q, b->similar);
    anl__free(p->ctx, other);
    anl__free(p->ctx, text);
    return st;
}

/* Tokens of a row behind those of the rows before; a row that is left out adds none. */
static anl_status encode_row(builder *b, int64_t row)
{
    anl__pairs *p = b->p;
    int64_t *unknown = &p->unknown[b->row_part[row]], before = *unknown, src = b->src.n, tgt = b->tgt.n;
    ANL_TRY(anl__tokens_encode(p->source_tokens, cell(b, row, b->source), &b->src, unknown));
    ANL_TRY(anl__ids_add(p->ctx, &b->tgt, anl__tokens_bos(p->target_tokens)));
    ANL_TRY(anl__tokens_encode(p->target_tokens, cell(b, row, b->target), &b->tgt, unknown));
    ANL_TRY(anl__ids_add(p->ctx, &b->tgt, anl__tokens_eos(p->target_tokens)));
    if (b->src.n == src) return anl__csv_fail(p->csv, row, b->source, "the source has no token");
    b->item[row] = b->items;
    int64_t own = b->src.n - src;
    const int32_t *similar = b->similar ? b->similar + (int64_t)b->group[row] * b->o->similar : NULL;
    if (similar) ANL_TRY(anl__memory_append(p->memory, p->source_tokens, similar, b->o->similar, 0, &b->src)); /* behind it */
    if (b->o->max_length && (own > b->o->max_length || b->tgt.n - tgt - 2 > b->o->max_length)) {
        b->src.n = src;
        b->tgt.n = tgt;
        *unknown = before;
        b->item[row] = -1;
        p->too_long++;
        return ANL_OK;
    }
    b->items++;
    b->src_at[b->items] = b->src.n;
    b->tgt_at[b->items] = b->tgt.n;
    return ANL_OK;
}

static anl_status encode_rows(builder *b)
{
    for (int64_t i = 0; i < b->rows; i++) {
        anl_status st = encode_row(b, i);
        if (st != ANL_OK) return anl__context(b->p->ctx, st, "%s:%lld", b->p->csv->path, (long long)b->p->csv->line[i]);
    }
    return b->items ? ANL_OK : anl__fail(b->p->ctx, ANL_DATA, "%s: every row is longer than %lld tokens", b->p->csv->path, (long long)b->o->max_length);
}

/* ---- the set ---------------------------------------------------------------------------------- */

/* A field over runs that begin at at[i] and are `less` steps shorter than they lie apart; the data moves `shift` along. */
static anl_status add_field(builder *b, const char *name, anl__ids *ids, const int64_t *at, int axis, int64_t shift, bool owner)
{
    anl_ctx *ctx = b->p->ctx;
    int64_t less = axis; /* a target's run holds both bos and eos, of which a field has one */
    int64_t *offset = anl__calloc(ctx, (size_t)b->items, sizeof *offset), *length = anl__calloc(ctx, (size_t)b->items, sizeof *length);
    anl__ragged_field f = {.dtype = ANL_I32, .width = 1, .data = ids->id, .steps = ids->n, .axis = axis, .offset = offset, .length = length,
                           .owns = ANL__OWNS_PLACES | (owner ? ANL__OWNS_DATA : 0)};
    if (!offset || !length) {
        anl__free(ctx, offset);
        anl__free(ctx, length);
        return ANL_NOMEM;
    }
    memcpy(f.name, name, strlen(name) + 1);
    for (int64_t i = 0; i < b->items; i++) {
        offset[i] = at[i] + shift;
        length[i] = at[i + 1] - at[i] - less;
    }
    if (owner) ids->id = NULL; /* the set's from here on */
    return anl__ragged_add(b->p->set, &f);
}

static anl_status make_set(builder *b)
{
    anl__pairs *p = b->p;
    const anl__ids tgt = b->tgt;
    ANL_TRY(anl__ragged_create(p->ctx, p->csv->path, b->items, &p->set));
    ANL_TRY(add_field(b, "src", &b->src, b->src_at, 0, 0, true));
    ANL_TRY(add_field(b, "tgt_in", &b->tgt, b->tgt_at, 1, 0, true));
    b->tgt = tgt;
    anl_status st = add_field(b, "tgt_out", &b->tgt, b->tgt_at, 1, 1, false);
    b->tgt.id = NULL;
    return st;
}

static anl_status make_parts(builder *b)
{
    anl__pairs *p = b->p;
    int32_t *part = anl__calloc(p->ctx, (size_t)b->items, sizeof *part);
    if (!part) return ANL_NOMEM;
    for (int64_t i = 0; i < b->rows; i++)
        if (b->item[i] >= 0) part[b->item[i]] = b->row_part[i];
    anl_status st = anl__parts_make(p->ctx, p->csv->path, &b->o->parts, part, b->items, &p->parts);
    anl__free(p->ctx, part);
    return st;
}

/* ---- references ------------------------------------------------------------------------------- */

/* Sources of which at least one row is an item, with all their targets. */
static anl_status make_sources(builder *b)
{
    anl__pairs *p = b->p;
    anl__pairs_source *all = anl__arena_alloc(p->arena, (size_t)b->sources.n * sizeof *all);
    const char **text = anl__arena_alloc(p->arena, (size_t)b->rows * sizeof *text), **next = text;
    if (!all || !text) return ANL_NOMEM;
    for (int64_t i = 0; i < b->rows; i++) all[b->group[i]].references++;
    for (int64_t g = 0; g < b->sources.n; g++) {
        all[g].reference = next;
        next += all[g].references;
        all[g].references = 0;
        all[g].item = -1;
    }
    for (int64_t i = 0; i < b->rows; i++) {
        anl__pairs_source *s = &all[b->group[i]];
        ((const char **)s->reference)[s->references++] = anl__csv_get(p->csv, i, b->target);
        s->text = anl__csv_get(p->csv, i, b->source);
        if (s->item < 0 && b->item[i] >= 0) s->item = b->item[i];
    }
    for (int k = 0; k < ANL__PARTS; k++) {
        p->source[k] = anl__arena_alloc(p->arena, (size_t)b->sources.n * sizeof *all);
        if (!p->source[k]) return ANL_NOMEM;
    }
    for (int64_t i = 0; i < b->rows; i++) {
        anl__pairs_source *s = &all[b->group[i]];
        if (s->item < 0) continue;
        p->source[b->row_part[i]][p->sources[b->row_part[i]]++] = *s;
        s->item = -1; /* listed */
    }
    return ANL_OK;
}

/* ---- opening ---------------------------------------------------------------------------------- */

static anl_status make_arrays(builder *b)
{
    anl_ctx *ctx = b->p->ctx;
    size_t n = (size_t)b->rows;
    ANL_TRY(anl__vocab_init(ctx, &b->sources));
    b->group = anl__calloc(ctx, n, sizeof *b->group);
    b->row_part = anl__calloc(ctx, n, sizeof *b->row_part);
    b->item = anl__calloc(ctx, n, sizeof *b->item);
    b->src_at = anl__calloc(ctx, n + 1, sizeof *b->src_at);
    b->tgt_at = anl__calloc(ctx, n + 1, sizeof *b->tgt_at);
    return b->group && b->row_part && b->item && b->src_at && b->tgt_at ? ANL_OK : ANL_NOMEM;
}

static void release_arrays(builder *b)
{
    anl_ctx *ctx = b->p->ctx;
    anl__vocab_release(&b->sources);
    anl__free(ctx, b->group);
    anl__free(ctx, b->similar);
    anl__free(ctx, b->row_part);
    anl__free(ctx, b->item);
    anl__free(ctx, b->src_at);
    anl__free(ctx, b->tgt_at);
    anl__free(ctx, b->src.id);
    anl__free(ctx, b->tgt.id);
}

static anl_status fill(builder *b)
{
    const anl__csv *c = b->p->csv;
    b->rows = c->rows;
    b->part = -1;
    ANL_TRY(anl__csv_need(c, b->o->source, &b->source));
    ANL_TRY(anl__csv_need(c, b->o->target, &b->target));
    if (b->o->part)
        ANL_TRY(anl__csv_need(c, b->o->part, &b->part));
    else
        b->part = anl__csv_find(c, "part");
    ANL_TRY(make_arrays(b));
    ANL_TRY(find_groups(b));
    ANL_TRY(find_parts(b));
    ANL_TRY(find_tokenizers(b));
    ANL_TRY(find_memory(b));
    ANL_TRY(ask_memory(b));
    ANL_TRY(encode_rows(b));
    ANL_TRY(make_set(b));
    ANL_TRY(make_parts(b));
    return make_sources(b);
}

/* Takes the cells over. */
static anl_status make(anl_ctx *ctx, anl__csv *csv, const anl__pairs_opts *opts, anl__pairs **out)
{
    anl__pairs *p = anl__alloc(ctx, sizeof *p);
    if (!p) {
        anl__csv_close(csv);
        return ANL_NOMEM;
    }
    p->ctx = ctx;
    p->csv = csv;
    builder b = {.p = p, .o = opts};
    anl_status st = anl__arena_create(ctx, &p->arena);
    if (st == ANL_OK) st = fill(&b);
    release_arrays(&b);
    if (st == ANL_OK)
        *out = p;
    else
        anl__pairs_close(p);
    return st;
}

anl_status anl__pairs_open(anl_ctx *ctx, const char *path, const anl__pairs_opts *opts, anl__pairs **out)
{
    anl__csv *c;
    ANL_TRY(anl__csv_open(ctx, path, &opts->csv, &c));
    return make(ctx, c, opts, out);
}

anl_status anl__pairs_parse(anl_ctx *ctx, const char *path, const void *text, size_t bytes, const anl__pairs_opts *opts, anl__pairs **out)
{
    anl__csv *c;
    ANL_TRY(anl__csv_parse(ctx, path, text, bytes, &opts->csv, &c));
    return make(ctx, c, opts, out);
}

void anl__pairs_close(anl__pairs *p)
{
    if (!p) return;
    anl__ragged_destroy(p->set);
    anl__memory_destroy(p->own_memory);
    anl__parts_release(p->ctx, &p->parts);
    anl__tokens_destroy(p->own_source);
    anl__tokens_destroy(p->own_target);
    anl__arena_destroy(p->arena);
    anl__csv_close(p->csv);
    anl__free(p->ctx, p);
}
