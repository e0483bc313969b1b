/* What a picture's file says of itself before it is decoded: its kind, whether it is whole, and which way is up. Decoders take a
 * file that was cut short for a picture that is grey below; here it is found, and so are damaged PNGs (their checksums).
 *
 * Read are JPEG (ITU-T T.81), PNG (RFC 2083), GIF, WebP, TIFF (6.0, BigTIFF), BMP and binary PNM; of others the name is told, where their
 * first bytes say it.
 */
#ifndef ANL_PICTURE_FILE_H
#define ANL_PICTURE_FILE_H

#include "runtime/base/base.h"

typedef enum anl__picture_kind {
    ANL__PICTURE_NONE,
    ANL__PICTURE_JPEG,
    ANL__PICTURE_PNG,
    ANL__PICTURE_GIF,
    ANL__PICTURE_WEBP, /* also where the build has no library for it */
    ANL__PICTURE_TIFF, /* the same */
    ANL__PICTURE_BMP,
    ANL__PICTURE_PNM
} anl__picture_kind;

/* By its first bytes. `other`, where it is not NULL: the name of a kind that is known and not read ("HEIC"), else NULL. */
anl__picture_kind anl__picture_kind_of(const uint8_t *p, size_t n, const char **other);
/* A PNG's own word on its size, which decoders do not give for one that they find too large. */
bool anl__picture_png_size(const uint8_t *p, size_t n, uint32_t *w, uint32_t *h);
/* A checked PNG whose palette has fewer than 256 colours, with the others black (and a wrong sum there), from malloc: stb looks up
   what is missing in its uninitialized stack. NULL: nothing is missing, or no memory. */
uint8_t *anl__picture_png_padded(const uint8_t *p, size_t n, size_t *bytes);
/* The same of a checked BMP; and under OS/2's head stb takes four colours fewer than there are. */
uint8_t *anl__picture_bmp_padded(const uint8_t *p, size_t n, size_t *bytes);
/* May a file of that name be a picture? By its ending, also of kinds that are not read. */
bool anl__picture_name(const char *name);
/* NULL, or what is wrong; the text lives until the thread's next call. *orientation: 1 to 8 as in EXIF; 1 where nothing is said. Any thread. */
const char *anl__picture_file_check(const uint8_t *p, size_t n, int *orientation);

#endif
