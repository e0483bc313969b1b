/* The ragged set, its buckets and its loader. */
#include "datasets/ragged.h"
#include "datasets/sequence_loader.h"
#include "tests/data/data_test.h"

#include <stdlib.h>
#include <string.h>

enum { ITEMS = 203, MOST = 17 };

static int64_t source_length(int64_t i)
{
    return 1 + (i * i + 3 * i) % MOST;
}

static int64_t target_length(int64_t i)
{
    return 1 + (source_length(i) + i % 3) % MOST;
}

/* One field of ITEMS runs along an axis; value k of item i is 1000 * i + k. Data and places are the set's. */
static void add_axis(anl_ctx *ctx, anl__ragged *r, const char *name, int axis, int64_t (*length)(int64_t))
{
    anl__ragged_field f = {.dtype = axis ? ANL_F32 : ANL_I32, .width = axis ? 2 : 1, .axis = axis, .owns = ANL__OWNS_DATA | ANL__OWNS_PLACES};
    strcpy(f.name, name);
    int64_t *offset = anl__calloc(ctx, ITEMS, sizeof *offset), *count = anl__calloc(ctx, ITEMS, sizeof *count);
    for (int64_t i = 0; i < r->n; i++) {
        offset[i] = f.steps;
        count[i] = length(i);
        f.steps += count[i];
    }
    void *data = anl__calloc(ctx, (size_t)(f.steps * f.width), 4);
    for (int64_t i = 0; i < r->n; i++)
        for (int64_t k = 0; k < count[i] * f.width; k++) {
            int32_t v = (int32_t)(1000 * i + k);
            if (f.dtype == ANL_I32) ((int32_t *)data)[offset[i] * f.width + k] = v;
            else ((float *)data)[offset[i] * f.width + k] = (float)v;
        }
    f.data = data;
    f.offset = offset;
    f.length = count;
    assert_int_equal(anl__ragged_add(r, &f), ANL_OK);
}

static int32_t labels[ITEMS];

static anl__ragged *make_set(anl_ctx *ctx, bool two)
{
    anl__ragged *r = NULL;
    assert_int_equal(anl__ragged_create(ctx, "test", ITEMS, &r), ANL_OK);
    add_axis(ctx, r, "src", 0, source_length);
    if (two) add_axis(ctx, r, "tgt", 1, target_length);
    for (int i = 0; i < ITEMS; i++) labels[i] = i % 5;
    anl__ragged_field f = {.name = "label", .dtype = ANL_I32, .width = 1, .data = labels, .steps = ITEMS, .fixed = 1};
    assert_int_equal(anl__ragged_add(r, &f), ANL_OK);
    return r;
}

static void set_is_checked(void **state)
{
    fixture *f = *state;
    anl__ragged *r = NULL;
    float x[6] = {0};
    int64_t offset[2] = {0, 2}, length[2] = {2, 2}, shorter[2] = {2, 1};
    char a[65], b[65];
    assert_int_equal(anl__ragged_create(f->ctx, "empty", 0, &r), ANL_DATA);
    assert_non_null(strstr(anl_last_error(f->ctx), "empty"));
    assert_int_equal(anl__ragged_create(f->ctx, "two", 2, &r), ANL_OK);
    anl__ragged_field x1 = {.name = "x", .dtype = ANL_F32, .width = 2, .data = x, .steps = 3, .offset = offset, .length = length};
    assert_int_equal(anl__ragged_add(r, &x1), ANL_DATA); /* the second item ends behind step 3 */
    assert_non_null(strstr(anl_last_error(f->ctx), "item 1 of field x"));
    offset[1] = 1;
    assert_int_equal(anl__ragged_add(r, &x1), ANL_OK);
    assert_int_equal(anl__ragged_add(r, &x1), ANL_INVALID); /* twice */
    anl__ragged_fingerprint(r, a);
    anl__ragged_field y = x1;
    strcpy(y.name, "y");
    y.length = shorter;
    assert_int_equal(anl__ragged_add(r, &y), ANL_DATA); /* x and y share axis 0 */
    assert_non_null(strstr(anl_last_error(f->ctx), "which lie on one axis"));
    y.dtype = ANL_F64;
    assert_int_equal(anl__ragged_add(r, &y), ANL_INVALID);
    assert_ptr_equal(anl__ragged_get(&r->field[0], 1), x + 2);
    assert_int_equal(anl__ragged_length(r, 0, 1), 2);
    x[5] = 1;
    anl__ragged_fingerprint(r, b);
    assert_string_not_equal(a, b);
    anl__ragged_destroy(r);
}

