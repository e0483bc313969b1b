/* Timing of cuBLASLt's algorithms, on zeros; see lt_tune.h. */
#include "lt_tune.h"

#include "measure.h"
#include "plan_memory.h"

#include <stdio.h>

typedef struct bench {
    anl__lt_product *product;
    const anl__lt_shape *shape;
    void *a, *b, *d, *bias, *ws;
} bench;

static bool work(anl_device *dev, void *arg)
{
    const bench *b = arg;
    const void *bias = b->shape->epilogue & LT_EPILOGUE_BIAS ? b->bias : NULL;
    return !anl__lt_product_run(b->product, b->a, b->b, b->d, false, bias, b->ws, anl__cuda_stream(dev));
}

static void key_of(const anl_device *dev, const anl__lt_shape *s, char out[128])
{
    snprintf(out, 128, "product %s %s %llux%llux%llu %c%c %d timed",
             s->in == ANL_F32 && dev->opts.tf32 ? "tf32" : anl_dtype_name(s->in), anl_dtype_name(s->out),
             (unsigned long long)s->m, (unsigned long long)s->n, (unsigned long long)s->k, s->trans_a ? 't' : 'n',
             s->trans_b ? 't' : 'n', s->epilogue);
}

int anl__lt_fastest(anl_device *dev, const anl__lt_shape *s, anl__lt_product *p, const anl__lt_choice *list, int n)
{
    bench b = {.product = p, .shape = s};
    size_t in = anl_dtype_size(s->in), out = anl_dtype_size(s->out), ws = 0;
    int best = 0;
    double least = -1;
    char key[128];
    key_of(dev, s, key);
    if (anl__choice_find(dev, key, &best) && best >= 0 && best < n) return best;
    best = 0;
    for (int i = 0; i < n; i++)
        if (list[i].workspace > ws) ws = list[i].workspace;
    const struct {
        void **at;
        size_t bytes;
    } block[] = {{&b.a, s->m * s->k * in},
                 {&b.b, s->k * s->n * in},
                 {&b.d, s->m * s->n * out},
                 {&b.bias, s->m * out},
                 {&b.ws, ws + 16}};
    enum { BLOCKS = sizeof block / sizeof *block };
    bool room = true;
    for (int i = 0; i < BLOCKS && room; i++) room = dev->vt->alloc(dev, block[i].bytes, block[i].at) == ANL_OK;
    for (int i = 0; i < n && room; i++) {
        p->choice = list[i];
        double ms = anl__cuda_fastest(dev, work, &b);
        if (ms < 0 || (least >= 0 && ms >= least)) continue;
        least = ms;
        best = i;
    }
    for (int i = 0; i < BLOCKS; i++)
        if (*block[i].at) dev->vt->free(dev, *block[i].at);
    if (least >= 0) anl__choice_put(dev, key, best, least > 0 ? 1000 * least : 1e-3);
    return best;
}
