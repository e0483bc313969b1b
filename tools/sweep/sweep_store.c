/* See sweep_store.h. The only file that knows SQLite. */
#include "sweep_store.h"

#include "json_number.h"
#include "runtime/base/files.h"
#include "space_text.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS trials(number INTEGER PRIMARY KEY, origin TEXT NOT NULL, point TEXT NOT "
    "NULL, state TEXT NOT NULL,"
    " target INTEGER, step INTEGER, first_step INTEGER, first_value REAL, shown_step INTEGER, shown_value "
    "REAL, objectives TEXT, deviations TEXT,"
    " constraints TEXT, why TEXT, tries INTEGER, source INTEGER, source_step INTEGER, generation INTEGER, "
    "offset INTEGER, started REAL, ended REAL,"
    " seconds REAL, memory REAL, parameters REAL, slot TEXT, pid INTEGER);"
    "CREATE TABLE IF NOT EXISTS intermediate(trial INTEGER, part INTEGER, epoch INTEGER, metric TEXT, value "
    "REAL,"
    " PRIMARY KEY(trial, part, epoch, metric)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS log(id INTEGER PRIMARY KEY, at REAL, kind TEXT NOT NULL, trial INTEGER, step "
    "INTEGER, target INTEGER,"
    " seen INTEGER, value REAL, why TEXT, point TEXT);";
static const char schema_version[] = "2";

enum { PUT_META, GET_META, PUT_TRIAL, PUT_ROW, PUT_LOG, ALL_LOG, ALL_TRIALS, ALL_ROWS, STATEMENTS };
static const char *const texts[STATEMENTS] = {
    "INSERT OR REPLACE INTO meta VALUES(?,?)",
    "SELECT value FROM meta WHERE key=?",
    "INSERT OR REPLACE INTO trials VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    "INSERT OR REPLACE INTO intermediate VALUES(?,?,?,?,?)",
    ("INSERT INTO log(at,kind,trial,step,target,seen,value,why,point) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,"
     "CASE WHEN ?2 IN('propose','exploit') THEN (SELECT point FROM trials WHERE number=?3) END)"),
    "SELECT kind,trial,step,target,seen,value,why,point FROM log ORDER BY id",
    "SELECT * FROM trials ORDER BY number",
    "SELECT trial,part,epoch,metric,value FROM intermediate ORDER BY trial,part,epoch",
};

struct store {
    anl_ctx *ctx;
    char path[4096];
    sqlite3 *db;
    sqlite3_stmt *st[STATEMENTS];
};

static anl_status fail(store *s, const char *what)
{
    int code = sqlite3_errcode(s->db);
    return anl__fail(s->ctx,
                     code == SQLITE_NOMEM                              ? ANL_NOMEM
                     : code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? ANL_FORMAT
                                                                       : ANL_IO,
                     "%s: %s: %s", s->path, what, sqlite3_errmsg(s->db));
}

static anl_status run_text(store *s, const char *sql)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? ANL_OK
                                                                   : fail(s, "the store cannot be used");
}

static anl_status statement(store *s, int which, sqlite3_stmt **out)
{
    *out = NULL;
    if (!s->st[which] && sqlite3_prepare_v2(s->db, texts[which], -1, &s->st[which], NULL) != SQLITE_OK)
        return fail(s, "the store is not as this version writes it");
    *out = s->st[which];
    sqlite3_reset(*out);
    return ANL_OK;
}

static anl_status done(store *s, sqlite3_stmt *q)
{
    int code = sqlite3_step(q);
    sqlite3_reset(q);
    return code == SQLITE_DONE ? ANL_OK : fail(s, "nothing could be written");
}

/* A reader of WAL writes into the -shm beside the file. Where it may not (a directory of somebody else, a
 * read-only disk) and no -wal is left over, the file alone is the whole store, and is opened as such. */
