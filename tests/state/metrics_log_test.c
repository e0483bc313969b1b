/* The log: exact numbers, what each file holds, cutting at a mark, what was lost, failing writes. */
#include "tests/state/state_test.h"

#include "runtime/state/metrics_log.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENTS "events.out.tfevents.0.anneal"

static bool file_is(const fixture *f, const char *name, const char *want)
{
    char *text = take(at(f, name), NULL);
    bool same = !strcmp(text, want);
    if (!same) print_error("%s holds:\n%s", name, text);
    free(text);
    return same;
}

/* What TensorBoard would see: every record checked, each scalar as "tag step value". */
static void events_text(const fixture *f, char *out, size_t size)
{
    size_t n, at_byte = 0, len = 0;
    unsigned char *p = (unsigned char *)take(at(f, EVENTS), &n);
    out[0] = 0;
    while (at_byte < n) {
        uint64_t bytes = 0;
        uint32_t crc[2];
        for (int i = 7; i >= 0; i--) bytes = bytes << 8 | p[at_byte + (size_t)i];
        const unsigned char *d = p + at_byte + 12, *end = d + bytes;
        assert_true(at_byte + 16 + bytes <= n);
        for (int i = 0; i < 2; i++) {
            uint32_t c = i ? anl__crc32c(0, d, bytes) : anl__crc32c(0, d - 12, 8);
            memcpy(&crc[i], i ? end : d - 4, 4);
            assert_int_equal(crc[i], ((c >> 15 | c << 17) + 0xa282ead8u));
        }
        at_byte += 16 + bytes;
        assert_int_equal(*d, 1 << 3 | 1); /* wall time */
        d += 9;
        if (*d == (3 << 3 | 2)) {
            assert_int_equal(d[1], 13);
            assert_memory_equal(d + 2, "brain.Event:2", 13);
            continue;
        }
        assert_int_equal(*d++, 2 << 3);
        long long step = 0;
        for (int shift = 0;; shift += 7) {
            step |= (long long)(*d & 127) << shift;
            if (!(*d++ & 128)) break;
        }
        assert_int_equal(d[0], 5 << 3 | 2);
        assert_int_equal(d[1], end - d - 2);
        assert_int_equal(d[2], 1 << 3 | 2);
        assert_int_equal(d[3], end - d - 4);
        assert_int_equal(d[4], 1 << 3 | 2);
        float v;
        assert_int_equal(d[6 + d[5]], 2 << 3 | 5);
        memcpy(&v, d + 7 + d[5], 4);
        len += (size_t)snprintf(out + len, size - len, "%.*s %lld %g\n", d[5], (const char *)d + 6, step,
                                (double)v);
    }
    free(p);
}

static anl_status row(anl__mlog *log, const char *kind, int64_t step, double loss)
{
    anl__mlog_field f[] = {{.name = "loss", .value = loss},
                           {.name = "images", .value = (double)step * 128, .integer = true},
                           {.name = "why", .text = "a,\"b\""}};
    return anl__mlog_row(log, kind, step, f, 3);
}

static void three_files(void **state)
{
    fixture *f = *state;
    anl__mlog *log;
    anl__mlog_mark m;
    char events[1024];
    assert_ok(f, anl__mlog_open(f->ctx, f->dir, true, NULL, &log));
    assert_ok(f, row(log, "step", 1, 0.5));
    assert_ok(f, row(log, "epoch", 200, 0.1));
    anl__mlog_field more[] = {{.name = "new", .value = NAN}, {.name = "loss", .value = -INFINITY}};
    assert_ok(f, anl__mlog_row(log, "epoch", 400, more, 2));
    assert_ok(f, anl__mlog_row(log, "epoch", 401, more, 2));
    anl__mlog_field odd[] = {{.name = "t\"x", .text = "\x01\t\\ \xc3\xa4 \xff \xed\xa0\x80"}};
    assert_ok(f, anl__mlog_row(log, "event", 401, odd, 1));
    assert_ok(f, anl__mlog_row(log, "event", 402, NULL, 0));
    assert_ok(f, anl__mlog_sync(log, &m));
    anl__mlog_close(log);
    assert_true(
        file_is(f, "metrics.jsonl",
                "{\"kind\":\"step\",\"step\":1,\"loss\":0.5,\"images\":128,\"why\":\"a,\\\"b\\\"\"}\n"
                "{\"kind\":\"epoch\",\"step\":200,\"loss\":0.1,\"images\":25600,\"why\":\"a,\\\"b\\\"\"}\n"
                "{\"kind\":\"epoch\",\"step\":400,\"new\":\"nan\",\"loss\":\"-inf\"}\n"
                "{\"kind\":\"epoch\",\"step\":401,\"new\":\"nan\",\"loss\":\"-inf\"}\n"
                "{\"kind\":\"event\",\"step\":401,\"t\\\"x\":\"\\u0001\\u0009\\\\ \xc3\xa4 \xef\xbf\xbd "
                "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}\n"
                "{\"kind\":\"event\",\"step\":402}\n"));
    assert_true(file_is(f, "metrics.csv",
                        "step,loss,images,why\n200,0.1,25600,\"a,\"\"b\"\"\"\n400,-inf,,\n401,-inf,,\n"));
    events_text(f, events, sizeof events);
    assert_string_equal(events,
                        "step/loss 1 0.5\nstep/images 1 128\nepoch/loss 200 0.1\nepoch/images 200 25600\n"
                        "epoch/new 400 nan\nepoch/loss 400 -inf\nepoch/new 401 nan\nepoch/loss 401 -inf\n");
    const char *first = strstr(f->log, "no column for new");
    assert_non_null(first);
    assert_null(strstr(first + 1, "no column for new")); /* said once */
    size_t n;
    free(take(at(f, EVENTS), &n));
    assert_int_equal(m.events, n);
}