/* Steps of all items when lengths above bound[k - 1] and up to bound[k] are padded to bound[k]. */
static int64_t cost_of(const int *bound, int n)
{
    int64_t all = 0;
    for (int64_t i = 0; i < ITEMS; i++) {
        int k = 0;
        while (k + 1 < n && bound[k] < source_length(i)) k++;
        all += bound[k];
    }
    return all;
}

static void buckets_of_one_axis_are_the_best(void **state)
{
    fixture *f = *state;
    anl__ragged *r = make_set(f->ctx, false);
    anl__buckets b;
    int most = 0, found[3];
    for (int64_t i = 0; i < ITEMS; i++) most = source_length(i) > most ? (int)source_length(i) : most;
    assert_int_equal(anl__buckets_choose(f->ctx, r, NULL, 0, 3, &b), ANL_OK);
    assert_int_equal(b.n, 3);
    for (int k = 0; k < 3; k++) found[k] = (int)b.most[k][0];
    assert_int_equal(found[2], most);
    int64_t least = INT64_MAX;
    for (int i = 1; i <= most; i++)
        for (int j = i; j <= most; j++) {
            int bound[3] = {i, j, most};
            int64_t c = cost_of(bound, 3);
            if (c < least) least = c;
        }
    assert_int_equal(cost_of(found, 3), least);
    assert_int_equal(anl__buckets_choose(f->ctx, r, NULL, 0, ANL__MAX_BUCKETS, &b), ANL_OK); /* a bucket a length */
    anl__sequence_opts o = anl__sequence_opts_default();
    anl__sequence_loader *l;
    o.buckets = &b;
    assert_int_equal(anl__sequence_loader_create(f->ctx, r, NULL, 0, &o, &l), ANL_OK);
    assert_true(anl__sequence_loader_padding(l) == 0);
    anl__sequence_loader_destroy(l);
    assert_int_equal(anl__buckets_choose(f->ctx, r, NULL, 0, 0, &b), ANL_INVALID);
    anl__ragged_destroy(r);
}

static void check_batch(const anl__ragged *r, const anl__buckets *k, const anl__sequence_batch *b)
{
    for (int64_t i = 0; i < b->n; i++) {
        int64_t id = b->id[i], ts = k->most[b->variant][0], tt = k->most[b->variant][1];
        assert_int_equal(b->length[0][i], source_length(id));
        assert_int_equal(b->length[1][i], target_length(id));
        assert_null(b->length[2]);
        for (int64_t t = 0; t < ts; t++)
            assert_int_equal(((const int32_t *)b->data[0])[i * ts + t], t < source_length(id) ? 1000 * id + t : -1);
        for (int64_t t = 0; t < 2 * tt; t++)
            assert_true(((const float *)b->data[1])[i * 2 * tt + t] == (t < 2 * target_length(id) ? (float)(1000 * id + t) : 0.0f));
        assert_int_equal(((const int32_t *)b->data[2])[i], labels[id]);
    }
    (void)r;
}

static int in_sizes(const anl__sequence_loader *l, const anl__sequence_batch *b)
{
    anl__size size[2 * ANL__MAX_BUCKETS];
    int n = anl__sequence_loader_sizes(l, size, 2 * ANL__MAX_BUCKETS), hits = 0;
    for (int i = 0; i < n; i++) hits += size[i].n == b->n && size[i].variant == b->variant;
    return hits;
}

