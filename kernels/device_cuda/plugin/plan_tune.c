/* Timing of a convolution's plans on the device, on zeros; see plan_memory.h. Each time is the shortest of
 * some runs of what the layer would do: the copies of widened channels, cuDNN's plan, and bias and relu
 * behind it where they are not in it. */
#include "device.h"
#include "measure.h"
#include "plan_memory.h"

#include <string.h>

enum {
    MOST_TIMED = 8,
    PLACES = 32
}; /* acceptable plans timed in each form; places of cuDNN's list looked at */

typedef struct bench {
    const anl__dnn_shape *asked;
    const anl__dnn_conv *plan;
    void *x, *w, *y, *bias, *wide_x, *wide_w, *ws;
} bench;

static size_t count(const anl__dnn_shape *s, char what, int64_t channels)
{
    int64_t n = what == 'x'   ? s->n * s->h * s->w * channels
                : what == 'w' ? s->k * s->r * s->s * (channels / s->groups)
                : what == 'y' ? s->n * s->oh * s->ow * s->k
                              : s->k;
    return (size_t)n * (what == 'b' ? sizeof(float) : anl_dtype_size(s->type));
}

static bool work(anl_device *dev, void *arg)
{
    const bench *b = arg;
    const anl__dnn_shape *s = &b->plan->shape;
    bool wide = s->c != b->asked->c, forward = s->kind == ANL__DNN_FORWARD;
    if (wide && anl__cuda_columns(dev, b->wide_x, s->type, s->c, b->x, s->type, b->asked->c,
                                  s->n * s->h * s->w, false) != ANL_OK)
        return false;
    if (wide && forward &&
        anl__cuda_columns(dev, b->wide_w, s->type, s->c, b->w, s->type, b->asked->c, s->k * s->r * s->s,
                          false) != ANL_OK)
        return false;
    if (anl__dnn_conv_run(b->plan, wide ? b->wide_x : b->x, wide ? b->wide_w : b->w, b->y, b->bias, b->ws))
        return false;
    if (!b->asked->bias || s->bias) return true;
    return anl__cuda_bias_relu(dev, b->y, s->type, b->bias, s->n * s->oh * s->ow * s->k, s->k,
                               b->asked->relu) == ANL_OK;
}

/* Microseconds; negative: it failed, or there was no room. */
static double time_of(anl_device *dev, bench *b, const anl__dnn_conv *p)
{
    b->plan = p;
    b->ws = NULL;
    if (dev->vt->alloc(dev, (size_t)p->workspace + 16, &b->ws) != ANL_OK) return -1;
    double ms = anl__cuda_fastest(dev, work, b);
    dev->vt->free(dev, b->ws);
    return ms * 1000;
}

/* The plans of one form of the case; *out is replaced by a faster one. */
static void time_form(anl_device *dev, bench *b, const anl__dnn_shape *s, anl__dnn_conv *out, double *us)
{
    int timed = 0;
    for (int i = 0; i < PLACES && timed < MOST_TIMED; i++) {
        anl__dnn_conv p;
        if (!anl__dnn_conv_at(anl__cuda_libs_of(dev)->cudnn, s, DNN_HEUR_A, i, &p)) continue;
        timed++;
        double t = time_of(dev, b, &p);
        if (t < 0 || (*us > 0 && t >= *us)) {
            anl__dnn_conv_release(&p);
            continue;
        }
        if (*us > 0) anl__dnn_conv_release(out);
        *out = p;
        *us = t > 0 ? t : 1e-3;
    }
}

bool anl__plan_fastest(anl_device *dev, const anl__dnn_shape *s, anl__dnn_conv *out, double *us)
{
    bench b = {.asked = s};
    struct {
        void **at;
        size_t bytes;
    } block[] = {{&b.x, count(s, 'x', s->c)},
                 {&b.w, count(s, 'w', s->c)},
                 {&b.y, count(s, 'y', 0)},
                 {&b.bias, count(s, 'b', 0)},
                 {&b.wide_x, count(s, 'x', s->c < 8 ? 8 : s->c)},
                 {&b.wide_w, count(s, 'w', s->c < 8 ? 8 : s->c)}};
    enum { BLOCKS = sizeof block / sizeof *block };
    bool ok = true;
    *us = 0;
    for (int i = 0; i < BLOCKS && ok; i++) ok = dev->vt->alloc(dev, block[i].bytes, block[i].at) == ANL_OK;
    for (int wide = 0; ok && wide <= (int)anl__dnn_conv_may_widen(s); wide++)
        for (int bias = s->bias; bias >= 0; bias--) {
            anl__dnn_shape t = *s;
            t.bias = bias != 0;
            t.relu = bias && s->relu;
            t.c = wide ? 8 : s->c;
            time_form(dev, &b, &t, out, us);
        }
    for (int i = 0; i < BLOCKS; i++)
        if (*block[i].at) dev->vt->free(dev, *block[i].at);
    return *us > 0;
}
