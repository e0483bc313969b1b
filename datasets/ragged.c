/* The ragged set of ragged.h: it keeps, checks and fingerprints; it fills nothing. */
#include "datasets/ragged.h"

#include "runtime/base/files.h"

#include <string.h>

anl_status anl__ragged_create(anl_ctx *ctx, const char *name, int64_t n, anl__ragged **out)
{
    if (n < 1) return anl__fail(ctx, ANL_DATA, "%s: the set is empty: it has no items", name);
    anl__ragged *r = anl__alloc(ctx, sizeof *r);
    if (!r) return ANL_NOMEM;
    r->ctx = ctx;
    r->n = n;
    r->name = anl__strdup(ctx, name);
    if (!r->name) {
        anl__free(ctx, r);
        return ANL_NOMEM;
    }
    *out = r;
    return ANL_OK;
}

static void release_field(anl_ctx *ctx, const anl__ragged_field *f)
{
    if (f->owns & ANL__OWNS_DATA) anl__free(ctx, (void *)f->data);
    if (!(f->owns & ANL__OWNS_PLACES)) return;
    anl__free(ctx, (void *)f->offset);
    anl__free(ctx, (void *)f->length);
}

static anl_status check_form(const anl__ragged *r, const anl__ragged_field *f)
{
    anl_ctx *ctx = r->ctx;
    if (r->fields == ANL__RAGGED_FIELDS)
        return anl__fail(ctx, ANL_INVALID, "%s: field %s is one more than the %d a set may have", r->name, f->name, ANL__RAGGED_FIELDS);
    if (anl__ragged_find(r, f->name) >= 0) return anl__fail(ctx, ANL_INVALID, "%s: the set has a field %s already", r->name, f->name);
    if ((f->dtype != ANL_I32 && f->dtype != ANL_F32) || f->width < 1 || f->steps < 0 || f->fixed < 0 || !f->data)
        return anl__fail(ctx, ANL_INVALID, "%s: field %s: expected i32 or f32 data of width 1 or more, found %s of width %lld, %lld steps",
                         r->name, f->name, anl_dtype_name(f->dtype), (long long)f->width, (long long)f->steps);
    if (!f->fixed && (!f->offset || !f->length || f->axis < 0 || f->axis >= ANL__RAGGED_AXES))
        return anl__fail(ctx, ANL_INVALID, "%s: field %s varies in length: it needs offsets, lengths and an axis below %d (found axis %d)",
                         r->name, f->name, ANL__RAGGED_AXES, f->axis);
    return ANL_OK;
}

static const anl__ragged_field *of_axis(const anl__ragged *r, int axis)
{
    for (int i = 0; i < r->fields; i++)
        if (!r->field[i].fixed && r->field[i].axis == axis) return &r->field[i];
    return NULL;
}

static anl_status check_items(const anl__ragged *r, const anl__ragged_field *f)
{
    const anl__ragged_field *other = f->fixed ? NULL : of_axis(r, f->axis);
    for (int64_t i = 0; i < r->n; i++) {
        int64_t length = anl__ragged_steps(f, i), at = 0;
        bool inside = f->offset ? (at = f->offset[i], true) : !__builtin_mul_overflow(i, f->fixed, &at);
        if (!inside || at < 0 || length < 0 || at > f->steps || length > f->steps - at)
            return anl__fail(r->ctx, ANL_DATA, "%s: item %lld of field %s lies at %lld, %lld steps long, but its data has %lld steps",
                             r->name, (long long)i, f->name, (long long)at, (long long)length, (long long)f->steps);
        if (other && length != other->length[i])
            return anl__fail(r->ctx, ANL_DATA, "%s: item %lld has %lld steps of field %s but %lld of field %s, which lie on one axis",
                             r->name, (long long)i, (long long)length, f->name, (long long)other->length[i], other->name);
    }
    return ANL_OK;
}

anl_status anl__ragged_add(anl__ragged *r, const anl__ragged_field *f)
{
    anl_status st = check_form(r, f);
    if (st == ANL_OK) st = check_items(r, f);
    if (st == ANL_OK)
        r->field[r->fields++] = *f;
    else
        release_field(r->ctx, f);
    return st;
}

void anl__ragged_destroy(anl__ragged *r)
{
    if (!r) return;
    for (int i = 0; i < r->fields; i++) release_field(r->ctx, &r->field[i]);
    anl__free(r->ctx, r->name);
    anl__free(r->ctx, r);
}

int anl__ragged_find(const anl__ragged *r, const char *name)
{
    for (int i = 0; i < r->fields; i++)
        if (strcmp(r->field[i].name, name) == 0) return i;
    return -1;
}

int anl__ragged_axes(const anl__ragged *r)
{
    int axes = 0;
    for (int i = 0; i < r->fields; i++)
        if (!r->field[i].fixed && r->field[i].axis >= axes) axes = r->field[i].axis + 1;
    return axes;
}

int64_t anl__ragged_length(const anl__ragged *r, int axis, int64_t i)
{
    const anl__ragged_field *f = of_axis(r, axis);
    return f ? f->length[i] : 0;
}

/* ---- fingerprint ------------------------------------------------------------------------------ */

static void add_numbers(anl__sha256 *s, const int64_t *v, int64_t n)
{
    uint8_t little[8];
    for (int64_t i = 0; i < n; i++) {
        for (int b = 0; b < 8; b++) little[b] = (uint8_t)((uint64_t)v[i] >> 8 * b);
        anl__sha256_add(s, little, sizeof little);
    }
}

void anl__ragged_fingerprint(const anl__ragged *r, char hex[65])
{
    anl__sha256 s;
    int64_t head[] = {r->n, r->fields};
    anl__sha256_init(&s);
    add_numbers(&s, head, 2);
    for (int i = 0; i < r->fields; i++) {
        const anl__ragged_field *f = &r->field[i];
        int64_t form[] = {f->dtype, f->width, f->steps, f->fixed, f->fixed ? 0 : f->axis, f->offset != NULL};
        anl__sha256_add(&s, f->name, strlen(f->name) + 1);
        add_numbers(&s, form, 6);
        if (f->offset) add_numbers(&s, f->offset, r->n);
        if (!f->fixed) add_numbers(&s, f->length, r->n);
        anl__sha256_add(&s, f->data, (size_t)(f->steps * f->width) * 4);
    }
    anl__sha256_hex(&s, hex);
}
