/* The inside of a series' fit; only series.c, series_fit.c and calendar.c include this. */
#ifndef ANL_SERIES_INSIDE_H
#define ANL_SERIES_INSIDE_H

#include "datasets/series.h"

typedef struct anl__series_category {
    char *name;
    char **level; /* [levels] ascending by bytes */
    int32_t levels;
} anl__series_category;

struct anl__series_fit {
    anl_ctx *ctx;
    anl__arena *arena; /* names, lists and scales */
    int targets, numbers; /* numeric columns: the targets first, then the other numeric inputs */
    char **number;        /* [numbers] names */
    double *mean, *std;   /* [numbers] of the training rows, after differences; std is never 0 */
    int categories;
    anl__series_category *category;
    unsigned calendar;
    int64_t period[ANL__SERIES_PERIODS];
    int64_t window, horizon, difference;
    bool difference_inputs;
    bool clock; /* the training table had a time, and its rows were `step` seconds apart without a gap, the first at `origin` */
    double origin, step;
};

/* An empty fit with an arena. */
anl_status anl__series_fit_create(anl_ctx *ctx, anl__series_fit **out) ANL_MUST;
/* Lists of so many numbers (names, means, stds) and categories. */
anl_status anl__series_fit_room(anl__series_fit *f, int64_t numbers, int64_t categories) ANL_MUST;
static inline bool anl__series_differenced(const anl__series_fit *f, int number)
{
    return f->difference > 0 && (number < f->targets || f->difference_inputs);
}

/* Sine and cosine for every calendar part and period of the row `row` at `time` (seconds since 1970 UTC); returns how many. Angles:
   hour: seconds into the day / 86400; weekday: days from Monday / 7; month: months from January / 12; yearday: days from the year's
   first / its days; a period p: row / p. out NULL: counts only. */
int anl__calendar_features(const anl__series_fit *f, int64_t row, double time, float *out);
/* "hour", "weekday", "month", "yearday" in the order of the features. */
const char *anl__calendar_name(int part);
enum { ANL__CALENDAR_PARTS = 4 };

#endif
