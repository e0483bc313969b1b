/* Drawing the next token from logits. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include "runtime/base/base.h"

/* temperature 0: the likeliest (the first of equals). Else one of the top_k likeliest (0: all; with equals at the border all of them),
   by softmax(logits / temperature), chosen by u in [0, 1). */
int32_t sample_token(const float *logits, int64_t n, double temperature, int64_t top_k, double u);
/* The u of the index-th token of a seed: Philox, so that the same seed gives the same text. */
double sample_number(uint64_t seed, int64_t index);

#endif
