/* The most alike texts against a comparison with every one; the translation memory: what is recalled, kept and refused. */
#include "datasets/memory.h"
#include "datasets/similar.h"
#include "runtime/base/philox.h"
#include "tests/data/data_test.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TEXTS = 400, LONGEST = 12 };

static uint32_t draw(uint32_t i, uint32_t k) { return anl__philox(5, i, k, 0, 0).v[0]; }

/* Few letters, so that many are alike, and some are equal or empty. */
static void make_texts(char text[TEXTS][LONGEST + 1])
{
    for (uint32_t i = 0; i < TEXTS; i++) {
        uint32_t n = draw(i, 99) % (LONGEST + 1);
        for (uint32_t k = 0; k < n; k++) text[i][k] = "aab \xc3"[draw(i, k) % 5];
        text[i][n] = 0;
    }
}

/* 1 for each of the three bytes at every place of " text ". */
static int grams(const char *text, char seen[125])
{
    char padded[LONGEST + 3];
    static const char letters[] = "ab \xc3";
    int n = 0, length = snprintf(padded, sizeof padded, " %s ", text);
    memset(seen, 0, 125);
    for (int i = 0; i + 2 < length; i++) {
        int at = 0;
        for (int k = 0; k < 3; k++) at = 5 * at + (int)(strchr(letters, padded[i + k]) - letters);
        n += !seen[at];
        seen[at] = 1;
    }
    return n;
}

static double dice(const char *a, const char *b)
{
    char x[125], y[125];
    int sum = grams(a, x) + grams(b, y), common = 0;
    for (int i = 0; i < 125; i++) common += x[i] && y[i];
    return common ? 2.0 * common / sum : 0;
}

static void all_compared(void **state)
{
    fixture *f = *state;
    static char text[TEXTS][LONGEST + 1];
    const char *list[TEXTS];
    anl__similar *s;
    make_texts(text);
    for (int i = 0; i < TEXTS; i++) list[i] = text[i];
    assert_int_equal(anl__similar_create(f->ctx, list, TEXTS / 2, &s), ANL_OK);
    for (int i = 0; i < TEXTS; i++) /* half of them are known */
        for (int most = 1; most <= ANL__MOST_SIMILAR; most += 3)
            for (int other = 0; other < 2; other++) {
                int64_t out[ANL__MOST_SIMILAR];
                bool used[TEXTS / 2] = {0};
                int n = anl__similar_find(s, text[i], other, out, most);
                for (int k = 0; k < most; k++) { /* the first of the best that are left */
                    int best = -1;
                    for (int t = 0; t < TEXTS / 2; t++) {
                        double d = dice(text[i], text[t]);
                        if (d > 0 && !used[t] && !(other && !strcmp(text[i], text[t])) && (best < 0 || d > dice(text[i], text[best]))) best = t;
                    }
                    if (best < 0) assert_int_equal(n, k);
                    if (best < 0) break;
                    assert_true(k < n);
                    assert_int_equal(out[k], best);
                    used[best] = true;
                }
            }
    anl__similar_destroy(s);
    assert_int_equal(anl__similar_create(f->ctx, NULL, 0, &s), ANL_OK);
    assert_int_equal(anl__similar_find(s, "a", false, &(int64_t){0}, 1), 0);
    anl__similar_destroy(s);
}

static void without_memory(void **state)
{
    fixture *f = *state;
    const char *list[] = {"a b", "b c", ""};
    for (int reading = 0; reading < 2; reading++) {
        anl__memory *m = NULL;
        for (int n = 1; !m; n++) {
            anl__inject(f->ctx, ANL__INJECT_ALLOC, n);
            anl_status st = reading ? anl__memory_read(f->ctx, "a\tb\n", 4, &m) : anl__memory_create(f->ctx, list, list, 3, &m);
            anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
            assert_int_equal(st, m ? ANL_OK : ANL_NOMEM);
        }
        anl__memory_destroy(m);
    }
}

static void recall(fixture *f, anl__memory *m, const anl__tokens *k, const char *text, bool other, int count, int64_t longest, const char *want)
{
    anl__ids ids = {0};
    char got[100] = "";
    assert_int_equal(anl__ids_add(f->ctx, &ids, anl__tokens_bos(k)), ANL_OK); /* as if the source stood there */
    assert_int_equal(anl__memory_recall(m, k, text, other, count, longest, &ids), ANL_OK);
    for (int64_t i = 1; i < ids.n; i++) {
        anl__span t = anl__tokens_text(k, ids.id[i]);
        if (ids.id[i] == anl__tokens_eos(k)) strcat(got, "|");
        else strncat(got, t.text, t.bytes);
    }
    anl__free(f->ctx, ids.id);
    assert_string_equal(got, want);
}

