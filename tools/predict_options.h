/* Which options of `anneal predict` go with which model. */
#ifndef PREDICT_OPTIONS_H
#define PREDICT_OPTIONS_H

#include "command.h"

typedef enum predict_kind { PREDICT_SAMPLES, PREDICT_SERIES, PREDICT_TEXT, PREDICT_PAIRS, PREDICT_TEXTS, PREDICT_WINDOWS } predict_kind;

/* ANL_INVALID: an option that the model has no use for, or more files than it takes. */
anl_status predict_options_fit(anl_ctx *ctx, const options *o, predict_kind kind) ANL_MUST;

#endif
