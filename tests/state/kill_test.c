/* A child takes a step, logs it and checkpoints it, again and again, and is killed at a random moment
 * (SIGKILL; seeded delays); then another goes on from what is there. After each kill: every file under a
 * final name verifies, nothing that was reported durable is lost, and the log cut at the checkpoint's mark
 * has each step once. ANL_KILLS: how many (40).
 */
#include "tests/state/state_test.h"

#include "runtime/base/philox.h"
#include "runtime/state/metrics_log.h"
#include "runtime/state/run_dir.h"
#include "runtime/state/writer.h"

#include <dirent.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef ANL_HAVE_HDF5

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "child: %s:%d: %s: %s\n", __FILE__, __LINE__, #cond, anl_last_error(f->ctx)); \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

enum { ATTRS = 3 };
static const char *const mark_name[ATTRS] = {"log_jsonl", "log_csv", "log_events"};

/* Each step a row; each checkpoint after a sync of the log, as the training loop does it. */
static void child(fixture *f, _Atomic int64_t *durable)
{
    anl__run_dir *d;
    anl__mlog *log;
    anl__writer *w;
    anl__ckpt *k;
    static content c;
    const char *both[2] = {at(f, "run/checkpoints"), at(f, "mirror")};
    anl__writer_opts o = {.dir = both[0], .mirror = both[1], .keep = 2};
    CHECK(anl__run_dir_open(f->ctx, at(f, "run"), true, &d) == ANL_OK);
    CHECK(anl__ckpt_newest(f->ctx, both, 2, &k) == ANL_OK);
    int64_t step = k ? anl__ckpt_step(k) : 0;
    CHECK(step >= atomic_load(durable));
    anl__mlog_mark m = {0};
    if (k)
        m = (anl__mlog_mark){anl__ckpt_int(k, mark_name[0], -1), anl__ckpt_int(k, mark_name[1], -1),
                             anl__ckpt_int(k, mark_name[2], -1)};
    anl__ckpt_close(k);
    CHECK(anl__mlog_open(f->ctx, anl__run_dir_path(d), true, step ? &m : NULL, &log) == ANL_OK);
    CHECK(anl__writer_create(f->ctx, &o, &w) == ANL_OK);
    for (;;) {
        step++;
        anl__mlog_field field = {.name = "loss", .value = 1.0 / (double)step};
        CHECK(anl__mlog_row(log, step % 4 ? "step" : "epoch", step, &field, 1) == ANL_OK);
        CHECK(anl__mlog_sync(log, &m) == ANL_OK);
        content_make(&c, step);
        int64_t mark[ATTRS] = {m.jsonl, m.csv, m.events};
        for (int i = 0; i < ATTRS; i++)
            c.attr[i] = (anl__ckpt_attr){.name = mark_name[i], .type = ANL__CKPT_INT, .i = mark[i]};
        c.c.n_attr = ATTRS;
        CHECK(anl__writer_submit(w, &c.c, step % 5 == 0) == ANL_OK);
        if (anl__writer_step(w) > 0) atomic_store(durable, anl__writer_step(w));
    }
}

/* Every checkpoint of a directory, and what its pointers name. */
static void verify_all(fixture *f, const char *dir)
{
    DIR *d = opendir(dir);
    static content c;
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[700];
        anl__ckpt *k;
        if (strncmp(e->d_name, "step-", 5) || strstr(e->d_name, ".tmp.")) continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        assert_ok(f, anl__ckpt_open(f->ctx, path, &k));
        content_make(&c, anl__ckpt_step(k));
        anl__ckpt_tensor t = anl__ckpt_find(k, "params", "conv1.weight");
        assert_memory_equal(t.data, c.data[0], (size_t)anl_shape_count(&t.shape) * sizeof(float));
        anl__ckpt_close(k);
    }
    if (d) closedir(d);
    for (int i = 0; i < 2; i++) {
        char path[700];
        int64_t step = anl__ckpt_pointed(f->ctx, dir, i ? "best" : "last");
        snprintf(path, sizeof path, "%s/step-%09lld.h5", dir, (long long)step);
        assert_true(step < 0 || anl__path_exists(path));
    }
}

/* The log up to the newest checkpoint: steps 1, 2, 3 ... each once. */
static void verify_log(fixture *f)
{
    anl__ckpt *k;
    const char *dir = at(f, "run/checkpoints");
    assert_ok(f, anl__ckpt_newest(f->ctx, &dir, 1, &k));
    if (!k) return;
    int64_t length = anl__ckpt_int(k, "log_jsonl", -1), last = anl__ckpt_step(k), step = 0;
    anl__ckpt_close(k);
    size_t n;
    char *text = take(at(f, "run/metrics.jsonl"), &n), *p = text;
    assert_true((int64_t)n >= length);
    text[length] = 0;
    while ((p = strstr(p, "\"step\":"))) assert_int_equal(strtoll(p + 7, &p, 10), ++step);
    assert_int_equal(step, last);
    free(text);
}

/* Half of the children are killed at any moment from their start, half soon after their first checkpoint
 * became durable. */
static void let_live(int i, _Atomic int64_t *durable)
{
    int64_t before = atomic_load(durable);
    uint32_t r = anl__philox(7, (uint32_t)i, 0, 0, 0).v[0];
    for (int k = 0; i % 2 && k < 20000 && atomic_load(durable) == before; k++) usleep(1000);
    usleep(r % (i % 2 ? 15000 : 40000));
}

/* One that is not killed leaves nothing behind but what is kept. */
static void one_more(fixture *f)
{
    static content c;
    anl__writer *w;
    const char *dir = at(f, "run/checkpoints");
    anl__writer_opts o = {.dir = dir, .keep = 2};
    int64_t step = anl__ckpt_pointed(f->ctx, dir, "last") + 10;
    assert_ok(f, anl__writer_create(f->ctx, &o, &w));
    assert_ok(f, anl__writer_submit(w, content_make(&c, step), false));
    assert_ok(f, anl__writer_wait(w));
    anl__writer_destroy(w);
    assert_int_equal(entries(dir, ".tmp."), 0);
    assert_in_range(entries(dir, "step-"), 1, 3);
}

static void kills(void **state)
{
    fixture *f = *state;
    const char *wish = getenv("ANL_KILLS");
    int kills = wish ? (int)strtol(wish, NULL, 10) : 40;
    _Atomic int64_t *durable =
        mmap(NULL, sizeof *durable, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(durable != MAP_FAILED);
    atomic_store(durable, -1);
    for (int i = 0; i < kills; i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) child(f, durable);
        let_live(i, durable);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status)); /* else it has found something wrong */
        verify_all(f, at(f, "run/checkpoints"));
        verify_all(f, at(f, "mirror"));
        verify_log(f);
    }
    print_message("%d kills, %lld steps durable\n", kills, (long long)atomic_load(durable));
    assert_true(atomic_load(durable) >= kills / 2);
    munmap(durable, sizeof *durable);
    one_more(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kills, fixture_setup, fixture_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void) { return 0; /* a build without HDF5 has no checkpoints */ }
#endif
