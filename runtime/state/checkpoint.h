/* A checkpoint: one HDF5 file with everything a run needs to go on bit for bit. Engine-independent: named
 * tensors (f32) in groups, and named attributes.
 *
 *   /meta                attributes: format, version, step, digest (SHA-256 over step, names, shapes,
 *                        tensors' digests, attributes)
 *   /state               attributes: int64 and double values; datasets of bytes: texts
 *   /<group>/<name>      one contiguous f32 dataset a tensor, attribute sha256
 *   after HDF5's end     the seal, a SHA-256 over all bytes (ckpt_file.h)
 *
 * Equal contents make equal bytes. Writing: the file's image is made in memory by HDF5 and written by us, so
 * every write error is seen: beside (.tmp.<pid>), fsync, read back and compared, renamed, directory fsynced.
 * A file under its final name is whole or does not exist. Reading checks the seal before HDF5 sees the file,
 * and every digest before anything is handed out. Only load checkpoints you trust: who makes one can make the
 * seal too, and HDF5's own parser is not hardened.
 *
 * Writing and reading may go on in several threads (contexts), one inside HDF5 at a time.
 */
#ifndef ANL_CHECKPOINT_H
#define ANL_CHECKPOINT_H

#include "../base/base.h"

#define ANL__CHECKPOINT_FORMAT 1

typedef struct anl__ckpt_tensor {
    const char *group, *name; /* name may hold dots, not slashes */
    anl_shape shape;
    const float *data;
} anl__ckpt_tensor;

typedef enum anl__ckpt_type { ANL__CKPT_INT, ANL__CKPT_DOUBLE, ANL__CKPT_TEXT } anl__ckpt_type;
typedef struct anl__ckpt_attr {
    const char *name;
    anl__ckpt_type type;
    int64_t i;
    double d;
    const char *text;
} anl__ckpt_attr;

typedef struct anl__ckpt_content {
    int64_t step;
    const anl__ckpt_tensor *tensor;
    int n_tensor;
    const anl__ckpt_attr *attr;
    int n_attr;
} anl__ckpt_content;

/* Writes `path` atomically as described above; needs twice the file's size free, checked first. INVALID for a
   name that cannot be kept (empty, over 239 bytes, slashes in a tensor's or attribute's name, groups "meta"
   and "state", twice the same) and for a tensor without elements. */
anl_status anl__ckpt_write(anl_ctx *ctx, const char *path, const anl__ckpt_content *content) ANL_MUST;

/* An open, verified checkpoint. FORMAT: not one, truncated or damaged; UNSUPPORTED: of a newer format. */
typedef struct anl__ckpt anl__ckpt;
anl_status anl__ckpt_open(anl_ctx *ctx, const char *path, anl__ckpt **out) ANL_MUST;
void anl__ckpt_close(anl__ckpt *c);
int64_t anl__ckpt_step(const anl__ckpt *c);
const char *anl__ckpt_path(const anl__ckpt *c);
const char *anl__ckpt_digest(const anl__ckpt *c); /* 64 hex digits */
/* Every tensor, in the order of groups and names; data is borrowed until close. */
int anl__ckpt_count(const anl__ckpt *c);
anl__ckpt_tensor anl__ckpt_at(const anl__ckpt *c, int i);
/* NULL data when absent. */
anl__ckpt_tensor anl__ckpt_find(const anl__ckpt *c, const char *group, const char *name);
int anl__ckpt_attr_count(const anl__ckpt *c);
anl__ckpt_attr anl__ckpt_attr_at(const anl__ckpt *c, int i);
/* `def` when absent. */
int64_t anl__ckpt_int(const anl__ckpt *c, const char *name, int64_t def);
double anl__ckpt_double(const anl__ckpt *c, const char *name, double def);
const char *anl__ckpt_text(const anl__ckpt *c, const char *name, const char *def);

/* The checkpoints of a run: <dir>/step-%09d.h5, and the small files `last` and `best` that name one
 * (ckpt_dir.c). */
char *anl__ckpt_name(anl__arena *a, const char *dir, int64_t step);
anl_status anl__ckpt_point(anl_ctx *ctx, const char *dir, const char *which, int64_t step) ANL_MUST;
/* -1: no such file, or it names none. */
int64_t anl__ckpt_pointed(anl_ctx *ctx, const char *dir, const char *which);
/* Removes the checkpoints of later steps (a rollback makes them another run's). */
anl_status anl__ckpt_remove_after(anl_ctx *ctx, const char *dir, int64_t step) ANL_MUST;
/* Keeps the newest `keep` up to the last, those that `last`, `best` and `rollback` name, `spare` (-1: none;
   one that is being copied), and what is newer than the last (rejected once, or left by a resume from
   elsewhere: a run that comes by writes it anew). Removes other steps and every temporary file: for the
   directory's only writer, while it writes nothing. */
anl_status anl__ckpt_prune(anl_ctx *ctx, const char *dir, int keep) ANL_MUST;
anl_status anl__ckpt_prune_sparing(anl_ctx *ctx, const char *dir, int keep, int64_t spare) ANL_MUST;
/* Brings this step and those that `best` and `rollback` name from one checkpoints directory to another (made
   if missing), with the pointers, and prunes there: to a mirror, or home from one on a new machine. DATA when
   the step is no longer there; a best that has just been replaced is left out (the next call brings its
   successor). */
anl_status anl__ckpt_mirror(anl_ctx *ctx, const char *from, const char *to, int64_t step, int keep) ANL_MUST;
/* Opens the newest checkpoint that verifies, among these directories (NULL and missing ones are skipped);
   *out = NULL when there is none. Each rejected file is logged with the reason; one of a newer format is not
   passed over but UNSUPPORTED; where all are rejected: FORMAT. */
anl_status anl__ckpt_newest(anl_ctx *ctx, const char *const *dir, int n_dir, anl__ckpt **out) ANL_MUST;

#endif