static int open_file(store *s, const char *dir, bool write)
{
    char uri[3 * sizeof s->path + 32] = "file:", log[sizeof s->path + 8];
    size_t n = strlen(uri);
    snprintf(log, sizeof log, "%s-wal", s->path);
    if (write || !access(dir, W_OK) || anl__path_exists(log))
        return sqlite3_open_v2(s->path, &s->db,
                               write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE,
                               NULL);
    for (const char *p = s->path; *p; p++)
        n += (size_t)snprintf(uri + n, sizeof uri - n,
                              isalnum((unsigned char)*p) || strchr("/._-", *p) ? "%c" : "%%%02X",
                              (unsigned char)*p);
    snprintf(uri + n, sizeof uri - n, "?immutable=1");
    return sqlite3_open_v2(uri, &s->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
}

/* Version 1 had no point in the log. */
static anl_status upgrade(store *s)
{
    ANL_TRY(store_begin(s));
    anl_status st = run_text(s, "ALTER TABLE log ADD COLUMN point TEXT");
    if (st == ANL_OK) st = store_put_meta(s, "version", schema_version);
    if (st == ANL_OK) st = store_commit(s);
    if (st != ANL_OK) store_rollback(s);
    return st;
}

/* A driver that has just made the file, or died there, has not written its tables yet. */
static bool empty(store *s)
{
    sqlite3_stmt *q;
    bool none = sqlite3_prepare_v2(s->db, "SELECT 1 FROM sqlite_master WHERE name='meta'", -1, &q, NULL) ==
                    SQLITE_OK &&
                sqlite3_step(q) == SQLITE_DONE;
    sqlite3_finalize(q);
    return none;
}

anl_status store_open(anl_ctx *ctx, const char *dir, bool write, store **out)
{
    store *s = anl__alloc(ctx, sizeof *s);
    anl__arena *a = NULL;
    const char *version = NULL;
    anl_status st = ANL_NOMEM;
    if (!s) return st;
    s->ctx = ctx;
    snprintf(s->path, sizeof s->path, "%s/sweep.db", dir);
    if (!write && !anl__path_exists(s->path)) {
        st = anl__fail(ctx, ANL_INVALID, "%s is no sweep: it has no sweep.db", dir);
        goto done;
    }
    st = open_file(s, dir, write) == SQLITE_OK ? ANL_OK : fail(s, "the store cannot be opened");
    if (st != ANL_OK) goto done;
    sqlite3_busy_timeout(s->db, 10000);
    if (write) {
        ANL_GO(run_text(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"));
        ANL_GO(run_text(s, schema));
    } else {
        ANL_GO(run_text(s, "PRAGMA query_only=ON;"));
        if (empty(s)) st = anl__fail(ctx, ANL_INVALID, "%s is empty: nothing has been begun yet", s->path);
        if (st != ANL_OK) goto done;
    }
    ANL_GO(anl__arena_create(ctx, &a));
    ANL_GO(store_meta(s, a, "version", &version));
    if (version && !strcmp(version, "1")) {
        if (write) st = upgrade(s);
    } else if (version && strcmp(version, schema_version))
        st = anl__fail(ctx, ANL_FORMAT, "%s: written by a newer version (schema %s; this one knows %s)",
                       s->path, version, schema_version);
    else if (!version && write) st = store_put_meta(s, "version", schema_version);
done:
    if (a) anl__arena_destroy(a);
    if (st == ANL_OK) *out = s;
    else store_close(s);
    return st;
}

void store_close(store *s)
{
    if (!s) return;
    for (int i = 0; i < STATEMENTS; i++) sqlite3_finalize(s->st[i]);
    sqlite3_close(s->db);
    anl__free(s->ctx, s);
}

anl_status store_begin(store *s)
{
    return run_text(s, "BEGIN IMMEDIATE");
}
anl_status store_commit(store *s)
{
    return run_text(s, "COMMIT");
}
void store_rollback(store *s)
{
    if (!sqlite3_get_autocommit(s->db)) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

anl_status store_meta(store *s, anl__arena *a, const char *key, const char **out)
{
    sqlite3_stmt *q;
    *out = NULL;
    ANL_TRY(statement(s, GET_META, &q));
    sqlite3_bind_text(q, 1, key, -1, SQLITE_STATIC);
    int code = sqlite3_step(q);
    if (code == SQLITE_ROW) *out = anl__arena_strdup(a, (const char *)sqlite3_column_text(q, 0));
    anl_status st = code == SQLITE_ROW    ? (*out ? ANL_OK : ANL_NOMEM)
                    : code == SQLITE_DONE ? ANL_OK
                                          : fail(s, "cannot be read");
    sqlite3_reset(q);
    return st;
}

anl_status store_put_meta(store *s, const char *key, const char *value)
{
    sqlite3_stmt *q;
    ANL_TRY(statement(s, PUT_META, &q));
    sqlite3_bind_text(q, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 2, value, -1, SQLITE_TRANSIENT);
    return done(s, q);
}

/* ---- writing ---------------------------------------------------------------------------------- */

static void bind_real(sqlite3_stmt *q, int i, double v)
{
    if (isnan(v)) sqlite3_bind_null(q, i);
    else sqlite3_bind_double(q, i, v);
}

static void bind_text(sqlite3_stmt *q, int i, const char *text)
{
    if (text) sqlite3_bind_text(q, i, text, -1, SQLITE_TRANSIENT);
    else sqlite3_bind_null(q, i);
}

/* {"valid.loss":0.5,...}; NULL values where not known. */
static char *numbers_json(const char *const *name, const double *v, int n)
{
    cJSON *o = cJSON_CreateObject();
    for (int i = 0; i < n; i++) json_number(o, name[i], v[i]);
    char *text = cJSON_PrintUnformatted(o);
    cJSON_Delete(o);
    return text;
}

static char *point_json(anl_ctx *ctx, const space *sp, const double *values)
{
    cJSON *o = cJSON_CreateObject();
    for (int i = 0; i < space_count(sp); i++) {
        anl__buf b;
        if (!space_active(sp, i, values)) continue;
        anl__buf_init(&b, ctx);
        space_text(sp, i, values[i], &b);
        cJSON_AddStringToObject(o, space_axis_at(sp, i)->name, b.text);
        anl__buf_release(&b);
    }
    char *text = cJSON_PrintUnformatted(o);
    cJSON_Delete(o);
    return text;
}

static void constraint_names(const sweep_recipe *r, const char *name[SWEEP_MAX_CONSTRAINTS])
{
    for (int i = 0; i < r->n_constraints; i++) name[i] = r->constraint[i].metric;
}

anl_status store_put_trial(store *s, const sweep_recipe *r, const sweep_trial *t)
{
    sqlite3_stmt *q;
    const char *names[SWEEP_MAX_CONSTRAINTS];
    ANL_TRY(statement(s, PUT_TRIAL, &q));
    constraint_names(r, names);
    char *json[4] = {point_json(s->ctx, r->space, t->values),
                     numbers_json(r->metric, t->objective, r->n_objectives),
                     numbers_json(r->metric, t->deviation, r->n_objectives),
                     numbers_json(names, t->constraint, r->n_constraints)};
    int i = 0;
    sqlite3_bind_int64(q, ++i, t->number);
    bind_text(q, ++i, t->origin);
    bind_text(q, ++i, json[0]);
    bind_text(q, ++i, trial_status_name(t->status));
    sqlite3_bind_int64(q, ++i, t->target);
    sqlite3_bind_int64(q, ++i, t->step);
    sqlite3_bind_int64(q, ++i, t->first_step);
    bind_real(q, ++i, t->first_value);
    sqlite3_bind_int64(q, ++i, t->shown_step);
    bind_real(q, ++i, t->shown_value);
    for (int k = 1; k < 4; k++) bind_text(q, ++i, json[k]);
    bind_text(q, ++i, t->why);
    sqlite3_bind_int(q, ++i, t->tries);
    sqlite3_bind_int64(q, ++i, t->source);
    sqlite3_bind_int64(q, ++i, t->source_step);
    sqlite3_bind_int(q, ++i, t->generation);
    sqlite3_bind_int64(q, ++i, t->offset);
    bind_real(q, ++i, t->started);
    bind_real(q, ++i, t->ended);
    bind_real(q, ++i, t->seconds);
    bind_real(q, ++i, t->memory);
    bind_real(q, ++i, t->parameters);
    bind_text(q, ++i, t->slot);
    sqlite3_bind_int64(q, ++i, t->pid);
    for (int k = 0; k < 4; k++) cJSON_free(json[k]);
    return done(s, q);
}

anl_status store_put_row(store *s, const sweep_recipe *r, const sweep_trial *t, const trial_row *row)
{
    for (int i = 0; i < r->n_objectives + r->n_constraints; i++) {
        sqlite3_stmt *q;
        ANL_TRY(statement(s, PUT_ROW, &q));
        sqlite3_bind_int64(q, 1, t->number);
        sqlite3_bind_int(q, 2, row->part);
        sqlite3_bind_int64(q, 3, row->epoch);
        bind_text(q, 4, i < r->n_objectives ? r->metric[i] : r->constraint[i - r->n_objectives].metric);
        bind_real(q, 5, row->value[i]);
        ANL_TRY(done(s, q));
    }
    return ANL_OK;
}

anl_status store_log(store *s, const log_entry *e)
{
    sqlite3_stmt *q;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    ANL_TRY(statement(s, PUT_LOG, &q));
    sqlite3_bind_double(q, 1, (double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
    bind_text(q, 2, e->kind);
    sqlite3_bind_int64(q, 3, e->trial);
    sqlite3_bind_int64(q, 4, e->step);
    sqlite3_bind_int64(q, 5, e->target);
    sqlite3_bind_int64(q, 6, e->seen);
    bind_real(q, 7, e->value);
    bind_text(q, 8, e->why);
    return done(s, q);
}

/* ---- reading ---------------------------------------------------------------------------------- */

static double real_at(sqlite3_stmt *q, int i)
{
    return sqlite3_column_type(q, i) == SQLITE_NULL ? NAN : sqlite3_column_double(q, i);
}
static const char *text_at(sqlite3_stmt *q, int i)
{
    return (const char *)sqlite3_column_text(q, i);
}

anl_status store_each_log(store *s, anl_status (*each)(void *self, const log_entry *e), void *self)
{
    sqlite3_stmt *q;
    anl_status st = ANL_OK;
    int code = SQLITE_DONE;
    ANL_TRY(statement(s, ALL_LOG, &q));
    while (st == ANL_OK && (code = sqlite3_step(q)) == SQLITE_ROW) {
        log_entry e = {.kind = text_at(q, 0),
                       .trial = sqlite3_column_int64(q, 1),
                       .step = sqlite3_column_int64(q, 2),
                       .target = sqlite3_column_int64(q, 3),
                       .seen = sqlite3_column_int64(q, 4),
                       .value = real_at(q, 5),
                       .why = text_at(q, 6),
                       .point = text_at(q, 7)};
        st = each(self, &e);
    }
    sqlite3_reset(q);
    return st != ANL_OK ? st : code == SQLITE_DONE ? ANL_OK : fail(s, "cannot be read");
}

const char *trial_status_name(trial_status s)
{
    static const char *const names[] = {"running", "waiting", "complete", "pruned", "failed"};
    return names[s];
}

anl_status store_point(const sweep_state *s, const char *json, double *values)
{
    const space *sp = s->recipe->space;
    cJSON *o = cJSON_Parse(json ? json : "");
    anl_status st =
        o ? ANL_OK
          : anl__fail(s->ctx, ANL_FORMAT, "the store's point '%.200s' is not JSON", json ? json : "");
    for (int i = 0; st == ANL_OK && i < space_count(sp); i++) {
        const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, space_axis_at(sp, i)->name);
        values[i] = NAN;
        if (cJSON_IsString(v)) st = space_parse(s->ctx, sp, i, v->valuestring, &values[i]);
    }
    cJSON_Delete(o);
    return st;
}

static void read_numbers(const char *json, const char *const *name, double *v, int n)
{
    cJSON *o = cJSON_Parse(json ? json : "");
    for (int i = 0; i < n; i++) {
        const cJSON *x = o ? cJSON_GetObjectItemCaseSensitive(o, name[i]) : NULL;
        v[i] = cJSON_IsNumber(x) ? x->valuedouble : NAN;
    }
    cJSON_Delete(o);
}

static anl_status keep(sweep_state *s, const char *text, const char **out)
{
    *out = text ? anl__arena_strdup(s->arena, text) : NULL;
    return !text || *out ? ANL_OK : ANL_NOMEM;
}

static anl_status read_trial(sweep_state *s, sqlite3_stmt *q)
{
    const sweep_recipe *r = s->recipe;
    const char *names[SWEEP_MAX_CONSTRAINTS], *origin, *state = text_at(q, 3);
    sweep_trial *t;
    double values[SPACE_MAX_AXES];
    ANL_TRY(store_point(s, text_at(q, 2), values));
    ANL_TRY(keep(s, text_at(q, 1), &origin));
    ANL_TRY(sweep_state_add(s, sqlite3_column_int64(q, 0), origin, values, &t));
    for (int k = 0; k <= STATUS_FAILED; k++)
        if (state && !strcmp(state, trial_status_name((trial_status)k))) t->status = (trial_status)k;
    int i = 4;
    t->target = sqlite3_column_int64(q, i++);
    t->step = sqlite3_column_int64(q, i++);
    t->first_step = sqlite3_column_int64(q, i++);
    t->first_value = real_at(q, i++);
    t->shown_step = sqlite3_column_int64(q, i++);
    t->shown_value = real_at(q, i++);
    read_numbers(text_at(q, i++), r->metric, t->objective, r->n_objectives);
    read_numbers(text_at(q, i++), r->metric, t->deviation, r->n_objectives);
    constraint_names(r, names);
    read_numbers(text_at(q, i++), names, t->constraint, r->n_constraints);
    ANL_TRY(keep(s, text_at(q, i++), &t->why));
    t->tries = sqlite3_column_int(q, i++);
    t->source = sqlite3_column_int64(q, i++);
    t->source_step = sqlite3_column_int64(q, i++);
    t->generation = sqlite3_column_int(q, i++);
    t->offset = sqlite3_column_int64(q, i++);
    t->started = real_at(q, i++);
    t->ended = real_at(q, i++);
    t->seconds = real_at(q, i++);
    t->memory = real_at(q, i++);
    t->parameters = real_at(q, i++);
    ANL_TRY(keep(s, text_at(q, i++), &t->slot));
    t->pid = sqlite3_column_int64(q, i++);
    return ANL_OK;
}

static int metric_index(const sweep_recipe *r, const char *name)
{
    for (int i = 0; i < r->n_objectives; i++)
        if (!strcmp(r->metric[i], name)) return i;
    return -1;
}

static anl_status read_row(sweep_state *s, sqlite3_stmt *q)
{
    const sweep_recipe *r = s->recipe;
    sweep_trial *t = sweep_state_find(s, sqlite3_column_int64(q, 0));
    trial_row row = {.part = sqlite3_column_int(q, 1), .epoch = sqlite3_column_int64(q, 2)};
    const char *name = text_at(q, 3);
    if (!t || !name) return ANL_OK;
    trial_row *last = t->n_rows ? &t->row[t->n_rows - 1] : NULL;
    if (!last || last->part != row.part || last->epoch != row.epoch) {
        for (int i = 0; i < SWEEP_METRICS; i++) row.value[i] = NAN;
        ANL_TRY(sweep_trial_add_row(s, t, &row));
        last = &t->row[t->n_rows - 1];
    }
    int k = metric_index(r, name);
    if (k >= 0) last->value[k] = real_at(q, 4);
    for (int i = 0; i < r->n_constraints; i++)
        if (!strcmp(r->constraint[i].metric, name)) last->value[r->n_objectives + i] = real_at(q, 4);
    return ANL_OK;
}

static anl_status each_row(sweep_state *s, store *db, int which,
                           anl_status (*take)(sweep_state *, sqlite3_stmt *))
{
    sqlite3_stmt *q;
    anl_status st = ANL_OK;
    int code = SQLITE_DONE;
    ANL_TRY(statement(db, which, &q));
    while (st == ANL_OK && (code = sqlite3_step(q)) == SQLITE_ROW) st = take(s, q);
    sqlite3_reset(q);
    return st != ANL_OK ? st : code == SQLITE_DONE ? ANL_OK : fail(db, "cannot be read");
}

anl_status sweep_state_load(anl_ctx *ctx, const sweep_recipe *r, store *db, sweep_state *out)
{
    *out = (sweep_state){.ctx = ctx, .recipe = r};
    ANL_TRY(anl__arena_create(ctx, &out->arena));
    anl_status st = each_row(out, db, ALL_TRIALS, read_trial);
    if (st == ANL_OK) st = each_row(out, db, ALL_ROWS, read_row);
    if (st != ANL_OK) sweep_state_free(out);
    return st;
}

/* ---- the trials in memory ---------------------------------------------------------------------- */

void sweep_state_free(sweep_state *s)
{
    for (int64_t i = 0; i < s->n; i++) anl__free(s->ctx, s->trial[i]->row);
    anl__free(s->ctx, s->trial);
    if (s->arena) anl__arena_destroy(s->arena);
    *s = (sweep_state){0};
}

anl_status sweep_state_add(sweep_state *s, int64_t number, const char *origin, const double *values,
                           sweep_trial **out)
{
    int axes = space_count(s->recipe->space);
    sweep_trial *t = anl__arena_alloc(s->arena, sizeof *t);
    ANL_TRY(anl__grow(s->ctx, &s->trial, &s->cap, s->n + 1, sizeof *s->trial));
    if (!t || !(t->values = anl__arena_alloc(s->arena, sizeof *t->values * (size_t)axes))) return ANL_NOMEM;
    memcpy(t->values, values, sizeof *t->values * (size_t)axes);
    t->number = number;
    t->origin = origin;
    t->source = -1;
    t->first_value = t->shown_value = t->memory = t->parameters = NAN;
    for (int i = 0; i < SWEEP_MAX_OBJECTIVES; i++) t->objective[i] = t->deviation[i] = NAN;
    for (int i = 0; i < SWEEP_MAX_CONSTRAINTS; i++) t->constraint[i] = NAN;
    s->trial[s->n++] = t;
    s->n_warm += number < 0;
    *out = t;
    return ANL_OK;
}

anl_status sweep_trial_add_row(sweep_state *s, sweep_trial *t, const trial_row *row)
{
    ANL_TRY(anl__grow(s->ctx, &t->row, &t->cap_rows, t->n_rows + 1, sizeof *t->row));
    t->row[t->n_rows++] = *row;
    return ANL_OK;
}

int64_t sweep_next_number(const sweep_state *s)
{
    return s->n > s->n_warm ? s->trial[s->n - 1]->number + 1 : 0;
}

sweep_trial *sweep_state_find(const sweep_state *s, int64_t number)
{
    int64_t low = 0, high = s->n;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (s->trial[middle]->number < number) low = middle + 1;
        else high = middle;
    }
    return low < s->n && s->trial[low]->number == number ? s->trial[low] : NULL;
}
