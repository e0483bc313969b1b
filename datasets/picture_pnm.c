/* See picture_pnm.h. */
#include "datasets/picture_pnm.h"

#include <string.h>

/* The next number of the head, behind blanks and comments; -1: none. */
static int64_t number(const uint8_t *p, size_t n, size_t *at)
{
    int64_t v = -1;
    for (; *at < n; ++*at) {
        if (p[*at] == '#')
            while (*at + 1 < n && p[*at] != '\n') ++*at;
        else if (!strchr(" \t\r\n\v\f", p[*at]) || !p[*at]) break;
    }
    for (; *at < n && p[*at] >= '0' && p[*at] <= '9' && v < 1 << 24; ++*at) v = (v < 0 ? 0 : v * 10) + p[*at] - '0';
    return v;
}

const char *anl__pnm_check(const uint8_t *p, size_t n, anl__pnm *out)
{
    size_t at = 2;
    int64_t w = number(p, n, &at), h = number(p, n, &at), most = number(p, n, &at);
    if (w < 1 || h < 1 || most < 1 || most > 65535) return "its head is no PNM head";
    *out = (anl__pnm){w, h, most, p[1] == '6' ? 3 : 1, at + 1}; /* one blank ends the head */
    return (int64_t)(n - at) - 1 < w * h * out->channels * (most > 255 ? 2 : 1) ? "it is cut short" : NULL;
}

void anl__pnm_samples(const uint8_t *p, const anl__pnm *pnm, uint8_t *dst)
{
    size_t n = (size_t)pnm->w * (size_t)pnm->h * (size_t)pnm->channels;
    uint32_t most = (uint32_t)pnm->most;
    const uint8_t *s = p + pnm->at;
    for (size_t i = 0; i < n; i++) {
        uint32_t v = most > 255 ? (uint32_t)s[2 * i] << 8 | s[2 * i + 1] : s[i];
        if (v > most) v = most;
        dst[i] = (uint8_t)(most == 65535 ? v >> 8 : (v * 255 + most / 2) / most);
    }
}
