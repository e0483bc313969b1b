/* The asynchronous writer: order, pointers, pruning, failures once, the mirror, the command, rollback. */
#include "tests/state/state_test.h"

#include "runtime/state/ckpt_file.h"
#include "runtime/state/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef ANL_HAVE_HDF5

static anl__writer *start(fixture *f, const char *mirror, const char *command)
{
    anl__writer *w = NULL;
    anl__writer_opts o = {.dir = at(f, "ck"),
                          .mirror = mirror,
                          .command = command,
                          .run = "the run",
                          .command_timeout_s = 20,
                          .keep = 2};
    assert_ok(f, anl__writer_create(f->ctx, &o, &w));
    return w;
}

static anl_status submit(anl__writer *w, int64_t step, bool best)
{
    content *c = malloc(sizeof *c);
    anl_status st = anl__writer_submit(w, content_make(c, step), best);
    memset(c, 0xff, sizeof *c); /* all was copied */
    free(c);
    return st;
}

static const char *until_warning(anl__writer *w)
{
    const char *said = NULL;
    for (int i = 0; i < 4000 && !said; i++) {
        said = anl__writer_warning(w);
        if (!said) usleep(5000);
    }
    return said;
}

static void in_order(void **state)
{
    fixture *f = *state;
    anl__writer *w = start(f, NULL, NULL);
    assert_int_equal(anl__writer_step(w), -1);
    assert_true(anl__writer_seconds(w) == 0 && anl__writer_copy_age(w) < 0);
    assert_ok(f, anl__writer_wait(w));
    for (int s = 1; s <= 9; s++) { /* each while the one before is being written */
        assert_ok(f, submit(w, s * 10, s == 3));
        assert_true(anl__writer_step(w) >= (s - 1) * 10 || s == 1);
    }
    assert_ok(f, anl__writer_wait(w));
    assert_int_equal(anl__writer_step(w), 90);
    assert_true(anl__writer_seconds(w) > 0);
    assert_int_equal(anl__ckpt_pointed(f->ctx, at(f, "ck"), "last"), 90);
    assert_int_equal(anl__ckpt_pointed(f->ctx, at(f, "ck"), "best"), 30);
    assert_null(anl__writer_warning(w));
    anl__writer_destroy(w);
    anl__writer_destroy(NULL);
    assert_int_equal(entries(at(f, "ck"), "step-"), 3);
    for (int s = 30; s <= 90; s += s == 30 ? 50 : 10) {
        char name[64];
        int64_t step;
        snprintf(name, sizeof name, "ck/step-%09d.h5", s);
        assert_ok(f, verify(f->ctx, at(f, name), &step));
        assert_int_equal(step, s);
    }
}

/* From the second submit on nothing is allocated on the owner's side. */
static void no_allocation(void **state)
{
    fixture *f = *state;
    anl__writer *w = start(f, NULL, NULL);
    assert_ok(f, submit(w, 1, false));
    anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
    for (int s = 2; s < 5; s++) assert_ok(f, submit(w, s * 1000000, false));
    assert_int_equal(anl__inject_seen(f->ctx, ANL__INJECT_ALLOC), 0);
    anl__writer_destroy(w);
}

static void refused_options(void **state)
{
    fixture *f = *state;
    anl__writer *w;
    assert_int_equal(anl__writer_create(f->ctx, &(anl__writer_opts){.dir = at(f, "ck"), .keep = 0}, &w),
                     ANL_INVALID);
    assert_int_equal(anl__writer_create(f->ctx, &(anl__writer_opts){.keep = 1}, &w), ANL_INVALID);
    put(at(f, "plain"), "", 0);
    assert_int_equal(anl__writer_create(f->ctx, &(anl__writer_opts){.dir = at(f, "plain"), .keep = 1}, &w),
                     ANL_IO);
    for (int n = 1;; n++) {
        anl__inject(f->ctx, ANL__INJECT_ALLOC, n);
        anl_status st = anl__writer_create(
            f->ctx,
            &(anl__writer_opts){.dir = at(f, "ck"), .mirror = at(f, "m"), .command = "true", .keep = 1}, &w);
        anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
        if (st == ANL_OK) break;
        assert_int_equal(st, ANL_NOMEM);
    }
    anl__writer_destroy(w);
}

