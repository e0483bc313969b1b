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

static struct winsize screen(void)
{
    struct winsize size;
    if (ioctl(2, TIOCGWINSZ, &size)) size = (struct winsize){0};
    if (size.ws_col < 20) size.ws_col = 80;
    if (size.ws_row < 4) size.ws_row = 24;
    return size;
}

/* Takes the table back. On a terminal that has become narrower since, its lines stand on several rows each.
 */
static void clear(driver *d)
{
    int width = screen().ws_col, rows = 0;
    for (int i = 0; i < d->drawn; i++)
        rows += d->drawn_length[i] > width ? (d->drawn_length[i] + width - 1) / width : 1;
    if (rows) fprintf(stderr, "\033[%dA\033[J", rows);
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

/* Cut to the terminal's width: a line that wraps could not be taken back. Characters count, not bytes. */
static void put_line(driver *d, const char *text)
{
    int most = screen().ws_col - 1, length = 0;
    size_t bytes = 0;
    if (d->drawn == SHOW_LINES) return;
    for (; text[bytes]; bytes++) {
        bool begins = ((unsigned char)text[bytes] & 0xc0) != 0x80;
        if (begins && length == most) break;
        length += begins;
    }
    fprintf(stderr, "%.*s\n", (int)bytes, text);
    d->drawn_length[d->drawn++] = length;
}

static void running(driver *d, const worker *w)
{
    const sweep_trial *t = w->trial;
    anl__buf b;
    int64_t from, n = seen_part(t, w->part, &from);
    char time[32];
    anl__buf_init(&b, d->ctx);
    anl__buf_add(&b, "running %lld", (long long)t->number);
    if (sweep_parts(d->recipe) > 1) anl__buf_add(&b, " part %d of %d", w->part + 1, sweep_parts(d->recipe));
    anl__buf_add(&b, ": epoch %lld of %lld", (long long)(n ? t->row[from + n - 1].epoch : 0),
                 (long long)sweep_epochs_of_part(d->recipe));
    if (n) anl__buf_add(&b, "  %s %.5g", d->recipe->metric[0], t->row[from + n - 1].value[0]);
    anl__buf_add(&b, "  %s  ", anl__time_text(driver_now() - w->began, time));
    space_point_text(d->recipe->space, t->values, &b);
    put_line(d, b.text);
    anl__buf_release(&b);
}

static void totals(driver *d)
{
    int64_t count[STATUS_FAILED + 1] = {0};
    char text[240], time[32], more[32] = "";
    double left = driver_seconds_left(d);
    for (int64_t i = d->state.n_warm; i < d->state.n; i++) count[d->state.trial[i]->status]++;
    if (d->recipe->trials) snprintf(more, sizeof more, " of %lld", (long long)d->recipe->trials);
    int len = snprintf(text, sizeof text, "%lld trials%s, %s", (long long)(d->state.n - d->state.n_warm),
                       more, anl__time_text(driver_seconds_used(d), time));
    if (work_count(d) && !isnan(left))
        len += snprintf(text + len, sizeof text - (size_t)len, ", about %s left", anl__time_text(left, time));
    for (int k = 0; k <= STATUS_FAILED; k++)
        len += snprintf(text + len, sizeof text - (size_t)len, "%s %lld %s", k ? "," : ":",
                        (long long)count[k], trial_status_name((trial_status)k));
    put_line(d, text);
}

/* The best of those that came to their end; before there is one, of those that came to a target. */
static const sweep_trial *best_so_far(const driver *d)
{
    const sweep_trial *best = driver_best(d);
    if (best || d->recipe->n_objectives > 1) return best;
    for (int64_t i = d->state.n_warm; i < d->state.n; i++) {
        const sweep_trial *t = d->state.trial[i];
        if (t->status == STATUS_FAILED || t->status == STATUS_COMPLETE || !isfinite(t->shown_value)) continue;
        if (!best || (d->recipe->maximize[0] ? t->shown_value > best->shown_value
                                             : t->shown_value < best->shown_value))
            best = t;
    }
    return best;
}

void show_table(driver *d, bool now)
{
    if (!d->terminal || (!now && driver_now() - d->drawn_at < 0.5)) return;
    const sweep_trial *best = best_so_far(d);
    int most = screen().ws_row - 2, hidden = work_count(d);
    if (most > SHOW_LINES - 1) most = SHOW_LINES - 1;
    d->drawn_at = driver_now();
    clear(d);
    totals(d);
    if (best) {
        anl__buf b;
        anl__buf_init(&b, d->ctx);
        anl__buf_add(&b, "best %lld", (long long)best->number);
        if (best->status != STATUS_COMPLETE)
            anl__buf_add(&b, " after %lld %s", (long long)best->shown_step,
                         sweep_parts(d->recipe) > 1 ? "runs" : "epochs");
        anl__buf_add(&b, ":");
        values(d, best, &b);
        anl__buf_add(&b, "  ");
        space_point_text(d->recipe->space, best->values, &b);
        put_line(d, b.text);
        anl__buf_release(&b);
    }
    for (int i = 0; i < d->n_workers && d->drawn < most; i++)
        if (d->worker[i].pid) {
            running(d, &d->worker[i]);
            hidden--;
        }
    if (hidden > 0) {
        char text[40];
        snprintf(text, sizeof text, "and %d more", hidden);
        put_line(d, text);
    }
}

void show_finished(driver *d)
{
    static const struct { trial_status status; const char *word; } kind[] = {
        {STATUS_COMPLETE, "complete"}, {STATUS_PRUNED, "pruned"}, {STATUS_WAITING, "waiting (paused by the scheduler, and not promoted)"}, {STATUS_FAILED, "failed"}};
    anl__buf text;
    anl__buf_init(&text, d->ctx);
    for (int k = 0; k < 4; k++) {
        long long n = 0;
        for (int64_t i = d->state.n_warm; i < d->state.n; i++) n += d->state.trial[i]->status == kind[k].status;
        if (n) anl__buf_add(&text, "%s%lld %s", text.len ? ", " : "", n, kind[k].word);
    }
    if (text.status == ANL_OK) show_line(d, "%s is finished: %s", d->dir, text.len ? text.text : "no trials");
    anl__buf_release(&text);
}

void show_end(driver *d)
{
    if (d->n_added) show_line(d, "%lld added points wait for a larger budget", (long long)d->n_added);
    d->drawn = 0;
}
