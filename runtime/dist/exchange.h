/* The sum of shard gradients over devices that do not see each other's memory. Every device owns a slice of the
 * gradient slab: it gets the others' partial sums of that slice, adds them by the same tree that one device would
 * follow (reduce.h; so to the same bits), and gives the sum to all. With R devices that hold one partial sum each, 2
 * (R-1)/R slabs leave and enter each device, as in a ring, and the order of addition does not depend on the library
 * that moves the bytes.
 */
#ifndef ANL_EXCHANGE_H
#define ANL_EXCHANGE_H

#include "../device.h"
#include "reduce.h"

/* For one order of addition. */
typedef struct anl__exchange_plan {
    anl__transfer *give, *take; /* owned: partial sums to the slices' owners; slices of the sum to all */
    int n_give, n_take;
    struct anl__exchange_add {
        void *to;
        const void *from;
    } *add; /* owned: in this order, within the slice */
    int n_add;
    void *sum, *root; /* of the slice: where it is after the additions, and where in the slab of the root it belongs */
} anl__exchange_plan;

typedef struct anl__exchange {
    anl_net *net;
    int rank, ranks;
    int64_t first, count;     /* its slice, elements of a gradient slab */
    anl_program *add;         /* NULL: the slice is empty */
    void *got;                /* on the device: others' partial sums of the slice */
    anl__exchange_plan *plan; /* by order */
    int n_plan;
} anl__exchange;

/* After the net's programs are compiled, before anl_net_finish. */
anl_status anl__exchange_compile(anl__exchange *x, anl_net *net, int ranks, int rank) ANL_MUST;
/* After anl_net_finish; orders of that many ranks. */
anl_status anl__exchange_open(anl__exchange *x, const anl__reduce *order, int n_order) ANL_MUST;
void anl__exchange_release(anl__exchange *x);

int64_t anl__exchange_bytes(const anl__exchange *x, int order); /* that leave this rank in a step */
/* Enqueued, by every rank one after the other: after a rank's own part of the order. Then slab `root` of the order is
 * the sum on every rank. */
anl_status anl__exchange_give(const anl__exchange *x, int order) ANL_MUST;
anl_status anl__exchange_add(const anl__exchange *x, int order) ANL_MUST;
anl_status anl__exchange_take(const anl__exchange *x, int order) ANL_MUST;

#endif
