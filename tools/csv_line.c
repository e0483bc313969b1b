/* See csv_line.h. */
#include "csv_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void begin_cell(csv_line *l)
{
    if (l->begun) putchar(',');
    l->begun = true;
}

void csv_text(csv_line *l, const char *text)
{
    begin_cell(l);
    bool quotes = strpbrk(text, ",\"\r\n") != NULL;
    if (quotes) putchar('"');
    for (; *text; text++) {
        if (*text == '"') putchar('"');
        putchar(*text);
    }
    if (quotes) putchar('"');
}

void csv_cell(csv_line *l, const char *fmt, ...)
{
    va_list a;
    begin_cell(l);
    va_start(a, fmt);
    vprintf(fmt, a);
    va_end(a);
}

void csv_end(csv_line *l)
{
    putchar('\n');
    l->begun = false;
}
