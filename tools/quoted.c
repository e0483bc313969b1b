/* See quoted.h. */
#include "quoted.h"

#include <stdio.h>

void print_quoted(const char *s)
{
    putchar('"');
    for (; *s; s++) {
        if ((unsigned char)*s < 32) {
            printf("\\u%04x", (unsigned)*s);
            continue;
        }
        if (*s == '"' || *s == '\\') putchar('\\');
        putchar(*s);
    }
    putchar('"');
}
