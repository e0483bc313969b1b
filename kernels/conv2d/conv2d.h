/* Geometry of a convolution, from its attributes and shapes; shared by conv2d's kernels on every device. */
#ifndef ANL_CONV2D_H
#define ANL_CONV2D_H

#include "op.h"

typedef struct anl__conv_geometry {
    int64_t n, h, w, c;       /* input */
    int64_t k, r, s;          /* filters, their height and width */
    int64_t oh, ow;           /* output */
    int64_t stride[2], dilation[2], groups;
    int64_t pad[4];           /* top, left, bottom, right */
} anl__conv_geometry;

/* Padding attribute: one number for all sides, two for (height, width), four for (top, left, bottom, right). */
static inline void anl__pads(const anl__call *c, int64_t pad[4])
{
    const anl__attr *a = anl__attr_get(c, "pad");
    for (int i = 0; i < 4; i++) pad[i] = a->n == 1 ? a->i[0] : a->n == 2 ? a->i[i & 1] : a->i[i];
}

/* Output size along one axis; below 1: the padded input is smaller than the filter. */
static inline int64_t anl__window_out(int64_t in, int64_t before, int64_t after, int64_t window, int64_t dilation, int64_t stride)
{
    int64_t room = in + before + after - ((window - 1) * dilation + 1);
    return room < 0 ? 0 : room / stride + 1;
}

/* From a call of conv2d, conv2d_bwd_data or conv2d_bwd_filter. */
void anl__conv_geometry_of(const anl__call *c, anl__conv_geometry *g);

#endif
