/* anneal predict for models of sequences: translations, continued texts, continued series, classes of texts and windows. */
#ifndef PREDICT_SEQUENCE_H
#define PREDICT_SEQUENCE_H

#include "predict_options.h"

/* What the run's model reads. */
anl_status predict_kind_of(anl_ctx *ctx, const options *o, predict_kind *kind) ANL_MUST;
/* Answers --text, --prompt, or the files, to stdout. ANL_INVALID: an option that does not go with the model. */
anl_status predict_sequence(anl_ctx *ctx, const options *o, predict_kind kind) ANL_MUST;

#endif
