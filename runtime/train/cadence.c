/* See cadence.h. */
#include "cadence.h"

#include <stdlib.h>
#include <string.h>

anl_status anl__cadence_parse(anl_ctx *ctx, const char *text, anl__cadence *out)
{
    static const struct { const char *unit; anl__cadence_kind kind; double factor; } units[] = {
        {"", ANL__EVERY_STEPS, 1}, {"step", ANL__EVERY_STEPS, 1}, {"epoch", ANL__EVERY_EPOCHS, 1},
        {"second", ANL__EVERY_SECONDS, 1}, {"minute", ANL__EVERY_SECONDS, 60}, {"hour", ANL__EVERY_SECONDS, 3600},
    };
    if (!strcmp(text, "auto")) {
        *out = (anl__cadence){ANL__EVERY_AUTO, 0, 0, 0};
        return ANL_OK;
    }
    char *end;
    double amount = strtod(text, &end);
    bool number = end != text && amount > 0 && amount < 1e12;
    while (*end == ' ') end++;
    size_t len = strlen(end);
    if (len > 1 && end[len - 1] == 's') len--;
    for (size_t u = 0; number && u < sizeof units / sizeof units[0]; u++)
        if (strlen(units[u].unit) == len && !strncmp(units[u].unit, end, len)) {
            bool whole = units[u].kind == ANL__EVERY_SECONDS || amount == (double)(int64_t)amount;
            if (!whole) break;
            *out = (anl__cadence){units[u].kind, amount * units[u].factor, 0, 0};
            return ANL_OK;
        }
    return anl__fail(ctx, ANL_RECIPE, "checkpoint.every = '%s' is none of: auto, N steps, N epochs, N seconds, N minutes, N hours", text);
}

bool anl__cadence_due(const anl__cadence *c, double now, int64_t step, int64_t epochs, double cost)
{
    double since = now - c->last_seconds;
    switch (c->kind) {
    case ANL__EVERY_STEPS: return step - c->last_step >= (int64_t)c->amount;
    case ANL__EVERY_EPOCHS: return epochs > 0 && epochs % (int64_t)c->amount == 0;
    case ANL__EVERY_SECONDS: return since >= c->amount;
    default: break;
    }
    double interval = cost / 0.035;
    if (interval < 10) interval = 10;
    if (interval > 100) interval = 100; /* so that writing, too, ends within the 2 minutes */
    return since >= interval;
}
