/* The page of runs: numbers read back, names that are markup, many epochs and classes, several runs, memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "tests/common/markup.h"
#include "tools/report/run_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- numbers ----------------------------------------------------------------------------------- */

/* Every point of a line stands where its value does, on one scale. */
static void test_numbers(void **state)
{
    box *b = *state;
    const char *run = "numbers";
    anl__buf page;
    int pictures, points = 0;
    double x[2] = {0}, y[2] = {0}, px, py;
    log_run(b, run, 12, true);
    page_of(b, &run, 1, &page, &pictures);
    assert_int_equal(pictures, 5); /* loss, accuracy, rate, speed; loss by step */
    for (int e = 1; e <= 12; e++) {
        char hint[100];
        snprintf(hint, sizeof hint, "valid.loss, epoch %d: %.6g<", e, loss_at(e) + 0.1);
        holds(&page, hint);
        snprintf(hint, sizeof hint, "train.loss, epoch %d: %.6g<", e, loss_at(e));
        holds(&page, hint);
    }
    holds(&page, "best: epoch 3, step 30, valid.accuracy 0.9<");
    holds(&page, "valid.accuracy 0.9 in epoch 3<");
    holds(&page, "<td class=\"text\">12 of 10</td>");
    holds(&page, "<td class=\"text\">30 s</td>");
    const char *end = strstr(page.text, "\"><title>train.loss</title>"), *p = end;
    assert_non_null(end);
    while (strncmp(p, "points=\"", 8)) p--;
    for (p += 8; p < end && sscanf(p, "%lf,%lf ", &px, &py) == 2; points++) {
        double at = 1 + points, v = loss_at(points + 1);
        if (points < 2) x[points] = px, y[points] = py;
        else {
            assert_true(fabs(px - (x[0] + (at - 1) * (x[1] - x[0]))) < 1.5);
            assert_true(fabs(py - (y[0] + (v - loss_at(1)) / (loss_at(2) - loss_at(1)) * (y[1] - y[0]))) < 0.3);
        }
        p = strchr(p, ' ') + 1;
    }
    assert_int_equal(points, 12);
    anl__buf_release(&page);
}

static void test_log(void **state)
{
    box *b = *state;
    const char *run = "decades";
    char text[4096] = "";
    anl__buf page;
    int pictures;
    for (int e = 1; e <= 6; e++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "{\"kind\":\"epoch\",\"step\":%d,\"epoch\":%d,\"train.loss\":%g,\"train.other\":%g}\n", e, e, pow(10, -e),
                 pow(10, -e));
    }
    put(b, run, "metrics.jsonl", text);
    page_of(b, &run, 1, &page, &pictures);
    holds(&page, ">1e-06</text>"); /* a tick a power of ten */
    holds(&page, "taken as the best");
    assert_int_equal(pictures, 2);
    anl__buf_release(&page);
}

/* What is not finite breaks a line or stands at the edge; peaks of many epochs stay. */
static void test_many_epochs(void **state)
{
    box *b = *state;
    const char *run = "many";
    char path[1024];
    anl__buf page;
    int pictures;
    struct timespec from, to;
    log_run(b, run, 1000, true);
    clock_gettime(CLOCK_MONOTONIC, &from);
    page_of(b, &run, 1, &page, &pictures);
    clock_gettime(CLOCK_MONOTONIC, &to);
    double ms = 1e3 * (double)(to.tv_sec - from.tv_sec) + 1e-6 * (double)(to.tv_nsec - from.tv_nsec);
    printf("[  a page of 1000 epochs and 10000 steps: %.0f ms, %zu KB ]\n", ms, page.len / 1024);
    assert_true(page.len < 300000);
    holds(&page, "best: epoch 3, step 30, valid.accuracy 0.9<");
    anl__buf_release(&page);
    put(b, "odd", "metrics.jsonl",
        "{\"kind\":\"epoch\",\"step\":1,\"epoch\":1,\"train.loss\":\"nan\",\"valid.loss\":2}\n"
        "{\"kind\":\"epoch\",\"step\":2,\"epoch\":2,\"train.loss\":\"inf\",\"valid.loss\":1e308}\n"
        "{\"kind\":\"epoch\",\"step\":3,\"epoch\":3,\"train.loss\":\"-inf\",\"valid.loss\":-1e308}\n"
        "{\"kind\":\"epoch\",\"step\":4,\"epoch\":4,\"train.loss\":\"nan\",\"valid.loss\":\"nan\"}\n");
    run = "odd";
    page_of(b, &run, 1, &page, &pictures);
    anl__buf_release(&page);
    run_shown *s;
    assert_int_equal(open_run(b, "odd", &(run_state){.word = "w"}, path, &s), ANL_OK);
    assert_int_equal(s->log.rows, 4);
    assert_true(isinf(s->log.column[0].value[1]));
    run_shown_close(s);
}

