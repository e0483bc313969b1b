/* What was found, repaired, cut or left out while a job's data of sequences was read. */
#ifndef JOB_NOTES_H
#define JOB_NOTES_H

#include "job_sequence.h"

/* Appends whole lines to show to a person; nothing when all of the data was read as it is. */
anl_status job_notes(const job *j, anl__buf *out) ANL_MUST;

#endif
