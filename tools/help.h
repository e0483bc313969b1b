/* Help, man page and completion, all made from the tables of commands and of recipe keys. */
#ifndef HELP_H
#define HELP_H

#include "command.h"

#include <stdio.h>

void help_all(FILE *out);
void help_command(FILE *out, const command *c);
void help_keys(FILE *out); /* of recipes */
void help_man(FILE *out);  /* anneal(1), troff */
void help_bash(FILE *out); /* completion */

#endif
