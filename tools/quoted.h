/* A text on stdout in quotes, as CSV or JSON wants it. */
#ifndef QUOTED_H
#define QUOTED_H

#include <stdbool.h>

void print_quoted(const char *s, bool json);

#endif
