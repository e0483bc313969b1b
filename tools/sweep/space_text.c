/* Points as text, and points of other spaces. One value has one text, and it reads back as the same bits. */
#include "space_inside.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void number_text(double v, anl__buf *out)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v) break;
    }
    anl__buf_add(out, "%s", text);
}

void space_text(const space *s, int i, double value, anl__buf *out)
{
    const space_axis *a = &s->axis[i];
    if (isnan(value)) anl__buf_add(out, "-");
    else if (a->kind == SPACE_CHOICE) anl__buf_add(out, "%s", a->choice[(int)value]);
    else if (a->kind == SPACE_INT) anl__buf_add(out, "%lld", (long long)value);
    else number_text(value, out);
}

anl_status space_parse(anl_ctx *ctx, const space *s, int i, const char *text, double *value)
{
    const space_axis *a = &s->axis[i];
    char *end;
    double v;
    if (!strcmp(text, "-")) {
        *value = NAN;
        return ANL_OK;
    }
    if (a->kind == SPACE_CHOICE) {
        for (int c = 0; c < a->n_choices; c++)
            if (!strcmp(a->choice[c], text)) {
                *value = c;
                return ANL_OK;
            }
        const char *near = anl__nearest(text, a->choice, a->n_choices);
        return anl__fail(ctx, ANL_RECIPE, "search space, %s: '%s' is none of its choices%s%s%s", a->name,
                         text, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    v = strtod(text, &end);
    if (end == text || *end || !isfinite(v))
        return anl__fail(ctx, ANL_RECIPE, "search space, %s: '%s' is not a number", a->name, text);
    *value = v;
    return ANL_OK;
}

void space_point_text(const space *s, const double *point, anl__buf *out)
{
    bool first = true;
    for (int i = 0; i < s->n; i++) {
        if (isnan(point[i])) continue;
        anl__buf_add(out, "%s%s=", first ? "" : " ", s->axis[i].name);
        space_text(s, i, point[i], out);
        first = false;
    }
}

/* In quotes, so that no text can look like two. */
static void quoted(const char *text, anl__buf *out)
{
    anl__buf_add(out, "\"");
    for (; *text; text++) anl__buf_add(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    anl__buf_add(out, "\"");
}

static void list_text(const char *const *item, int n, anl__buf *out)
{
    anl__buf_add(out, "[");
    for (int i = 0; i < n; i++) {
        if (i) anl__buf_add(out, ", ");
        quoted(item[i], out);
    }
    anl__buf_add(out, "]");
}

void space_describe(const space *s, anl__buf *out)
{
    for (int i = 0; i < s->n; i++) {
        const space_axis *a = &s->axis[i];
        quoted(a->name, out);
        if (a->kind == SPACE_CHOICE) {
            anl__buf_add(out, ": choice ");
            list_text(a->choice, a->n_choices, out);
        } else {
            anl__buf_add(out, ": %s%s ", a->log ? "log " : "", a->kind == SPACE_INT ? "int" : "real");
            number_text(a->low, out);
            anl__buf_add(out, " .. ");
            number_text(a->high, out);
            if (a->step != 0) {
                anl__buf_add(out, " step ");
                number_text(a->step, out);
            }
            if (a->grid) anl__buf_add(out, " grid %d", a->grid);
        }
        if (a->parent) {
            anl__buf_add(out, " when ");
            quoted(a->parent, out);
            anl__buf_add(out, " in ");
            list_text(a->when, a->n_when, out);
        }
        anl__buf_add(out, "\n");
    }
}

anl_status space_convert(anl_ctx *ctx, const space *from, const double *point, const space *to, double *out)
{
    double made[SPACE_MAX_AXES];
    anl__buf text;
    anl_status st = ANL_OK;
    anl__buf_init(&text, ctx);
    for (int i = 0; i < to->n; i++) {
        int f = space_find(from, to->axis[i].name);
        made[i] = NAN;
        if (!space_active(to, i, made)) continue;
        if (f < 0 || isnan(point[f])) {
            st = anl__fail(ctx, ANL_MISMATCH, "%s: the other sweep has no value for it", to->axis[i].name);
            goto done;
        }
        anl__buf_release(&text);
        anl__buf_init(&text, ctx);
        space_text(from, f, point[f], &text);
        ANL_GO(text.status);
        if (space_parse(ctx, to, i, text.text, &made[i])) {
            st = anl__context(ctx, ANL_MISMATCH, "a point of another sweep");
            goto done;
        }
    }
    if (space_check(ctx, to, made)) {
        st = anl__context(ctx, ANL_MISMATCH, "a point of another sweep");
        goto done;
    }
    memcpy(out, made, sizeof *out * (size_t)to->n);
done:
    anl__buf_release(&text);
    return st;
}
