/* Signals as flags that a loop looks at between steps; the handler does nothing else.
 *
 *   SIGINT, SIGTERM, SIGHUP   a stop was asked: write a checkpoint, end with 75; twice: end at once with 130
 *   SIGUSR1                   a checkpoint was asked; the run goes on
 *   SIGPIPE, SIGXFSZ          ignored: a closed pipe and a file size limit are errors of write()
 *
 * Stops less than 0.2 s apart are one: launchers forward what the whole process group has already got. After
 * the second stop that signal's default action is back, so that a third ends even a process that no longer
 * looks. SIGINT and SIGHUP stay ignored where they were (nohup, a shell's background job). The state is the
 * process's: install once.
 */
#ifndef ANL_SIGNALS_H
#define ANL_SIGNALS_H

#include <stdbool.h>

void anl__signals_install(void);    /* counts start at 0; a second call without restore does nothing */
int anl__signals_stop(void);        /* how often a stop was asked: 0, 1, 2 ... */
int anl__signals_last(void);        /* the last signal that asked for a stop; 0: none */
bool anl__signals_checkpoint(void); /* a checkpoint was asked since the last call */
/* A stop asked by another way (preempt.command), reported as this signal. Alone it counts as one; with
   signals it adds nothing, so that a notice and the SIGTERM after it do not make two. */
void anl__signals_ask_stop(int sig);
void anl__signals_restore(void); /* what was before install; counts stay readable */

#endif
