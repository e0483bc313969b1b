/* What builds a layer: its textual arguments read and checked, its parameters made. Internal to models/. */
#ifndef ANL_LAYER_BUILD_H
#define ANL_LAYER_BUILD_H

#include "layers.h"

typedef struct anl__build {
    anl_graph *g;
    const anl__layer *l;
    const char *name;
    const anl_value *in;
    int n_in;
    bool used[32]; /* arguments that were asked for */
} anl__build;

typedef struct anl__layer_row {
    const char *type, *op;
    int min_in, max_in;
    anl_value (*make)(anl__build *b, const struct anl__layer_row *r);
    const char *own;   /* arguments of the layer itself */
    const char *fixed; /* attributes set by the type */
} anl__layer_row;

/* Arguments by key. A wrong one fails the graph; the value returned then does not matter. */
int64_t anl__arg_int(anl__build *b, const char *key, int64_t def, int64_t least); /* def below least: must be given */
double anl__arg_float(anl__build *b, const char *key, double def);
bool anl__arg_bool(anl__build *b, const char *key, bool def);
void anl__arg_pair(anl__build *b, const char *key, int64_t out[2]); /* one or two numbers: "3" or "3,5" */
const char *anl__arg_text(anl__build *b, const char *key, const char *def);
/* The arguments nobody asked for are the operator's attributes; "[1, 2]" reads as "1,2". `fixed` goes before them; NULL: nothing. */
void anl__arg_rest(anl__build *b, const char *fixed, char *out, size_t size);

/* The parameter "<layer>.<suffix>". */
anl_value anl__layer_param(anl__build *b, const char *suffix, int rank, const int64_t *dim, anl_init init, unsigned flags);
/* By the argument `init`. Weights uniform in +-1/sqrt(fan_in) (PyTorch's default; LeCun et al., 1998, keep the variance of sums),
   or normal with variance 2/fan_out (He et al., 2015) or 2/fan_in. */
anl_init anl__weight_init(anl__build *b, int64_t fan_in, int64_t fan_out);
/* x behind an activation; NULL or "none": x itself. */
anl_value anl__activate(anl__build *b, const char *act, anl_value x);
void anl__activate_help(anl__buf *out); /* a line of their names */

/* layers_time.c */
anl_value anl__make_to_time(anl__build *b, const anl__layer_row *r);
anl_value anl__make_embedding(anl__build *b, const anl__layer_row *r);
anl_value anl__make_recurrent(anl__build *b, const anl__layer_row *r);
anl_value anl__make_conv1d(anl__build *b, const anl__layer_row *r);
anl_value anl__make_position(anl__build *b, const anl__layer_row *r);
anl_value anl__make_attention(anl__build *b, const anl__layer_row *r);
anl_value anl__make_time_pool(anl__build *b, const anl__layer_row *r);
anl_value anl__make_time_dense(anl__build *b, const anl__layer_row *r);

#endif
