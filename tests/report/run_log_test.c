/* What is read of a run: steps by the thousand, events, what the best is chosen by, damaged lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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

/* What the best is chosen by: as the run knows, else what stands for the kind of its scores. */
static void test_best(void **state)
{
    box *b = *state;
    static const struct { const char *known, *metric; int row; } tries[] = {
        {NULL, "valid.bits", 2}, {"valid.accuracy", "valid.accuracy", 0}, {"", NULL, 3},
        {"valid.loss", "train.loss", 1}, {"valid.other", NULL, 3}};
    put(b, "best", "metrics.jsonl",
        "{\"kind\":\"epoch\",\"step\":1,\"epoch\":1,\"train.loss\":4,\"valid.accuracy\":0.9,\"valid.bits\":3}\n"
        "{\"kind\":\"epoch\",\"step\":2,\"epoch\":2,\"train.loss\":1,\"valid.accuracy\":0.9,\"valid.bits\":\"nan\"}\n"
        "{\"kind\":\"epoch\",\"step\":3,\"epoch\":3,\"train.loss\":2,\"valid.accuracy\":0.8,\"valid.bits\":1}\n"
        "{\"kind\":\"epoch\",\"step\":4,\"epoch\":4,\"train.loss\":3,\"valid.accuracy\":0.7,\"valid.bits\":2}\n");
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
        {"{\"kind\":\"epoch\",\"step\":-2,\"epoch\":2}\n"
        "{\"kind\":\"epoch\",\"epoch\":2}\n"
        "{\"kind\":\"epoch\",\"step\":2,\"epoch\":\"x\"}\n", 1, 3, false},
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_steps), cmocka_unit_test(test_best), cmocka_unit_test(test_damage),
                                       cmocka_unit_test(test_long_line)};
    return cmocka_run_group_tests_name("report/run_log", tests, setup, teardown);
}
