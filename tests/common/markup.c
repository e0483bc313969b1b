/* See markup.h. */
#include "markup.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH = 64, NAME = 24 };

static char why[200];

static const char *wrong(const char *what, const char *at)
{
    snprintf(why, sizeof why, "%s at: %.120s", what, at);
    return why;
}

/* &name; of those that a page needs no definition for. */
static bool entity(const char *p)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&le;", "&ge;"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strncmp(p, known[i], strlen(known[i]))) return true;
    return false;
}

/* From behind the name to the closing '>': name="value" each; NULL: it is not so. */
static const char *attributes(const char *p, bool *empty)
{
    *empty = false;
    for (;;) {
        bool blank = isspace((unsigned char)*p);
        while (isspace((unsigned char)*p)) p++;
        if (*p == '/' && p[1] == '>') {
            *empty = true;
            return p + 1;
        }
        if (*p == '>') return p;
        if (!blank || !isalpha((unsigned char)*p)) return NULL;
        while (isalnum((unsigned char)*p) || *p == '-') p++;
        if (*p++ != '=' || *p++ != '"') return NULL;
        for (; *p && *p != '"'; p++)
            if (*p == '<' || (*p == '&' && !entity(p))) return NULL;
        if (*p++ != '"') return NULL;
    }
}

static const char *tag(const char *p, char open[DEPTH][NAME], int *depth, int *pictures)
{
    char name[NAME] = "";
    bool closing = p[1] == '/', empty;
    if (sscanf(p + 1 + closing, "%23[a-z0-9]", name) != 1) return NULL;
    const char *end = attributes(p + 1 + closing + strlen(name), &empty);
    if (!end) return NULL;
    *pictures += !closing && !strcmp(name, "svg");
    if (closing) return *depth && !strcmp(open[--*depth], name) ? end : NULL;
    if (empty || !strcmp(name, "meta")) return end;
    if (*depth == DEPTH) return NULL;
    memcpy(open[(*depth)++], name, NAME);
    return end;
}

const char *markup_wrong(const char *page, int *pictures)
{
    static const char doctype[] = "<!DOCTYPE html>\n";
    char open[DEPTH][NAME];
    int depth = 0;
    *pictures = 0;
    if (strncmp(page, doctype, sizeof doctype - 1)) return wrong("no document type", page);
    for (const char *p = page + sizeof doctype - 1; *p; p++) {
        if (*p == '&' && !entity(p)) return wrong("a bare &", p);
        if ((unsigned char)*p < 32 && *p != '\n' && *p != '\t') return wrong("a control character", p);
        if (*p != '<') continue;
        const char *end = tag(p, open, &depth, pictures);
        if (!end) return wrong("a wrong element", p);
        p = end;
    }
    return depth ? wrong("an element is left open", open[depth - 1]) : NULL;
}

const char *markup_foreign(const char *page)
{
    static const char *const foreign[] = {"http:", "https:", "<script", "src=", "url(", "\"nan", "nan,", ",nan", "\"inf", "inf,", ",inf", "-nan"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (strstr(page, foreign[i])) return foreign[i];
    return NULL;
}
