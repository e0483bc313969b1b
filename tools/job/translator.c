/* See translator.h. */
#include "translator.h"

#include "models/sequence.h"
#include "runtime/device.h"
#include "runtime/train/staging.h"
#include "tools/decode/beam.h"

#include <stdio.h>
#include <string.h>

enum { GIVEN, LENGTH, FIRST_KEPT, MOST_KEPT = ANL_MAX_INPUTS - FIRST_KEPT };

/* What goes from the reading program to the step, or from step to step: memory (S,n,C) and keys stay, states (n,C) change. */
typedef struct kept {
    const char *name;
    bool stays;
    int64_t outer; /* S; 1 for a state */
    size_t row;    /* bytes of one row */
    char *read;    /* [outer, texts] rows, of the reading program */
    char *now, *next; /* [outer, ROWS] rows */
} kept;

struct translator {
    anl_ctx *ctx;
    job *job;
    int beam;
    int64_t steps, longest, texts;
    anl_net *net;
    anl_device *device; /* the trainer's */
    anl_program *read, *step;
    anl__staging staging;
    kept kept[MOST_KEPT];
    int n_kept;
    int32_t *source, *length, *given; /* [texts, steps], [ROWS], [ROWS] */
};

int64_t translator_texts(const translator *t) { return t->texts; }
int64_t translator_longest(const translator *t) { return t->longest; }

/* ---- opening --------------------------------------------------------------------------------- */

typedef void (*build_fn)(anl_graph *g, const anl_model_opts *o, int64_t n, int64_t steps);

static anl_status compile(translator *t, build_fn build, int64_t rows, anl_program **out)
{
    anl_graph *g;
    ANL_TRY(anl_graph_create(t->ctx, ANL_EVAL, ANL_F32, &g));
    build(g, &t->job->model, rows, t->steps);
    return anl_program_compile(t->net, g, NULL, out);
}

static anl_status copy_parameters(translator *t)
{
    anl_net *from = anl__trainer_net(t->job->trainer);
    for (int i = 0; i < anl_net_param_count(t->net); i++) {
        anl_tensor_info to = anl_net_param(t->net, i), have = {0};
        for (int k = 0; k < anl_net_param_count(from) && !have.name; k++)
            if (!strcmp(anl_net_param(from, k).name, to.name)) have = anl_net_param(from, k);
        ANL_CHECK_INTERNAL(t->ctx, have.name && have.count == to.count);
        float *values = anl__alloc(t->ctx, (size_t)to.count * sizeof *values);
        if (!values) return ANL_NOMEM;
        anl_status st = anl_net_slab_read(from, ANL_SLAB_PARAM, have.offset, have.count, values);
        if (st == ANL_OK) st = anl_net_slab_write(t->net, ANL_SLAB_PARAM, to.offset, to.count, values);
        anl__free(t->ctx, values);
        ANL_TRY(st);
    }
    return ANL_OK;
}

/* What the reading program gives is what the step takes, in the order of the step's inputs. */
static anl_status find_kept(translator *t)
{
    static const char *const names[] = {"memory", "keys", "h0", "c0", "h1", "c1", "h2", "c2", "h3", "c3", "h4", "c4", "h5", "c5", "h6", "c6", "h7", "c7"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        anl_shape s;
        if (!anl_program_output(t->read, names[i], NULL, &s)) continue;
        if (t->n_kept == MOST_KEPT) return anl__fail(t->ctx, ANL_UNSUPPORTED, "a decoder of so many layers cannot be asked for answers");
        kept *k = &t->kept[t->n_kept++];
        *k = (kept){.name = names[i], .stays = i < 2, .outer = i < 2 ? t->steps : 1, .row = (size_t)s.dim[s.rank - 1] * sizeof(float)};
        k->read = anl__calloc(t->ctx, (size_t)(k->outer * t->texts), k->row);
        k->now = anl__calloc(t->ctx, (size_t)(k->outer * TRANSLATOR_ROWS), k->row);
        if (!k->read || !k->now || (!k->stays && !(k->next = anl__calloc(t->ctx, TRANSLATOR_ROWS, k->row)))) return ANL_NOMEM;
    }
    return ANL_OK;
}

static anl_status open(translator *t)
{
    ANL_TRY(anl_net_create(t->device, &t->net));
    ANL_TRY(compile(t, anl__seq2seq_read, t->texts, &t->read));
    ANL_TRY(compile(t, anl__seq2seq_step, TRANSLATOR_ROWS, &t->step));
    ANL_TRY(anl_net_finish(t->net, 0, 0, false));
    ANL_TRY(copy_parameters(t));
    ANL_TRY(anl__staging_room(&t->staging, t->device, t->read, 1));
    ANL_TRY(anl__staging_room(&t->staging, t->device, t->step, 1));
    t->source = anl__calloc(t->ctx, (size_t)(t->texts * t->steps), sizeof *t->source);
    t->length = anl__calloc(t->ctx, TRANSLATOR_ROWS, sizeof *t->length);
    t->given = anl__calloc(t->ctx, TRANSLATOR_ROWS, sizeof *t->given);
    return t->source && t->length && t->given ? find_kept(t) : ANL_NOMEM;
}

