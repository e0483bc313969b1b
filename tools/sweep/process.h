/* A trial's process: started with its own process group, log, CPUs, limits; stopped; its end put into words.
 * Linux.
 *
 * No process outlives its driver: the kernel kills a child whose parent dies, and what the child had started
 * itself (a launcher's children) is found by the mark in its environment when the next driver starts.
 */
#ifndef SWEEP_PROCESS_H
#define SWEEP_PROCESS_H

#include "runtime/base/base.h"

#include <sys/types.h>

typedef struct process_opts {
    const char *const *argv; /* ended by NULL */
    const char *launcher;    /* NULL: argv is started directly; else see process_command */
    const char *log;         /* file that gets stdout and stderr, appended */
    const char *mark;        /* the sweep's absolute directory */
    const char *trial;       /* "7": ANNEAL_TRIAL */
    const char *slot;        /* name of the slot: ANNEAL_SLOT */
    const char *const *env;  /* NAME=value texts */
    int n_env;
    const char *cpus;  /* "0-3,8"; NULL: all */
    double file_limit; /* MiB a file; 0: no limit */
} process_opts;

/* IO: it could not be started. A program that does not exist is an end with 127, as in a shell. */
anl_status process_start(anl_ctx *ctx, const process_opts *o, pid_t *pid) ANL_MUST;
/* The launcher's text with {cmd} (the words, each quoted), {quoted} (all of them as one quoted word, for
   ssh), {slot}, {trial} and {env} (NAME=value words, quoted) replaced. In the arena; NULL: no memory. */
char *process_command(anl__arena *a, const process_opts *o);
/* A signal to it and all that it started. */
void process_signal(pid_t pid, int sig);
/* Once, before the first start: orphans of our children become ours, so that their ends are seen. */
void process_adopt(void);
/* After its end: is there still something that it had started? Reaps what is not. */
bool process_lives(pid_t pid);
/* Kills that, and waits until it is gone. */
void process_kill(pid_t pid);
/* Kills everything that carries this mark but is not ours to wait for; returns how many. */
int process_kill_strays(const char *mark);
/* The n-th of `of` equal shares of the CPUs that this process may use, as "0-3"; at least one CPU. In the
 * arena. */
char *process_cpu_share(anl__arena *a, int n, int of);

typedef enum process_end {
    PROCESS_DONE,
    PROCESS_AGAIN, /* preempted, interrupted: run it again, as often as it takes */
    PROCESS_RETRY, /* device lost, killed, disk: run it again, a few times */
    PROCESS_DIVERGED,
    PROCESS_MEMORY,
    PROCESS_FAILED
} process_end;
/* What a wait status means (tools/exit_code.h), and in words, as "out of device memory" or "crashed: signal
 * 11". */
process_end process_outcome(int wait_status, char why[96]);

#endif
