#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include "runtime/state/metrics_log.h"
#include "tests/common/markup.h"
#include "tools/report/run_report.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int setup(void **state)
{
    static box b;
    b = (box){.ctx = anl_ctx_create()};
    assert_non_null(b.ctx);
    assert_true(scratch_make(b.dir, "report"));
    assert_int_equal(recipe_parse(b.ctx, "r", "{}", 2, NULL, 0, &b.recipe), ANL_OK);
    *state = &b;
    return 0;
}

int teardown(void **state)
{
    box *b = *state;
    recipe_free(b->recipe);
    anl_ctx_destroy(b->ctx);
    return scratch_remove(b->dir) ? 0 : -1;
}

/* ---- runs ------------------------------------------------------------------------------------ */

void put(const box *b, const char *run, const char *name, const char *text)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", b->dir, run);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/%s/%s", b->dir, run, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

double loss_at(int epoch) { return 0.5 + 1.0 / epoch; }

void log_run(const box *b, const char *run, int epochs, bool steps)
{
    char path[1024];
    anl__mlog *log;
    snprintf(path, sizeof path, "%s/%s", b->dir, run);
    mkdir(path, 0755);
    assert_int_equal(anl__mlog_open(b->ctx, path, false, NULL, &log), ANL_OK);
    for (int e = 1; e <= epochs; e++) {
        for (int s = 1; steps && s <= 10; s++) {
            anl__mlog_field f[3] = {{.name = "epoch", .value = e, .integer = true},
                                    {.name = "step.loss", .value = loss_at(e) + 0.01 * s},
                                    {.name = "finite", .value = 1, .integer = true}};
            assert_int_equal(anl__mlog_row(log, "step", (e - 1) * 10 + s, f, 3), ANL_OK);
        }
        anl__mlog_field f[] = {{.name = "epoch", .value = e, .integer = true}, {.name = "lr", .value = 0.01 / e}, {.name = "train.loss", .value = loss_at(e)},
                               {.name = "valid.loss", .value = loss_at(e) + 0.1}, {.name = "valid.accuracy", .value = e == 3 ? 0.9 : 0.5 + 0.0001 * e},
                               {.name = "seconds", .value = 2.5 * e}, {.name = "samples_per_second", .value = 1000}};
        assert_int_equal(anl__mlog_row(log, "epoch", e * 10, f, sizeof f / sizeof *f), ANL_OK);
    }
    anl__mlog_close(log);
}

anl_status open_run(const box *b, const char *run, const run_state *s, char path[1024], run_shown **out)
{
    snprintf(path, 1024, "%s/%s", b->dir, run);
    return run_shown_open(b->ctx, path, b->recipe, s, out);
}

void page_of(const box *b, const char *const *run, int n, anl__buf *out, int *pictures)
{
    run_shown *s[8];
    static char path[8][1024];
    for (int i = 0; i < n; i++) assert_int_equal(open_run(b, run[i], &(run_state){.word = "stopped"}, path[i], &s[i]), ANL_OK);
    anl__buf_init(out, b->ctx);
    assert_int_equal(run_report_page(b->ctx, s, n, out), ANL_OK);
    for (int i = 0; i < n; i++) run_shown_close(s[i]);
    const char *wrong = markup_wrong(out->text, pictures);
    if (wrong) fail_msg("%s", wrong);
    wrong = markup_foreign(out->text);
    if (wrong) fail_msg("the page holds %s", wrong);
}

void holds(const anl__buf *page, const char *text)
{
    if (!strstr(page->text, text)) fail_msg("the page lacks: %s", text);
}
