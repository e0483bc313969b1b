/* A run's log, three views of the same rows:
 *   metrics.jsonl                  every row, one JSON object a line: {"kind":"step","step":7,"loss":0.5}
 *   metrics.csv                    rows of kind "epoch"; the first makes the header, which fixes the columns
 *   events.out.tfevents.0.anneal   (optional) numeric fields as TensorBoard scalars "<kind>/<name>"
 *
 * A row is in all files or in none, and is written at once (no buffer to lose). A checkpoint holds the
 * lengths (the mark) after a sync; a resume cuts the files there, so that no step stands twice. Lengths do
 * not depend on the clock: a TensorBoard event's wall time takes eight bytes whatever it is.
 *
 * TensorBoard's file (tensorflow/core/lib/io/record_writer.h, core/util/event.proto,
 * core/framework/summary.proto) is a sequence of records: u64 length, u32 masked CRC-32C of the length, the
 * bytes, u32 masked CRC-32C of the bytes, all little-endian; masked = rotate right by 15, plus 0xa282ead8.
 * The bytes are an Event: 1 wall_time (double), 2 step (varint), 3 file_version (string; first record only),
 * 5 summary; a Summary repeats 1 value; a Value has 1 tag (string) and 2 simple_value (float).
 */
#ifndef ANL_METRICS_LOG_H
#define ANL_METRICS_LOG_H

#include "../base/base.h"

typedef struct anl__mlog anl__mlog;

typedef struct anl__mlog_field {
    const char *name; /* not "kind" or "step" */
    double value;
    const char *text; /* non-NULL: text instead of a number */
    bool integer;     /* print the value as an integer (exact up to 2^53) */
} anl__mlog_field;

typedef struct anl__mlog_mark { int64_t jsonl, csv, events; } anl__mlog_mark; /* byte lengths */

/* cut NULL: new, empty files. Otherwise each file is cut to its length. A file that has no whole rows up to its
   length (rows were lost with a disk, or another machine went on from a mirror without them) is DATA, with
   nothing cut; to go on with what is there, lower the mark by anl__mlog_fit and open again: what is left are
   whole rows of steps up to the checkpoint's, so none can stand twice. A length 0 of `events` begins a new file there (TensorBoard was
   switched on later). */
anl_status anl__mlog_open(anl_ctx *ctx, const char *dir, bool tensorboard, const anl__mlog_mark *cut,
                          anl__mlog **out) ANL_MUST;
/* Lowers each length to the whole rows that the file really has below it. */
anl_status anl__mlog_fit(anl_ctx *ctx, const char *dir, anl__mlog_mark *mark) ANL_MUST;
/* Numbers read back exactly (shortest decimal form); NaN and infinities are the strings "nan", "inf", "-inf".
   An epoch row's field that the CSV header lacks is left out there, and named once in a logged warning. IO:
   the row is nowhere. */
anl_status anl__mlog_row(anl__mlog *log, const char *kind /* "epoch", "step", "event" */, int64_t step,
                         const anl__mlog_field *field, int n) ANL_MUST;
/* fsync; the lengths up to which everything is durable (out may be NULL). */
anl_status anl__mlog_sync(anl__mlog *log, anl__mlog_mark *out) ANL_MUST;
void anl__mlog_close(anl__mlog *log); /* does not sync; NULL is fine */

#endif
