/* A ragged set: n items of up to 8 named fields in memory; a field of an item is a run of time steps, each of `width` values.
 * Where an item's run lies is an offset and a length in time steps, so items may overlap (the windows of one series share its
 * data) and two fields may lie over one array (a target sequence and the same shifted by one).
 *
 * A field is of fixed length (the same for every item: a label, a horizon) or varies along an axis. Fields of one axis have the
 * same length item by item (checked): axis 0 is the source's time, axis 1 the target's. Lengths and buckets are an axis's.
 *
 * Split lists come from outside, as arrays of item numbers. Nothing here reads files.
 *
 * Thread rule: creating, adding, fingerprint and destroying on the context's thread; everything else is const.
 */
#ifndef ANL_RAGGED_H
#define ANL_RAGGED_H

#include "runtime/base/base.h"

enum { ANL__RAGGED_FIELDS = 8, ANL__RAGGED_AXES = 2, ANL__RAGGED_NAME = 32 };

/* What the set frees with anl__free when it is destroyed; the rest is borrowed and must outlive it. */
enum { ANL__BORROWED = 0, ANL__OWNS_DATA = 1, ANL__OWNS_PLACES = 2 };

typedef struct anl__ragged_field {
    char name[ANL__RAGGED_NAME];
    anl_dtype dtype;  /* ANL_I32 (tokens, labels) or ANL_F32 (values) */
    int64_t width;    /* values of a time step */
    const void *data; /* [steps, width] */
    int64_t steps;
    int64_t fixed;         /* > 0: every item's length, and `length` is NULL; 0: it varies */
    int axis;              /* of a field that varies: 0 .. ANL__RAGGED_AXES - 1 */
    const int64_t *offset; /* [n] first time step of an item; NULL for a fixed field: i * fixed */
    const int64_t *length; /* [n] time steps of an item, at least 0 */
    int owns;
} anl__ragged_field;

typedef struct anl__ragged {
    anl_ctx *ctx;
    char *name; /* for messages */
    int64_t n;
    int fields;
    anl__ragged_field field[ANL__RAGGED_FIELDS];
} anl__ragged;

anl_status anl__ragged_create(anl_ctx *ctx, const char *name, int64_t n, anl__ragged **out) ANL_MUST;
/* Adds a field as described; what f->owns names belongs to the set from here on, also when this fails. ANL_DATA: an item
   reaches outside the data, or two fields of an axis disagree (both named). */
anl_status anl__ragged_add(anl__ragged *r, const anl__ragged_field *f) ANL_MUST;
void anl__ragged_destroy(anl__ragged *r);

int anl__ragged_find(const anl__ragged *r, const char *name); /* -1: no such field */
int anl__ragged_axes(const anl__ragged *r);                   /* one more than the highest axis of a field; 0: all fixed */
/* The length of an item along an axis; 0 <= i < n. */
int64_t anl__ragged_length(const anl__ragged *r, int axis, int64_t i);

static inline int64_t anl__ragged_steps(const anl__ragged_field *f, int64_t i)
{
    return f->fixed ? f->fixed : f->length[i];
}

/* The first value of item i: anl__ragged_steps() x width values follow. Borrowed. */
static inline const void *anl__ragged_get(const anl__ragged_field *f, int64_t i)
{
    int64_t at = f->offset ? f->offset[i] : i * f->fixed;
    return (const char *)f->data + (size_t)(at * f->width) * 4; /* both types have 4 bytes */
}

/* SHA-256 over counts, names, types, widths, offsets, lengths and data. */
void anl__ragged_fingerprint(const anl__ragged *r, char hex[65]);

#endif
