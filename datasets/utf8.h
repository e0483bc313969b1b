/* UTF-8 (RFC 3629): decoding with refusal of overlong forms, surrogates and anything above U+10FFFF; lower case of the Latin, Greek
 * and Cyrillic letters, free of the locale. */
#ifndef ANL_UTF8_H
#define ANL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One code point of `n` > 0 bytes: its length in bytes, 0 when it is none. */
int anl__utf8_get(const char *p, size_t n, uint32_t *out);
/* 1 to 4 bytes into out. */
int anl__utf8_put(uint32_t code, char out[4]);
/* Where the first invalid byte lies; n: all are valid. */
size_t anl__utf8_bad(const char *p, size_t n);
/* The text begins with the byte order mark of UTF-16. */
bool anl__utf16(const char *p, size_t n);
uint32_t anl__utf8_lower(uint32_t code);

#endif
