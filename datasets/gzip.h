/* Inflating a .gz that is in memory (RFC 1952, one or more members). No context: may run on any thread. */
#ifndef ANL_GZIP_H
#define ANL_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum anl__gzip_result {
    ANL__GZIP_OK,
    ANL__GZIP_SPACE,   /* the output needs more than `cap` bytes */
    ANL__GZIP_CORRUPT, /* damaged, cut short, or followed by something that is not gzip */
    ANL__GZIP_NOMEM,
    ANL__GZIP_NO_LIBRARY /* built without a decoder */
} anl__gzip_result;

bool anl__gzip_is(const void *src, size_t n);
/* The size that the last member's trailer gives, modulo 2^32: a hint, exact for one member below 4 GiB. */
uint32_t anl__gzip_size_hint(const void *src, size_t n);
anl__gzip_result anl__gzip_inflate(const void *src, size_t n, void *dst, size_t cap, size_t *bytes);

#endif
