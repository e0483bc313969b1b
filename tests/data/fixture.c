/* data_test.h */
#include "tests/data/data_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef ANL_HAVE_DEFLATE
#include <libdeflate.h>
#endif

#ifdef ANL_HAVE_DEFLATE
void put_gz(const char *path, const void *data, size_t bytes)
{
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(6);
    size_t most = libdeflate_gzip_compress_bound(c, bytes);
    void *p = malloc(most);
    size_t n = libdeflate_gzip_compress(c, data, bytes, p, most);
    assert_true(n > 0);
    put(path, p, n);
    free(p);
    libdeflate_free_compressor(c);
}
#else
void put_gz(const char *path, const void *data, size_t bytes)
{
    (void)path, (void)data, (void)bytes;
    print_message("skipped: a build without a decoder refuses .gz\n");
    skip();
}
#endif

size_t take(const char *path, void *data, size_t most)
{
    FILE *i = fopen(path, "rb");
    assert_non_null(i);
    size_t n = fread(data, 1, most, i);
    fclose(i);
    return n;
}

void flip_byte(const char *path, long offset)
{
    FILE *o = fopen(path, "r+b");
    assert_non_null(o);
    assert_int_equal(fseek(o, offset, offset < 0 ? SEEK_END : SEEK_SET), 0);
    int c = fgetc(o);
    assert_int_equal(fseek(o, -1, SEEK_CUR), 0);
    fputc(c ^ 0x40, o);
    assert_int_equal(fclose(o), 0);
}

void cut(const char *path, long bytes)
{
    assert_int_equal(truncate(path, bytes), 0);
}

size_t make_idx(uint8_t *out, int rank, const uint32_t *dim, const uint8_t *data, size_t bytes)
{
    size_t n = 4;
    out[0] = out[1] = 0;
    out[2] = 8;
    out[3] = (uint8_t)rank;
    for (int i = 0; i < rank; i++)
        for (int b = 3; b >= 0; b--) out[n++] = (uint8_t)(dim[i] >> 8 * b);
    if (bytes) memcpy(out + n, data, bytes);
    return n + bytes;
}

uint8_t set_pixel(int64_t i, int k)
{
    return (uint8_t)(i * 7 + k * 3);
}

void put_set(const fixture *f, int n, bool gz)
{
    size_t per = SET_H * SET_W, bytes;
    uint8_t *pixels = malloc((size_t)n * per), *labels = malloc((size_t)n),
            *file = malloc((size_t)n * per + 64);
    for (int i = 0; i < n; i++) {
        labels[i] = (uint8_t)(i % SET_CLASSES);
        for (size_t k = 0; k < per; k++) pixels[(size_t)i * per + k] = set_pixel(i, (int)k);
    }
    bytes = make_idx(file, 3, (uint32_t[]){(uint32_t)n, SET_H, SET_W}, pixels, (size_t)n * per);
    (gz ? put_gz : put)(at(f, gz ? "train-images-idx3-ubyte.gz" : "train-images-idx3-ubyte"), file, bytes);
    bytes = make_idx(file, 1, (uint32_t[]){(uint32_t)n}, labels, (size_t)n);
    (gz ? put_gz : put)(at(f, gz ? "train-labels-idx1-ubyte.gz" : "train-labels-idx1-ubyte"), file, bytes);
    free(file);
    free(labels);
    free(pixels);
}

bool is_there(const fixture *f, const anl__data_opts *opts)
{
    anl__data_opts o = *opts;
    anl__dataset *ds = NULL;
    o.optional = o.allow_empty_class = true;
    if (anl__dataset_open(f->ctx, &o, &ds) != ANL_OK) fail_msg("%s", anl_last_error(f->ctx));
    bool there = ds != NULL;
    anl__dataset_close(ds);
    return there;
}
