/* A run's log: see metrics_log.h. Each file keeps its length of whole rows; a row that fails is cut off again
 * everywhere. */
#include "metrics_log.h"

#include "../base/files.h"
#include "tfevents.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { JSONL, CSV, EVENTS, FILES };
static const char *const file_name[FILES] = {"metrics.jsonl", "metrics.csv", "events.out.tfevents.0.anneal"};

typedef struct file {
    int fd; /* -1: not written */
    char *path;
    int64_t length; /* of whole rows */
    anl__buf row;   /* being made; kept from one row to the next */
} file;

struct anl__mlog {
    anl_ctx *ctx;
    anl__arena *arena; /* paths and columns */
    file file[FILES];
    const char **column; /* of the CSV, after "step"; NULL until there is a header */
    int columns;
    bool warned; /* of a field without a column */
    locale_t c;  /* numbers have a point in whatever program this library sits */
};

/* ---- text ------------------------------------------------------------------------------------ */

/* Shortest decimal form that reads back as the same double; the caller has set the C locale. */
static void number(char text[40], const anl__mlog_field *f)
{
    if (isnan(f->value) || isinf(f->value)) {
        snprintf(text, 40, "%s", isnan(f->value) ? "nan" : f->value < 0 ? "-inf" : "inf");
    } else if (f->integer && fabs(f->value) < 1e18) {
        snprintf(text, 40, "%lld", (long long)f->value);
    } else {
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(text, 40, "%.*g", digits, f->value);
            if (strtod(text, NULL) == f->value) break;
        }
    }
}

/* Length of the UTF-8 sequence at p, 0 when it is none. */
static int utf8(const unsigned char *p)
{
    int n = *p < 0x80                 ? 1
            : *p >= 0xc2 && *p < 0xe0 ? 2
            : (*p & 0xf0) == 0xe0     ? 3
            : *p >= 0xf0 && *p < 0xf5 ? 4
                                      : 0;
    for (int i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) ||
        (*p == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static void json_text(anl__buf *b, const char *text)
{
    anl__buf_add(b, "\"");
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        int n = utf8(p);
        if (*p == '"' || *p == '\\') anl__buf_add(b, "\\%c", *p);
        else if (*p < 0x20) anl__buf_add(b, "\\u%04x", *p);
        else if (n) anl__buf_bytes(b, p, (size_t)n);
        else anl__buf_add(b, "\xef\xbf\xbd"); /* U+FFFD for a byte that is no text */
        p += n ? n : 1;
    }
    anl__buf_add(b, "\"");
}

static void json_row(anl__buf *b, const char *kind, int64_t step, const anl__mlog_field *f, int n)
{
    char text[40];
    anl__buf_add(b, "{\"kind\":");
    json_text(b, kind);
    anl__buf_add(b, ",\"step\":%lld", (long long)step);
    for (int i = 0; i < n; i++) {
        anl__buf_add(b, ",");
        json_text(b, f[i].name);
        anl__buf_add(b, ":");
        if (f[i].text) {
            json_text(b, f[i].text);
        } else {
            number(text, &f[i]);
            anl__buf_add(b, isfinite(f[i].value) ? "%s" : "\"%s\"", text);
        }
    }
    anl__buf_add(b, "}\n");
}

/* RFC 4180. */
static void csv_cell(anl__buf *b, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        anl__buf_add(b, "%s", text);
        return;
    }
    anl__buf_add(b, "\"");
    for (const char *p = text; *p; p++) anl__buf_add(b, *p == '"' ? "\"\"" : "%c", *p);
    anl__buf_add(b, "\"");
}

static void csv_row(anl__mlog *log, anl__buf *b, int64_t step, const anl__mlog_field *f, int n)
{
    char text[40];
    int found = 0;
    anl__buf_add(b, "%lld", (long long)step);
    for (int k = 0; k < log->columns; k++) {
        anl__buf_add(b, ",");
        for (int i = 0; i < n; i++) {
            if (strcmp(f[i].name, log->column[k])) continue;
            found++;
            if (!f[i].text) number(text, &f[i]);
            csv_cell(b, f[i].text ? f[i].text : text);
            break;
        }
    }
    anl__buf_add(b, "\n");
    if (found == n || log->warned) return;
    log->warned = true;
    for (int i = 0; i < n; i++) {
        bool known = false;
        for (int k = 0; k < log->columns; k++) known = known || !strcmp(f[i].name, log->column[k]);
        if (!known)
            anl__log(log->ctx, ANL_LOG_WARN, "%s has no column for %s (its header was made before): see %s",
                     file_name[CSV], f[i].name, file_name[JSONL]);
    }
}

static double wall_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void events_row(anl__buf *b, const char *kind, int64_t step, const anl__mlog_field *f, int n)
{
    char tag[ANL__TF_TAG + 1];
    double t = wall_time();
    for (int i = 0; i < n; i++) {
        if (f[i].text) continue;
        snprintf(tag, sizeof tag, "%s/%s", kind, f[i].name);
        anl__tf_scalar(b, t, step, tag, (float)f[i].value);
    }
}

/* ---- columns --------------------------------------------------------------------------------- */

