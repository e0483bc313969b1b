/* Records of a TensorBoard events file (described in metrics_log.h), made in a buffer. */
#ifndef ANL_TFEVENTS_H
#define ANL_TFEVENTS_H

#include "../base/base.h"

/* The record that begins a file. */
void anl__tf_begin(anl__buf *b, double wall_time);
/* A scalar; `tag` has at most ANL__TF_TAG bytes (longer ones are cut). */
#define ANL__TF_TAG 200
void anl__tf_scalar(anl__buf *b, double wall_time, int64_t step, const char *tag, float value);
/* Bytes of the whole records at the beginning of these. */
size_t anl__tf_whole(const void *data, size_t bytes);

#endif
