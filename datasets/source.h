/* The decoded bytes of a file, wherever they come from: the file itself (mapped), the decoded cache (mapped,
 * checksums verified) or an inflated .gz. Several files of a set are inflated at the same time.
 *
 * The content's SHA-256 comes from the cache, or is made on a thread of its own together with the cache
 * entry, beside the caller's work; anl__source_digest waits for it.
 */
#ifndef ANL_SOURCE_H
#define ANL_SOURCE_H

#include "datasets/dataset.h"

struct anl__source {
    const uint8_t *data; /* the decoded bytes */
    size_t bytes;
    const char *path; /* lives as long as the source */
    bool from_cache;
};

/* Opens n files, to be closed one by one; on failure nothing is left open. A cache that is damaged or cannot
   be written costs a log line, never the run. */
anl_status anl__sources_open(anl_ctx *ctx, const char *const *paths, int n, const anl__data_opts *opts,
                             anl__source **out) ANL_MUST;
/* Waits for the cache to be written; NULL is fine. */
void anl__source_close(anl__source *s);
anl_status anl__source_digest(anl__source *s, char hex[65]) ANL_MUST;

#endif