static anl_status columns_from_fields(anl__mlog *log, anl__buf *b, const anl__mlog_field *f, int n)
{
    const char **column = anl__arena_alloc(log->arena, sizeof *column * (size_t)(n + 1));
    if (!column) return ANL_NOMEM;
    anl__buf_add(b, "step");
    for (int i = 0; i < n; i++) {
        column[i] = anl__arena_strdup(log->arena, f[i].name);
        if (!column[i]) return ANL_NOMEM;
        anl__buf_add(b, ",");
        csv_cell(b, column[i]);
    }
    anl__buf_add(b, "\n");
    log->column = column;
    log->columns = n;
    return ANL_OK;
}

/* One cell of a header line, unquoted in place; the end of the line is a 0 byte. */
static char *next_cell(char **line)
{
    char *p = *line, *cell = p, *to = p;
    bool quoted = *p == '"';
    if (quoted) p++;
    for (; *p && (quoted || *p != ','); p++) {
        if (quoted && *p == '"' && *++p != '"') break;
        *to++ = *p;
    }
    while (*p && *p != ',') p++;
    *line = *p ? p + 1 : p;
    *to = 0;
    return cell;
}

static anl_status columns_from_file(anl__mlog *log)
{
    file *f = &log->file[CSV];
    void *data;
    size_t bytes;
    int n = 1;
    if (f->length == 0) return ANL_OK; /* the first epoch makes it */
    ANL_TRY(anl__file_read(log->ctx, f->path, 0, &data, &bytes));
    char *line = anl__arena_strdup(log->arena, data);
    anl__free(log->ctx, data);
    if (!line) return ANL_NOMEM;
    line[strcspn(line, "\n")] = 0;
    for (const char *p = line; *p; p++) n += *p == ',';
    const char **column = anl__arena_alloc(log->arena, sizeof *column * (size_t)n);
    if (!column) return ANL_NOMEM;
    if (strcmp(next_cell(&line), "step"))
        return anl__fail(log->ctx, ANL_DATA, "%s: the header line does not begin with 'step'", f->path);
    while (*line) column[log->columns++] = next_cell(&line);
    log->column = column;
    return ANL_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int64_t *length_in(anl__mlog_mark *m, int which)
{
    return which == JSONL ? &m->jsonl : which == CSV ? &m->csv : &m->events;
}

static anl_status open_file(anl__mlog *log, const char *dir, int which, bool anew)
{
    file *f = &log->file[which];
    f->path = anl__arena_printf(log->arena, "%s/%s", dir, file_name[which]);
    if (!f->path) return ANL_NOMEM;
    f->fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC | (anew ? O_TRUNC : 0), 0644);
    return f->fd >= 0 ? ANL_OK : anl__fail(log->ctx, ANL_IO, "%s: open failed: %s", f->path, strerror(errno));
}

/* Lowers a length to the whole rows that the file really has below it; below 0 counts as 0. */
static anl_status whole_rows(anl_ctx *ctx, const char *path, int which, int64_t *length)
{
    void *data;
    size_t bytes;
    if (!anl__path_exists(path)) {
        *length = 0;
        return ANL_OK;
    }
    ANL_TRY(anl__file_read(ctx, path, 0, &data, &bytes));
    size_t n = *length < 0 ? 0 : (int64_t)bytes < *length ? bytes : (size_t)*length;
    if (which == EVENTS) n = anl__tf_whole(data, n);
    else
        while (n && ((char *)data)[n - 1] != '\n') n--;
    *length = (int64_t)n;
    anl__free(ctx, data);
    return ANL_OK;
}

/* All lengths are looked at before anything is cut. One within a row is of another log: another machine trained on from the mirror, and lost
   rows that this one still has. */
static anl_status check_lengths(anl__mlog *log, anl__mlog_mark cut)
{
    for (int i = 0; i < FILES; i++) {
        file *f = &log->file[i];
        int64_t want = *length_in(&cut, i), whole = want;
        if (f->fd < 0) continue;
        ANL_TRY(whole_rows(log->ctx, f->path, i, &whole));
        if (whole != want)
            return anl__fail(log->ctx, ANL_DATA,
                             "%s: has whole rows up to byte %lld, but the checkpoint was taken at byte %lld: rows were lost, and can be "
                             "gone on without",
                             f->path, (long long)whole, (long long)want);
        f->length = want;
    }
    return ANL_OK;
}

static anl_status begin(anl__mlog *log, const char *dir, const anl__mlog_mark *cut)
{
    file *events = &log->file[EVENTS];
    if (cut) ANL_TRY(check_lengths(log, *cut));
    for (int i = 0; i < FILES; i++) {
        file *f = &log->file[i];
        anl__buf_init(&f->row, log->ctx);
        ANL_TRY(f->row.status);
        if (f->fd < 0) continue;
        if (ftruncate(f->fd, (off_t)f->length) || lseek(f->fd, (off_t)f->length, SEEK_SET) < 0)
            return anl__fail(log->ctx, ANL_IO, "%s: cutting to %lld bytes failed: %s", f->path,
                             (long long)f->length, strerror(errno));
    }
    ANL_TRY(columns_from_file(log));
    if (events->fd >= 0 && events->length == 0) {
        anl__tf_begin(&events->row, wall_time());
        ANL_TRY(events->row.status);
        ANL_TRY(anl__fd_write(log->ctx, events->fd, events->path, events->row.text, events->row.len));
        events->length = (int64_t)events->row.len;
    }
    return anl__file_sync(log->ctx, dir); /* new names */
}

