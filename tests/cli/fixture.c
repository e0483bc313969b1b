#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include "runtime/base/files.h"
#include "runtime/base/philox.h"
#include "runtime/state/checkpoint.h"

#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
enum { SIDE = 8, CLASSES = 4 };

static FILE *create(const cli *c, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", c->dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    return f;
}

static void be32(FILE *f, uint32_t v)
{
    for (int s = 24; s >= 0; s -= 8) fputc((int)(v >> s & 255), f);
}

/* A bright quadrant in noise; a few labels are wrong, so that no loss goes to 0. */
static void write_set(const cli *c, const char *images, const char *labels, int n, uint64_t seed)
{
    FILE *x = create(c, images), *y = create(c, labels);
    be32(x, 0x00000803);
    be32(x, (uint32_t)n);
    be32(x, SIDE);
    be32(x, SIDE);
    be32(y, 0x00000801);
    be32(y, (uint32_t)n);
    for (int i = 0; i < n; i++) {
        int label = i % CLASSES;
        fputc(i % 23 == 5 ? (label + 1) % CLASSES : label, y);
        for (int k = 0; k < SIDE * SIDE; k++) {
            bool bright = (k / SIDE >= SIDE / 2) == label / 2 && (k % SIDE >= SIDE / 2) == label % 2;
            fputc((int)(anl__philox(seed, (uint32_t)k, (uint32_t)i, 0, 0).v[0] % 160) + (bright ? 90 : 0), x);
        }
    }
    assert_int_equal(fclose(x), 0);
    assert_int_equal(fclose(y), 0);
}

static const char recipe[] =
    "model:\n  name: sequential\n  layers:\n    - {type: conv, filters: 6, kernel: 3, pad: 1, bias: false}\n    - {type: batchnorm, act: relu}\n"
    "    - {type: maxpool, kernel: 2}\n    - {type: dropout, p: 0.2}\n    - flatten\n    - {type: dense, units: 4}\n"
    "data:\n  path: data\n  validation: 100\n  augment: {flip: true, crop: 1}\ntrain:\n  batch: 32\n  epochs: 4\n"
    "optim:\n  name: sgd\n  lr: 0.02\nschedule:\n  name: cosine\ncheckpoint:\n  every: 3 steps\nlog:\n  every: 2\n";

void cli_begin(cli *c)
{
    *c = (cli){0};
    assert_true(scratch_make(c->dir, "cli"));
    char path[1024];
    snprintf(path, sizeof path, "%s/cache", c->dir);
    setenv("XDG_CACHE_HOME", path, 1);
    snprintf(path, sizeof path, "%s/data", c->dir);
    assert_int_equal(mkdir(path, 0755), 0);
    write_set(c, "data/train-images-idx3-ubyte", "data/train-labels-idx1-ubyte", 610, 3);
    write_set(c, "data/t10k-images-idx3-ubyte", "data/t10k-labels-idx1-ubyte", 90, 4);
    cli_write(c, "recipe.yaml", recipe);
}

void cli_end(cli *c)
{
    assert_true(scratch_remove(c->dir));
}

int cli_setup(void **state)
{
    static cli c;
    cli_begin(&c);
    *state = &c;
    return 0;
}

int cli_teardown(void **state)
{
    cli_end(*state);
    return 0;
}

void cli_write(const cli *c, const char *name, const char *text)
{
    FILE *f = create(c, name);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

FILE *cli_npy(const cli *c, const char *name, const char *descr, int rows, int columns)
{
    FILE *f = create(c, name);
    char text[100];
    snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }", descr, rows, columns);
    assert_int_equal(fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, f), 10);
    assert_true(fprintf(f, "%-117s\n", text) == 118);
    return f;
}

void cli_shell(const cli *c, const char *line)
{
    char all[2048];
    assert_true(snprintf(all, sizeof all, "cd %s && %s", c->dir, line) < (int)sizeof all);
    if (system(all)) fail_msg("failed: %s", line);
}

