/* See eval_graph.h. */
#include "eval_graph.h"

#include "tools/job/job_sequence.h"

#include <string.h>

/* The longest sequence that the model was trained on, and `more` steps. Images have no steps. */
static anl_status build(const job *j, int64_t n, int64_t more, anl_graph **out)
{
    anl_graph *g;
    anl_model_opts m = j->model;
    int64_t length[1][2] = {{0, 0}};
    for (int v = 0; v < m.seq.variants; v++)
        for (int k = 0; k < 2; k++)
            if (m.seq.length[v][k] > length[0][k]) length[0][k] = m.seq.length[v][k];
    length[0][0] += more;
    m.seq.length = (const int64_t(*)[2])length;
    m.seq.variants = 1;
    m.seq.decode = true;
    ANL_TRY(anl_graph_create(j->ctx, ANL_EVAL, ANL_F32, &g));
    anl_model_build(g, &m, (anl__size){n, 0});
    anl_status st = anl_graph_status(g);
    if (st != ANL_OK) anl_graph_destroy(g);
    else *out = g;
    return st;
}

/* Scores of tokens are (T n, V) for the loss; here they are (T, n, V), as they were before. */
static void unroll_tokens(const job *j, anl_graph *g)
{
    for (int64_t i = 0; i < g->n_output && j->kind == ANL__SCORE_TOKENS; i++) {
        anl__named *o = &g->output[i];
        const anl__node *n = g->value[o->v].node >= 0 ? &g->node[g->value[o->v].node] : NULL;
        if (!strcmp(o->name, "logits") && n && !strcmp(n->op->name, "reshape")) o->v = n->in[0];
    }
}

/* Losses and what only they read are left out. */
static anl_status want(eval_graph *x, anl__arena *a)
{
    const anl_graph *g = x->g;
    x->wanted = anl__arena_alloc(a, sizeof *x->wanted * (size_t)(g->n_node + 1));
    if (!x->wanted) return ANL_NOMEM;
    for (int64_t i = 0; i < g->n_output; i++)
        if (g->value[g->output[i].v].node >= 0) x->wanted[g->value[g->output[i].v].node] = true;
    for (int64_t k = g->n_node - 1; k >= 0; k--) /* nodes stand behind what they read */
        for (int i = 0; x->wanted[k] && i < g->node[k].n_in; i++) {
            anl_value v = g->node[k].in[i];
            if (v != ANL_NONE && g->value[v].node >= 0) x->wanted[g->value[v].node] = true;
        }
    return ANL_OK;
}

static bool same_attrs(const anl__node *a, const anl__node *b)
{
    for (int i = 0; a->op->attrs && a->op->attrs[i].name; i++) {
        const anl__attr *p = &a->attr[i], *q = &b->attr[i];
        if (p->n != q->n || memcmp(p->i, q->i, sizeof p->i) || memcmp(&p->f, &q->f, sizeof p->f))
            return false;
    }
    return true;
}

/* The first wanted node that is another in `b`; -1: none. A reshape is told by its result's shape. */
static int64_t first_other(const eval_graph *x, const anl_graph *b)
{
    const anl_graph *a = x->g;
    if (a->n_node != b->n_node || a->n_value != b->n_value) return a->n_node;
    for (int64_t k = 0; k < a->n_node; k++) {
        const anl__node *p = &a->node[k], *q = &b->node[k];
        if (!x->wanted[k]) continue;
        if (p->op != q->op || p->n_in != q->n_in || memcmp(p->in, q->in, sizeof *p->in * (size_t)p->n_in))
            return k;
        if (strcmp(p->op->name, "reshape") && !same_attrs(p, q)) return k;
    }
    return -1;
}

/* Do parameters keep their shapes? */
static bool same_params(const anl_graph *a, const anl_graph *b)
{
    for (int64_t v = 0; v < a->n_value; v++)
        if (a->value[v].kind == ANL__PARAM &&
            !anl__shape_equal(&a->value[v].type.shape, &b->value[v].type.shape))
            return false;
    return true;
}

static void mark(eval_graph *x, const anl_graph *b, uint8_t bit)
{
    for (int64_t v = 0; v < x->g->n_value; v++) {
        const anl_shape *p = &x->g->value[v].type.shape, *q = &b->value[v].type.shape;
        for (int i = 0; i < p->rank; i++)
            if (p->dim[i] != q->dim[i]) x->free[v][i] |= bit;
    }
}

static anl_status compare(const job *j, eval_graph *x)
{
    anl_graph *other;
    ANL_TRY(build(j, EVAL_BUILT_FOR + 1, 0, &other));
    int64_t k = first_other(x, other);
    anl_status st = ANL_OK;
    if (k >= 0 && k < x->g->n_node)
        st = anl__fail(j->ctx, ANL_UNSUPPORTED,
                       "layer '%s' (%s) is made for a fixed number of samples: it cannot be exported",
                       x->g->node[k].name, x->g->node[k].op->name);
    else if (k >= 0)
        st = anl__fail(j->ctx, ANL_INTERNAL, "the model is another graph for another number of samples");
    if (st == ANL_OK) mark(x, other, EVAL_SAMPLES);
    anl_graph_destroy(other);
    return st;
}

/* Where the graph is the same for longer sequences, users may choose how long theirs are. */
static anl_status compare_steps(const job *j, eval_graph *x)
{
    anl_graph *other;
    if (!anl_model_is_sequence(j->model.name) || !strcmp(j->model.name, "forecaster"))
        return ANL_OK; /* its window is the data's */
    ANL_TRY(build(j, EVAL_BUILT_FOR, 1, &other));
    if (first_other(x, other) < 0 && same_params(x->g, other)) mark(x, other, EVAL_STEPS);
    anl_graph_destroy(other);
    return ANL_OK;
}

anl_status eval_graph_build(const job *j, anl__arena *a, eval_graph *out)
{
    *out = (eval_graph){0};
    if (!strcmp(j->model.name, "seq2seq"))
        return anl__fail(j->ctx, ANL_UNSUPPORTED,
                         "a translator (seq2seq) is two graphs and a search between them, not one: it cannot "
                         "be exported");
    ANL_TRY(build(j, EVAL_BUILT_FOR, 0, &out->g));
    unroll_tokens(j, out->g);
    anl_status st = want(out, a);
    if (st == ANL_OK && !(out->free = anl__arena_alloc(a, sizeof *out->free * (size_t)(out->g->n_value + 1))))
        st = ANL_NOMEM;
    if (st == ANL_OK) st = compare(j, out);
    return st == ANL_OK ? compare_steps(j, out) : st;
}

void eval_graph_release(eval_graph *x) { anl_graph_destroy(x->g); }

anl_value eval_graph_output(const eval_graph *x, const char *name)
{
    for (int64_t i = 0; i < x->g->n_output; i++)
        if (!strcmp(x->g->output[i].name, name)) return x->g->output[i].v;
    return ANL_NONE;
}

bool eval_graph_reads(const eval_graph *x, anl_value v)
{
    const anl_graph *g = x->g;
    for (int64_t k = 0; k < g->n_node; k++)
        for (int i = 0; x->wanted[k] && i < g->node[k].n_in; i++)
            if (g->node[k].in[i] == v) return true;
    for (int64_t i = 0; i < g->n_output; i++)
        if (g->output[i].v == v) return true;
    return false;
}
