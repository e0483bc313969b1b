/* Building, encoding and decoding of tokens.h; the byte pairs are in bpe.c, the form on disk in tokens_text.c. */
#include "datasets/tokens.h"

#include "datasets/segment.h"
#include "datasets/tokens_inside.h"
#include "datasets/utf8.h"
#include "runtime/base/files.h"

#include <string.h>

static const char *const kind_names[] = {"char", "byte", "word", "bpe"};
enum { KINDS = sizeof kind_names / sizeof kind_names[0], MOST_MERGES = 1000000 };

anl__tokens_opts anl__tokens_opts_default(void)
{
    anl__tokens_opts o = {.kind = ANL__TOKENS_CHAR, .unk = true, .min_count = 1, .merges = 1000};
    return o;
}

bool anl__tokens_kind_find(const char *name, anl__tokens_kind *out)
{
    for (int k = 0; k < KINDS; k++)
        if (strcmp(kind_names[k], name) == 0) {
            *out = (anl__tokens_kind)k;
            return true;
        }
    return false;
}

const char *anl__tokens_kind_name(anl__tokens_kind k)
{
    return kind_names[k];
}

anl_status anl__ids_add(anl_ctx *ctx, anl__ids *ids, int32_t id)
{
    ANL_TRY(anl__grow(ctx, &ids->id, &ids->cap, ids->n + 1, sizeof *ids->id));
    ids->id[ids->n++] = id;
    return ANL_OK;
}

anl_status anl__tokens_create(anl_ctx *ctx, const anl__tokens_opts *o, anl__tokens **out)
{
    if (o->min_count < 0 || o->max_size < 0 || o->merges < 0 || o->merges > MOST_MERGES || (int)o->kind < 0 || (int)o->kind >= KINDS)
        return anl__fail(ctx, ANL_INVALID, "a tokenizer of kind %d, min_count %lld, max_size %lld, %lld merges: expected 0 to %d, not negative, at most %d merges",
                         (int)o->kind, (long long)o->min_count, (long long)o->max_size, (long long)o->merges, KINDS - 1, MOST_MERGES);
    if (o->kind == ANL__TOKENS_WORD && !o->unk && (o->min_count > 1 || o->max_size))
        return anl__fail(ctx, ANL_INVALID, "a vocabulary that leaves words out (min_count %lld, max_size %lld) needs the token unk",
                         (long long)o->min_count, (long long)o->max_size);
    anl__tokens *t = anl__alloc(ctx, sizeof *t);
    if (!t) return ANL_NOMEM;
    t->ctx = ctx;
    t->opts = *o;
    t->unk = o->unk ? t->specials++ : -1;
    t->bos = o->bos ? t->specials++ : -1;
    t->eos = o->eos ? t->specials++ : -1;
    anl_status st = anl__vocab_init(ctx, &t->vocab);
    if (st == ANL_OK)
        *out = t;
    else
        anl__tokens_destroy(t);
    return st;
}

void anl__tokens_destroy(anl__tokens *t)
{
    if (!t) return;
    anl__vocab_release(&t->vocab);
    anl__free(t->ctx, t->merge);
    anl__free(t->ctx, t->slot);
    anl__free(t->ctx, t);
}

/* ---- what a text is made of ------------------------------------------------------------------- */

/* The text in lower case where that is asked for; *out may lie in `b`. */
static anl_status prepare(const anl__tokens *t, anl__span in, anl__buf *b, anl__span *out)
{
    *out = in;
    if (t->opts.kind == ANL__TOKENS_BYTE) return ANL_OK;
    size_t bad = anl__utf8_bad(in.text, in.bytes);
    if (bad < in.bytes)
        return anl__fail(t->ctx, ANL_DATA, "invalid UTF-8: byte 0x%02x at %zu of the text", (unsigned char)in.text[bad], bad + 1);
    if (!t->opts.lower) return ANL_OK;
    b->len = 0;
    for (size_t i = 0, n; i < in.bytes; i += n) {
        char low[4];
        uint32_t c;
        n = (size_t)anl__utf8_get(in.text + i, in.bytes - i, &c);
        anl__buf_bytes(b, low, (size_t)anl__utf8_put(anl__utf8_lower(c), low));
    }
    *out = (anl__span){b->text, b->len};
    return b->status;
}

