/* Cutting a text into streams of chunks (text.h). Tokens are tokens.c's; batches are sequence_loader.c's. */
#include "datasets/text.h"

#include "datasets/utf8.h"
#include "runtime/base/files.h"

#include <string.h>

anl__text_opts anl__text_opts_default(void)
{
    anl__text_opts o = {.tokens = anl__tokens_opts_default(), .valid_from = 0.90, .test_from = 0.95, .streams = {32, 8, 8}, .chunk = 128, .max_bytes = 1 << 30};
    return o;
}

static anl_status check_opts(anl_ctx *ctx, const anl__text_opts *o)
{
    bool all_test = o->tokenizer && o->valid_from == 0 && o->test_from == 0;
    if (!all_test && !(o->valid_from > 0 && o->valid_from <= o->test_from && o->test_from <= 1))
        return anl__fail(ctx, ANL_INVALID, "a text whose validation part begins at %g and whose test part at %g: expected 0 < the one <= the other <= 1",
                         o->valid_from, o->test_from);
    if (o->chunk < 1 || o->streams[0] < 1 || o->streams[1] < 1 || o->streams[2] < 1)
        return anl__fail(ctx, ANL_INVALID, "chunks of %lld in %lld, %lld and %lld streams: expected at least 1", (long long)o->chunk,
                         (long long)o->streams[0], (long long)o->streams[1], (long long)o->streams[2]);
    return ANL_OK;
}

/* A NUL, or bytes that are no UTF-8 where letters are wanted, named by line. */
static anl_status check_text(const anl__text *t, const char *text, size_t bytes, bool letters)
{
    if (anl__utf16(text, bytes)) return anl__fail(t->ctx, ANL_DATA, "%s is UTF-16: save it as UTF-8", t->path);
    const char *nul = memchr(text, 0, bytes);
    size_t bad = nul ? (size_t)(nul - text) : letters ? anl__utf8_bad(text, bytes) : bytes;
    if (bad == bytes) return ANL_OK;
    int64_t line = 1;
    for (size_t i = 0; i < bad; i++) line += text[i] == '\n';
    if (nul) return anl__fail(t->ctx, ANL_DATA, "%s:%lld: a NUL byte: this is no text", t->path, (long long)line);
    return anl__fail(t->ctx, ANL_DATA, "%s:%lld: invalid UTF-8: byte 0x%02x", t->path, (long long)line, (unsigned char)text[bad]);
}

static size_t part_begin(const char *text, size_t bytes, double fraction)
{
    size_t at = fraction >= 1 ? bytes : (size_t)(fraction * (double)bytes);
    while (at > 0 && at < bytes && ((unsigned char)text[at] & 0xC0) == 0x80) at--; /* not inside a letter */
    return at;
}

/* Where chunk k of stream s lies among the part's n positions, and how long it is. */
static void place_chunk(int64_t n, int64_t streams, int64_t chunk, int64_t k, int64_t s, int64_t *at, int64_t *length)
{
    int64_t each = n / streams, more = n % streams;
    int64_t begin = s * each + (s < more ? s : more), run = each + (s < more);
    int64_t skip = k * chunk < run ? k * chunk : run, left = run - skip;
    *at = begin + skip;
    *length = left < chunk ? left : chunk;
}

/* The set of a part whose tokens ids[first .. first + n) are to be predicted; first >= 1. */
static anl_status cut(anl__text *t, int part, int64_t first, int64_t n, const anl__text_opts *o)
{
    anl__text_part *p = &t->part[part];
    p->streams = o->streams[part] < n ? o->streams[part] : n;
    p->chunks = ((n + p->streams - 1) / p->streams + o->chunk - 1) / o->chunk;
    p->tokens = n;
    ANL_TRY(anl__ragged_create(t->ctx, t->path, p->streams * p->chunks, &p->set));
    int64_t *offset = anl__calloc(t->ctx, (size_t)p->set->n, sizeof *offset), *length = anl__calloc(t->ctx, (size_t)p->set->n, sizeof *length);
    for (int64_t i = 0; offset && length && i < p->set->n; i++) {
        place_chunk(n, p->streams, o->chunk, i / p->streams, i % p->streams, &offset[i], &length[i]);
        offset[i] += first - 1;
    }
    if (!offset || !length) {
        anl__free(t->ctx, offset);
        anl__free(t->ctx, length);
        return ANL_NOMEM;
    }
    /* y lies one token behind x, at the same places, which x owns */
    anl__ragged_field x = {.name = "x", .dtype = ANL_I32, .width = 1, .data = t->ids.id, .steps = t->ids.n - 1, .offset = offset, .length = length, .owns = ANL__OWNS_PLACES};
    anl__ragged_field y = {.name = "y", .dtype = ANL_I32, .width = 1, .data = t->ids.id + 1, .steps = t->ids.n - 1, .offset = offset, .length = length};
    ANL_TRY(anl__ragged_add(p->set, &x));
    return anl__ragged_add(p->set, &y);
}

