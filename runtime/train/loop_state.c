/* The loop's memory; see loop_state.h. One table gives saving and loading. */
#include "loop_state.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const struct { const char *name; bool real; size_t at; } fields[] = {
#define INT(f) {"loop." #f, false, offsetof(anl__loop_state, f)}
#define REAL(f) {"loop." #f, true, offsetof(anl__loop_state, f)}
    INT(step), INT(epoch), INT(batch), INT(total_steps), REAL(loss_num), REAL(loss_den), REAL(correct), INT(samples),
    REAL(best), INT(best_step), INT(best_epoch), INT(waited),
    {"loop.plateau.best", true, offsetof(anl__loop_state, plateau) + offsetof(anl__plateau, best)},
    {"loop.plateau.factor", true, offsetof(anl__loop_state, plateau) + offsetof(anl__plateau, factor)},
    {"loop.plateau.bad", false, offsetof(anl__loop_state, plateau) + offsetof(anl__plateau, bad)},
    {"loop.plateau.cooling", false, offsetof(anl__loop_state, plateau) + offsetof(anl__plateau, cooling)},
    REAL(lr_factor), INT(rollbacks), INT(bad_steps), INT(bad_row), INT(overflows), REAL(seconds), INT(resumes), INT(finished),
    INT(log_jsonl), INT(log_csv), INT(log_events),
#undef INT
#undef REAL
};
enum { FIELDS = sizeof fields / sizeof fields[0] };
_Static_assert((int)FIELDS <= (int)ANL__LOOP_ATTRS, "every field has an attribute");

anl__loop_state anl__loop_state_start(void)
{
    return (anl__loop_state){.best = NAN, .best_step = -1, .best_epoch = -1, .plateau = anl__plateau_start(), .lr_factor = 1};
}

int anl__loop_state_save(const anl__loop_state *s, anl__ckpt_attr attr[ANL__LOOP_ATTRS])
{
    for (int i = 0; i < FIELDS; i++) {
        const char *at = (const char *)s + fields[i].at;
        attr[i] = (anl__ckpt_attr){.name = fields[i].name, .type = fields[i].real ? ANL__CKPT_DOUBLE : ANL__CKPT_INT};
        if (fields[i].real) memcpy(&attr[i].d, at, sizeof attr[i].d);
        else memcpy(&attr[i].i, at, sizeof attr[i].i);
    }
    return FIELDS;
}

void anl__loop_state_load(anl__loop_state *s, const anl__ckpt *from)
{
    for (int i = 0; i < FIELDS; i++) {
        char *at = (char *)s + fields[i].at;
        double d;
        int64_t n;
        memcpy(&d, at, sizeof d);
        memcpy(&n, at, sizeof n);
        d = anl__ckpt_double(from, fields[i].name, d);
        n = anl__ckpt_int(from, fields[i].name, n);
        if (fields[i].real) memcpy(at, &d, sizeof d);
        else memcpy(at, &n, sizeof n);
    }
}

int64_t anl__loop_state_finished(const anl__loop_state *s, int64_t epochs, int64_t patience)
{
    bool more = s->finished == 1 ? s->epoch < epochs : s->finished == 2 && s->epoch < epochs && (!patience || s->waited < patience);
    return more ? 0 : s->finished;
}