static void remembered(void **state)
{
    fixture *f = *state;
    const char *source[] = {"the red house", "the old house", "a\tt\\n b\n"}, *target[] = {"rot", "alt", "\\\t\n"};
    anl__memory *m[2];
    anl__buf b[2];
    anl__tokens *k;
    anl__tokens_opts o = anl__tokens_opts_default();
    anl__span text[] = {{"rotalt\\\t\n", 9}};
    o.bos = o.eos = true;
    assert_int_equal(anl__tokens_build(f->ctx, text, 1, &o, &k), ANL_OK);
    assert_int_equal(anl__memory_create(f->ctx, source, target, 3, &m[0]), ANL_OK);
    anl__buf_init(&b[0], f->ctx);
    anl__memory_write(m[0], &b[0]);
    assert_string_equal(b[0].text, "the red house\trot\nthe old house\talt\na\\tt\\\\n b\\n\t\\\\\\t\\n\n");
    assert_int_equal(anl__memory_read(f->ctx, b[0].text, b[0].len, &m[1]), ANL_OK);
    anl__buf_init(&b[1], f->ctx);
    anl__memory_write(m[1], &b[1]);
    assert_string_equal(b[1].text, b[0].text);
    for (int i = 0; i < 2; i++) {
        recall(f, m[i], k, "the red house", false, 1, 0, "|rot");
        recall(f, m[i], k, "the red house", true, 1, 0, "|alt");
        recall(f, m[i], k, "the red horse", false, 2, 0, "|rot|alt");
        recall(f, m[i], k, "the red horse", false, 2, 8, "|rot"); /* the second would make nine */
        recall(f, m[i], k, "the red horse", false, 2, 9, "|rot|alt");
        recall(f, m[i], k, "a\tt\\n b\n", false, 1, 0, "|\\\t\n");
        recall(f, m[i], k, "xyz", false, 2, 0, "");
        anl__memory_destroy(m[i]);
        anl__buf_release(&b[i]);
    }
    anl__tokens_destroy(k);
}

/* The one entry of the cache: which file that is, 0 where there is none. */
static ino_t entry_of(const fixture *f, char path[512])
{
    glob_t g;
    struct stat s;
    ino_t is = 0;
    snprintf(path, 512, "%s/cache/*.cache", f->dir);
    if (!glob(path, 0, NULL, &g)) {
        assert_int_equal(g.gl_pathc, 1);
        snprintf(path, 512, "%s", g.gl_pathv[0]);
        assert_int_equal(stat(path, &s), 0);
        is = s.st_ino;
    }
    globfree(&g);
    return is;
}

/* What was found is taken from the cache as long as pairs, texts and their number are the same, and only if it is whole. */
static void kept(void **state)
{
    fixture *f = *state;
    const char *source[] = {"the red house", "the old house", "a red horse"}, *target[] = {"a", "b", "c"}, *text[] = {"the red house", "old horse", "xyz"};
    bool other[] = {true, false, false};
    const int32_t want[] = {1, 2, 2, 1, -1, -1};
    char path[512], dir[512], file[512];
    anl__memory *m;
    snprintf(dir, sizeof dir, "%s/cache", f->dir);
    snprintf(file, sizeof file, "%s", at(f, "pairs.tsv"));
    put(file, "x", 1);
    anl__memory_asked q = {.text = text, .other = other, .n = 3, .count = 2, .cache_dir = dir};
    assert_int_equal(anl__memory_create(f->ctx, source, target, 3, &m), ANL_OK);
    ino_t last = 0;
    for (int round = 0; round < 7; round++) {
        int32_t out[6];
        if (round == 1) q.file = file;
        if (round == 3) flip_byte(path, 8192);
        if (round == 5) other[0] = false; /* the text itself is the most like it */
        if (round == 6) text[1] = "old house";
        assert_int_equal(anl__memory_find(m, &q, out), ANL_OK);
        if (round < 5) assert_memory_equal(out, want, sizeof want);
        else assert_int_equal(out[0], 0);
        if (round == 6) assert_int_equal(out[2], 1);
        ino_t now = entry_of(f, path);
        if (round == 0) assert_int_equal(now, 0); /* of no file: not kept */
        else if (round == 2 || round == 4) assert_int_equal(now, last);
        else assert_int_not_equal(now, last);
        last = now;
    }
    anl__memory_destroy(m);
}

static void refused(void **state)
{
    fixture *f = *state;
    static const struct { const char *text; size_t bytes; const char *says; } bad[] = {
        {"a\tb\nc\n", 6, "line 2"}, {"a\tb", 3, "no end"}, {"a\\\tb\n", 5, "line 1"}, {"a\\x\tb\n", 6, "line 1"}, {"a\tb\tc\n", 6, "line 1"},
        {"a\tb\\\n", 5, "line 1"},  {"a\0\tb\n", 5, "line 1"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        anl__memory *m = NULL;
        assert_int_equal(anl__memory_read(f->ctx, bad[i].text, bad[i].bytes, &m), ANL_FORMAT);
        if (!strstr(anl_last_error(f->ctx), bad[i].says)) fail_msg("%s", anl_last_error(f->ctx));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_compared, fixture_setup, fixture_teardown), cmocka_unit_test_setup_teardown(without_memory, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(kept, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(remembered, fixture_setup, fixture_teardown),   cmocka_unit_test_setup_teardown(refused, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
