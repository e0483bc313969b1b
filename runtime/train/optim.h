/* Optimizers: options, the update program, the hyper block of a step. Formulas: kernels/optimizer. */
#ifndef ANL_OPTIM_H
#define ANL_OPTIM_H

#include "../base/base.h"

typedef struct anl__rate { /* of one parameter */
    const char *name;
    double factor; /* on the learning rate */
} anl__rate;

typedef struct anl__optim_opts {
    const char *name; /* sgd, adam, adamw, rmsprop, adagrad, lamb */
    double lr, momentum, dampening, beta1, beta2, eps, rho, weight_decay;
    bool nesterov;
    bool decay_all;   /* weight decay on biases and norms too */
    double clip_norm, clip_value; /* 0: none */
    double ema;       /* decay of the averaged parameters; 0: none */
    /* fp16: gradients are made loss_scale times as large (0: there is no scale). It halves with each step that overflows, which is left out, down to scale_min, and
       doubles after scale_steps good ones in a row (0: never), up to ANL__SCALE_MOST. */
    double loss_scale, scale_min;
    int64_t scale_steps;
    const anl__rate *rate; /* [rates]; parameters without one have 1. Borrowed while the program is compiled */
    int rates;
} anl__optim_opts;
#define ANL__SCALE_MOST 16777216.0 /* 2^24 */
anl__optim_opts anl__optim_opts_default(void); /* adam, 1e-3 */

anl_status anl__optim_check(anl_ctx *ctx, const anl__optim_opts *o) ANL_MUST;
int anl__optim_moments(const anl__optim_opts *o); /* slabs */

/* Compiles grad_stats, the update, the averaging and the running statistics over a net whose layout is fixed. Output
   "stat" f32: finite (1 or 0), factor, norm of the averaged gradient, whether a smaller loss scale may help (op.h); and what is the operators' own. */
anl_status anl__optim_compile(anl_net *net, const anl__optim_opts *o, anl_program **out) ANL_MUST;

/* step counts from 1; lr is this step's. */
void anl__optim_hyper(const anl__optim_opts *o, double lr, int64_t step, float hyper[ANL_HYPER_WORDS]);

#endif
