/* The epoch's shuffle as a keyed bijection: which sample stands at position k of epoch e is computed, not
 * replayed, so that a run starts in the middle of an epoch in O(1) and needs no stored permutation.
 *
 * A Feistel network on the mixed-radix domain [0, a*b), a = ceil(sqrt n), b = ceil(n/a) (Black & Rogaway,
 * "Ciphers with arbitrary finite domains", CT-RSA 2002, generalised Feistel), whose round function is
 * Philox keyed by (seed, epoch, round); positions that leave [0, n) walk the cycle until they are back. As
 * a*b < n + sqrt(n) + 1, a walk is rarely longer than one step.
 */
#ifndef ANL_ORDER_H
#define ANL_ORDER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct anl__order {
    uint64_t seed;
    int64_t n; /* 1 .. 2^62 */
    uint32_t a, b;
    bool shuffle; /* false: position k is k */
} anl__order;

anl__order anl__order_make(uint64_t seed, int64_t n, bool shuffle);
/* A bijection of [0, n) for every epoch; 0 <= k < n. */
int64_t anl__order_at(const anl__order *o, uint32_t epoch, int64_t k);

#endif
