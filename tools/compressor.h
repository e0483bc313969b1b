/* How small a program makes a file: a neighbour for models of text, whose loss is a length in bits. */
#ifndef COMPRESSOR_H
#define COMPRESSOR_H

#include "runtime/base/base.h"

/* Runs a command (/bin/sh -c) with the file as standard input and counts the bytes that it writes; what it says on stderr is
   dropped. False with the reason in why: it could not be run, failed, or wrote nothing. */
bool compressor_run(const char *command, const char *path, int64_t *bytes, char why[96]);

#endif
