/* CSV and TSV cells, typed tables, and every way in which such a file can be bad. */
#include "datasets/table.h"
#include "datasets/utf8.h"
#include "tests/data/data_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static anl__csv *cells(fixture *f, const char *path, const char *text)
{
    anl__csv_opts o = anl__csv_opts_default();
    anl__csv *c = NULL;
    assert_int_equal(anl__csv_parse(f->ctx, path, text, strlen(text), &o, &c), ANL_OK);
    return c;
}

static void cells_are_found(void **state)
{
    fixture *f = *state;
    anl__csv *c = cells(f, "a.csv", "\xEF\xBB\xBFname,\"x, y\"\r\n\"a \"\"b\"\"\nc\",\r\n\"\",2\r\n\r\n");
    assert_int_equal(c->rows, 2);
    assert_int_equal(c->columns, 2);
    assert_string_equal(c->name[1], "x, y");
    assert_string_equal(anl__csv_get(c, 0, 0), "a \"b\"\nc");
    assert_string_equal(anl__csv_get(c, 0, 1), "");
    assert_string_equal(anl__csv_get(c, 1, 0), "");
    assert_string_equal(anl__csv_get(c, 1, 1), "2");
    assert_int_equal(c->line[0], 2);
    assert_int_equal(c->line[1], 4); /* the row before has a newline in quotes */
    assert_int_equal(anl__csv_find(c, "2"), 1);
    assert_int_equal(anl__csv_find(c, "3"), -1);
    anl__csv_close(c);
    c = cells(f, "a.tsv", "a\tb\n1,5\t2");
    assert_string_equal(anl__csv_get(c, 0, 0), "1,5");
    anl__csv_close(c);
    anl__csv_opts o = anl__csv_opts_default();
    o.header = false;
    o.quotes = false;
    assert_int_equal(anl__csv_parse(f->ctx, "a", "\"a,b\"", 5, &o, &c), ANL_OK);
    assert_string_equal(c->name[1], "2");
    assert_string_equal(anl__csv_get(c, 0, 0), "\"a");
    anl__csv_close(c);
}

/* Parsing these bytes fails with ANL_DATA and a message that has `says`. */
static void refuse(fixture *f, const char *text, size_t bytes, const char *says)
{
    anl__csv_opts o = anl__csv_opts_default();
    anl__csv *c = NULL;
    o.max_cell = 100;
    o.max_line = 150;
    o.max_columns = 5;
    assert_int_equal(anl__csv_parse(f->ctx, "bad.csv", text, bytes, &o, &c), ANL_DATA);
    if (!strstr(anl_last_error(f->ctx), says)) fail_msg("\"%s\" does not say \"%s\"", anl_last_error(f->ctx), says);
}

#define REFUSE(f, text, says) refuse(f, text, sizeof(text) - 1, says)

