/* What was fitted on a series' training part, as a text and back, and the way from the model's units to raw ones.
 *
 *   anneal-series 2
 *   clock 1            then, when it is 1, a line with the first row's time and the step, in seconds (not there in anneal-series 1)
 *   window 336         then horizon, difference, difference_inputs, calendar: "key number" a line
 *   periods 2          then a number a line
 *   targets 1
 *   numbers 3          then two lines a number: its name; mean and std
 *   categories 1       then: a name; "levels n"; a level a line
 */
#include "datasets/lines.h"
#include "datasets/series_inside.h"

#include <math.h>
#include <string.h>

static const char magic[] = "anneal-series 2", older[] = "anneal-series 1";

/* ---- life ------------------------------------------------------------------------------------- */

anl_status anl__series_fit_create(anl_ctx *ctx, anl__series_fit **out)
{
    anl__series_fit *f = anl__alloc(ctx, sizeof *f);
    if (!f) return ANL_NOMEM;
    f->ctx = ctx;
    anl_status st = anl__arena_create(ctx, &f->arena);
    if (st != ANL_OK) {
        anl__free(ctx, f);
        return st;
    }
    *out = f;
    return ANL_OK;
}

anl_status anl__series_fit_room(anl__series_fit *f, int64_t numbers, int64_t categories)
{
    f->number = anl__arena_alloc(f->arena, sizeof *f->number * (size_t)numbers);
    f->mean = anl__arena_alloc(f->arena, sizeof *f->mean * (size_t)numbers);
    f->std = anl__arena_alloc(f->arena, sizeof *f->std * (size_t)numbers);
    f->category = anl__arena_alloc(f->arena, sizeof *f->category * (size_t)categories);
    return f->number && f->mean && f->std && f->category ? ANL_OK : ANL_NOMEM;
}

void anl__series_fit_destroy(anl__series_fit *f)
{
    if (!f) return;
    anl__arena_destroy(f->arena);
    anl__free(f->ctx, f);
}

/* ---- what it says ----------------------------------------------------------------------------- */

int anl__series_future(const anl__series_fit *f)
{
    return anl__calendar_features(f, 0, 0, NULL);
}

int anl__series_features(const anl__series_fit *f)
{
    int n = f->numbers + anl__series_future(f);
    for (int c = 0; c < f->categories; c++) n += f->category[c].levels;
    return n;
}

int anl__series_numbers(const anl__series_fit *f)
{
    return f->numbers;
}

int anl__series_categories(const anl__series_fit *f)
{
    return f->categories;
}

int anl__series_levels(const anl__series_fit *f, int category)
{
    return f->category[category].levels;
}

int anl__series_targets(const anl__series_fit *f)
{
    return f->targets;
}

bool anl__series_periodic(const anl__series_fit *f)
{
    return f->period[0] != 0;
}

int64_t anl__series_window(const anl__series_fit *f)
{
    return f->window;
}

int64_t anl__series_horizon(const anl__series_fit *f)
{
    return f->horizon;
}

int64_t anl__series_difference(const anl__series_fit *f)
{
    return f->difference;
}

void anl__series_scale(const anl__series_fit *f, int i, double *mean, double *std)
{
    *mean = f->mean[i];
    *std = f->std[i];
}

void anl__series_feature_names(const anl__series_fit *f, anl__buf *out)
{
    for (int i = 0; i < f->numbers; i++) anl__buf_add(out, "%s\n", f->number[i]);
    for (int c = 0; c < f->categories; c++)
        for (int32_t i = 0; i < f->category[c].levels; i++) anl__buf_add(out, "%s=%s\n", f->category[c].name, f->category[c].level[i]);
    for (int p = 0; p < ANL__CALENDAR_PARTS; p++)
        if (f->calendar & (1u << p)) anl__buf_add(out, "%s sine\n%s cosine\n", anl__calendar_name(p), anl__calendar_name(p));
    for (int p = 0; p < ANL__SERIES_PERIODS && f->period[p]; p++)
        anl__buf_add(out, "period %lld sine\nperiod %lld cosine\n", (long long)f->period[p], (long long)f->period[p]);
}

const char *anl__series_target_name(const anl__series_fit *f, int target)
{
    return f->number[target];
}

void anl__series_undo(const anl__series_fit *f, const float *y, const float *base, double *raw)
{
    int64_t T = f->targets, D = f->difference;
    for (int64_t h = 0; h < f->horizon; h++) {
        for (int64_t k = 0; k < T; k++) {
            double v = y[h * T + k] * f->std[k] + f->mean[k];
            if (D > 0) v += h < D ? base[h * T + k] : raw[(h - D) * T + k];
            raw[h * T + k] = v;
        }
    }
}

/* ---- as text ---------------------------------------------------------------------------------- */

void anl__series_write(const anl__series_fit *f, anl__buf *out)
{
    int periods = 0;
    while (periods < ANL__SERIES_PERIODS && f->period[periods]) periods++;
    anl__buf_add(out, "%s\nclock %d\n", magic, f->clock);
    if (f->clock) anl__buf_add(out, "%.17g %.17g\n", f->origin, f->step);
    anl__buf_add(out, "window %lld\nhorizon %lld\ndifference %lld\n", (long long)f->window, (long long)f->horizon, (long long)f->difference);
    anl__buf_add(out, "difference_inputs %d\ncalendar %u\nperiods %d\n", f->difference_inputs, f->calendar, periods);
    for (int p = 0; p < periods; p++) anl__buf_add(out, "period %lld\n", (long long)f->period[p]);
    anl__buf_add(out, "targets %d\nnumbers %d\n", f->targets, f->numbers);
    for (int i = 0; i < f->numbers; i++) anl__buf_add(out, "%s\n%.17g %.17g\n", f->number[i], f->mean[i], f->std[i]);
    anl__buf_add(out, "categories %d\n", f->categories);
    for (int c = 0; c < f->categories; c++) {
        anl__buf_add(out, "%s\nlevels %d\n", f->category[c].name, (int)f->category[c].levels);
        for (int32_t i = 0; i < f->category[c].levels; i++) anl__buf_add(out, "%s\n", f->category[c].level[i]);
    }
}