/* The next symbol of a text (a whole word for byte pairs); false at its end. */
static bool next_symbol(const anl__tokens *t, anl__span text, size_t *at, anl__span *out, bool *spaced)
{
    uint32_t c;
    if (t->opts.kind == ANL__TOKENS_WORD || t->opts.kind == ANL__TOKENS_BPE) return anl__segment_next(text, at, out, spaced);
    if (*at >= text.bytes) return false;
    int n = t->opts.kind == ANL__TOKENS_BYTE ? 1 : anl__utf8_get(text.text + *at, text.bytes - *at, &c);
    *out = (anl__span){text.text + *at, (size_t)n};
    *at += (size_t)n;
    return true;
}

/* ---- building --------------------------------------------------------------------------------- */

static anl_status count_symbols(const anl__tokens *t, const anl__span *text, int64_t n, anl__vocab *seen)
{
    anl__buf low, marked;
    anl_status st = ANL_OK;
    anl__buf_init(&low, t->ctx);
    anl__buf_init(&marked, t->ctx);
    for (int64_t i = 0; i < n; i++) {
        anl__span s, symbol;
        size_t at = 0;
        bool spaced;
        int32_t id = 0;
        st = prepare(t, text[i], &low, &s);
        if (st != ANL_OK) st = anl__context(t->ctx, st, "text %lld", (long long)i);
        while (st == ANL_OK && next_symbol(t, s, &at, &symbol, &spaced)) {
            if (t->opts.kind == ANL__TOKENS_BPE) {
                ANL_GO(anl__bpe_word(symbol, spaced, &marked));
                symbol = (anl__span){marked.text, marked.len};
            }
            ANL_GO(anl__vocab_add(seen, symbol, &id));
            seen->count[id]++;
        }
        if (st != ANL_OK) goto done;
    }
    if (!seen->n) st = anl__fail(t->ctx, ANL_DATA, "a vocabulary cannot be built: the training part has no text");
done:
    anl__buf_release(&marked);
    anl__buf_release(&low);
    return st;
}

static anl_status take_symbols(anl__tokens *t, const anl__vocab *seen)
{
    bool words = t->opts.kind == ANL__TOKENS_WORD;
    anl_status st = ANL_OK;
    int32_t id, *order = anl__calloc(t->ctx, (size_t)seen->n, sizeof *order);
    if (!order) return ANL_NOMEM;
    ANL_GO(anl__vocab_sort(seen, words, order));
    for (int64_t i = 0; i < seen->n; i++) {
        if (words && (seen->count[order[i]] < t->opts.min_count || (t->opts.max_size && t->vocab.n == t->opts.max_size))) break;
        ANL_GO(anl__vocab_add(&t->vocab, seen->item[order[i]], &id));
    }
done:
    anl__free(t->ctx, order);
    return st;
}

anl_status anl__tokens_build(anl_ctx *ctx, const anl__span *text, int64_t n, const anl__tokens_opts *opts, anl__tokens **out)
{
    anl__tokens *t = NULL;
    anl__vocab seen = {.ctx = NULL};
    anl_status st = ANL_OK;
    ANL_GO(anl__tokens_create(ctx, opts, &t));
    ANL_GO(anl__vocab_init(ctx, &seen));
    ANL_GO(count_symbols(t, text, n, &seen));
    ANL_GO(opts->kind == ANL__TOKENS_BPE ? anl__bpe_learn(t, &seen) : take_symbols(t, &seen));
    *out = t;
    t = NULL;
done:
    anl__vocab_release(&seen);
    anl__tokens_destroy(t);
    return st;
}

/* ---- facts ------------------------------------------------------------------------------------ */

int32_t anl__tokens_size(const anl__tokens *t)
{
    return t->specials + (int32_t)t->vocab.n;
}

int32_t anl__tokens_unk(const anl__tokens *t)
{
    return t->unk;
}

int32_t anl__tokens_bos(const anl__tokens *t)
{
    return t->bos;
}

int32_t anl__tokens_eos(const anl__tokens *t)
{
    return t->eos;
}

const anl__tokens_opts *anl__tokens_options(const anl__tokens *t)
{
    return &t->opts;
}

anl__span anl__tokens_text(const anl__tokens *t, int32_t id)
{
    if (id >= t->specials && id < anl__tokens_size(t)) return t->vocab.item[id - t->specials];
    const char *name = id < 0 ? "" : id == t->unk ? "<unk>" : id == t->bos ? "<bos>" : id == t->eos ? "<eos>" : "";
    return (anl__span){name, strlen(name)};
}

/* ---- encoding --------------------------------------------------------------------------------- */