static void bad_files_are_refused(void **state)
{
    fixture *f = *state;
    char long_cell[128], long_line[256];
    REFUSE(f, "", "the file is empty");
    REFUSE(f, "\xFF\xFE" "a", "is UTF-16: save it as UTF-8");
    REFUSE(f, "a;b\n1;2,5\n", "the file is ragged (cells are separated by commas, not by semicolons)");
    REFUSE(f, "a,b\n", "no rows below the header");
    REFUSE(f, "a,b\n1,2\n1\n", "bad.csv:3: 1 cells, but the first row has 2");
    REFUSE(f, "a,b\n1,2\n\n1,2\n", "bad.csv:3: 1 cells");
    REFUSE(f, "a,b\n1,2,3\n", "bad.csv:2: 3 cells");
    REFUSE(f, "a,b\n1,2\0\n", "bad.csv:2: column b: a NUL byte");
    REFUSE(f, "a,b\n1,\xff\n", "bad.csv:2: column b: invalid UTF-8: byte 0xff at 1");
    REFUSE(f, "a,b\n\xe9t\xe9,2\n", "column a: invalid UTF-8: byte 0xe9 at 1");
    REFUSE(f, "a,b\n\"1,2\n3,4\n", "bad.csv:2: column a: the quote that begins here never ends");
    REFUSE(f, "a,b\n\"1\"x,2\n", "column a: text follows the closing quote");
    REFUSE(f, "a,a\n1,2\n", "two columns have the name \"a\"");
    REFUSE(f, "a,b,c,d,e,f\n", "more columns than allowed");
    memset(long_cell, 'x', sizeof long_cell);
    memcpy(long_cell, "a\n", 2);
    refuse(f, long_cell, sizeof long_cell, "bad.csv:2: column a: the cell is larger than allowed");
    memset(long_line, 'x', sizeof long_line);
    memcpy(long_line, "a,b\n", 4);
    long_line[80] = ',';
    refuse(f, long_line, 160 + 4, "bad.csv:2: column");
    anl__csv_opts o = anl__csv_opts_default();
    anl__csv *c = NULL;
    o.max_bytes = 3;
    assert_int_equal(anl__csv_parse(f->ctx, "a", "a\n1\n", 4, &o, &c), ANL_DATA);
    assert_int_equal(anl__csv_open(f->ctx, at(f, "absent.csv"), &o, &c), ANL_DATA);
    assert_non_null(strstr(anl_last_error(f->ctx), "absent.csv: there is no such file"));
    c = cells(f, "a.csv", "price,b\n1,2\n");
    int64_t k;
    assert_int_equal(anl__csv_need(c, "prise", &k), ANL_DATA);
    assert_non_null(strstr(anl_last_error(f->ctx), "did you mean \"price\"?"));
    anl__csv_close(c);
}

static void numbers_and_times(void **state)
{
    static const char *const good[] = {"1", "-2.5", "+.5", "1e3", " 7 ", "1.", "1E-2"};
    static const double value[] = {1, -2.5, .5, 1000, 7, 1, .01};
    static const char *const bad[] = {"", ".", "e5", "1e", "0x10", "1,5", "inf", "1e999", "1 2", "--1", "12a"};
    static const char *const no_time[] = {"2024-13-01", "2023-02-29", "2024-1-1", "2024-01-01T25:00", "2024-01-01X", "01/02/2024", "2024-01-01T10:00+"};
    double v;
    (void)state;
    for (int i = 0; i < 7; i++) assert_true(anl__cell_number(good[i], &v) && v == value[i]);
    for (int i = 0; i < 11; i++) assert_false(anl__cell_number(bad[i], &v));
    assert_true(anl__cell_time("1970-01-01", &v) && v == 0);
    assert_true(anl__cell_time("2024-02-29T12:30", &v) && v == 1709209800);
    assert_true(anl__cell_time("2024-02-29 12:30:01.5Z", &v) && v == 1709209801.5);
    assert_true(anl__cell_time("2024-02-29T14:30+02:00", &v) && v == 1709209800);
    assert_true(anl__cell_time("1969-12-31T23:59:59", &v) && v == -1);
    for (int i = 0; i < 7; i++) assert_false(anl__cell_time(no_time[i], &v));
    static const char *const the_same[] = {"2024-02-09", "2024/02/09", "2024.02.09", "09.02.2024", "9.2.2024", "09.02.2024 00:00"};
    for (int i = 0; i < 6; i++) assert_true(anl__cell_time(the_same[i], &v) && v == 1707436800);
    static const char *const no_date[] = {"02/09/2024", "31.02.2024", "2024-02/09", "9.2.24", "2024.2.9", "1.2.3", "1.2", "009.02.2024", "9.13.2024", ""};
    for (int i = 0; i < 10; i++) assert_false(anl__cell_time(no_date[i], &v));
    static const char *const dated[] = {"03/13/2024", "13/03/2024 12:30", "13-03-24", "9.2.24"}, *const undated[] = {"1/2", "03/13/2024x", "192.168.1.1", "33/44/2024", "1/2/3", "a", ""};
    for (int i = 0; i < 4; i++) assert_true(anl__cell_dated(dated[i]));
    for (int i = 0; i < 7; i++) assert_false(anl__cell_dated(undated[i]));
    assert_true(anl__cell_missing("NA") && anl__cell_missing("") && anl__cell_missing("NaN") && anl__cell_missing("?"));
    assert_false(anl__cell_missing("0"));
    assert_int_equal(anl__utf8_lower(0xC4), 0xE4);
    assert_int_equal(anl__utf8_bad("a\xc3\xa4\xf0\x9f\x98\x80", 7), 7);
    assert_int_equal(anl__utf8_bad("ab\xc0\x80", 4), 2);     /* overlong */
    assert_int_equal(anl__utf8_bad("\xed\xa0\x80", 3), 0);   /* surrogate */
    assert_int_equal(anl__utf8_bad("abcdefghi\xe2\x82", 11), 9); /* cut short */
}

