/* Lines and what stands in them (lines.h). */
#include "datasets/lines.h"

#include "datasets/table.h"

#include <string.h>

anl_status anl__lines_bad(const anl__lines *l, const char *why)
{
    return anl__fail(l->ctx, ANL_FORMAT, "%s, line %lld: %s", l->what, (long long)l->number, why);
}

anl_status anl__lines_next(anl__lines *l)
{
    l->number++;
    const char *newline = l->at < l->end ? memchr(l->at, '\n', (size_t)(l->end - l->at)) : NULL;
    if (!newline) return anl__lines_bad(l, "the text is cut short");
    l->line = (anl__span){l->at, (size_t)(newline - l->at)};
    l->at = newline + 1;
    return ANL_OK;
}

anl_status anl__lines_expect(anl__lines *l, const char *text)
{
    ANL_TRY(anl__lines_next(l));
    if (l->line.bytes == strlen(text) && memcmp(l->line.text, text, l->line.bytes) == 0) return ANL_OK;
    return anl__fail(l->ctx, ANL_FORMAT, "%s, line %lld: expected \"%s\"", l->what, (long long)l->number, text);
}

anl_status anl__lines_number(anl__lines *l, const char *key, int64_t most, int64_t *out)
{
    ANL_TRY(anl__lines_next(l));
    anl__span s = l->line;
    if (anl__span_text(&s, key) && anl__span_text(&s, " ") && anl__span_number(&s, most, out) && s.bytes == 0) return ANL_OK;
    return anl__fail(l->ctx, ANL_FORMAT, "%s, line %lld: expected \"%s\" and a number of at most %lld", l->what, (long long)l->number, key, (long long)most);
}

bool anl__span_number(anl__span *s, int64_t most, int64_t *out)
{
    int64_t v = 0;
    size_t i = 0;
    for (; i < s->bytes && s->text[i] >= '0' && s->text[i] <= '9'; i++) {
        int digit = s->text[i] - '0';
        if (digit > most || v > (most - digit) / 10) return false;
        v = v * 10 + digit;
    }
    if (!i) return false;
    *s = (anl__span){s->text + i, s->bytes - i};
    *out = v;
    return true;
}

bool anl__span_real(anl__span *s, double *out)
{
    char word[64];
    size_t n = 0;
    while (n < s->bytes && s->text[n] != ' ') n++;
    if (n == 0 || n >= sizeof word) return false;
    memcpy(word, s->text, n);
    word[n] = 0;
    if (!anl__cell_number(word, out)) return false;
    *s = (anl__span){s->text + n, s->bytes - n};
    return true;
}

bool anl__span_text(anl__span *s, const char *text)
{
    size_t n = strlen(text);
    if (s->bytes < n || memcmp(s->text, text, n) != 0) return false;
    *s = (anl__span){s->text + n, s->bytes - n};
    return true;
}
