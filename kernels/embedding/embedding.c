/* embedding: rows of a table w (V, E) for i32 indices. (N) -> (N, E); (N, T) -> (T, N, E), time-major: feeds give tokens sample by
 * sample, and everything behind reads a time step at once. An index below 0 or not below V stands for nothing: its row is zeros
 * and it has no gradient (readers of data refuse what is not in the vocabulary before it comes here).
 *
 * embedding_bwd: indices, dy -> dw (attribute vocabulary); each row adds its gradients in the order of dy's rows. */
#include "op.h"

static const anl__attr_def attrs[] = {{"dtype", ANL__ENUM, "same", 0, 0, "same|bf16|f16", "of the result; same: the table's"}, {0}};
static const anl__attr_def bwd_attrs[] = {{"vocabulary", ANL__INT, NULL, 1, 1 << 30, NULL, "rows of the table"}, {0}};

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    char a[96];
    const anl_shape *i = &c->in[0].shape;
    ANL_TRY(anl__need_rank(ctx, c, 1, "the table", 2));
    if (c->in[0].dtype != ANL_I32 || i->rank < 1 || i->rank > 2)
        return anl__fail(ctx, ANL_SHAPE, "needs i32 indices N or N x T, not %s %s", anl_dtype_name(c->in[0].dtype), anl__shape_text(i, a));
    const int64_t e = c->in[1].shape.dim[1], one[2] = {i->dim[0], e}, two[3] = {i->rank > 1 ? i->dim[1] : 1, i->dim[0], e};
    const anl_dtype types[] = {c->in[1].dtype, ANL_BF16, ANL_F16}, type = types[anl__attr_int(c, "dtype")];
    c->n_out = 1;
    c->out[0] = i->rank == 1 ? anl__type_of(type, 2, one) : anl__type_of(type, 3, two);
    return ANL_OK;
}

static anl_status infer_bwd(anl_ctx *ctx, anl__call *c)
{
    char a[96], b[96];
    const anl_shape *i = &c->in[0].shape, *d = &c->in[1].shape;
    if (c->in[0].dtype != ANL_I32 || i->rank < 1 || i->rank > 2 || d->rank != i->rank + 1 || anl_shape_count(d) != anl_shape_count(i) * d->dim[d->rank - 1])
        return anl__fail(ctx, ANL_SHAPE, "indices %s and gradient %s do not fit", anl__shape_text(i, a), anl__shape_text(d, b));
    const int64_t w[2] = {anl__attr_int(c, "vocabulary"), d->dim[d->rank - 1]};
    c->n_out = 1;
    c->out[0] = anl__type_of(anl__wide(c->in[1].dtype), 2, w);
    return ANL_OK;
}

static anl_status grad(anl__grad *g)
{
    anl_value in[2] = {anl__grad_in(g, 0), anl__grad_dout(g, 0)};
    if (anl__grad_needs(g, 1)) anl__grad_give(g, 1, anl__grad_node(g, "embedding_bwd", in, 2, false, "vocabulary=%lld", (long long)anl__grad_call(g)->in[1].shape.dim[0]));
    return ANL_OK;
}

static const anl__op fwd = {.name = "embedding", .min_in = 2, .max_in = 2, .attrs = attrs, .infer = infer, .grad = grad, .help = "rows of a table, time-major for N x T indices"};
static const anl__op bwd = {.name = "embedding_bwd", .min_in = 2, .max_in = 2, .attrs = bwd_attrs, .infer = infer_bwd, .help = "gradient of embedding for its table"};
const anl__op *const anl__ops_embedding[] = {&fwd, &bwd, NULL};
