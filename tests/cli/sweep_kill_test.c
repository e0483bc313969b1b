/* Sweeps whose driver and trials are killed at random moments: the final table is that of the sweep that was
 * left in peace, or, where that depends on time, every trial is what its recipe gives when it is run alone;
 * no process is left over, no trial stands twice, the budget is kept. ANL_KILLS: how many kills in all
 * (default 18).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "runtime/base/philox.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { QUICK = 18, QUICK_TRIALS = 8, LONG_TRIALS = 32 };

static int kills_wanted(void)
{
    return getenv("ANL_KILLS") ? atoi(getenv("ANL_KILLS")) : QUICK;
}
static int trials(void)
{
    return getenv("ANL_KILLS") ? LONG_TRIALS : QUICK_TRIALS;
}

static void rest(uint32_t ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000L};
    nanosleep(&t, NULL);
}

/* The processes of a sweep's trials, by the mark in their environment; returns how many. */
static int trial_processes(const cli *c, const char *dir, pid_t *pid, int most)
{
    static char text[1 << 16];
    char want[600], path[300];
    int n = 0;
    snprintf(want, sizeof want, "ANNEAL_SWEEP=%s/%s", c->dir, dir);
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d)) && n < most;) {
        if (!isdigit((unsigned char)e->d_name[0])) continue;
        snprintf(path, sizeof path, "/proc/%.20s/environ", e->d_name);
        FILE *f = fopen(path, "rb");
        size_t len = f ? fread(text, 1, sizeof text - 1, f) : 0;
        if (f) fclose(f);
        text[len] = 0;
        for (size_t i = 0; i < len; i += strlen(text + i) + 1)
            if (!strcmp(text + i, want)) {
                pid[n++] = (pid_t)atol(e->d_name);
                break;
            }
    }
    if (d) closedir(d);
    return n;
}

/* epochs: of the budget, 0: no limit */
static void write_sweep(cli *c, const char *name, const char *how, int n, int epochs)
{
    char text[2048], limit[40] = "";
    if (epochs) snprintf(limit, sizeof limit, ", epochs: %d", epochs);
    snprintf(text, sizeof text,
             "base: recipe.yaml\nspace:\n  optim.lr: {low: 0.001, high: 0.2, log: true}\n  "
             "model.layers.0.filters: {low: 2, high: 6}\n"
             "  train.batch: [32, 64]\nobjective: valid.loss\noverride: [train.epochs=4]\nretries: "
             "1000\nbudget: {trials: %d%s}\n%s",
             n, limit, how);
    cli_write(c, name, text);
}

/* Kills the driver or a trial, now and then asks the driver to end, until it has ended by itself. */
static int torture(cli *c, const char *words, const char *dir, uint32_t key, int kills)
{
    int done = 0;
    for (uint32_t k = 0; k < 4000; k++) {
        pid_t trial[64];
        int pid = cli_start(c, words), code, n;
        bool over = false;
        while (done < kills && !over) {
            anl__u32x4 r = anl__philox(31, k, key, (uint32_t)done, 0);
            rest(20 + r.v[0] % 400);
            if (r.v[1] % 3 == 0 && (n = trial_processes(c, dir, trial, 64)))
                done += !kill(trial[r.v[2] % (uint32_t)n], SIGKILL);
            else {
                done += !kill(pid, r.v[1] % 3 == 1 ? SIGTERM : SIGKILL);
                over = true;
            }
        }
        code = cli_wait(pid);
        if (code == 0) return done;
        if (code != 75 && code != 128 + SIGKILL && code != 128 + SIGTERM) {
            cli_run(c, words);
            fail_msg("the driver ended with %d: %s", code, c->err);
        }
    }
    fail_msg("the sweep does not come to its end");
    return 0;
}

typedef struct kind {
    const char *name, *how;
    bool equal;  /* the table is that of the sweep that was left in peace; else each trial that of its recipe
                    alone */
    bool scarce; /* the budget has an epoch and a half for a trial, of four */
} kind;

