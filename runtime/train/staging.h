/* A batch on its way to a device whose memory is not the host's: places for each input on the device, one for each shard that is under way at
 * once, as large as the largest program wants it, at the same addresses for every batch, so that recorded programs stay valid. Where the host's
 * memory is the device's there is nothing to do. */
#ifndef ANL_STAGING_H
#define ANL_STAGING_H

#include "../base/base.h"

typedef struct anl__staging {
    anl_device *device;
    int places;
    void *at[ANL_MAX_INPUTS];
    size_t bytes[ANL_MAX_INPUTS]; /* of one place, a multiple of 256 */
} anl__staging;

/* Room for the inputs of a program; before the first fill. `places` is the same in every call. */
anl_status anl__staging_room(anl__staging *s, anl_device *dev, const anl_program *p, int places) ANL_MUST;
/* Copies what `bind` names on the host into a place, and names the copies instead. */
anl_status anl__staging_fill(anl__staging *s, const anl_program *p, int place, anl_bind *bind) ANL_MUST;
/* Names the copies in that place, without copying; what `bind` does not name stays so. */
void anl__staging_use(const anl__staging *s, const anl_program *p, int place, anl_bind *bind);
void *anl__staging_at(const anl__staging *s, int slot, int place); /* NULL on host memory */
void anl__staging_release(anl__staging *s);

#endif
