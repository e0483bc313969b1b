/* A user's command, run by /bin/sh -c: checkpoint.command, resume.command, preempt.command. It gets a process
 * group of its own (a Ctrl-C for us is not one for it), stdin from /dev/null, default signal actions, and
 * none of our files. Linux.
 */
#ifndef ANL_COMMAND_H
#define ANL_COMMAND_H

#include "../base/base.h"

/* {file} and {run} in the template are replaced by the quoted texts (NULL: an empty word); nothing else is,
   so shell braces keep their meaning. An attempt that lasts longer than timeout_s (<= 0: no limit) is ended
   with its whole group (TERM, a second later KILL). A failed attempt is repeated up to `retries` times after
   0.2, 0.4, ... 5 s. *exit_code (may be NULL) is the last attempt's: the shell's own, 128 + signal, 124 for a
   timeout, -1 when it could not be started. Anything but 0 is IO; the message has the command, what happened
   and the last 2 KiB of its output. */
anl_status anl__command_run(anl_ctx *ctx, const char *templ, const char *file, const char *run,
                            double timeout_s, int retries, int *exit_code) ANL_MUST;

/* A thread that runs a command every so often until it exits 0 (a hit: the machine will be taken away), and
   then no more. An attempt may take as long as the interval, and at least 5 s. */
typedef struct anl__watch anl__watch;
anl_status anl__watch_start(anl_ctx *ctx, const char *command, double every_s, anl__watch **out) ANL_MUST;
bool anl__watch_hit(anl__watch *w); /* cheap: one atomic read */
/* Once: the text of the first attempt that could not run or timed out (exit 124, 126, 127); else NULL. */
const char *anl__watch_warning(anl__watch *w);
/* Ends a running attempt and the thread, and frees. NULL is fine. */
void anl__watch_stop(anl__watch *w);

#endif
