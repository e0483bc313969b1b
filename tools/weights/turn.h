/* How a parameter of ours lies in memory and how PyTorch has the same one, and turning one into the other.
 * Filters are K,R,S,C here and O,I,H,W there (R, S = H, W; C = I); the columns of a dense layer behind
 * `flatten` follow on H,W,C here and on C,H,W there. Pure: no file, no graph. */
#ifndef TURN_H
#define TURN_H

#include "runtime/base/base.h"

typedef enum turn_kind {
    TURN_NONE,       /* the same in both */
    TURN_FILTERS,    /* K,R,S,C - K,C,R,S; also of a transposed convolution */
    TURN_FILTERS_1D, /* of a convolution over time: K,1,S,C - K,C,S */
    TURN_COLUMNS,    /* (out, h w c) - (out, c h w) */
    TURN_FEATURES,   /* a vector over a flattened image: (h w c) - (c h w) */
    TURN_UNKNOWN     /* the order of what it multiplies is not known there: not to be turned */
} turn_kind;

typedef struct turn {
    turn_kind kind;
    int64_t plane, channels; /* TURN_COLUMNS, TURN_FEATURES: h w and c */
} turn;

/* The shape that PyTorch gives a parameter of this shape of ours. */
anl_shape turn_shape(turn t, const anl_shape *ours);
/* Is a tensor of that shape this parameter in PyTorch's layout? Convolutions over time may be written either
 * way. */
bool turn_fits(turn t, const anl_shape *ours, const anl_shape *torch);
/* anl_shape_count(ours) numbers; from and to do not overlap. */
void turn_from_torch(turn t, const anl_shape *ours, const float *from, float *to);
void turn_to_torch(turn t, const anl_shape *ours, const float *from, float *to);

#endif