/* ---- texts --------------------------------------------------------------------------------------- */

static void test_hostile(void **state)
{
    box *b = *state;
    static const char bad[] = "<b>&\"'</table>", clean[] = "&lt;b&gt;&amp;&quot;'&lt;/table&gt;";
    const char *run = "<i>&\"'x\x01\xe4";
    static const char *const override[] = {"data.path='<b>&\"x'", "train.epochs=3"};
    char text[2048], path[1024];
    run_shown *s;
    int pictures;
    anl__buf page;
    recipe *r;
    assert_int_equal(recipe_parse(b->ctx, "r", "{}", 2, override, 2, &r), ANL_OK);
    snprintf(path, sizeof path, "%s/%s", b->dir, run);
    put(b, run, "metrics.jsonl", "{\"kind\":\"epoch\",\"step\":1,\"epoch\":1,\"train.<b>&\":1,\"valid.loss\":2}\n");
    put(b, run, "environment.txt", bad);
    put(b, run, "changes.txt", bad);
    snprintf(text, sizeof text,
             "{\"<b>&\":1,\"note\":\"<b>&\",\"a<\":{\"<c>\":\"<d>\"},\"heads\":{\"<h>\":{\"loss\":{\"<x>\":1}}},"
             "\"classes\":[{\"name\":\"<b>&\\\"'</table>\",\"f1\":0.5},{\"name\":\"ok\",\"f1\":null}],"
             "\"confusion\":[[1,2],[3,4]],\"list\":[1],\"none\":null,\"yes\":true}");
    put(b, run, "test.json", text);
    anl__buf_init(&page, b->ctx);
    assert_int_equal(run_shown_open(b->ctx, path, r, &(run_state){.word = "failed", .why = bad}, &s), ANL_OK);
    assert_int_equal(run_report_page(b->ctx, &s, 1, &page), ANL_OK);
    const char *wrong = markup_wrong(page.text, &pictures);
    if (wrong) fail_msg("%s", wrong);
    assert_null(strstr(page.text, "<b>"));
    assert_null(strstr(page.text, "<i>"));
    holds(&page, clean);
    holds(&page, "&lt;i&gt;&amp;&quot;'x\xef\xbf\xbd\xef\xbf\xbd</h1>");
    holds(&page, "data.path</td><td class=\"text\">&quot;&lt;b&gt;&amp;\\&quot;x&quot;</td>");
    holds(&page, "3 of 7 of ok taken for &lt;b&gt;&amp;&quot;'&lt;/table&gt; (42.9 %)");
    anl__buf_release(&page);
    run_shown_close(s);
    recipe_free(r);
}

/* ---- classes --------------------------------------------------------------------------------------- */