static const kind kinds[] = {
    {"one", "sampler: {name: tpe, startup: 3}\nscheduler: {name: asha, eta: 2}\n", true, false},
    {"median", "sampler: {name: tpe, startup: 3}\nscheduler: {name: median, startup: 2}\n", true, false},
    {"random", "sampler: random\nparallel: 3\n", true, false},
    {"strict",
     "sampler: {name: tpe, startup: 3}\nscheduler: {name: hyperband, eta: 2}\nparallel: 3\norder: strict\n",
     true, false},
    {"async", "sampler: {name: tpe, startup: 3}\nscheduler: {name: asha, eta: 2}\nparallel: 3\n", false,
     false},
    {"scarce", "sampler: {name: tpe, startup: 3}\nscheduler: {name: asha, eta: 2}\nparallel: 3\n", false,
     true},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* The values of valid.loss in a run's log: the last one, and the smallest. Returns how many there are. */
static int losses(const cli *c, const char *run, double *last, double *least)
{
    char path[600], line[4096];
    int n = 0;
    snprintf(path, sizeof path, "%s/%s/metrics.jsonl", c->dir, run);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        const char *p = strstr(line, "{\"kind\":\"epoch\"") ? strstr(line, "\"valid.loss\":") : NULL;
        if (!p) continue;
        *last = strtod(p + 13, NULL);
        if (!n++ || *last < *least) *least = *last;
    }
    if (f) fclose(f);
    return n;
}

/* One line of the table: what `anneal train` makes of the trial's point, alone and undisturbed, is the same
 * to the last bit: weights, and both values. Returns the epochs. */
static int same_alone(cli *c, const char *dir, const char *line)
{
    char state[16], values[2][40] = {"", ""}, lr[40], filters[40], batch[40], words[512], run[80], want[65],
                    got[65];
    int number, step, at = 0;
    double last = 0, least = 0;
    if (sscanf(line, "%d,%15[a-z],%d,%n", &number, state, &step, &at) != 3 || !at) fail_msg("%s", line);
    for (int i = 0; i < 2; i++) {
        size_t n = strcspn(line + at, ",");
        snprintf(values[i], sizeof values[i], "%.*s", (int)n, line + at);
        at += (int)n + 1;
    }
    assert_int_equal(sscanf(line + at, "%39[^,],%39[^,],%39[^,],", lr, filters, batch), 3);
    snprintf(words, sizeof words,
             "train %s/base.yaml optim.lr=%s model.layers.0.filters=%s train.batch=%s --run alone/%s-%d "
             "--no-test --until %d",
             dir, lr, filters, batch, dir, number, step);
    cli_expect(c, 0, words);
    snprintf(run, sizeof run, "%s/trials/%04d", dir, number);
    cli_digest(c, run, want);
    snprintf(run, sizeof run, "alone/%s-%d", dir, number);
    cli_digest(c, run, got);
    assert_string_equal(want, got);
    assert_int_equal(losses(c, run, &last, &least), step);
    if (strtod(values[1], NULL) != last) fail_msg("alone it is %.17g: %s", last, line);
    if (!strcmp(state, "complete") && strtod(values[0], NULL) != least)
        fail_msg("alone it is %.17g: %s", least, line);
    return step;
}

/* The sweep in `dir` is as it should be after all. */
static void check(cli *c, const kind *k, const char *dir, const char *want)
{
    static char table[65536];
    char words[256];
    pid_t left[64];
    int n = 0, epochs = 0;
    assert_int_equal(trial_processes(c, dir, left, 64), 0);
    cli_run(c, "sweep status nowhere"); /* takes away what the killed ones had said */
    snprintf(words, sizeof words, "sweep export %s", dir);
    cli_expect(c, 0, words);
    if (k->equal) assert_string_equal(c->out, want);
    if (strstr(c->out, ",failed,") || strstr(c->out, ",running,"))
        fail_msg("a killed trial counts as failed, or did not end:\n%s", c->out);
    memcpy(table, c->out, sizeof table);
    for (char *line = strchr(table, '\n') + 1; *line; line = strchr(line, '\n') + 1, n++) {
        assert_int_equal(atoi(line), n);
        if (!k->equal) epochs += same_alone(c, dir, line);
        snprintf(words, sizeof words, "%s/trials/%04d", dir, n);
        cli_log_once(c, words);
    }
    if (k->scarce)
        assert_in_range(epochs, trials() * 3 / 2 - 1, trials() * 3 / 2); /* the longest step is two */
    else assert_int_equal(n, trials());
    snprintf(words, sizeof words, "sweep check %s", dir); /* each number once, each proposal explained */
    cli_expect(c, 0, words);
    snprintf(words, sizeof words, "%d proposals made again", n);
    cli_says(c, words);
}

