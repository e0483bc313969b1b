/* Exit codes, the same for every subcommand. */
#ifndef EXIT_CODE_H
#define EXIT_CODE_H

#include "anneal.h"

enum {
    EXIT_DONE = 0, EXIT_ERROR = 1, EXIT_USAGE = 2, EXIT_DATA = 3, EXIT_DIVERGED = 4, EXIT_DEVICE_MEMORY = 5, EXIT_DISK = 6,
    EXIT_DEVICE_LOST = 7, EXIT_AGAIN = 75 /* preempted or interrupted: run the same command again */, EXIT_TWICE = 130
};
int exit_code_of(anl_status st);

#endif
