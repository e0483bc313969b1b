/* The reduction order of shards; see reduce.h. */
#include "reduce.h"

int anl__reduce_owner(int shards, int ranks, int shard)
{
    int q = shards / ranks, rest = shards % ranks, wide = rest * (q + 1);
    return shard < wide ? shard / (q + 1) : rest + (shard - wide) / q;
}

typedef struct node { int level, rank, id; bool across; } node; /* across: made of parts of several replicas */
typedef struct add { int left, right, left_rank, right_rank; } add;
typedef struct making { /* nodes are named by their first leaf */
    anl__reduce_op *op;
    add *cross;
    int n, n_cross;
} making;

static void join(making *m, node *stack, int *top)
{
    node right = stack[--*top], *left = &stack[*top - 1];
    if (left->rank == right.rank && !left->across && !right.across) {
        m->op[m->n++] = (anl__reduce_op){-1, left->rank, left->id, right.rank, right.id};
    } else {
        m->cross[m->n_cross++] = (add){left->id, right.id, left->rank, right.rank};
        left->across = true;
    }
    left->level++;
}

/* Names become slabs: the lowest that is free on the replica. */
static anl_status assign(anl_ctx *ctx, anl__reduce *r, int ranks, int *slab_of)
{
    uint32_t *taken = anl__calloc(ctx, (size_t)ranks, sizeof *taken);
    if (!taken) return ANL_NOMEM;
    anl_status st = ANL_OK;
    for (int i = 0; i < r->n && st == ANL_OK; i++) {
        anl__reduce_op *o = &r->op[i];
        if (o->shard >= 0) {
            int s = 0;
            while (s < ANL__MOST_SLABS && taken[o->rank] >> s & 1) s++;
            if (s == ANL__MOST_SLABS) st = anl__fail(ctx, ANL_INTERNAL, "%d shards on %d replicas need more than %d gradient slabs", r->shards, ranks, ANL__MOST_SLABS);
            taken[o->rank] |= 1u << s;
            o->slab = slab_of[o->shard] = s;
            if (s + 1 > r->slabs) r->slabs = s + 1;
        } else {
            o->slab = slab_of[o->slab];
            o->src_slab = slab_of[o->src_slab];
            taken[o->src_rank] &= ~(1u << o->src_slab);
        }
    }
    r->root = slab_of[0];
    anl__free(ctx, taken);
    return st;
}

anl_status anl__reduce_make(anl_ctx *ctx, int shards, int used, int ranks, anl__reduce *out)
{
    if (shards < 1 || shards > ANL__MOST_SHARDS || used < 1 || used > shards) return anl__fail(ctx, ANL_INVALID, "train.shards %d is outside 1 to %d", shards, ANL__MOST_SHARDS);
    if (ranks < 1 || ranks > shards)
        return anl__fail(ctx, ANL_INVALID, "%d devices or lanes are more than train.shards = %d: each needs a shard of its own", ranks, shards);
    anl__reduce r = {.shards = used};
    size_t most = 2 * (size_t)used;
    node stack[32];
    int top = 0;
    making m = {.op = anl__calloc(ctx, most, sizeof *m.op), .cross = anl__calloc(ctx, most, sizeof *m.cross)};
    int *slab_of = anl__calloc(ctx, (size_t)used, sizeof *slab_of);
    anl_status st = m.op && m.cross && slab_of ? ANL_OK : ANL_NOMEM;
    for (int s = 0; s < used && st == ANL_OK; s++) {
        int rank = anl__reduce_owner(shards, ranks, s);
        m.op[m.n++] = (anl__reduce_op){.shard = s, .rank = rank, .slab = s};
        stack[top++] = (node){0, rank, s, false};
        while (top > 1 && stack[top - 1].level == stack[top - 2].level) join(&m, stack, &top);
    }
    while (st == ANL_OK && top > 1) join(&m, stack, &top);
    r.op = m.op;
    r.n_local = m.n;
    for (int i = 0; i < m.n_cross && st == ANL_OK; i++)
        m.op[m.n++] = (anl__reduce_op){-1, m.cross[i].left_rank, m.cross[i].left, m.cross[i].right_rank, m.cross[i].right};
    r.n = m.n;
    if (st == ANL_OK) st = assign(ctx, &r, ranks, slab_of);
    anl__free(ctx, m.cross);
    anl__free(ctx, slab_of);
    if (st == ANL_OK) *out = r;
    else anl__free(ctx, m.op);
    return st;
}

void anl__reduce_release(anl_ctx *ctx, anl__reduce *r)
{
    anl__free(ctx, r->op);
    *r = (anl__reduce){0};
}
