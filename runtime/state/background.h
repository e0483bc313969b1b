/* What the files of state/ that run things in the background share. */
#ifndef ANL_BACKGROUND_H
#define ANL_BACKGROUND_H

#include "../base/base.h"

#include <pthread.h>
#include <stdatomic.h>

double anl__clock(void); /* monotonic seconds */
/* One attempt of a complete shell line (command.h); *cancel becoming true ends it early. */
anl_status anl__command_once(anl_ctx *ctx, const char *line, double timeout_s, const atomic_bool *cancel,
                             int *exit_code) ANL_MUST;
/* A thread with this name (15 bytes at most) and all signals blocked: they are for the owner's threads. */
anl_status anl__thread_start(anl_ctx *ctx, const char *name, void *(*fn)(void *), void *arg,
                             pthread_t *out) ANL_MUST;
/* A condition that waits by the monotonic clock; seconds <= 0 return at once. */
void anl__cond_init(pthread_cond_t *c);
void anl__cond_wait(pthread_cond_t *c, pthread_mutex_t *m, double seconds);

#endif