/* Values that differ in their last bit have no round numbers between them; nor have two that are equal, or as small as can be. */
static void test_hardly_apart(void **state)
{
    static const char *const pair[][2] = {{"1", "0.99999999999999978"}, {"1", "1"}, {"0", "0"}, {"5e-324", "0"}, {"5e-324", "5e-324"}, {"-1e308", "1e308"}, {"1e17", "1.0000000000000002e17"}};
    box *b = *state;
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        anl__buf page, rows;
        int pictures;
        anl__buf_init(&rows, b->ctx);
        for (int e = 0; e < 3; e++)
            anl__buf_add(&rows, "{\"kind\":\"epoch\",\"step\":%d,\"epoch\":%d,\"lr\":%s,\"train.loss\":%s,\"valid.auc\":%s,\"seconds\":1}\n", e + 1, e + 1, pair[i][e % 2], pair[i][e % 2],
                         pair[i][e % 2]);
        put(b, "apart", "metrics.jsonl", rows.text);
        page_of(b, (const char *const[]){"apart"}, 1, &page, &pictures);
        assert_true(page.len < 100000);
        anl__buf_release(&page);
        anl__buf_release(&rows);
    }
}

static void write_classes(const box *b, const char *run, int n)
{
    anl__buf t;
    anl__buf_init(&t, b->ctx);
    anl__buf_add(&t, "{\"samples\":10,\"loss\":0.25,\"classes\":[");
    for (int c = 0; c < n; c++)
        anl__buf_add(&t, "%s{\"name\":\"class number %d\",\"precision\":0.5,\"recall\":0.25,\"f1\":%g,\"auc\":null,\"samples\":%d}",
                     c ? "," : "", c, c * 1e-3, c);
    anl__buf_add(&t, "],\"confusion\":[");
    for (int r = 0; r < n; r++) {
        anl__buf_add(&t, "%s[", r ? "," : "");
        for (int p = 0; p < n; p++) anl__buf_add(&t, "%s%d", p ? "," : "", r == p ? 100 : r == 1 && p == 2 ? 77 : (r + p) % 9);
        anl__buf_add(&t, "]");
    }
    anl__buf_add(&t, "]}");
    put(b, run, "test.json", t.text);
    anl__buf_release(&t);
}

static void test_classes(void **state)
{
    box *b = *state;
    const char *run = "classes";
    static const int counts[] = {2, 10, 20, 50, 51, 300};
    put(b, run, "metrics.jsonl", "");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        anl__buf page;
        int pictures, boxes = 0;
        write_classes(b, run, counts[i]);
        page_of(b, &run, 1, &page, &pictures);
        assert_int_equal(pictures, counts[i] <= 50);
        for (const char *p = page.text; (p = strstr(p, " taken for ")); p++) boxes++;
        if (counts[i] == 10) assert_true(boxes > 70 && boxes <= 100);
        if (counts[i] > 2) holds(&page, counts[i] <= 50 ? "77 of" : "class number 2</td><td>77</td>");
        if (counts[i] > 50) holds(&page, "classes with the lowest F1");
        anl__buf_release(&page);
    }
    put(b, run, "test.json", "{\"classes\":[{\"name\":\"a\"},{}],\"confusion\":[[1,2],[3]]}"); /* of another form: the table alone */
    anl__buf page;
    int pictures;
    page_of(b, &run, 1, &page, &pictures);
    assert_int_equal(pictures, 0);
    anl__buf_release(&page);
}

/* ---- several runs ----------------------------------------------------------------------------------- */

static void test_several(void **state)
{
    box *b = *state;
    static const char *const run[] = {"first", "second", "values", "nothing"};
    anl__buf page;
    int pictures;
    log_run(b, "first", 8, true);
    log_run(b, "second", 4, false);
    put(b, "values", "metrics.jsonl", "{\"kind\":\"epoch\",\"step\":9,\"epoch\":1,\"train.loss\":1,\"valid.loss\":2,\"valid.rmse\":3.25}\n");
    put(b, "values", "test.json", "{\"rmse\":3.5,\"mae\":1.5}");
    put(b, "nothing", "metrics.jsonl", "");
    page_of(b, run, 4, &page, &pictures);
    assert_int_equal(pictures, 7); /* loss, accuracy, rmse, rate, speed, accuracy over time; loss by step */
    holds(&page, "<h1>Comparison of 4 runs</h1>");
    holds(&page, "first: valid.loss");
    holds(&page, "valid.rmse</td><td>3.25</td><td>1</td>");
    holds(&page, "No key of their recipes differs.");
    holds(&page, "<td>3.5</td><td>1.5</td>");
    holds(&page, "nothing: no epoch is done yet");
    anl__buf_release(&page);
}

