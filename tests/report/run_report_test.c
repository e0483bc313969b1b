/* The page of runs: numbers read back, damaged logs, names that are markup, many epochs, steps and classes, memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/base/files.h"
#include "runtime/state/metrics_log.h"
#include "tests/common/markup.h"
#include "tests/common/scratch.h"
#include "tools/report/run_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

typedef struct box {
    anl_ctx *ctx;
    char dir[SCRATCH_PATH];
    recipe *recipe;
} box;

static int setup(void **state)
{
    static box b;
    b = (box){.ctx = anl_ctx_create()};
    assert_non_null(b.ctx);
    assert_true(scratch_make(b.dir, "report"));
    assert_int_equal(recipe_parse(b.ctx, "r", "{}", 2, NULL, 0, &b.recipe), ANL_OK);
    *state = &b;
    return 0;
}

static int teardown(void **state)
{
    box *b = *state;
    recipe_free(b->recipe);
    anl_ctx_destroy(b->ctx);
    return scratch_remove(b->dir) ? 0 : -1;
}

/* ---- runs ------------------------------------------------------------------------------------ */

static void put(const box *b, const char *run, const char *name, const char *text)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", b->dir, run);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/%s/%s", b->dir, run, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static double loss_at(int epoch) { return 0.5 + 1.0 / epoch; }

/* Epochs of ten steps by the engine's own log: train.loss, valid.loss, valid.accuracy (best in epoch 3 of 4 and more). */
static void log_run(const box *b, const char *run, int epochs, bool steps)
{
    char path[1024];
    anl__mlog *log;
    snprintf(path, sizeof path, "%s/%s", b->dir, run);
    mkdir(path, 0755);
    assert_int_equal(anl__mlog_open(b->ctx, path, false, NULL, &log), ANL_OK);
    for (int e = 1; e <= epochs; e++) {
        for (int s = 1; steps && s <= 10; s++) {
            anl__mlog_field f[3] = {{.name = "epoch", .value = e, .integer = true}, {.name = "step.loss", .value = loss_at(e) + 0.01 * s}, {.name = "finite", .value = 1, .integer = true}};
            assert_int_equal(anl__mlog_row(log, "step", (e - 1) * 10 + s, f, 3), ANL_OK);
        }
        anl__mlog_field f[] = {{.name = "epoch", .value = e, .integer = true}, {.name = "lr", .value = 0.01 / e}, {.name = "train.loss", .value = loss_at(e)},
                               {.name = "valid.loss", .value = loss_at(e) + 0.1}, {.name = "valid.accuracy", .value = e == 3 ? 0.9 : 0.5 + 0.0001 * e},
                               {.name = "seconds", .value = 2.5 * e}, {.name = "samples_per_second", .value = 1000}};
        assert_int_equal(anl__mlog_row(log, "epoch", e * 10, f, sizeof f / sizeof *f), ANL_OK);
    }
    anl__mlog_close(log);
}

static anl_status open_run(const box *b, const char *run, const run_state *s, char path[1024], run_shown **out)
{
    snprintf(path, 1024, "%s/%s", b->dir, run);
    return run_shown_open(b->ctx, path, b->recipe, s, out);
}

/* The page of these runs, checked; freed by anl__buf_release. */
static void page_of(const box *b, const char *const *run, int n, anl__buf *out, int *pictures)
{
    run_shown *s[8];
    static char path[8][1024];
    for (int i = 0; i < n; i++) assert_int_equal(open_run(b, run[i], &(run_state){.word = "stopped"}, path[i], &s[i]), ANL_OK);
    anl__buf_init(out, b->ctx);
    assert_int_equal(run_report_page(b->ctx, s, n, out), ANL_OK);
    for (int i = 0; i < n; i++) run_shown_close(s[i]);
    const char *wrong = markup_wrong(out->text, pictures);
    if (wrong) fail_msg("%s", wrong);
    wrong = markup_foreign(out->text);
    if (wrong) fail_msg("the page holds %s", wrong);
}

