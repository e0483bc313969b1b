/* The loader: the same batches for any number of workers, ring and starting point; nothing dropped, nothing
 * twice. */
#include "tests/data/data_test.h"

#include "datasets/loader.h"
#include "datasets/split.h"

#include <stdlib.h>
#include <string.h>

enum { N = 203, SUBSET = 150, PER = SET_H * SET_W };

typedef struct set_fixture {
    fixture *f;
    anl__dataset *ds;
    anl__split split;
    anl__norm norm;
} set_fixture;

static int setup(void **state)
{
    set_fixture *s = calloc(1, sizeof *s);
    if (fixture_setup((void **)&s->f) != 0) return -1;
    put_set(s->f, N, false);
    anl__data_opts o = anl__data_opts_default();
    anl__split_opts so = anl__split_opts_default();
    o.path = s->f->dir;
    so.count = N - SUBSET;
    if (anl__dataset_open(s->f->ctx, &o, &s->ds) != ANL_OK) return -1;
    anl__split_input in = {N, s->ds->label, s->ds->classes};
    if (anl__split_make(s->f->ctx, &in, &so, &s->split) != ANL_OK) return -1;
    if (anl__norm_measure(s->f->ctx, s->ds, s->split.train, SUBSET, &s->norm) != ANL_OK) return -1;
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    set_fixture *s = *state;
    anl__norm_release(s->f->ctx, &s->norm);
    anl__split_release(s->f->ctx, &s->split);
    anl__dataset_close(s->ds);
    int r = fixture_teardown((void **)&s->f);
    free(s);
    return r;
}

static const anl__augment moved = {.crop_pad = 1, .flip = true, .erase = 0.3},
                          computed = {.resized_crop = 0.3,
                                      .rotate = 20,
                                      .flip = true,
                                      .flip_vertical = true,
                                      .brightness = 0.3,
                                      .contrast = 0.5,
                                      .erase = 0.3};
static const anl__augment *augment = &moved;

static anl__loader_opts opts_of(const set_fixture *s)
{
    anl__loader_opts o = anl__loader_opts_default();
    o.batch = 32;
    o.shuffle = true;
    o.seed = 77;
    o.norm = &s->norm;
    o.augment = augment;
    return o;
}

/* What an epoch delivered, by position. */
typedef struct delivered {
    float x[SUBSET][PER];
    int32_t label[SUBSET];
    int64_t id[SUBSET];
} delivered;

static void run(const set_fixture *s, const anl__loader_opts *o, uint32_t epoch, int64_t first_batch,
                delivered *out)
{
    anl__loader *l;
    anl__batch b;
    int64_t at = first_batch * o->batch < SUBSET ? first_batch * o->batch : SUBSET, number = first_batch;
    if (anl__loader_create(s->f->ctx, s->ds, s->split.train, SUBSET, o, &l) != ANL_OK)
        fail_msg("%s", anl_last_error(s->f->ctx));
    assert_int_equal(anl__loader_samples(l), SUBSET);
    assert_int_equal(anl__loader_batches(l), (SUBSET + o->batch - 1) / o->batch);
    assert_int_equal(anl__loader_start(l, epoch, first_batch), ANL_OK);
    int64_t blocks = anl__inject_seen(s->f->ctx, ANL__INJECT_ALLOC);
    for (;;) {
        assert_int_equal(anl__loader_next(l, &b), ANL_OK);
        if (b.n == 0) break;
        assert_int_equal(b.number, number++);
        assert_int_equal(b.first, at);
        assert_int_equal(b.epoch, epoch);
        assert_int_equal((uintptr_t)b.x % 64, 0);
        memcpy(out->x[at], b.x, (size_t)b.n * sizeof out->x[0]);
        memcpy(out->label + at, b.label, (size_t)b.n * sizeof *b.label);
        memcpy(out->id + at, b.id, (size_t)b.n * sizeof *b.id);
        at += b.n;
        anl__loader_release(l, &b);
    }
    assert_int_equal(at, SUBSET);
    assert_int_equal(anl__inject_seen(s->f->ctx, ANL__INJECT_ALLOC),
                     blocks); /* nothing is allocated on the way */
    anl__loader_destroy(l);
}

