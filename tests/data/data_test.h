/* Files for the data tests: IDX, NPY and .gz made on the spot in a directory of the test's own. */
#ifndef DATA_TEST_H
#define DATA_TEST_H

#include "datasets/dataset.h"
#include "tests/common/files_fixture.h"

void put_gz(const char *path, const void *data, size_t bytes);
/* Reads back; returns the size. */
size_t take(const char *path, void *data, size_t most);
/* Changes one byte of a file. */
void flip_byte(const char *path, long offset);
void cut(const char *path, long bytes);

/* Opens the set as an optional one: is there such a part? */
bool is_there(const fixture *f, const anl__data_opts *o);

/* An IDX file of u8 in out; returns its size. */
size_t make_idx(uint8_t *out, int rank, const uint32_t *dim, const uint8_t *data, size_t bytes);
/* The test's set: n images of 5x4 with pixel (i*7 + k*3) % 256, labels i % 3. Writes
   dir/train-images-idx3-ubyte and labels, .gz or plain. */
enum { SET_H = 5, SET_W = 4, SET_CLASSES = 3 };
void put_set(const fixture *f, int n, bool gz);
uint8_t set_pixel(int64_t i, int k);

#endif
