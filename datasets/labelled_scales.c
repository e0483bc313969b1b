/* What was fitted on the training windows of a labelled set, as a text and back:
 *
 *   anneal-windows 1
 *   features 4         then two lines a feature: its name; mean and std
 */
#include "datasets/labelled.h"
#include "datasets/lines.h"

#include <string.h>

static const char magic[] = "anneal-windows 1";

void anl__labelled_write(const anl__labelled *l, anl__buf *out)
{
    anl__buf_add(out, "%s\nfeatures %d\n", magic, l->features);
    for (int i = 0; i < l->features; i++) anl__buf_add(out, "%s\n%.17g %.17g\n", l->feature_names[i], l->mean[i], l->std[i]);
}

anl_status anl__labelled_read(anl_ctx *ctx, const char *text, size_t bytes, anl__arena *arena, anl__labelled_opts *out)
{
    anl__lines l = {.ctx = ctx, .what = "scaling of windows", .at = text, .end = text + bytes};
    int64_t n = 0;
    ANL_TRY(anl__lines_expect(&l, magic));
    ANL_TRY(anl__lines_number(&l, "features", (int64_t)bytes, &n));
    const char **name = anl__arena_alloc(arena, sizeof *name * (size_t)n);
    double *mean = anl__arena_alloc(arena, sizeof *mean * (size_t)n), *std = anl__arena_alloc(arena, sizeof *std * (size_t)n);
    if (!name || !mean || !std) return ANL_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        ANL_TRY(anl__lines_next(&l));
        char *copy = anl__arena_alloc(arena, l.line.bytes + 1);
        if (!copy) return ANL_NOMEM;
        memcpy(copy, l.line.text, l.line.bytes);
        name[i] = copy;
        ANL_TRY(anl__lines_next(&l));
        anl__span s = l.line;
        if (!anl__span_real(&s, &mean[i]) || !anl__span_text(&s, " ") || !anl__span_real(&s, &std[i]) || s.bytes || !(std[i] > 0))
            return anl__lines_bad(&l, "expected a mean and a standard deviation above 0");
    }
    if (l.at != l.end) return anl__lines_bad(&l, "more text follows");
    out->feature = name;
    out->n_features = (int)n;
    out->mean = mean;
    out->std = std;
    return ANL_OK;
}
