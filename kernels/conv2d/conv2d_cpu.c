/* The cpu kernels of conv2d. */
#include "conv2d_cpu.h"

const anl__kernel *const anl__kernels_conv2d_cpu[] = {
    &anl__conv2d_product, &anl__conv2d_data_product, &anl__conv2d_filter_product,
#if defined(ANL_HAVE_DNNL)
    &anl__conv2d_dnnl, &anl__conv2d_data_dnnl, &anl__conv2d_filter_dnnl,
#endif
    NULL};