static void every_item_once_an_epoch(void **state)
{
    fixture *f = *state;
    anl__ragged *r = make_set(f->ctx, true);
    anl__buckets k;
    anl__sequence_opts o = {.batch = 8, .shuffle = true, .seed = 5, .buckets = &k, .ring = 1};
    anl__sequence_loader *l;
    int64_t order[3][ITEMS];
    assert_int_equal(anl__buckets_choose(f->ctx, r, NULL, 0, 6, &k), ANL_OK);
    assert_true(k.n >= 4 && k.n <= 6);
    assert_int_equal(anl__sequence_loader_create(f->ctx, r, NULL, 0, &o, &l), ANL_OK);
    for (uint32_t e = 0; e < 3; e++) {
        char seen[ITEMS] = {0}, place[ITEMS] = {0};
        int64_t n = 0, batches = 0;
        anl__sequence_batch b;
        assert_int_equal(anl__sequence_loader_start(l, e, 0), ANL_OK);
        for (;;) {
            assert_int_equal(anl__sequence_loader_next(l, &b), ANL_OK);
            if (!b.n) break;
            check_batch(r, &k, &b);
            assert_int_equal(in_sizes(l, &b), 1);
            assert_int_equal(b.number, batches++);
            assert_true(b.fresh);
            for (int64_t i = 0; i < b.n; i++) {
                assert_false(seen[b.id[i]]++ || place[b.first + i]++);
                order[e][n++] = b.id[i];
            }
        }
        assert_int_equal(n, ITEMS);
        assert_int_equal(batches, anl__sequence_loader_batches(l));
    }
    assert_memory_not_equal(order[0], order[1], sizeof order[0]);
    assert_memory_not_equal(order[1], order[2], sizeof order[0]);
    anl__sequence_loader_destroy(l);
    anl__ragged_destroy(r);
}

static void starts_anywhere(void **state)
{
    fixture *f = *state;
    anl__ragged *r = make_set(f->ctx, true);
    anl__buckets k;
    int64_t part[100], id[8];
    for (int i = 0; i < 100; i++) part[i] = 2 * i + 1;
    anl__sequence_opts o = {.batch = 8, .shuffle = true, .seed = 9, .buckets = &k, .ring = 2};
    anl__sequence_loader *l, *again;
    anl__sequence_batch b, c;
    assert_int_equal(anl__buckets_choose(f->ctx, r, NULL, 0, 4, &k), ANL_OK);
    assert_int_equal(anl__sequence_loader_create(f->ctx, r, part, 100, &o, &l), ANL_OK);
    assert_int_equal(anl__sequence_loader_create(f->ctx, r, part, 100, &o, &again), ANL_OK);
    assert_int_equal(anl__sequence_loader_items(l), 100);
    assert_int_equal(anl__sequence_loader_start(l, 4, 0), ANL_OK);
    int64_t live = anl__live_blocks(f->ctx);
    for (int64_t at = 0; at < anl__sequence_loader_batches(l); at++) {
        assert_int_equal(anl__sequence_loader_next(l, &b), ANL_OK);
        memcpy(id, b.id, (size_t)b.n * sizeof *id);
        assert_int_equal(anl__sequence_loader_start(again, 4, at), ANL_OK);
        assert_int_equal(anl__sequence_loader_next(again, &c), ANL_OK);
        assert_int_equal(b.n, c.n);
        assert_int_equal(b.variant, c.variant);
        assert_memory_equal(id, c.id, (size_t)b.n * sizeof *id);
        for (int64_t i = 0; i < b.n; i++) assert_int_equal(id[i] % 2, 1);
    }
    assert_int_equal(anl__live_blocks(f->ctx), live);
    assert_int_equal(anl__sequence_loader_start(l, 0, anl__sequence_loader_batches(l) + 1), ANL_INVALID);
    anl__sequence_loader_destroy(again);
    anl__sequence_loader_destroy(l);
    anl__ragged_destroy(r);
}