static void holds(const anl__buf *page, const char *text)
{
    if (!strstr(page->text, text)) fail_msg("the page lacks: %s", text);
}

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
        snprintf(text + n, sizeof text - n, "{\"kind\":\"epoch\",\"step\":%d,\"epoch\":%d,\"train.loss\":%g,\"train.other\":%g}\n", e, e, pow(10, -e), pow(10, -e));
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
    printf("[  a page of 1000 epochs and 10000 steps: %.0f ms, %zu KB ]\n", 1e3 * (double)(to.tv_sec - from.tv_sec) + 1e-6 * (double)(to.tv_nsec - from.tv_nsec), page.len / 1024);
    assert_true(page.len < 300000);
    holds(&page, "best: epoch 3, step 30, valid.accuracy 0.9<");
    anl__buf_release(&page);
    put(b, "odd", "metrics.jsonl",
        "{\"kind\":\"epoch\",\"step\":1,\"epoch\":1,\"train.loss\":\"nan\",\"valid.loss\":2}\n{\"kind\":\"epoch\",\"step\":2,\"epoch\":2,\"train.loss\":\"inf\",\"valid.loss\":1e308}\n"
        "{\"kind\":\"epoch\",\"step\":3,\"epoch\":3,\"train.loss\":\"-inf\",\"valid.loss\":-1e308}\n{\"kind\":\"epoch\",\"step\":4,\"epoch\":4,\"train.loss\":\"nan\",\"valid.loss\":\"nan\"}\n");
    run = "odd";
    page_of(b, &run, 1, &page, &pictures);
    anl__buf_release(&page);
    run_shown *s;
    assert_int_equal(open_run(b, "odd", &(run_state){.word = "w"}, path, &s), ANL_OK);
    assert_int_equal(s->log.rows, 4);
    assert_true(isinf(s->log.column[0].value[1]));
    run_shown_close(s);
}

/* What the best is chosen by: as the run knows, else what stands for the kind of its scores. */
static void test_best(void **state)
{
    box *b = *state;
    static const struct { const char *known, *metric; int row; } tries[] = {
        {NULL, "valid.bits", 2}, {"valid.accuracy", "valid.accuracy", 0}, {"", NULL, 3}, {"valid.loss", "train.loss", 1}, {"valid.other", NULL, 3}};
    put(b, "best", "metrics.jsonl",
        "{\"kind\":\"epoch\",\"step\":1,\"epoch\":1,\"train.loss\":4,\"valid.accuracy\":0.9,\"valid.bits\":3}\n{\"kind\":\"epoch\",\"step\":2,\"epoch\":2,\"train.loss\":1,\"valid.accuracy\":0.9,\"valid.bits\":\"nan\"}\n"
        "{\"kind\":\"epoch\",\"step\":3,\"epoch\":3,\"train.loss\":2,\"valid.accuracy\":0.8,\"valid.bits\":1}\n{\"kind\":\"epoch\",\"step\":4,\"epoch\":4,\"train.loss\":3,\"valid.accuracy\":0.7,\"valid.bits\":2}\n");
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        char path[1024];
        run_shown *s;
        assert_int_equal(open_run(b, "best", &(run_state){.word = "w", .metric = tries[i].known}, path, &s), ANL_OK);
        assert_int_equal(s->best, tries[i].row);
        if (tries[i].metric) assert_string_equal(s->metric, tries[i].metric);
        else assert_null(s->metric);
        run_shown_close(s);
    }
}

/* ---- steps and events ---------------------------------------------------------------------------- */