anl_status translator_create(job *j, int64_t steps, int beam, translator **out)
{
    const job_sequence *s = j->sequence;
    if (beam < 1 || beam > TRANSLATOR_ROWS) return anl__fail(j->ctx, ANL_INVALID, "a beam of %d: 1 to %d", beam, TRANSLATOR_ROWS);
    translator *t = anl__calloc(j->ctx, 1, sizeof *t);
    if (!t) return ANL_NOMEM;
    t->ctx = j->ctx;
    t->job = j;
    t->beam = beam;
    t->steps = steps;
    t->texts = TRANSLATOR_ROWS / beam;
    for (int v = 0; v < s->buckets.n; v++) t->longest = s->length[v][1] > t->longest ? s->length[v][1] : t->longest;
    t->device = anl__trainer_device(j->trainer);
    anl_status st = open(t);
    if (st == ANL_OK) *out = t;
    else translator_destroy(t);
    return st;
}

void translator_destroy(translator *t)
{
    if (!t) return;
    for (int i = 0; i < t->n_kept; i++) {
        anl__free(t->ctx, t->kept[i].read);
        anl__free(t->ctx, t->kept[i].now);
        anl__free(t->ctx, t->kept[i].next);
    }
    anl__free(t->ctx, t->source);
    anl__free(t->ctx, t->length);
    anl__free(t->ctx, t->given);
    anl__staging_release(&t->staging);
    anl_net_destroy(t->net);
    anl__free(t->ctx, t);
}

/* ---- answering ------------------------------------------------------------------------------- */

static anl_status fetch(translator *t, const anl_program *p, const char *name, void *to, size_t bytes)
{
    const void *at = anl_program_output(p, name, NULL, NULL);
    ANL_CHECK_INTERNAL(t->ctx, at);
    return t->device->vt->download(t->device, to, at, bytes);
}

/* A text's row becomes one for each of its hypotheses. */
static void spread(const translator *t, kept *k)
{
    for (int64_t o = 0; o < k->outer; o++)
        for (int64_t r = 0; r < t->texts * t->beam; r++)
            memcpy(k->now + (size_t)(o * TRANSLATOR_ROWS + r) * k->row, k->read + (size_t)(o * t->texts + r / t->beam) * k->row, k->row);
}

static anl_status read_sources(translator *t, const anl__ids *source, int64_t n)
{
    int32_t length[TRANSLATOR_ROWS];
    anl_bind bind = {.input = {t->source, length}};
    for (int64_t i = 0; i < t->texts; i++) {
        const anl__ids *s = i < n ? &source[i] : &source[0]; /* rows that nobody asked for read anything */
        ANL_CHECK_INTERNAL(t->ctx, s->n >= 1 && s->n <= t->steps);
        length[i] = (int32_t)s->n;
        for (int64_t k = 0; k < t->steps; k++) t->source[i * t->steps + k] = k < s->n ? s->id[k] : -1;
        for (int h = 0; h < t->beam; h++) t->length[i * t->beam + h] = (int32_t)s->n;
    }
    ANL_TRY(anl__staging_fill(&t->staging, t->read, 0, &bind));
    ANL_TRY(anl_program_run(t->read, &bind));
    for (int i = 0; i < t->n_kept; i++) {
        kept *k = &t->kept[i];
        ANL_TRY(fetch(t, t->read, k->name, k->read, (size_t)(k->outer * t->texts) * k->row));
        spread(t, k);
    }
    return ANL_OK;
}

/* States follow their hypotheses. */
static void follow(translator *t, const int64_t *from, int64_t rows)
{
    for (int i = 0; i < t->n_kept; i++) {
        kept *k = &t->kept[i];
        if (k->stays) continue;
        for (int64_t r = 0; r < rows; r++) memcpy(k->now + (size_t)r * k->row, k->next + (size_t)from[r] * k->row, k->row);
    }
}

static anl_status score(void *self, const int32_t *prefix, const int64_t *from, int64_t rows, int length, float *logits)
{
    translator *t = self;
    anl_bind bind = {.input = {[GIVEN] = t->given, [LENGTH] = t->length}};
    if (length > 1) follow(t, from, rows);
    for (int64_t r = 0; r < TRANSLATOR_ROWS; r++) t->given[r] = r < rows ? prefix[r * (t->longest + 1) + length - 1] : -1;
    for (int i = 0; i < t->n_kept; i++) bind.input[FIRST_KEPT + i] = t->kept[i].now;
    ANL_TRY(anl__staging_fill(&t->staging, t->step, 0, &bind));
    ANL_TRY(anl_program_run(t->step, &bind));
    for (int i = 0; i < t->n_kept; i++)
        if (!t->kept[i].stays) ANL_TRY(fetch(t, t->step, t->kept[i].name, t->kept[i].next, TRANSLATOR_ROWS * t->kept[i].row));
    return fetch(t, t->step, "logits", logits, (size_t)(rows * t->job->model.seq.target_vocabulary) * sizeof *logits);
}

anl_status translator_run(translator *t, const anl__ids *source, int64_t n, int32_t *answer, double *log_probability)
{
    const anl__tokens *k = t->job->sequence->tokens[1];
    beam_opts o = {.beam = t->beam, .longest = (int)t->longest, .begin = anl__tokens_bos(k), .end = anl__tokens_eos(k), .vocabulary = t->job->model.seq.target_vocabulary, .length_power = 1};
    ANL_CHECK_INTERNAL(t->ctx, n >= 1 && n <= t->texts);
    ANL_TRY(read_sources(t, source, n));
    return beam_search(t->ctx, &o, n, score, t, answer, log_probability);
}
