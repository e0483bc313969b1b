/* Pictures scaled as by Pillow's BILINEAR: within one level, which rounding between its two passes costs it. */
#include "fixture.h"

#include "datasets/picture.h"
#include "datasets/picture_scale.h"
#include "tests/common/pictures_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void near(const golden_case *c, const golden_tensor *y, const uint8_t *got)
{
    int64_t off = 0;
    for (int64_t i = 0; i < y->count; i++) {
        double d = fabs(got[i] - y->v[i]);
        if (d > 1) fail_msg("%s: value %lld is %d, Pillow's is %g", c->name, (long long)i, got[i], y->v[i]);
        off += d > 0;
    }
    if (off * 2 > y->count) fail_msg("%s: %lld of %lld values differ: more than rounding", c->name, (long long)off, (long long)y->count);
}

static void as_pillow(void **state)
{
    (void)state;
    golden_file *f = golden_open("pictures");
    golden_case c;
    int cases = 0, crops = 0;
    for (; golden_next(f, &c); cases++) {
        const golden_tensor *x = golden_find(&c, "x"), *y = golden_find(&c, "y");
        assert_true(x && y && x->shape.rank == 3 && y->shape.rank == 3);
        int h = (int)x->shape.dim[0], w = (int)x->shape.dim[1], ch = (int)x->shape.dim[2], th = (int)y->shape.dim[0], tw = (int)y->shape.dim[1];
        double box[4];
        assert_int_equal(sscanf(strstr(c.attrs, "box"), "box %lf %lf %lf %lf", &box[0], &box[1], &box[2], &box[3]), 4);
        uint8_t *src = malloc((size_t)x->count), *got = malloc((size_t)y->count);
        for (int64_t i = 0; i < x->count; i++) src[i] = (uint8_t)x->v[i];
        assert_true(anl__picture_scale(src, w, h, ch, box[0], box[1], box[2], box[3], got, tw, th, tw * ch));
        near(&c, y, got);
        if (!strcmp(c.name, "box")) { /* the middle, which the fit by cropping finds itself */
            picture_file file = picture_pnm(w, h, ch, 255, src);
            anl__picture_shape s = {th, tw, ch};
            memset(got, 0, (size_t)y->count);
            assert_null(anl__picture_read(file.p, file.n, &s, ANL__FIT_CROP, got));
            near(&c, y, got);
            picture_free(&file);
            crops++;
        }
        free(got);
        free(src);
        golden_release(&c);
    }
    golden_close(f);
    assert_int_equal(cases, 15);
    assert_int_equal(crops, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_pillow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
