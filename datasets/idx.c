/* IDX, the format of MNIST and its likes: 0, 0, element type, rank, then the dimensions (32 bits, big
 * endian), then the elements. Images are u8 of rank 2 (features), 3 (N,H,W) or 4 (N,H,W,C); labels u8 of
 * rank 1. Compressed or not is source.c's business. */
#include "datasets/dataset.h"
#include "datasets/source.h"

typedef struct idx_head {
    int rank;
    int64_t dim[4];
    size_t sample_bytes;
    const uint8_t *data;
} idx_head;

enum { IDX_U8 = 0x08 };

static const char *idx_type_name(uint8_t t)
{
    switch (t) {
    case IDX_U8: return "unsigned byte";
    case 0x09: return "signed byte";
    case 0x0B: return "16-bit integer";
    case 0x0C: return "32-bit integer";
    case 0x0D: return "32-bit float";
    case 0x0E: return "64-bit float";
    default: return "unknown";
    }
}

static anl_status idx_parse(anl_ctx *ctx, const anl__source *s, int min_rank, int max_rank, idx_head *out)
{
    const uint8_t *p = s->data;
    if (s->bytes < 4)
        return anl__fail(ctx, ANL_FORMAT,
                         "%s: an IDX file begins with 4 bytes of magic, found %zu bytes in all", s->path,
                         s->bytes);
    if (p[0] != 0 || p[1] != 0)
        return anl__fail(ctx, ANL_FORMAT,
                         "%s: not an IDX file: expected the magic 00 00 08 %02x, found %02x %02x %02x %02x (NPY files and pictures are known by their own first bytes)",
                         s->path, max_rank, p[0], p[1], p[2], p[3]);
    if (p[2] != IDX_U8)
        return anl__fail(
            ctx, ANL_FORMAT,
            "%s: IDX elements of type 0x%02x (%s) are not supported, expected 0x08 (unsigned byte)", s->path,
            p[2], idx_type_name(p[2]));
    idx_head h = {.rank = p[3], .sample_bytes = 1};
    if (h.rank < min_rank || h.rank > max_rank)
        return anl__fail(ctx, ANL_FORMAT, "%s: expected %d to %d IDX dimensions, found %d", s->path, min_rank,
                         max_rank, h.rank);
    size_t head = 4 + 4 * (size_t)h.rank;
    if (s->bytes < head)
        return anl__fail(ctx, ANL_FORMAT, "%s: the IDX header of %zu bytes is cut short after %zu", s->path,
                         head, s->bytes);
    for (int i = 0; i < h.rank; i++) {
        const uint8_t *q = p + 4 + 4 * i;
        h.dim[i] = (int64_t)((uint32_t)q[0] << 24 | (uint32_t)q[1] << 16 | (uint32_t)q[2] << 8 | q[3]);
        if (h.dim[i] == 0)
            return anl__fail(ctx, ANL_DATA, "%s: IDX dimension %d is 0: the set is empty", s->path, i);
        if (i > 0 && __builtin_mul_overflow(h.sample_bytes, (size_t)h.dim[i], &h.sample_bytes))
            return anl__fail(ctx, ANL_FORMAT, "%s: the IDX dimensions are too large", s->path);
    }
    size_t want = 0;
    if (__builtin_mul_overflow(h.sample_bytes, (size_t)h.dim[0], &want) || want != s->bytes - head)
        return anl__fail(
            ctx, ANL_FORMAT,
            "%s: %lld records of %zu bytes do not make the %zu bytes that follow the header (%s)", s->path,
            (long long)h.dim[0], h.sample_bytes, s->bytes - head,
            want > s->bytes - head ? "cut short?" : "too long");
    h.data = p + head;
    *out = h;
    return ANL_OK;
}

static anl__field idx_field(const idx_head *h)
{
    anl__field f = {.name = h->rank == 2 ? "features" : "image",
                    .dtype = ANL_U8,
                    .bytes = h->sample_bytes,
                    .data = h->data};
    f.shape.rank = h->rank == 2 ? 1 : 3;
    for (int i = 0; i < f.shape.rank; i++) f.shape.dim[i] = i + 1 < h->rank ? h->dim[i + 1] : 1;
    return f;
}

static anl_status idx_open(anl__dataset *ds, const anl__data_opts *opts)
{
    anl_ctx *ctx = ds->ctx;
    const char *paths[2] = {opts->images, opts->labels};
    idx_head x, y;
    ANL_TRY(anl__sources_open(ctx, paths, opts->labels ? 2 : 1, opts, ds->source));
    ANL_TRY(idx_parse(ctx, ds->source[0], 2, 4, &x));
    ds->n = x.dim[0];
    ds->field[ANL__FIELD_X] = idx_field(&x);
    ds->fields = 1;
    if (!opts->labels) return ANL_OK;
    ANL_TRY(idx_parse(ctx, ds->source[1], 1, 1, &y));
    if (y.dim[0] != x.dim[0])
        return anl__fail(ctx, ANL_DATA, "%s has %lld images, but %s has %lld labels", opts->images,
                         (long long)x.dim[0], opts->labels, (long long)y.dim[0]);
    if (opts->values) {
        if (!(ds->value = anl__calloc(ctx, (size_t)ds->n, sizeof *ds->value))) return ANL_NOMEM;
        for (int64_t i = 0; i < ds->n; i++) ds->value[i] = y.data[i];
        return ANL_OK;
    }
    ds->label = anl__calloc(ctx, (size_t)ds->n, sizeof *ds->label);
    if (!ds->label) return ANL_NOMEM;
    for (int64_t i = 0; i < ds->n; i++) ds->label[i] = y.data[i];
    return ANL_OK;
}

const anl__dataset_vt anl__dataset_idx = {"idx", idx_open, NULL};
