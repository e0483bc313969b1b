/* See quoted.h. */
#include "quoted.h"

#include <stdio.h>

void print_quoted(const char *s, bool json)
{
    putchar('"');
    for (; *s; s++) {
        if (json && (unsigned char)*s < 32) {
            printf("\\u%04x", (unsigned)*s);
            continue;
        }
        if (*s == '"') putchar(json ? '\\' : '"');
        else if (*s == '\\' && json) putchar('\\');
        putchar(*s);
    }
    putchar('"');
}
