/* Models written in a recipe. */
#ifndef ANL_LAYERED_H
#define ANL_LAYERED_H

#include "model.h"

/* Adds all layers; with heads also their losses. Returns the first head's value, or the last layer's output. */
anl_value anl__layered(anl_graph *g, const anl_model_opts *o, anl_value image, anl_value label);
/* model.c: adds a loss by name over prediction y; cross-entropy and ctc also add the sum "correct". */
void anl__model_loss(anl_graph *g, const anl_model_opts *o, const char *name, const char *loss, double delta, anl_value y, anl_value label, double weight);

#endif
