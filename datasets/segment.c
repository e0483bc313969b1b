/* Words and marks (segment.h). */
#include "datasets/segment.h"

#include "datasets/utf8.h"

#include <string.h>

static bool is_blank(uint32_t c)
{
    return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x3000;
}

static bool is_mark(uint32_t c)
{
    if (c < 0x80) return c > ' ' && c != '_' && c != 0x7F && !(c >= '0' && c <= '9') && !((c | 32) >= 'a' && (c | 32) <= 'z');
    return (c >= 0xA1 && c <= 0xBF && c != 0xAA && c != 0xB5 && c != 0xBA) || (c >= 0x2010 && c <= 0x205E) || (c >= 0x3001 && c <= 0x3003) ||
           (c >= 0x3008 && c <= 0x3011);
}

/* The code point at `at`; 0 behind the end. */
static uint32_t code_at(anl__span s, size_t at, int *bytes)
{
    uint32_t c = 0;
    *bytes = at < s.bytes ? anl__utf8_get(s.text + at, s.bytes - at, &c) : 0;
    return *bytes ? c : 0;
}

static bool is_letter(uint32_t c)
{
    return c && !is_blank(c) && !is_mark(c);
}

bool anl__segment_next(anl__span s, size_t *at, anl__span *out, bool *spaced)
{
    int bytes, more;
    size_t from = *at;
    uint32_t c = code_at(s, from, &bytes);
    *spaced = from == 0;
    for (; bytes && is_blank(c); c = code_at(s, from, &bytes)) {
        from += (size_t)bytes;
        *spaced = true;
    }
    if (!bytes) return false;
    size_t to = from + (size_t)bytes;
    while (!is_mark(c)) {
        c = code_at(s, to, &bytes);
        bool joint = (c == '\'' || c == '-' || c == 0x2019) && is_letter(code_at(s, to + (size_t)bytes, &more));
        if (!bytes || is_blank(c) || (is_mark(c) && !joint)) break;
        to += (size_t)bytes;
        c = 'a'; /* a joint does not end the word */
    }
    *out = (anl__span){s.text + from, to - from};
    *at = to;
    return true;
}

static bool is_one_of(anl__span s, const char *const *list)
{
    for (; *list; list++)
        if (strlen(*list) == s.bytes && memcmp(*list, s.text, s.bytes) == 0) return true;
    return false;
}

bool anl__segment_closing(anl__span s)
{
    static const char *const closing[] = {",", ".", ";", ":", "!", "?", ")", "]", "}", "%", "\xC2\xBB", "\xE2\x80\xA6", "\xE2\x80\x9D", NULL};
    return is_one_of(s, closing);
}

bool anl__segment_opening(anl__span s)
{
    static const char *const opening[] = {"(", "[", "{", "\xC2\xAB", "\xE2\x80\x9E", "\xC2\xBF", "\xC2\xA1", NULL};
    return is_one_of(s, opening);
}
