/* See turn.h. Every kind is a matrix (plane, channels), so many times, and its transpose. */
#include "turn.h"

#include "runtime/op.h"

#include <string.h>

/* times x (plane, channels) elements. */
typedef struct blocks {
    int64_t times, plane, channels;
} blocks;

static blocks blocks_of(turn t, const anl_shape *s)
{
    int64_t all = anl_shape_count(s);
    bool filters = (t.kind == TURN_FILTERS || t.kind == TURN_FILTERS_1D) && s->rank == 4;
    if (filters) return (blocks){s->dim[0], s->dim[1] * s->dim[2], s->dim[3]};
    if (t.kind == TURN_COLUMNS || t.kind == TURN_FEATURES)
        return (blocks){all / (t.plane * t.channels), t.plane, t.channels};
    return (blocks){1, 1, all};
}

anl_shape turn_shape(turn t, const anl_shape *s)
{
    if (s->rank != 4) return *s;
    if (t.kind == TURN_FILTERS) return (anl_shape){4, {s->dim[0], s->dim[3], s->dim[1], s->dim[2]}};
    if (t.kind == TURN_FILTERS_1D) return (anl_shape){3, {s->dim[0], s->dim[3], s->dim[2]}};
    return *s;
}

bool turn_fits(turn t, const anl_shape *ours, const anl_shape *torch)
{
    anl_shape want = turn_shape(t, ours);
    if (t.kind == TURN_UNKNOWN) return false;
    if (anl__shape_equal(&want, torch)) return true;
    bool filters = t.kind == TURN_FILTERS || t.kind == TURN_FILTERS_1D;
    if (!filters || ours->rank != 4 || ours->dim[1] != 1) return false;
    want = turn_shape((turn){.kind = t.kind == TURN_FILTERS ? TURN_FILTERS_1D : TURN_FILTERS}, ours);
    return anl__shape_equal(&want, torch);
}

/* Each block of rows x columns becomes columns x rows. */
static void transpose(int64_t times, int64_t rows, int64_t columns, const float *from, float *to)
{
    for (int64_t k = 0; k < times; k++, from += rows * columns, to += rows * columns)
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++) to[j * rows + i] = from[i * columns + j];
}

void turn_from_torch(turn t, const anl_shape *ours, const float *from, float *to)
{
    blocks b = blocks_of(t, ours);
    transpose(b.times, b.channels, b.plane, from, to);
}

void turn_to_torch(turn t, const anl_shape *ours, const float *from, float *to)
{
    blocks b = blocks_of(t, ours);
    transpose(b.times, b.plane, b.channels, from, to);
}
