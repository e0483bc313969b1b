/* See replay.h. */
#include "replay.h"

#include "seen.h"

#include <string.h>

typedef struct replay {
    const sweep_state *final;
    sweep_state then; /* the trials as they stood at the log's present place */
    int64_t proposals;
} replay;

static anl_status proposed(replay *p, const log_entry *e)
{
    const sweep_trial *t = sweep_state_find(p->final, e->trial);
    double point[SPACE_MAX_AXES], logged[SPACE_MAX_AXES];
    sweep_trial *made;
    anl_ctx *ctx = p->final->ctx;
    if (!t)
        return anl__fail(ctx, ANL_MISMATCH, "trial %lld stands in the log and not among the trials",
                         (long long)e->trial);
    if (sweep_state_find(&p->then, e->trial))
        return anl__fail(ctx, ANL_MISMATCH, "trial %lld was proposed twice", (long long)e->trial);
    if (e->point) ANL_TRY(store_point(p->final, e->point, logged));
    else
        memcpy(logged, t->values,
               sizeof *logged * (size_t)space_count(p->final->recipe->space)); /* of schema 1 */
    if (strcmp(t->origin, "added")) {
        ANL_TRY(seen_propose(&p->then, e->trial, e->seen, point));
        if (!space_same(p->final->recipe->space, point, logged))
            return anl__fail(ctx, ANL_MISMATCH, "trial %lld: the proposal made again is another point",
                             (long long)e->trial);
        p->proposals++;
    }
    return sweep_state_add(&p->then, e->trial, t->origin, logged, &made);
}

/* The points that the log ends with are those of the trials. */
static anl_status same_points(const replay *p)
{
    for (int64_t i = p->then.n_warm; i < p->then.n; i++) {
        const sweep_trial *t = p->then.trial[i], *now = sweep_state_find(p->final, t->number);
        if (!space_same(p->final->recipe->space, t->values, now->values))
            return anl__fail(p->final->ctx, ANL_MISMATCH, "trial %lld: its point is not the log's",
                             (long long)t->number);
    }
    return ANL_OK;
}

static anl_status each(void *self, const log_entry *e)
{
    replay *p = self;
    if (!strcmp(e->kind, "propose")) return proposed(p, e);
    sweep_trial *t = sweep_state_find(&p->then, e->trial);
    const sweep_trial *now = t ? sweep_state_find(p->final, e->trial) : NULL;
    if (!now) return ANL_OK;
    if (!strcmp(e->kind, "exploit") && e->point) return store_point(p->final, e->point, t->values);
    if (!strcmp(e->kind, "reach")) {
        t->shown_step = e->step;
        t->shown_value = e->value;
        if (!t->first_step) {
            t->first_step = e->step;
            t->first_value = e->value;
        }
    } else if (!strcmp(e->kind, "end")) {
        t->status = now->status;
        t->shown_step = now->shown_step;
        t->shown_value = now->shown_value;
        t->first_step = now->first_step;
        t->first_value = now->first_value;
        memcpy(t->objective, now->objective, sizeof t->objective);
        memcpy(t->constraint, now->constraint, sizeof t->constraint);
    }
    return ANL_OK;
}

anl_status replay_check(const sweep_state *s, store *db, int64_t *proposals)
{
    replay p = {.final = s, .then = {.ctx = s->ctx, .recipe = s->recipe}};
    anl_status st = anl__arena_create(s->ctx, &p.then.arena);
    if (st != ANL_OK) return st;
    for (int64_t i = 0; i < s->n_warm && st == ANL_OK; i++) {
        const sweep_trial *w = s->trial[i];
        sweep_trial *made;
        st = sweep_state_add(&p.then, w->number, w->origin, w->values, &made);
        if (st != ANL_OK) break;
        made->status = w->status;
        made->shown_step = w->shown_step;
        made->shown_value = w->shown_value;
        memcpy(made->objective, w->objective, sizeof made->objective);
        memcpy(made->constraint, w->constraint, sizeof made->constraint);
    }
    if (st == ANL_OK) st = store_each_log(db, each, &p);
    if (st == ANL_OK) st = same_points(&p);
    *proposals = p.proposals;
    sweep_state_free(&p.then);
    return st;
}
