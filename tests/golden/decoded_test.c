/* GIF, WebP and TIFF files as Pillow decodes them: every level, but for JPEG within TIFF, where decoders round differently. */
#include "fixture.h"

#include "datasets/picture.h"
#include "tests/common/files_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(const golden_case *c, const char *path)
{
    const golden_tensor *y = golden_find(c, "y");
    int off = strstr(c->name, "jpeg") ? 2 : 0;
    anl__picture_shape s = {0};
    assert_non_null(y);
    uint8_t *got = malloc((size_t)y->count);
    const char *why = anl__picture_look_path(path, &s);
    if (!why) why = anl__picture_read_path(path, &s, ANL__FIT_STRETCH, got);
    if (why) fail_msg("%s: %s", c->name, why);
    if (s.h != y->shape.dim[0] || s.w != y->shape.dim[1] || s.channels != y->shape.dim[2]) fail_msg("%s is %lldx%lldx%d", c->name, (long long)s.h, (long long)s.w, s.channels);
    for (int64_t i = 0; i < y->count; i++)
        if (abs(got[i] - (int)y->v[i]) > off) fail_msg("%s: value %lld is %d, Pillow's is %g", c->name, (long long)i, got[i], y->v[i]);
    free(got);
}

static void as_pillow(void **state)
{
    (void)state;
    golden_file *f = golden_open("decoded");
    golden_case c;
    int cases = 0, left = 0;
    for (; golden_next(f, &c); cases++) {
        char path[512], kind[8];
        const char *formats = anl__picture_formats();
        snprintf(path, sizeof path, ANL_TESTS_DIR "/golden/data/decoded/%s", c.attrs);
        snprintf(kind, sizeof kind, "%s", c.name[0] == 'g' ? "GIF" : c.name[0] == 'w' ? "WebP" : "TIFF");
        if (strstr(formats, kind)) check(&c, path);
        else left++;
        golden_release(&c);
    }
    golden_close(f);
    assert_int_equal(cases, 49);
    if (left) print_message("skipped: %d of %d files, of kinds that this build does not read (it reads %s)\n", left, cases, anl__picture_formats());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_pillow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
