/* What is said of the best trial: how its recipe is trained again, where its weights are, what it scored on
 * the test part. */
#ifndef SWEEP_WINNER_H
#define SWEEP_WINNER_H

#include "driver.h"

/* The best trial, when it is complete; NULL: none is. With several objectives the first of the front. */
anl_status winner_of(const sweep_open *s, const sweep_trial **out) ANL_MUST;
/* The command that trains a trial's point, in full and with its test part; a line. */
anl_status winner_command(const sweep_open *s, const char *dir, const sweep_trial *t, anl__buf *out) ANL_MUST;
/* "loss 0.41  accuracy 0.95" of the test part, as far as this trial is the one that was scored; else nothing.
 */
anl_status winner_scores(const sweep_open *s, const sweep_trial *t, anl__buf *out) ANL_MUST;
/* All of it, as text for people. */
anl_status winner_text(const sweep_open *s, const char *dir, const sweep_trial *t, anl__buf *out) ANL_MUST;

#endif
