/* The known text that is most like another: the largest Dice coefficient of the sets of letter trigrams (Dice, 1945). */
#ifndef NEAREST_H
#define NEAREST_H

#include "runtime/base/base.h"

typedef struct nearest nearest;
/* Over n texts, borrowed. */
anl_status nearest_create(anl_ctx *ctx, const char *const *text, int64_t n, nearest **out) ANL_MUST;
void nearest_destroy(nearest *k);
/* The first of the most alike; 0 when none has a trigram in common. */
int64_t nearest_find(nearest *k, const char *text);

#endif
