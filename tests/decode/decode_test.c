/* Beam search against trying everything, beam 1 against greedy search; sampling against its distribution. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/philox.h"
#include "tools/decode/beam.h"
#include "tools/decode/sample.h"

#include <math.h>
#include <string.h>

enum { V = 5, LONGEST = 4, BEGIN = 0, END = 1, SENTENCES = 6 };

/* Logits depend on the sentence and on everything before. */
static uint32_t read_token(uint32_t h, int32_t token) { return h * 31 + (uint32_t)token + 7; }

static void draw_logits(uint32_t h, float *z)
{
    for (uint32_t v = 0; v < V; v++) z[v] = 4 * anl__u32_to_unit(anl__philox(1, h, v, 0, 0).v[0]);
}

static void score_one(int64_t sentence, const int32_t *prefix, int length, float *z)
{
    uint32_t h = (uint32_t)sentence;
    for (int i = 0; i < length; i++) h = read_token(h, prefix[i]);
    draw_logits(h, z);
}

/* As a model with a state does it: the row that a prefix comes from, and its last token. */
static anl_status score(void *user, const int32_t *prefix, const int64_t *from, int64_t rows, int length, float *logits)
{
    static uint32_t now[SENTENCES * 60], next[SENTENCES * 60];
    int beam = *(int *)user;
    for (int64_t r = 0; r < rows; r++) {
        next[r] = read_token(length == 1 ? (uint32_t)(r / beam) : now[from[r]], prefix[r * (LONGEST + 1) + length - 1]);
        draw_logits(next[r], logits + r * V);
    }
    memcpy(now, next, sizeof now);
    return ANL_OK;
}

static double logp_of(const float *z, int v)
{
    double sum = 0;
    for (int i = 0; i < V; i++) sum += exp((double)z[i]);
    return (double)z[v] - log(sum);
}

/* The best answer of all by log probability / length^power; an answer of LONGEST tokens need not end. */
static void best_of_all(int64_t sentence, int32_t *prefix, int length, double logp, double power, double *best, int32_t *answer)
{
    float z[V];
    if (length > LONGEST) {
        double s = logp / pow(LONGEST, power);
        if (s <= *best) return;
        *best = s;
        memcpy(answer, prefix + 1, LONGEST * sizeof *answer);
        return;
    }
    score_one(sentence, prefix, length, z);
    double s = (logp + logp_of(z, END)) / pow(length, power);
    if (s > *best) {
        *best = s;
        memset(answer, -1, LONGEST * sizeof *answer);
        memcpy(answer, prefix + 1, (size_t)(length - 1) * sizeof *answer);
    }
    for (int v = 0; v < V; v++) {
        if (v == BEGIN || v == END) continue;
        prefix[length] = v;
        best_of_all(sentence, prefix, length + 1, logp + logp_of(z, v), power, best, answer);
    }
}

static void greedy(int64_t sentence, int32_t *answer)
{
    int32_t prefix[LONGEST + 1] = {BEGIN};
    float z[V];
    memset(answer, -1, LONGEST * sizeof *answer);
    for (int length = 1; length <= LONGEST; length++) {
        int best = 1;
        score_one(sentence, prefix, length, z);
        for (int v = 2; v < V; v++)
            if (z[v] > z[best]) best = v;
        if (best == END) return;
        prefix[length] = answer[length - 1] = best;
    }
}

static void test_beam(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    int32_t answer[SENTENCES * LONGEST], want[LONGEST];
    double logp[SENTENCES];
    int beam = 60; /* more than 3^3 prefixes: nothing is lost */
    beam_opts o = {.beam = beam, .longest = LONGEST, .begin = BEGIN, .end = END, .vocabulary = V, .length_power = 0.7};
    assert_int_equal(beam_search(ctx, &o, SENTENCES, score, &beam, answer, logp), ANL_OK);
    for (int64_t i = 0; i < SENTENCES; i++) {
        int32_t prefix[LONGEST + 1] = {BEGIN};
        double best = -INFINITY;
        best_of_all(i, prefix, 1, 0, o.length_power, &best, want);
        assert_memory_equal(answer + i * LONGEST, want, sizeof want);
        assert_true(logp[i] < 0);
    }
    beam = o.beam = 1;
    assert_int_equal(beam_search(ctx, &o, SENTENCES, score, &beam, answer, NULL), ANL_OK);
    for (int64_t i = 0; i < SENTENCES; i++) {
        greedy(i, want);
        assert_memory_equal(answer + i * LONGEST, want, sizeof want);
    }
    o.beam = 0;
    assert_int_equal(beam_search(ctx, &o, SENTENCES, score, &beam, answer, NULL), ANL_INVALID);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void test_sample(void **state)
{
    (void)state;
    static const float z[4] = {0, 1, 2, 1};
    double e = exp(1), sum = 1 + 2 * e + e * e;
    assert_int_equal(sample_token(z, 4, 0, 0, 0.99), 2);
    assert_int_equal(sample_token(z, 4, 1, 0, 0), 0);
    assert_int_equal(sample_token(z, 4, 1, 0, 1 / sum - 1e-9), 0);
    assert_int_equal(sample_token(z, 4, 1, 0, 1 / sum + 1e-9), 1);
    assert_int_equal(sample_token(z, 4, 1, 0, (1 + e + e * e) / sum - 1e-9), 2);
    assert_int_equal(sample_token(z, 4, 1, 0, 0.999999), 3);
    assert_int_equal(sample_token(z, 4, 1, 1, 0.999999), 2);
    assert_int_equal(sample_token(z, 4, 1, 2, 0.999999), 3); /* equals at the border stay */
    assert_int_equal(sample_token(z, 4, 1e-3, 0, 0.5), 2);
    double mean = 0;
    for (int64_t i = 0; i < 1000; i++) {
        double u = sample_number(5, i);
        assert_true(u >= 0 && u < 1);
        mean += u / 1000;
    }
    assert_true(fabs(mean - 0.5) < 0.04); /* 4 standard deviations */
    assert_true(sample_number(5, 3) == sample_number(5, 3) && sample_number(5, 3) != sample_number(6, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_beam), cmocka_unit_test(test_sample)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
