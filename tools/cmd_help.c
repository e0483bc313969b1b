/* anneal help, man and completion. */
#include "command.h"
#include "exit_code.h"
#include "help.h"

#include "runtime/base/base.h"

#include <string.h>

static int run_help(const options *o)
{
    const char *what = o->n_arg ? o->arg[0] : "";
    if (!*what) {
        help_all(stdout);
        return EXIT_DONE;
    }
    if (!strcmp(what, "keys")) {
        help_keys(stdout);
        return EXIT_DONE;
    }
    for (int i = 0; command_table[i]; i++)
        if (!strcmp(command_table[i]->name, what)) {
            help_command(stdout, command_table[i]);
            return EXIT_DONE;
        }
    const char *names[64] = {"keys"}, *near;
    int n = 1;
    for (int i = 0; command_table[i] && n < 64; i++) names[n++] = command_table[i]->name;
    near = anl__nearest(what, names, n);
    return command_usage(o, "there is no help on '%s'%s%s%s", what, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

const command command_help = {.name = "help", .args = "[COMMAND|keys]", .summary = "explains a command, or lists the keys of recipes", .max_args = 1, .run = run_help};
