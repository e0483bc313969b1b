/* The known texts that are most like another: by the Dice coefficient of their sets of letter trigrams (Dice, 1945). */
#ifndef ANL_SIMILAR_H
#define ANL_SIMILAR_H

#include "runtime/base/base.h"

enum { ANL__MOST_SIMILAR = 8 };
typedef struct anl__similar anl__similar;
/* An index over n texts, borrowed. */
anl_status anl__similar_create(anl_ctx *ctx, const char *const *text, int64_t n, anl__similar **out) ANL_MUST;
void anl__similar_destroy(anl__similar *s);
/* The numbers of the `most` (at most ANL__MOST_SIMILAR) that are most alike, the best first, of equals the first; texts without a
   trigram in common are not among them, nor, where `other`, the text itself. Returns how many. */
int anl__similar_find(anl__similar *s, const char *text, bool other, int64_t *out, int most);

#endif
