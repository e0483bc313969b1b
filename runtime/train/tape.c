/* The tape and the ring; see tape.h. */
#include "tape.h"

#include "../graph/net.h"

#include <string.h>

/* Words of a row: the scalars as they lie in the net, from the rng block to the end of the hyper block. */
enum { HYPER_AT = ANL__SCALAR_HYPER / 4, WORDS = HYPER_AT + ANL_HYPER_WORDS, RING_ROWS = ANL__TAPE_ROWS + 1 };

static int64_t sum_at(const anl_net *net, const char *name)
{
    int i = anl__registry_find(&net->sum, name);
    return i < 0 ? -1 : net->sum.entry[i].offset;
}

static anl_status compile_begin(anl__tape *t)
{
    anl_graph *g;
    const int64_t tape[1] = {ANL__TAPE_HEAD + (int64_t)ANL__TAPE_ROWS * WORDS}, words[1] = {WORDS};
    ANL_TRY(anl_graph_create(t->net->ctx, ANL_TRAIN, ANL_F32, &g));
    anl_value in[2] = {anl_input(g, "tape", ANL_I32, 1, tape), anl_input(g, "scalars", ANL_I32, 1, words)};
    anl_node(g, "step_begin", "step_begin", in, 2, NULL);
    anl_compile_opts opts = {.plan = true};
    return anl_program_compile(t->net, g, &opts, &t->begin);
}

/* row -1: by the step. */
static anl_status compile_end(anl__tape *t, int row, bool stat, bool scaled, anl_program **out)
{
    anl_net *net = t->net;
    anl_graph *g;
    const int64_t ring[1] = {RING_ROWS * ANL__RING_WORDS}, four[1] = {4};
    ANL_TRY(anl_graph_create(net->ctx, ANL_TRAIN, ANL_F32, &g));
    anl_value in[4] = {anl_input(g, "grad", ANL_F32, 1, &net->grad_count), anl_input(g, "ring", ANL_F32, 1, ring), ANL_NONE, scaled ? anl__graph_scale(g) : ANL_NONE};
    if (stat) in[2] = anl_input(g, "stat", ANL_F32, 1, four);
    anl_node(g, "step_end", "step_end", in, 4, "num=%lld den=%lld correct=%lld row=%d", (long long)sum_at(net, "loss.num"), (long long)sum_at(net, "loss.den"),
             (long long)sum_at(net, "correct"), row);
    anl_compile_opts opts = {.plan = true};
    return anl_program_compile(net, g, &opts, out);
}

anl_status anl__tape_compile(anl__tape *t, anl_net *net, bool taped, bool training, bool scaled)
{
    *t = (anl__tape){.net = net};
    ANL_TRY(anl_net_layout(net));
    if (!net->grad_count) return ANL_OK; /* nothing is summed: there is nothing to give */
    if (training && taped) {
        t->host = anl__calloc(net->ctx, ANL__TAPE_HEAD + ANL__TAPE_ROWS * WORDS, sizeof *t->host);
        if (!t->host) return ANL_NOMEM;
        ANL_TRY(compile_begin(t));
    }
    if (training) ANL_TRY(compile_end(t, -1, true, scaled, &t->end));
    return compile_end(t, ANL__TAPE_ROWS, false, false, &t->eval_end);
}

anl_status anl__tape_open(anl__tape *t, int64_t rows)
{
    anl_device *dev = t->net->device;
    ANL_TRY(dev->vt->alloc(dev, sizeof(float) * RING_ROWS * ANL__RING_WORDS, &t->ring));
    if (!t->host) return ANL_OK;
    ANL_TRY(dev->vt->alloc(dev, (ANL__TAPE_HEAD + ANL__TAPE_ROWS * WORDS) * sizeof *t->host, &t->tape));
    ANL_TRY(dev->vt->alloc(dev, (size_t)rows * sizeof(int32_t), &t->starts));
    int32_t *count = anl__calloc(t->net->ctx, (size_t)rows, sizeof *count);
    if (!count) return ANL_NOMEM;
    for (int64_t i = 0; i < rows; i++) count[i] = (int32_t)i;
    anl_status st = dev->vt->upload(dev, t->starts, count, (size_t)rows * sizeof *count);
    anl__free(t->net->ctx, count);
    return st;
}

void anl__tape_release(anl__tape *t)
{
    if (!t->net) return;
    anl_device *dev = t->net->device;
    if (t->tape) dev->vt->free(dev, t->tape);
    if (t->ring) dev->vt->free(dev, t->ring);
    if (t->starts) dev->vt->free(dev, t->starts);
    anl__free(t->net->ctx, t->host);
    *t = (anl__tape){0};
}

void anl__tape_set(anl__tape *t, int i, const anl__tape_row *row)
{
    int32_t *at = t->host + ANL__TAPE_HEAD + i * WORDS;
    memcpy(at, row->rng, sizeof row->rng);
    memcpy(at + HYPER_AT, row->hyper, sizeof row->hyper);
}

anl_status anl__tape_write(anl__tape *t, int n)
{
    anl_device *dev = t->net->device;
    t->host[0] = 0;
    return dev->vt->upload(dev, t->tape, t->host, (size_t)(ANL__TAPE_HEAD + n * WORDS) * sizeof *t->host);
}

anl_status anl__tape_begin(const anl__tape *t)
{
    anl_bind bind = {.input = {t->tape, t->net->scalar}};
    return anl_program_run(t->begin, &bind);
}

anl_status anl__tape_sample(const anl__tape *t, int64_t sample0)
{
    anl_device *dev = t->net->device;
    if (!sample0) return ANL_OK; /* the row says so */
    return dev->vt->copy(dev, (int32_t *)t->net->scalar + ANL__RNG_SAMPLE0, (const int32_t *)t->starts + sample0, sizeof(int32_t));
}

anl_status anl__tape_end(const anl__tape *t, const void *stat, int root)
{
    anl_bind bind = {.input = {t->net->slab[ANL_SLAB_GRAD0 + root], t->ring, stat}};
    return anl_program_run(t->end, &bind);
}

static anl_status rows(const anl__tape *t, int64_t at, int n, float (*out)[ANL__RING_WORDS])
{
    anl_device *dev = t->net->device;
    return dev->vt->download(dev, out, (const float *)t->ring + at * ANL__RING_WORDS, (size_t)n * sizeof *out);
}

anl_status anl__tape_results(const anl__tape *t, int64_t first, int n, float (*out)[ANL__RING_WORDS])
{
    int64_t at = first % ANL__TAPE_ROWS;
    int before = at + n > ANL__TAPE_ROWS ? (int)(ANL__TAPE_ROWS - at) : n;
    ANL_TRY(rows(t, at, before, out));
    return before < n ? rows(t, 0, n - before, out + before) : ANL_OK;
}

anl_status anl__tape_eval(const anl__tape *t, float out[ANL__RING_WORDS])
{
    memset(out, 0, sizeof(float) * ANL__RING_WORDS);
    if (!t->eval_end) return ANL_OK;
    anl_bind bind = {.input = {t->net->slab[ANL_SLAB_GRAD0], t->ring}};
    ANL_TRY(anl_program_run(t->eval_end, &bind));
    return rows(t, ANL__TAPE_ROWS, 1, (float (*)[ANL__RING_WORDS])out);
}