static anl_status table(fixture *f, const char *text, const anl__table_opts *o, anl__table **t)
{
    return anl__table_parse(f->ctx, "t.csv", text, strlen(text), o, t);
}

static void says(fixture *f, const char *text, const anl__table_opts *o, const char *what)
{
    anl__table *t = NULL;
    assert_int_equal(table(f, text, o, &t), ANL_DATA);
    if (!strstr(anl_last_error(f->ctx), what)) fail_msg("\"%s\" does not say \"%s\"", anl_last_error(f->ctx), what);
}

static void columns_have_types(void **state)
{
    fixture *f = *state;
    anl__table_opts o = anl__table_opts_default();
    anl__table *t;
    assert_int_equal(table(f, "day,price,kind\n2024-01-01,1.5,b\n2024-01-02,2,a\n2024-01-03,3,b\n", &o, &t), ANL_OK);
    assert_int_equal(t->columns, 3);
    assert_int_equal(t->time, 0);
    assert_true(t->step == 86400);
    assert_int_equal(t->column[1].kind, ANL__COLUMN_NUMBER);
    assert_true(t->column[1].value[2] == 3);
    assert_int_equal(t->column[2].levels, 2);
    assert_string_equal(t->column[2].level[0], "a");
    assert_int_equal(t->column[2].code[0], 1);
    assert_int_equal(anl__table_find(t, "kind"), 2);
    anl__table_close(t);
    says(f, "p\n1\n2\nx\n3\n", &o, "t.csv:4: column p: \"x\" is no number");
    says(f, "d,p\n2024-01-01,1\nlater,2\n", &o, "t.csv:3: column d: \"later\" is no date or time that is understood");
    const struct anl__table_kind kinds[] = {{"p", ANL__COLUMN_CATEGORY}, {NULL, ANL__COLUMN_AUTO}};
    o.kinds = kinds;
    assert_int_equal(table(f, "p\n1\n2\nx\n3\n", &o, &t), ANL_OK);
    assert_int_equal(t->column[0].levels, 4);
    anl__table_close(t);
    const char *only[] = {"q"};
    o = anl__table_opts_default();
    o.columns = only;
    o.n_columns = 1;
    assert_int_equal(table(f, "p,q\n1,2\n,3\n", &o, &t), ANL_OK); /* p's hole is nobody's business */
    assert_int_equal(t->columns, 1);
    anl__table_close(t);
    says(f, "a,b\n1,2\n", &o, "has no column \"q\"");
}

static void missing_values(void **state)
{
    fixture *f = *state;
    const char *text = "x,c\n1,a\n?,b\nNA,\n4,a\n5,c\n";
    anl__table_opts o = anl__table_opts_default();
    anl__table *t;
    anl__buf report;
    says(f, text, &o, "t.csv:3: column x: the value is missing");
    o.missing = ANL__MISSING_DROP;
    assert_int_equal(table(f, text, &o, &t), ANL_OK);
    assert_int_equal(t->rows, 3);
    assert_int_equal(t->dropped, 2);
    assert_int_equal(t->line[1], 5);
    anl__table_close(t);
    o.missing = ANL__MISSING_FFILL;
    assert_int_equal(table(f, text, &o, &t), ANL_OK);
    assert_true(t->column[0].value[2] == 1);
    assert_int_equal(t->column[1].code[2], 1);
    assert_int_equal(t->missing, 3);
    assert_int_equal(t->filled, 3);
    anl__buf_init(&report, f->ctx);
    anl__table_report(t, &report);
    assert_non_null(strstr(report.text, "missing values: 3 (first in line 3)\n"));
    assert_non_null(strstr(report.text, "  values filled: 3\n"));
    anl__buf_release(&report);
    anl__table_close(t);
    o.missing = ANL__MISSING_INTERPOLATE;
    assert_int_equal(table(f, text, &o, &t), ANL_OK);
    assert_true(fabs(t->column[0].value[1] - 2) < 1e-12 && fabs(t->column[0].value[2] - 3) < 1e-12);
    anl__table_close(t);
    assert_int_equal(table(f, "x\nNA\n2\nNA\n", &o, &t), ANL_OK); /* the ends take the nearest */
    assert_true(t->column[0].value[0] == 2 && t->column[0].value[2] == 2);
    anl__table_close(t);
    o.missing = ANL__MISSING_FFILL;
    says(f, "x\nNA\n2\n", &o, "t.csv:2: column x: the first value is missing");
    says(f, "x\nNA\nNA\n", &o, "no value at all");
    o.missing = ANL__MISSING_DROP;
    says(f, "x,y\nNA,1\n1,NA\n", &o, "none is left");
}

