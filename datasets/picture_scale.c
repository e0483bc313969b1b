/* See picture_scale.h. A row of the result: its rows of src added by weight, then that row's columns. Weights are of 16 bits and add
 * up to 1 exactly, so that an even picture stays as it is. */
#include "datasets/picture_scale.h"

#include <stdlib.h>

enum { ONE = 1 << 16 };

/* One side: pixel i of the result is the sum over k < n[i] of weight[i * most + k] * source[from[i] + k]. */
typedef struct side {
    int most;
    int *from, *n;
    uint32_t *weight;
} side;

static double triangle(double x) { return x < -1 || x > 1 ? 0 : x < 0 ? 1 + x : 1 - x; }

/* Weights that are not whole are rounded in sum, so that no rounding is lost. */
static void weigh(double middle, double wide, int from, int n, uint32_t *weight)
{
    double total = 0, sum = 0;
    uint32_t given = 0;
    for (int k = 0; k < n; k++) total += triangle((from + k + 0.5 - middle) / wide);
    for (int k = 0; k < n; k++) {
        sum += triangle((from + k + 0.5 - middle) / wide);
        uint32_t until = k == n - 1 ? ONE : (uint32_t)(sum / total * ONE + 0.5);
        weight[k] = until - given;
        given = until;
    }
}

static bool make_side(int size, double begin, double end, int to, side *s)
{
    double step = (end - begin) / to, wide = step < 1 ? 1 : step;
    s->most = (int)(2 * wide) + 3;
    s->from = calloc((size_t)to, sizeof *s->from);
    s->n = calloc((size_t)to, sizeof *s->n);
    s->weight = calloc((size_t)to * (size_t)s->most, sizeof *s->weight);
    if (!s->from || !s->n || !s->weight) return false;
    for (int i = 0; i < to; i++) {
        double middle = begin + (i + 0.5) * step, low = middle - wide + 0.5, high = middle + wide + 0.5;
        int from = low < 0 ? 0 : (int)low, until = high > size ? size : (int)high;
        s->from[i] = from;
        s->n[i] = until - from;
        weigh(middle, wide, from, until - from, s->weight + (size_t)i * (size_t)s->most);
    }
    return true;
}

static void free_side(side *s)
{
    free(s->weight);
    free(s->n);
    free(s->from);
}

/* sum [n]: rows of src by their weights, with 8 bits of fraction. */
static void add_rows(const uint8_t *src, size_t n, int rows, const uint32_t *weight, uint32_t *sum)
{
    for (size_t i = 0; i < n; i++) sum[i] = 0x80;
    for (int k = 0; k < rows; k++, src += n)
        for (size_t i = 0; i < n; i++) sum[i] += weight[k] * src[i];
    for (size_t i = 0; i < n; i++) sum[i] >>= 8;
}

static void add_columns(const uint32_t *sum, int channels, const side *s, int to, uint8_t *dst)
{
    for (int x = 0; x < to; x++)
        for (int c = 0; c < channels; c++) {
            const uint32_t *p = sum + (size_t)s->from[x] * (size_t)channels + c, *w = s->weight + (size_t)x * (size_t)s->most;
            uint32_t v = 1u << 23;
            for (int k = 0; k < s->n[x]; k++, p += channels) v += w[k] * *p;
            *dst++ = (uint8_t)(v >> 24);
        }
}

bool anl__picture_scale(const uint8_t *src, int w, int h, int channels, double x0, double y0, double x1, double y1, uint8_t *dst, int tw, int th, int stride)
{
    side columns = {0}, rows = {0};
    size_t n = (size_t)w * (size_t)channels;
    uint32_t *sum = calloc(n, sizeof *sum);
    bool done = make_side(w, x0, x1, tw, &columns) && make_side(h, y0, y1, th, &rows) && sum;
    for (int y = 0; y < th && done; y++) {
        add_rows(src + (size_t)rows.from[y] * n, n, rows.n[y], rows.weight + (size_t)y * (size_t)rows.most, sum);
        add_columns(sum, channels, &columns, tw, dst + (size_t)y * (size_t)stride);
    }
    free(sum);
    free_side(&rows);
    free_side(&columns);
    return done;
}
