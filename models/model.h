/* Models: from a description to a graph with inputs, outputs, loss and sums. */
#ifndef ANL_MODEL_H
#define ANL_MODEL_H

#include "layers.h"

/* A layer of a `sequential` or `graph` model: `from` names its inputs ("input" or earlier layers; none: the layer before). */
typedef struct anl__model_layer {
    anl__layer layer;
    const char *const *from;
    int n_from;
} anl__model_layer;

typedef struct anl__model_head { /* a loss of a `graph` model */
    const char *from;  /* layer whose output is compared */
    const char *label; /* input field */
    const char *loss;  /* "cross-entropy", "mse", "huber", "bce" */
    double weight;
} anl__model_head;

typedef struct anl_model_opts {
    const char *name;      /* mlp, lenet5, cnn2, resnet-cifar, sequential, graph */
    int64_t height, width, channels; /* of the images */
    int classes;
    int depth;             /* resnet-cifar: 20, 32, 56 (6n + 2) */
    int64_t hidden[16];    /* mlp */
    int n_hidden;
    double dropout;        /* < 0: the model's own */
    double label_smoothing;
    const float *class_weight; /* [classes] or NULL; kept as a buffer named class_weight */
    const anl__model_layer *layer; /* sequential, graph */
    int n_layer;
    const anl__model_head *head;   /* graph; none: cross-entropy over the last layer */
    int n_head;
} anl_model_opts;

anl_model_opts anl_model_opts_default(void);
/* Declares inputs "image" [n,H,W,C] (the graph's dtype) and "label" i32 [n]; output "logits" [n,classes]; loss "loss";
   sum "correct". Failures stick to the graph. */
void anl_model_build(anl_graph *g, const anl_model_opts *opts, int64_t n);
/* The names of all models, ended by NULL. */
const char *const *anl_model_names(void);

#endif
