/* A forecasting set from a table: windows of W rows and what follows in the next H.
 *
 * An item is an origin t: field "x" [W, features] holds rows t-W .. t-1, "y" [H, targets] rows t .. t+H-1. Features are, in this
 * order: the targets, the other numeric inputs, one-hot categories, calendar (sine and cosine). Origins are split chronologically:
 * a window may look back into the part before, but the targets of an item lie wholly inside its own part; an item whose targets
 * cross a border is in no part.
 *
 * difference D > 0: targets (and, on request, numeric inputs) are replaced by v(t) - v(t-D), in x and in y. Then every number is
 * scaled to mean 0, std 1 over the training rows; one-hot and calendar are not. Both are undone by anl__series_undo with field
 * "base" [min(D, H), targets]: the raw values at rows t-D .. (present when D > 0). Field "future" [H, calendar] (when there is
 * a calendar) holds the calendar of the target rows, which is known ahead.
 *
 * What was fitted (columns, levels, lag, means) is a text that goes with the model, and makes windows of tables never seen.
 */
#ifndef ANL_SERIES_H
#define ANL_SERIES_H

#include "datasets/parts.h"
#include "datasets/ragged.h"
#include "datasets/table.h"

enum { ANL__SERIES_PERIODS = 8 };
enum { ANL__CALENDAR_HOUR = 1, ANL__CALENDAR_WEEKDAY = 2, ANL__CALENDAR_MONTH = 4, ANL__CALENDAR_YEARDAY = 8 };

typedef struct anl__series_opts {
    const char *const *target; /* names of numeric columns */
    int targets;
    const char *const *input; /* further columns; targets among them are taken once */
    int inputs;
    unsigned calendar;                   /* ANL__CALENDAR_*, from the table's time */
    int64_t period[ANL__SERIES_PERIODS]; /* sine and cosine of the row number over these; 0 ends */
    int64_t window, horizon;
    int64_t difference; /* lag in rows; 0: none */
    bool difference_inputs;
    int64_t valid_rows, test_rows;         /* of the last parts; 0: by fraction */
    double valid_fraction, test_fraction; /* of the table's rows, rounded to the nearest row */
} anl__series_opts;
anl__series_opts anl__series_opts_default(void); /* window 48, horizon 1, no difference, 0.1 and 0.2 */

typedef struct anl__series_fit anl__series_fit;

typedef struct anl__series {
    anl_ctx *ctx;
    anl__series_fit *fit; /* owned */
    anl__ragged *set;     /* every origin of the table, ascending */
    int64_t first;        /* origin (row) of item 0 */
    int64_t begin[ANL__PARTS + 1];             /* rows where parts begin, and the rows in all */
    int64_t *item[ANL__PARTS], items[ANL__PARTS]; /* owned lists of item numbers */
    const double *raw;                         /* [rows, targets] as in the table; owned by the series */
    int64_t rows;
    int64_t row_of_first; /* what the first row counts as in periods */
    bool phased;          /* known from the time; false: counted from the first row */
    const float *tail_x; /* [W, features] the last window, whose targets lie behind the table's end; owned */
    const float *tail_base, *tail_future; /* as the fields of these names; NULL where there is none */
} anl__series;

/* Fits on the table's training part. ANL_DATA: an unknown or unsuitable column, a part without an item (each named). */
anl_status anl__series_create(anl_ctx *ctx, const anl__table *t, const anl__series_opts *opts, anl__series **out) ANL_MUST;
/* Windows of another table under a fit (copied); no parts: item[TEST] lists all. A table of window + difference rows is enough:
   then the set is NULL and only the tail is there. A `period` goes on by the clock where both tables have a time of one step without
   gaps (s->phased), else its rows are counted from the table's first. */
anl_status anl__series_apply(anl_ctx *ctx, const anl__table *t, const anl__series_fit *fit, anl__series **out) ANL_MUST;
void anl__series_destroy(anl__series *s);
/* The table has a time, its rows are one step apart, and none is left out. */
bool anl__series_regular(const anl__table *t);

int anl__series_features(const anl__series_fit *f);
int anl__series_targets(const anl__series_fit *f);
int anl__series_numbers(const anl__series_fit *f); /* features that are numbers; the one-hot columns come behind them */
int anl__series_categories(const anl__series_fit *f);
int anl__series_levels(const anl__series_fit *f, int category); /* its one-hot columns */
int64_t anl__series_window(const anl__series_fit *f);
int64_t anl__series_horizon(const anl__series_fit *f);
int anl__series_future(const anl__series_fit *f); /* calendar features */
bool anl__series_periodic(const anl__series_fit *f); /* there are periods */
int64_t anl__series_difference(const anl__series_fit *f); /* 0: none */
/* How number i of the features (the targets first) is scaled: (v - mean) / std of what differences left of it. */
void anl__series_scale(const anl__series_fit *f, int i, double *mean, double *std);
/* Names of the features, a line each. */
void anl__series_feature_names(const anl__series_fit *f, anl__buf *out);
const char *anl__series_target_name(const anl__series_fit *f, int target);
/* A prediction [H, targets] in the model's units, and the item's base (NULL without difference), become raw values. */
void anl__series_undo(const anl__series_fit *f, const float *y, const float *base, double *raw);
/* The fit as text, and back (ANL_FORMAT with the line; NOMEM). */
void anl__series_write(const anl__series_fit *f, anl__buf *out);
anl_status anl__series_read(anl_ctx *ctx, const char *text, size_t bytes, anl__series_fit **out) ANL_MUST;
void anl__series_fit_destroy(anl__series_fit *f);

#endif