static void each_sample_once_with_its_label(void **state)
{
    static delivered d;
    const set_fixture *s = *state;
    uint8_t seen[N] = {0};
    anl__loader_opts o = opts_of(s);
    run(s, &o, 0, 0, &d);
    for (int i = 0; i < SUBSET; i++) {
        assert_in_range(d.id[i], 0, N - 1);
        seen[d.id[i]]++;
        assert_int_equal(d.label[i], d.id[i] % SET_CLASSES);
    }
    for (int i = 0; i < SUBSET; i++) assert_int_equal(seen[s->split.train[i]], 1);
    for (int64_t i = 0; i < s->split.n_valid; i++) assert_int_equal(seen[s->split.valid[i]], 0);
}

static void same_for_any_workers_and_ring(void **state)
{
    static delivered want, got;
    const set_fixture *s = *state;
    const int workers[] = {0, 1, 4, 4, 3, 0}, ring[] = {1, 2, 4, 1, 9, 3};
    anl__loader_opts o = opts_of(s);
    for (uint32_t epoch = 0; epoch < 3; epoch++) {
        o.workers = 0;
        o.ring = 2;
        run(s, &o, epoch, 0, &want);
        for (int i = 0; i < 6; i++) {
            o.workers = workers[i];
            o.ring = ring[i];
            run(s, &o, epoch, 0, &got);
            assert_memory_equal(&want, &got, sizeof want);
        }
    }
}

static void starts_in_the_middle(void **state)
{
    static delivered want, got;
    const set_fixture *s = *state;
    anl__loader_opts o = opts_of(s);
    run(s, &o, 5, 0, &want);
    for (int64_t first = 0; first <= 5; first++) {
        o.workers = (int)first % 3;
        memcpy(&got, &want, sizeof want);
        for (int64_t i = first * o.batch; i < SUBSET; i++) memset(got.x[i], 0, sizeof got.x[i]);
        run(s, &o, 5, first, &got);
        assert_memory_equal(&want, &got, sizeof want);
    }
}

/* Position by position, and sample by sample, whatever the batch size. */
static void independent_of_batch_size(void **state)
{
    static delivered want, got;
    const set_fixture *s = *state;
    anl__loader_opts o = opts_of(s);
    run(s, &o, 2, 0, &want);
    for (o.batch = 1; o.batch <= 160; o.batch += 53) {
        run(s, &o, 2, 0, &got);
        assert_memory_equal(&want, &got, sizeof want);
    }
}

static void epochs_differ_and_unshuffled_keeps_order(void **state)
{
    static delivered a, b;
    const set_fixture *s = *state;
    anl__loader_opts o = opts_of(s);
    run(s, &o, 0, 0, &a);
    run(s, &o, 1, 0, &b);
    assert_memory_not_equal(a.id, b.id, sizeof a.id);
    o.shuffle = false;
    run(s, &o, 1, 0, &b);
    assert_memory_equal(b.id, s->split.train, sizeof b.id);
}

/* One loader over several epochs, stopped and started again with batches held. */
static void restarts(void **state)
{
    static delivered want;
    const set_fixture *s = *state;
    anl__loader *l;
    anl__batch a, b;
    anl__loader_opts o = opts_of(s);
    o.workers = 2;
    o.ring = 3;
    run(s, &o, 8, 0, &want);
    assert_int_equal(anl__loader_create(s->f->ctx, s->ds, s->split.train, SUBSET, &o, &l), ANL_OK);
    assert_int_equal(anl__loader_next(l, &a), ANL_INVALID);
    for (int turn = 0; turn < 200; turn++) {
        assert_int_equal(anl__loader_start(l, turn % 2 ? 8 : 9, turn % 5), ANL_OK);
        assert_int_equal(anl__loader_next(l, &a), ANL_OK);
        assert_int_equal(a.number, turn % 5);
        if (turn % 2) assert_memory_equal(a.x, want.x[a.first], (size_t)a.n * sizeof want.x[0]);
        if (turn % 3 == 0) anl__loader_stop(l);
        if (turn % 7 == 0) anl__loader_release(l, &a);
    }
    assert_int_equal(anl__loader_start(l, 8, 0), ANL_OK);
    for (int i = 0; i < 3; i++) assert_int_equal(anl__loader_next(l, i == 0 ? &a : &b), ANL_OK);
    assert_int_equal(anl__loader_next(l, &b), ANL_INVALID);
    assert_non_null(strstr(anl_last_error(s->f->ctx), "all 3 batches"));
    assert_memory_equal(a.x, want.x[0], sizeof want.x[0]);
    anl__loader_release(l, &a);
    assert_int_equal(anl__loader_next(l, &b), ANL_OK);
    assert_int_equal(b.number, 3);
    assert_int_equal(anl__loader_start(l, 0, 6), ANL_INVALID);
    assert_int_equal(anl__loader_start(l, 0, -1), ANL_INVALID);
    anl__loader_destroy(l);
}

