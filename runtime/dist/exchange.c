/* The exchange of gradients; see exchange.h. */
#include "exchange.h"

#include "../graph/net.h"

#define ALIGN 64 /* elements: slices begin on 256 bytes */

/* A partial sum that the tree goes on with across ranks. */
typedef struct part {
    int rank, slab;
} part;

static int64_t slice_elements(const anl_net *net, int ranks)
{
    int64_t each = (net->grad_count + ranks - 1) / ranks;
    return (each + ALIGN - 1) / ALIGN * ALIGN;
}

static int64_t slice_first(const anl_net *net, int ranks, int rank)
{
    int64_t at = slice_elements(net, ranks) * rank;
    return at < net->grad_count ? at : net->grad_count;
}

static int64_t slice_count(const anl_net *net, int ranks, int rank)
{
    return slice_first(net, ranks, rank + 1) - slice_first(net, ranks, rank);
}

anl_status anl__exchange_compile(anl__exchange *x, anl_net *net, int ranks, int rank)
{
    ANL_TRY(anl_net_layout(net));
    *x = (anl__exchange){.net = net,
                         .rank = rank,
                         .ranks = ranks,
                         .first = slice_first(net, ranks, rank),
                         .count = slice_count(net, ranks, rank)};
    return x->count ? anl__net_compile_add(net, x->count, "exchange_add", &x->add) : ANL_OK;
}

/* ---- a plan ---------------------------------------------------------------------------------- */

typedef struct planning {
    const anl__exchange *x;
    part *part;
    int n;
} planning;

static int part_of(planning *p, int rank, int slab)
{
    int i = 0;
    while (i < p->n && (p->part[i].rank != rank || p->part[i].slab != slab)) i++;
    if (i == p->n) p->part[p->n++] = (part){rank, slab};
    return i;
}

static void *slab_at(const anl__exchange *x, int slab, int64_t element)
{
    return (char *)anl_net_slab_data(x->net, (anl_slab)(ANL_SLAB_GRAD0 + slab)) + (size_t)element * anl__elem(x->net);
}

/* Where part i of this rank's slice is: in its own slab, or among what the others gave. */
static void *place_of(const planning *p, int i)
{
    const anl__exchange *x = p->x;
    if (p->part[i].rank == x->rank) return slab_at(x, p->part[i].slab, x->first);
    int before = 0;
    for (int k = 0; k < i; k++) before += p->part[k].rank != x->rank;
    return (char *)x->got + (size_t)(before * slice_elements(x->net, x->ranks)) * anl__elem(x->net);
}

static void list_transfers(const planning *p, int root, anl__exchange_plan *out)
{
    const anl__exchange *x = p->x;
    size_t elem = anl__elem(x->net), own = (size_t)x->count * elem;
    for (int i = 0; i < p->n; i++) {
        bool mine = p->part[i].rank == x->rank;
        if (!mine && x->count) out->give[out->n_give++] = (anl__transfer){p->part[i].rank, false, place_of(p, i), own};
        for (int r = 0; mine && r < x->ranks; r++) {
            int64_t n = slice_count(x->net, x->ranks, r);
            if (r != x->rank && n)
                out->give[out->n_give++] = (anl__transfer){
                    r, true, slab_at(x, p->part[i].slab, slice_first(x->net, x->ranks, r)), (size_t)n * elem};
        }
    }
    for (int r = 0; r < x->ranks; r++) {
        int64_t n = slice_count(x->net, x->ranks, r);
        if (r == x->rank) continue;
        if (x->count) out->take[out->n_take++] = (anl__transfer){r, true, slab_at(x, root, x->first), own};
        if (n)
            out->take[out->n_take++] =
                (anl__transfer){r, false, slab_at(x, root, slice_first(x->net, x->ranks, r)), (size_t)n * elem};
    }
}

/* The parts, in the order in which the tree meets them; also where nothing is added across ranks the root is one. */
static void list_parts(planning *p, const anl__reduce *order)
{
    part_of(p, 0, order->root);
    for (int k = order->n_local; k < order->n; k++) {
        part_of(p, order->op[k].rank, order->op[k].slab);
        part_of(p, order->op[k].src_rank, order->op[k].src_slab);
    }
}

