/* Layers: an operator with its parameters, by type name and textual arguments. Every model, built in or written in a
 * recipe, is made of these; a recipe's errors name the layer and its line.
 */
#ifndef ANL_LAYERS_H
#define ANL_LAYERS_H

#include "../runtime/base/base.h"

typedef struct anl__layer_arg {
    const char *key;
    const char *value; /* text as in the recipe: "32", "3,3", "relu", "true" */
} anl__layer_arg;

typedef struct anl__layer {
    const char *type; /* "conv", "dense", "relu", ... */
    const char *name; /* NULL: made from the type and a number */
    const char *where; /* "recipe.yaml:12:5" for messages; NULL: none */
    const anl__layer_arg *arg;
    int n_arg;
} anl__layer;

/* Adds a layer over these inputs; ANL_NONE with the graph failed when type, arguments or shapes are wrong. */
anl_value anl__layer_add(anl_graph *g, const anl__layer *layer, const anl_value *in, int n_in);
/* The same with arguments as text "filters=32 kernel=3": for built-in models. */
anl_value anl__layer_text(anl_graph *g, const char *type, const char *name, const anl_value *in, int n_in, const char *fmt, ...) ANL_FORMAT(6, 7);
/* One line a layer type with its arguments, for help. */
void anl__layer_help(anl__buf *out);

#endif
