/* BLEU and chrF against sacreBLEU 2 (BLEU(tokenize='none'), CHRF()), and BLEU's parts against Papineni et al., 2002. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/train/text_scores.h"

#include <math.h>

static const char *const given[] = {"the cat sat on the mat", "guten Morgen zusammen", "a b c",
                                    "It is a guide to action which ensures that the military always obeys the commands of the party"};
static const char *const reference[][2] = {{"the cat is on the mat", "there is a cat on the mat"},
                                           {"guten Morgen", "sch\xc3\xb6nen guten Morgen zusammen"},
                                           {"x y", "a b d"},
                                           {"It is a guide to action that ensures that the military will forever heed Party commands",
                                            "It is the guiding principle which guarantees the military forces always being under the command of the Party"}};
/* BLEU and chrF over the first 1, 2, 3, 4 segments; with both references, then with the first alone. */
static const double want[4][4] = {{37.99178428257963, 64.5779420625287, 37.99178428257963, 64.5779420625287},
                                  {45.358328887808035, 72.50295386125019, 34.88783797973686, 72.50295386125019},
                                  {41.91444765609786, 71.27823562947555, 29.131171083489356, 70.84312406092074},
                                  {44.833867003844595, 65.11645220059964, 37.40722556623095, 64.95224641102666}};

static void test_corpus(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    for (int refs = 1; refs <= 2; refs++) {
        anl__text_scores s = {0};
        for (int i = 0; i < 4; i++) {
            int k = refs == 2 ? 0 : 2;
            assert_int_equal(anl__text_scores_add(ctx, &s, given[i], reference[i], refs), ANL_OK);
            if (fabs(anl__text_bleu(&s) - want[i][k]) > 1e-9) fail_msg("BLEU of %d segments, %d references: %.12f", i + 1, refs, anl__text_bleu(&s));
            if (fabs(anl__text_chrf(&s) - want[i][k + 1]) > 1e-9) fail_msg("chrF of %d segments, %d references: %.12f", i + 1, refs, anl__text_chrf(&s));
        }
        assert_int_equal(s.segments, 4);
        assert_int_equal(s.exact, 0);
    }
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

/* Example 2 of the paper: "the" seven times has a modified unigram precision of 2/7; example 1, candidate 1, of 17/18. */
static void test_paper(void **state)
{
    (void)state;
    static const char *const cat[2] = {"The cat is on the mat", "There is a cat on the mat"};
    static const char *const guide[3] = {"It is a guide to action that ensures that the military will forever heed Party commands",
                                         "It is the guiding principle which guarantees the military forces always being under the command of the Party",
                                         "It is the practical guide for the army always to heed the directions of the party"};
    anl_ctx *ctx = anl_ctx_create();
    anl__text_scores s = {0};
    /* the paper ignores case there */
    assert_int_equal(anl__text_scores_add(ctx, &s, "The The The The The The The", cat, 2), ANL_OK);
    assert_true(s.bleu_match[0] == 1 && s.bleu_total[0] == 7);
    s = (anl__text_scores){0};
    assert_int_equal(anl__text_scores_add(ctx, &s, given[3], guide, 3), ANL_OK);
    assert_true(s.bleu_match[0] == 17 && s.bleu_total[0] == 18);
    assert_true(s.bleu_match[1] == 10 && s.bleu_total[1] == 17);
    anl_ctx_destroy(ctx);
}

static void test_edges(void **state)
{
    (void)state;
    static const char *const same[1] = {"guten Morgen"}, *const none[1] = {""};
    anl_ctx *ctx = anl_ctx_create();
    anl__text_scores s = {0};
    assert_true(anl__text_bleu(&s) == 0 && anl__text_chrf(&s) == 0);
    assert_int_equal(anl__text_scores_add(ctx, &s, "", same, 1), ANL_OK);
    assert_int_equal(anl__text_scores_add(ctx, &s, "x", none, 1), ANL_OK);
    assert_true(anl__text_bleu(&s) == 0 && anl__text_chrf(&s) == 0);
    s = (anl__text_scores){0};
    assert_int_equal(anl__text_scores_add(ctx, &s, "guten Morgen", same, 1), ANL_OK);
    assert_true(anl__text_chrf(&s) == 100);
    assert_int_equal(s.exact, 1);
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_corpus), cmocka_unit_test(test_paper), cmocka_unit_test(test_edges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
