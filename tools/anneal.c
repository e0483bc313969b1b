/* The program: finds the subcommand, parses its words, runs it; help from the table. */
#include "command.h"
#include "exit_code.h"
#include "help.h"

#include "runtime/base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void tell(void *user, anl_log_level level, const char *text)
{
    (void)user;
    if (level >= ANL_LOG_INFO) fprintf(stderr, "anneal: %s%s\n", level >= ANL_LOG_WARN ? "warning: " : "", text);
}

anl_ctx *command_ctx(void)
{
    anl_ctx *ctx = anl_ctx_create();
    if (ctx) anl_ctx_set_log(ctx, tell, NULL);
    return ctx;
}

int command_fail(anl_ctx *ctx, anl_status st)
{
    fprintf(stderr, "anneal: %s\n", anl_last_error(ctx));
    return exit_code_of(st);
}

int command_usage(const options *o, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "anneal %s: ", o->command);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, " (see: anneal %s --help)\n", o->command);
    return EXIT_USAGE;
}

static const command *find(const char *name)
{
    for (int i = 0; command_table[i]; i++)
        if (!strcmp(command_table[i]->name, name)) return command_table[i];
    return NULL;
}

static int unknown(const char *name)
{
    const char *names[64], *near;
    int n = 0;
    for (; command_table[n] && n < 64; n++) names[n] = command_table[n]->name;
    near = anl__nearest(name, names, n);
    fprintf(stderr, "anneal: there is no command '%s'%s%s%s (see: anneal help)\n", name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return EXIT_USAGE;
}

static int run(const command *c, int argc, char **argv)
{
    options o;
    char why[256];
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            help_command(stdout, c);
            return EXIT_DONE;
        }
    if (!options_parse(&o, c->name, c->options, c->overrides, argc, argv, why)) return command_usage(&o, "%s", why);
    if (o.n_arg < c->min_args) return command_usage(&o, "needs %s", c->args);
    if (o.n_arg > c->max_args) return command_usage(&o, "does not know what to do with '%s'", o.arg[c->max_args]);
    return c->run(&o);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        help_all(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (!strcmp(name, "--version") || !strcmp(name, "version")) {
        printf("anneal %s\n", anl_version());
        return EXIT_DONE;
    }
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) name = "help";
    const command *c = find(name);
    if (!c) return unknown(name);
    int code = run(c, argc - 2, argv + 2);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "anneal: the output could not be written\n");
        return code ? code : EXIT_ERROR;
    }
    return code;
}
