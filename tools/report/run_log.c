/* See run_log.h. */
#include "run_log.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 20, MOST_NAME = 96 };

/* ---- one line: a flat object of numbers and texts --------------------------------------------- */

typedef struct field {
    char name[MOST_NAME];
    char text[16]; /* of a text, cut */
    double value;  /* NaN of a text that is no number's name */
} field;

static const char *quoted(const char *p, char *out, size_t size)
{
    size_t n = 0;
    if (*p++ != '"') return NULL;
    for (; *p && *p != '"'; p++) {
        if (*p == '\\' && p[1]) p++;
        if (n + 1 < size) out[n++] = *p;
    }
    out[n] = 0;
    return *p ? p + 1 : NULL;
}

static const char *number(const char *p, double *out)
{
    char *end;
    if (*p != '-' && (*p < '0' || *p > '9')) return NULL;
    *out = strtod(p, &end);
    return end == p ? NULL : end;
}

/* The field at p, then where the next one begins or the closing brace stands; NULL: this is no row. */
static const char *next_field(const char *p, field *f)
{
    f->text[0] = 0;
    f->value = NAN;
    p = quoted(p, f->name, sizeof f->name);
    if (!p || *p++ != ':') return NULL;
    if (*p == '"') {
        p = quoted(p, f->text, sizeof f->text);
        if (!strcmp(f->text, "inf")) f->value = INFINITY;
        if (!strcmp(f->text, "-inf")) f->value = -INFINITY;
    } else {
        p = number(p, &f->value);
    }
    if (!p || (*p != ',' && *p != '}')) return NULL;
    return *p == ',' ? p + 1 : p;
}

/* ---- rows ------------------------------------------------------------------------------------- */

int run_log_find(const run_log *l, const char *name)
{
    for (int i = 0; i < l->columns; i++)
        if (!strcmp(l->column[i].name, name)) return i;
    return -1;
}

static anl_status new_column(run_log *l, const char *name, int *out)
{
    run_column *c = &l->column[l->columns];
    c->name = anl__arena_strdup(l->arena, name);
    if (!c->name) return ANL_NOMEM;
    ANL_TRY(anl__grow(l->ctx, &c->value, &c->cap, l->rows + 1, sizeof *c->value));
    for (int64_t i = 0; i < l->rows; i++) c->value[i] = NAN;
    *out = l->columns++;
    return ANL_OK;
}

/* Columns beyond the most are left out: a log of ours has fewer. */
static anl_status put(run_log *l, const field *f)
{
    int k = run_log_find(l, f->name);
    if (k < 0 && l->columns == RUN_LOG_COLUMNS) return ANL_OK;
    if (k < 0) ANL_TRY(new_column(l, f->name, &k));
    l->column[k].value[l->rows] = f->value;
    return ANL_OK;
}

/* Are all fields from p on sound, and which epoch is it? 0: none. */
static double epoch_in(const char *p)
{
    field f;
    double epoch = 0;
    while (p && *p != '}') {
        p = next_field(p, &f);
        if (p && !strcmp(f.name, "epoch")) epoch = f.value;
    }
    return p && epoch >= 1 && epoch < 1e15 ? epoch : 0;
}

static anl_status epoch_row(run_log *l, const char *p, double step, bool *taken)
{
    field f;
    double epoch = epoch_in(p);
    *taken = epoch > (l->rows ? l->epoch[l->rows - 1] : 0);
    if (!*taken) return ANL_OK;
    for (int i = 0; i < l->columns; i++) {
        ANL_TRY(anl__grow(l->ctx, &l->column[i].value, &l->column[i].cap, l->rows + 1, sizeof(double)));
        l->column[i].value[l->rows] = NAN;
    }
    ANL_TRY(anl__grow(l->ctx, &l->epoch, &l->epoch_cap, l->rows + 1, sizeof *l->epoch));
    ANL_TRY(anl__grow(l->ctx, &l->step, &l->step_cap, l->rows + 1, sizeof *l->step));
    while (*p != '}') {
        p = next_field(p, &f);
        if (!p) break;
        if (strcmp(f.name, "epoch") && (!f.text[0] || !isnan(f.value) || !strcmp(f.text, "nan"))) ANL_TRY(put(l, &f));
    }
    l->epoch[l->rows] = epoch;
    l->step[l->rows++] = step;
    return ANL_OK;
}

static void mark(run_log *l, double step, bool rollback)
{
    if (rollback) l->rollbacks++;
    else l->bad_steps++;
    if (l->marks < RUN_LOG_MARKS) l->mark[l->marks++] = (run_mark){.step = step, .rollback = rollback};
}

/* Two neighbours become one. */
static void halve_points(run_log *l)
{
    for (int64_t i = 0; i < l->points; i += 2) {
        run_point a = l->point[i], b = i + 1 < l->points ? l->point[i + 1] : (run_point){0};
        if (b.n)
            a = (run_point){.step = b.step, .mean = (a.mean * (double)a.n + b.mean * (double)b.n) / (double)(a.n + b.n),
                            .low = fmin(a.low, b.low), .high = fmax(a.high, b.high), .n = a.n + b.n};
        l->point[i / 2] = a;
    }
    l->points = (l->points + 1) / 2;
    l->a_point *= 2;
}

