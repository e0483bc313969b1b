/* Which plan of cuDNN's a convolution takes, asked once a case and kept with the libraries of the device.
 *
 * With opts.tune the plans are timed, the form that the case needs around them included, and the fastest is
 * taken; what was measured can be had as text (anl__plan_text) and is given back by opts.plans, so that a run
 * which goes on takes the same. With opts.plan_dir all choices are also in a file there: one a device, driver
 * and library version, replaced after every timing and when the device is closed; lines that are damaged or fit nothing are as if
 * they were not there. */
#ifndef ANL_PLAN_MEMORY_H
#define ANL_PLAN_MEMORY_H

#include "calls.h"
#include "dnn_conv.h"

/* The chosen plan. A lack of memory is a refusal. */
bool anl__plan_find(anl_device *dev, const anl__dnn_shape *s, anl__dnn_conv *out, char why[ANL__WHY]);
/* The same memory for a choice between a few that no plan stands for: which one was measured to be the
 * fastest. `key` names the case. */
bool anl__choice_find(anl_device *dev, const char *key, int *which);
void anl__choice_put(anl_device *dev, const char *key, int which, double us);
/* The choices, a line each behind one that says of what device; measured: only those that timing made and
 * this process asked for. */
void anl__plan_text(anl_device *dev, bool measured, anl__buf *out);
/* Brings the file in opts.plan_dir up to date, when something was added. A failure is a warning. */
void anl__plan_save(anl_device *dev);
void anl__plan_forget(anl_ctx *ctx, anl__cuda_libs *libs);

/* plan_tune.c: the fastest acceptable plan of the first ones in cuDNN's order, in any form of the case. us:
 * its time, microseconds. False: nothing could be timed. */
bool anl__plan_fastest(anl_device *dev, const anl__dnn_shape *s, anl__dnn_conv *out, double *us);

#endif
