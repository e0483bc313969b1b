/* Texts in streams, pairs with references, labelled sequences: what comes out, and what is refused. */
#include "datasets/labelled.h"
#include "datasets/pairs.h"
#include "datasets/sequence_loader.h"
#include "datasets/text.h"
#include "tests/data/data_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void says(fixture *f, const char *what)
{
    if (!strstr(anl_last_error(f->ctx), what)) fail_msg("\"%s\" does not say \"%s\"", anl_last_error(f->ctx), what);
}

/* ---- text ------------------------------------------------------------------------------------- */

enum { LETTERS = 1000 };

/* Every token of a part is predicted once, from the one before it; chunks of a stream follow each other. */
static void check_part(fixture *f, const anl__text *t, int part, int64_t first, char *seen)
{
    const anl__text_part *p = &t->part[part];
    anl__sequence_opts o = anl__sequence_opts_default();
    anl__sequence_loader *l;
    anl__sequence_batch b;
    int64_t next[16] = {0}, n = 0;
    o.streams = p->streams;
    assert_int_equal(anl__sequence_loader_create(f->ctx, p->set, NULL, 0, &o, &l), ANL_OK);
    int64_t T = anl__sequence_loader_buckets(l)->most[0][0];
    assert_int_equal(anl__sequence_loader_start(l, 0, 0), ANL_OK);
    for (;;) {
        assert_int_equal(anl__sequence_loader_next(l, &b), ANL_OK);
        if (!b.n) break;
        for (int64_t s = 0; s < b.n; s++) {
            int64_t at = (const int32_t *)anl__ragged_get(&p->set->field[1], b.id[s]) - t->ids.id;
            if (b.number) assert_int_equal(at, next[s]);
            next[s] = at + b.length[0][s];
            for (int64_t k = 0; k < T; k++) {
                int32_t x = ((const int32_t *)b.data[0])[s * T + k], y = ((const int32_t *)b.data[1])[s * T + k];
                bool real = k < b.length[0][s];
                assert_int_equal(x, real ? t->ids.id[at + k - 1] : -1);
                assert_int_equal(y, real ? t->ids.id[at + k] : -1);
                if (real) assert_false(seen[at + k]++);
                n += real;
            }
        }
    }
    assert_int_equal(n, p->tokens);
    for (int64_t i = first; i < first + n; i++) assert_true(seen[i]);
    anl__sequence_loader_destroy(l);
}

static void text_is_cut(void **state)
{
    fixture *f = *state;
    char text[LETTERS], seen[LETTERS] = {0};
    anl__text_opts o = anl__text_opts_default();
    anl__text *t, *again;
    for (int i = 0; i < LETTERS; i++) text[i] = (char)('a' + i * i % 23);
    text[960] = 'Z'; /* not in the training part */
    o.chunk = 16;
    o.streams[0] = 7;
    o.streams[1] = 3;
    o.streams[2] = 1;
    put(at(f, "t.txt"), text, sizeof text);
    assert_int_equal(anl__text_open(f->ctx, at(f, "t.txt"), &o, &t), ANL_OK);
    assert_int_equal(t->part[0].bytes, 900);
    assert_int_equal(t->part[0].tokens, 899);
    assert_int_equal(t->part[1].tokens, 50);
    assert_int_equal(t->part[2].tokens, 50);
    assert_int_equal(t->part[2].unknown, 1);
    assert_int_equal(t->part[0].unknown, 0);
    check_part(f, t, 0, 1, seen);
    check_part(f, t, 1, 900, seen);
    check_part(f, t, 2, 950, seen);
    o.tokenizer = t->tokenizer;
    o.sha256 = t->sha256;
    assert_int_equal(anl__text_parse(f->ctx, "t", text, sizeof text, &o, &again), ANL_OK);
    assert_null(again->own);
    anl__text_close(again);
    o.sha256 = NULL; /* another text, to be read under the tokenizer of before: all of it is the test part */
    o.valid_from = o.test_from = 0;
    memset(seen, 0, sizeof seen);
    assert_int_equal(anl__text_parse(f->ctx, "t", text, sizeof text, &o, &again), ANL_OK);
    assert_true(!again->part[0].set && !again->part[1].set && again->part[2].tokens == LETTERS - 1);
    check_part(f, again, 2, 1, seen);
    anl__text_close(again);
    assert_int_equal(anl__text_parse(f->ctx, "t", "a", 1, &o, &again), ANL_DATA);
    says(f, "t: the test part is empty");
    o.tokenizer = NULL;
    assert_int_equal(anl__text_parse(f->ctx, "t", text, sizeof text, &o, &again), ANL_INVALID);
    o.tokenizer = t->tokenizer;
    o.sha256 = t->sha256;
    o.valid_from = 0.9;
    o.test_from = 0.95;
    text[0] = 'b';
    assert_int_equal(anl__text_parse(f->ctx, "t", text, sizeof text, &o, &again), ANL_DATA);
    says(f, "this is another text");
    anl__text_close(t);
}

