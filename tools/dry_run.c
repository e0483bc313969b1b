/* See dry_run.h. */
#include "dry_run.h"

#include "runtime/graph/net.h"
#include "runtime/train/capture.h"
#include "tools/job/job_sequence.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Parameters of a layer: those whose names begin with its name and a dot. */
static int64_t params_of(const anl_net *net, const char *layer)
{
    size_t n = strlen(layer);
    int64_t sum = 0;
    for (int64_t i = 0; i < net->param.n; i++)
        if (!strncmp(net->param.entry[i].name, layer, n) && net->param.entry[i].name[n] == '.') sum += net->param.entry[i].count;
    return sum;
}

static void print_model(const anl_program *p)
{
    const anl_net *net = p->net;
    char shape[96];
    double macs = 0;
    printf("%-32s %-24s %-20s %12s %14s\n", "layer", "operator", "output", "parameters", "MACs");
    for (int s = 0; s < p->n_step; s++) {
        const anl__step *t = &p->step[s];
        const anl__call *c = &t->prep.call;
        if (t->backward || !c->n_out) continue;
        bool first = true;
        for (int q = 0; q < s; q++) first &= strcmp(p->step[q].name, t->name) != 0;
        int64_t n = first ? params_of(net, t->name) : 0;
        double mac = c->op->flops ? c->op->flops(c) / 2 : 0;
        printf("%-32s %-24s %-20s %12lld %14.0f\n", t->name, c->op->name, anl__shape_text(&c->out[0].shape, shape), (long long)n, mac);
        macs += mac;
    }
    int64_t all = 0, frozen = 0;
    for (int64_t i = 0; i < net->param.n; i++) {
        all += net->param.entry[i].count;
        if (net->param.entry[i].flags & ANL_PARAM_FROZEN) frozen += net->param.entry[i].count;
    }
    printf("%-32s %-24s %-20s %12lld %14.0f\n", "total", "", "", (long long)all, macs);
    if (frozen) printf("%-32s %-24s %-20s %12lld\n", "of which train", "", "", (long long)(all - frozen));
}

static void print_memory(anl_net *net, anl_program *p)
{
    anl_program_stats s;
    size_t slabs = 0, params = (size_t)anl_net_slab_count(net, ANL_SLAB_PARAM) * sizeof(float);
    anl_program_get_stats(p, &s);
    for (int i = 0; i < ANL_SLAB_COUNT; i++) slabs += (size_t)anl_net_slab_count(net, (anl_slab)i) * sizeof(float);
    printf("\nmemory of the device, bytes\n");
    printf("  %14zu  activations (one arena; %zu alive at once at least, %zu without sharing)\n", net->arena_bytes, s.live_peak_bytes, s.sum_bytes);
    printf("  %14zu  parameters, gradients, moments, averages, buffers (parameters alone: %zu)\n", slabs, params);
    printf("  %14zu  parameters packed for kernels\n", net->derived_bytes);
    printf("  %14zu  in all\n\n", net->arena_bytes + slabs + net->derived_bytes);
}

/* Sequences of many lengths: what they are padded to. */
static void print_lengths(const job *j)
{
    const anl__sequence_loader *l = j->part[JOB_TRAIN].sequence;
    if (!l || j->sequence->buckets.n < 2) return;
    printf("%lld sequences to train on, padded to", (long long)j->part[JOB_TRAIN].feed.samples);
    for (int v = 0; v < j->sequence->buckets.n; v++) {
        const int64_t *most = j->sequence->buckets.most[v];
        printf(most[1] ? "%s %lld x %lld" : "%s %lld", v ? "," : "", (long long)most[0], (long long)most[1]);
    }
    printf(" steps: %.1f %% of all steps are padding\n\n", 100 * anl__sequence_loader_padding(l));
}

