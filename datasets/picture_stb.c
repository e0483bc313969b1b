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

const char *anl__stb_look(const uint8_t *bytes, size_t n, anl__picture_samples *out)
{
    *out = (anl__picture_samples){0};
    if (n > INT32_MAX) return "it is too large";
    if (stbi_info_from_memory(bytes, (int)n, &out->w, &out->h, &out->channels)) {
        if (out->h < 0) out->h = -out->h; /* a BMP from the top down */
        return NULL;
    }
    stbi_image_free(stbi_load_from_memory(bytes, (int)n, &out->w, &out->h, &out->channels, 0)); /* this says why, of the right kind */
    return stbi_failure_reason();
}

const char *anl__stb_load(const uint8_t *bytes, size_t n, anl__picture_samples *out)
{
    *out = (anl__picture_samples){0};
    if (n > INT32_MAX) return "it is too large";
    out->data = stbi_load_from_memory(bytes, (int)n, &out->w, &out->h, &out->channels, 0);
    return out->data ? NULL : stbi_failure_reason();
}

#else

const char *anl__stb_look(const uint8_t *bytes, size_t n, anl__picture_samples *out)
{
    (void)bytes, (void)n;
    *out = (anl__picture_samples){0};
    return "this build has no stb_image";
}

const char *anl__stb_load(const uint8_t *bytes, size_t n, anl__picture_samples *out) { return anl__stb_look(bytes, n, out); }

#endif