static void put_loss(run_log *l, double step, double loss)
{
    run_point *p = l->points ? &l->point[l->points - 1] : NULL;
    if (!isfinite(loss)) return;
    if (!p || p->n >= l->a_point) {
        if (l->points == RUN_LOG_POINTS) halve_points(l);
        p = &l->point[l->points++];
        *p = (run_point){.low = INFINITY, .high = -INFINITY};
    }
    p->n++;
    p->step = step;
    p->mean += (loss - p->mean) / (double)p->n;
    p->low = fmin(p->low, loss);
    p->high = fmax(p->high, loss);
}

static bool step_row(run_log *l, const char *p, double step)
{
    field f;
    double loss = NAN, finite = 1;
    while (p && *p != '}') {
        p = next_field(p, &f);
        if (p && !strcmp(f.name, "step.loss")) loss = f.value;
        if (p && !strcmp(f.name, "finite")) finite = f.value;
    }
    if (!p) return false;
    put_loss(l, step, loss);
    if (!(finite > 0)) mark(l, step, false);
    return true;
}

static bool event_row(run_log *l, const char *p, double step)
{
    field f;
    bool back = false;
    while (p && *p != '}') {
        p = next_field(p, &f);
        back |= p && !strcmp(f.name, "rollback");
    }
    if (p && back) mark(l, step, true);
    return p != NULL;
}

static anl_status take(run_log *l, const char *line)
{
    field kind, step = {.value = NAN};
    bool taken = false;
    const char *p = *line == '{' ? next_field(line + 1, &kind) : NULL;
    if (p && *p != '}' && !strcmp(kind.name, "kind")) p = next_field(p, &step);
    if (p && !strcmp(step.name, "step") && step.value >= 0 && step.value < 1e15) {
        if (!strcmp(kind.text, "epoch")) ANL_TRY(epoch_row(l, p, step.value, &taken));
        else if (!strcmp(kind.text, "step")) taken = step_row(l, p, step.value);
        else taken = event_row(l, p, step.value);
    }
    if (taken && !isnan(step.value)) l->last_step = fmax(l->last_step, step.value);
    l->other_lines += !taken;
    return ANL_OK;
}

/* ---- the file --------------------------------------------------------------------------------- */

/* Takes the whole lines of text[0, n), ended by a 0 byte; returns how many bytes they are. */
static anl_status take_lines(run_log *l, char *text, size_t n, size_t *done)
{
    *done = 0;
    for (char *end; (end = memchr(text + *done, '\n', n - *done)); *done = (size_t)(end - text) + 1) {
        *end = 0;
        ANL_TRY(take(l, text + *done));
    }
    return ANL_OK;
}

static anl_status read_from(run_log *l, FILE *f, const char *path, char *text)
{
    size_t held = 0, got, done;
    while ((got = fread(text + held, 1, CHUNK - held, f)) > 0) {
        held += got;
        text[held] = 0;
        ANL_TRY(take_lines(l, text, held, &done));
        memmove(text, text + done, held - done);
        held -= done;
        if (held == CHUNK) { /* no line of ours is so long */
            l->other_lines++;
            held = 0;
        }
    }
    l->cut = held > 0;
    return ferror(f) ? anl__fail(l->ctx, ANL_IO, "%s: reading failed: %s", path, strerror(errno)) : ANL_OK;
}

anl_status run_log_read(anl_ctx *ctx, const char *dir, run_log *out)
{
    anl__buf path;
    anl_status st;
    FILE *f = NULL;
    char *text = NULL;
    *out = (run_log){.ctx = ctx, .a_point = 1};
    anl__buf_init(&path, ctx);
    anl__buf_add(&path, "%s/metrics.jsonl", dir);
    ANL_GO(path.status);
    ANL_GO(anl__arena_create(ctx, &out->arena));
    f = fopen(path.text, "rbe");
    out->missing = !f && errno == ENOENT;
    if (out->missing) goto done;
    if (!f) ANL_GO(anl__fail(ctx, ANL_IO, "%s: open failed: %s", path.text, strerror(errno)));
    text = anl__alloc(ctx, CHUNK + 1);
    st = text ? read_from(out, f, path.text, text) : ANL_NOMEM;
done:
    if (f) fclose(f);
    anl__free(ctx, text);
    anl__buf_release(&path);
    return st;
}

void run_log_free(run_log *l)
{
    if (!l->ctx) return;
    for (int i = 0; i < RUN_LOG_COLUMNS; i++) anl__free(l->ctx, l->column[i].value);
    anl__free(l->ctx, l->epoch);
    anl__free(l->ctx, l->step);
    if (l->arena) anl__arena_destroy(l->arena);
    l->ctx = NULL;
}

/* ---- asking ------------------------------------------------------------------------------------ */

double run_log_last(const run_log *l, const char *name)
{
    int k = run_log_find(l, name);
    return k >= 0 && l->rows ? l->column[k].value[l->rows - 1] : NAN;
}

double run_log_epoch_of(const run_log *l, double step)
{
    double epoch = 0, at = 0;
    for (int64_t i = 0; i < l->rows; i++) {
        double next = l->step[i];
        if (step <= next && next > at) return epoch + (l->epoch[i] - epoch) * (step - at) / (next - at);
        epoch = l->epoch[i];
        at = next;
    }
    return at > 0 ? epoch * step / at : 0; /* of the epoch under way */
}
