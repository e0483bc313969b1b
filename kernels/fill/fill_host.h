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
    *(float *)r->out[0] = ((const float *)r->in[0])[ANL__HYPER_LOSS_SCALE] * (float)anl__attr_float(&p->call, "weight");
    return ANL_OK;
}

#endif
