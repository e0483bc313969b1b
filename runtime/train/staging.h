/* A batch on its way to a device whose memory is not the host's: one buffer an input on the device, as large as the largest
 * program wants it, at the same address for every batch, so that recorded programs stay valid. Where the host's memory is the device's
 * there is nothing to do. */
#ifndef ANL_STAGING_H
#define ANL_STAGING_H

#include "../base/base.h"

typedef struct anl__staging {
    anl_device *device;
    void *at[ANL_MAX_INPUTS];
    size_t bytes[ANL_MAX_INPUTS];
} anl__staging;

/* Room for the inputs of a program; before the first fill. */
anl_status anl__staging_room(anl__staging *s, anl_device *dev, const anl_program *p) ANL_MUST;
/* Copies what `bind` names on the host, and names the copies instead. */
anl_status anl__staging_fill(anl__staging *s, const anl_program *p, anl_bind *bind) ANL_MUST;
void anl__staging_release(anl__staging *s);

#endif
