/* A checkpoint's bytes on disk: an HDF5 image followed by the seal, "\nanneal-sha256 <64 hex digits>\n", the
 * SHA-256 of the image. HDF5 and what reads it ignore bytes after the file's end. The seal is checked before
 * HDF5 sees a byte, so that its parser never meets a torn or rotten file, and a flip of any bit is found,
 * also one in padding. This layer knows nothing of HDF5.
 */
#ifndef ANL_CKPT_FILE_H
#define ANL_CKPT_FILE_H

#include "../base/base.h"

#define ANL__CKPT_SEAL 80 /* bytes */

void anl__ckpt_seal(const void *image, size_t bytes, char seal[ANL__CKPT_SEAL + 1]);
/* Writes image and seal: room checked (twice the size must be free), beside, fsynced, read back, renamed,
 * directory fsynced. */
anl_status anl__ckpt_store(anl_ctx *ctx, const char *path, const void *image, size_t bytes) ANL_MUST;
/* The image of a file whose seal is right, freed with anl__free; else FORMAT. */
anl_status anl__ckpt_load(anl_ctx *ctx, const char *path, void **image, size_t *bytes) ANL_MUST;
/* Copies a file whose seal is right, with the same protocol. A missing source is DATA. */
anl_status anl__ckpt_copy(anl_ctx *ctx, const char *from, const char *to) ANL_MUST;

#endif
