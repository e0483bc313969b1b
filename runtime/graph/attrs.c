/* Attributes from text "key=value key=1,2" by the operator's schema. Values cannot hold spaces. */
#include "attrs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static anl_status bad(anl_ctx *ctx, const anl__attr_def *d, const char *value, int len, const char *want)
{
    return anl__fail(ctx, ANL_INVALID, "attribute %s: '%.*s' is not %s", d->name, len, value, want);
}

static anl_status in_range(anl_ctx *ctx, const anl__attr_def *d, double x)
{
    if ((d->min != 0 || d->max != 0) && !(x >= d->min && x <= d->max))
        return anl__fail(ctx, ANL_INVALID, "attribute %s: %g is outside %g to %g", d->name, x, d->min, d->max);
    return ANL_OK;
}

static anl_status parse_enum(anl_ctx *ctx, const anl__attr_def *d, const char *text, int len, anl__attr *a)
{
    const char *c = d->choices;
    for (int k = 0;; k++) {
        const char *end = strchrnul(c, '|');
        if (end - c == len && !strncmp(c, text, (size_t)len)) {
            a->n = 1;
            a->i[0] = k;
            return ANL_OK;
        }
        if (!*end) break;
        c = end + 1;
    }
    return anl__fail(ctx, ANL_INVALID, "attribute %s: '%.*s' is none of %s", d->name, len, text, d->choices);
}

static anl_status parse_one(anl_ctx *ctx, const anl__attr_def *d, const char *text, int len, anl__attr *a)
{
    char buf[160], *p = buf, *end;
    if (len >= (int)sizeof buf) return bad(ctx, d, text, len, "short enough");
    memcpy(buf, text, (size_t)len);
    buf[len] = 0;
    memset(a, 0, sizeof *a);
    if (d->type == ANL__ENUM) return parse_enum(ctx, d, text, len, a);
    if (d->type == ANL__FLOAT) {
        a->f = strtod(p, &end);
        a->n = 1;
        if (end == p || *end) return bad(ctx, d, text, len, "a number");
        return in_range(ctx, d, a->f);
    }
    if (d->type == ANL__BOOL && (!strcmp(buf, "true") || !strcmp(buf, "false"))) {
        a->n = 1;
        a->i[0] = buf[0] == 't';
        return ANL_OK;
    }
    do { /* ANL__INT, ANL__BOOL, ANL__INTS */
        errno = 0;
        long long v = strtoll(p, &end, 10);
        if (end == p || errno || (*end && *end != ',') || a->n >= ANL__MAX_INTS) return bad(ctx, d, text, len, "a list of integers");
        ANL_TRY(in_range(ctx, d, (double)v));
        a->i[a->n++] = v;
        p = end + 1;
    } while (*end);
    a->f = (double)a->i[0];
    if (d->type != ANL__INTS && a->n != 1) return bad(ctx, d, text, len, "one integer");
    if (d->type == ANL__BOOL && a->i[0] != 0 && a->i[0] != 1) return bad(ctx, d, text, len, "true or false");
    return ANL_OK;
}

int anl__attrs_count(const anl__op *op)
{
    int n = 0;
    while (op->attrs && op->attrs[n].name) n++;
    return n;
}

static int find(const anl__op *op, const char *name, int len)
{
    for (int i = 0; op->attrs && op->attrs[i].name; i++)
        if ((int)strlen(op->attrs[i].name) == len && !strncmp(op->attrs[i].name, name, (size_t)len)) return i;
    return -1;
}

static anl_status unknown(anl_ctx *ctx, const anl__op *op, const char *name, int len)
{
    const char *names[64];
    char word[64];
    int n = 0;
    for (; op->attrs && op->attrs[n].name && n < 64; n++) names[n] = op->attrs[n].name;
    len = len < 63 ? len : 63;
    memcpy(word, name, (size_t)len);
    word[len] = 0;
    const char *near = anl__nearest(word, names, n);
    return anl__fail(ctx, ANL_INVALID, "no attribute '%s'%s%s%s", word, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* Values of same-named attributes of another call; types must agree (enums by their choices). */
static void inherit(const anl__op *op, const anl__call *from, anl__attr *attr, bool *set)
{
    for (int i = 0; op->attrs && op->attrs[i].name; i++) {
        int k = find(from->op, op->attrs[i].name, (int)strlen(op->attrs[i].name));
        if (k < 0) continue;
        const anl__attr_def *a = &op->attrs[i], *b = &from->op->attrs[k];
        if (a->type != b->type || (a->type == ANL__ENUM && strcmp(a->choices, b->choices))) continue;
        attr[i] = from->attr[k];
        set[i] = true;
    }
}

anl_status anl__attrs_parse(anl_ctx *ctx, const anl__op *op, const anl__call *const *base, int n_base, const char *text, anl__attr *attr)
{
    bool set[64] = {false};
    int n = anl__attrs_count(op);
    if (n > 64) return anl__fail(ctx, ANL_INTERNAL, "operator %s has more than 64 attributes", op->name);
    for (int b = 0; b < n_base; b++) inherit(op, base[b], attr, set);
    for (const char *p = text ? text : ""; *p;) {
        while (*p == ' ') p++;
        if (!*p) break;
        const char *eq = strchr(p, '='), *end = strchrnul(p, ' ');
        if (!eq || eq > end) return anl__fail(ctx, ANL_INVALID, "attributes '%s': expected key=value at '%.20s'", text, p);
        int k = find(op, p, (int)(eq - p));
        if (k < 0) return unknown(ctx, op, p, (int)(eq - p));
        ANL_TRY(parse_one(ctx, &op->attrs[k], eq + 1, (int)(end - eq - 1), &attr[k]));
        set[k] = true;
        p = end;
    }
    for (int i = 0; i < n; i++) {
        const anl__attr_def *d = &op->attrs[i];
        if (set[i]) continue;
        if (!d->def) return anl__fail(ctx, ANL_INVALID, "attribute %s is required (%s)", d->name, d->help ? d->help : "");
        ANL_TRY(parse_one(ctx, d, d->def, (int)strlen(d->def), &attr[i]));
    }
    return ANL_OK;
}
