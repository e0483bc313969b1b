/* When a checkpoint is due. Looks at the clock, and decides nothing but when a file is written. */
#ifndef ANL_CADENCE_H
#define ANL_CADENCE_H

#include "../base/base.h"

typedef enum anl__cadence_kind { ANL__EVERY_AUTO, ANL__EVERY_STEPS, ANL__EVERY_EPOCHS, ANL__EVERY_SECONDS } anl__cadence_kind;
typedef struct anl__cadence {
    anl__cadence_kind kind;
    double amount;
    double last_seconds; /* when the last was taken */
    int64_t last_step;
} anl__cadence;

/* "auto", "500", "500 steps", "2 epochs", "90 seconds", "5 minutes". */
anl_status anl__cadence_parse(anl_ctx *ctx, const char *text, anl__cadence *out) ANL_MUST;
/* auto: at most 2 minutes of work are lost, and writing takes at most 3.5 % of the time when that allows it (cost: seconds
   that the last one took). epochs: whole epochs done, or -1 inside one. */
bool anl__cadence_due(const anl__cadence *c, double now, int64_t step, int64_t epochs, double cost);

#endif
