/* Anneal: a deep-learning training engine. This is the one public header.
 *
 * Conventions
 * - Every call that can fail returns anl_status; results go through the last parameters and are
 *   untouched on failure. The message, complete enough to show to a person, is in the context:
 *   anl_last_error(ctx). The library never prints and never ends the process.
 * - A context and everything made from it belong to one thread at a time.
 * - Sizes in bytes are size_t, counts of elements int64_t. Shapes are row-major, outermost first:
 *   images N,H,W,C; filters K,R,S,C (out, height, width, in); dense weights (out, in).
 * - create/destroy: heap handles, destroy(NULL) is allowed. "borrowed" pointers live as long as their owner.
 */
#ifndef ANNEAL_H
#define ANNEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ANL_VERSION_MAJOR 0
#define ANL_VERSION_MINOR 1
#define ANL_VERSION_PATCH 0
#define ANL_VERSION "0.1.0"

/* ---- status ---------------------------------------------------------------------------------- */

/* X(NAME, value, text): one list gives the enum, anl_status_name and anl_status_text. */
#define ANL_STATUS_LIST(X)                                                                         \
    X(OK, 0, "success")                                                                            \
    X(NOMEM, -1, "out of host memory")                                                             \
    X(DEVICE_NOMEM, -2, "out of device memory")                                                    \
    X(INVALID, -3, "invalid argument")                                                             \
    X(SHAPE, -4, "shapes do not fit")                                                              \
    X(UNSUPPORTED, -5, "not supported")                                                            \
    X(IO, -6, "input or output failed")                                                            \
    X(FORMAT, -7, "malformed file")                                                                \
    X(DATA, -8, "bad data")                                                                        \
    X(DEVICE, -9, "device failed")                                                                 \
    X(COMM, -10, "communicator failed")                                                            \
    X(NONFINITE, -11, "a value is not finite")                                                     \
    X(CANCELLED, -12, "cancelled")                                                                 \
    X(RECIPE, -13, "recipe error")                                                                 \
    X(LOCKED, -14, "in use by another process")                                                    \
    X(MISMATCH, -15, "does not match")                                                             \
    X(INTERNAL, -16, "internal error (a bug in Anneal)")

#define ANL_STATUS_ENUM(name, value, text) ANL_##name = value,
typedef enum anl_status { ANL_STATUS_LIST(ANL_STATUS_ENUM) } anl_status;
#undef ANL_STATUS_ENUM

#if defined(__GNUC__)
#define ANL_MUST __attribute__((warn_unused_result))
#define ANL_FORMAT(f, a) __attribute__((format(printf, f, a)))
#else
#define ANL_MUST
#define ANL_FORMAT(f, a)
#endif

const char *anl_status_name(anl_status s); /* "SHAPE"; "?" for an unknown value */
const char *anl_status_text(anl_status s);
const char *anl_version(void); /* "0.1.0" */

/* ---- context --------------------------------------------------------------------------------- */

typedef struct anl_ctx anl_ctx;

typedef enum anl_log_level { ANL_LOG_DEBUG, ANL_LOG_INFO, ANL_LOG_WARN } anl_log_level;
/* Called on the context's thread; text is one line without a newline. */
typedef void (*anl_log_fn)(void *user, anl_log_level level, const char *text);

/* NULL only when no memory could be had. */
anl_ctx *anl_ctx_create(void);
void anl_ctx_destroy(anl_ctx *ctx);
void anl_ctx_set_log(anl_ctx *ctx, anl_log_fn fn, void *user);
/* The message of the last failure; "" if there was none. Borrowed, valid until the next failure. */
const char *anl_last_error(const anl_ctx *ctx);

/* ---- element types --------------------------------------------------------------------------- */

typedef enum anl_dtype {
    ANL_F32, ANL_F64, ANL_BF16, ANL_F16, ANL_I32, ANL_U8, ANL_DTYPE_COUNT
} anl_dtype;
size_t anl_dtype_size(anl_dtype t);      /* bytes */
const char *anl_dtype_name(anl_dtype t); /* "f32", "f64", "bf16", "f16", "i32", "u8" */

#define ANL_MAX_RANK 6
typedef struct anl_shape {
    int rank; /* 0: a scalar */
    int64_t dim[ANL_MAX_RANK];
} anl_shape;
int64_t anl_shape_count(const anl_shape *s); /* elements; 1 for a scalar */

#ifdef __cplusplus
}
#endif
#endif