int cli_start(const cli *c, const char *words)
{
    char copy[2048], out[1024], err[1024], *argv[64] = {(char *)(uintptr_t) "anneal"}, *save = NULL;
    int n = 1, pid = -1;
    posix_spawn_file_actions_t fa;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *w = strtok_r(copy, " ", &save); w && n < 63; w = strtok_r(NULL, " ", &save)) argv[n++] = w;
    snprintf(out, sizeof out, "%s/out.txt", c->dir);
    snprintf(err, sizeof err, "%s/err.txt", c->dir);
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 1, out, O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_addopen(&fa, 2, err, O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_addchdir_np(&fa, c->dir);
    assert_int_equal(posix_spawn(&pid, ANL_PROGRAM, &fa, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&fa);
    return pid;
}

int cli_wait(int pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void slurp(const cli *c, const char *name, char *out, size_t most)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", c->dir, name);
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(out, 1, most - 1, f) : 0;
    out[n] = 0;
    if (f) fclose(f);
    unlink(path);
}

void cli_run(cli *c, const char *words)
{
    c->code = cli_wait(cli_start(c, words));
    slurp(c, "out.txt", c->out, sizeof c->out);
    slurp(c, "err.txt", c->err, sizeof c->err);
}

void cli_expect(cli *c, int code, const char *words)
{
    cli_run(c, words);
    if (c->code != code) fail_msg("anneal %s\nexit code %d, not %d\n%s\n%s", words, c->code, code, c->out, c->err);
}

void cli_says(const cli *c, const char *text)
{
    if (!strstr(c->out, text) && !strstr(c->err, text)) fail_msg("'%s' is missing in\n%s\n%s", text, c->out, c->err);
}

void cli_digest(const cli *c, const char *run, char hex[65])
{
    char dir[512];
    const char *dirs[1] = {dir};
    anl_ctx *ctx = anl_ctx_create();
    anl__ckpt *k = NULL;
    anl__sha256 h;
    snprintf(dir, sizeof dir, "%s/%s/checkpoints", c->dir, run);
    assert_int_equal(anl__ckpt_newest(ctx, dirs, 1, &k), ANL_OK);
    assert_non_null(k);
    anl__sha256_init(&h);
    for (int i = 0; i < anl__ckpt_count(k); i++) {
        anl__ckpt_tensor t = anl__ckpt_at(k, i);
        anl__sha256_add(&h, t.name, strlen(t.name));
        anl__sha256_add(&h, t.data, (size_t)anl_shape_count(&t.shape) * sizeof(float));
    }
    anl__sha256_hex(&h, hex);
    anl__ckpt_close(k);
    anl_ctx_destroy(ctx);
}

int cli_verify(const cli *c, const char *run)
{
    char dir[512];
    int n = 0;
    anl_ctx *ctx = anl_ctx_create();
    snprintf(dir, sizeof dir, "%s/%s/checkpoints", c->dir, run);
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[1400];
        anl__ckpt *k = NULL;
        size_t len = strlen(e->d_name);
        if (strncmp(e->d_name, "step-", 5) || len < 4 || strcmp(e->d_name + len - 3, ".h5")) continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (anl__ckpt_open(ctx, path, &k) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
        anl__ckpt_close(k);
        n++;
    }
    if (d) closedir(d);
    anl_ctx_destroy(ctx);
    return n;
}

void cli_same_rows(const cli *c, const char *run, const char *other, const char *metrics)
{
    char line[512];
    snprintf(line, sizeof line, "for r in %s %s; do grep -o '\"%s[^,}]*' $r/metrics.jsonl > $r/rows; done; test -s %s/rows && cmp %s/rows %s/rows", run, other, metrics, run, run, other);
    cli_shell(c, line);
}

void cli_log_once(const cli *c, const char *run)
{
    char path[1024], line[4096];
    static bool seen[3][100000];
    memset(seen, 0, sizeof seen);
    snprintf(path, sizeof path, "%s/%s/metrics.jsonl", c->dir, run);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        char kind[16] = "";
        long long step = -1;
        assert_int_equal(sscanf(line, "{\"kind\":\"%15[^\"]\",\"step\":%lld", kind, &step), 2);
        int k = !strcmp(kind, "step") ? 0 : !strcmp(kind, "epoch") ? 1 : 2;
        assert_in_range(step, 0, 99999);
        if (seen[k][step]) fail_msg("%s step %lld stands twice in %s", kind, step, path);
        seen[k][step] = true;
    }
    fclose(f);
}
