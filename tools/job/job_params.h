/* Which parameters of a model train, and how fast: train.freeze and optim.rates. */
#ifndef JOB_PARAMS_H
#define JOB_PARAMS_H

#include "job.h"

/* Fills the frozen names and rates of the trainer's options, in the job's memory. A pattern is a parameter's
   name, a layer's (everything below it), or has * in it for any characters; "!" before it takes it out of
   train.freeze again; torchvision's names mean the parameters that they stand for. ANL_RECIPE: a pattern that
   nothing has, with the nearest name; rates that are none. */
anl_status job_params(job *j, anl__trainer_opts *o) ANL_MUST;
/* "note: train.freeze: 2565 of 11179077 parameters train, in 2 of 62 tensors", a line; nothing where all
 * train. */
void job_params_note(const anl_net *net, anl__buf *out);

#endif