static int given, taken;
static anl_status give(void *user, size_t bytes, void **out)
{
    anl_ctx *ctx = user;
    if (given == 2) return anl__fail(ctx, ANL_DEVICE_NOMEM, "no pinned memory for %zu bytes", bytes);
    given++;
    return (*out = aligned_alloc(64, (bytes + 63) & ~(size_t)63)) ? ANL_OK : ANL_NOMEM;
}
static void take_back(void *user, void *p)
{
    (void)user;
    taken++;
    free(p);
}

static void the_callers_memory(void **state)
{
    const set_fixture *s = *state;
    anl__loader *l;
    anl__loader_opts o = opts_of(s);
    o.alloc = give;
    o.free = take_back;
    o.user = s->f->ctx;
    o.ring = 2;
    assert_int_equal(anl__loader_create(s->f->ctx, s->ds, NULL, 0, &o, &l), ANL_OK);
    assert_int_equal(anl__loader_samples(l), N);
    anl__loader_destroy(l);
    assert_true(given == 2 && taken == 2);
    given = 0;
    o.ring = 3; /* the third is refused */
    assert_int_equal(anl__loader_create(s->f->ctx, s->ds, NULL, 0, &o, &l), ANL_DEVICE_NOMEM);
    assert_int_equal(taken, 4);
}

static void refused_loaders(void **state)
{
    const set_fixture *s = *state;
    anl__loader *l;
    int64_t far[] = {0, N};
    anl__loader_opts o = opts_of(s);
    assert_int_equal(anl__loader_create(s->f->ctx, s->ds, far, 2, &o, &l), ANL_DATA);
    assert_non_null(strstr(anl_last_error(s->f->ctx), "sample 203, but the set has 203"));
    assert_int_equal(anl__loader_create(s->f->ctx, s->ds, far, 0, &o, &l), ANL_DATA);
    o.batch = 0;
    assert_int_equal(anl__loader_create(s->f->ctx, s->ds, NULL, 0, &o, &l), ANL_INVALID);
    o.batch = INT64_MAX;
    assert_int_equal(anl__loader_create(s->f->ctx, s->ds, NULL, 0, &o, &l), ANL_NOMEM);
}

static void every_failed_allocation_is_reported(void **state)
{
    const set_fixture *s = *state;
    anl__loader *l = NULL;
    anl__loader_opts o = opts_of(s);
    anl_status st = ANL_NOMEM;
    int64_t before = anl__live_blocks(s->f->ctx);
    for (int64_t nth = 1; st != ANL_OK; nth++) {
        anl__inject(s->f->ctx, ANL__INJECT_ALLOC, nth);
        st = anl__loader_create(s->f->ctx, s->ds, s->split.train, SUBSET, &o, &l);
        if (st != ANL_OK) {
            assert_int_equal(st, ANL_NOMEM);
            assert_int_equal(anl__live_blocks(s->f->ctx), before);
        }
    }
    anl__inject(s->f->ctx, ANL__INJECT_ALLOC, 0);
    anl__loader_destroy(l);
}

static int values_computed(void **state)
{
    (void)state;
    augment = &computed;
    return 0;
}

static int values_moved(void **state)
{
    (void)state;
    augment = &moved;
    return 0;
}

#define COMPUTED(test) {#test ", computed", test, values_computed, values_moved, NULL}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_sample_once_with_its_label),
        cmocka_unit_test(same_for_any_workers_and_ring),
        cmocka_unit_test(starts_in_the_middle),
        cmocka_unit_test(independent_of_batch_size),
        cmocka_unit_test(epochs_differ_and_unshuffled_keeps_order),
        cmocka_unit_test(restarts),
        cmocka_unit_test(the_callers_memory),
        cmocka_unit_test(refused_loaders),
        cmocka_unit_test(every_failed_allocation_is_reported),
        COMPUTED(same_for_any_workers_and_ring),
        COMPUTED(starts_in_the_middle),
        COMPUTED(independent_of_batch_size),
        COMPUTED(restarts),
        COMPUTED(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
