/* The cpu kernels of dense, by file: dense_cpu.c lists them. */
#ifndef ANL_DENSE_CPU_H
#define ANL_DENSE_CPU_H

#include "op.h"

extern const anl__kernel anl__dense_product, anl__dense_data_product, anl__dense_weight_product; /* dense_cpu_product.c */
extern const anl__kernel anl__dense_product16, anl__dense_data_product16, anl__dense_weight_product16; /* dense_cpu_product16.c */
extern const anl__kernel anl__dense_dnnl, anl__dense_data_dnnl, anl__dense_weight_dnnl; /* dense_cpu_dnnl.c */

#endif
