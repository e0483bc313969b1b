/* Windows of a table, their way back to raw values, baselines against numbers done by hand, and what is refused. */
#include "datasets/baseline.h"
#include "tests/data/data_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 60 };

static double load(int64_t t)
{
    return 100 + 10 * (double)(t % 6) + 0.5 * (double)t + (double)((t * 7919) % 13);
}

static anl__table *table_of(fixture *f, int64_t rows, bool names)
{
    static char text[1 << 16];
    size_t n = (size_t)sprintf(text, "when,load,heat,day\n");
    for (int64_t t = 0; t < rows; t++)
        n += (size_t)sprintf(text + n, "2024-%02d-%02dT%02d:00,%.17g,%g,%s\n", 1 + (int)(t / 24 / 28), 1 + (int)(t / 24 % 28), (int)(t % 24), load(t), (double)((t * 31) % 17),
                             t % 3 || !names ? "work" : "free");
    anl__table_opts o = anl__table_opts_default();
    anl__table *table = NULL;
    assert_int_equal(anl__table_parse(f->ctx, "load.csv", text, n, &o, &table), ANL_OK);
    return table;
}

static anl__series_opts options(void)
{
    static const char *const target[] = {"load"}, *const input[] = {"heat", "load", "day"};
    anl__series_opts o = anl__series_opts_default();
    o.target = target;
    o.targets = 1;
    o.input = input;
    o.inputs = 3;
    o.calendar = ANL__CALENDAR_HOUR | ANL__CALENDAR_WEEKDAY;
    o.period[0] = 6;
    o.window = 5;
    o.horizon = 4;
    o.difference = 6;
    o.valid_rows = 10;
    o.test_rows = 12;
    return o;
}

static const float *get(const anl__series *s, const char *field, int64_t item)
{
    int k = anl__ragged_find(s->set, field);
    assert_true(k >= 0);
    return anl__ragged_get(&s->set->field[k], item);
}

static void says(fixture *f, const char *what)
{
    if (!strstr(anl_last_error(f->ctx), what)) fail_msg("\"%s\" does not say \"%s\"", anl_last_error(f->ctx), what);
}

/* Every item lies in one part, with its targets wholly inside; and y undone is the table again. */
static void windows(void **state)
{
    fixture *f = *state;
    anl__table *t = table_of(f, ROWS, true);
    anl__series_opts o = options();
    anl__series *s = NULL;
    assert_int_equal(anl__series_create(f->ctx, t, &o, &s), ANL_OK);
    assert_int_equal(anl__series_features(s->fit), 1 + 1 + 2 + 4 + 2);
    anl__buf names;
    anl__buf_init(&names, f->ctx);
    anl__series_feature_names(s->fit, &names);
    assert_string_equal(names.text, "load\nheat\nday=free\nday=work\nhour sine\nhour cosine\nweekday sine\nweekday cosine\nperiod 6 sine\nperiod 6 cosine\n");
    anl__buf_release(&names);
    assert_int_equal(s->first, 11);
    assert_int_equal(s->set->n, ROWS - 11 - 3);
    assert_int_equal(s->items[0], 38 - 11 - 3);
    assert_int_equal(s->items[1], 10 - 3);
    assert_int_equal(s->items[2], 12 - 3);
    for (int p = 0; p < ANL__PARTS; p++) {
        for (int64_t i = 0; i < s->items[p]; i++) {
            int64_t item = s->item[p][i], origin = s->first + item;
            double raw[4];
            assert_true(origin >= s->begin[p] && origin + 4 <= s->begin[p + 1]);
            anl__series_undo(s->fit, get(s, "y", item), get(s, "base", item), raw);
            for (int h = 0; h < 4; h++) assert_float_equal(raw[h], load(origin + h), 1e-4);
            const float *last = get(s, "x", item) + 4 * 10;
            if (item + 1 < s->set->n) assert_memory_equal(get(s, "x", item + 1) + 3 * 10, last, 10 * sizeof *last); /* the next window has it one earlier */
            assert_true((last[2] == 1) == ((origin - 1) % 3 == 0));
            assert_true((last[3] == 1) == ((origin - 1) % 3 != 0));
            assert_float_equal(get(s, "future", item)[0], sin(2 * 3.14159265358979 * (double)(origin % 24) / 24), 1e-6);
        }
    }
    anl__series_destroy(s);
    anl__table_close(t);
}

/* Scales come from the training rows: their differences have mean 0 and deviation 1 there. */
static void scales(void **state)
{
    fixture *f = *state;
    anl__table *t = table_of(f, ROWS, true);
    anl__series_opts o = options();
    anl__series *s = NULL;
    double sum = 0, squares = 0;
    int n = 0;
    o.horizon = 1;
    o.window = 1;
    assert_int_equal(anl__series_create(f->ctx, t, &o, &s), ANL_OK);
    for (int64_t item = -1; s->first + item < 38; item++, n++) { /* the row of a window is the one before its origin */
        double v = item < 0 ? get(s, "x", 0)[0] : get(s, "y", item)[0];
        sum += v;
        squares += v * v;
    }
    assert_int_equal(n, 38 - 6);
    assert_float_equal(sum / n, 0, 1e-6);
    assert_float_equal(squares / n, 1, 1e-5);
    anl__series_destroy(s);
    anl__table_close(t);
}

