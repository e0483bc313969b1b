/* The cpu kernels of dense, by file: dense_cpu.c lists them. */
#ifndef ANL_DENSE_CPU_H
#define ANL_DENSE_CPU_H

#include "op.h"

extern const anl__kernel anl__dense_dnnl, anl__dense_data_dnnl, anl__dense_weight_dnnl; /* dense_cpu_dnnl.c */

#endif