/* The n-th operation of the writing thread fails: said once, then all goes on; what was there stays. */
static void failures_once(void **state)
{
    fixture *f = *state;
    anl__writer *w = start(f, NULL, NULL);
    anl_ctx *own = anl__writer_ctx(w, 0);
    int64_t step = 1;
    assert_null(anl__writer_ctx(w, 1));
    assert_ok(f, submit(w, step, true));
    assert_ok(f, anl__writer_wait(w));
    for (int kind = 0; kind < ANL__INJECT_COUNT; kind++) {
        anl_status st = ANL_IO;
        for (int n = 1; st != ANL_OK; n++) {
            anl__inject(own, (anl__inject_kind)kind, n);
            assert_ok(f, submit(w, step + 1, false));
            st = n % 2 ? anl__writer_wait(w)
                       : submit(w, 77, false); /* both tell, and such a submit takes nothing */
            anl__inject(own, (anl__inject_kind)kind, 0);
            if (st != ANL_OK) {
                assert_int_equal(st, kind == ANL__INJECT_ALLOC ? ANL_NOMEM : ANL_IO);
                assert_true(strlen(anl_last_error(f->ctx)) > 10);
                assert_ok(f, anl__writer_wait(w));
            } else if (n % 2 == 0) { /* that submit took step 77, which may have met the fault before it was taken away */
                anl_status late = anl__writer_wait(w);
                assert_true(late == ANL_OK || late == (kind == ANL__INJECT_ALLOC ? ANL_NOMEM : ANL_IO));
                assert_ok(f, anl__writer_wait(w));
                unlink(at(f, "ck/step-000000077.h5"));
                assert_ok(f, submit(w, step + 1, false));
                assert_ok(f, anl__writer_wait(w));
            }
            const char *warned = anl__writer_warning(w); /* pruning may be what failed */
            assert_true(!warned || strstr(warned, "old checkpoints stay"));
            if (warned) st = ANL_IO;
            anl__ckpt *k;
            const char *dir = at(f, "ck");
            assert_ok(f, anl__ckpt_newest(f->ctx, &dir, 1, &k));
            assert_true(content_is(k, anl__ckpt_step(k)) && anl__ckpt_step(k) >= step);
            anl__ckpt_close(k);
            assert_int_equal(anl__ckpt_pointed(f->ctx, dir, "best"), 1);
            assert_ok(f, verify(f->ctx, at(f, "ck/step-000000001.h5"), NULL));
        }
        step++;
    }
    anl__writer_destroy(w);
    assert_int_equal(entries(at(f, "ck"), ".tmp."), 0);
}

/* The mirror has the newest, the best and their pointers; with the first directory gone it is what a run
   starts from, and it brings everything home. */
static void mirrored(void **state)
{
    fixture *f = *state;
    anl__ckpt *k;
    anl__writer *w = start(f, at(f, "far/mirror"), NULL);
    const char *both[2] = {at(f, "ck"), at(f, "far/mirror")};
    for (int s = 1; s <= 6; s++) assert_ok(f, submit(w, s, s == 2));
    anl__writer_destroy(w);
    assert_int_equal(anl__ckpt_pointed(f->ctx, both[1], "last"), 6);
    assert_int_equal(anl__ckpt_pointed(f->ctx, both[1], "best"), 2);
    assert_ok(f, verify(f->ctx, at(f, "far/mirror/step-000000006.h5"), NULL));
    assert_ok(f, verify(f->ctx, at(f, "far/mirror/step-000000002.h5"), NULL));
    assert_true(entries(both[1], "step-") <= 3);
    assert_int_equal(rename(both[0], at(f, "gone")), 0);
    assert_ok(f, anl__ckpt_newest(f->ctx, both, 2, &k));
    assert_int_equal(anl__ckpt_step(k), 6);
    anl__ckpt_close(k);
    assert_ok(f, anl__ckpt_mirror(f->ctx, both[1], both[0], 6, 2));
    assert_ok(f, verify(f->ctx, at(f, "ck/step-000000006.h5"), NULL));
    assert_ok(f, verify(f->ctx, at(f, "ck/step-000000002.h5"), NULL));
    assert_int_equal(anl__ckpt_pointed(f->ctx, both[0], "best"), 2);
    assert_int_equal(anl__ckpt_mirror(f->ctx, both[1], both[0], 5555, 2), ANL_DATA);
}

/* A mirror that fails in every possible way is a warning; the run's own checkpoints and the mirror's old ones
 * stay good. */
static void mirror_fails(void **state)
{
    fixture *f = *state;
    put(at(f, "plain"), "", 0);
    anl__writer *w = start(f, at(f, "plain/mirror"), NULL);
    assert_non_null(anl__writer_warning(w));
    assert_ok(f, submit(w, 1, false));
    assert_ok(f, anl__writer_wait(w));
    const char *said = until_warning(w);
    assert_true(said && strstr(said, "not mirrored"));
    assert_null(anl__writer_warning(w));
    unlink(at(f, "plain")); /* it comes back */
    for (int s = 2; anl__writer_copy_age(w) < 0 && s < 2000; s++) assert_ok(f, submit(w, s, false));
    assert_true(anl__writer_copy_age(w) >= 0);
    anl__writer_destroy(w);
    int64_t step, before = anl__ckpt_pointed(f->ctx, at(f, "plain/mirror"), "last");
    for (int kind = 0; kind < ANL__INJECT_COUNT; kind++) {
        bool failed = true;
        for (int n = 1; failed; n++) {
            w = start(f, at(f, "plain/mirror"), NULL);
            anl__inject(anl__writer_ctx(w, 1), (anl__inject_kind)kind, n);
            assert_ok(f, submit(w, 5000 + n, false));
            assert_ok(f, anl__writer_wait(w));
            while (anl__writer_copy_age(w) < 0 && !(said = anl__writer_warning(w))) usleep(500);
            failed = anl__writer_copy_age(w) < 0;
            anl__writer_destroy(w);
            const char *dir = at(f, "plain/mirror");
            anl__ckpt *k;
            assert_ok(f, anl__ckpt_newest(f->ctx, &dir, 1, &k));
            step = anl__ckpt_step(k);
            assert_true(content_is(k, step) && step >= before);
            anl__ckpt_close(k);
            assert_true(!failed || said);
        }
    }
}

