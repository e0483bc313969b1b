/* The one parser of command lines: --name value, --name=value, flags, `--`, positional arguments, key=value overrides. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "anneal.h"

typedef struct option {
    const char *name;  /* "run": --run */
    const char *value; /* "DIR" for its help; NULL: a flag */
    const char *help;
} option;

enum { OPTIONS_MOST = 1024 /* files, mostly */ };
typedef struct options {
    const char *command;
    const option *table;
    int n_arg, n_override, n_set;
    const char *arg[OPTIONS_MOST];
    const char *override[OPTIONS_MOST];
    const char *name[OPTIONS_MOST], *value[OPTIONS_MOST]; /* options given, in order; "" for flags */
} options;

/* Fills o from the words after the subcommand; false with a message in `why` for wrong usage. overrides: words with '='
   whose left side is a dotted name are collected apart. */
bool options_parse(options *o, const char *command, const option *table, bool overrides, int argc, char **argv, char why[256]);
bool options_has(const options *o, const char *name);
/* The last value given, or def. */
const char *options_text(const options *o, const char *name, const char *def);
/* False with `why` filled when the value is not a number in [min, max]; *out = def when not given. */
bool options_int(const options *o, const char *name, int64_t def, int64_t min, int64_t max, int64_t *out, char why[256]);
bool options_real(const options *o, const char *name, double def, double min, double max, double *out, char why[256]);

#endif
