/* Precisions by the names that recipes give them: the type of activations, and how f32 products are made.
 * Parameters, moments, sums and statistics are f32 in each. */
#ifndef ANL_PRECISION_H
#define ANL_PRECISION_H

#include "../device.h"

typedef struct anl__precision {
    const char *name; /* "fp32", "tf32", "bf16", "fp16" */
    anl_dtype dtype;  /* of activations */
    bool tf32;        /* f32 products may be made by TF32 */
} anl__precision;

const anl__precision *anl__precision_find(const char *name); /* NULL: there is none of that name */
/* What `auto` means on a device: bf16, else fp16, else fp32. */
const anl__precision *anl__precision_auto(const anl_device *dev);
void anl__precision_list(const anl_device *dev, anl__buf *out); /* "fp32, bf16": what the device has */
/* ANL_UNSUPPORTED with that list where the device has not what is asked for. */
anl_status anl__precision_need(const anl_device *dev, anl_dtype dtype, bool tf32) ANL_MUST;

#endif
