/* Separated text: the first byte says how it is repaired and what is made of it. Whatever the bytes, reading gives a table or a
 * series of which every number can be read and whose fit survives being written, or a message. */
#include "datasets/series.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { AS_SERIES = 1, TABS = 2, NO_HEADER = 4, REPAIR_SHIFT = 3 };

static void use(const anl__table *t)
{
    for (int c = 0; c < t->columns; c++) {
        const anl__column *k = &t->column[c];
        for (int64_t r = 0; r < t->rows; r++) {
            if (k->code ? k->code[r] < 0 || k->code[r] >= k->levels : isnan(k->value[r])) abort();
        }
    }
}

static void read_items(const anl__series *s)
{
    for (int64_t i = 0; s->set && i < s->items[ANL__PART_TRAIN]; i++) {
        const float *x = anl__ragged_get(&s->set->field[anl__ragged_find(s->set, "x")], s->item[ANL__PART_TRAIN][i]);
        for (int64_t k = 0; k < anl__series_window(s->fit) * anl__series_features(s->fit); k++)
            if (isnan(x[k])) abort();
    }
}

static void make_series(anl_ctx *ctx, const anl__table *t)
{
    anl__series *s = NULL, *again = NULL;
    anl__buf text;
    const char *target = t->columns ? t->column[t->columns - 1].name : "none";
    anl__series_opts o = anl__series_opts_default();
    o.target = &target;
    o.targets = 1;
    o.window = 3;
    o.horizon = 2;
    o.difference = 1;
    if (anl__series_create(ctx, t, &o, &s) != ANL_OK) return;
    read_items(s);
    anl__buf_init(&text, ctx);
    anl__series_write(s->fit, &text);
    anl__series_fit *fit = NULL;
    if (text.status != ANL_OK || anl__series_read(ctx, text.text, text.len, &fit) != ANL_OK) abort();
    if (anl__series_apply(ctx, t, fit, &again) != ANL_OK) abort();
    anl__series_destroy(again);
    anl__series_fit_destroy(fit);
    anl__buf_release(&text);
    anl__series_destroy(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    int way = data[0], repair = way >> REPAIR_SHIFT;
    anl__table_opts o = anl__table_opts_default();
    o.csv.separator = way & TABS ? '\t' : ',';
    o.csv.header = !(way & NO_HEADER);
    o.missing = (anl__missing)(repair % 4);
    o.doubled = (anl__doubled)(repair / 4 % 2);
    o.gaps = (anl__gaps)(repair / 8 % 3);
    anl_ctx *ctx = anl_ctx_create();
    anl__table *t = NULL;
    if (!ctx) return 0;
    if (anl__table_parse(ctx, "fuzz.csv", data + 1, size - 1, &o, &t) == ANL_OK) {
        use(t);
        if (way & AS_SERIES) make_series(ctx, t);
    } else if (!anl_last_error(ctx)[0]) abort();
    anl__table_close(t);
    if (anl__live_blocks(ctx) != 0) abort();
    anl_ctx_destroy(ctx);
    return 0;
}
