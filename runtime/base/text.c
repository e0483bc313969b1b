/* Growable text, the nearest name, seconds as people read them, and the environment. */
#include "base.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *anl__environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

void anl__buf_init(anl__buf *b, anl_ctx *ctx)
{
    *b = (anl__buf){.ctx = ctx};
    b->text = anl__alloc(ctx, 64);
    if (b->text) b->cap = 64;
    else b->status = ANL_NOMEM;
}

static bool room(anl__buf *b, size_t more)
{
    if (b->status != ANL_OK) return false;
    if (b->len + more < b->cap) return true;
    size_t want = b->cap * 2 > b->len + more + 1 ? b->cap * 2 : b->len + more + 1;
    char *p = anl__realloc(b->ctx, b->text, b->cap, want);
    if (!p) {
        b->status = ANL_NOMEM;
        return false;
    }
    b->text = p;
    b->cap = want;
    return true;
}

void anl__buf_add(anl__buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !room(b, (size_t)n)) return;
    va_start(ap, fmt);
    vsnprintf(b->text + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

void anl__buf_bytes(anl__buf *b, const void *p, size_t n)
{
    if (!room(b, n)) return;
    memcpy(b->text + b->len, p, n);
    b->len += n;
    b->text[b->len] = 0;
}

void anl__buf_word(anl__buf *b, const char *word)
{
    if (word && *word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=+-:,@%")]) {
        anl__buf_add(b, "%s", word);
        return;
    }
    anl__buf_add(b, "'");
    for (const char *p = word ? word : ""; *p; p++) {
        if (*p == '\'') anl__buf_add(b, "'\\''");
        else anl__buf_bytes(b, p, 1);
    }
    anl__buf_add(b, "'");
}

void anl__buf_release(anl__buf *b)
{
    anl__free(b->ctx, b->text);
    *b = (anl__buf){.ctx = b->ctx, .status = b->status};
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

/* Levenshtein distance of words up to 63 bytes, upper and lower case alike: adamW is adamw rather than adam. */
static int distance(const char *a, const char *b)
{
    int row[64], n = (int)strlen(b);
    if (n > 63) return 99;
    for (int j = 0; j <= n; j++) row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diag = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int up = row[j], best = diag + (lower(a[i - 1]) != lower(b[j - 1]));
            if (up + 1 < best) best = up + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
            diag = up;
        }
    }
    return row[n];
}

const char *anl__nearest(const char *word, const char *const *names, int n)
{
    const char *best = NULL;
    int limit = (int)strlen(word) / 3 + 1, least = limit + 1;
    for (int i = 0; i < n; i++) {
        int d = distance(word, names[i]);
        if (d < least) {
            least = d;
            best = names[i];
        }
    }
    return best;
}

const char *anl__text_fit(const char *text, int width, char *out)
{
    char *to = out;
    for (; *text && width > 0; width--) {
        int bytes = 0; /* of this character; at most 4, also of what is no UTF-8 */
        do *to++ = *text++;
        while ((*text & 0xc0) == 0x80 && ++bytes < 4);
    }
    while (width-- > 0) *to++ = ' ';
    *to = 0;
    return out;
}

const char *anl__time_text(double seconds, char out[32])
{
    long s = seconds < 0 || !isfinite(seconds) ? 0 : (long)(seconds + 0.5);
    if (s >= 3600) snprintf(out, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else if (s >= 60) snprintf(out, 32, "%ld:%02ld", s / 60, s % 60);
    else snprintf(out, 32, "%ld s", s);
    return out;
}
