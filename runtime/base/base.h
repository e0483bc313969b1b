/* What every room stands on: failing, allocating, logging. See anneal.h for the conventions.
 *
 * Thread rule: a context belongs to one thread; anl__alloc/anl__free may be called from any thread
 * (their counters are atomic), anl_fail only on the context's thread. Workers report through their task.
 */
#ifndef ANL_BASE_H
#define ANL_BASE_H

#include "../anneal.h"

#include <stdarg.h>

/* Formats the message into the context and returns `code`; called where the failure is found.
   Callers only propagate (ANL_TRY) or add what they were doing (anl__context). */
anl_status anl__fail(anl_ctx *ctx, anl_status code, const char *fmt, ...) ANL_FORMAT(3, 4);
anl_status anl__failv(anl_ctx *ctx, anl_status code, const char *fmt, va_list ap);
/* Puts "<text>: " before the message; returns `code` unchanged. */
anl_status anl__context(anl_ctx *ctx, anl_status code, const char *fmt, ...) ANL_FORMAT(3, 4);
void anl__log(anl_ctx *ctx, anl_log_level level, const char *fmt, ...) ANL_FORMAT(3, 4);

#define ANL_TRY(expr)                                                                              \
    do {                                                                                           \
        anl_status anl_try_ = (expr);                                                              \
        if (anl_try_ != ANL_OK) return anl_try_;                                                   \
    } while (0)
/* For functions with one `done:` label and a local `anl_status st`. */
#define ANL_GO(expr)                                                                               \
    do {                                                                                           \
        st = (expr);                                                                               \
        if (st != ANL_OK) goto done;                                                               \
    } while (0)
#define ANL_CHECK_INTERNAL(ctx, cond)                                                              \
    do {                                                                                           \
        if (!(cond))                                                                               \
            return anl__fail((ctx), ANL_INTERNAL, "%s:%d: %s is false", __FILE__, __LINE__, #cond); \
    } while (0)

/* All host memory of the library. NULL with the message set (NOMEM) on failure; memory is zeroed
   and 64-byte aligned. `bytes` 0 gives a valid pointer. Freed with anl__free(ctx, p); NULL is fine. */
void *anl__alloc(anl_ctx *ctx, size_t bytes);
/* count * size with overflow check. */
void *anl__calloc(anl_ctx *ctx, size_t count, size_t size);
/* Grows (new bytes are zero) or shrinks; on failure the old block stays valid. p may be NULL. */
void *anl__realloc(anl_ctx *ctx, void *p, size_t old_bytes, size_t new_bytes);
void anl__free(anl_ctx *ctx, void *p);
char *anl__strdup(anl_ctx *ctx, const char *s);
/* Grows an array to hold at least `need` items, doubling: *items and *cap are updated. */
anl_status anl__grow(anl_ctx *ctx, void *items_ptr, int64_t *cap, int64_t need, size_t item) ANL_MUST;

/* Tests: the n-th (1-based) operation of that kind from now fails once; 0 switches off. */
typedef enum anl__inject_kind { ANL__INJECT_ALLOC, ANL__INJECT_WRITE, ANL__INJECT_FSYNC, ANL__INJECT_RENAME, ANL__INJECT_COUNT } anl__inject_kind;
void anl__inject(anl_ctx *ctx, anl__inject_kind kind, int64_t nth);
/* Counts the operation; true when this one must fail. */
bool anl__inject_hit(anl_ctx *ctx, anl__inject_kind kind);
int64_t anl__inject_seen(const anl_ctx *ctx, anl__inject_kind kind); /* operations since anl__inject */
int64_t anl__live_blocks(const anl_ctx *ctx);                        /* allocated and not yet freed */

/* ---- growable text: always a valid C string after init; the first failure sticks (b->status). ---- */
typedef struct anl__buf {
    anl_ctx *ctx;
    char *text; /* owned; "" until something is added */
    size_t len;
    size_t cap;
    anl_status status;
} anl__buf;
void anl__buf_init(anl__buf *b, anl_ctx *ctx);
void anl__buf_add(anl__buf *b, const char *fmt, ...) ANL_FORMAT(2, 3);
void anl__buf_bytes(anl__buf *b, const void *p, size_t n);
/* A word as a shell wants it: in quotes where it needs them; NULL is the empty word. */
void anl__buf_word(anl__buf *b, const char *word);
void anl__buf_release(anl__buf *b);

/* ---- arena: many small blocks freed in one call (after git's mem-pool). Zeroed, 16-byte aligned. ---- */
typedef struct anl__arena anl__arena;
anl_status anl__arena_create(anl_ctx *ctx, anl__arena **out) ANL_MUST;
void *anl__arena_alloc(anl__arena *a, size_t bytes); /* NULL: NOMEM, message set */
char *anl__arena_strdup(anl__arena *a, const char *s);
char *anl__arena_printf(anl__arena *a, const char *fmt, ...) ANL_FORMAT(2, 3);
void anl__arena_destroy(anl__arena *a);

/* An environment variable's value; NULL: it is not set, or set to nothing, which is the same for every variable that we read. */
const char *anl__environment(const char *name);
/* Nearest name by edit distance among n names, or NULL when none is near (for "did you mean"). */
const char *anl__nearest(const char *word, const char *const *names, int n);
/* The first `width` characters of UTF-8 text, and blanks up to that many; out holds 4 * width + 1 bytes. */
const char *anl__text_fit(const char *text, int width, char *out);
/* "1:02:03", "2:03" or "12 s" */
const char *anl__time_text(double seconds, char out[32]);

#endif
