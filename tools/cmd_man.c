/* anneal man: the manual page. */
#include "command.h"
#include "exit_code.h"
#include "help.h"

static int run_man(const options *o)
{
    (void)o;
    help_man(stdout);
    return EXIT_DONE;
}

const command command_man = {.name = "man", .args = "", .summary = "prints the manual page anneal(1) as troff", .run = run_man};
