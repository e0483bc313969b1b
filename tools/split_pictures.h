/* The parts of a set of pictures, as training takes them where no file is damaged. */
#ifndef SPLIT_PICTURES_H
#define SPLIT_PICTURES_H

#include "datasets/picture_list.h"
#include "datasets/split.h"

/* Adds a table "file,label,part" (a set of pictures again: data.labels), files as they are opened; count: of each part. */
anl_status split_pictures(anl_ctx *ctx, const anl__picture_list *l, const anl__split_opts *opts, anl__buf *out, int64_t count[ANL__PARTS]) ANL_MUST;

#endif
