/* What a program does, as text: a line a step. */
#include "net.h"

#include <string.h>

static void add_summary(const anl_program *p, anl__buf *b)
{
    const anl_program_stats *s = &p->stats;
    anl__buf_add(b, "\n%d nodes, %d of them made from parameters only; %.4g MFLOP a run\n", p->n_step, p->n_derived + p->n_pack, s->flops * 1e-6);
    anl__buf_add(b, "activations: %zu bytes (%zu alive at once at least, %zu without sharing); largest workspace: %zu; packed parameters: %zu\n", s->arena_bytes,
                 s->live_peak_bytes, s->sum_bytes, s->workspace_bytes, s->derived_bytes);
}

anl_status anl__explain(const anl_program *p, const double *us, char **text)
{
    anl__buf b;
    char shape[96];
    double total = 0;
    anl__buf_init(&b, p->net->ctx);
    anl__buf_add(&b, "%-28s %-26s %-18s %-10s%s\n", "layer", "kernel", "output", "MFLOP", us ? "      us   GFLOP/s" : "");
    for (int s = 0; s < p->n_step; s++) {
        const anl__step *t = &p->step[s];
        const anl__call *c = &t->prep.call;
        double flops = c->op->flops ? c->op->flops(c) : 0;
        bool inside = t->chain == 0;
        anl__buf_add(&b, "%s%-*s %-26s %-18s %10.3f", inside ? "  " : "", inside ? 26 : 28, t->name, t->prep.kernel->name,
                     c->n_out ? anl__shape_text(&c->out[0].shape, shape) : "-", flops * 1e-6);
        if (us && !inside) anl__buf_add(&b, " %9.1f %9.1f", us[s], us[s] > 0 ? flops * 1e-3 / us[s] : 0);
        if (us) total += us[s];
        if (t->prep.note[0]) anl__buf_add(&b, "  [%s]", t->prep.note);
        if (t->covered_by) anl__buf_add(&b, "  (done by %s of %s)", t->covered_by->prep.kernel->name, t->covered_by->name);
        if (t->refused) anl__buf_add(&b, "  (not %s)", t->refused);
        anl__buf_add(&b, "\n");
    }
    if (us) anl__buf_add(&b, "total %.1f us\n", total);
    add_summary(p, &b);
    if (b.status != ANL_OK) {
        anl__buf_release(&b);
        return b.status;
    }
    *text = b.text;
    return ANL_OK;
}

anl_status anl_program_explain(const anl_program *p, char **text) { return anl__explain(p, NULL, text); }
void anl_text_free(anl_ctx *ctx, char *text) { anl__free(ctx, text); }