static int64_t count_letters(const char *text, size_t bytes)
{
    int64_t n = 0;
    for (size_t i = 0; i < bytes; i++) n += ((unsigned char)text[i] & 0xC0) != 0x80;
    return n;
}

static anl_status make_parts(anl__text *t, const char *text, size_t bytes, const anl__text_opts *o)
{
    size_t border[ANL__PARTS + 1] = {0, part_begin(text, bytes, o->valid_from), part_begin(text, bytes, o->test_from), bytes};
    bool wanted[ANL__PARTS] = {o->valid_from > 0, o->valid_from < o->test_from, o->test_from < 1};
    int64_t first[ANL__PARTS + 1] = {0};
    if (!o->tokenizer) {
        anl__span train = {text, border[1]};
        anl_status st = anl__tokens_build(t->ctx, &train, 1, &o->tokens, &t->own);
        if (st != ANL_OK) return anl__context(t->ctx, st, "%s", t->path);
    }
    t->tokenizer = o->tokenizer ? o->tokenizer : t->own;
    for (int p = 0; p < ANL__PARTS; p++) {
        anl__text_part *q = &t->part[p];
        anl__span s = {text + border[p], border[p + 1] - border[p]};
        q->bytes = s.bytes;
        q->letters = count_letters(s.text, s.bytes);
        anl_status st = anl__tokens_encode(t->tokenizer, s, &t->ids, &q->unknown);
        if (st != ANL_OK) return anl__context(t->ctx, st, "%s: the %s part", t->path, anl__part_name(p));
        first[p + 1] = t->ids.n;
    }
    if (first[1] < 2 && wanted[0]) return anl__fail(t->ctx, ANL_DATA, "%s: the training part has %lld tokens, expected at least 2", t->path, (long long)first[1]);
    for (int p = 0; p <= ANL__PARTS && !first[p]; p++) first[p] = 1; /* the text's first token has none before it */
    for (int p = 0; p < ANL__PARTS; p++) {
        if (first[p + 1] > first[p])
            ANL_TRY(cut(t, p, first[p], first[p + 1] - first[p], o));
        else if (wanted[p])
            return anl__fail(t->ctx, ANL_DATA, "%s: the %s part is empty", t->path, anl__part_name(p));
    }
    return ANL_OK;
}

static anl_status check_digest(anl__text *t, const char *text, size_t bytes, const char *expected)
{
    anl__sha256 s;
    anl__sha256_init(&s);
    anl__sha256_add(&s, text, bytes);
    anl__sha256_hex(&s, t->sha256);
    if (!expected || strcmp(expected, t->sha256) == 0) return ANL_OK;
    return anl__fail(t->ctx, ANL_DATA, "%s: %zu bytes with SHA-256 %s, expected %s: this is another text", t->path, bytes, t->sha256, expected);
}

anl_status anl__text_parse(anl_ctx *ctx, const char *path, const void *text, size_t bytes, const anl__text_opts *opts, anl__text **out)
{
    anl_status st = ANL_OK;
    ANL_TRY(check_opts(ctx, opts));
    anl__tokens_kind kind = opts->tokenizer ? anl__tokens_options(opts->tokenizer)->kind : opts->tokens.kind;
    anl__text *t = anl__alloc(ctx, sizeof *t);
    if (!t) return ANL_NOMEM;
    t->ctx = ctx;
    if (!(t->path = anl__strdup(ctx, path))) ANL_GO(ANL_NOMEM);
    ANL_GO(check_digest(t, text, bytes, opts->sha256));
    ANL_GO(check_text(t, text, bytes, kind != ANL__TOKENS_BYTE));
    ANL_GO(make_parts(t, text, bytes, opts));
    *out = t;
    t = NULL;
done:
    anl__text_close(t);
    return st;
}

anl_status anl__text_open(anl_ctx *ctx, const char *path, const anl__text_opts *opts, anl__text **out)
{
    void *text;
    size_t bytes;
    if (!anl__path_exists(path)) return anl__fail(ctx, ANL_DATA, "%s: there is no such file", path);
    ANL_TRY(anl__file_read(ctx, path, opts->max_bytes, &text, &bytes));
    anl_status st = anl__text_parse(ctx, path, text, bytes, opts, out);
    anl__free(ctx, text);
    return st;
}

void anl__text_close(anl__text *t)
{
    if (!t) return;
    for (int p = 0; p < ANL__PARTS; p++) anl__ragged_destroy(t->part[p].set);
    anl__tokens_destroy(t->own);
    anl__free(t->ctx, t->ids.id);
    anl__free(t->ctx, t->path);
    anl__free(t->ctx, t);
}
