/* Cutting a text into words and punctuation marks, for tokenizers. */
#ifndef ANL_SEGMENT_H
#define ANL_SEGMENT_H

#include "datasets/tokens.h"

/* The next word or mark of valid UTF-8 from *at on, which moves behind it; false: there is none. A word is a run without blanks and
   punctuation, apostrophes and hyphens between letters included; a mark is one code point. *spaced: a blank, or the beginning,
   is before it. */
bool anl__segment_next(anl__span text, size_t *at, anl__span *out, bool *spaced);
/* Is the span one mark that wants no blank before it (closing) or after it (opening)? */
bool anl__segment_closing(anl__span s);
bool anl__segment_opening(anl__span s);

#endif
