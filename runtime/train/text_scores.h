/* Corpus scores of generated text against one or more references: BLEU, chrF, exact matches. Sums over segments, never means.
 *
 * BLEU (Papineni et al., 2002): words are what blanks separate (tokenise before); orders 1 to 4, clipped by the largest count
 * in a reference, brevity against the reference nearest in length, a zero precision replaced by 1/(2^k total) for the k-th such
 * order (sacreBLEU's default "exp" smoothing). chrF (Popović, 2015): code points without blanks, orders 1 to 6, beta 2; of several
 * references the one with the best chrF counts. Both in percent, as sacreBLEU computes them.
 */
#ifndef ANL_TEXT_SCORES_H
#define ANL_TEXT_SCORES_H

#include "../base/base.h"

enum { ANL__BLEU_ORDERS = 4, ANL__CHRF_ORDERS = 6 };

typedef struct anl__text_scores {
    int64_t segments, exact;
    double bleu_match[ANL__BLEU_ORDERS], bleu_total[ANL__BLEU_ORDERS], bleu_words, bleu_reference_words;
    double chrf_match[ANL__CHRF_ORDERS], chrf_given[ANL__CHRF_ORDERS], chrf_wanted[ANL__CHRF_ORDERS];
} anl__text_scores;

/* UTF-8; n_ref >= 1. */
anl_status anl__text_scores_add(anl_ctx *ctx, anl__text_scores *s, const char *given, const char *const *ref, int n_ref) ANL_MUST;
double anl__text_bleu(const anl__text_scores *s); /* percent */
double anl__text_chrf(const anl__text_scores *s);

#endif
