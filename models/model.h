/* Models: from a description to a graph with inputs, outputs, loss and sums. */
#ifndef ANL_MODEL_H
#define ANL_MODEL_H

#include "layers.h"

#include "../runtime/train/feed.h"

/* A layer of a `sequential` or `graph` model: `from` names its inputs ("input" or earlier layers; none: the layer before). */
typedef struct anl__model_layer {
    anl__layer layer;
    const char *const *from;
    int n_from;
} anl__model_layer;

enum {
    ANL_MOST_LABELS = 8, /* columns of labels */
    ANL_MORE_INPUTS = 3  /* of a graph: "input2", ... */
};

typedef struct anl__model_head { /* a loss of a `graph` model */
    const char *from;  /* layer whose output is compared */
    const char *label; /* "label", "label2", ...: column of the labels that it is compared with */
    const char *loss;  /* "cross-entropy", "ctc", "mse", "huber", "bce" */
    double weight;
    double delta;      /* huber: where it becomes linear; 0: the model's */
    const char *where; /* "recipe.yaml:12:5" for messages; NULL: none */
} anl__model_head;

/* What models of sequences are made of (sequence.h). */
typedef struct anl_sequence_opts {
    const char *cell;      /* lstm, gru, rnn, rnn-relu; forecaster also linear, tcn; seqclassifier also cnn */
    const char *reset;     /* gru: after, before */
    const char *attention; /* seq2seq: none, dot, general, multi-head (Luong's order), additive (Bahdanau's) */
    const char *pool;      /* seqclassifier: last, mean, max */
    int64_t units, embed, kernel;
    int layers, heads;
    bool bidirectional, autoregressive;
    bool state_only;       /* additive attention: words are read from the decoder's state, not from it and what it found */
    bool decode;           /* models of tokens give "logits" */
    /* from the data */
    int64_t vocabulary, target_vocabulary; /* 0: values, not tokens */
    int64_t features, horizon, targets;
    const int64_t *category; /* forecaster: [categories] one-hot columns of each, in this order behind `numbers` columns of x */
    int categories;
    int64_t numbers;
    int64_t category_embed; /* width of what each category becomes; 0: they stay one-hot */
    const int64_t (*length)[2]; /* by variant: time steps of the source and of the target */
    int variants;
} anl_sequence_opts;

typedef struct anl_model_opts {
    const char *name;      /* mlp, lenet5, cnn2, resnet-cifar, resnet, sequential, graph, or a model of sequences */
    int64_t height, width, channels; /* of the images */
    int classes;
    int depth;             /* resnet-cifar: 20, 32, 56 (6n + 2); resnet: 18, 34, 50, 101, 152 */
    bool small_stem;       /* resnet: for pictures of 32 */
    int64_t hidden[16];    /* mlp */
    int n_hidden;
    double dropout;        /* < 0: the model's own */
    double label_smoothing;
    const float *class_weight; /* [classes] or NULL; kept as a buffer named class_weight */
    const anl__model_layer *layer; /* sequential, graph */
    int n_layer;
    anl_shape more_input[ANL_MORE_INPUTS]; /* graph: height, width, channels of "input2", ..., anl_model_more_inputs of them */
    const anl__model_head *head;   /* graph; none: cross-entropy over the last layer */
    int n_head;
    bool values;           /* images: labels are f32 values to predict, by `loss` where there are no heads; of heads, those that read "label" */
    int label_classes[ANL_MOST_LABELS]; /* [column], from 1: classes of a further column; 0: as many as its head has units */
    const char *loss;      /* forecaster, values: mse, huber */
    double huber_delta;    /* huber, forecaster's and heads': where it becomes linear */
    anl_sequence_opts seq;
} anl_model_opts;

anl_model_opts anl_model_opts_default(void);
/* Models of images declare inputs "image" [n,H,W,C] (the graph's dtype) and "label" i32 [n] (values: f32), and for heads that read
   further columns of labels "label2", ..., and for layers that read them "input2" [n,H,W,C], ..., in this order; output "logits" [n,classes]; loss "loss"; sum "correct". Models of sequences: sequence.h. Failures stick to the graph. */
void anl_model_build(anl_graph *g, const anl_model_opts *opts, anl__size size);
bool anl_model_is_sequence(const char *name); /* does it read sequences? */
bool anl_model_loss_is_class(const char *loss); /* is a head's label a class, not a value to predict? */
/* The output that a further head gives when the model is evaluated: [n, units]; of ctc [n, classes]. */
enum { ANL_HEAD_OUTPUT = 160 };
const char *anl_model_head_output(const anl__model_head *h, char name[ANL_HEAD_OUTPUT]);
int anl_model_more_inputs(const anl_model_opts *o); /* how many inputs its layers read beside the first: 2 where one reads "input3" */
int anl_model_label_column(const char *label);  /* "label": 0, "label2": 1, ...; -1: no such name */
/* What the heads take a further column of labels (1, 2, ...) for. */
typedef enum anl_label_use { ANL_LABEL_NONE, ANL_LABEL_CLASS, ANL_LABEL_VALUE } anl_label_use;
anl_label_use anl_model_label_use(const anl_model_opts *o, int column);

#endif
