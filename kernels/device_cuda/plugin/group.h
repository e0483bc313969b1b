/* GPUs of one machine that give each other memory, by NCCL's sends and receives: one communicator a device, one thread
 * of the program each. Only bytes are moved, nothing is added, so that what is computed depends on no algorithm of the
 * library.
 *
 * A device that fails leaves the others' kernels waiting for it. So whoever waits for a member looks at all of them,
 * and a group that has failed is aborted as a whole. In NCCL 2.28 the last abort does not return before all graphs that
 * recorded an exchange are destroyed (init.cc, commDestroySync): it has a thread of its own, and nobody waits for that
 * without an end. */
#ifndef ANL_CUDA_GROUP_H
#define ANL_CUDA_GROUP_H

#include "device.h"

typedef struct anl__cuda_group anl__cuda_group;

/* dev: opened, all different GPUs. ANL_DEVICE: NCCL is not there, or refuses. */
anl_status anl__cuda_group_make(anl_device *const *dev, const int *index, int n, anl__cuda_group **out);
/* Once by each member, before its device is closed, when its recordings are gone; the first ends the group. */
void anl__cuda_group_leave(anl__cuda_group *g);
/* Waits fail after so many seconds; 0: they have no end. */
void anl__cuda_group_patience(anl__cuda_group *g, double seconds);
anl_status anl__cuda_group_exchange(anl__cuda_group *g, anl_device *dev, const anl__transfer *list, int n);
/* All members' lists by the calling thread alone (for checks and measuring: a step's threads each call the one above).
 */
anl_status anl__cuda_group_exchange_all(anl__cuda_group *g, const anl__transfer *const *list, int n);
/* Until what is enqueued on the member's stream is done, or what came before an event (a cudaEvent_t; NULL: all).
 * False: it, or another member, has failed. */
bool anl__cuda_group_settled(anl__cuda_group *g, const anl_device *dev, void *event);
/* The same, with the message in the device's context. */
anl_status anl__cuda_group_wait(anl__cuda_group *g, const anl_device *dev, void *event);
void anl__cuda_group_give_up(anl__cuda_group *g, const anl_device *dev, const char *why);

/* group_try.c: members give each other `part` bytes each at once, some times; the seconds of the fastest time after the
   first. One device gives to itself. ANL_DEVICE: it fails, or wrong bytes come; the message is in the first one's
   context. */
anl_status anl__cuda_group_try(anl__cuda_group *g, anl_device *const *dev, int n, size_t part, double *seconds);
double anl__cuda_seconds(void); /* of a clock that only goes on */

#endif