/* A fit goes through its text, and makes the same windows of the same rows; a short table has only a tail. */
static void continues(void **state)
{
    fixture *f = *state;
    anl__table *t = table_of(f, ROWS, true), *end = NULL;
    anl__series_opts o = options();
    anl__series *s = NULL, *again = NULL, *tail = NULL;
    anl__series_fit *fit = NULL;
    anl__buf text, second;
    o.period[0] = 0; /* row numbers begin anew in another table */
    anl__buf_init(&text, f->ctx);
    anl__buf_init(&second, f->ctx);
    assert_int_equal(anl__series_create(f->ctx, t, &o, &s), ANL_OK);
    anl__series_write(s->fit, &text);
    assert_int_equal(anl__series_read(f->ctx, text.text, text.len, &fit), ANL_OK);
    anl__series_write(fit, &second);
    assert_string_equal(text.text, second.text);
    assert_int_equal(anl__series_apply(f->ctx, t, fit, &again), ANL_OK);
    assert_int_equal(again->items[ANL__PART_TEST], s->set->n);
    for (int64_t i = 0; i < s->set->n; i++) assert_memory_equal(get(again, "x", i), get(s, "x", i), 5 * 8 * sizeof(float));
    end = table_of(f, 11, true);
    assert_int_equal(anl__series_apply(f->ctx, end, fit, &tail), ANL_OK);
    assert_null(tail->set);
    assert_memory_equal(tail->tail_x, get(s, "x", 0), 5 * 8 * sizeof(float));
    assert_memory_equal(tail->tail_base, get(s, "base", 0), 4 * sizeof(float));
    assert_memory_equal(tail->tail_future, get(s, "future", 0), 4 * 4 * sizeof(float));
    anl__series_destroy(tail);
    anl__table_close(end);

    end = table_of(f, 10, true);
    assert_int_equal(anl__series_apply(f->ctx, end, fit, &tail), ANL_DATA);
    says(f, "has 10 rows; the model needs 11");
    anl__table_close(end);

    for (size_t cut = 0; cut < text.len; cut += 3) assert_int_equal(anl__series_read(f->ctx, text.text, cut, &fit), ANL_FORMAT);
    anl__buf_release(&second);
    anl__buf_release(&text);
    anl__series_fit_destroy(fit);
    anl__series_destroy(again);
    anl__series_destroy(s);
    anl__table_close(t);
}

/* A season longer than the horizon repeats the season before; the last value is a season of one; ridge finds what is linear. */
static void baselines(void **state)
{
    fixture *f = *state;
    anl__table *t = table_of(f, ROWS, true);
    anl__series_opts o = options();
    anl__series *s = NULL;
    double out[9 * 4];
    assert_int_equal(anl__series_create(f->ctx, t, &o, &s), ANL_OK);
    const int64_t *item = s->item[2], n = s->items[2];
    anl__baseline_seasonal(s, item, n, 6, out);
    for (int64_t i = 0; i < n; i++)
        for (int h = 0; h < 4; h++) assert_float_equal(out[i * 4 + h], load(s->first + item[i] + h - 6), 0);
    anl__baseline_seasonal(s, item, n, 3, out); /* the fourth step must go back two seasons */
    assert_float_equal(out[3], load(s->first + item[0] + 3 - 6), 0);
    anl__baseline_seasonal(s, item, n, 1, out);
    for (int h = 0; h < 4; h++) assert_float_equal(out[h], load(s->first + item[0] - 1), 0);

    anl__errors e = anl__series_errors(s, item, 1, out, -1, 6);
    double squares = 0, absolute = 0, relative = 0, naive = 0;
    for (int h = 0; h < 4; h++) {
        double truth = load(s->first + item[0] + h), d = out[h] - truth;
        squares += d * d / 4;
        absolute += fabs(d) / 4;
        relative += 100 * fabs(d / truth) / 4;
    }
    for (int64_t row = 6; row < 38; row++) naive += fabs(load(row) - load(row - 6)) / 32;
    assert_int_equal(e.values, 4);
    assert_float_equal(e.rmse, sqrt(squares), 1e-9);
    assert_float_equal(e.mae, absolute, 1e-9);
    assert_float_equal(e.mape, relative, 1e-9);
    assert_float_equal(e.mase, absolute / naive, 1e-9);
    anl__series_destroy(s);
    anl__table_close(t);
}

