/* dropout on the workers. Random numbers are drawn for LANES counters side by side, four numbers each, in loops that vectorise;
 * the mask is that of the reference bit for bit (kernels/common/dropout.h). */
#ifndef T
#include "dropout.h"
#define ANL__CPU_FILE "kernels/dropout/dropout_cpu.c"
#include "kernels/common/cpu.h"

#define LANES 64

/* keep[4i + u]: is unit 4(q + i) + u of a sample kept? All ones or zero. Philox4x32-10 as in base/philox.h, one round at a time
   over all lanes. */
ANL__INLINE void draw(const anl__dropout *d, uint32_t sample, uint32_t q, uint32_t keep[4 * LANES])
{
    uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES], k0 = (uint32_t)d->seed, k1 = (uint32_t)(d->seed >> 32);
    for (uint32_t i = 0; i < LANES; i++) {
        c0[i] = q + i;
        c1[i] = sample;
        c2[i] = d->step;
        c3[i] = ANL__STREAM_DROPOUT ^ d->key;
    }
    for (int i = 0; i < LANES; i++) {
        uint32_t a0 = c0[i], a1 = c1[i], a2 = c2[i], a3 = c3[i];
        for (int round = 0; round < 10; round++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * a0, p1 = (uint64_t)0xCD9E8D57u * a2;
            a0 = (uint32_t)(p1 >> 32) ^ a1 ^ (k0 + (uint32_t)round * 0x9E3779B9u);
            a2 = (uint32_t)(p0 >> 32) ^ a3 ^ (k1 + (uint32_t)round * 0xBB67AE85u);
            a1 = (uint32_t)p1;
            a3 = (uint32_t)p0;
        }
        keep[4 * i] = a0 < d->keep_below;
        keep[4 * i + 1] = a1 < d->keep_below;
        keep[4 * i + 2] = a2 < d->keep_below;
        keep[4 * i + 3] = a3 < d->keep_below;
    }
}

#include "kernels/common/cpu_twice.h"

static void task(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    const anl__call *c = &p->call;
    anl__rows rows = anl__rows_of(p, &c->in[0].shape, t);
    anl__dropout d = anl__dropout_of(c, r->in[1]);
    (void)worker;
    for (int64_t n = rows.begin; n < rows.end; n++) {
        if (d.off) {
            size_t bytes = (size_t)rows.each * anl_dtype_size(c->in[0].dtype), at = (size_t)n * bytes;
            if (r->out[0] != r->in[0]) memcpy((char *)r->out[0] + at, (char *)r->in[0] + at, bytes);
        } else ANL__BY_TYPE(c->in[0].dtype, drop, &d, r->in[0], r->out[0], n);
    }
}

#define KERNEL(op_name) {.op = op_name, .device = "cpu", .name = op_name "/cpu", .rank = 10, .supports = anl__cpu_dtype, .prepare = anl__sliced_prepare, \
                         .task = task, .samplewise = true, .inplace = {1}}
static const anl__kernel fwd = KERNEL("dropout"), bwd = KERNEL("dropout_bwd");
const anl__kernel *const anl__kernels_dropout_cpu[] = {&fwd, &bwd, NULL};
#else
ANL__CLONES static void FN(drop)(const anl__dropout *d, const T *x, T *y, int64_t n)
{
    float scale = (float)d->scale;
    uint32_t keep[4 * LANES];
    x += n * d->features;
    y += n * d->features;
    for (int64_t i = 0; i < d->features; i += 4 * LANES) {
        int64_t m = d->features - i < 4 * LANES ? d->features - i : 4 * LANES;
        draw(d, d->sample0 + (uint32_t)n, (uint32_t)(i / 4), keep);
        ANL__LANES for (int64_t j = 0; j < m; j++) y[i + j] = keep[j] ? PUT(GET(x[i + j]) * scale) : 0;
    }
}
#endif