/* From a symbol's number in the vocabulary to a token. */
static anl_status token_of(const anl__tokens *t, int32_t symbol, anl__span text, size_t at, int32_t *out, int64_t *unknown)
{
    if (symbol < 0 && t->unk < 0)
        return anl__fail(t->ctx, ANL_DATA, "\"%.*s\" before byte %zu is not in the vocabulary, and the tokenizer has no token unk",
                         text.bytes > 60 ? 60 : (int)text.bytes, text.text, at + 1);
    if (symbol < 0) (*unknown)++;
    *out = symbol < 0 ? t->unk : t->specials + symbol;
    return ANL_OK;
}

static anl_status encode_pairs(const anl__tokens *t, anl__span word, bool spaced, size_t at, anl__buf *marked, anl__ids *out, int64_t *unknown)
{
    int64_t from = out->n;
    ANL_TRY(anl__bpe_word(word, spaced, marked));
    ANL_TRY(anl__bpe_encode(t, (anl__span){marked->text, marked->len}, out));
    for (int64_t i = from; i < out->n; i++) ANL_TRY(token_of(t, out->id[i], word, at, &out->id[i], unknown));
    return ANL_OK;
}

anl_status anl__tokens_encode(const anl__tokens *t, anl__span text, anl__ids *out, int64_t *unknown)
{
    anl__buf low, marked;
    anl__span s, symbol;
    anl_status st = ANL_OK;
    size_t at = 0;
    bool spaced = false;
    int64_t before = out->n, count = 0;
    anl__buf_init(&low, t->ctx);
    anl__buf_init(&marked, t->ctx);
    ANL_GO(prepare(t, text, &low, &s));
    while (next_symbol(t, s, &at, &symbol, &spaced)) {
        int32_t id = 0;
        if (t->opts.kind == ANL__TOKENS_BPE) {
            ANL_GO(encode_pairs(t, symbol, spaced, at, &marked, out, &count));
            continue;
        }
        ANL_GO(token_of(t, anl__vocab_find(&t->vocab, symbol), symbol, at, &id, &count));
        ANL_GO(anl__ids_add(t->ctx, out, id));
    }
    if (unknown) *unknown += count;
done:
    if (st != ANL_OK) out->n = before;
    anl__buf_release(&marked);
    anl__buf_release(&low);
    return st;
}

/* ---- decoding --------------------------------------------------------------------------------- */

/* A byte-pair symbol: its marks of blanks become blanks, save at the very beginning. */
static void add_pairs(anl__span s, size_t begin, anl__buf *out)
{
    const size_t mark = sizeof ANL__BPE_BLANK - 1;
    for (size_t i = 0; i < s.bytes;) {
        bool blank = s.bytes - i >= mark && memcmp(s.text + i, ANL__BPE_BLANK, mark) == 0;
        if (!blank) anl__buf_bytes(out, s.text + i, 1);
        if (blank && out->len > begin) anl__buf_bytes(out, " ", 1);
        i += blank ? mark : 1;
    }
}

anl_status anl__tokens_decode(const anl__tokens *t, const int32_t *id, int64_t n, anl__buf *out)
{
    size_t begin = out->len;
    bool open = true; /* no blank before the next word */
    for (int64_t i = 0; i < n; i++) {
        if (id[i] < 0 || (id[i] < t->specials && id[i] != t->unk)) continue;
        if (id[i] >= anl__tokens_size(t))
            return anl__fail(t->ctx, ANL_INVALID, "token %d is outside the vocabulary of %d", id[i], anl__tokens_size(t));
        anl__span s = anl__tokens_text(t, id[i]);
        if (id[i] == t->unk && t->opts.kind != ANL__TOKENS_WORD) s = (anl__span){"\xEF\xBF\xBD", 3}; /* replacement character */
        if (t->opts.kind == ANL__TOKENS_BPE) {
            add_pairs(s, begin, out);
            continue;
        }
        if (t->opts.kind == ANL__TOKENS_WORD) {
            if (!open && !anl__segment_closing(s)) anl__buf_bytes(out, " ", 1);
            open = anl__segment_opening(s);
        }
        anl__buf_bytes(out, s.text, s.bytes);
    }
    return out->status;
}

anl_status anl__tokens_fingerprint(const anl__tokens *t, char hex[65])
{
    anl__buf b;
    anl__sha256 s;
    anl__buf_init(&b, t->ctx);
    anl__tokens_write(t, &b);
    anl_status st = b.status;
    anl__sha256_init(&s);
    anl__sha256_add(&s, b.text, b.len);
    if (st == ANL_OK) anl__sha256_hex(&s, hex);
    anl__buf_release(&b);
    return st;
}
