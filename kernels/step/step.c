/* The ends of a step, so that many steps can follow each other on a device without the host: step_begin takes the scalars of the next step
 * from the tape, step_end puts what the step gave into the ring, step_keep keeps a result only if the step was finite (states that are
 * carried from batch to batch; forward, an overflow under a loss scale is sound). Tape, ring and verdict: op.h. */
#include "op.h"

static anl_status infer_begin(anl_ctx *ctx, anl__call *c)
{
    int64_t tape = anl_shape_count(&c->in[0].shape) - ANL__TAPE_HEAD, row = anl_shape_count(&c->in[1].shape);
    if (c->in[0].dtype != ANL_I32 || c->in[1].dtype != ANL_I32 || row < 1 || tape < row || tape % row)
        return anl__fail(ctx, ANL_SHAPE, "a tape of %lld words has no rows of %lld behind its %d", (long long)(tape + ANL__TAPE_HEAD), (long long)row, ANL__TAPE_HEAD);
    c->n_out = 0;
    return ANL_OK;
}

static const anl__attr_def end_attrs[] = {
    {"num", ANL__INT, "-1", -1, 9e15, NULL, "element of the gradient slab that is the loss's numerator; -1: none, and so on"},
    {"den", ANL__INT, "-1", -1, 9e15, NULL, "the loss's denominator"},
    {"correct", ANL__INT, "-1", -1, 9e15, NULL, "the number of right answers"},
    {"row", ANL__INT, "-1", -1, 1 << 30, NULL, "of the ring; -1: the step's number modulo the rows before the last, which is for evaluation"},
    {0},
};

/* grad, ring, stat (absent: finite), scale block (absent: none), rng. */
static anl_status infer_end(anl_ctx *ctx, anl__call *c)
{
    int64_t n = anl_shape_count(&c->in[0].shape), ring = anl_shape_count(&c->in[1].shape);
    for (int i = 0; i < 2; i++)
        if (c->in[i].dtype != ANL_F32 && c->in[i].dtype != ANL_F64) return anl__fail(ctx, ANL_UNSUPPORTED, "slabs are f32, not %s", anl_dtype_name(c->in[i].dtype));
    if (ring < 2 * ANL__RING_WORDS || ring % ANL__RING_WORDS || (anl__has_in(c, 2) && anl_shape_count(&c->in[2].shape) != 4) ||
        (anl__has_in(c, 3) && anl_shape_count(&c->in[3].shape) != ANL__SCALE_WORDS))
        return anl__fail(ctx, ANL_SHAPE, "needs the gradient slab, a ring of at least two rows of %d, grad_stats' result and the scale block", ANL__RING_WORDS);
    static const char *const place[] = {"num", "den", "correct"};
    for (int i = 0; i < 3; i++)
        if (anl__attr_int(c, place[i]) >= n) return anl__fail(ctx, ANL_SHAPE, "'%s' is behind the %lld elements of the slab", place[i], (long long)n);
    if (anl__attr_int(c, "row") >= ring / ANL__RING_WORDS) return anl__fail(ctx, ANL_SHAPE, "the ring has %lld rows", (long long)(ring / ANL__RING_WORDS));
    c->n_out = 0;
    return ANL_OK;
}

/* stat, source, destination. */
static anl_status infer_keep(anl_ctx *ctx, anl__call *c)
{
    char a[96], b[96];
    if (anl_shape_count(&c->in[0].shape) != 4 || c->in[1].dtype != c->in[2].dtype || !anl__shape_equal(&c->in[1].shape, &c->in[2].shape))
        return anl__fail(ctx, ANL_SHAPE, "needs grad_stats' result and two tensors of one type, not %s and %s", anl__shape_text(&c->in[1].shape, a), anl__shape_text(&c->in[2].shape, b));
    c->n_out = 0;
    return ANL_OK;
}

static const anl__op begin = {.name = "step_begin", .min_in = 2, .max_in = 2, .infer = infer_begin, .mutates = 3, .help = "the scalars of the next step, from the tape"};
static const anl__op end = {.name = "step_end", .min_in = 2, .max_in = 5, .attrs = end_attrs, .infer = infer_end, .mutates = 2, .random = true, .help = "what a step gave, into the ring"};
static const anl__op keep = {.name = "step_keep", .min_in = 3, .max_in = 3, .infer = infer_keep, .mutates = 4, .help = "a copy, if the step was finite"};
const anl__op *const anl__ops_step[] = {&begin, &end, &keep, NULL};
