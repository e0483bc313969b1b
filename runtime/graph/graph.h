/* The graph's inside: arrays of values and nodes referred to by integer handles. One file a pass:
 *   builder.c (values, nodes, attributes), rewrite.c (fusions), autodiff.c, recompute.c, select.c (kernels, packs),
 *   alias.c (in-place, views), schedule.c (order, lifetimes), plan.c (intervals to offsets), program.c (run),
 *   net.c (slabs). Passes only append or mark, but for recompute.c, which puts nodes in between; values never move.
 */
#ifndef ANL_GRAPH_H
#define ANL_GRAPH_H

#include "../device.h"
#include "../op.h"

typedef enum anl__kind {
    ANL__TENSOR,  /* made by a node, lives in the arena */
    ANL__PARAM,   /* a view of the PARAM slab */
    ANL__BUFFER,  /* a view of the BUFFER slab: a state, written by one node a step */
    ANL__SLAB,    /* a whole slab (whole-slab updates) */
    ANL__SCALAR,  /* device scalars: rng, hyper, scale */
    ANL__INPUT,   /* given at run */
    ANL__REDUCED  /* a view of the GRAD slab: a sum or a statistic read by an update program */
} anl__kind;

typedef struct anl__value {
    anl__kind kind;
    anl__type type;
    const char *name;  /* parameters, buffers, inputs, reduced; NULL for plain tensors */
    int node;          /* producer, -1: none */
    int out;           /* which output of it */
    unsigned flags;    /* anl_param_flags */
    anl_init init;
    int slot;          /* input index; anl_slab of a SLAB; 0 rng, 1 hyper, 2 scale of a SCALAR; else index in the net's table */
    bool derived;      /* depends on parameters and buffers only */
} anl__value;

typedef struct anl__node {
    const anl__op *op;
    const char *name;
    int n_in, n_out;
    anl_value in[ANL__MAX_IN];
    anl_value out[ANL__MAX_OUT];
    anl_value accum;  /* out[0] = accum + result; ANL_NONE: plain */
    anl__attr *attr;
    bool dead;        /* replaced or unread */
    bool backward;    /* made by autodiff */
} anl__node;

typedef struct anl__named { const char *name; anl_value v, v2; double weight; } anl__named;

struct anl_graph {
    anl_ctx *ctx;
    anl__arena *arena;
    anl_status status;
    anl_mode mode;
    anl_dtype dtype;
    anl__value *value;
    int64_t n_value, cap_value;
    anl__node *node;
    int64_t n_node, cap_node;
    anl__named *loss, *sum, *output, *seed, *want;
    int64_t n_loss, cap_loss, n_sum, cap_sum, n_output, cap_output, n_seed, cap_seed, n_want, cap_want;
    int n_input;
    const char *const *frozen; /* names of parameters; borrowed */
    int n_frozen;
    anl_value rng, hyper, scale; /* made on demand; ANL_NONE before */
    bool in_backward;
};

/* Appends a node whose attributes are parsed from text; attributes not named there start from same-named ones of
   the `base` calls (later ones win), else from the schema's default. Returns the first output. */
anl_value anl__graph_add(anl_graph *g, const anl__op *op, const char *name, const anl_value *in, int n_in,
                         const anl__call *const *base, int n_base, const char *attrs);
anl_value anl__graph_value(anl_graph *g, const anl__value *v); /* appends a value */
/* The call as infer and kernels see it. */
void anl__graph_call(const anl_graph *g, int node, anl__call *out);
anl_value anl__graph_rng(anl_graph *g);   /* i32[8] */
anl_value anl__graph_hyper(anl_graph *g); /* f32[ANL_HYPER_WORDS] */
anl_value anl__graph_scale(anl_graph *g); /* f32[ANL__SCALE_WORDS] */
/* A whole slab of a net whose layout is fixed, of parameters and their averages those that are not frozen: f32 [count]. ANL_SLAB_GRAD0 stands for the run's grad_slab. */
anl_value anl__graph_slab(anl_graph *g, const anl_net *net, anl_slab slab);
/* A sum of the run's grad slab by name (f32 [1]); for update programs. */
anl_value anl__graph_sum(anl_graph *g, const anl_net *net, const char *name);
/* Update programs: adds the nodes that move running statistics (batchnorm_running), from the net's table. `count`:
   the scalar that divides the summed statistics (number of samples of the global batch): the sum "samples", which
   every training program adds by itself. */
void anl__graph_running(anl_graph *g, anl_net *net);
/* Tests: differentiate value y with this given gradient (same shape) instead of losses; keep the gradient of
   an input or parameter readable as output "grad.NAME". */
void anl__graph_seed(anl_graph *g, anl_value y, anl_value dy);
void anl__graph_want_grad(anl_graph *g, anl_value input);

#endif
