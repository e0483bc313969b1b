/* Sweeps whose driver and trials are killed at random moments: the final table is that of the sweep that was
 * left in peace, no process is left over, no trial stands twice. ANL_KILLS: how many kills in all (default
 * 12).
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

enum { QUICK = 12, QUICK_TRIALS = 8, LONG_TRIALS = 32 };

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

static void write_sweep(cli *c, const char *name, const char *how, int n)
{
    char text[2048];
    snprintf(text, sizeof text,
             "base: recipe.yaml\nspace:\n  optim.lr: {low: 0.001, high: 0.2, log: true}\n  "
             "model.layers.0.filters: {low: 2, high: 6}\n"
             "  train.batch: [32, 64]\nobjective: valid.loss\noverride: [train.epochs=4]\nretries: "
             "1000\nbudget: {trials: %d}\n%s",
             n, how);
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
    bool equal; /* the table is that of the sweep that was left in peace */
} kind;

static const kind kinds[] = {
    {"one", "sampler: {name: tpe, startup: 3}\nscheduler: {name: asha, eta: 2}\n", true},
    {"median", "sampler: {name: tpe, startup: 3}\nscheduler: {name: median, startup: 2}\n", true},
    {"random", "sampler: random\nparallel: 3\n", true},
    {"strict",
     "sampler: {name: tpe, startup: 3}\nscheduler: {name: hyperband, eta: 2}\nparallel: 3\norder: strict\n",
     true},
    {"async", "sampler: {name: tpe, startup: 3}\nscheduler: {name: asha, eta: 2}\nparallel: 3\n", false},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* The sweep in `dir` is as it should be after all. */
static void check(cli *c, const kind *k, const char *dir, const char *want)
{
    char words[256];
    pid_t left[64];
    assert_int_equal(trial_processes(c, dir, left, 64), 0);
    snprintf(words, sizeof words, "sweep check %s", dir); /* each number once, each proposal explained */
    cli_expect(c, 0, words);
    snprintf(words, sizeof words, "%d proposals made again", trials());
    cli_says(c, words);
    snprintf(words, sizeof words, "sweep export %s", dir);
    cli_expect(c, 0, words);
    if (k->equal) assert_string_equal(c->out, want);
    if (strstr(c->out, ",failed,")) fail_msg("a killed trial counts as failed:\n%s", c->out);
    for (int t = 0; t < trials(); t++) {
        snprintf(words, sizeof words, "%s/trials/%04d", dir, t);
        cli_log_once(c, words);
    }
}

static void test_kind(cli *c, const kind *k, uint32_t key, int kills)
{
    static char want[65536];
    char file[64], words[256], dir[64];
    snprintf(file, sizeof file, "%s.yaml", k->name);
    write_sweep(c, file, k->how, trials());
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
                "sampler: {name: tpe}\nparallel: 32\nlauncher: sh fake.sh {cmd}\ntest: false\n", 128);
    int driver = cli_start(c, "sweep many.yaml --dir many");
    for (int k = 0; k < 6; k++) { /* readers do not disturb it */
        cli_run(c, "sweep status many");
        assert_null(strstr(c->err, "locked"));
    }
    assert_int_equal(cli_wait(driver), 0);
    cli_expect(c, 0, "sweep status many");
    cli_says(c, "128 complete");
    cli_expect(c, 0, "sweep check many");
}

static int setup(void **state)
{
    static cli c;
    cli_begin(&c);
    *state = &c;
    return 0;
}

static int teardown(void **state)
{
    cli_end(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed), cmocka_unit_test(test_many)};
    return cmocka_run_group_tests_name("cli/sweep_kill", tests, setup, teardown);
}
