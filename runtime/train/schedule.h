/* Learning rate schedules: the rate of a step as a pure function of the step (and, for plateau, of a factor that the
 * checkpoint holds). */
#ifndef ANL_SCHEDULE_H
#define ANL_SCHEDULE_H

#include "../base/base.h"

typedef struct anl__schedule {
    const char *name;       /* constant, step, multistep, exponential, cosine, one-cycle, polynomial, plateau */
    double warmup;          /* epochs of linear rise from 0, before everything else */
    double every;           /* step: epochs */
    double gamma;           /* step, multistep, exponential: factor */
    const double *milestone; /* multistep: epochs, ascending */
    int n_milestone;
    double final;           /* cosine, one-cycle, polynomial: last rate as a fraction of the rate */
    double power;           /* polynomial */
    double peak_at;         /* one-cycle: where the peak is, as a fraction of all steps */
    double div;             /* one-cycle: the first rate is the rate divided by this */
    int patience, cooldown; /* plateau: epochs */
    double factor, min_lr, min_delta;
} anl__schedule;
anl__schedule anl__schedule_default(void); /* constant */
anl_status anl__schedule_check(anl_ctx *ctx, const anl__schedule *s) ANL_MUST;

/* step from 0; total: steps of the whole training; per_epoch: steps of an epoch. */
double anl__schedule_rate(const anl__schedule *s, double lr, int64_t step, int64_t total, int64_t per_epoch);

/* What plateau remembers; part of the checkpoint. */
typedef struct anl__plateau {
    double best;   /* NaN: nothing seen */
    double factor; /* on the rate; begins at 1 */
    int64_t bad, cooling;
} anl__plateau;
anl__plateau anl__plateau_start(void);
/* After an epoch; lower: a smaller value is better. True when the rate was reduced. */
bool anl__plateau_see(const anl__schedule *s, anl__plateau *p, double value, bool lower);

#endif
