/* See run_look.h. */
#include "run_look.h"

#include "runtime/state/checkpoint.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

/* Is a process at work in it? */
static bool busy(const char *run)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/lock", run);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool held = flock(fd, LOCK_EX | LOCK_NB) != 0;
    close(fd);
    return held;
}

/* Why its last training failed; "": it did not. */
static void read_failure(const char *run, char *out, size_t size)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/failed.txt", run);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(out, 1, size - 1, f) : 0;
    if (f) fclose(f);
    while (n && out[n - 1] == '\n') n--;
    out[n] = 0;
}

void run_look(anl_ctx *ctx, const char *run, run_progress *out)
{
    char dir[4200];
    const char *dirs[1] = {dir};
    anl__ckpt *c = NULL;
    snprintf(dir, sizeof dir, "%s/checkpoints", run);
    anl_status st = anl__ckpt_newest(ctx, dirs, 1, &c);
    if (st != ANL_OK) c = NULL;
    *out = (run_progress){.training = busy(run), .best = NAN};
    if (c) {
        out->finished = anl__ckpt_int(c, "loop.finished", 0);
        out->epoch = anl__ckpt_int(c, "loop.epoch", 0);
        out->step = anl__ckpt_step(c);
        out->best = anl__ckpt_double(c, "loop.best", NAN);
        const char *metric = anl__ckpt_text(c, "best.metric", NULL);
        out->knows_metric = metric != NULL;
        snprintf(out->metric, sizeof out->metric, "%s", metric ? metric : "");
        out->seconds = anl__ckpt_double(c, "loop.seconds", 0);
    }
    if (!out->training && !out->finished) read_failure(run, out->failure, sizeof out->failure);
    out->word = out->training ? "training" : out->finished ? "finished" : st != ANL_OK ? "damaged" : *out->failure ? "failed" : c ? "stopped" : "begun";
    anl__ckpt_close(c);
}
