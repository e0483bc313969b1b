/* Optimizers; see optim.h. */
#include "optim.h"

#include "../graph/net.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {"sgd", "adam", "adamw", "rmsprop", "adagrad", "lamb"};
static const int moments[] = {1, 2, 2, 2, 1, 2};
enum { OPTIMIZERS = sizeof names / sizeof names[0] };

anl__optim_opts anl__optim_opts_default(void)
{
    return (anl__optim_opts){.name = "adam", .lr = 1e-3, .momentum = 0.9, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .rho = 0.99, .scale_min = 1, .scale_steps = 2000};
}

static int kind_of(const char *name)
{
    for (int i = 0; i < OPTIMIZERS; i++)
        if (!strcmp(names[i], name)) return i;
    return -1;
}

static anl_status within(anl_ctx *ctx, const char *key, double v, double low, double high)
{
    if (v >= low && v <= high) return ANL_OK; /* false for NaN */
    return anl__fail(ctx, ANL_RECIPE, "%s = %g is outside %g to %g", key, v, low, high);
}

anl_status anl__optim_check(anl_ctx *ctx, const anl__optim_opts *o)
{
    if (kind_of(o->name) < 0) {
        const char *near = anl__nearest(o->name, names, OPTIMIZERS);
        return anl__fail(ctx, ANL_RECIPE, "there is no optimizer '%s'%s%s%s", o->name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    ANL_TRY(within(ctx, "optim.lr", o->lr, 0, 1e6));
    ANL_TRY(within(ctx, "optim.momentum", o->momentum, 0, 1));
    ANL_TRY(within(ctx, "optim.dampening", o->dampening, 0, 1));
    ANL_TRY(within(ctx, "optim.beta1", o->beta1, 0, 0.9999999));
    ANL_TRY(within(ctx, "optim.beta2", o->beta2, 0, 0.9999999));
    ANL_TRY(within(ctx, "optim.rho", o->rho, 0, 1));
    ANL_TRY(within(ctx, "optim.eps", o->eps, 0, 1));
    ANL_TRY(within(ctx, "optim.weight_decay", o->weight_decay, 0, 1e6));
    ANL_TRY(within(ctx, "train.clip_norm", o->clip_norm, 0, 1e30));
    ANL_TRY(within(ctx, "train.clip_value", o->clip_value, 0, 1e30));
    ANL_TRY(within(ctx, "train.loss_scale_min", o->scale_min, 1e-6, ANL__SCALE_MOST));
    ANL_TRY(within(ctx, "train.loss_scale_steps", (double)o->scale_steps, 0, 10000000));
    ANL_TRY(within(ctx, "train.loss_scale", o->loss_scale, o->loss_scale != 0 ? o->scale_min : 0, ANL__SCALE_MOST));
    ANL_TRY(within(ctx, "train.ema", o->ema, 0, 0.9999999));
    if (o->nesterov && (o->momentum == 0 || o->dampening != 0))
        return anl__fail(ctx, ANL_RECIPE, "optim.nesterov needs optim.momentum above 0 and optim.dampening 0 (they are %g and %g)", o->momentum, o->dampening);
    return ANL_OK;
}

int anl__optim_moments(const anl__optim_opts *o)
{
    int k = kind_of(o->name);
    return k < 0 ? 0 : moments[k];
}

/* Nothing for a frozen parameter. */
static void set_rate(anl_net *net, const anl__rate *r)
{
    for (int i = 0; i < net->n_segment; i++)
        if (!strcmp(net->segment[i].name, r->name)) net->segment[i].rate = (float)r->factor;
}

anl_status anl__optim_compile(anl_net *net, const anl__optim_opts *o, anl_program **out)
{
    anl_ctx *ctx = net->ctx;
    anl_graph *g;
    ANL_TRY(anl__optim_check(ctx, o));
    ANL_TRY(anl_net_layout(net));
    if (net->param.n && !net->n_segment)
        return anl__fail(ctx, ANL_RECIPE, "every parameter is frozen (train.freeze): nothing is left to train");
    for (int i = 0; o->decay_all && i < net->n_segment; i++) net->segment[i].decay = 1;
    for (int i = 0; i < o->rates; i++) set_rate(net, &o->rate[i]);
    ANL_TRY(anl_graph_create(ctx, ANL_TRAIN, net->elem, &g));
    anl_value param = anl__graph_slab(g, net, ANL_SLAB_PARAM), grad = anl__graph_slab(g, net, ANL_SLAB_GRAD0), hyper = anl__graph_hyper(g);
    anl_value stats_in[5] = {grad, anl__graph_sum(g, net, "loss.den"), hyper};
    bool scaled = o->loss_scale > 0;
    if (scaled) {
        stats_in[3] = anl__graph_scale(g);
        stats_in[4] = anl__graph_sum(g, net, "loss.num");
    }
    anl_value stat = anl_node(g, "grad_stats", "grad_stats", stats_in, scaled ? 5 : 3, "scale_min=%.9g", scaled ? o->scale_min : 0);
    anl_value in[6] = {param, grad, stat, hyper};
    int n = 4;
    for (int m = 0; m < anl__optim_moments(o); m++) in[n++] = anl__graph_slab(g, net, (anl_slab)(ANL_SLAB_MOMENT0 + m));
    anl_node(g, o->name, "update", in, n, NULL);
    if (o->ema > 0) {
        anl_value ema_in[4] = {anl__graph_slab(g, net, ANL_SLAB_EMA), param, stat, hyper};
        anl_node(g, "ema", "ema", ema_in, 4, NULL);
    }
    anl__graph_running(g, net);
    if (scaled)
        anl_node(g, "loss_scale", "loss_scale", (anl_value[2]){stats_in[3], stat}, 2, "steps=%lld min=%.9g max=%.9g", (long long)o->scale_steps, o->scale_min, ANL__SCALE_MOST);
    anl_output(g, "stat", stat);
    anl_compile_opts opts = {.plan = true};
    return anl__context(ctx, anl_program_compile(net, g, &opts, out), "update program");
}

void anl__optim_hyper(const anl__optim_opts *o, double lr, int64_t step, float h[ANL_HYPER_WORDS])
{
    memset(h, 0, sizeof(float) * ANL_HYPER_WORDS);
    h[ANL__HYPER_LR] = (float)lr;
    h[ANL__HYPER_LOSS_SCALE] = 1;
    h[ANL__HYPER_CLIP_NORM] = (float)o->clip_norm;
    h[ANL__HYPER_CLIP_VALUE] = (float)o->clip_value;
    h[ANL__HYPER_WEIGHT_DECAY] = (float)o->weight_decay;
    h[ANL__HYPER_MOMENTUM] = (float)o->momentum;
    h[ANL__HYPER_NESTEROV] = o->nesterov;
    h[ANL__HYPER_BETA1] = (float)o->beta1;
    h[ANL__HYPER_BETA2] = (float)o->beta2;
    h[ANL__HYPER_EPS] = (float)o->eps;
    h[ANL__HYPER_RHO] = (float)o->rho;
    h[ANL__HYPER_STEP] = (float)step;
    h[ANL__HYPER_BIAS1] = (float)(1 - pow(o->beta1, (double)step));
    h[ANL__HYPER_BIAS2] = (float)(1 - pow(o->beta2, (double)step));
    /* The averages follow quickly at first: min(decay, (1 + t) / (10 + t)), as in TensorFlow's ExponentialMovingAverage. */
    double warm = (1.0 + (double)step) / (10.0 + (double)step);
    h[ANL__HYPER_EMA_DECAY] = (float)(o->ema < warm ? o->ema : warm);
    h[ANL__HYPER_DAMPENING] = (float)o->dampening;
}
