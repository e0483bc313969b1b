/* The decoded pictures of a list: one block of n * h * w * channels bytes, made by all CPUs once and then mapped from the decoded
 * cache, as long as no file's name, size or time changes and the wanted shape stays.
 *
 * Files that cannot be decoded are refused, or left out and told as asked; never replaced by something else.
 */
#ifndef ANL_PICTURE_STORE_H
#define ANL_PICTURE_STORE_H

#include "datasets/picture.h"
#include "datasets/picture_list.h"

typedef struct anl__picture_store anl__picture_store;

typedef struct anl__picture_store_opts {
    anl__picture_shape shape; /* h 0: the pictures' own, which must then be one; channels 0: 1 if all are grey, else 3 */
    anl__picture_fit fit;
    bool drop_damaged;        /* files that cannot be decoded are left out, and the log says how many */
    const char *part;         /* of the set; each has an entry of its own */
    bool cache;
    const char *cache_dir;    /* NULL: the default (cache.h) */
    size_t max_bytes;         /* of the block */
    int threads;              /* 0: all CPUs */
} anl__picture_store_opts;

/* pick [n]: items of the list, in the order wanted. `name`: the set's, for messages. */
anl_status anl__picture_store_open(anl_ctx *ctx, const char *name, const anl__picture_list *l, const int64_t *pick, int64_t n,
                                   const anl__picture_store_opts *opts, anl__picture_store **out) ANL_MUST;
void anl__picture_store_close(anl__picture_store *s);

const uint8_t *anl__picture_store_data(const anl__picture_store *s);
anl__picture_shape anl__picture_store_shape(const anl__picture_store *s);
bool anl__picture_store_kept(const anl__picture_store *s, int64_t i); /* is pick[i] in the block? They lie there in order */
const char *anl__picture_store_digest(const anl__picture_store *s);   /* 64 hex digits, of shape and content */

#endif
