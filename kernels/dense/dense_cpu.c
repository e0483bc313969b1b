/* The cpu kernels of dense. */
#include "dense_cpu.h"

const anl__kernel *const anl__kernels_dense_cpu[] = {
    &anl__dense_product16, &anl__dense_data_product16, &anl__dense_weight_product16,
    &anl__dense_product, &anl__dense_data_product, &anl__dense_weight_product,
#if defined(ANL_HAVE_DNNL)
    &anl__dense_dnnl, &anl__dense_data_dnnl, &anl__dense_weight_dnnl,
#endif
    NULL};
