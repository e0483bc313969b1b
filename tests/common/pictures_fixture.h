/* Picture files made in memory: PNG, BMP and PNM by hand, JPEG by stb_image_write. Every block is from malloc, for picture_free. */
#ifndef ANL_TESTS_PICTURES_FIXTURE_H
#define ANL_TESTS_PICTURES_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct picture_file {
    uint8_t *p;
    size_t n;
} picture_file;
void picture_free(picture_file *f);

/* PNG's kinds of colour (its own numbers). */
enum { PNG_GREY = 0, PNG_RGB = 2, PNG_PALETTE = 3, PNG_GREY_ALPHA = 4, PNG_RGBA = 6 };
/* Samples as PNG stores them: rows of bytes, or of big-endian pairs where bits is 16. */
picture_file picture_png(int w, int h, int kind, int bits, const uint8_t *sample);
/* Indices of a byte each; colours [n][3]; alpha [n] or NULL. */
picture_file picture_png_palette(int w, int h, const uint8_t *index, const uint8_t *colour, const uint8_t *alpha, int n);
/* Its head says w x h, whatever follows; the checksums are right. */
picture_file picture_png_claims(uint32_t w, uint32_t h);

/* pixel [h][w][bits / 8], red first (and alpha last). */
picture_file picture_bmp(int w, int h, int bits, bool top_down, const uint8_t *pixel);
/* Indices of a byte each; colours [n][3]; os2: under its short head. */
picture_file picture_bmp_palette(int w, int h, bool os2, const uint8_t *index, const uint8_t *colour, int n);
/* The same of 24 bits under OS/2's short head. */
picture_file picture_bmp_os2(int w, int h, const uint8_t *pixel);
/* channels 1 or 3; sample: bytes, or big-endian pairs where most is above 255. */
picture_file picture_pnm(int w, int h, int channels, int most, const uint8_t *sample);

/* channels 1 or 3, quality 1 to 100. n 0: this build has no stb. */
picture_file picture_jpeg(int w, int h, int channels, int quality, const uint8_t *pixel);
/* That JPEG with an EXIF segment: orientation o, its directory `at` bytes into the TIFF part (8: where it is). `thumb`, where not
   NULL, lies behind it: a JPEG in the segment. */
picture_file picture_exif(const picture_file *jpeg, int o, bool little, uint32_t at, const picture_file *thumb);

/* A PNG with that directory in a chunk eXIf behind its head, or, late, behind its data. */
picture_file picture_png_exif(const picture_file *png, int o, bool little, uint32_t at, bool late);

/* A picture for tests: pixel (y, x, c) of an even, not symmetric pattern. */
uint8_t picture_pattern(int y, int x, int c);
void picture_fill(uint8_t *pixel, int w, int h, int channels);
/* Writes a file, making its folders. */
void picture_put(const char *path, const picture_file *f);
/* A whole grey PNG of one value there, w x h. */
void picture_put_grey(const char *path, int w, int h, uint8_t value);

#endif
