/* The store gives back what was put into it, to the last bit; and says which files it does not read. */
#include "fixture.h"
#include "tests/common/scratch.h"

#include "tools/sweep/sweep_store.h"

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

static const char text[] =
    "base: base.yaml\nspace: {optim.lr: {low: 1e-5, high: 1, log: true}, optim.name: [sgd, adam]}\n"
    "objective: [valid.loss, seconds]\nconstraints: [{metric: memory, max: 3}]\nbudget: {trials: "
    "1000}\nsampler: random\n";

static void put_file(const char *dir, const char *name, const char *what)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(what, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void ok(anl_ctx *ctx, anl_status st)
{
    if (st != ANL_OK) fail_msg("%s", anl_last_error(ctx));
}

/* A directory with a sweep's recipe; the recipe. */
static sweep_recipe *begin(anl_ctx *ctx, char *dir)
{
    char path[512];
    sweep_recipe *r = NULL;
    assert_true(scratch_make(dir, "store"));
    put_file(dir, "base.yaml", "data: {path: none}\n");
    put_file(dir, "s.yaml", text);
    snprintf(path, sizeof path, "%s/s.yaml", dir);
    ok(ctx, sweep_recipe_load(ctx, path, NULL, &r));
    return r;
}

static double number(int k, int j) { return sin(12.9898 * k + 78.233 * j) * pow(10, k % 11 - 5); }

static void exact(void **state)
{
    enum { N = 500 };
    char dir[SCRATCH_PATH];
    anl_ctx *ctx = *state;
    sweep_recipe *r = begin(ctx, dir);
    store *db = NULL;
    sweep_state s, back;
    ok(ctx, store_open(ctx, dir, true, &db));
    ok(ctx, sweep_state_load(ctx, r, db, &s));
    ok(ctx, store_begin(db));
    for (int k = 0; k < N; k++) {
        sweep_trial *t;
        double point[2] = {0.01, k % 2};
        trial_row row = {.epoch = 1};
        ok(ctx, sweep_state_add(&s, k, "sampler", point, &t));
        for (int i = 0; i < 2; i++) {
            t->objective[i] = number(k, i);
            t->deviation[i] = number(k, 2 + i);
            row.value[i] = number(k, 4 + i);
        }
        t->constraint[0] = row.value[2] = number(k, 6);
        t->shown_value = number(k, 7);
        ok(ctx, store_put_trial(db, r, t));
        ok(ctx, store_put_row(db, r, t, &row));
    }
    ok(ctx, store_commit(db));
    store_close(db);
    ok(ctx, store_open(ctx, dir, false, &db));
    ok(ctx, sweep_state_load(ctx, r, db, &back));
    assert_int_equal(back.n, N);
    for (int k = 0; k < N; k++) {
        const sweep_trial *t = back.trial[k], *was = s.trial[k];
        assert_memory_equal(t->objective, was->objective, 2 * sizeof(double));
        assert_memory_equal(t->deviation, was->deviation, 2 * sizeof(double));
        assert_memory_equal(t->constraint, was->constraint, sizeof(double));
        assert_memory_equal(&t->shown_value, &was->shown_value, sizeof(double));
        assert_int_equal(t->n_rows, 1);
        for (int i = 0; i < 3; i++) assert_true(t->row[0].value[i] == number(k, 4 + i));
        assert_true(t->values[0] == 0.01 && t->values[1] == k % 2);
    }
    sweep_state_free(&s);
    sweep_state_free(&back);
    store_close(db);
    sweep_recipe_free(r);
    assert_true(scratch_remove(dir));
}

static void run_sql(const char *dir, const char *sql)
{
    char path[512];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/sweep.db", dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* Of a newer version, and one that a kill left without its tables: named, by readers and writers. */
static void others(void **state)
{
    char dir[SCRATCH_PATH];
    anl_ctx *ctx = *state;
    store *db = NULL;
    sweep_recipe_free(begin(ctx, dir));
    assert_int_equal(store_open(ctx, dir, false, &db), ANL_INVALID); /* nothing there yet */
    assert_non_null(strstr(anl_last_error(ctx), "has no sweep.db"));
    ok(ctx, store_open(ctx, dir, true, &db));
    store_close(db);
    run_sql(dir, "UPDATE meta SET value = '77' WHERE key = 'version'");
    for (int write = 0; write < 2; write++) {
        assert_int_equal(store_open(ctx, dir, write, &db), ANL_FORMAT);
        assert_non_null(strstr(anl_last_error(ctx), "written by a newer version (schema 77"));
    }
    run_sql(dir, "UPDATE meta SET value = '1' WHERE key = 'version'; ALTER TABLE log DROP COLUMN point");
    ok(ctx,
       store_open(ctx, dir, false, &db)); /* an older one is read, and brought up to date by its driver */
    store_close(db);
    ok(ctx, store_open(ctx, dir, true, &db));
    ok(ctx, store_log(db, &(log_entry){.kind = "propose", .trial = 0, .seen = -1}));
    store_close(db);
    ok(ctx, store_open(ctx, dir, true, &db)); /* once */
    store_close(db);
    run_sql(dir, "DROP TABLE meta");
    assert_int_equal(store_open(ctx, dir, false, &db), ANL_INVALID);
    assert_non_null(strstr(anl_last_error(ctx), "nothing has been begun"));
    assert_true(scratch_remove(dir));
}

static anl_status count_trials(anl_ctx *ctx, const sweep_recipe *r, const char *dir, int64_t *n)
{
    store *db;
    sweep_state s;
    ANL_TRY(store_open(ctx, dir, false, &db));
    anl_status st = sweep_state_load(ctx, r, db, &s);
    if (st == ANL_OK) {
        *n = s.n;
        sweep_state_free(&s);
    }
    store_close(db);
    return st;
}

/* A directory that may only be read: a colleague's, an archive. */
static void read_only(void **state)
{
    char dir[] = "/tmp/anneal st%re-XXXXXX", command[600]; /* a name that is special in a URI */
    anl_ctx *ctx = *state;
    sweep_recipe *r = begin(ctx, dir);
    store *db = NULL;
    sweep_state s;
    double point[2] = {0.01, 1};
    sweep_trial *t;
    int status;
    ok(ctx, store_open(ctx, dir, true, &db));
    ok(ctx, sweep_state_load(ctx, r, db, &s));
    ok(ctx, sweep_state_add(&s, 0, "sampler", point, &t));
    ok(ctx, store_put_trial(db, r, t));
    sweep_state_free(&s);
    store_close(db);
    snprintf(command, sizeof command, "chmod a+rX,a-w '%s' '%s'/*", dir, dir);
    assert_int_equal(system(command), 0);
    pid_t child = fork();
    if (child == 0) { /* root may write everywhere */
        int64_t n = 0;
        if (geteuid() == 0 && setuid(65534)) _exit(3);
        if (!access(dir, W_OK)) _exit(4);
        if (count_trials(ctx, r, dir, &n) != ANL_OK) {
            print_error("%s\n", anl_last_error(ctx));
            _exit(5);
        }
        _exit(n == 1 ? 0 : 6);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    snprintf(command, sizeof command, "chmod u+w '%s'", dir);
    assert_int_equal(system(command), 0);
    sweep_recipe_free(r);
    assert_true(scratch_remove(dir));
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {sweep_test(exact), sweep_test(others), sweep_test(read_only)};
    return cmocka_run_group_tests_name("sweep/store", tests, NULL, NULL);
}