static void test_kind(cli *c, const kind *k, uint32_t key, int kills)
{
    static char want[65536];
    char file[64], words[256], dir[64];
    snprintf(file, sizeof file, "%s.yaml", k->name);
    write_sweep(c, file, k->how, trials(), k->scarce ? trials() * 3 / 2 : 0);
    if (k->equal) {
        snprintf(words, sizeof words, "sweep %s --dir %s-peace", file, k->name);
        cli_expect(c, 0, words);
        snprintf(words, sizeof words, "sweep export %s-peace", k->name);
        cli_expect(c, 0, words);
        memcpy(want, c->out, sizeof want);
    }
    for (int done = 0, round = 0; done < kills; round++) {
        snprintf(dir, sizeof dir, "%s-%d", k->name, round);
        snprintf(words, sizeof words, "sweep %s --dir %s", file, dir);
        int now = torture(c, words, dir, key + (uint32_t)round * KINDS, kills - done);
        check(c, k, dir, want);
        printf("%s: %d kills\n", dir, now);
        done += now;
    }
}

static void test_killed(void **state)
{
    for (uint32_t i = 0; i < KINDS; i++)
        test_kind(*state, &kinds[i], i, (kills_wanted() + KINDS - 1) / KINDS);
}

/* SIGTERM to the driver: every trial is asked for a checkpoint, and has time to write it. */
static void test_term(void **state)
{
    cli *c = *state;
    char path[600];
    cli_write(c, "term.yaml",
              "base: recipe.yaml\nspace: {optim.lr: {low: 0.001, high: 0.2, log: true}}\nobjective: "
              "valid.loss\nsampler: random\n"
              "override: [train.epochs=400, checkpoint.every=100000 steps]\nbudget: {trials: 2}\nparallel: "
              "2\ntest: false\n");
    cli_run(c, "sweep status nowhere"); /* takes away what was said before */
    int driver = cli_start(c, "sweep term.yaml --dir term");
    for (int t = 0; t < 2; t++) {
        snprintf(path, sizeof path, "%s/term/trials/%04d/metrics.jsonl", c->dir, t);
        for (int k = 0; k < 500 && access(path, F_OK); k++) rest(20);
    }
    kill(driver, SIGTERM);
    assert_int_equal(cli_wait(driver), 75);
    cli_run(c, "sweep status term");
    cli_says(c, "interrupted: every trial has its checkpoint. Go on with: anneal sweep term");
    cli_says(c, "2 trials of 2: 2 running");
    for (int t = 0; t < 2; t++) {
        char line[1024];
        int written = 0;
        snprintf(path, sizeof path, "term/trials/%04d", t);
        assert_true(cli_verify(c, path) >= 1);
        snprintf(path, sizeof path, "%s/term/trials/%04d/log.txt", c->dir, t);
        FILE *f = fopen(path, "r");
        while (f && fgets(line, sizeof line, f)) written += !strncmp(line, "interrupted at step ", 20);
        if (f) fclose(f);
        assert_int_equal(written, 1);
    }
}

/* What a launcher had started does not outlive a driver that is killed, also when no other comes. */
static void test_orphans(void **state)
{
    cli *c = *state;
    pid_t trial[64];
    char path[600];
    int n = 0;
    write_sweep(
        c, "orphans.yaml",
        "sampler: random\nparallel: 2\nlauncher: \"{cmd} train.epochs=100000; exit $?\"\ntest: false\n", 2,
        0);
    int driver = cli_start(c, "sweep orphans.yaml --dir orphans");
    for (int k = 0; k < 500 && n < 4; k++, rest(20)) n = trial_processes(c, "orphans", trial, 64);
    assert_int_equal(n, 4); /* two shells, two programs */
    for (int t = 0; t < 2; t++) {
        snprintf(path, sizeof path, "%s/orphans/trials/%04d/metrics.jsonl", c->dir, t);
        for (int k = 0; k < 1500 && access(path, F_OK); k++) rest(20); /* they train */
        assert_int_equal(access(path, F_OK), 0);
    }
    kill(driver, SIGKILL);
    cli_wait(driver);
    for (int k = 0; k < 500 && n; k++, rest(20)) n = trial_processes(c, "orphans", trial, 64);
    assert_int_equal(n, 0);
}

