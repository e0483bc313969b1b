#ifndef T
#include "kernels/common/ref.h"
#define ANL__REF_FILE "kernels/time_pool/time_pool_ref.c"
#define A double
#define FAST
#define LOAD(p, i) ((double)(p)[i])
#define STORE(p, i, v) (p)[i] = (T)(v)
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("time_pool", fwd)
ANL__REF_KERNEL("time_pool_bwd", bwd)
const anl__kernel *const anl__kernels_time_pool_ref[] = {&fwd_kernel, &bwd_kernel, NULL};
#else
#include "time_pool_body.h"
static void FN(fwd)(const anl__call *c, const anl__run *r) { FN(forward)(c, r, 0, c->in[0].shape.dim[1]); }
static void FN(bwd)(const anl__call *c, const anl__run *r) { FN(backward)(c, r, 0, c->in[0].shape.dim[1]); }
#endif
