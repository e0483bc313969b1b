/* See predict_options.h. */
#include "predict_options.h"

#include "runtime/base/base.h"

#include <string.h>

static const char *const what[] = {"samples", "a series to be continued", "a text to be continued", "texts to be translated", "texts to be classified", "windows to be classified"};

static const struct {
    const char *option;
    unsigned kinds; /* bits 1 << predict_kind */
} goes_with[] = {
    {"probabilities", 1 << PREDICT_SAMPLES | 1 << PREDICT_TEXTS | 1 << PREDICT_WINDOWS},
    {"text", 1 << PREDICT_PAIRS | 1 << PREDICT_TEXTS},
    {"beam", 1 << PREDICT_PAIRS},
    {"prompt", 1 << PREDICT_TEXT},
    {"length", 1 << PREDICT_TEXT},
    {"temperature", 1 << PREDICT_TEXT},
    {"top-k", 1 << PREDICT_TEXT},
    {"seed", 1 << PREDICT_TEXT},
};

anl_status predict_options_fit(anl_ctx *ctx, const options *o, predict_kind kind)
{
    for (size_t i = 0; i < sizeof goes_with / sizeof *goes_with; i++)
        if (options_has(o, goes_with[i].option) && !(goes_with[i].kinds >> kind & 1))
            return anl__fail(ctx, ANL_INVALID, "--%s is without effect: this model reads %s", goes_with[i].option, what[kind]);
    if (kind == PREDICT_TEXT && o->n_arg > 1) return anl__fail(ctx, ANL_INVALID, "this model continues a text: give --prompt \"...\" and --length N");
    if ((kind == PREDICT_SERIES || kind == PREDICT_WINDOWS) && o->n_arg > 2) return anl__fail(ctx, ANL_INVALID, "this model reads one table at a time, not %d", o->n_arg - 1);
    return ANL_OK;
}
