/* The search space: what makes a valid axis, the unit cube, canonical values. What a value is written as is
 * in space_text.c, the grid in space_grid.c.
 *
 * Invariants: the parent of an axis stands before it; a value that leaves space_from_unit is canonical: a
 * discrete one is strtod of its short text, a real one is rounded to a millionth of its range (of itself, on
 * a logarithmic axis).
 */
#include "space_inside.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double MAX_INT = 9007199254740992.0; /* 2^53: every integer up to here is a double */

static anl_status copy_texts(anl_ctx *ctx, anl__arena *arena, const char *const *from, int n,
                             const char *const **out)
{
    const char **to = anl__arena_alloc(arena, sizeof *to * (size_t)(n + 1));
    if (!to) return ANL_NOMEM;
    for (int i = 0; i < n; i++)
        if (!(to[i] = anl__arena_strdup(arena, from[i]))) return ANL_NOMEM;
    (void)ctx;
    *out = to;
    return ANL_OK;
}

static anl_status check_number(anl_ctx *ctx, const space_axis *a)
{
    if (!isfinite(a->low) || !isfinite(a->high))
        return anl__fail(ctx, ANL_RECIPE, "search space, %s: its range must be two finite numbers", a->name);
    if (a->low > a->high)
        return anl__fail(ctx, ANL_RECIPE, "search space, %s: the range from %g to %g is empty", a->name,
                         a->low, a->high);
    if (a->log && a->low <= 0)
        return anl__fail(ctx, ANL_RECIPE,
                         "search space, %s: a logarithmic range must begin above 0, and it begins at %g",
                         a->name, a->low);
    if (a->log && a->step != 0)
        return anl__fail(
            ctx, ANL_RECIPE,
            "search space, %s: a logarithmic range has no step (%g was given); use choices, or grid: N",
            a->name, a->step);
    if (!isfinite(a->step) || a->step < 0)
        return anl__fail(ctx, ANL_RECIPE, "search space, %s: its step is %g and must be above 0", a->name,
                         a->step);
    if (a->grid < 0 || a->grid == 1)
        return anl__fail(ctx, ANL_RECIPE, "search space, %s: a grid of %d points; it needs 2 or more",
                         a->name, a->grid);
    if (a->step != 0 && (a->high - a->low) / a->step >= MAX_INT)
        return anl__fail(ctx, ANL_RECIPE,
                         "search space, %s: the step %g is too small for the range from %g to %g", a->name,
                         a->step, a->low, a->high);
    if (a->kind == SPACE_INT) {
        if (a->low != floor(a->low) || a->high != floor(a->high) || a->step != floor(a->step))
            return anl__fail(
                ctx, ANL_RECIPE,
                "search space, %s: an integer's range and step must be whole: %.12g to %.12g, step %.12g",
                a->name, a->low, a->high, a->step);
        if (fabs(a->low) > MAX_INT || fabs(a->high) > MAX_INT)
            return anl__fail(ctx, ANL_RECIPE, "search space, %s: integers must lie within plus or minus 2^53",
                             a->name);
    }
    if (a->kind == SPACE_REAL && a->high - a->low > DBL_MAX)
        return anl__fail(ctx, ANL_RECIPE, "search space, %s: the range from %g to %g is too wide", a->name,
                         a->low, a->high);
    return ANL_OK;
}

static anl_status check_choices(anl_ctx *ctx, const space_axis *a)
{
    if (a->n_choices < 1) return anl__fail(ctx, ANL_RECIPE, "search space, %s: there is no choice", a->name);
    if (a->n_choices > SPACE_MAX_CHOICES)
        return anl__fail(ctx, ANL_RECIPE, "search space, %s: %d choices are more than %d", a->name,
                         a->n_choices, SPACE_MAX_CHOICES);
    for (int i = 0; i < a->n_choices; i++)
        for (int j = 0; j < i; j++)
            if (!strcmp(a->choice[i], a->choice[j]))
                return anl__fail(ctx, ANL_RECIPE, "search space, %s: the choice '%s' stands there twice",
                                 a->name, a->choice[i]);
    return ANL_OK;
}

/* Finds the parent of axis i and the set of its choices that make i active. */
static anl_status bind_parent(anl_ctx *ctx, space *s, int i)
{
    const space_axis *a = &s->axis[i], *p;
    int at = -1;
    s->parent[i] = -1;
    if (!a->parent) return ANL_OK;
    for (int j = 0; j < i && at < 0; j++)
        if (!strcmp(s->axis[j].name, a->parent)) at = j;
    if (at < 0)
        return anl__fail(ctx, ANL_RECIPE, "search space, %s: it depends on '%s', which is no axis before it",
                         a->name, a->parent);
    p = &s->axis[at];
    if (p->kind != SPACE_CHOICE)
        return anl__fail(ctx, ANL_RECIPE,
                         "search space, %s: it depends on %s, which has a range; only choices can make "
                         "another axis active",
                         a->name, p->name);
    if (a->n_when < 1)
        return anl__fail(ctx, ANL_RECIPE, "search space, %s: it depends on %s, but no value of it is given",
                         a->name, p->name);
    for (int w = 0; w < a->n_when; w++) {
        int c = 0;
        while (c < p->n_choices && strcmp(p->choice[c], a->when[w])) c++;
        if (c == p->n_choices)
            return anl__fail(ctx, ANL_RECIPE,
                             "search space, %s: it is active when %s is '%s', which is none of its choices",
                             a->name, p->name, a->when[w]);
        s->when[i] |= UINT64_C(1) << c;
    }
    s->parent[i] = at;
    return ANL_OK;
}