/* Every double is read back as it was, also where the decimal point is a comma. */
static void exact_numbers(void **state)
{
    fixture *f = *state;
    anl__mlog *log;
    enum { N = 3000 };
    static double value[N];
    uint64_t x = 88172645463325252ULL;
    for (int i = 0; i < N; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        memcpy(&value[i], &x, 8);
        if (!isfinite(value[i]) || i % 3 == 0) value[i] = (double)(x % 100000) / 1000.0;
    }
    value[0] = 5e-324, value[1] = -0.0, value[2] = 1.7976931348623157e308, value[3] = 1.0 / 3;
    setlocale(LC_ALL, "de_DE.UTF-8"); /* where it is installed */
    assert_ok(f, anl__mlog_open(f->ctx, f->dir, false, NULL, &log));
    for (int i = 0; i < N; i++)
        assert_ok(f, anl__mlog_row(log, "step", i, &(anl__mlog_field){.name = "v", .value = value[i]}, 1));
    anl__mlog_close(log);
    setlocale(LC_ALL, "C");
    char *text = take(at(f, "metrics.jsonl"), NULL), *p = text;
    for (int i = 0; i < N; i++) {
        char *colon = strstr(p, "\"v\":");
        double back = strtod(colon + 4, &p);
        assert_memory_equal(&back, &value[i], 8);
    }
    assert_null(strchr(text, ';'));
    free(text);
    assert_false(anl__path_exists(at(f, EVENTS)));
}

/* A log that went on after its mark, cut there and gone on with, is the log of a run that never stopped. */
static void cutting(void **state)
{
    fixture *f = *state;
    anl__mlog *log;
    anl__mlog_mark m, whole;
    char *text[3], events[2][1024];
    for (int cut = 0; cut <= 6; cut++) { /* 0: never; else after so many rows */
        assert_ok(f, anl__mlog_open(f->ctx, f->dir, true, NULL, &log));
        for (int i = 1; i <= 6; i++) {
            assert_ok(f, row(log, i % 3 ? "step" : "epoch", i, 1.0 / i));
            if (i != cut) continue;
            assert_ok(f, anl__mlog_sync(log, &m));
            for (int k = 0; k < 4; k++)
                assert_ok(
                    f, row(log, k % 2 ? "step" : "epoch", i + k, 99)); /* of steps that will be done again */
            anl__mlog_close(log);
            assert_ok(f, anl__mlog_open(f->ctx, f->dir, true, &m, &log));
        }
        assert_ok(f, anl__mlog_sync(log, &m));
        anl__mlog_close(log);
        if (cut == 0) whole = m;
        assert_memory_equal(&m, &whole, sizeof m);
        events_text(f, events[cut != 0], sizeof events[0]);
        for (int i = 0; i < 2; i++) {
            const char *name = i ? "metrics.csv" : "metrics.jsonl";
            if (cut == 0) text[i] = take(at(f, name), NULL);
            else assert_true(file_is(f, name, text[i]));
        }
        if (cut) assert_string_equal(events[0], events[1]);
    }
    free(text[0]);
    free(text[1]);
}

