/* The device contract: a small table of functions. The runtime knows devices only through it.
 * Memory of a device is addressed by plain pointers; host_memory tells whether the host may touch it.
 * Kernels of a device are found by its name in the generated kernel table.
 */
#ifndef ANL_DEVICE_H
#define ANL_DEVICE_H

#include "base/base.h"
#include "base/pool.h"

/* A part of memory that a member of a group gives to another, or gets from it. */
typedef struct anl__transfer {
    int peer;  /* member, from 0 */
    bool give; /* else get */
    void *at;  /* on the device */
    size_t bytes;
} anl__transfer;

typedef struct anl__device_vt {
    const char *name;
    bool host_memory; /* the host reads and writes device memory directly */
    int auto_rank;    /* "auto" takes the highest that opens; negative: never */
    anl_status (*open)(anl_device *dev, const anl_device_opts *opts); /* fills dev->impl, dev->pool */
    void (*close)(anl_device *dev);
    anl_status (*alloc)(anl_device *dev, size_t bytes, void **out); /* zeroed, 256-byte aligned */
    void (*free)(anl_device *dev, void *p);
    size_t (*room)(const anl_device *dev); /* bytes that are free now; NULL: nobody knows */
    anl_status (*upload)(anl_device *dev, void *dst, const void *src, size_t bytes);
    anl_status (*download)(anl_device *dev, void *dst, const void *src, size_t bytes);
    anl_status (*copy)(anl_device *dev, void *dst, const void *src, size_t bytes);
    anl_status (*sync)(anl_device *dev);
    bool (*has_dtype)(const anl_device *dev, anl_dtype t); /* usable for activations */
    bool (*has_tf32)(const anl_device *dev);               /* f32 products by TF32; NULL: none */
    const struct anl__kernel *const *const *kernels; /* a plug-in's own table of kernels; NULL: the generated one */
    /* Recording: what is enqueued between begin and end is kept in *out and not done; replay does it, with the same pointers.
       NULL: the device cannot. A failing begin or end, and what failed between the two, leaves nothing behind, no error either: nothing was done,
       and the caller goes on without recording. */
    anl_status (*record_begin)(anl_device *dev);
    anl_status (*record_end)(anl_device *dev, void **out);
    anl_status (*replay)(anl_device *dev, void *recording);
    void (*forget)(anl_device *dev, void *recording);
    /* Several devices of this kind in one machine. count: how many there are; use: the calling thread is going to work with this one.
       NULL: there is one. */
    int (*count)(anl_ctx *ctx);
    void (*use)(const anl_device *dev);
    /* Opened devices become a group, member i being dev[i]: ANL_DEVICE where they cannot. It ends when one of them is closed. NULL: they never can. */
    anl_status (*join)(anl_device *const *dev, int n);
    /* Enqueued: all transfers of the list. Every member calls it with the counterparts of its own, in one order for each peer, on a thread of its own:
       the first call may wait for the others'. May be recorded after a first one that was not. */
    anl_status (*exchange)(anl_device *dev, const anl__transfer *list, int n);
    /* A member does not go on: what others wait for in an exchange fails. */
    void (*give_up)(anl_device *dev, const char *why);
    const struct anl__kernel *any; /* stands for the kernel of every operator (null device); NULL: look in the table */
    /* What went wrong since the last call inside kernels that cannot say so (tasks); asked after every program. NULL: nothing can. */
    anl_status (*fault)(anl_device *dev);
    /* What the bits depend on: device model or instruction set, library versions; for the run's record. */
    void (*describe)(const anl_device *dev, anl__buf *out);
    /* Text of what was decided by measuring so far, for anl_device_opts.plans of a later process. NULL: nothing is. */
    void (*plans)(anl_device *dev, anl__buf *out);
    /* Lines for `anneal doctor` on what the device needs and finds, without opening it. NULL: nothing to say. */
    void (*report)(anl_ctx *ctx, anl__buf *out);
} anl__device_vt;

struct anl_device {
    const anl__device_vt *vt;
    anl_ctx *ctx;
    anl_device_opts opts;
    anl__pool *pool; /* NULL when the device has none */
    void *impl;
};

extern const anl__device_vt *const anl__device_table[];
/* The kernel tables that hold this device's kernels: its plug-in's, or the generated one. */
const struct anl__kernel *const *const *anl__device_kernels(const anl_device *dev);

#endif