static void bad_texts(void **state)
{
    fixture *f = *state;
    anl__text_opts o = anl__text_opts_default();
    anl__text *t = NULL;
    assert_int_equal(anl__text_open(f->ctx, at(f, "absent"), &o, &t), ANL_DATA);
    assert_int_equal(anl__text_parse(f->ctx, "t", "a\nb\0c", 5, &o, &t), ANL_DATA);
    says(f, "t:2: a NUL byte");
    assert_int_equal(anl__text_parse(f->ctx, "t", "a\nb\n\xff", 5, &o, &t), ANL_DATA);
    says(f, "t:3: invalid UTF-8: byte 0xff");
    assert_int_equal(anl__text_parse(f->ctx, "t", "", 0, &o, &t), ANL_DATA);
    assert_int_equal(anl__text_parse(f->ctx, "t", "abc", 3, &o, &t), ANL_DATA); /* no validation part */
    says(f, "t: the valid part is empty");
    o.test_from = 0.1;
    assert_int_equal(anl__text_parse(f->ctx, "t", "abc", 3, &o, &t), ANL_INVALID);
    o = anl__text_opts_default();
    o.valid_from = o.test_from = 1;
    assert_int_equal(anl__text_parse(f->ctx, "t", "abc", 3, &o, &t), ANL_OK);
    assert_null(t->part[1].set);
    assert_int_equal(t->part[0].streams, 2);
    anl__text_close(t);
    o.tokens.unk = false;
    o.valid_from = 0.5;
    assert_int_equal(anl__text_parse(f->ctx, "t", "aaaaaaab", 8, &o, &t), ANL_DATA);
    says(f, "t: the valid part: \"b\"");
}

/* ---- pairs ------------------------------------------------------------------------------------ */

static const char phrases[] = "part\tsource\ttarget\n"
                              "train\tguten Morgen\tgood morning\n"
                              "train\tguten Abend\tgood evening\n"
                              "train\tguten Abend\tgood night\n"
                              "test\tgute Nacht\tgood night\n"
                              "valid\tguten Tag auch\thello there\n"
                              "test\tgute Nacht\tnight \"night\n";

static void pairs_are_read(void **state)
{
    fixture *f = *state;
    anl__pairs_opts o = anl__pairs_opts_default();
    anl__pairs *p;
    o.source_tokens.kind = o.target_tokens.kind = ANL__TOKENS_WORD;
    assert_int_equal(anl__pairs_parse(f->ctx, "p.tsv", phrases, sizeof phrases - 1, &o, &p), ANL_OK);
    assert_int_equal(p->set->n, 6);
    assert_int_equal(p->parts.n[ANL__PART_TRAIN], 3);
    assert_int_equal(p->parts.n[ANL__PART_TEST], 2);
    assert_int_equal(p->sources[ANL__PART_TEST], 1);
    const anl__pairs_source *s = &p->source[ANL__PART_TEST][0];
    assert_string_equal(s->text, "gute Nacht");
    assert_int_equal(s->references, 2);
    assert_string_equal(s->reference[1], "night \"night");
    assert_int_equal(s->item, 3);
    assert_int_equal(p->unknown[ANL__PART_TRAIN], 0);
    assert_int_equal(p->unknown[ANL__PART_TEST], 2 * 2 + 1); /* gute, Nacht twice; the quote */
    const int32_t *in = anl__ragged_get(&p->set->field[1], 1), *out = anl__ragged_get(&p->set->field[2], 1);
    assert_int_equal(anl__ragged_length(p->set, 0, 1), 2);
    assert_int_equal(anl__ragged_length(p->set, 1, 1), 3);
    assert_int_equal(in[0], anl__tokens_bos(p->target_tokens));
    assert_int_equal(out[2], anl__tokens_eos(p->target_tokens));
    assert_int_equal(in[1], out[0]);
    anl__pairs *q; /* under the tokenizers of before */
    o.source_tokenizer = p->source_tokens;
    o.target_tokenizer = p->target_tokens;
    o.max_length = 2;
    assert_int_equal(anl__pairs_parse(f->ctx, "p.tsv", phrases, sizeof phrases - 1, &o, &q), ANL_OK);
    assert_int_equal(q->too_long, 2);
    assert_int_equal(q->set->n, 4);
    assert_null(q->own_source);
    assert_int_equal(q->source[ANL__PART_TEST][0].references, 2); /* also those that are no items */
    anl__pairs_close(q);
    anl__pairs_close(p);
}

