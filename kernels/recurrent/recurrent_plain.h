/* Workspace of recurrent_body.h, in doubles. */
#ifndef ANL_RECURRENT_PLAIN_H
#define ANL_RECURRENT_PLAIN_H

#include "recurrent.h"

static inline int64_t anl__plain_space(const anl__recurrence *k) { return 2 * k->gates * k->units + 3 * k->units + k->inputs; }
static inline int64_t anl__plain_back_space(const anl__recurrence *k) { return 2 * k->gates * k->units + 6 * k->units + k->inputs; }
/* The sums: dw_ih, dw_hh, db_ih, db_hh. */
static inline int64_t anl__plain_sums(const anl__recurrence *k) { return k->gates * k->units * (k->inputs + k->units + 2); }

#endif
