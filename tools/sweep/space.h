/* The search space of a sweep: axes (one a hyperparameter), points, the unit cube.
 *
 * A point is one double an axis: a number, an integer (exact), or the index of a choice; NaN where the axis
 * is not active. An axis with a parent is active only if the parent, an earlier axis of choices, is active
 * and has one of the values in `when`. Values are canonical: space_from_unit gives numbers that have a short
 * decimal text, and space_text / space_parse turn each into the other without loss, so that a point is the
 * same in a store, on a command line and in a run's name.
 */
#ifndef SWEEP_SPACE_H
#define SWEEP_SPACE_H

#include <anneal.h>

typedef enum space_kind { SPACE_REAL, SPACE_INT, SPACE_CHOICE } space_kind;

typedef struct space_axis {
    const char *name; /* the recipe's key: "optim.lr" */
    space_kind kind;
    double low, high; /* both included; numbers only */
    bool log;         /* uniform in the logarithm; not together with step */
    double step;      /* values are low, low + step, ... up to high; 0: any real; an integer's 0 means 1 */
    int grid; /* points that a grid search takes of a continuous (or logarithmic) range; 0: none given */
    const char *const *choice; /* SPACE_CHOICE: texts, at most SPACE_MAX_CHOICES */
    int n_choices;
    const char *parent;      /* NULL: always active */
    const char *const *when; /* the parent's choices that make it active */
    int n_when;
} space_axis;

enum { SPACE_MAX_AXES = 256, SPACE_MAX_CHOICES = 64 };

typedef struct space space;

/* Copies the axes. ANL_RECIPE with a complete message: no axis, a name twice, an empty range, log of a number
   <= 0, step <= 0 or with log, bounds of an integer that are none, a choice twice, an unknown or later
   parent, a condition on a value that the parent lacks. */
anl_status space_create(anl_ctx *ctx, const space_axis *axes, int n, space **out) ANL_MUST;
void space_destroy(space *s);

int space_count(const space *s);                               /* axes */
const space_axis *space_axis_at(const space *s, int i);        /* borrowed; texts are the space's own */
int space_find(const space *s, const char *name);              /* -1: no such axis */
bool space_active(const space *s, int i, const double *point); /* reads the axes before i only */
int space_parent(const space *s, int i);                       /* -1: none */
/* Axes with the same conditions have the same number: 0 is "always active", the others count up in order of
 * appearance. */
int space_group(const space *s, int i);
/* How many values a stepped, integer or choice axis has; 0: a real range without step. */
int64_t space_levels(const space *s, int i);

/* One axis: u in [0, 1] to a value (clamped), and back (the middle of a discrete value's cell). */
double space_from_unit(const space *s, int i, double u);
double space_to_unit(const space *s, int i, double value);
/* A whole point; axes that are not active become NaN. */
void space_point(const space *s, const double *u, double *point);
/* A point of somebody else's: within range, on the steps, whole, NaN exactly where inactive. ANL_RECIPE names
 * axis, value and range. */
anl_status space_check(anl_ctx *ctx, const space *s, const double *point) ANL_MUST;
/* Two points are the same: equal where active. */
bool space_same(const space *s, const double *a, const double *b);

/* A value from its text (space_text.h); ANL_RECIPE: none, or none of this axis. */
anl_status space_parse(anl_ctx *ctx, const space *s, int i, const char *text, double *value) ANL_MUST;
/* A point of another space, by names: ANL_MISMATCH names the axis that is missing or whose value does not
 * fit. */
anl_status space_convert(anl_ctx *ctx, const space *from, const double *point, const space *to,
                         double *out) ANL_MUST;

/* The points of the full grid, conditions respected; the last axis changes fastest. ANL_RECIPE: a continuous
   range without steps or `grid`, or more than 2^53 points. */
anl_status space_grid_count(anl_ctx *ctx, const space *s, int64_t *count) ANL_MUST;
void space_grid_point(const space *s, int64_t index, double *point); /* index below the count */

#endif
