/* A tokenizer as text, and back:
 *
 *   anneal-tokens 1
 *   kind bpe
 *   lower 0            ... the options, one a line
 *   symbols 3          then one a line, with \\ \n \xNN for what is no plain letter
 *   merges 1           then two numbers of symbols a line
 *
 * Reading trusts nothing: counts, numbers and symbols are checked, and the message names the line. */
#include "datasets/lines.h"
#include "datasets/tokens.h"
#include "datasets/tokens_inside.h"
#include "datasets/utf8.h"

#include <inttypes.h>
#include <string.h>

static const char magic[] = "anneal-tokens 1";

/* ---- writing ---------------------------------------------------------------------------------- */

static void escape(anl__span s, bool bytes, anl__buf *out)
{
    for (size_t i = 0; i < s.bytes; i++) {
        unsigned char c = (unsigned char)s.text[i];
        if (c == '\\')
            anl__buf_add(out, "\\\\");
        else if (c == '\n')
            anl__buf_add(out, "\\n");
        else if (c < 0x20 || c == 0x7F || (bytes && c >= 0x80))
            anl__buf_add(out, "\\x%02x", c);
        else
            anl__buf_bytes(out, &s.text[i], 1);
    }
    anl__buf_bytes(out, "\n", 1);
}

void anl__tokens_write(const anl__tokens *t, anl__buf *out)
{
    const anl__tokens_opts *o = &t->opts;
    anl__buf_add(out, "%s\nkind %s\nlower %d\nunk %d\nbos %d\neos %d\nmin_count %" PRId64 "\nmax_size %" PRId64 "\n", magic,
                 anl__tokens_kind_name(o->kind), o->lower, o->unk, o->bos, o->eos, o->min_count, o->max_size);
    anl__buf_add(out, "symbols %" PRId64 "\n", t->vocab.n);
    for (int64_t i = 0; i < t->vocab.n; i++) escape(t->vocab.item[i], o->kind == ANL__TOKENS_BYTE, out);
    anl__buf_add(out, "merges %" PRId64 "\n", t->merges);
    for (int64_t i = 0; i < t->merges; i++) anl__buf_add(out, "%d %d\n", t->merge[i].left, t->merge[i].right);
}

/* ---- reading ---------------------------------------------------------------------------------- */

static anl_status read_flag(anl__lines *l, const char *key, bool *out)
{
    int64_t v = 0;
    ANL_TRY(anl__lines_number(l, key, 1, &v));
    *out = v != 0;
    return ANL_OK;
}

