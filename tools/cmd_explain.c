/* anneal explain: what a recipe becomes: kernels, shapes, memory; or what the operators are. */
#include "command.h"
#include "exit_code.h"

#include "runtime/op.h"
#include "tools/job/job_params.h"

#include <stdio.h>
#include <string.h>

static const option explain_options[] = {
    {"eval", NULL, "the evaluation program instead of the training program"},
    {"profile", NULL, "with microseconds a node"},
    {"ops", NULL, "lists the operators with their attributes (no recipe needed)"},
    {"layers", NULL, "lists the layer types of recipes (no recipe needed)"},
    {NULL, NULL, NULL},
};

static int list_ops(void)
{
    for (int f = 0; anl__op_table[f]; f++)
        for (int i = 0; anl__op_table[f][i]; i++) {
            const anl__op *op = anl__op_table[f][i];
            printf("%-24s %s\n", op->name, op->help ? op->help : "");
            for (const anl__attr_def *a = op->attrs; a && a->name; a++)
                printf("    %-20s default %-10s %s%s%s\n", a->name, a->def ? a->def : "(required)", a->choices ? a->choices : "", a->choices ? "  " : "", a->help ? a->help : "");
        }
    return EXIT_DONE;
}

static int list_layers(anl_ctx *ctx)
{
    anl__buf b;
    anl__buf_init(&b, ctx);
    anl__layer_help(&b);
    fputs(b.text, stdout);
    anl__buf_release(&b);
    return EXIT_DONE;
}

static anl_status print_frozen(anl_ctx *ctx, const job *j)
{
    anl__buf b;
    anl__buf_init(&b, ctx);
    job_params_note(anl__trainer_net(j->trainer), &b);
    if (b.len) printf("\n%s", b.text);
    anl_status st = b.status;
    anl__buf_release(&b);
    return st;
}

static anl_status show(anl_ctx *ctx, const options *o, job *j, recipe **r)
{
    char *text = NULL, *report = NULL;
    bool eval = options_has(o, "eval");
    ANL_TRY(recipe_load(ctx, o->arg[0], o->override, o->n_override, r));
    ANL_TRY(job_open(ctx, *r, &(job_opts){.train = true}, j));
    ANL_TRY(job_compile(j, true, false));
    ANL_TRY(job_init(j, &report));
    anl__free(ctx, report);
    anl_program *p = anl__trainer_program(j->trainer, eval ? ANL_EVAL : ANL_TRAIN);
    if (!p) return anl__fail(ctx, ANL_INVALID, "the recipe has no part to evaluate on");
    if (options_has(o, "profile")) {
        const anl__feed *f = &j->part[eval ? (j->part[JOB_VALID].feed.samples ? JOB_VALID : JOB_TEST) : JOB_TRAIN].feed;
        anl__feed_batch b = {0};
        ANL_TRY(f->start(f->self, 0, 0));
        ANL_TRY(f->next(f->self, &b));
        anl_bind bind = {0};
        ANL_TRY(anl__trainer_stage(j->trainer, p, &b, &bind));
        ANL_TRY(anl_program_profile(p, &bind, 20, &text));
    } else {
        ANL_TRY(anl_program_explain(p, &text));
    }
    fputs(text, stdout);
    anl_text_free(ctx, text);
    if (!eval && *anl__trainer_launch_note(j->trainer)) printf("\nsteps: %s\n", anl__trainer_launch_note(j->trainer));
    double exchanged = (double)anl__trainer_exchanged(j->trainer) / 1048576;
    if (!eval && exchanged > 0) printf("\ndevices: %d; a step takes %.2f MiB out of the first and brings about as much into it\n", j->devices, exchanged);
    if (*anl__trainer_data_note(j->trainer)) printf("\n%s\n", anl__trainer_data_note(j->trainer));
    return print_frozen(ctx, j);
}

static int run_explain(const options *o)
{
    if (options_has(o, "ops")) return list_ops();
    anl_ctx *ctx = command_ctx();
    if (!ctx) return EXIT_ERROR;
    job j = {0};
    recipe *r = NULL;
    int code;
    if (options_has(o, "layers")) {
        code = list_layers(ctx);
    } else if (!o->n_arg) {
        code = command_usage(o, "needs a recipe, --ops or --layers");
    } else {
        anl_status st = show(ctx, o, &j, &r);
        code = st == ANL_OK ? EXIT_DONE : command_fail(ctx, st);
    }
    job_close(&j);
    recipe_free(r);
    anl_ctx_destroy(ctx);
    return code;
}

const command command_explain = {
    .name = "explain", .args = "[RECIPE] [key=value ...]", .summary = "shows what a recipe becomes: the chosen kernel of each node, why better ones said no, memory",
    .options = explain_options, .max_args = 1, .overrides = true, .run = run_explain,
};
