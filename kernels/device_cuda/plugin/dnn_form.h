/* A convolution's operation graph for cuDNN, and the engine configurations that its heuristics offer for it:
 * made, and asked for, once a form (the convolution with what is in its graph behind it), and kept while the
 * library is open. */
#ifndef ANL_DNN_FORM_H
#define ANL_DNN_FORM_H

#include "dnn_conv.h"

enum { /* of the tensors of a graph; the last two are inside it */
    ANL__DNN_ID_X = 1,
    ANL__DNN_ID_W,
    ANL__DNN_ID_Y,
    ANL__DNN_ID_BIAS,
    ANL__DNN_ID_SUM,
    ANL__DNN_ID_BIASED
};

typedef struct anl__dnn_list {
    bool asked;
    int n;
    void *cfg[64];
} anl__dnn_list;
typedef struct anl__dnn_form {
    const anl__cudnn *dnn;
    anl__dnn_shape shape;
    void *part[32]; /* descriptors that the graph stands on, and the graph */
    int n_part;
    void *graph;           /* NULL: cuDNN refuses it */
    char refused[96];      /* what it said then */
    anl__dnn_list list[2]; /* of its heuristic A, of its fallback */
} anl__dnn_form;

/* The form of a case. The table owns it; plans made of it are released before it is forgotten. NULL: no memory. */
anl__dnn_form *anl__dnn_form_of(const anl__cudnn *dnn, const anl__dnn_shape *s);
/* mode: DNN_HEUR_*; the first call for each asks. */
const anl__dnn_list *anl__dnn_form_list(anl__dnn_form *f, int mode);
void anl__dnn_form_forget(anl__cudnn *dnn); /* all of them; dnn may be NULL */

#endif
