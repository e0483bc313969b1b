/* A text on stdout in quotes, as JSON wants it. */
#ifndef QUOTED_H
#define QUOTED_H

void print_quoted(const char *s);

#endif
