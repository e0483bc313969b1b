/* What a person sees while a sweep runs: a table that is drawn again on a terminal, else a line for what
 * happens. To stderr. See driver_inside.h.
 */
#include "driver_inside.h"
#include "space_text.h"
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

static void clear(driver *d)
{
    if (d->drawn) fprintf(stderr, "\033[%dA\033[J", d->drawn);
    d->drawn = 0;
}

void show_line(driver *d, const char *fmt, ...)
{
    va_list ap;
    clear(d);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
}

static void values(const driver *d, const sweep_trial *t, anl__buf *out)
{
    const sweep_recipe *r = d->recipe;
    for (int i = 0; i < r->n_objectives; i++) {
        double v = t->status == STATUS_COMPLETE ? t->objective[i] : i ? NAN : t->shown_value;
        if (!isnan(v)) anl__buf_add(out, "  %s %.6g", r->metric[i], v);
        if (t->status == STATUS_COMPLETE && !isnan(t->deviation[i]))
            anl__buf_add(out, " +- %.2g", t->deviation[i]);
    }
}

void show_trial(driver *d, const sweep_trial *t, const char *what)
{
    const sweep_trial *best = driver_best(d);
    anl__buf b;
    anl__buf_init(&b, d->ctx);
    anl__buf_add(&b, "trial %lld %s", (long long)t->number, what);
    values(d, t, &b);
    if (t->status == STATUS_FAILED || t->status == STATUS_PRUNED)
        anl__buf_add(&b, "  (%s)", t->why ? t->why : "");
    anl__buf_add(&b, "  ");
    space_point_text(d->recipe->space, t->values, &b);
    if (best == t) anl__buf_add(&b, "  *");
    show_line(d, "%s", b.text);
    anl__buf_release(&b);
}

/* Cut to the terminal's width: a line that wraps could not be taken back. */
static void put_line(driver *d, const char *text)
{
    struct winsize size;
    int width = ioctl(2, TIOCGWINSZ, &size) || size.ws_col < 20 ? 80 : size.ws_col;
    fprintf(stderr, "%.*s\n", width - 1, text);
    d->drawn++;
}

static void running(driver *d, const worker *w)
{
    const sweep_trial *t = w->trial;
    anl__buf b;
    int64_t from, n = seen_part(t, w->part, &from);
    char time[32];
    anl__buf_init(&b, d->ctx);
    anl__buf_add(&b, "  %-6lld", (long long)t->number);
    if (sweep_parts(d->recipe) > 1) anl__buf_add(&b, " part %d", w->part);
    anl__buf_add(&b, " epoch %lld", (long long)(n ? t->row[from + n - 1].epoch : 0));
    if (n) anl__buf_add(&b, "  %.5g", t->row[from + n - 1].value[0]);
    anl__buf_add(&b, "  %s  ", table_time(driver_now() - w->began, time));
    space_point_text(d->recipe->space, t->values, &b);
    put_line(d, b.text);
    anl__buf_release(&b);
}

static void totals(driver *d)
{
    const sweep_recipe *r = d->recipe;
    int64_t count[STATUS_FAILED + 1] = {0};
    char text[200], time[32];
    double spent = d->seconds_before + driver_now() - d->began, part = 0;
    for (int64_t i = d->state.n_warm; i < d->state.n; i++) count[d->state.trial[i]->status]++;
    int64_t n = d->state.n - d->state.n_warm, over = n - count[STATUS_RUNNING];
    if (r->trials) part = fmax(part, (double)over / (double)r->trials);
    if (r->epochs) part = fmax(part, (double)driver_epochs_used(d) / (double)r->epochs);
    if (r->hours > 0) part = fmax(part, spent / (r->hours * 3600));
    int len = snprintf(text, sizeof text,
                       "%lld trials: %lld running, %lld waiting, %lld complete, %lld pruned, %lld failed; %s",
                       (long long)n, (long long)count[STATUS_RUNNING], (long long)count[STATUS_WAITING],
                       (long long)count[STATUS_COMPLETE], (long long)count[STATUS_PRUNED],
                       (long long)count[STATUS_FAILED], table_time(spent, time));
    if (part > 0 && part < 1)
        snprintf(text + len, sizeof text - (size_t)len, ", about %s left",
                 table_time(spent * (1 - part) / part, time));
    put_line(d, text);
}

void show_table(driver *d, bool now)
{
    const sweep_trial *best = driver_best(d);
    if (!d->terminal || (!now && driver_now() - d->drawn_at < 0.5)) return;
    d->drawn_at = driver_now();
    clear(d);
    totals(d);
    if (best) {
        anl__buf b;
        anl__buf_init(&b, d->ctx);
        anl__buf_add(&b, "best: trial %lld", (long long)best->number);
        values(d, best, &b);
        anl__buf_add(&b, "  ");
        space_point_text(d->recipe->space, best->values, &b);
        put_line(d, b.text);
        anl__buf_release(&b);
    }
    for (int i = 0; i < d->n_workers && d->drawn < 20; i++)
        if (d->worker[i].pid) running(d, &d->worker[i]);
}

void show_end(driver *d)
{
    if (d->n_added) show_line(d, "%lld added points wait for a larger budget", (long long)d->n_added);
    d->drawn = 0;
}
