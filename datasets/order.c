/* The keyed bijection of order.h. It does not know data sets or batches, and keeps no state. */
#include "datasets/order.h"

#include "runtime/base/philox.h"

#include <math.h>

/* Three rounds are enough in theory for large domains; small ones (ten samples) show patterns below six. */
enum { ROUNDS = 8 };

anl__order anl__order_make(uint64_t seed, int64_t n, bool shuffle)
{
    uint64_t a = (uint64_t)sqrt((double)n);
    while (a * a < (uint64_t)n) a++;
    uint64_t b = ((uint64_t)n + a - 1) / a;
    anl__order o = {.seed = seed, .n = n, .a = (uint32_t)a, .b = (uint32_t)b, .shuffle = shuffle};
    return o;
}

/* One pass of the network over [0, a*b): the halves change places each round, and so do their radices. */
static uint64_t permute(const anl__order *o, uint32_t epoch, uint64_t x)
{
    uint32_t radix_l = o->a, radix_r = o->b;
    uint32_t l = (uint32_t)(x % radix_l), r = (uint32_t)(x / radix_l);
    for (uint32_t round = 0; round < ROUNDS; round++) {
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

int64_t anl__order_at(const anl__order *o, uint32_t epoch, int64_t k)
{
    if (!o->shuffle) return k;
    uint64_t x = (uint64_t)k;
    do x = permute(o, epoch, x);
    while (x >= (uint64_t)o->n);
    return (int64_t)x;
}
