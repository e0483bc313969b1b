/* A run's directory, held by one process at a time. The lock is the operating system's (flock on
 * <path>/lock), so the holder's death frees it; the file's text only says who holds it. Readers (eval,
 * inspect) need no lock and do not open the directory this way: what they read is replaced atomically.
 */
#ifndef ANL_RUN_DIR_H
#define ANL_RUN_DIR_H

#include "../base/base.h"

typedef struct anl__run_dir anl__run_dir;

/* `create`: mkdir -p first; otherwise a missing directory is INVALID. LOCKED names the process (pid, host,
   since when) that holds it. IO when it cannot be written: missing rights, a read-only file system, a full
   disk, each in words. A file system without locks is a logged warning. */
anl_status anl__run_dir_open(anl_ctx *ctx, const char *path, bool create, anl__run_dir **out) ANL_MUST;
/* Frees the lock. NULL is fine. */
void anl__run_dir_close(anl__run_dir *d);
/* Did this open create the directory itself (not only its parents)? */
bool anl__run_dir_made(const anl__run_dir *d);
const char *anl__run_dir_path(const anl__run_dir *d); /* as given, without slashes at its end */
/* "<path>/<name>" in the arena; NULL: NOMEM. */
char *anl__run_dir_file(const anl__run_dir *d, anl__arena *arena, const char *name);
/* Replaces the file by this text, atomically. */
anl_status anl__run_dir_put(anl__run_dir *d, const char *name, const char *text) ANL_MUST;
/* The file's text in the arena; NULL when there is no such file. IO for a file of more than 64 MiB, DATA for
   one that holds a 0 byte. */
anl_status anl__run_dir_get(anl__run_dir *d, anl__arena *arena, const char *name, const char **text) ANL_MUST;

#endif