static anl_status add_axis(anl_ctx *ctx, space *s, const space_axis *from, int i)
{
    space_axis *a = &s->axis[i];
    *a = *from;
    if (!a->name || !a->name[0])
        return anl__fail(ctx, ANL_RECIPE, "search space: axis %d has no name", i + 1);
    if (!(a->name = anl__arena_strdup(s->arena, from->name))) return ANL_NOMEM;
    for (int j = 0; j < i; j++)
        if (!strcmp(s->axis[j].name, a->name))
            return anl__fail(ctx, ANL_RECIPE, "search space: %s stands there twice", a->name);
    if (a->kind == SPACE_CHOICE) {
        ANL_TRY(check_choices(ctx, from));
        ANL_TRY(copy_texts(ctx, s->arena, from->choice, from->n_choices, &a->choice));
    } else {
        ANL_TRY(check_number(ctx, from));
        a->choice = NULL;
        a->n_choices = 0;
        if (a->kind == SPACE_INT && !a->log && a->step == 0) a->step = 1;
    }
    if (a->parent) {
        if (!(a->parent = anl__arena_strdup(s->arena, from->parent))) return ANL_NOMEM;
        ANL_TRY(copy_texts(ctx, s->arena, from->when, from->n_when, &a->when));
    } else {
        a->when = NULL;
        a->n_when = 0;
    }
    ANL_TRY(bind_parent(ctx, s, i));
    if (s->parent[i] >= 0) {
        for (int j = 0; j < i && !s->group[i]; j++)
            if (s->parent[j] == s->parent[i] && s->when[j] == s->when[i]) s->group[i] = s->group[j];
        if (!s->group[i]) s->group[i] = ++s->groups;
    }
    return ANL_OK;
}

anl_status space_create(anl_ctx *ctx, const space_axis *axes, int n, space **out)
{
    anl__arena *arena = NULL;
    space *s;
    anl_status st = ANL_OK;
    if (n < 1) return anl__fail(ctx, ANL_RECIPE, "search space: there is no axis");
    if (n > SPACE_MAX_AXES)
        return anl__fail(ctx, ANL_RECIPE, "search space: %d axes are more than %d", n, SPACE_MAX_AXES);
    ANL_TRY(anl__arena_create(ctx, &arena));
    if (!(s = anl__arena_alloc(arena, sizeof *s)) ||
        !(s->axis = anl__arena_alloc(arena, sizeof *s->axis * (size_t)n))) {
        st = ANL_NOMEM;
        goto done;
    }
    s->arena = arena;
    for (int i = 0; i < n; i++, s->n++) ANL_GO(add_axis(ctx, s, &axes[i], i));
    *out = s;
    return ANL_OK;
done:
    anl__arena_destroy(arena);
    return st;
}

void space_destroy(space *s)
{
    if (s) anl__arena_destroy(s->arena);
}

int space_count(const space *s) { return s->n; }
const space_axis *space_axis_at(const space *s, int i) { return &s->axis[i]; }
int space_parent(const space *s, int i) { return s->parent[i]; }
int space_group(const space *s, int i) { return s->group[i]; }

int space_find(const space *s, const char *name)
{
    for (int i = 0; i < s->n; i++)
        if (!strcmp(s->axis[i].name, name)) return i;
    return -1;
}

bool space_active(const space *s, int i, const double *point)
{
    int p = s->parent[i];
    if (p < 0) return true;
    if (isnan(point[p]) || !space_active(s, p, point)) return false;
    return s->when[i] >> (int)point[p] & 1;
}

int64_t space_levels(const space *s, int i)
{
    const space_axis *a = &s->axis[i];
    if (a->kind == SPACE_CHOICE) return a->n_choices;
    if (a->log) return a->kind == SPACE_INT ? (int64_t)(a->high - a->low) + 1 : 0;
    /* a hair more than the quotient: (0.3 - 0) / 0.1 is 2.9999999999999996 */
    return a->step != 0 ? (int64_t)floor((a->high - a->low) / a->step * (1 + 1e-12) + 1e-9) + 1 : 0;
}

