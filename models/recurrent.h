/* Recurrent layers as models use them: stacks of the operator `recurrent`, in one or both directions, with parameters named
 * and laid out as in PyTorch: <name>.weight_ih_l0 (G*H, in), weight_hh_l0 (G*H, H), bias_ih_l0, bias_hh_l0 (G*H), and the same
 * with _reverse; gates i, f, g, o (lstm) and r, z, n (gru).
 */
#ifndef ANL_RECURRENT_H
#define ANL_RECURRENT_H

#include "../runtime/base/base.h"

enum { ANL__MOST_CELLS = 16 };

typedef struct anl__recurrent_opts {
    const char *cell;   /* "lstm", "gru", "rnn" (tanh), "rnn-relu" */
    const char *reset;  /* gru: "after" the product with the state (PyTorch, cuDNN) or "before" it (Cho et al., 2014); NULL: after */
    int64_t units;
    int layers;
    bool bidirectional;
    double dropout;     /* between layers */
} anl__recurrent_opts;

/* A state of every layer and direction, (N, units) each; index: 2 * layer + direction when bidirectional, else layer. */
typedef struct anl__recurrent_state {
    anl_value h[ANL__MOST_CELLS];
    anl_value c[ANL__MOST_CELLS]; /* lstm; else ANL_NONE */
} anl__recurrent_state;

typedef struct anl__recurrent_cell { /* parameters of one layer and direction */
    anl_value w_ih, w_hh, b_ih, b_hh;
} anl__recurrent_cell;

int anl__recurrent_cells(const anl__recurrent_opts *o); /* layers times directions */
bool anl__recurrent_has_c(const anl__recurrent_opts *o);
anl__recurrent_state anl__recurrent_no_state(void);
/* The parameters of all cells, for inputs of `width` values. Fails the graph when cell, units or layers make no sense. */
void anl__recurrent_params(anl_graph *g, const char *name, const anl__recurrent_opts *o, int64_t width, anl__recurrent_cell cell[ANL__MOST_CELLS]);
/* x (T,N,width) -> (T,N,units), both directions concatenated. lengths (N) or ANL_NONE; given: the first states (ANL_NONE: zeros);
   last: what they are in the end, NULL if not wanted. Nodes are named after `node`, so that one set of parameters may be used
   by several calls. */
anl_value anl__recurrent_run(anl_graph *g, const char *node, const anl__recurrent_opts *o, const anl__recurrent_cell *cell, anl_value x, anl_value lengths,
                             const anl__recurrent_state *given, anl__recurrent_state *last);
/* Both. */
anl_value anl__recurrent(anl_graph *g, const char *name, const anl__recurrent_opts *o, anl_value x, anl_value lengths, const anl__recurrent_state *given,
                         anl__recurrent_state *last);

#endif
