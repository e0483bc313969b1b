/* Files that survive a kill: write beside, fsync, rename, fsync the directory. Every write, fsync and
 * rename counts for fault injection (base.h). Errors are ANL_IO (or ANL_DATA for a missing input the
 * caller names) with path and strerror in the message; ENOSPC and EROFS are said in words. */
#ifndef ANL_FILES_H
#define ANL_FILES_H

#include "base.h"

/* Reads a whole file; refuses more than max_bytes (0: no limit). *data is freed with anl__free and has a
   0 byte after its end. */
anl_status anl__file_read(anl_ctx *ctx, const char *path, size_t max_bytes, void **data, size_t *bytes) ANL_MUST;
/* Replaces `path` by these bytes: afterwards the file holds all old or all new bytes, whatever happens. */
anl_status anl__file_replace(anl_ctx *ctx, const char *path, const void *data, size_t bytes) ANL_MUST;
/* fsync of a closed file's content by path; rename + fsync of the directory. */
anl_status anl__file_sync(anl_ctx *ctx, const char *path) ANL_MUST;
anl_status anl__file_rename(anl_ctx *ctx, const char *from, const char *to) ANL_MUST;
/* mkdir -p; an existing directory is fine. *made: it was not there before (its parents do not count). */
anl_status anl__dir_make_new(anl_ctx *ctx, const char *path, bool *made) ANL_MUST;
anl_status anl__dir_make(anl_ctx *ctx, const char *path) ANL_MUST; /* the same, where nobody asks */
bool anl__path_exists(const char *path);
bool anl__path_is_dir(const char *path);
/* write(2) until all is written (EINTR, short writes), counted for injection. */
anl_status anl__fd_write(anl_ctx *ctx, int fd, const char *path, const void *data, size_t bytes) ANL_MUST;
anl_status anl__fd_sync(anl_ctx *ctx, int fd, const char *path) ANL_MUST;

/* SHA-256 (FIPS 180-4); hex is 64 digits and a 0 byte. */
typedef struct anl__sha256 {
    uint32_t h[8];
    uint64_t bytes;
    uint8_t block[64];
} anl__sha256;
void anl__sha256_init(anl__sha256 *s);
void anl__sha256_add(anl__sha256 *s, const void *p, size_t n);
void anl__sha256_hex(anl__sha256 *s, char hex[65]);
/* CRC-32C (Castagnoli), for TensorBoard records. */
uint32_t anl__crc32c(uint32_t crc, const void *p, size_t n);

#endif
