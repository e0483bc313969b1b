/* The context: status texts, the last message, the log sink. */
#include "context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW(name, value, text) {ANL_##name, #name, text},
static const struct { anl_status code; const char *name, *text; } statuses[] = {ANL_STATUS_LIST(ROW)};
#undef ROW
enum { STATUSES = sizeof statuses / sizeof statuses[0] };

const char *anl_status_name(anl_status s)
{
    for (int i = 0; i < STATUSES; i++)
        if (statuses[i].code == s) return statuses[i].name;
    return "?";
}

const char *anl_status_text(anl_status s)
{
    for (int i = 0; i < STATUSES; i++)
        if (statuses[i].code == s) return statuses[i].text;
    return "unknown status";
}

const char *anl_version(void) { return ANL_VERSION; }

anl_ctx *anl_ctx_create(void)
{
    anl_ctx *ctx = calloc(1, sizeof *ctx); /* the only block not counted by the context itself */
    return ctx;
}

void anl_ctx_destroy(anl_ctx *ctx) { free(ctx); }

void anl_ctx_set_log(anl_ctx *ctx, anl_log_fn fn, void *user)
{
    ctx->log = fn;
    ctx->log_user = user;
}

const char *anl_last_error(const anl_ctx *ctx) { return ctx->err; }

anl_status anl__failv(anl_ctx *ctx, anl_status code, const char *fmt, va_list ap)
{
    char text[ANL__ERR]; /* arguments may point into ctx->err */
    vsnprintf(text, sizeof text, fmt, ap);
    memcpy(ctx->err, text, sizeof text);
    return code;
}

anl_status anl__fail(anl_ctx *ctx, anl_status code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    anl__failv(ctx, code, fmt, ap);
    va_end(ap);
    return code;
}

anl_status anl__context(anl_ctx *ctx, anl_status code, const char *fmt, ...)
{
    char old[ANL__ERR], where[ANL__ERR / 2];
    va_list ap;
    if (code == ANL_OK) return code;
    va_start(ap, fmt);
    vsnprintf(where, sizeof where, fmt, ap);
    va_end(ap);
    memcpy(old, ctx->err, sizeof old);
    if (snprintf(ctx->err, sizeof ctx->err, "%s: %s", where, old) < 0) ctx->err[0] = 0;
    return code;
}

void anl__log(anl_ctx *ctx, anl_log_level level, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    if (!ctx->log) return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    ctx->log(ctx->log_user, level, text);
}

size_t anl_dtype_size(anl_dtype t)
{
    static const size_t size[ANL_DTYPE_COUNT] = {4, 8, 2, 2, 4, 1};
    return (unsigned)t < ANL_DTYPE_COUNT ? size[t] : 0;
}

const char *anl_dtype_name(anl_dtype t)
{
    static const char *const name[ANL_DTYPE_COUNT] = {"f32", "f64", "bf16", "f16", "i32", "u8"};
    return (unsigned)t < ANL_DTYPE_COUNT ? name[t] : "?";
}

int64_t anl_shape_count(const anl_shape *s)
{
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++) n *= s->dim[i];
    return n;
}
