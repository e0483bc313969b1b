/* runtime/base/half.h: every f16 goes to f32 and back, and what lies between two goes to the nearer, to the
 * even one from the middle. */
#include "base/half.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static double value(uint16_t h) /* by definition */
{
    int e = h >> 10 & 31, m = h & 1023;
    double a = e == 31 ? (m ? NAN : INFINITY) : e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
    return h & 0x8000 ? -a : a;
}

static void all_values(void **state)
{
    (void)state;
    for (int h = 0; h < 65536; h++) {
        double want = value((uint16_t)h);
        float got;
        uint16_t back, bits = (uint16_t)h;
        anl__half_to_f32(ANL_F16, &got, &bits, 1);
        anl__half_from_f32(ANL_F16, &back, &got, 1);
        if (isnan(want)) assert_true(isnan(got) && (back & 0x7fff) > 0x7c00);
        else assert_true((double)got == want && !signbit(got) == !signbit(want) && back == bits);
    }
}

static void between(void **state)
{
    (void)state;
    for (uint16_t h = 0; h < 0x7bff; h++) {
        float low = anl__f16_float(h), high = anl__f16_float((uint16_t)(h + 1)), middle = (low + high) / 2;
        uint16_t even = h & 1 ? h + 1 : h;
        assert_int_equal(anl__f16_bits(middle), even);
        assert_int_equal(anl__f16_bits(-middle), even | 0x8000);
        assert_int_equal(anl__f16_bits(nextafterf(middle, low)), h);
        assert_int_equal(anl__f16_bits(nextafterf(middle, high)), h + 1);
    }
}

static void limits(void **state)
{
    (void)state;
    assert_int_equal(anl__f16_bits(65504), 0x7bff);
    assert_int_equal(anl__f16_bits(nextafterf(65520, 0)), 0x7bff);
    assert_int_equal(anl__f16_bits(65520), 0x7c00);
    assert_int_equal(anl__f16_bits(-3e38f), 0xfc00);
    assert_int_equal(anl__f16_bits(-INFINITY), 0xfc00);
    assert_int_equal(anl__f16_bits(1e-40f), 0);
    assert_int_equal(anl__f16_bits(-1e-40f), 0x8000);
    assert_true((anl__f16_bits(NAN) & 0x7fff) > 0x7c00);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_values), cmocka_unit_test(between),
                                       cmocka_unit_test(limits)};
    return cmocka_run_group_tests_name("unit/half", tests, NULL, NULL);
}
