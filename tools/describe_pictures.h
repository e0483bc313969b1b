/* What a set of pictures holds: parts, classes, sizes, and which files cannot be read. */
#ifndef DESCRIBE_PICTURES_H
#define DESCRIBE_PICTURES_H

#include "datasets/picture_list.h"

/* On standard output. */
anl_status describe_pictures(anl_ctx *ctx, const char *name, const anl__picture_list *l) ANL_MUST;

#endif