static void test_keys(void **state)
{
    box *b = *state;
    static const char *const over[] = {"optim.lr=0.5", "model.hidden=[1,2]"};
    static const char *const name[] = {"a/same", "b/same"};
    recipe *r[2];
    run_shown *s[2];
    char path[2][1024];
    anl__buf page;
    put(b, "a", "x", "");
    put(b, "b", "x", "");
    anl__buf_init(&page, b->ctx);
    for (int i = 0; i < 2; i++) {
        log_run(b, name[i], 3, false);
        assert_int_equal(recipe_parse(b->ctx, "r", "{}", 2, over, 1 + i, &r[i]), ANL_OK);
        snprintf(path[i], sizeof path[i], "%s/%s", b->dir, name[i]);
        assert_int_equal(run_shown_open(b->ctx, path[i], r[i], &(run_state){.word = "finished"}, &s[i]), ANL_OK);
    }
    assert_int_equal(run_report_page(b->ctx, s, 2, &page), ANL_OK);
    holds(&page, "<th>in epoch</th><th>model.hidden</th></tr>"); /* the rate is the same */
    holds(&page, "<td title=\"[512, 256]\">[512, 256]</td>");
    holds(&page, path[0]); /* the last parts do not distinguish them */
    holds(&page, "title=\"model.hidden [1, 2]\"");
    for (int i = 0; i < 2; i++) {
        run_shown_close(s[i]);
        recipe_free(r[i]);
    }
    anl__buf_release(&page);
}

/* ---- memory and disk ---------------------------------------------------------------------------------- */

static void test_no_memory(void **state)
{
    box *b = *state;
    char path[1024];
    bool done = false;
    log_run(b, "first", 8, true);
    write_classes(b, "first", 4);
    for (int64_t n = 1; !done; n += n < 200 ? 1 : 13) { /* the later ones are much alike: keys, lines, tables */
        int64_t live = anl__live_blocks(b->ctx);
        run_shown *s[2] = {0};
        char out[1100];
        anl__inject(b->ctx, ANL__INJECT_ALLOC, n);
        anl_status st = open_run(b, "first", &(run_state){.word = "w", .raise = "train.epochs"}, path, &s[0]);
        if (st == ANL_OK) st = open_run(b, "first", &(run_state){.word = "w"}, path, &s[1]);
        snprintf(out, sizeof out, "%s/page.html", b->dir);
        if (st == ANL_OK) st = run_report_write(b->ctx, s, 1, out);
        if (st == ANL_OK) st = run_report_write(b->ctx, s, 2, out);
        done = anl__inject_seen(b->ctx, ANL__INJECT_ALLOC) < n;
        anl__inject(b->ctx, ANL__INJECT_ALLOC, 0);
        if (st != ANL_OK && st != ANL_NOMEM) fail_msg("allocation %lld: %s", (long long)n, anl_last_error(b->ctx));
        assert_true(st == ANL_OK || !done);
        run_shown_close(s[0]);
        run_shown_close(s[1]);
        assert_int_equal(anl__live_blocks(b->ctx), live);
    }
}

static void test_no_disk(void **state)
{
    box *b = *state;
    char path[1024];
    run_shown *s;
    log_run(b, "first", 2, false);
    assert_int_equal(open_run(b, "first", &(run_state){.word = "w"}, path, &s), ANL_OK);
    assert_int_equal(run_report_write(b->ctx, &s, 1, "/nowhere/at/all.html"), ANL_IO);
    run_shown_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_log),     cmocka_unit_test(test_many_epochs),
        cmocka_unit_test(test_hostile), cmocka_unit_test(test_hardly_apart), cmocka_unit_test(test_classes), cmocka_unit_test(test_several),
        cmocka_unit_test(test_keys),    cmocka_unit_test(test_no_memory), cmocka_unit_test(test_no_disk),
    };
    return cmocka_run_group_tests_name("report/run_report", tests, setup, teardown);
}
