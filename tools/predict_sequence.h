/* anneal predict for models of sequences: translations, continued texts, continued series, classes of texts. */
#ifndef PREDICT_SEQUENCE_H
#define PREDICT_SEQUENCE_H

#include "command.h"

/* Does the run's model read sequences? */
anl_status predict_is_sequence(anl_ctx *ctx, const options *o, bool *yes) ANL_MUST;
/* Answers --text, --prompt, or the files, to stdout. ANL_INVALID: an option that does not go with the model. */
anl_status predict_sequence(anl_ctx *ctx, const options *o) ANL_MUST;

#endif
