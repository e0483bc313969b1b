/* See help.h. */
#include "help.h"

#include "tools/recipe/recipe.h"

#include <string.h>

static const char exit_codes[] =
    "0 done, 1 error, 2 usage or recipe, 3 data, 4 diverged, 5 out of device memory, 6 checkpoint or disk, 7 device or communicator\n"
    "lost, 75 preempted or interrupted (run the same command again), 130 interrupted twice";

void help_all(FILE *out)
{
    fprintf(out, "anneal %s: trains neural networks from recipes\n\n", anl_version());
    for (int i = 0; command_table[i]; i++) fprintf(out, "  anneal %-11s %s\n", command_table[i]->name, command_table[i]->summary);
    fprintf(out, "\n`anneal COMMAND --help` tells more; `anneal help keys` lists what a recipe may hold.\nResults go to stdout, everything else to stderr. Exit codes: %s.\n", exit_codes);
}

void help_command(FILE *out, const command *c)
{
    fprintf(out, "usage: anneal %s %s\n\n%s.\n", c->name, c->args, c->summary);
    if (c->details) fprintf(out, "\n%s\n", c->details);
    if (c->options) fputc('\n', out);
    for (const option *o = c->options; o && o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        fprintf(out, "  %-24s %s\n", left, o->help);
    }
    if (c->overrides) fprintf(out, "\n  key=value                replaces a recipe's value, e.g. optim.lr=0.01 model.hidden=[64,32]; `key=` is the default again\n");
}

enum { TYPE_CHARS = 512 };

static void type_name(const recipe_key *k, char out[TYPE_CHARS])
{
    static const char *const names[] = {"true|false", "integer", "number", "text", "", "integers", "numbers", "texts", "tree"};
    snprintf(out, TYPE_CHARS, "%s%s%s", k->type == RECIPE_ENUM ? k->choices : names[k->type], k->also ? "|" : "", k->also ? k->also : "");
}

void help_keys(FILE *out)
{
    char type[TYPE_CHARS];
    fprintf(out, "%-22s %-18s %-14s %s\n", "key", "type", "default", "meaning (~: may be changed when a run is resumed)");
    for (const recipe_key *k = recipe_keys; k->path; k++) {
        type_name(k, type);
        bool wide = strlen(type) > 18; /* such as the names of all schedules: on a line of their own */
        fprintf(out, "%-22s %-18s %-14s %s%s\n", k->path, wide ? "one of:" : type, k->def, k->change ? "~ " : "", k->help);
        if (wide) fprintf(out, "%-22s %s\n", "", type);
    }
}

/* troff: a backslash and a dash are written so that they print as themselves. */
static void troff(FILE *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '\\') fputs("\\e", out);
        else if (*s == '-') fputs("\\-", out);
        else fputc(*s, out);
    }
}

void help_man(FILE *out)
{
    fprintf(out, ".TH ANNEAL 1 \"\" \"anneal %s\"\n.SH NAME\nanneal \\- trains neural networks from recipes\n.SH SYNOPSIS\n", anl_version());
    for (int i = 0; command_table[i]; i++) {
        fprintf(out, ".B anneal %s\n", command_table[i]->name);
        troff(out, command_table[i]->args);
        fprintf(out, "%s.br\n", command_table[i]->args[0] ? "\n" : "");
    }
    fprintf(out, ".SH COMMANDS\n");
    for (int i = 0; command_table[i]; i++) {
        const command *c = command_table[i];
        fprintf(out, ".SS %s\n", c->name);
        troff(out, c->summary);
        fprintf(out, ".\n");
        if (c->details) {
            fprintf(out, ".PP\n");
            troff(out, c->details);
            fputc('\n', out);
        }
        for (const option *o = c->options; o && o->name; o++) {
            fprintf(out, ".TP\n.B \\-\\-");
            troff(out, o->name);
            if (o->value) fprintf(out, " %s", o->value);
            fputc('\n', out);
            troff(out, o->help);
            fputc('\n', out);
        }
    }
    fprintf(out, ".SH RECIPE KEYS\n");
    char type[TYPE_CHARS];
    for (const recipe_key *k = recipe_keys; k->path; k++) {
        type_name(k, type);
        fprintf(out, ".TP\n.B ");
        troff(out, k->path);
        fprintf(out, " \\fR(");
        troff(out, type);
        fprintf(out, "; default %s)\n", *k->def ? k->def : "none");
        troff(out, k->help);
        fputc('\n', out);
    }
    fprintf(out, ".SH EXIT STATUS\n%s.\n", exit_codes);
}

void help_bash(FILE *out)
{
    fprintf(out, "# bash completion for anneal: source <(anneal completion bash)\n_anneal() {\n    local cur=${COMP_WORDS[COMP_CWORD]} words keys=\"");
    for (const recipe_key *k = recipe_keys; k->path; k++) fprintf(out, "%s%s=", k == recipe_keys ? "" : " ", k->path);
    fprintf(out, "\"\n    if [ \"$COMP_CWORD\" = 1 ]; then\n        words=\"");
    for (int i = 0; command_table[i]; i++) fprintf(out, "%s%s", i ? " " : "", command_table[i]->name);
    fprintf(out, "\"\n    else\n        case ${COMP_WORDS[1]} in\n");
    for (int i = 0; command_table[i]; i++) {
        const command *c = command_table[i];
        fprintf(out, "        %s) words=\"", c->name);
        for (const option *o = c->options; o && o->name; o++) fprintf(out, "--%s ", o->name);
        fprintf(out, "--help%s\" ;;\n", c->overrides ? " $keys" : "");
    }
    fprintf(out, "        esac\n    fi\n    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\") $(compgen -f -- \"$cur\"))\n"
                 "    [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n}\ncomplete -F _anneal anneal\n");
}
