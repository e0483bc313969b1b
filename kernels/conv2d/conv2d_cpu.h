/* The cpu kernels of conv2d, by file: conv2d_cpu.c lists them. */
#ifndef ANL_CONV2D_CPU_H
#define ANL_CONV2D_CPU_H

#include "conv2d.h"

extern const anl__kernel anl__conv2d_dnnl, anl__conv2d_data_dnnl, anl__conv2d_filter_dnnl; /* conv2d_cpu_dnnl.c */

#endif
