/* See files_fixture.h. */
#include "files_fixture.h"

#include "runtime/base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void keep_log(void *user, anl_log_level level, const char *text)
{
    fixture *f = user;
    size_t n = strlen(f->log);
    snprintf(f->log + n, sizeof f->log - n, "%d %s\n", (int)level, text);
}

int fixture_setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->ctx = anl_ctx_create();
    if (!f->ctx || !scratch_make(f->dir, "test")) return -1;
    anl_ctx_set_log(f->ctx, keep_log, f);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    fixture *f = *state;
    int64_t left = anl__live_blocks(f->ctx);
    bool removed = scratch_remove(f->dir);
    anl_ctx_destroy(f->ctx);
    free(f);
    if (left) print_error("%lld blocks still allocated\n", (long long)left);
    return left || !removed ? -1 : 0;
}

const char *at(const fixture *f, const char *name)
{
    static char buffer[64][512];
    static int next;
    char *p = buffer[next++ % 64];
    snprintf(p, sizeof buffer[0], "%s/%s", f->dir, name);
    return p;
}

void put(const char *path, const void *data, size_t bytes)
{
    FILE *o = fopen(path, "wb");
    assert_non_null(o);
    assert_int_equal(fwrite(data, 1, bytes, o), bytes);
    assert_int_equal(fclose(o), 0);
}
