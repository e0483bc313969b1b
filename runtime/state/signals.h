/* Signals as flags that a loop looks at between steps; the handler does nothing else.
 *
 *   SIGINT, SIGTERM, SIGHUP   a stop was asked: write a checkpoint, end with 75; asked twice: end at once with 130
 *   SIGUSR1                   a checkpoint was asked; the run goes on
 *   SIGPIPE                   ignored: a closed pipe is an error of write()
 *
 * After the second stop the default action is back, so that a third ends even a process that no longer looks. SIGINT and
 * SIGHUP stay ignored where they were (nohup, a shell's background job). The state is the process's: install once.
 */
#ifndef ANL_SIGNALS_H
#define ANL_SIGNALS_H

#include <stdbool.h>

void anl__signals_install(void); /* counts start at 0; a second call without restore does nothing */
int anl__signals_stop(void);       /* how often a stop was asked: 0, 1, 2 ... */
int anl__signals_last(void);       /* the last signal that asked for a stop; 0: none */
bool anl__signals_checkpoint(void); /* a checkpoint was asked since the last call */
void anl__signals_ask_stop(int sig); /* counts as that signal: for a notice that comes by another way (preempt.command) */
void anl__signals_restore(void);   /* what was before install; counts stay readable */

#endif
