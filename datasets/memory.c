/* See memory.h. */
#include "datasets/memory.h"

#include "datasets/similar.h"

#include <string.h>

struct anl__memory {
    anl_ctx *ctx;
    int64_t n;
    const char *const *source, *const *target;
    const char **list; /* both, where they are of `text` */
    char *text;        /* of a checkpoint */
    anl__similar *similar;
};

anl_status anl__memory_create(anl_ctx *ctx, const char *const *source, const char *const *target, int64_t n, anl__memory **out)
{
    anl__memory *m = anl__alloc(ctx, sizeof *m);
    if (!m) return ANL_NOMEM;
    *m = (anl__memory){.ctx = ctx, .n = n, .source = source, .target = target};
    anl_status st = anl__similar_create(ctx, source, n, &m->similar);
    if (st == ANL_OK) *out = m;
    else anl__memory_destroy(m);
    return st;
}

void anl__memory_destroy(anl__memory *m)
{
    if (!m) return;
    anl__similar_destroy(m->similar);
    anl__free(m->ctx, m->list);
    anl__free(m->ctx, m->text);
    anl__free(m->ctx, m);
}

/* ---- as one text ------------------------------------------------------------------------------ */

static void write_text(anl__buf *out, const char *s)
{
    for (size_t n; (n = strcspn(s, "\t\n\\")), anl__buf_bytes(out, s, n), s[n]; s += n + 1)
        anl__buf_bytes(out, s[n] == '\t' ? "\\t" : s[n] == '\n' ? "\\n" : "\\\\", 2);
}

void anl__memory_write(const anl__memory *m, anl__buf *out)
{
    for (int64_t i = 0; i < m->n; i++) {
        write_text(out, m->source[i]);
        anl__buf_bytes(out, "\t", 1);
        write_text(out, m->target[i]);
        anl__buf_bytes(out, "\n", 1);
    }
}

/* One text, in place, up to `end`; false: a backslash before nothing that it may stand before. */
static bool read_text(char *s, const char *end)
{
    char *to = s;
    for (; s < end; s++) {
        if (*s != '\\') {
            *to++ = *s;
            continue;
        }
        if (++s == end || !strchr("tn\\", *s)) return false;
        *to++ = *s == 't' ? '\t' : *s == 'n' ? '\n' : '\\';
    }
    *to = 0;
    return true;
}

anl_status anl__memory_read(anl_ctx *ctx, const char *text, size_t bytes, anl__memory **out)
{
    int64_t lines = 0, at = 0;
    for (size_t i = 0; i < bytes; i++) lines += text[i] == '\n';
    char *copy = anl__alloc(ctx, bytes + 1), *p = copy;
    const char **list = anl__calloc(ctx, 2 * (size_t)lines + 1, sizeof *list);
    anl_status st = copy && list ? ANL_OK : ANL_NOMEM;
    if (st == ANL_OK) memcpy(copy, text, bytes);
    for (; st == ANL_OK && at < lines; at++) {
        char *end = memchr(p, '\n', bytes - (size_t)(p - copy)), *tab = memchr(p, '\t', (size_t)(end - p));
        list[at] = p;
        list[lines + at] = tab ? tab + 1 : NULL;
        if (!tab || memchr(tab + 1, '\t', (size_t)(end - tab - 1)) || memchr(p, 0, (size_t)(end - p)) || !read_text(p, tab) || !read_text(tab + 1, end))
            st = anl__fail(ctx, ANL_FORMAT, "line %lld of the translation memory is no pair", (long long)at + 1);
        p = end + 1;
    }
    if (st == ANL_OK && p != copy + bytes) st = anl__fail(ctx, ANL_FORMAT, "the translation memory's last line has no end");
    if (st == ANL_OK) st = anl__memory_create(ctx, list, list + lines, lines, out);
    if (st == ANL_OK) {
        (*out)->list = list;
        (*out)->text = copy;
        return ANL_OK;
    }
    anl__free(ctx, list);
    anl__free(ctx, copy);
    return st;
}

/* ---- recalling -------------------------------------------------------------------------------- */

anl_status anl__memory_recall(anl__memory *m, const anl__tokens *k, const char *text, bool other, int count, int64_t longest, anl__ids *out)
{
    int64_t at[ANL__MOST_SIMILAR], unknown = 0;
    int n = anl__similar_find(m->similar, text, other, at, count);
    for (int i = 0; i < n; i++) {
        const char *target = m->target[at[i]];
        int64_t before = out->n;
        ANL_TRY(anl__ids_add(m->ctx, out, anl__tokens_eos(k)));
        ANL_TRY(anl__tokens_encode(k, (anl__span){target, strlen(target)}, out, &unknown));
        if (longest && out->n > longest) {
            out->n = before;
            return ANL_OK;
        }
    }
    return ANL_OK;
}