static void streams_in_order(void **state)
{
    fixture *f = *state;
    int32_t data[24];
    int64_t offset[6], length[6];
    anl__ragged *r;
    anl__sequence_loader *l;
    anl__sequence_batch b;
    for (int i = 0; i < 24; i++) data[i] = i;
    for (int i = 0; i < 6; i++) { /* 2 streams of 10 in chunks of 4: item k * 2 + s */
        offset[i] = i % 2 * 10 + i / 2 * 4;
        length[i] = i / 2 < 2 ? 4 : i % 2 ? 0 : 2;
    }
    assert_int_equal(anl__ragged_create(f->ctx, "streams", 6, &r), ANL_OK);
    anl__ragged_field x = {.name = "x", .dtype = ANL_I32, .width = 1, .data = data, .steps = 24, .offset = offset, .length = length};
    assert_int_equal(anl__ragged_add(r, &x), ANL_OK);
    anl__sequence_opts o = {.streams = 2, .ring = 1};
    assert_int_equal(anl__sequence_loader_create(f->ctx, r, NULL, 0, &o, &l), ANL_OK);
    assert_int_equal(anl__sequence_loader_batches(l), 3);
    assert_int_equal(anl__sequence_loader_start(l, 7, 0), ANL_OK);
    for (int k = 0; k < 3; k++) {
        const int32_t *p;
        assert_int_equal(anl__sequence_loader_next(l, &b), ANL_OK);
        assert_int_equal(b.n, 2);
        assert_int_equal(b.fresh, k == 0);
        p = b.data[0];
        for (int s = 0; s < 2; s++)
            for (int t = 0; t < 4; t++) assert_int_equal(p[s * 4 + t], t < length[k * 2 + s] ? offset[k * 2 + s] + t : -1);
    }
    assert_int_equal(anl__sequence_loader_next(l, &b), ANL_OK);
    assert_int_equal(b.n, 0);
    anl__sequence_loader_destroy(l);
    o.streams = 4;
    assert_int_equal(anl__sequence_loader_create(f->ctx, r, NULL, 0, &o, &l), ANL_INVALID);
    anl__sequence_opts plain = anl__sequence_opts_default(); /* an item without a step is refused */
    assert_int_equal(anl__sequence_loader_create(f->ctx, r, NULL, 0, &plain, &l), ANL_DATA);
    assert_non_null(strstr(anl_last_error(f->ctx), "item 5 has no time step"));
    anl__ragged_destroy(r);
}

static void refusals(void **state)
{
    fixture *f = *state;
    anl__ragged *r = make_set(f->ctx, false);
    anl__buckets k = {.n = 1, .most = {{4, 0}}};
    anl__sequence_opts o = anl__sequence_opts_default();
    anl__sequence_loader *l = NULL;
    anl__sequence_batch b;
    int64_t outside[] = {0, ITEMS};
    o.buckets = &k;
    assert_int_equal(anl__sequence_loader_create(f->ctx, r, NULL, 0, &o, &l), ANL_DATA);
    assert_non_null(strstr(anl_last_error(f->ctx), "none of the 1 buckets holds"));
    o.buckets = NULL;
    assert_int_equal(anl__sequence_loader_create(f->ctx, r, outside, 2, &o, &l), ANL_DATA);
    assert_int_equal(anl__sequence_loader_create(f->ctx, r, outside, 0, &o, &l), ANL_DATA);
    o.batch = 0;
    assert_int_equal(anl__sequence_loader_create(f->ctx, r, NULL, 0, &o, &l), ANL_INVALID);
    o = anl__sequence_opts_default();
    for (int64_t nth = 1;; nth++) { /* every allocation may fail */
        anl__inject(f->ctx, ANL__INJECT_ALLOC, nth);
        anl_status st = anl__sequence_loader_create(f->ctx, r, NULL, 0, &o, &l);
        anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
        if (st == ANL_OK) break;
        assert_int_equal(st, ANL_NOMEM);
    }
    assert_int_equal(anl__sequence_loader_next(l, &b), ANL_INVALID); /* not started */
    anl__sequence_loader_destroy(l);
    anl__ragged_destroy(r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(set_is_checked),  TEST(buckets_of_one_axis_are_the_best), TEST(every_item_once_an_epoch),
                                       TEST(starts_anywhere), TEST(streams_in_order), TEST(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