/* The number that a person would write for low + level * step. */
static double at_level(const space_axis *a, int64_t level)
{
    char text[40];
    double v = a->low + (double)level * a->step;
    if (a->kind == SPACE_INT) return v;
    snprintf(text, sizeof text, "%.12g", v);
    v = strtod(text, NULL);
    return v > a->high ? a->high : v;
}

/* Six digits of the range, or of the number itself on a logarithmic axis: more would only make the texts
 * longer. */
static double round_real(const space_axis *a, double v)
{
    char text[400];
    if (a->log) {
        snprintf(text, sizeof text, "%.6g", v);
    } else {
        int decimals = 6 - (int)floor(log10(a->high - a->low));
        if (decimals > 300 || decimals < 0) return v;
        snprintf(text, sizeof text, "%.*f", decimals, v);
    }
    v = strtod(text, NULL);
    if (v == 0) return 0; /* not -0 */
    return v < a->low ? a->low : v > a->high ? a->high : v;
}

double space_from_unit(const space *s, int i, double u)
{
    const space_axis *a = &s->axis[i];
    u = !(u > 0) ? 0 : u > 1 ? 1 : u;
    if (a->kind == SPACE_INT && a->log) {
        double low = log(a->low - 0.5), v = floor(exp(low + u * (log(a->high + 0.5) - low)) + 0.5);
        return v < a->low ? a->low : v > a->high ? a->high : v;
    }
    int64_t levels = space_levels(s, i);
    if (levels) {
        int64_t level = (int64_t)(u * (double)levels);
        if (level >= levels) level = levels - 1;
        return a->kind == SPACE_CHOICE ? (double)level : at_level(a, level);
    }
    if (a->low == a->high) return a->low;
    if (a->log) return round_real(a, exp(log(a->low) + u * (log(a->high) - log(a->low))));
    return round_real(a, a->low + u * (a->high - a->low));
}

double space_to_unit(const space *s, int i, double value)
{
    const space_axis *a = &s->axis[i];
    if (a->kind == SPACE_CHOICE) return (value + 0.5) / a->n_choices;
    if (a->low == a->high) return 0.5;
    if (a->kind == SPACE_INT && a->log) {
        double low = log(a->low - 0.5);
        return (log(value) - low) / (log(a->high + 0.5) - low);
    }
    if (a->step != 0) return (floor((value - a->low) / a->step + 0.5) + 0.5) / (double)space_levels(s, i);
    if (a->log) return (log(value) - log(a->low)) / (log(a->high) - log(a->low));
    return (value - a->low) / (a->high - a->low);
}

void space_point(const space *s, const double *u, double *point)
{
    for (int i = 0; i < s->n; i++) point[i] = space_active(s, i, point) ? space_from_unit(s, i, u[i]) : NAN;
}

static anl_status check_value(anl_ctx *ctx, const space *s, int i, double v)
{
    const space_axis *a = &s->axis[i];
    if (a->kind == SPACE_CHOICE) {
        if (!(v >= 0 && v < a->n_choices) || v != floor(v))
            return anl__fail(ctx, ANL_RECIPE, "search space, %s: %g is no index of one of its %d choices",
                             a->name, v, a->n_choices);
        return ANL_OK;
    }
    if (!(v >= a->low && v <= a->high))
        return anl__fail(ctx, ANL_RECIPE, "search space, %s: %.12g is not within %.12g to %.12g", a->name, v,
                         a->low, a->high);
    if (a->kind == SPACE_INT && v != floor(v))
        return anl__fail(ctx, ANL_RECIPE, "search space, %s: %.12g is not whole", a->name, v);
    if (a->step != 0) {
        double near = at_level(a, (int64_t)floor((v - a->low) / a->step + 0.5));
        if (fabs(near - v) > 1e-9 * a->step)
            return anl__fail(ctx, ANL_RECIPE, "search space, %s: %.12g is not on the steps %.12g, %.12g, ...",
                             a->name, v, a->low, a->low + a->step);
    }
    return ANL_OK;
}

anl_status space_check(anl_ctx *ctx, const space *s, const double *point)
{
    for (int i = 0; i < s->n; i++) {
        bool active = space_active(s, i, point);
        if (active && isnan(point[i]))
            return anl__fail(ctx, ANL_RECIPE, "search space, %s: this point has no value for it",
                             s->axis[i].name);
        if (!active && !isnan(point[i])) {
            const space_axis *p = &s->axis[s->parent[i]];
            double v = point[s->parent[i]];
            return anl__fail(ctx, ANL_RECIPE,
                             "search space, %s: it has a value, but is not active when %s is %s",
                             s->axis[i].name, p->name, isnan(v) ? "not active" : p->choice[(int)v]);
        }
        if (active) ANL_TRY(check_value(ctx, s, i, point[i]));
    }
    return ANL_OK;
}

bool space_same(const space *s, const double *a, const double *b)
{
    for (int i = 0; i < s->n; i++)
        if (a[i] != b[i] && !(isnan(a[i]) && isnan(b[i]))) return false;
    return true;
}