/* Tokens of an item's field, joined by blanks. */
static const char *shown(const anl__tokens *k, const anl__pairs *p, int field, int64_t item)
{
    static char text[200];
    const int32_t *id = anl__ragged_get(&p->set->field[field], item);
    text[0] = 0;
    for (int64_t i = 0; i < p->set->field[field].length[item]; i++) {
        anl__span s = anl__tokens_text(k, id[i]);
        if (i) strcat(text, " ");
        strncat(text, s.text, s.bytes);
    }
    return text;
}

/* Behind a source stand the first targets of the training sources that are most like it. */
static void pairs_with_similar(void **state)
{
    fixture *f = *state;
    anl__pairs_opts o = anl__pairs_opts_default();
    anl__pairs *p, *q;
    o.source_tokens.kind = o.target_tokens.kind = ANL__TOKENS_WORD;
    o.similar = 2;
    assert_int_equal(anl__pairs_parse(f->ctx, "p.tsv", phrases, sizeof phrases - 1, &o, &p), ANL_OK);
    assert_ptr_equal(p->source_tokens, p->target_tokens);
    static const char *const want[] = {"guten Morgen <eos> good evening", "guten Abend <eos> good morning", "guten Abend <eos> good morning", "<unk> <unk> <eos> good morning <eos> good evening",
                                       "guten <unk> <unk> <eos> good morning <eos> good evening"};
    for (int i = 0; i < 5; i++) assert_string_equal(shown(p->source_tokens, p, 0, i), want[i]);
    assert_string_equal(shown(p->target_tokens, p, 1, 1), "<bos> good evening");
    assert_int_equal(p->unknown[ANL__PART_TEST], 2 * 2 + 1); /* what is recalled is known */
    o.source_tokenizer = o.target_tokenizer = p->source_tokens; /* another file, with the memory of before */
    o.memory = p->memory;
    o.max_length = 2; /* of what the file holds */
    o.parts.test_only = true;
    const char *other = "source\ttarget\nguten Abend\tgood night\n";
    assert_int_equal(anl__pairs_parse(f->ctx, "p.tsv", other, strlen(other), &o, &q), ANL_OK);
    assert_string_equal(shown(q->source_tokens, q, 0, 0), "guten Abend <eos> good evening <eos> good morning");
    anl__pairs_close(q);
    anl__pairs_close(p);
}

static void pairs_drawn_by_source(void **state)
{
    fixture *f = *state;
    anl__pairs_opts o = anl__pairs_opts_default();
    anl__pairs *p;
    anl__buf b;
    int32_t of[60];
    anl__buf_init(&b, f->ctx);
    anl__buf_add(&b, "source,target\n");
    for (int i = 0; i < 180; i++) anl__buf_add(&b, "word%d,mot%d\n", i % 60, i);
    o.parts = (anl__parts_opts){.seed = 3, .valid = 0.1, .test = 0.2};
    assert_int_equal(anl__pairs_parse(f->ctx, "p.csv", b.text, b.len, &o, &p), ANL_OK);
    assert_int_equal(p->sources[ANL__PART_TEST], 12);
    assert_int_equal(p->sources[ANL__PART_VALID], 6);
    for (int i = 0; i < 60; i++) of[i] = -1;
    for (int k = 0; k < ANL__PARTS; k++)
        for (int64_t i = 0; i < p->parts.n[k]; i++) {
            int32_t *g = &of[p->parts.item[k][i] % 60];
            assert_true(*g == -1 || *g == k);
            *g = k;
        }
    anl__pairs_close(p);
    o.parts.valid = 7; /* counts */
    o.parts.test = 11;
    assert_int_equal(anl__pairs_parse(f->ctx, "p.csv", b.text, b.len, &o, &p), ANL_OK);
    assert_true(p->sources[ANL__PART_TEST] == 11 && p->sources[ANL__PART_VALID] == 7 && p->sources[ANL__PART_TRAIN] == 42);
    o.source_tokenizer = p->source_tokens;
    o.target_tokenizer = p->target_tokens;
    o.parts.test_only = true; /* another file to be evaluated */
    anl__pairs *q;
    assert_int_equal(anl__pairs_parse(f->ctx, "p.csv", b.text, b.len, &o, &q), ANL_OK);
    assert_true(q->sources[ANL__PART_TEST] == 60 && !q->sources[ANL__PART_TRAIN]);
    anl__pairs_close(q);
    const char *parts = "part,source,target\ntrain,word1,mot1\n";
    assert_int_equal(anl__pairs_parse(f->ctx, "p.csv", parts, strlen(parts), &o, &q), ANL_DATA);
    says(f, "the test part is empty");
    anl__pairs_close(p);
    o = anl__pairs_opts_default();
    o.parts = (anl__parts_opts){.valid = 30, .test = 30};
    assert_int_equal(anl__pairs_parse(f->ctx, "p.csv", b.text, b.len, &o, &p), ANL_INVALID);
    says(f, "leave nothing to train on");
    anl__buf_release(&b);
}

