/* Logistic regression over labelled sequences: its optimum, what it learns of bags, places and values, and its text of scales. */
#include "datasets/logistic.h"
#include "tests/data/data_test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 90 };

static anl__labelled *parse(fixture *f, const char *text, const char *column, const char *item)
{
    anl__labelled_opts o = anl__labelled_opts_default();
    anl__labelled *l = NULL;
    o.text = column;
    o.item = item;
    o.tokens.kind = column && !strcmp(column, "words") ? ANL__TOKENS_WORD : ANL__TOKENS_CHAR;
    anl_status st = anl__labelled_parse(f->ctx, "l.csv", text, strlen(text), &o, &l);
    if (st != ANL_OK) fail_msg("%s", anl_last_error(f->ctx));
    return l;
}

/* The share of the test part's rows that a fit on the training part gets right; the gradient there is 0. */
static double learnt(fixture *f, const anl__labelled *l, const char *kind)
{
    anl__sparse x, t;
    const char *what;
    double right = 0, *w;
    float logits[ROWS * 3];
    int C = l->classes;
    assert_int_equal(anl__sparse_of(l, l->parts.item[0], l->parts.n[0], &x, &what), ANL_OK);
    assert_string_equal(what, kind);
    assert_int_equal(anl__sparse_of(l, l->parts.item[2], l->parts.n[2], &t, &what), ANL_OK);
    assert_true(x.rows <= ROWS && t.rows > 5);
    for (int64_t i = 0; i < x.rows; i++) {
        double squares = 0;
        for (int64_t k = x.begin[i]; k < x.begin[i + 1]; k++) squares += (double)x.value[k] * x.value[k];
        assert_float_equal(squares, 1, 1e-5);
    }
    w = anl__calloc(f->ctx, (size_t)((x.columns + 1) * C), sizeof *w);
    assert_int_equal(anl__logistic_fit(&x, C, 0.01, w), ANL_OK);
    anl__logistic_predict(&x, C, w, logits);
    double loss = anl__logistic_loss(&x, C, logits);
    for (int64_t i = 0; i < (x.columns + 1) * C; i += 1 + x.columns / 7) { /* a step to either side is no better */
        for (int side = -1; side < 2; side += 2) {
            bool shrunk = i < x.columns * C;
            double was = w[i], change;
            w[i] += side * 0.02;
            change = shrunk ? 0.005 * (w[i] * w[i] - was * was) : 0;
            anl__logistic_predict(&x, C, w, logits);
            assert_true(anl__logistic_loss(&x, C, logits) + change > loss);
            w[i] = was;
        }
    }
    anl__logistic_predict(&t, C, w, logits);
    for (int64_t i = 0; i < t.rows; i++) {
        int best = 0;
        for (int c = 1; c < C; c++)
            if (logits[i * C + c] > logits[i * C + best]) best = c;
        right += best == t.class[i];
    }
    right /= (double)t.rows;
    anl__free(f->ctx, w);
    anl__sparse_release(&x);
    anl__sparse_release(&t);
    return right;
}

static const char *part(int i)
{
    return i % 5 < 3 ? "train" : i % 5 == 3 ? "valid" : "test";
}

static void bags(void **state)
{
    fixture *f = *state;
    static const char *const key[] = {"good", "bad", "odd"}, *const filler[] = {"the", "a tea", "cup of tea", "is"};
    char text[16384];
    size_t n = (size_t)sprintf(text, "part,label,words\n");
    for (int i = 0; i < ROWS; i++)
        n += (size_t)sprintf(text + n, "%s,%s,%s %s %s\n", part(i), key[i * 7 % 3], filler[i % 4], key[i * 7 % 3], filler[i * 11 % 4]);
    anl__labelled *l = parse(f, text, "words", NULL);
    assert_float_equal(learnt(f, l, "bag of words"), 1, 0);
    anl__labelled_close(l);
}

static void places(void **state) /* the letter in the middle decides; a bag could not tell */
{
    fixture *f = *state;
    char text[16384];
    size_t n = (size_t)sprintf(text, "part,label,letters\n");
    for (int i = 0; i < ROWS; i++) {
        bool a = i * 7 % 3 == 0;
        n += (size_t)sprintf(text + n, "%s,%s,%s\n", part(i), a ? "yes" : "no", a ? (i % 2 ? "xyaxx" : "yxaxx") : (i % 2 ? "axyxx" : "xxxya"));
    }
    anl__labelled *l = parse(f, text, "letters", NULL);
    assert_float_equal(learnt(f, l, "places"), 1, 0);
    anl__labelled_close(l);
}

static void values_and_scales(void **state)
{
    fixture *f = *state;
    char text[16384];
    size_t n = (size_t)sprintf(text, "part,label,item,heat load,v\n");
    for (int i = 0; i < ROWS; i++)
        for (int t = 0; t < 3; t++)
            n += (size_t)sprintf(text + n, "%s,%s,%d,%d,%g\n", part(i), i * 7 % 3 ? "low" : "high", i, 50 + (i * 7 % 3 ? -4 : 4) + (i * 13 + t) % 5, 0.25 * ((i + t) % 4));
    anl__labelled *l = parse(f, text, NULL, "item"), *again = NULL;
    assert_float_equal(learnt(f, l, "values"), 1, 0);
    anl__buf b;
    anl__arena *a;
    anl__labelled_opts o = anl__labelled_opts_default();
    anl__buf_init(&b, f->ctx);
    anl__labelled_write(l, &b);
    assert_int_equal(anl__arena_create(f->ctx, &a), ANL_OK);
    for (size_t cut = 0; cut < b.len; cut++) assert_int_equal(anl__labelled_read(f->ctx, b.text, cut, a, &o), ANL_FORMAT);
    assert_int_equal(anl__labelled_read(f->ctx, b.text, b.len, a, &o), ANL_OK);
    assert_int_equal(o.n_features, 2);
    assert_string_equal(o.feature[0], "heat load");
    o.item = "item";
    o.parts = (anl__parts_opts){.seed = 0};
    const char *one = "label,item,heat load,v\nlow,1,50,0\nlow,1,51,0.5\nhigh,2,52,0.5\n"; /* other rows, the same scales */
    assert_int_equal(anl__labelled_parse(f->ctx, "w.csv", one, strlen(one), &o, &again), ANL_OK);
    for (int k = 0; k < 2; k++) {
        assert_true(again->mean[k] == l->mean[k] && again->std[k] == l->std[k]);
        assert_float_equal(((const float *)anl__ragged_get(&again->set->field[0], 0))[k], ((k ? 0 : 50) - l->mean[k]) / l->std[k], 1e-5);
    }
    anl__labelled_close(again);
    anl__arena_destroy(a);
    anl__buf_release(&b);
    anl__labelled_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bags, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(places, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(values_and_scales, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("logistic", tests, NULL, NULL);
}
