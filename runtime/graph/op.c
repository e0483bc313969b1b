/* Operators as the engine sees them: lookup in the generated table, attributes by name, shape helpers. */
#include "../op.h"

#include <stdio.h>
#include <string.h>

const anl__op *anl__op_find(const char *name)
{
    for (int f = 0; anl__op_table[f]; f++)
        for (int i = 0; anl__op_table[f][i]; i++)
            if (!strcmp(anl__op_table[f][i]->name, name)) return anl__op_table[f][i];
    return NULL;
}

const anl__attr *anl__attr_get(const anl__call *c, const char *name)
{
    static const anl__attr zero = {0};
    const anl__attr_def *d = c->op->attrs;
    for (int i = 0; d && d[i].name; i++)
        if (!strcmp(d[i].name, name)) return &c->attr[i];
    return &zero;
}

int64_t anl__attr_int(const anl__call *c, const char *name) { return anl__attr_get(c, name)->i[0]; }
double anl__attr_float(const anl__call *c, const char *name) { return anl__attr_get(c, name)->f; }

int64_t anl__attr_at(const anl__call *c, const char *name, int i)
{
    const anl__attr *a = anl__attr_get(c, name);
    if (a->n <= 0) return 0;
    return a->i[i < a->n ? i : a->n - 1];
}

const char *anl__shape_text(const anl_shape *s, char buf[96])
{
    size_t len = 0;
    buf[0] = 0;
    if (s->rank < 0) return memcpy(buf, "absent", 7);
    if (s->rank == 0) return memcpy(buf, "scalar", 7);
    for (int i = 0; i < s->rank && len < 96; i++)
        len += (size_t)snprintf(buf + len, 96 - len, i ? "x%lld" : "%lld", (long long)s->dim[i]);
    return buf;
}

bool anl__shape_equal(const anl_shape *a, const anl_shape *b)
{
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

anl__type anl__type_of(anl_dtype t, int rank, const int64_t *dim)
{
    anl__type out = {.dtype = t, .shape = {.rank = rank}};
    for (int i = 0; i < rank && i < ANL_MAX_RANK; i++) out.shape.dim[i] = dim[i];
    return out;
}

anl_status anl__need_rank(anl_ctx *ctx, const anl__call *c, int in, const char *what, int rank)
{
    char text[96];
    if (!anl__has_in(c, in)) return anl__fail(ctx, ANL_INVALID, "needs %s as input %d", what, in);
    if (c->in[in].shape.rank != rank)
        return anl__fail(ctx, ANL_SHAPE, "%s must have %d dimensions, not %d (%s)", what, rank, c->in[in].shape.rank,
                         anl__shape_text(&c->in[in].shape, text));
    return ANL_OK;
}
