/* The progress display; see progress.h. */
#include "progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BAR = 24 };

progress progress_make(void) { return (progress){.terminal = isatty(STDERR_FILENO), .unit = "images"}; }

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_step(void *self, const anl__progress *p)
{
    progress *me = self;
    char bar[BAR + 1], left[32];
    if (!me->terminal) return;
    double t = now();
    if (t - me->shown < 0.1 && p->batch < p->batches) return;
    me->shown = t;
    int full = (int)(p->batch * BAR / (p->batches ? p->batches : 1));
    for (int i = 0; i < BAR; i++) bar[i] = i < full ? '=' : i == full ? '>' : ' ';
    bar[BAR] = 0;
    fprintf(stderr, "\r\033[Kepoch %lld/%lld [%s] loss %.4f", (long long)p->epoch, (long long)p->epochs, bar, p->loss);
    if (!isnan(p->accuracy)) fprintf(stderr, "  accuracy %.4f", p->accuracy);
    fprintf(stderr, "  %.0f %s/s  %s left", p->samples_per_second, me->unit, anl__time_text(p->seconds_left, left));
    fflush(stderr);
    me->bar = true;
}

void progress_end(progress *p)
{
    if (p->bar) fprintf(stderr, "\r\033[K");
    p->bar = false;
    fflush(stderr);
}

void progress_message(void *self, const char *text)
{
    progress_end(self);
    fprintf(stderr, "%s\n", text);
}

void progress_epoch(void *self, const anl__mlog_field *field, int n, bool best)
{
    progress *me = self;
    progress_end(me);
    for (int i = 0; i < n; i++) {
        const char *name = field[i].name;
        if ((!strcmp(name, "bad_steps") || !strcmp(name, "overflows")) && field[i].value == 0) continue;
        if (!strcmp(name, "seconds")) {
            char t[32];
            fprintf(stderr, "  %s", anl__time_text(field[i].value, t));
        } else if (!strcmp(name, "samples_per_second")) fprintf(stderr, "  %.0f %s/s", field[i].value, me->unit);
        else if (field[i].integer) fprintf(stderr, "%s%s %.0f", i ? "  " : "", name, field[i].value);
        else fprintf(stderr, "  %s %.5g", name, field[i].value);
    }
    fprintf(stderr, "%s\n", best ? "  *" : "");
}
