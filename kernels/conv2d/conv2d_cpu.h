/* The cpu kernels of conv2d, by file: conv2d_cpu.c lists them. */
#ifndef ANL_CONV2D_CPU_H
#define ANL_CONV2D_CPU_H

#include "conv2d.h"

extern const anl__kernel anl__conv2d_dnnl, anl__conv2d_data_dnnl, anl__conv2d_filter_dnnl; /* conv2d_cpu_dnnl.c */
extern const anl__kernel anl__conv2d_product, anl__conv2d_data_product, anl__conv2d_filter_product; /* conv2d_cpu_product.c */

/* Tasks over n images. */
static inline int anl__conv_slices(const anl__env *env, int64_t n) { return (int)(n < env->slices ? n : env->slices); }

/* Tasks of bwd_filter. Each costs the adding of a partial gradient (measured: the time of about 70 flops an element): where
   that is below a twentieth for all slices of the batch it runs slice by slice with its neighbours, which leave dy in
   cache; else 8 tasks keep some workers busy. */
static inline int anl__conv_partials(const anl__env *env, const anl__conv_geometry *g)
{
    double most = 2.0 * (double)(g->n * g->oh * g->ow) / (20 * 70);
    int64_t n = most < env->slices ? 8 : env->slices;
    return (int)(g->n < n ? g->n : n);
}

/* Adds the tasks' partial gradients, `count` numbers each and each in lines of its own (anl__lines) from the workspace's start, into the
   first, in a fixed tree. */
void anl__conv_add_partials(const anl__run *r, int tasks, int64_t count);

#endif