/* v(t) = 0.6 v(t-1) + 0.3 v(t-2) + 2: two rows tell all that follows. */
static void ridge_finds_a_recurrence(void **state)
{
    fixture *f = *state;
    static const char *const target[] = {"v"};
    char text[8192];
    size_t n = (size_t)sprintf(text, "v\n");
    double v[80] = {5, -3};
    for (int t = 2; t < 80; t++) v[t] = 0.6 * v[t - 1] + 0.3 * v[t - 2] + 2;
    for (int t = 0; t < 80; t++) n += (size_t)sprintf(text + n, "%.17g\n", v[t]);
    anl__table_opts to = anl__table_opts_default();
    anl__series_opts o = anl__series_opts_default();
    anl__table *t = NULL;
    anl__series *s = NULL;
    double out[64 * 3];
    o.target = target;
    o.targets = 1;
    o.window = 2;
    o.horizon = 3;
    assert_int_equal(anl__table_parse(f->ctx, "v.csv", text, n, &to, &t), ANL_OK);
    assert_int_equal(anl__series_create(f->ctx, t, &o, &s), ANL_OK);
    assert_int_equal(anl__baseline_ridge(s, s->item[0], s->items[0], 1e-9, s->item[2], s->items[2], out), ANL_OK);
    for (int64_t i = 0; i < s->items[2]; i++)
        for (int h = 0; h < 3; h++) assert_float_equal(out[i * 3 + h], v[s->first + s->item[2][i] + h], 1e-3);
    assert_int_equal(anl__baseline_ridge(s, s->item[0], 100000000000, 1e-9, s->item[2], s->items[2], out), ANL_DATA); /* nothing is touched */
    says(f, "products, more than");
    anl__series_destroy(s);
    anl__table_close(t);
}

/* Squares of such values are no numbers any more: said, not trained on. */
static void too_large(void **state)
{
    fixture *f = *state;
    static const char *const target[] = {"v"};
    anl__table_opts o = anl__table_opts_default();
    anl__series_opts s = anl__series_opts_default();
    anl__table *t = NULL;
    anl__series *never = NULL;
    char text[1024] = "v\n";
    for (int i = 0; i < 40; i++) strcat(text, i % 2 ? "1e200\n" : "-2e200\n");
    assert_int_equal(anl__table_parse(f->ctx, "huge.csv", text, strlen(text), &o, &t), ANL_OK);
    s.target = target;
    s.targets = 1;
    s.window = 3;
    assert_int_equal(anl__series_create(f->ctx, t, &s, &never), ANL_DATA);
    says(f, "huge.csv: column \"v\": the values are too large");
    anl__table_close(t);
}

static void refused(void **state)
{
    fixture *f = *state;
    anl__table *t = table_of(f, ROWS, true), *other;
    anl__series_opts o = options();
    anl__series *s = NULL, *never = NULL;
    static const char *const wrong[] = {"laod"}, *const names[] = {"day"}, *const times[] = {"when"};
    o.target = wrong;
    assert_int_equal(anl__series_create(f->ctx, t, &o, &s), ANL_DATA);
    says(f, "load.csv has no column \"laod\"; did you mean \"load\"?");
    o.target = names;
    assert_int_equal(anl__series_create(f->ctx, t, &o, &s), ANL_DATA);
    says(f, "column \"day\" holds no numbers");
    o = options();
    o.input = times;
    o.inputs = 1;
    assert_int_equal(anl__series_create(f->ctx, t, &o, &s), ANL_DATA);
    says(f, "column \"when\" holds times");
    o = options();
    o.valid_rows = 3;
    assert_int_equal(anl__series_create(f->ctx, t, &o, &s), ANL_DATA);
    says(f, "the part for validation has 3 rows (45 to 47): no window of 5 rows with the 4 that follow fits (lag 6)");
    o = options();
    o.valid_rows = 50;
    assert_int_equal(anl__series_create(f->ctx, t, &o, &s), ANL_DATA);
    says(f, "leave nothing to train on");
    o = options();
    o.window = 100;
    assert_int_equal(anl__series_create(f->ctx, t, &o, &s), ANL_DATA);
    says(f, "need 110");
    o = options();
    assert_int_equal(anl__series_create(f->ctx, t, &o, &s), ANL_OK);
    other = table_of(f, ROWS, false);
    assert_int_equal(anl__series_apply(f->ctx, other, s->fit, &never), ANL_OK); /* fewer levels are no fault */
    anl__series_destroy(never);
    anl__series_destroy(s);
    assert_int_equal(anl__series_create(f->ctx, other, &o, &s), ANL_OK);
    assert_int_equal(anl__series_apply(f->ctx, t, s->fit, &never), ANL_DATA);
    says(f, "load.csv:8: column \"day\": \"free\" was not there in training");
    anl__series_destroy(s);
    anl__table_close(other);
    anl__table_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(windows, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(scales, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(continues, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(baselines, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(ridge_finds_a_recurrence, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(too_large, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(refused, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("series", tests, NULL, NULL);
}
