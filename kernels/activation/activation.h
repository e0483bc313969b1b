/* Which activation a call is. */
#ifndef ANL_ACTIVATION_H
#define ANL_ACTIVATION_H

#include "formula.h"
#include "op.h"

/* The kind of `relu`, `relu_bwd`, ...; *a gets its parameter. */
anl__act anl__act_of(const anl__call *c, double *a);

#endif