static void time_is_checked(void **state)
{
    fixture *f = *state;
    const char *doubled = "t,v\n2024-01-01,1\n2024-01-02,2\n2024-01-02,3\n2024-01-03,4\n";
    const char *gap = "t,v\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n2024-01-06,6\n";
    anl__table_opts o = anl__table_opts_default();
    anl__table *t;
    says(f, doubled, &o, "t.csv:4: column t: the same time as line 3");
    says(f, "t,v\n2024-01-02,1\n2024-01-01,2\n", &o, "t.csv:3: column t: the time lies before that of line 2");
    says(f, "t,v\n2024-01-02,1\n,2\n", &o, "t.csv:3: column t: the time is missing");
    o.doubled = ANL__DOUBLED_DROP;
    assert_int_equal(table(f, doubled, &o, &t), ANL_OK);
    assert_int_equal(t->rows, 3);
    assert_int_equal(t->doubled, 1);
    assert_true(t->column[1].value[1] == 2);
    anl__table_close(t);
    assert_int_equal(table(f, gap, &o, &t), ANL_OK);
    assert_int_equal(t->gaps, 1);
    assert_int_equal(t->first_gap, 5);
    anl__table_close(t);
    o.gaps = ANL__GAPS_REFUSE;
    says(f, gap, &o, "t.csv:5: column t: a gap of 2 rows");
    o.gaps = ANL__GAPS_FILL;
    says(f, gap, &o, "rows put into gaps have no value");
    o.missing = ANL__MISSING_INTERPOLATE;
    assert_int_equal(table(f, gap, &o, &t), ANL_OK);
    assert_int_equal(t->rows, 6);
    assert_int_equal(t->gap_rows, 2);
    for (int i = 0; i < 6; i++) assert_true(fabs(t->column[1].value[i] - (i + 1)) < 1e-9);
    for (int i = 1; i < 6; i++) assert_true(t->column[0].value[i] - t->column[0].value[i - 1] == 86400);
    anl__table_close(t);
    says(f, "t,v\n2024-01-01T00:00:00,1\n2024-01-01T00:00:01,2\n2024-01-01T00:00:02,2\n2025-01-06,6\n", &o, "to fill");
}

static void allocations_may_fail(void **state)
{
    fixture *f = *state;
    anl__table_opts o = anl__table_opts_default();
    anl__table *t = NULL;
    o.gaps = ANL__GAPS_FILL;
    o.missing = ANL__MISSING_FFILL;
    for (int64_t nth = 1;; nth++) {
        anl__inject(f->ctx, ANL__INJECT_ALLOC, nth);
        anl_status st = table(f, "t,v,c\n2024-01-01,1,a\n2024-01-02,,b\n2024-01-06,6,a\n", &o, &t);
        anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
        if (st == ANL_OK) break;
        assert_int_equal(st, ANL_NOMEM);
    }
    anl__table_close(t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(cells_are_found),    TEST(bad_files_are_refused), TEST(numbers_and_times), TEST(columns_have_types),
                                       TEST(missing_values), TEST(time_is_checked), TEST(allocations_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
