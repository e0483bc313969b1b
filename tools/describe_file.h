/* What is in a file of sequences, without a recipe: the columns of a table, or the size of a text. */
#ifndef DESCRIBE_FILE_H
#define DESCRIBE_FILE_H

#include "runtime/base/base.h"

#include <stdbool.h>

/* Is it a file (or a known set that is one) rather than a directory of images? Then *path is where it lies, owned by the caller's buffer. */
bool describe_is_file(const char *set, char *path, size_t bytes);
/* Prints it to stdout. Errors as csv.h and text.h have them. */
anl_status describe_file(anl_ctx *ctx, const char *path) ANL_MUST;

#endif
