/* anneal completion: what a shell needs to complete our words. */
#include "command.h"
#include "exit_code.h"
#include "help.h"

#include <string.h>

static int run_completion(const options *o)
{
    if (strcmp(o->arg[0], "bash")) return command_usage(o, "knows bash only, not '%s'", o->arg[0]);
    help_bash(stdout);
    return EXIT_DONE;
}

const command command_completion = {.name = "completion", .args = "bash", .summary = "prints the shell's completion", .min_args = 1, .max_args = 1, .run = run_completion};
