/* Pictures by their path; see picture.h. */
#include "datasets/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MOST = 256 << 20 /* bytes of one picture's file */ };

/* The file's bytes, from malloc; NULL with *why. */
static uint8_t *take_file(const char *path, size_t *n, const char **why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    uint8_t *p = size > 0 && size <= FILE_MOST ? malloc((size_t)size) : NULL;
    *why = size < 0 ? strerror(errno) : !size ? "it is empty" : size > FILE_MOST ? "the file is above the allowed 256 MiB" : p ? NULL : "out of host memory";
    for (*n = 0; p && *n < (size_t)size;) {
        ssize_t got = pread(fd, p + *n, (size_t)size - *n, (off_t)*n);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        *n += (size_t)got;
    }
    if (p && *n < (size_t)size) *why = "it cannot be read";
    if (fd >= 0) close(fd);
    if (!*why) return p;
    free(p);
    return NULL;
}

const char *anl__picture_look_path(const char *path, anl__picture_shape *out)
{
    size_t n;
    const char *why;
    uint8_t *p = take_file(path, &n, &why);
    if (!p) return why;
    why = anl__picture_look(p, n, out);
    free(p);
    return why;
}

const char *anl__picture_read_path(const char *path, const anl__picture_shape *shape, anl__picture_fit fit, uint8_t *dst)
{
    size_t n;
    const char *why;
    uint8_t *p = take_file(path, &n, &why);
    if (!p) return why;
    why = anl__picture_read(p, n, shape, fit, dst);
    free(p);
    return why;
}
