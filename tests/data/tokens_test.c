/* Tokenizers: vocabulary, byte pairs, round trips, the text they are kept as, and what they refuse. */
#include "datasets/segment.h"
#include "datasets/tokens.h"
#include "tests/data/data_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static anl__span span(const char *s)
{
    return (anl__span){s, strlen(s)};
}

static anl__tokens *build(fixture *f, anl__tokens_opts o, const char *a, const char *b)
{
    anl__span text[2] = {span(a), span(b)};
    anl__tokens *t = NULL;
    assert_int_equal(anl__tokens_build(f->ctx, text, 2, &o, &t), ANL_OK);
    return t;
}

static int64_t encode(fixture *f, const anl__tokens *t, const char *s, int32_t *id, int64_t *unknown)
{
    anl__ids ids = {0};
    int64_t n;
    if (unknown) *unknown = 0;
    assert_int_equal(anl__tokens_encode(t, span(s), &ids, unknown), ANL_OK);
    n = ids.n;
    assert_true(n < 64);
    if (n) memcpy(id, ids.id, (size_t)n * sizeof *id);
    anl__free(f->ctx, ids.id);
    return n;
}

/* What comes back of a text. */
static void returns(fixture *f, const anl__tokens *t, const char *in, const char *out)
{
    int32_t id[64];
    anl__buf b;
    int64_t n = encode(f, t, in, id, NULL);
    anl__buf_init(&b, f->ctx);
    assert_int_equal(anl__tokens_decode(t, id, n, &b), ANL_OK);
    assert_string_equal(b.text, out);
    anl__buf_release(&b);
}

static void characters(void **state)
{
    fixture *f = *state;
    anl__tokens_opts o = anl__tokens_opts_default();
    int32_t id[64];
    int64_t unknown;
    o.bos = o.eos = true;
    anl__tokens *t = build(f, o, "b\xC3\xA4", "ab");
    assert_int_equal(anl__tokens_size(t), 3 + 3);
    assert_int_equal(anl__tokens_unk(t), 0);
    assert_int_equal(anl__tokens_bos(t), 1);
    assert_int_equal(anl__tokens_eos(t), 2);
    assert_int_equal(encode(f, t, "a\xC3\xA4x", id, &unknown), 3);
    assert_int_equal(id[0], 3);
    assert_int_equal(id[1], 5);
    assert_int_equal(id[2], 0);
    assert_int_equal(unknown, 1);
    returns(f, t, "ab\xC3\xA4", "ab\xC3\xA4");
    returns(f, t, "ax", "a\xEF\xBF\xBD");
    anl__tokens_destroy(t);
    o = anl__tokens_opts_default();
    o.unk = false;
    t = build(f, o, "ab", "");
    anl__ids ids = {0};
    assert_int_equal(anl__tokens_encode(t, span("abc"), &ids, NULL), ANL_DATA);
    assert_non_null(strstr(anl_last_error(f->ctx), "\"c\""));
    assert_int_equal(ids.n, 0);
    anl__free(f->ctx, ids.id);
    anl__tokens_destroy(t);
    o.kind = ANL__TOKENS_BYTE;
    t = build(f, o, "\xff\x01", "");
    assert_int_equal(anl__tokens_size(t), 2);
    returns(f, t, "\x01\xff", "\x01\xff");
    anl__tokens_destroy(t);
}

static void words(void **state)
{
    fixture *f = *state;
    anl__tokens_opts o = anl__tokens_opts_default();
    int64_t unknown;
    int32_t id[64];
    o.kind = ANL__TOKENS_WORD;
    o.lower = true;
    anl__tokens *t = build(f, o, "The cat, the dog.", "Don't well-known (\xC3\x84pfel) the");
    assert_int_equal(encode(f, t, "THE", id, NULL), 1);
    assert_int_equal(id[0], 1); /* the most frequent comes first */
    assert_string_equal(anl__tokens_text(t, 1).text, "the");
    returns(f, t, "The dog , the cat!", "the dog, the cat <unk>");
    returns(f, t, "don't (\xC3\xA4pfel) well-known.", "don't (\xC3\xA4pfel) well-known.");
    assert_int_equal(encode(f, t, "the bird", id, &unknown), 2);
    assert_int_equal(unknown, 1);
    assert_int_equal(encode(f, t, " \t\n", id, NULL), 0);
    anl__tokens_destroy(t);
    o.max_size = 1;
    t = build(f, o, "a b b", "");
    assert_int_equal(anl__tokens_size(t), 2);
    anl__tokens_destroy(t);
    o.unk = false;
    anl__span text = span("a");
    assert_int_equal(anl__tokens_build(f->ctx, &text, 1, &o, &t), ANL_INVALID);
}

/* The example of the paper: low 5, lower 2, newest 6, widest 3; its first merges are e s, es t. */
static void byte_pairs(void **state)
{
    fixture *f = *state;
    anl__tokens_opts o = anl__tokens_opts_default();
    int32_t id[64];
    o.kind = ANL__TOKENS_BPE;
    o.merges = 2;
    const char *text = "low low low low low lower lower newest newest newest newest newest newest widest widest widest";
    anl__tokens *t = build(f, o, text, "");
    int32_t size = anl__tokens_size(t);
    assert_string_equal(anl__tokens_text(t, size - 2).text, "es");
    assert_string_equal(anl__tokens_text(t, size - 1).text, "est");
    assert_int_equal(encode(f, t, "lowest", id, NULL), 5); /* blank l o w est */
    assert_int_equal(id[4], size - 1);
    anl__tokens_destroy(t);
    o.merges = 1000;
    t = build(f, o, text, "");
    assert_int_equal(encode(f, t, "newest", id, NULL), 1);
    returns(f, t, "lowest  newest, widest", "lowest newest\xEF\xBF\xBD widest");
    returns(f, t, "lower", "lower");
    anl__tokens_destroy(t);
    t = build(f, o, "aaa aaa aaaa", ""); /* overlapping pairs */
    returns(f, t, "aaaaa aa", "aaaaa aa");
    anl__tokens_destroy(t);
}

