#ifndef T
#include "kernels/common/ref.h"
#define ANL__REF_FILE "kernels/fold_batchnorm/fold_batchnorm_ref.c"
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("fold_batchnorm", fold)
const anl__kernel *const anl__kernels_fold_batchnorm_ref[] = {&fold_kernel, NULL};
#else
#include "fold_batchnorm_body.h"
static void FN(fold)(const anl__call *c, const anl__run *r) { FN(fold_filters)(c, r, 0, c->in[0].shape.dim[0]); }
#endif
