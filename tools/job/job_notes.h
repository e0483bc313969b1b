/* What a person should know of a job before it begins: each a whole line, appended; nothing where there is nothing to say. */
#ifndef JOB_NOTES_H
#define JOB_NOTES_H

#include "job_sequence.h"

/* What was found, repaired, cut or left out while data of sequences was read. */
anl_status job_notes(const job *j, anl__buf *out) ANL_MUST;
/* Of windows and texts: what the model sees, and how many each part has. */
anl_status job_parts_note(const job *j, anl__buf *out) ANL_MUST;
/* How many parameters train, where some are frozen; devices that are there and have nothing to do; keys that only a CUDA device has a use for, when the compiled job is on another one. */
anl_status job_device_notes(const job *j, anl__buf *out) ANL_MUST;

#endif