static void test_steps(void **state)
{
    box *b = *state;
    char path[1024];
    run_shown *s;
    double sum = 0, count = 0, seen = 0;
    snprintf(path, sizeof path, "%s/steps", b->dir);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/steps/metrics.jsonl", b->dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 1; i <= 100001; i++) {
        double loss = 1 + (i * 7919 % 1000) * 1e-3;
        bool bad = i % 20000 == 0;
        if (!bad) sum += loss;
        if (bad) fprintf(f, "{\"kind\":\"step\",\"step\":%d,\"step.loss\":\"nan\",\"finite\":0}\n", i);
        else fprintf(f, "{\"kind\":\"step\",\"step\":%d,\"step.loss\":%.17g,\"finite\":1}\n", i, loss);
    }
    fprintf(f, "{\"kind\":\"event\",\"step\":50000,\"rollback\":1,\"lr_factor\":0.5}\n");
    assert_int_equal(fclose(f), 0);
    assert_int_equal(open_run(b, "steps", &(run_state){.word = "w"}, path, &s), ANL_OK);
    assert_in_range(s->log.points, RUN_LOG_POINTS / 2 - 1, RUN_LOG_POINTS);
    for (int64_t i = 0; i < s->log.points; i++) {
        const run_point *p = &s->log.point[i];
        assert_true(p->low <= p->mean && p->mean <= p->high);
        seen += p->mean * (double)p->n;
        count += (double)p->n;
    }
    assert_true(count == 100001 - 5 && fabs(seen - sum) < 1e-6 * sum);
    assert_int_equal(s->log.bad_steps, 5);
    assert_int_equal(s->log.rollbacks, 1);
    assert_int_equal(s->state.step, 100001);
    run_shown_close(s);
    const char *run = "steps";
    anl__buf page;
    int pictures;
    page_of(b, &run, 1, &page, &pictures);
    holds(&page, "rolled back to step 50000");
    holds(&page, "step 20000 was not finite");
    holds(&page, "no epoch is done yet");
    assert_int_equal(pictures, 1);
    anl__buf_release(&page);
}

/* ---- damage ------------------------------------------------------------------------------------ */

static void test_damage(void **state)
{
    box *b = *state;
    static const char good[] = "{\"kind\":\"epoch\",\"step\":1,\"epoch\":1,\"train.loss\":1}\n";
    static const struct { const char *lines; int rows, other; bool cut; } tries[] = {
        {"", 1, 0, false},
        {"{\"kind\":\"epoch\",\"step\":2,\"epoch\":2,\"train.lo", 1, 0, true},
        {"{\"kind\":\"epoch\",\"step\":2,\"epoch\":2,\"train.lo\n", 1, 1, false},
        {"garbage\n\n{}\n{\"kind\":1}\n[1]\n", 1, 5, false},
        {"{\"kind\":\"epoch\",\"step\":0,\"epoch\":1,\"train.loss\":1}\n", 1, 1, false}, /* goes back */
        {"{\"kind\":\"epoch\",\"step\":2,\"epoch\":2,\"train.loss\":{}}\n", 1, 1, false},
        {"{\"kind\":\"epoch\",\"step\":2,\"epoch\":2,\"train.loss\":1e999}\n", 2, 0, false},
        {"{\"kind\":\"epoch\",\"step\":-2,\"epoch\":2}\n{\"kind\":\"epoch\",\"epoch\":2}\n{\"kind\":\"epoch\",\"step\":2,\"epoch\":\"x\"}\n", 1, 3, false},
        {"{\"kind\":\"epoch\",\"step\":2,\"epoch\":2,\"a\\\"b\":1,\"text\":\"t\"}\n", 2, 0, false},
        {"{\"kind\":\"step\",\"step\":2}\n{\"kind\":\"step\",\"step\":2,\n{\"kind\":\"event\",\"step\":3,\"other\":\"x\"}\n", 1, 1, false},
    };
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        char text[1024], path[1024];
        run_shown *s;
        const char *run = "damaged";
        anl__buf page;
        int pictures;
        snprintf(text, sizeof text, "%s%s", good, tries[i].lines);
        put(b, run, "metrics.jsonl", text);
        assert_int_equal(open_run(b, run, &(run_state){.word = "w"}, path, &s), ANL_OK);
        if (s->log.rows != tries[i].rows || s->log.other_lines != tries[i].other || s->log.cut != tries[i].cut)
            fail_msg("case %zu: %lld rows, %lld others, cut %d", i, (long long)s->log.rows, (long long)s->log.other_lines, s->log.cut);
        run_shown_close(s);
        page_of(b, &run, 1, &page, &pictures);
        if (tries[i].cut) holds(&page, "the last line is not whole");
        if (tries[i].other) holds(&page, "are no rows and are left out");
        anl__buf_release(&page);
    }
    put(b, "empty", "test.json", "{\"loss\":");
    const char *run = "empty";
    anl__buf page;
    int pictures;
    page_of(b, &run, 1, &page, &pictures);
    assert_int_equal(pictures, 0);
    holds(&page, "metrics.jsonl is missing");
    holds(&page, "test.json cannot be read");
    anl__buf_release(&page);
}