anl_status anl__mlog_open(anl_ctx *ctx, const char *dir, bool tensorboard, const anl__mlog_mark *cut,
                          anl__mlog **out)
{
    anl_status st;
    anl__mlog *log = anl__alloc(ctx, sizeof *log);
    if (!log) return ANL_NOMEM;
    log->ctx = ctx;
    for (int i = 0; i < FILES; i++) log->file[i].fd = -1;
    log->c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!log->c) ANL_GO(anl__fail(ctx, ANL_NOMEM, "no memory for a locale"));
    ANL_GO(anl__arena_create(ctx, &log->arena));
    for (int i = 0; i < FILES; i++)
        if (i != EVENTS || tensorboard) ANL_GO(open_file(log, dir, i, !cut));
    ANL_GO(begin(log, dir, cut));
    *out = log;
done:
    if (st != ANL_OK) anl__mlog_close(log);
    return st;
}

void anl__mlog_close(anl__mlog *log)
{
    if (!log) return;
    for (int i = 0; i < FILES; i++) {
        if (log->file[i].fd >= 0) close(log->file[i].fd);
        if (log->file[i].row.ctx) anl__buf_release(&log->file[i].row);
    }
    if (log->c) freelocale(log->c);
    if (log->arena) anl__arena_destroy(log->arena);
    anl__free(log->ctx, log);
}

anl_status anl__mlog_fit(anl_ctx *ctx, const char *dir, anl__mlog_mark *mark)
{
    anl__mlog_mark now = *mark;
    for (int i = 0; i < FILES; i++) {
        anl__buf path;
        anl__buf_init(&path, ctx);
        anl__buf_add(&path, "%s/%s", dir, file_name[i]);
        anl_status st = path.status;
        if (st == ANL_OK) st = whole_rows(ctx, path.text, i, length_in(&now, i));
        anl__buf_release(&path);
        ANL_TRY(st);
    }
    *mark = now;
    return ANL_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void clear(anl__buf *b)
{
    if (b->status != ANL_OK) { /* the last row found no memory: begin with a new buffer */
        anl_ctx *ctx = b->ctx;
        anl__buf_release(b);
        anl__buf_init(b, ctx);
    }
    b->len = 0;
    if (b->text) b->text[0] = 0;
}

static anl_status make_rows(anl__mlog *log, const char *kind, int64_t step, const anl__mlog_field *f, int n)
{
    for (int i = 0; i < FILES; i++) {
        clear(&log->file[i].row);
        ANL_TRY(log->file[i].row.status);
    }
    json_row(&log->file[JSONL].row, kind, step, f, n);
    if (!strcmp(kind, "epoch")) {
        if (!log->column) ANL_TRY(columns_from_fields(log, &log->file[CSV].row, f, n));
        csv_row(log, &log->file[CSV].row, step, f, n);
    }
    if (log->file[EVENTS].fd >= 0) events_row(&log->file[EVENTS].row, kind, step, f, n);
    for (int i = 0; i < FILES; i++) ANL_TRY(log->file[i].row.status);
    return ANL_OK;
}

anl_status anl__mlog_row(anl__mlog *log, const char *kind, int64_t step, const anl__mlog_field *field, int n)
{
    bool had_columns = log->column != NULL;
    locale_t before = uselocale(log->c);
    anl_status st = make_rows(log, kind, step, field, n);
    uselocale(before);
    for (int i = 0; st == ANL_OK && i < FILES; i++) {
        file *f = &log->file[i];
        if (f->fd >= 0 && f->row.len) st = anl__fd_write(log->ctx, f->fd, f->path, f->row.text, f->row.len);
    }
    for (int i = 0; i < FILES; i++) {
        file *f = &log->file[i];
        if (f->fd < 0) continue;
        if (st == ANL_OK) f->length += (int64_t)f->row.len;
        else if (ftruncate(f->fd, (off_t)f->length) || lseek(f->fd, (off_t)f->length, SEEK_SET) < 0)
            anl__log(log->ctx, ANL_LOG_WARN, "%s: a row that failed cannot be cut off: %s", f->path,
                     strerror(errno));
    }
    if (st != ANL_OK && !had_columns) { /* the header was cut off, too */
        log->column = NULL;
        log->columns = 0;
    }
    return st;
}

anl_status anl__mlog_sync(anl__mlog *log, anl__mlog_mark *out)
{
    anl__mlog_mark m = {0};
    for (int i = 0; i < FILES; i++) {
        file *f = &log->file[i];
        if (f->fd < 0) continue;
        ANL_TRY(anl__fd_sync(log->ctx, f->fd, f->path));
        *length_in(&m, i) = f->length;
    }
    if (out) *out = m;
    return ANL_OK;
}