static anl_status read_name(anl__lines *l, anl__series_fit *f, char **out)
{
    ANL_TRY(anl__lines_next(l));
    *out = anl__arena_alloc(f->arena, l->line.bytes + 1);
    if (!*out) return ANL_NOMEM;
    memcpy(*out, l->line.text, l->line.bytes);
    return ANL_OK;
}

/* Two numbers, the second above 0. */
static anl_status read_two(anl__lines *l, const char *what, double *a, double *b)
{
    ANL_TRY(anl__lines_next(l));
    anl__span s = l->line;
    return anl__span_real(&s, a) && anl__span_text(&s, " ") && anl__span_real(&s, b) && !s.bytes && *b > 0 ? ANL_OK : anl__lines_bad(l, what);
}

static anl_status read_clock(anl__lines *l, anl__series_fit *f)
{
    int64_t clock = 0;
    ANL_TRY(anl__lines_next(l));
    if (l->line.bytes == strlen(older) && !memcmp(l->line.text, older, l->line.bytes)) return ANL_OK;
    if (l->line.bytes != strlen(magic) || memcmp(l->line.text, magic, l->line.bytes)) return anl__lines_bad(l, "expected \"anneal-series 2\"");
    ANL_TRY(anl__lines_number(l, "clock", 1, &clock));
    f->clock = clock != 0;
    return f->clock ? read_two(l, "expected the time of the first row and a step above 0", &f->origin, &f->step) : ANL_OK;
}

static anl_status read_head(anl__lines *l, anl__series_fit *f)
{
    int64_t flag = 0, calendar = 0, periods = 0;
    ANL_TRY(read_clock(l, f));
    ANL_TRY(anl__lines_number(l, "window", 1 << 20, &f->window));
    ANL_TRY(anl__lines_number(l, "horizon", 1 << 16, &f->horizon));
    ANL_TRY(anl__lines_number(l, "difference", 1 << 20, &f->difference));
    ANL_TRY(anl__lines_number(l, "difference_inputs", 1, &flag));
    ANL_TRY(anl__lines_number(l, "calendar", (1 << ANL__CALENDAR_PARTS) - 1, &calendar));
    ANL_TRY(anl__lines_number(l, "periods", ANL__SERIES_PERIODS, &periods));
    f->difference_inputs = flag != 0;
    f->calendar = (unsigned)calendar;
    for (int64_t p = 0; p < periods; p++) {
        ANL_TRY(anl__lines_number(l, "period", 1 << 30, &f->period[p]));
        if (f->period[p] < 2) return anl__lines_bad(l, "a period below 2 rows");
    }
    if (f->window < 1 || f->horizon < 1) return anl__lines_bad(l, "a window or horizon of no rows");
    return ANL_OK;
}

static anl_status read_lists(anl__lines *l, anl__series_fit *f)
{
    int64_t targets = 0, numbers = 0, categories = 0, levels = 0, rest = l->end - l->at; /* lines: no count is larger than the bytes left */
    ANL_TRY(anl__lines_number(l, "targets", rest, &targets));
    ANL_TRY(anl__lines_number(l, "numbers", rest, &numbers));
    if (targets < 1 || numbers < targets || numbers > INT32_MAX) return anl__lines_bad(l, "fewer numbers than targets, or no target");
    f->targets = (int)targets;
    ANL_TRY(anl__series_fit_room(f, numbers, 0));
    for (f->numbers = 0; f->numbers < numbers; f->numbers++) {
        ANL_TRY(read_name(l, f, &f->number[f->numbers]));
        ANL_TRY(read_two(l, "expected a mean and a standard deviation above 0", &f->mean[f->numbers], &f->std[f->numbers]));
    }
    rest = l->end - l->at;
    ANL_TRY(anl__lines_number(l, "categories", rest, &categories));
    f->category = anl__arena_alloc(f->arena, sizeof *f->category * (size_t)categories);
    if (!f->category) return ANL_NOMEM;
    for (f->categories = 0; f->categories < categories; f->categories++) {
        anl__series_category *c = &f->category[f->categories];
        ANL_TRY(read_name(l, f, &c->name));
        rest = l->end - l->at;
        ANL_TRY(anl__lines_number(l, "levels", rest < ANL__MAX_LEVELS ? rest : ANL__MAX_LEVELS, &levels));
        c->level = anl__arena_alloc(f->arena, sizeof *c->level * (size_t)levels);
        if (!c->level) return ANL_NOMEM;
        for (; c->levels < levels; c->levels++) ANL_TRY(read_name(l, f, &c->level[c->levels]));
    }
    return l->at == l->end ? ANL_OK : anl__lines_bad(l, "more text follows");
}

anl_status anl__series_read(anl_ctx *ctx, const char *text, size_t bytes, anl__series_fit **out)
{
    anl__lines l = {.ctx = ctx, .what = "scaling of a series", .at = text, .end = text + bytes};
    anl__series_fit *f = NULL;
    ANL_TRY(anl__series_fit_create(ctx, &f));
    anl_status st = read_head(&l, f);
    if (st == ANL_OK) st = read_lists(&l, f);
    if (st == ANL_OK) *out = f;
    else anl__series_fit_destroy(f);
    return st;
}
