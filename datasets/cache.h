/* The decoded cache: what a compressed file holds, kept outside the run so that the next start maps it.
 *
 * One entry a source file, named by a hash of its real path; the entry's header holds that path, the source's
 * size, modification time and gzip trailer (CRC-32 and size of the content), the content's SHA-256, and
 * CRC-32C sums of header and content, both verified before use. An entry is written beside and renamed, so a
 * reader sees an old or a new one, and a mapped one never changes. It is not fsynced: what a power cut
 * damages, the sums find, and it is decoded again. Writers of one entry exclude each other by a file lock on
 * the temporary file, which death frees; its leftover is taken over by the next writer.
 */
#ifndef ANL_CACHE_H
#define ANL_CACHE_H

#include "runtime/base/base.h"

typedef struct anl__cache_key {
    char path[4096]; /* real path of the source */
    uint64_t size;
    int64_t mtime_s, mtime_ns;
    uint8_t trailer[8]; /* the source's last bytes */
} anl__cache_key;

typedef struct anl__cache_entry {
    void *map; /* what anl__cache_unmap takes */
    size_t map_bytes;
    const uint8_t *data;
    size_t bytes;
    char digest[65];
} anl__cache_entry;

typedef enum anl__cache_result { ANL__CACHE_HIT, ANL__CACHE_MISS, ANL__CACHE_DAMAGED } anl__cache_result;

/* The default cache directory, $XDG_CACHE_HOME/anneal or ~/.cache/anneal; false: there is no place for one. */
bool anl__cache_root(char *out, size_t bytes);
/* The entry's file name, from anl__alloc; *path is NULL when there is no place for a cache (no home
 * directory). dir NULL: the default. */
anl_status anl__cache_path(anl_ctx *ctx, const char *dir, const anl__cache_key *key, char **path) ANL_MUST;
/* MISS: no entry, or one of another state of the source. DAMAGED: *why says what is wrong (static text). */
anl__cache_result anl__cache_map(const char *path, const anl__cache_key *key, anl__cache_entry *out,
                                 const char **why);
void anl__cache_unmap(anl__cache_entry *e);
/* Makes the directory and replaces the entry; quietly does nothing while another process writes it. */
anl_status anl__cache_write(anl_ctx *ctx, const char *path, const anl__cache_key *key, const void *data,
                            size_t bytes, const char *digest) ANL_MUST;

/* The same in two steps, for content that is better made in its place: room for `bytes`, zeroed and writable, then the entry from its
   first `bytes`. data NULL with ANL_OK: another process writes it. Ended by one of the two others. */
typedef struct anl__cache_room {
    uint8_t *data;
    void *map;
    size_t map_bytes;
    int fd;
    char *tmp, *path;
} anl__cache_room;
anl_status anl__cache_begin(anl_ctx *ctx, const char *path, size_t bytes, anl__cache_room *out) ANL_MUST;
anl_status anl__cache_commit(anl_ctx *ctx, anl__cache_room *room, const anl__cache_key *key, size_t bytes, const char *digest) ANL_MUST;
void anl__cache_cancel(anl_ctx *ctx, anl__cache_room *room);

#endif
