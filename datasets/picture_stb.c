/* The one place where stb is compiled. */
#include "datasets/picture_stb.h"

#ifdef ANL_HAVE_STB

#include <stdlib.h>

#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_MAX_DIMENSIONS (1 << 24) /* above it no more than "unknown image type" is said; picture.c has the limit */
#define STBI_MALLOC(n) calloc(1, n) /* what a JPEG's scans leave out is the same every time, not what lay in memory */
#define STBI_REALLOC(p, n) realloc(p, n)
#define STBI_FREE(p) free(p)
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>

bool anl__stb_look(const uint8_t *bytes, size_t n, anl__stb_picture *out)
{
    *out = (anl__stb_picture){0};
    if (n > INT32_MAX) return false;
    if (stbi_info_from_memory(bytes, (int)n, &out->w, &out->h, &out->channels)) {
        if (out->h < 0) out->h = -out->h; /* a BMP from the top down */
        return true;
    }
    stbi_image_free(stbi_load_from_memory(bytes, (int)n, &out->w, &out->h, &out->channels, 0)); /* this says why, of the right kind */
    return false;
}

bool anl__stb_load(const uint8_t *bytes, size_t n, anl__stb_picture *out)
{
    *out = (anl__stb_picture){0};
    if (n <= INT32_MAX) out->data = stbi_load_from_memory(bytes, (int)n, &out->w, &out->h, &out->channels, 0);
    return out->data != NULL;
}

const char *anl__stb_why(void) { return stbi_failure_reason(); }

void anl__stb_free(uint8_t *data) { stbi_image_free(data); }

#else

bool anl__stb_look(const uint8_t *bytes, size_t n, anl__stb_picture *out)
{
    (void)bytes, (void)n;
    *out = (anl__stb_picture){0};
    return false;
}

bool anl__stb_load(const uint8_t *bytes, size_t n, anl__stb_picture *out) { return anl__stb_look(bytes, n, out); }

const char *anl__stb_why(void) { return "this build has no stb_image"; }

void anl__stb_free(uint8_t *data) { (void)data; }

#endif
