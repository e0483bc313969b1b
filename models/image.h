/* Built-in image classifiers: from images to logits. Sizes and sources in image.c. */
#ifndef ANL_IMAGE_H
#define ANL_IMAGE_H

#include "model.h"

anl_value anl__mlp(anl_graph *g, const anl_model_opts *o, anl_value x);
anl_value anl__lenet5(anl_graph *g, const anl_model_opts *o, anl_value x);
anl_value anl__cnn2(anl_graph *g, const anl_model_opts *o, anl_value x);
anl_value anl__resnet_cifar(anl_graph *g, const anl_model_opts *o, anl_value x);
anl_value anl__resnet(anl_graph *g, const anl_model_opts *o, anl_value x);

#endif
