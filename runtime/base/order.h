/* The epoch's shuffle as a keyed bijection: which sample stands at position k of epoch e is computed, not
 * replayed, so that a run starts in the middle of an epoch in O(1) and needs no stored permutation. Shared by C and CUDA.
 *
 * A Feistel network on the mixed-radix domain [0, a*b), a = ceil(sqrt n), b = ceil(n/a) (Black & Rogaway,
 * "Ciphers with arbitrary finite domains", CT-RSA 2002, generalised Feistel), whose round function is
 * Philox keyed by (seed, epoch, round); positions that leave [0, n) walk the cycle until they are back. As
 * a*b < n + sqrt(n) + 1, a walk is rarely longer than one step.
 */
#ifndef ANL_ORDER_H
#define ANL_ORDER_H

#include "philox.h"

#include <math.h>
#include <stdbool.h>

typedef struct anl__order {
    uint64_t seed;
    int64_t n; /* 1 .. 2^62 */
    uint32_t a, b;
    bool shuffle; /* false: position k is k */
} anl__order;

static inline anl__order anl__order_make(uint64_t seed, int64_t n, bool shuffle)
{
    uint64_t a = (uint64_t)sqrt((double)n);
    while (a * a < (uint64_t)n) a++;
    anl__order o = {seed, n, (uint32_t)a, (uint32_t)(((uint64_t)n + a - 1) / a), shuffle};
    return o;
}

/* Three rounds are enough in theory for large domains; small ones (ten samples) show patterns below six. */
enum { ANL__ORDER_ROUNDS = 8 };

/* One pass of the network over [0, a*b): the halves change places each round, and so do their radices. */
ANL_HD uint64_t anl__order_pass(const anl__order *o, uint32_t epoch, uint64_t x)
{
    uint32_t radix_l = o->a, radix_r = o->b;
    uint32_t l = (uint32_t)(x % radix_l), r = (uint32_t)(x / radix_l);
    for (uint32_t round = 0; round < ANL__ORDER_ROUNDS; round++) {
        uint32_t f = anl__philox(o->seed, r, round, epoch, ANL__STREAM_SHUFFLE).v[0];
        uint32_t add = (uint32_t)((uint64_t)f * radix_l >> 32);
        uint32_t next = (uint32_t)(((uint64_t)l + add) % radix_l);
        uint32_t radix = radix_l;
        l = r;
        radix_l = radix_r;
        r = next;
        radix_r = radix;
    }
    return (uint64_t)r * radix_l + l;
}

/* A bijection of [0, n) for every epoch; 0 <= k < n. */
ANL_HD int64_t anl__order_at(const anl__order *o, uint32_t epoch, int64_t k)
{
    if (!o->shuffle) return k;
    uint64_t x = (uint64_t)k;
    do x = anl__order_pass(o, epoch, x);
    while (x >= (uint64_t)o->n);
    return (int64_t)x;
}

#endif