static void refuse_pairs(fixture *f, const char *text, const char *what)
{
    anl__pairs_opts o = anl__pairs_opts_default();
    anl__pairs *p = NULL;
    assert_int_equal(anl__pairs_parse(f->ctx, "p.tsv", text, strlen(text), &o, &p), ANL_DATA);
    says(f, what);
}

static void bad_pairs(void **state)
{
    fixture *f = *state;
    refuse_pairs(f, "source\tgoal\na\tb\n", "has no column \"target\"");
    refuse_pairs(f, "part\tsource\ttarget\ntrain\ta\tb\ntest\ta\tc\n", "p.tsv:3: column source: the source \"a\" is in the train part too");
    refuse_pairs(f, "part\tsource\ttarget\ndev\ta\tb\n", "p.tsv:2: column part: \"dev\" is none of");
    refuse_pairs(f, "part\tsource\ttarget\ntest\ta\tb\n", "the training part");
    refuse_pairs(f, "part\tsource\ttarget\ntrain\t\tb\n", "p.tsv:2: column source: the source is empty");
    refuse_pairs(f, "part\tsource\ttarget\ntrain\ta\t\n", "p.tsv:2: column target: the target is empty");
    refuse_pairs(f, "part\tsource\ttarget\ntrain\ta\tb\ttoo\n", "ragged");
    anl__pairs_opts o = anl__pairs_opts_default();
    anl__pairs *p = NULL;
    o.similar = 1;
    for (int64_t nth = 1;; nth++) { /* every allocation may fail */
        anl__inject(f->ctx, ANL__INJECT_ALLOC, nth);
        anl_status st = anl__pairs_parse(f->ctx, "p.tsv", phrases, sizeof phrases - 1, &o, &p);
        anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
        if (st == ANL_OK) break;
        assert_int_equal(st, ANL_NOMEM);
    }
    anl__pairs_close(p);
}

/* ---- labelled --------------------------------------------------------------------------------- */

static void labelled_texts(void **state)
{
    fixture *f = *state;
    const char *text = "part,seq,label\ntrain,ACGT,n\ntrain,GGT,ei\ntrain,AC,n\ntest,ACGTN,ei\n";
    anl__labelled_opts o = anl__labelled_opts_default();
    anl__labelled *l, *again;
    o.text = "seq";
    assert_int_equal(anl__labelled_parse(f->ctx, "l.csv", text, strlen(text), &o, &l), ANL_OK);
    assert_int_equal(l->classes, 2);
    assert_string_equal(l->class_names[0], "ei");
    assert_int_equal(l->class_count[ANL__PART_TRAIN][1], 2);
    assert_int_equal(l->unknown[ANL__PART_TEST], 1);
    assert_int_equal(anl__ragged_length(l->set, 0, 3), 5);
    assert_int_equal(*(const int32_t *)anl__ragged_get(&l->set->field[1], 1), 0);
    const char *names[] = {"n", "ei", "ie"};
    o.class_names = names;
    o.classes = 3;
    o.tokenizer = l->tokenizer;
    o.max_length = 3;
    assert_int_equal(anl__labelled_parse(f->ctx, "l.csv", text, strlen(text), &o, &again), ANL_OK);
    assert_int_equal(*(const int32_t *)anl__ragged_get(&again->set->field[1], 1), 1);
    assert_int_equal(again->cut, 3);
    anl__labelled_close(again);
    anl__labelled_close(l);
}

