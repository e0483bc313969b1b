/* Cholesky factors and their solves. Rows are contiguous: inner loops are dot products of rows, or sums of
 * rows. */
#include "cholesky.h"

#include <math.h>
#include <string.h>

/* Four partial sums in a fixed order: as fast as the compiler's own, and the same bits everywhere. */
static double dot(const double *a, const double *b, int n)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    int k = 0;
    for (; k + 4 <= n; k += 4) {
        s0 += a[k] * b[k];
        s1 += a[k + 1] * b[k + 1];
        s2 += a[k + 2] * b[k + 2];
        s3 += a[k + 3] * b[k + 3];
    }
    for (; k < n; k++) s0 += a[k] * b[k];
    return (s0 + s1) + (s2 + s3);
}

bool cholesky(double *a, int n)
{
    for (int i = 0; i < n; i++) {
        double *row = a + (size_t)i * (size_t)n, d;
        for (int j = 0; j < i; j++) {
            const double *other = a + (size_t)j * (size_t)n;
            row[j] = (row[j] - dot(row, other, j)) / other[j];
        }
        d = row[i] - dot(row, row, i);
        if (!(d > 0) || !isfinite(d)) return false;
        row[i] = sqrt(d);
    }
    return true;
}

void cholesky_forward(const double *l, int n, double *x)
{
    for (int i = 0; i < n; i++) {
        const double *row = l + (size_t)i * (size_t)n;
        x[i] = (x[i] - dot(row, x, i)) / row[i];
    }
}

void cholesky_backward(const double *l, int n, double *x)
{
    for (int i = n - 1; i >= 0; i--) {
        const double *row = l + (size_t)i * (size_t)n;
        x[i] /= row[i];
        for (int j = 0; j < i; j++) x[j] -= row[j] * x[i];
    }
}

void cholesky_inverse(const double *l, int n, double *out)
{
    /* row i of out becomes row i of M = L^-1 (by rows: m_i = (e_i - sum l_ik m_k) / l_ii), then out = M' M,
     * lowest row last */
    size_t w = (size_t)n;
    memset(out, 0, sizeof *out * w * w);
    for (int i = 0; i < n; i++) {
        double *row = out + (size_t)i * w, scale = 1 / l[(size_t)i * w + (size_t)i];
        for (int k = 0; k < i; k++) {
            double f = l[(size_t)i * w + (size_t)k];
            const double *m = out + (size_t)k * w;
            for (int j = 0; j <= k; j++) row[j] -= f * m[j];
        }
        for (int j = 0; j < i; j++) row[j] *= scale;
        row[i] = scale;
    }
    /* (M' M)_ij = sum over k >= i of m_ki m_kj, j <= i: row i needs only rows k >= i of M, so it can be
     * overwritten in ascending order */
    for (int i = 0; i < n; i++) {
        double *row = out + (size_t)i * w, own = row[i];
        for (int j = 0; j <= i; j++) row[j] *= own;
        for (int k = i + 1; k < n; k++) {
            const double *m = out + (size_t)k * w;
            double f = m[i];
            for (int j = 0; j <= i; j++) row[j] += f * m[j];
        }
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) out[(size_t)j * w + (size_t)i] = out[(size_t)i * w + (size_t)j];
}