static void commanded(void **state)
{
    fixture *f = *state;
    char line[700];
    snprintf(line, sizeof line, "cp {file} '%s' && echo {run} >> '%s'", at(f, "copy.h5"), at(f, "told"));
    anl__writer *w = start(f, NULL, line);
    assert_ok(f, submit(w, 5, false));
    anl__writer_destroy(w); /* waits for it */
    assert_ok(f, verify(f->ctx, at(f, "copy.h5"), NULL));
    char *text = take(at(f, "told"), NULL);
    assert_string_equal(text, "the run\n");
    free(text);
    w = start(f, NULL, "echo no credentials; exit 9");
    assert_ok(f, submit(w, 6, false));
    assert_ok(f, anl__writer_wait(w));
    const char *said = until_warning(w);
    assert_true(said && strstr(said, "not handed on (none was yet)") && strstr(said, "exit code 9") &&
                strstr(said, "no credentials"));
    assert_true(anl__writer_copy_age(w) < 0);
    anl__writer_destroy(w);
}

/* A slow command holds up no checkpoint, its file stays until it has ended, and the newest is handed on next.
 */
static void slow_command(void **state)
{
    fixture *f = *state;
    char line[900];
    snprintf(line, sizeof line,
             "echo {file} >> '%s'; while ! test -e '%s'; do sleep 0.02; done; test -e {file}", at(f, "told"),
             at(f, "go"));
    anl__writer *w = start(f, NULL, line);
    assert_ok(f, submit(w, 1, false));
    assert_ok(f, anl__writer_wait(w));
    for (int i = 0; i < 4000 && !anl__path_exists(at(f, "told")); i++) usleep(5000);
    for (int s = 2; s <= 8; s++) {
        assert_ok(f, submit(w, s, false));
        assert_ok(f, anl__writer_wait(w));
    }
    assert_true(anl__path_exists(at(f, "ck/step-000000001.h5")));
    put(at(f, "go"), "", 0);
    anl__writer_destroy(w);
    char *text = take(at(f, "told"), NULL), want[700];
    snprintf(want, sizeof want, "%s\n%s\n", at(f, "ck/step-000000001.h5"), at(f, "ck/step-000000008.h5"));
    assert_string_equal(text, want);
    free(text);
}

/* After a rollback neither directory has the steps that were taken back, and the same step may be written
 * anew. */
static void rollback(void **state)
{
    fixture *f = *state;
    content c;
    anl__ckpt *k;
    anl__writer *w = start(f, at(f, "m"), NULL);
    const char *both[2] = {at(f, "ck"), at(f, "m")};
    assert_ok(f, submit(w, 10, false));
    assert_ok(f, anl__writer_wait(w));
    assert_ok(f, anl__ckpt_point(f->ctx, both[0], "rollback", 10));
    for (int s = 11; s <= 14; s++) assert_ok(f, submit(w, s, false));
    assert_ok(f, anl__writer_remove_after(w, 10));
    assert_ok(f, anl__ckpt_newest(f->ctx, both, 2, &k));
    assert_int_equal(anl__ckpt_step(k), 10);
    anl__ckpt_close(k);
    content_make(&c, 10);
    c.attr[0].i = 1234;
    assert_ok(f, anl__writer_submit(w, &c.c, false));
    anl__writer_destroy(w);
    for (int d = 0; d < 2; d++) {
        assert_ok(f, anl__ckpt_newest(f->ctx, both + d, 1, &k));
        assert_int_equal(anl__ckpt_step(k), 10);
        assert_int_equal(anl__ckpt_int(k, "epoch", 0), 1234);
        anl__ckpt_close(k);
        assert_int_equal(anl__ckpt_pointed(f->ctx, both[d], "rollback"), 10);
        assert_int_equal(anl__ckpt_pointed(f->ctx, both[d], "last"), 10);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {T(in_order),      T(no_allocation), T(refused_options),
                                       T(failures_once), T(mirrored),      T(mirror_fails),
                                       T(commanded),     T(slow_command),  T(rollback)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void) { return 0; /* a build without HDF5 has no checkpoints */ }
#endif
