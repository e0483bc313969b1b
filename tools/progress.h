/* What a person sees while training: a bar on a terminal, else one line an epoch. To stderr. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "runtime/train/loop.h"

typedef struct progress {
    bool terminal;
    double shown;     /* when the bar was last drawn, monotonic seconds */
    bool bar;         /* a bar stands on the current line */
    const char *unit; /* "images" */
} progress;

progress progress_make(void);
void progress_step(void *self, const anl__progress *p);
void progress_epoch(void *self, const anl__mlog_field *field, int n, bool best);
void progress_message(void *self, const char *text);
void progress_end(progress *p); /* leaves the bar's line */

#endif