/* Files shorter than the mark: refused, untouched; fitted, they go on from whole rows. */
static void lost_rows(void **state)
{
    fixture *f = *state;
    anl__mlog *log = NULL;
    anl__mlog_mark first, m;
    char *text;
    assert_ok(f, anl__mlog_open(f->ctx, f->dir, true, NULL, &log));
    assert_ok(f, row(log, "epoch", 1, 1));
    assert_ok(f, anl__mlog_sync(log, &first));
    assert_ok(f, row(log, "epoch", 2, 1));
    assert_ok(f, anl__mlog_sync(log, &m));
    anl__mlog_close(log);
    assert_int_equal(truncate(at(f, "metrics.jsonl"), first.jsonl + 5), 0);
    assert_int_equal(truncate(at(f, EVENTS), first.events + 20), 0);
    assert_int_equal(anl__mlog_open(f->ctx, f->dir, true, &m, &log), ANL_DATA);
    assert_says(f, "metrics.jsonl: has ");
    assert_says(f, "rows were lost");
    text = take(at(f, "metrics.csv"), NULL);
    assert_int_equal(strlen(text), m.csv);
    free(text);
    assert_ok(f, anl__mlog_fit(f->ctx, f->dir, &m));
    assert_int_equal(m.jsonl, first.jsonl);
    assert_int_equal(m.events, first.events);
    assert_ok(f, anl__mlog_open(f->ctx, f->dir, true, &m, &log));
    assert_ok(f, row(log, "epoch", 3, 1));
    anl__mlog_close(log);
    text = take(at(f, "metrics.jsonl"), NULL);
    assert_non_null(strstr(text, "\"step\":1,"));
    assert_null(strstr(text, "\"step\":2,"));
    assert_non_null(strstr(text, "\n{\"kind\":\"epoch\",\"step\":3,"));
    free(text);
    char events[1024];
    events_text(f, events, sizeof events); /* asserts whole records */
    unlink(at(f, "metrics.jsonl")); /* another machine: nothing is there */
    unlink(at(f, "metrics.csv"));
    unlink(at(f, EVENTS));
    assert_ok(f, anl__mlog_fit(f->ctx, f->dir, &m));
    assert_int_equal(m.jsonl + m.csv + m.events, 0);
    assert_ok(f, anl__mlog_open(f->ctx, f->dir, true, &m, &log));
    assert_ok(f, row(log, "epoch", 3, 1));
    anl__mlog_close(log);
    assert_true(file_is(f, "metrics.csv", "step,loss,images,why\n3,1,384,\"a,\"\"b\"\"\"\n"));
}

/* A log that is longer than the mark, and another one: the mark of a machine that lost rows falls within a row of this one. */
static void other_log(void **state)
{
    fixture *f = *state;
    anl__mlog *log = NULL;
    anl__mlog_mark first, m;
    assert_ok(f, anl__mlog_open(f->ctx, f->dir, true, NULL, &log));
    assert_ok(f, row(log, "epoch", 1, 1));
    assert_ok(f, anl__mlog_sync(log, &first));
    for (int i = 2; i < 6; i++) assert_ok(f, row(log, "epoch", i, 1));
    anl__mlog_close(log);
    m = (anl__mlog_mark){first.jsonl + 9, first.csv + 3, first.events + 11};
    assert_int_equal(anl__mlog_open(f->ctx, f->dir, true, &m, &log), ANL_DATA);
    assert_says(f, "rows were lost");
    assert_ok(f, anl__mlog_fit(f->ctx, f->dir, &m));
    assert_memory_equal(&m, &first, sizeof m);
    assert_ok(f, anl__mlog_open(f->ctx, f->dir, true, &m, &log));
    assert_ok(f, row(log, "epoch", 9, 1));
    anl__mlog_close(log);
    char *text = take(at(f, "metrics.jsonl"), NULL), events[1024];
    assert_non_null(strstr(text, "\n{\"kind\":\"epoch\",\"step\":9,"));
    free(text);
    events_text(f, events, sizeof events); /* asserts whole records */
}

/* The n-th operation fails: an error, the row is in no file, the next row is whole. */
static void failing(void **state)
{
    fixture *f = *state;
    for (int kind = 0; kind < ANL__INJECT_RENAME; kind++) {
        for (int n = 1;; n++) {
            anl__mlog *log = NULL;
            anl__mlog_mark m = {0};
            anl__inject(f->ctx, (anl__inject_kind)kind, n);
            anl_status st = anl__mlog_open(f->ctx, f->dir, true, NULL, &log);
            bool all = st == ANL_OK && row(log, "epoch", 1, 1) == ANL_OK && anl__mlog_sync(log, &m) == ANL_OK;
            anl__inject(f->ctx, (anl__inject_kind)kind, 0);
            if (st == ANL_OK) {
                assert_ok(f, row(log, "epoch", 2, 1));
                assert_ok(f, anl__mlog_sync(log, &m));
                char *json = take(at(f, "metrics.jsonl"), NULL), *csv = take(at(f, "metrics.csv"), NULL),
                     events[1024];
                events_text(f, events, sizeof events);
                bool one = strstr(json, "\"step\":1,");
                assert_int_equal(one, strstr(csv, "\n1,") != NULL);
                assert_int_equal(one, strstr(events, "loss 1 ") != NULL);
                assert_true(strstr(json, "\"step\":2,") && strstr(csv, "\n2,") && strstr(events, "loss 2 "));
                assert_true(!strncmp(csv, "step,loss", 9) && json[0] == '{');
                assert_int_equal(strlen(json), m.jsonl);
                assert_int_equal(strlen(csv), m.csv);
                free(json);
                free(csv);
            }
            anl__mlog_close(log);
            if (all) break;
        }
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {T(three_files), T(exact_numbers), T(cutting), T(lost_rows), T(other_log),
                                       T(failing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
