/* A subcommand: one file tools/cmd_<name>.c exports `const command command_<name>`; the table is generated from the files,
 * and help, man page and completion from the table. */
#ifndef COMMAND_H
#define COMMAND_H

#include "options.h"

typedef struct command {
    const char *name;
    const char *args;      /* "RECIPE|RUN [key=value ...]" */
    const char *summary;   /* one line */
    const char *details;   /* more for its help, or NULL */
    const option *options; /* ended by a NULL name; NULL: none */
    int min_args, max_args; /* positional; key=value is counted apart when `overrides` */
    bool overrides;
    int (*run)(const options *o); /* an exit code */
} command;

extern const command *const command_table[]; /* generated; ended by NULL */

/* A context whose warnings go to stderr; exits with 1 when there is no memory for one. */
anl_ctx *command_ctx(void);
/* Prints "anneal: <message>" and gives the exit code of the status. */
int command_fail(anl_ctx *ctx, anl_status st);
/* Wrong usage: message, hint at help, exit code 2. */
int command_usage(const options *o, const char *fmt, ...) ANL_FORMAT(2, 3);

#endif