static void written_and_read(void **state)
{
    fixture *f = *state;
    for (int k = ANL__TOKENS_CHAR; k <= ANL__TOKENS_BPE; k++) {
        anl__tokens_opts o = anl__tokens_opts_default();
        anl__tokens *t, *u;
        anl__buf a;
        char x[65], y[65];
        int32_t id[64], jd[64];
        o.kind = (anl__tokens_kind)k;
        o.bos = o.eos = true;
        t = build(f, o, "a b\\c\n\td \xC3\xA4 hello hello", "hello, hello world");
        anl__buf_init(&a, f->ctx);
        anl__tokens_write(t, &a);
        assert_int_equal(a.status, ANL_OK);
        assert_int_equal(anl__tokens_read(f->ctx, a.text, a.len, &u), ANL_OK);
        assert_int_equal(anl__tokens_fingerprint(t, x), ANL_OK);
        assert_int_equal(anl__tokens_fingerprint(u, y), ANL_OK);
        assert_string_equal(x, y);
        assert_int_equal(anl__tokens_size(t), anl__tokens_size(u));
        int64_t n = encode(f, t, "hello wor\\\n", id, NULL);
        assert_int_equal(encode(f, u, "hello wor\\\n", jd, NULL), n);
        assert_memory_equal(id, jd, (size_t)n * sizeof *id);
        for (size_t cut = 0; cut < a.len; cut++) { /* every beginning of it is refused */
            anl__tokens *v = NULL;
            assert_int_equal(anl__tokens_read(f->ctx, a.text, cut, &v), ANL_FORMAT);
        }
        anl__buf_release(&a);
        anl__tokens_destroy(u);
        anl__tokens_destroy(t);
    }
}

static void damaged_texts(void **state)
{
    fixture *f = *state;
    static const char head[] = "anneal-tokens 1\nkind %s\nlower 0\nunk 1\nbos 0\neos 0\nmin_count 1\nmax_size 0\n%s";
    static const struct { const char *kind, *rest, *says; } bad[] = {
        {"syllable", "", "line 2"},
        {"char", "symbols 9999999\n", "line 9"},
        {"char", "symbols 2\na\na\nmerges 0\n", "line 11: a symbol that was there already"},
        {"char", "symbols 1\nab\nmerges 0\n", "more than one character"},
        {"char", "symbols 1\n\xff\nmerges 0\n", "no text of this kind"},
        {"char", "symbols 1\n\\q\nmerges 0\n", "an escape"},
        {"char", "symbols 1\n\nmerges 0\n", "an empty symbol"},
        {"char", "symbols 1\na\nmerges 1\n0 0\n", "line 11"},
        {"bpe", "symbols 2\na\nb\nmerges 1\n0 2\n", "two numbers"},
        {"bpe", "symbols 2\na\nb\nmerges 1\n0 1\n", "do not make a third"},
        {"byte", "symbols 1\nab\nmerges 0\n", "no text of this kind"},
        {"char", "symbols 1\na\nmerges 0\nmore\n", "more text follows"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[512];
        anl__tokens *t = NULL;
        int n = snprintf(text, sizeof text, head, bad[i].kind, bad[i].rest);
        assert_int_equal(anl__tokens_read(f->ctx, text, (size_t)n, &t), ANL_FORMAT);
        if (!strstr(anl_last_error(f->ctx), bad[i].says)) fail_msg("\"%s\" does not say \"%s\"", anl_last_error(f->ctx), bad[i].says);
    }
}

static void bad_texts(void **state)
{
    fixture *f = *state;
    anl__tokens_opts o = anl__tokens_opts_default();
    anl__tokens *t = NULL;
    anl__span text[2] = {span("good"), span("b\xe4" "d")};
    assert_int_equal(anl__tokens_build(f->ctx, text, 2, &o, &t), ANL_DATA);
    assert_non_null(strstr(anl_last_error(f->ctx), "text 1: invalid UTF-8: byte 0xe4 at 2"));
    assert_int_equal(anl__tokens_build(f->ctx, text, 0, &o, &t), ANL_DATA);
    o.merges = -1;
    assert_int_equal(anl__tokens_build(f->ctx, text, 1, &o, &t), ANL_INVALID);
    o = anl__tokens_opts_default();
    o.kind = ANL__TOKENS_BPE;
    text[0] = span("to be or not to be that is the question to be asked");
    for (int64_t nth = 1;; nth++) { /* every allocation may fail */
        anl__inject(f->ctx, ANL__INJECT_ALLOC, nth);
        anl_status st = anl__tokens_build(f->ctx, text, 1, &o, &t);
        anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
        if (st == ANL_OK) break;
        assert_int_equal(st, ANL_NOMEM);
    }
    int32_t out = anl__tokens_size(t);
    anl__buf b;
    anl__buf_init(&b, f->ctx);
    assert_int_equal(anl__tokens_decode(t, &out, 1, &b), ANL_INVALID);
    anl__buf_release(&b);
    anl__tokens_destroy(t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(characters), TEST(words), TEST(byte_pairs), TEST(written_and_read), TEST(damaged_texts), TEST(bad_texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
