/* Reading a small text of ours line by line, trusting nothing: for tokenizers and fits that come back from a checkpoint. */
#ifndef ANL_LINES_H
#define ANL_LINES_H

#include "datasets/tokens.h"

#include <string.h>

/* The text can be a line of such a text. */
static inline bool anl__one_line(const char *text)
{
    return !text[strcspn(text, "\r\n")];
}

typedef struct anl__lines {
    anl_ctx *ctx;
    const char *what; /* "tokenizer": begins every message */
    const char *at, *end;
    int64_t number; /* of the line */
    anl__span line; /* without its newline */
} anl__lines;

anl_status anl__lines_next(anl__lines *l) ANL_MUST;
/* ANL_FORMAT with what and line. */
anl_status anl__lines_bad(const anl__lines *l, const char *why);
/* The next line is this text. */
anl_status anl__lines_expect(anl__lines *l, const char *text) ANL_MUST;
/* The next line is "key number", of 0 .. most. */
anl_status anl__lines_number(anl__lines *l, const char *key, int64_t most, int64_t *out) ANL_MUST;

/* Cut from the beginning of a span; false (and nothing cut): it does not begin so. */
bool anl__span_number(anl__span *s, int64_t most, int64_t *out);
bool anl__span_real(anl__span *s, double *out); /* up to the next blank, or the end */
bool anl__span_text(anl__span *s, const char *text);

#endif