static anl_status make_plan(anl__exchange *x, const anl__reduce *order, anl__exchange_plan *out)
{
    int across = order->n - order->n_local, most = across + 1; /* an addition makes one of two */
    planning p = {.x = x, .part = anl__calloc(x->net->ctx, (size_t)most, sizeof *p.part)};
    out->give = anl__calloc(x->net->ctx, (size_t)(most * x->ranks), sizeof *out->give);
    out->take = anl__calloc(x->net->ctx, 2 * (size_t)x->ranks, sizeof *out->take);
    out->add = anl__calloc(x->net->ctx, (size_t)across + 1, sizeof *out->add);
    anl_status st = p.part && out->give && out->take && out->add ? ANL_OK : ANL_NOMEM;
    if (st == ANL_OK) {
        list_parts(&p, order);
        list_transfers(&p, order->root, out);
        for (int k = order->n_local; k < order->n && x->count; k++) {
            const anl__reduce_op *o = &order->op[k];
            out->add[out->n_add++] = (struct anl__exchange_add){place_of(&p, part_of(&p, o->rank, o->slab)),
                                                                place_of(&p, part_of(&p, o->src_rank, o->src_slab))};
        }
        out->sum = place_of(&p, 0);
        out->root = slab_at(x, order->root, x->first);
    }
    anl__free(x->net->ctx, p.part);
    return st;
}

/* Most partial sums that others give to a rank. */
static int most_given(const anl__reduce *order, int n_order)
{
    int most = 0;
    for (int i = 0; i < n_order; i++)
        if (order[i].n - order[i].n_local + 1 > most) most = order[i].n - order[i].n_local + 1;
    return most;
}

anl_status anl__exchange_open(anl__exchange *x, const anl__reduce *order, int n_order)
{
    anl_device *dev = x->net->device;
    size_t bytes = (size_t)(most_given(order, n_order) * slice_elements(x->net, x->ranks)) * anl__elem(x->net);
    if (x->count)
        ANL_TRY(anl__context(dev->ctx, dev->vt->alloc(dev, bytes, &x->got), "gradients of the other devices"));
    if (!(x->plan = anl__calloc(dev->ctx, (size_t)n_order, sizeof *x->plan))) return ANL_NOMEM;
    for (; x->n_plan < n_order; x->n_plan++) ANL_TRY(make_plan(x, &order[x->n_plan], &x->plan[x->n_plan]));
    return ANL_OK;
}

void anl__exchange_release(anl__exchange *x)
{
    if (!x->net) return;
    anl_device *dev = x->net->device;
    for (int i = 0; x->plan && i < x->n_plan; i++) {
        anl__free(dev->ctx, x->plan[i].give);
        anl__free(dev->ctx, x->plan[i].take);
        anl__free(dev->ctx, x->plan[i].add);
    }
    anl__free(dev->ctx, x->plan);
    if (x->got) dev->vt->free(dev, x->got);
    *x = (anl__exchange){0};
}

static int64_t given(const anl__transfer *list, int n)
{
    int64_t bytes = 0;
    for (int i = 0; i < n; i++) bytes += list[i].give ? (int64_t)list[i].bytes : 0;
    return bytes;
}

int64_t anl__exchange_bytes(const anl__exchange *x, int order)
{
    const anl__exchange_plan *p = &x->plan[order];
    return given(p->give, p->n_give) + given(p->take, p->n_take);
}

/* ---- a step ---------------------------------------------------------------------------------- */

anl_status anl__exchange_give(const anl__exchange *x, int order)
{
    const anl__exchange_plan *p = &x->plan[order];
    return x->net->device->vt->exchange(x->net->device, p->give, p->n_give);
}

anl_status anl__exchange_add(const anl__exchange *x, int order)
{
    const anl__exchange_plan *p = &x->plan[order];
    anl_device *dev = x->net->device;
    for (int i = 0; i < p->n_add; i++) {
        anl_bind bind = {.input = {p->add[i].to, p->add[i].from}};
        ANL_TRY(anl_program_run(x->add, &bind));
    }
    return x->count && p->sum != p->root ? dev->vt->copy(dev, p->root, p->sum, (size_t)x->count * anl__elem(x->net))
                                         : ANL_OK;
}

anl_status anl__exchange_take(const anl__exchange *x, int order)
{
    const anl__exchange_plan *p = &x->plan[order];
    return x->net->device->vt->exchange(x->net->device, p->take, p->n_take);
}
