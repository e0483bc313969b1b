/* Which of cuBLASLt's algorithms is the fastest for a product, timed on the device. */
#ifndef ANL_LT_TUNE_H
#define ANL_LT_TUNE_H

#include "lt_product.h"

/* The place in the list. What was measured before, or in another process, is taken (plan_memory.h); 0 where nothing can
   be timed. The product's own choice is written over. */
int anl__lt_fastest(anl_device *dev, const anl__lt_shape *s, anl__lt_product *p, const anl__lt_choice *list, int n);

#endif
