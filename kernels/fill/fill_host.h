/* fill and loss_seed for devices whose memory the host writes. */
#ifndef ANL_FILL_HOST_H
#define ANL_FILL_HOST_H

#include "op.h"

static anl_status anl__fill_run(const anl__prepared *p, const anl__run *r)
{
    double value = anl__attr_float(&p->call, "value");
    if (p->call.out[0].dtype == ANL_F64) *(double *)r->out[0] = value;
    else *(float *)r->out[0] = (float)value;
    return ANL_OK;
}

static anl_status anl__loss_seed_run(const anl__prepared *p, const anl__run *r)
{
    float scale = anl__has_in(&p->call, 3) ? ((const float *)r->in[3])[ANL__SCALE_NOW] : 1, seed = ((const float *)r->in[0])[ANL__HYPER_LOSS_SCALE] * scale * (float)anl__attr_float(&p->call, "weight");
    if (anl__has_in(&p->call, 1)) {
        bool wide = p->call.in[1].dtype == ANL_F64;
        double first = wide ? *(const double *)r->in[1] : (double)*(const float *)r->in[1];
        double own = wide ? *(const double *)r->in[2] : (double)*(const float *)r->in[2];
        seed *= own > 0 ? (float)(first / own) : 0; /* nothing counted: nothing to learn */
    }
    *(float *)r->out[0] = seed;
    return ANL_OK;
}

#endif
