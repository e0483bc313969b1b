/* The one place where stb is compiled. */
#include "datasets/picture_stb.h"

#ifdef ANL_HAVE_STB

#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_ONLY_PNM
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_MAX_DIMENSIONS (1 << 24) /* above it no more than "unknown image type" is said; picture.c has the limit */
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>

#define STB_IMAGE_RESIZE_STATIC
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#if __has_include(<stb/stb_image_resize.h>)
#include <stb/stb_image_resize.h>
#else
#include <stb/deprecated/stb_image_resize.h>
#endif

bool anl__stb_look(const uint8_t *bytes, size_t n, anl__stb_picture *out)
{
    *out = (anl__stb_picture){0};
    return n <= INT32_MAX && stbi_info_from_memory(bytes, (int)n, &out->w, &out->h, &out->channels);
}

bool anl__stb_load(const uint8_t *bytes, size_t n, anl__stb_picture *out)
{
    *out = (anl__stb_picture){0};
    if (n <= INT32_MAX) out->data = stbi_load_from_memory(bytes, (int)n, &out->w, &out->h, &out->channels, 0);
    return out->data != NULL;
}

const char *anl__stb_why(void) { return stbi_failure_reason(); }

void anl__stb_free(uint8_t *data) { stbi_image_free(data); }

bool anl__stb_resize(const uint8_t *src, int src_w, int src_h, int channels, double x0, double y0, double x1, double y1, uint8_t *dst, int w, int h, int stride)
{
    return stbir_resize_region(src, src_w, src_h, 0, dst, w, h, stride, STBIR_TYPE_UINT8, channels, STBIR_ALPHA_CHANNEL_NONE, 0, STBIR_EDGE_CLAMP, STBIR_EDGE_CLAMP,
                               STBIR_FILTER_TRIANGLE, STBIR_FILTER_TRIANGLE, STBIR_COLORSPACE_LINEAR, NULL, (float)x0, (float)y0, (float)x1, (float)y1);
}

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

bool anl__stb_resize(const uint8_t *src, int src_w, int src_h, int channels, double x0, double y0, double x1, double y1, uint8_t *dst, int w, int h, int stride)
{
    (void)src, (void)src_w, (void)src_h, (void)channels, (void)x0, (void)y0, (void)x1, (void)y1, (void)dst, (void)w, (void)h, (void)stride;
    return false;
}

#endif
