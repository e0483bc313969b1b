/* The exchange of gradients among devices: for every number of shards, used ones and ranks, slab `root` is the tree's
 * sum on every rank. The devices are the host's memory, played one after the other; a transfer whose counterpart is
 * missing, or of another size, fails the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/dist/exchange.h"
#include "runtime/graph/net.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 9, PARAMS = 300 };

/* What ranks asked for in one exchange. */
static struct {
    const anl__transfer *list;
    int n;
} asked[MOST];
static const anl_device *device_of[MOST];
static int ranks_now;

static anl_status ask(anl_device *dev, const anl__transfer *list, int n)
{
    int i = 0;
    while (device_of[i] != dev) i++;
    asked[i].list = list;
    asked[i].n = n;
    return ANL_OK;
}

static const anl__transfer *counterpart(int from, int to, bool give, int number)
{
    for (int i = 0; i < asked[from].n; i++) {
        const anl__transfer *t = &asked[from].list[i];
        if (t->peer == to && t->give == give && !number--) return t;
    }
    return NULL;
}

/* All at once: what is given is read before anything is written. */
static void deliver(void)
{
    static char letter[MOST][MOST][8][(PARAMS + 64) * sizeof(float)];
    for (int pass = 0; pass < 2; pass++)
        for (int a = 0; a < ranks_now; a++)
            for (int b = 0; b < ranks_now; b++)
                for (int k = 0; a != b && k < 8; k++) {
                    const anl__transfer *give = counterpart(a, b, true, k), *get = counterpart(b, a, false, k);
                    assert_true(!give == !get);
                    if (!give) break;
                    assert_int_equal(give->bytes, get->bytes);
                    assert_true(give->bytes > 0 && give->bytes <= sizeof letter[a][b][k]);
                    if (!pass)
                        memcpy(letter[a][b][k], give->at, give->bytes);
                    else
                        memcpy(get->at, letter[a][b][k], get->bytes);
                }
}

static float leaf(int shard, int64_t i) { return (float)((shard * 7919 + i * 104729) % 1009) * 1.1f + 0.3f; }

/* By the definition: split at the largest power of two below the count. */
static float tree(int a, int b, int64_t i)
{
    int half = 1;
    if (b - a == 1) return leaf(a, i);
    while (half * 2 < b - a) half *= 2;
    return tree(a, a + half, i) + tree(a + half, b, i);
}

static float *slab(anl_net *net, int n) { return anl_net_slab_data(net, (anl_slab)(ANL_SLAB_GRAD0 + n)); }

static void check(anl_ctx *ctx, int params, int shards, int used, int ranks)
{
    anl__reduce order;
    anl__device_vt vt;
    anl_device *dev[MOST];
    anl_net *net[MOST];
    anl__exchange x[MOST];
    assert_int_equal(anl__reduce_make(ctx, shards, used, ranks, &order), ANL_OK);
    ranks_now = ranks;
    for (int r = 0; r < ranks; r++) {
        anl_graph *g;
        anl_program *p;
        const int64_t dim[1] = {params};
        assert_int_equal(anl_device_open(ctx, "reference", NULL, &dev[r]), ANL_OK);
        vt = *dev[r]->vt;
        vt.exchange = ask;
        dev[r]->vt = &vt;
        device_of[r] = dev[r];
        assert_int_equal(anl_net_create(dev[r], &net[r]), ANL_OK);
        assert_int_equal(anl_graph_create(ctx, ANL_TRAIN, ANL_F32, &g), ANL_OK);
        anl_param(g, "w", 1, dim, (anl_init){0}, 0);
        assert_int_equal(anl_program_compile(net[r], g, NULL, &p), ANL_OK);
        assert_int_equal(anl__exchange_compile(&x[r], net[r], ranks, r), ANL_OK);
        assert_int_equal(anl_net_finish(net[r], 0, order.slabs, false), ANL_OK);
        assert_int_equal(anl__exchange_open(&x[r], &order, 1), ANL_OK);
    }
    int64_t n = net[0]->grad_count;
    assert_true(n >= params);
    for (int k = 0; k < order.n_local; k++) {
        const anl__reduce_op *o = &order.op[k];
        float *to = slab(net[o->rank], o->slab);
        for (int64_t i = 0; i < n; i++)
            to[i] = o->shard >= 0 ? leaf(o->shard, i) : to[i] + slab(net[o->src_rank], o->src_slab)[i];
    }
    for (int r = 0; r < ranks; r++) assert_int_equal(anl__exchange_give(&x[r], 0), ANL_OK);
    deliver();
    for (int r = 0; r < ranks; r++) assert_int_equal(anl__exchange_add(&x[r], 0), ANL_OK);
    for (int r = 0; r < ranks; r++) assert_int_equal(anl__exchange_take(&x[r], 0), ANL_OK);
    deliver();
    for (int r = 0; r < ranks; r++)
        for (int64_t i = 0; i < n; i++)
            if (slab(net[r], order.root)[i] != tree(0, used, i))
                fail_msg("%d params, %d of %d shards on %d ranks: element %d of rank %d is %g, not %g", params, used,
                         shards, ranks, (int)i, r, (double)slab(net[r], order.root)[i], (double)tree(0, used, i));
    for (int r = 0; r < ranks; r++) {
        anl__exchange_release(&x[r]);
        anl_net_destroy(net[r]);
        anl_device_close(dev[r]);
    }
    anl__reduce_release(ctx, &order);
}

static void test_every_count(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    for (int shards = 2; shards <= MOST; shards++)
        for (int used = 1; used <= shards; used++)
            for (int ranks = 2; ranks <= shards; ranks++) {
                check(ctx, PARAMS, shards, used, ranks);
                check(ctx, 70, shards, used, ranks); /* some ranks have no slice */
            }
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_count)};
    return cmocka_run_group_tests_name("dist/exchange", tests, NULL, NULL);
}
