/* Standard input as a file, for readers that want one. */
#ifndef STDIN_FILE_H
#define STDIN_FILE_H

#include "runtime/base/base.h"

/* Copies it to a new file whose name tells what it seems to be; the caller unlinks it (path "": there is none). ANL_DATA: it is empty. */
anl_status stdin_file(anl_ctx *ctx, char path[64]) ANL_MUST;

#endif
