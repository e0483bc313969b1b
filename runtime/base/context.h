/* The context's inside; only base/ includes this. */
#ifndef ANL_CONTEXT_H
#define ANL_CONTEXT_H

#include "base.h"

#include <stdatomic.h>

#define ANL__ERR 2048 /* bytes of a message */

struct anl_ctx {
    char err[ANL__ERR];
    anl_log_fn log;
    void *log_user;
    _Atomic int64_t live;                     /* blocks allocated and not yet freed */
    _Atomic int64_t seen[ANL__INJECT_COUNT];  /* operations since anl__inject */
    _Atomic int64_t fail_at[ANL__INJECT_COUNT]; /* 0: never */
};

#endif
