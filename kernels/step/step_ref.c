/* The ends of a step on host memory, for the reference and the cpu device. */
#ifndef T
#include "kernels/common/ref.h"

/* Kept by a prepared step_end: where parameters begin, and where the last ends. */
typedef struct places { int64_t n, end, begin[]; } places;

static anl_status end_prepare(const anl__env *env, anl__prepared *p)
{
    places *s = anl__alloc(env->ctx, sizeof *s + sizeof s->begin[0] * (size_t)(env->n_segments + 1));
    if (!s) return ANL_NOMEM;
    s->n = env->n_segments;
    s->end = anl_shape_count(&p->call.in[0].shape);
    for (int k = 0; k < env->n_segments; k++) {
        s->begin[k] = env->segment[k].offset;
        if (k == env->n_segments - 1 && s->begin[k] + env->segment[k].count < s->end) s->end = s->begin[k] + env->segment[k].count;
    }
    p->state = s;
    return ANL_OK;
}

static void end_release(anl_ctx *ctx, anl__prepared *p)
{
    anl__free(ctx, p->state);
    p->state = NULL;
}

static anl_status begin_run(const anl__prepared *p, const anl__run *r)
{
    int32_t *tape = r->in[0];
    int64_t words = anl_shape_count(&p->call.in[1].shape);
    memcpy(r->in[1], tape + ANL__TAPE_HEAD + tape[0] * words, (size_t)words * sizeof *tape);
    tape[0]++;
    return ANL_OK;
}

static anl_status keep_run(const anl__prepared *p, const anl__run *r)
{
    const float *f = r->in[0];
    const double *d = r->in[0];
    bool sound = p->call.in[0].dtype == ANL_F64 ? d[ANL__STAT_FINITE] != 0 || d[ANL__STAT_OVERFLOW] != 0 : f[ANL__STAT_FINITE] != 0 || f[ANL__STAT_OVERFLOW] != 0;
    if (sound) memcpy(r->in[2], r->in[1], (size_t)anl_shape_count(&p->call.in[1].shape) * anl_dtype_size(p->call.in[1].dtype));
    return ANL_OK;
}

#define ANL__REF_FILE "kernels/step/step_ref.c"
#include "kernels/common/ref_twice.h"

static anl_status end_run(const anl__prepared *p, const anl__run *r)
{
    if (anl__ref_is_f64(&p->call)) end_f64(p, r);
    else end_f32(p, r);
    return ANL_OK;
}

static const anl__kernel begin = {.op = "step_begin", .device = "reference", .name = "step_begin/ref", .run = begin_run};
static const anl__kernel end = {.op = "step_end", .device = "reference", .name = "step_end/ref", .prepare = end_prepare, .run = end_run, .release = end_release};
static const anl__kernel keep = {.op = "step_keep", .device = "reference", .name = "step_keep/ref", .run = keep_run};
const anl__kernel *const anl__kernels_step_ref[] = {&begin, &end, &keep, NULL};
#else
static void FN(end)(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    const places *s = p->state;
    const T *grad = r->in[0], *stat = r->in[2], *scale = r->in[3];
    int64_t rows = anl_shape_count(&c->in[1].shape) / ANL__RING_WORDS, at = anl__attr_int(c, "row");
    if (at < 0) at = (uint32_t)((const int32_t *)r->in[4])[ANL__RNG_STEP] % (rows - 1);
    T *row = (T *)r->in[1] + at * ANL__RING_WORDS;
    static const char *const place[] = {"num", "den", "correct"};
    for (int i = 0; i < 3; i++) {
        int64_t k = anl__attr_int(c, place[i]);
        row[ANL__RING_NUM + i] = k < 0 ? 0 : grad[k];
    }
    row[ANL__RING_FINITE] = !stat || stat[ANL__STAT_FINITE] != 0;
    row[ANL__RING_NORM] = stat ? stat[ANL__STAT_NORM] : 0;
    row[ANL__RING_BAD] = -1;
    row[ANL__RING_OVERFLOW] = stat ? stat[ANL__STAT_OVERFLOW] : 0;
    row[ANL__RING_SCALE] = scale ? scale[ANL__SCALE_NOW] : 0;
    if (row[ANL__RING_FINITE] != 0) return;
    int64_t i = 0, k = 0;
    while (i < s->end && isfinite(grad[i])) i++;
    if (i == s->end) return;
    while (k + 1 < s->n && s->begin[k + 1] <= i) k++;
    row[ANL__RING_BAD] = (T)k;
}
#endif