/* The machine died and the store lost its last decisions, here all of them, but not the runs' directories: a
 * trial whose point is another one now begins anew, and what was there is kept. */
static void test_store_lost(void **state)
{
    cli *c = *state;
    char path[600], words[256];
    int aside = 0;
    const char *how =
        "sampler: {name: tpe, startup: 2}\nscheduler: {name: asha, eta: 2}\nparallel: %d\ntest: false\n";
    for (int parallel = 4; parallel >= 1; parallel -= 3) {
        snprintf(words, sizeof words, how, parallel);
        write_sweep(c, "lost.yaml", words, QUICK_TRIALS, 0);
        cli_expect(c, 0, "sweep lost.yaml --dir lost");
        if (parallel == 1) break;
        snprintf(path, sizeof path, "%s/lost/sweep.db", c->dir);
        assert_int_equal(unlink(path), 0);
    }
    cli_expect(c, 0, "sweep check lost");
    cli_expect(c, 0, "sweep export lost");
    if (strstr(c->out, ",failed,"))
        fail_msg("a trial was refused for what an older one had left:\n%s", c->out);
    for (int t = 0; t < QUICK_TRIALS; t++) {
        snprintf(path, sizeof path, "%s/lost/trials/%04d.lost/metrics.jsonl", c->dir, t);
        aside += access(path, F_OK) == 0;
    }
    assert_in_range(aside, 1, QUICK_TRIALS - 2); /* those of the first two have the same point again */
}

/* 32 at once: nobody waits for the store, no result is lost. */
static void test_many(void **state)
{
    cli *c = *state;
    cli_write(c, "fake.sh",
              "while [ $# -gt 1 ]; do [ \"$1\" = --run ] && run=$2; shift; done\n"
              "for e in 1 2 3 4; do echo "
              "'{\"kind\":\"epoch\",\"step\":'$e',\"epoch\":'$e',\"train.loss\":1,\"valid.loss\":0.'$ANNEAL_"
              "TRIAL'}' >> $run/metrics.jsonl; done\n");
    write_sweep(c, "many.yaml",
                "sampler: {name: tpe}\nparallel: 32\nlauncher: sh fake.sh {cmd}\ntest: false\n", 128, 0);
    int driver = cli_start(c, "sweep many.yaml --dir many");
    for (int k = 0; k < 6; k++) { /* readers do not disturb it */
        cli_run(c, "sweep status many");
        assert_null(strstr(c->err, "locked"));
    }
    assert_int_equal(cli_wait(driver), 0);
    cli_expect(c, 0, "sweep status many");
    cli_says(c, "128 complete");
    cli_expect(c, 0, "sweep check many");
    cli_expect(c, 0, "sweep export many"); /* each trial has its own result: 0.7 for trial 7 */
    const char *line = strchr(c->out, '\n') + 1;
    for (int k = 0; k < 128; k++, line = strchr(line, '\n') + 1) {
        char want[16], is[16];
        double got;
        int number;
        assert_int_equal(sscanf(line, "%d,%15[a-z],4,%lf,", &number, is, &got), 3);
        snprintf(want, sizeof want, "0.%d", k);
        assert_int_equal(number, k);
        if (got != strtod(want, NULL)) fail_msg("%s", line);
    }
    cli_expect(c, 0, "sweep export many --json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed), cmocka_unit_test(test_term),
                                       cmocka_unit_test(test_orphans), cmocka_unit_test(test_store_lost),
                                       cmocka_unit_test(test_many)};
    return cmocka_run_group_tests_name("cli/sweep_kill", tests, cli_setup, cli_teardown);
}