static anl_status one_batch(job *j, job_part part, anl__feed_batch *b)
{
    const anl__feed *f = &j->part[part].feed;
    ANL_TRY(f->start(f->self, 0, 0));
    return f->next(f->self, b);
}

/* Takes a checkpoint, changes every weight, resumes, and compares. */
static anl_status through_a_file(job *j, const anl__loop_opts *loop)
{
    anl_net *net = anl__trainer_net(j->trainer);
    anl__capture *capture = NULL;
    anl__ckpt *back = NULL;
    const char *tmp = anl__environment("TMPDIR");
    char path[600];
    int64_t n = anl_net_slab_count(net, ANL_SLAB_PARAM);
    float *before = anl__calloc(j->ctx, 2 * (size_t)n + 1, sizeof *before), *after = before + n;
    anl__ckpt_content c = {.step = 1, .attr = loop->extra_attr, .n_attr = loop->n_extra_attr};
    anl_status st = before ? ANL_OK : ANL_NOMEM;
    snprintf(path, sizeof path, "%.500s/anneal-dry-run-%ld.h5", tmp ? tmp : "/tmp", (long)getpid());
    if (st != ANL_OK) goto done;
    ANL_GO(anl_net_slab_read(net, ANL_SLAB_PARAM, 0, n, before));
    ANL_GO(anl__capture_create(j->ctx, j->trainer, loop->extra_tensor, loop->n_extra_tensor, &capture));
    ANL_GO(anl__capture_take(capture, &c.tensor, &c.n_tensor));
    ANL_GO(anl__ckpt_write(j->ctx, path, &c));
    ANL_GO(anl_net_slab_write(net, ANL_SLAB_PARAM, 0, n, after)); /* zeros */
    ANL_GO(anl__ckpt_open(j->ctx, path, &back));
    ANL_GO(anl__capture_restore(j->trainer, back, true, false));
    ANL_GO(anl_net_slab_read(net, ANL_SLAB_PARAM, 0, n, after));
    if (memcmp(before, after, (size_t)n * sizeof *before)) st = anl__fail(j->ctx, ANL_INTERNAL, "the weights that came back from %s are not those that were written", path);
done:
    unlink(path);
    anl__ckpt_close(back);
    anl__capture_destroy(capture);
    anl__free(j->ctx, before);
    return st;
}

anl_status dry_run(job *j, const anl__loop_opts *loop)
{
    anl_program *p = anl__trainer_program(j->trainer, ANL_TRAIN);
    anl__feed_batch b = {0};
    anl__step_result r;
    print_model(p);
    print_memory(anl__trainer_net(j->trainer), p);
    print_lengths(j);
    ANL_TRY(one_batch(j, JOB_TRAIN, &b));
    anl_status st = anl__trainer_step(j->trainer, &b, 1, 0, loop->lr, &r);
    loop->train.release(loop->train.self, &b);
    ANL_TRY(st);
    printf("train       one batch of %lld: loss %.5f, gradient norm %.5g%s\n", (long long)b.n, r.loss_num / r.loss_den, r.norm, r.finite ? "" : r.overflow ? ", too large for fp16: the loss scale halves" : "  NOT FINITE");
    job_part part = j->part[JOB_VALID].feed.samples ? JOB_VALID : JOB_TEST;
    if (j->part[part].feed.samples) {
        anl__eval_result e;
        ANL_TRY(one_batch(j, part, &b));
        st = anl__trainer_eval(j->trainer, &b, loop->ema, &e);
        j->part[part].feed.release(j->part[part].feed.self, &b);
        ANL_TRY(st);
        printf("eval        one batch of %lld: loss %.5f\n", (long long)b.n, e.loss_num / e.loss_den);
    }
    ANL_TRY(through_a_file(j, loop));
    printf("checkpoint  written, verified, resumed: the same weights\n");
    return r.finite || r.overflow ? ANL_OK : anl__fail(j->ctx, ANL_NONFINITE, "the first step is not finite");
}
