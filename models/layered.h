/* Models written in a recipe. */
#ifndef ANL_LAYERED_H
#define ANL_LAYERED_H

#include "model.h"

/* Adds all layers; with heads also their losses. input: "input", "input2", ..., anl_model_more_inputs beside the first. label: by column, ANL_NONE where no head reads it. Returns the first head's
   value, or the last layer's output. */
anl_value anl__layered(anl_graph *g, const anl_model_opts *o, const anl_value input[1 + ANL_MORE_INPUTS], const anl_value label[ANL_MOST_LABELS]);
/* model.c: adds a loss of the head's kind over prediction y; cross-entropy and ctc also add the sum "correct". */
void anl__model_loss(anl_graph *g, const anl_model_opts *o, const char *name, const anl__model_head *h, anl_value y, anl_value label);

#endif