/* A line longer than any of ours, in the middle. */
static void test_long_line(void **state)
{
    box *b = *state;
    char path[1024];
    run_shown *s;
    put(b, "long", "metrics.jsonl", "");
    snprintf(path, sizeof path, "%s/long/metrics.jsonl", b->dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("{\"kind\":\"epoch\",\"step\":1,\"epoch\":1}\n", f);
    for (int i = 0; i < 3000000; i++) fputc('x', f);
    fputs("\n{\"kind\":\"epoch\",\"step\":2,\"epoch\":2}\n", f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(open_run(b, "long", &(run_state){.word = "w"}, path, &s), ANL_OK);
    assert_int_equal(s->log.rows, 2);
    assert_true(s->log.other_lines > 0);
    run_shown_close(s);
}

/* ---- texts --------------------------------------------------------------------------------------- */

static void test_hostile(void **state)
{
    box *b = *state;
    static const char bad[] = "<b>&\"'</table>", clean[] = "&lt;b&gt;&amp;&quot;'&lt;/table&gt;";
    const char *run = "<i>&\"'x\x01";
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
             "{\"<b>&\":1,\"note\":\"<b>&\",\"a<\":{\"<c>\":\"<d>\"},\"heads\":{\"<h>\":{\"loss\":{\"<x>\":1}}},\"classes\":[{\"name\":\"<b>&\\\"'</table>\",\"f1\":0.5},{\"name\":\"ok\",\"f1\":null}],"
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
    holds(&page, "data.path</td><td class=\"text\">&quot;&lt;b&gt;&amp;\\&quot;x&quot;</td>");
    holds(&page, "3 of 7 of ok taken for &lt;b&gt;&amp;&quot;'&lt;/table&gt; (42.9 %)");
    anl__buf_release(&page);
    run_shown_close(s);
    recipe_free(r);
}

/* ---- classes --------------------------------------------------------------------------------------- */

static void write_classes(const box *b, const char *run, int n)
{
    anl__buf t;
    anl__buf_init(&t, b->ctx);
    anl__buf_add(&t, "{\"samples\":10,\"loss\":0.25,\"classes\":[");
    for (int c = 0; c < n; c++) anl__buf_add(&t, "%s{\"name\":\"class number %d\",\"precision\":0.5,\"recall\":0.25,\"f1\":%g,\"auc\":null,\"samples\":%d}", c ? "," : "", c, c * 1e-3, c);
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
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_log), cmocka_unit_test(test_best),     cmocka_unit_test(test_many_epochs), cmocka_unit_test(test_steps),     cmocka_unit_test(test_damage), cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_hostile), cmocka_unit_test(test_classes), cmocka_unit_test(test_several),     cmocka_unit_test(test_keys),      cmocka_unit_test(test_no_memory), cmocka_unit_test(test_no_disk),
    };
    return cmocka_run_group_tests_name("report/run_report", tests, setup, teardown);
}