static void labelled_windows(void **state)
{
    fixture *f = *state;
    const char *text = "window,t,a,b,label\n1,0,1,10,ok\n1,1,3,10,ok\n2,0,5,10,bad\n2,1,7,10,bad\n2,2,9,10,bad\n";
    anl__labelled_opts o = anl__labelled_opts_default();
    anl__labelled *l;
    const char *features[] = {"a", "b"};
    o.item = "window";
    o.feature = features;
    o.n_features = 2;
    o.parts = (anl__parts_opts){.seed = 0};
    assert_int_equal(anl__labelled_parse(f->ctx, "w.csv", text, strlen(text), &o, &l), ANL_OK);
    assert_int_equal(l->set->n, 2);
    assert_int_equal(l->features, 2);
    assert_int_equal(anl__ragged_length(l->set, 0, 1), 3);
    assert_true(fabs(l->mean[0] - 5) < 1e-12 && fabs(l->std[0] - sqrt(8)) < 1e-12);
    assert_true(l->std[1] == 1); /* a constant is left alone */
    const float *x = anl__ragged_get(&l->set->field[0], 1);
    assert_true(x[0] == 0 && fabsf(x[2] - (float)(2 / sqrt(8))) < 1e-6f && x[1] == 0);
    anl__labelled_close(l);
}

static void refuse_labelled(fixture *f, const char *text, bool windows, const char *what)
{
    anl__labelled_opts o = anl__labelled_opts_default();
    anl__labelled *l = NULL;
    if (windows)
        o.item = "w";
    else
        o.text = "x";
    assert_int_equal(anl__labelled_parse(f->ctx, "l.csv", text, strlen(text), &o, &l), ANL_DATA);
    says(f, what);
}

static void bad_labelled(void **state)
{
    fixture *f = *state;
    refuse_labelled(f, "part,x,label\ntrain,a,\n", false, "l.csv:2: column label: the class is missing");
    refuse_labelled(f, "part,x,label\ntrain,,1\n", false, "the training part has no text");
    refuse_labelled(f, "part,x,label\ntrain,a,1\ntrain,,1\n", false, "l.csv:3: column x: the sequence is empty");
    refuse_labelled(f, "part,x,label\ntrain,a,1\ntest,a,2\n", false, "class 2 has no sample in the training part");
    refuse_labelled(f, "part,w,x,label\ntrain,1,5,1\ntrain,1,5,2\n", true, "l.csv:3: column label: the class changes");
    refuse_labelled(f, "part,w,x,label\ntrain,1,5,1\ntrain,2,5,1\ntrain,1,5,1\n", true, "l.csv:4: column w: item \"1\" was there before");
    refuse_labelled(f, "part,w,x,label\ntrain,1,five,1\n", true, "l.csv:2: column x: \"five\" is no number; data.inputs names the columns");
    refuse_labelled(f, "part,w,x,label\ntrain,1,1e39,1\n", true, "l.csv:2: column x: \"1e39\" is too large");
    refuse_labelled(f, "part,w,x,label\ntrain,1,0,1\ntrain,1,1e-40,1\ntest,2,1e30,1\n", true, "l.csv:4: column x: the value is too large");
    refuse_labelled(f, "part,w,label\ntrain,1,1\n", true, "no column of features");
    const char *text = "part,x,label\ntrain,some words,1\ntest,a few,1\n";
    anl__labelled_opts o = anl__labelled_opts_default();
    anl__labelled *l = NULL;
    const char *names[] = {"0"};
    o.text = "x";
    o.class_names = names;
    o.classes = 1;
    assert_int_equal(anl__labelled_parse(f->ctx, "l.csv", text, strlen(text), &o, &l), ANL_DATA);
    says(f, "l.csv:2: column label: \"1\" is none of the 1 classes");
    o.classes = 0;
    for (int64_t nth = 1;; nth++) { /* every allocation may fail */
        anl__inject(f->ctx, ANL__INJECT_ALLOC, nth);
        anl_status st = anl__labelled_parse(f->ctx, "l.csv", text, strlen(text), &o, &l);
        anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
        if (st == ANL_OK) break;
        assert_int_equal(st, ANL_NOMEM);
    }
    anl__labelled_close(l);
    o.item = "x";
    assert_int_equal(anl__labelled_parse(f->ctx, "l.csv", text, strlen(text), &o, &l), ANL_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(text_is_cut), TEST(bad_texts),      TEST(pairs_are_read), TEST(pairs_with_similar), TEST(pairs_drawn_by_source),
                                       TEST(bad_pairs),   TEST(labelled_texts), TEST(labelled_windows), TEST(bad_labelled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