static anl_status read_kind(anl__lines *l, anl__tokens_kind *out)
{
    char name[8] = "";
    ANL_TRY(anl__lines_next(l));
    anl__span s = l->line;
    if (anl__span_text(&s, "kind ") && s.bytes < sizeof name) memcpy(name, s.text, s.bytes);
    return anl__tokens_kind_find(name, out) ? ANL_OK : anl__lines_bad(l, "expected \"kind\" and char, byte, word or bpe");
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static anl_status unescape(const anl__lines *l, anl__buf *out)
{
    anl__span s = l->line;
    out->len = 0;
    for (size_t i = 0; i < s.bytes; i++) {
        char c = s.text[i];
        if (c == '\\') {
            char kind = i + 1 < s.bytes ? s.text[++i] : 0;
            int high = kind == 'x' && i + 2 < s.bytes ? hex_digit(s.text[i + 1]) : -1, low = high >= 0 ? hex_digit(s.text[i + 2]) : -1;
            if (kind != '\\' && kind != 'n' && low < 0) return anl__lines_bad(l, "an escape that is none of \\\\, \\n and \\xNN");
            c = kind == 'n' ? '\n' : kind == '\\' ? '\\' : (char)(high * 16 + low);
            if (kind == 'x') i += 2;
        }
        anl__buf_bytes(out, &c, 1);
    }
    return out->status;
}

static anl_status read_symbol(anl__lines *l, anl__tokens *t, anl__buf *b)
{
    uint32_t c;
    int32_t id;
    anl__tokens_kind k = t->opts.kind;
    ANL_TRY(anl__lines_next(l));
    ANL_TRY(unescape(l, b));
    if (!b->len) return anl__lines_bad(l, "an empty symbol");
    if (k == ANL__TOKENS_BYTE ? b->len != 1 : anl__utf8_bad(b->text, b->len) < b->len) return anl__lines_bad(l, "a symbol that is no text of this kind");
    if (k == ANL__TOKENS_CHAR && (size_t)anl__utf8_get(b->text, b->len, &c) != b->len) return anl__lines_bad(l, "a symbol of more than one character");
    int64_t n = t->vocab.n;
    ANL_TRY(anl__vocab_add(&t->vocab, (anl__span){b->text, b->len}, &id));
    return t->vocab.n > n ? ANL_OK : anl__lines_bad(l, "a symbol that was there already");
}

static anl_status read_merge(anl__lines *l, anl__tokens *t, anl__buf *b)
{
    int64_t left = 0, right = 0, most = t->vocab.n - 1;
    ANL_TRY(anl__lines_next(l));
    anl__span s = l->line;
    if (!anl__span_number(&s, most, &left) || !anl__span_text(&s, " ") || !anl__span_number(&s, most, &right) || s.bytes) return anl__lines_bad(l, "expected two numbers of symbols");
    b->len = 0;
    anl__buf_bytes(b, t->vocab.item[left].text, t->vocab.item[left].bytes);
    anl__buf_bytes(b, t->vocab.item[right].text, t->vocab.item[right].bytes);
    ANL_TRY(b->status);
    int32_t result = anl__vocab_find(&t->vocab, (anl__span){b->text, b->len});
    if (result < 0) return anl__lines_bad(l, "the two symbols do not make a third one of the vocabulary");
    t->merge[t->merges++] = (anl__merge){(int32_t)left, (int32_t)right, result};
    return ANL_OK;
}

static anl_status read_lists(anl__lines *l, anl__tokens *t)
{
    anl__buf b;
    anl_status st = ANL_OK;
    int64_t n = 0, rest = l->end - l->at; /* a line each: no count is larger than the bytes left */
    anl__buf_init(&b, l->ctx);
    ANL_GO(anl__lines_number(l, "symbols", rest, &n));
    for (int64_t i = 0; i < n; i++) ANL_GO(read_symbol(l, t, &b));
    rest = l->end - l->at;
    ANL_GO(anl__lines_number(l, "merges", t->opts.kind == ANL__TOKENS_BPE ? rest : 0, &n));
    t->merge = anl__calloc(l->ctx, (size_t)n, sizeof *t->merge);
    if (!t->merge) ANL_GO(ANL_NOMEM);
    for (int64_t i = 0; i < n; i++) ANL_GO(read_merge(l, t, &b));
    t->opts.merges = n;
    if (l->at != l->end) ANL_GO(anl__lines_bad(l, "more text follows"));
    if (t->opts.kind == ANL__TOKENS_BPE) ANL_GO(anl__bpe_index(t));
done:
    anl__buf_release(&b);
    return st;
}

anl_status anl__tokens_read(anl_ctx *ctx, const char *text, size_t bytes, anl__tokens **out)
{
    anl__lines l = {.ctx = ctx, .what = "tokenizer", .at = text, .end = text + bytes};
    anl__tokens_opts o = {.merges = 0};
    anl__tokens *t = NULL;
    ANL_TRY(anl__lines_expect(&l, magic));
    ANL_TRY(read_kind(&l, &o.kind));
    ANL_TRY(read_flag(&l, "lower", &o.lower));
    ANL_TRY(read_flag(&l, "unk", &o.unk));
    ANL_TRY(read_flag(&l, "bos", &o.bos));
    ANL_TRY(read_flag(&l, "eos", &o.eos));
    ANL_TRY(anl__lines_number(&l, "min_count", INT64_MAX, &o.min_count));
    ANL_TRY(anl__lines_number(&l, "max_size", INT64_MAX, &o.max_size));
    if (o.kind == ANL__TOKENS_WORD && !o.unk && (o.min_count > 1 || o.max_size)) return anl__lines_bad(&l, "a vocabulary that leaves words out has no token unk");
    ANL_TRY(anl__tokens_create(ctx, &o, &t));
    anl_status st = read_lists(&l, t);
    if (st == ANL_OK)
        *out = t;
    else
        anl__tokens_destroy(t);
    return st;
}
