/* safetensors files: what is written reads back to the bit, other types are widened, and whatever is wrong is
 * named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/common/scratch.h"
#include "tools/safetensors.h"
#include "tools/weights/read_safetensors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static float of_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* Every kind of number, NaNs with their bits too. */
static void to_the_bit(void **state)
{
    (void)state;
    char dir[SCRATCH_PATH], path[SCRATCH_PATH + 32];
    anl_ctx *ctx = anl_ctx_create();
    float a[12], b[3] = {1, -0.0f, 3e-39f}, back[12];
    static const uint32_t odd[] = {0x7fc00001u, 0xff800001u, 0x7f800000u, 0x80000000u,
                                   1u,          0x00800000u, 0x7f7fffffu, 0x3f800001u};
    const char *const meta[][2] = {{"format", "anneal"}, {"step", "12"}};
    for (int i = 0; i < 12; i++) a[i] = of_bits(odd[i % 8] + (uint32_t)i / 8);
    const safetensor t[] = {{"z.weight", {3, {2, 3, 2}}, a}, {"a.bias", {1, {3}}, b}, {"scalar", {0}, b + 2}};
    assert_true(scratch_make(dir, "weights"));
    snprintf(path, sizeof path, "%s/w.safetensors", dir);
    assert_int_equal(safetensors_write(ctx, path, t, 3, meta, 2), ANL_OK);
    safetensors_file *f;
    if (safetensors_open(ctx, path, &f) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(safetensors_count(f), 3);
    assert_string_equal(safetensors_at(f, 0)->name, "a.bias");
    assert_string_equal(safetensors_meta(f, "step"), "12");
    assert_null(safetensors_meta(f, "steps"));
    assert_null(safetensors_find(f, "z.weigh"));
    for (int i = 0; i < 3; i++) {
        const safetensors_entry *e = safetensors_find(f, t[i].name);
        assert_non_null(e);
        assert_true(safetensors_is_float(e));
        assert_int_equal(anl_shape_count(&e->shape), anl_shape_count(&t[i].shape));
        safetensors_floats(f, e, back);
        assert_memory_equal(back, t[i].data, sizeof(float) * (size_t)anl_shape_count(&t[i].shape));
    }
    safetensors_close(f);
    assert_int_equal(safetensors_open(ctx, dir, &f), ANL_INVALID);
    assert_true(scratch_remove(dir));
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

/* A file of this header and so many bytes 1, 2, 3, ... behind it. */
static size_t make(char *out, const char *header, size_t data)
{
    size_t n = strlen(header);
    for (int i = 0; i < 8; i++) out[i] = (char)(n >> 8 * i);
    memcpy(out + 8, header, n);
    for (size_t i = 0; i < data; i++) out[8 + n + i] = (char)(i + 1);
    return 8 + n + data;
}

static void other_types(void **state)
{
    (void)state;
    static const char header[] = "{\"d\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[1,17]},\"o\":{"
                                 "\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                                 "\"h\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[17,21]},\"b\":{"
                                 "\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[21,25]},"
                                 "\"none\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[25,25]}}  ";
    char file[1024];
    float to[2];
    const double d[2] = {1.0 / 3, -1e300};
    const uint16_t h[2] = {0x3c01, 0x8001}, b[2] = {0x3f81, 0x7f80};
    size_t n = make(file, header, 25), at = n - 25;
    memcpy(file + at + 1, d, sizeof d); /* not aligned */
    memcpy(file + at + 17, h, sizeof h);
    memcpy(file + at + 21, b, sizeof b);
    anl_ctx *ctx = anl_ctx_create();
    safetensors_file *f;
    if (safetensors_parse(ctx, "mine", file, n, &f) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    safetensors_floats(f, safetensors_find(f, "d"), to);
    assert_true(to[0] == (float)(1.0 / 3) && to[1] == -INFINITY);
    safetensors_floats(f, safetensors_find(f, "h"), to);
    assert_true(to[0] == 1 + 0x1p-10f && to[1] == -0x1p-24f);
    safetensors_floats(f, safetensors_find(f, "b"), to);
    assert_true(to[0] == 1 + 0x1p-7f && to[1] == INFINITY);
    assert_false(safetensors_is_float(safetensors_find(f, "o")));
    assert_int_equal(anl_shape_count(&safetensors_find(f, "none")->shape), 0);
    safetensors_close(f);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

#define ONE(name, dtype, shape, from, to) \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}"

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        anl_status code;
        const char *says;
    } bad[] = {
        {"{", 0, ANL_FORMAT, "its header is no JSON"},
        {"[]", 0, ANL_FORMAT, "its header is no JSON object"},
        {"{} x", 0, ANL_FORMAT, "something follows on its JSON header (byte 11)"},
        {"{}", 4, ANL_FORMAT, "its tensors end at byte 0, but 4 follow"},
        {"{\"a\":3}", 0, ANL_FORMAT, "tensor 'a': it is no {dtype, shape, data_offsets}"},
        {"{\"a\":{}}", 0, ANL_FORMAT, "tensor 'a': it has no dtype"},
        {"{" ONE("a", "F31", "[1]", "0", "4") "}", 4, ANL_FORMAT, "tensor 'a': there is no dtype 'F31'"},
        {"{" ONE("a", "F32", "1", "0", "4") "}", 4, ANL_FORMAT, "tensor 'a': its shape is no list"},
        {"{" ONE("a", "F32", "[-1]", "0", "4") "}", 4, ANL_FORMAT, "no whole number"},
        {"{" ONE("a", "F32", "[1.5]", "0", "4") "}", 4, ANL_FORMAT, "no whole number"},
        {"{" ONE("a", "F32", "[\"1\"]", "0", "4") "}", 4, ANL_FORMAT, "no whole number"},
        {"{" ONE("a", "F32", "[1e300]", "0", "4") "}", 4, ANL_FORMAT, "no whole number"},
        {"{" ONE("a", "F32", "[4503599627370496,4503599627370496]", "0", "4") "}", 4, ANL_FORMAT,
         "more elements than any file"},
        {"{" ONE("a", "F32", "[1,1,1,1,1,1,1]", "0", "4") "}", 4, ANL_UNSUPPORTED,
         "tensor 'a' has more than 6 dimensions"},
        {"{" ONE("a", "F32", "[2]", "0", "4") "}", 4, ANL_FORMAT,
         "tensor 'a': F32 2 takes 8 bytes, but it has 4"},
        {"{" ONE("a", "F32", "[1]", "4", "0") "}", 4, ANL_FORMAT, "tensor 'a' lies at bytes 4 to 0"},
        {"{" ONE("a", "F32", "[1]", "0", "4") "}", 3, ANL_FORMAT, "lies at bytes 0 to 4, but there are 3"},
        {"{" ONE("a", "F32", "[1]", "-4", "0") "}", 4, ANL_FORMAT, "data_offsets are not two whole numbers"},
        {"{" ONE("a", "F32", "[1]", "0", "4") "," ONE("b", "F32", "[1]", "2", "6") "}", 6, ANL_FORMAT,
         "tensor 'b' begins at byte 2, where a ends at 4: they overlap"},
        {"{" ONE("a", "F32", "[1]", "0", "4") "," ONE("b", "F32", "[1]", "6", "10") "}", 10, ANL_FORMAT,
         "there is a gap"},
        {"{" ONE("a", "F32", "[1]", "4", "8") "}", 8, ANL_FORMAT,
         "where the header ends at 0: there is a gap"},
        {"{" ONE("a", "F32", "[1]", "0", "4") "," ONE("a", "F32", "[1]", "4", "8") "}", 8, ANL_FORMAT,
         "tensor 'a': it stands twice"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, ANL_FORMAT, "__metadata__ stands twice"},
        {"{\"__metadata__\":[]}", 0, ANL_FORMAT, "__metadata__ is no map"},
        {"{\"__metadata__\":{\"step\":3}}", 0, ANL_FORMAT, "__metadata__ holds 'step', which is no text"},
    };
    char file[1024];
    anl_ctx *ctx = anl_ctx_create();
    safetensors_file *f;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t n = make(file, bad[i].header, bad[i].data);
        int code = safetensors_parse(ctx, "mine", file, n, &f);
        if (code != (int)bad[i].code) fail_msg("%s: status %d", bad[i].header, code);
        if (!strstr(anl_last_error(ctx), bad[i].says))
            fail_msg("'%s' does not say '%s'", anl_last_error(ctx), bad[i].says);
    }
    assert_int_equal(safetensors_parse(ctx, "mine", file, 7, &f), ANL_FORMAT);
    memset(file, 0xff, 8);
    assert_int_equal(safetensors_parse(ctx, "mine", file, 100, &f), ANL_FORMAT);
    assert_non_null(strstr(anl_last_error(ctx), "16 MiB are the most"));
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

/* Each allocation fails once: an error, and nothing is left. */
static void no_memory(void **state)
{
    (void)state;
    char file[256];
    size_t n = make(file, "{" ONE("a", "F32", "[1]", "0", "4") "}", 4);
    anl_ctx *ctx = anl_ctx_create();
    safetensors_file *f;
    int k = 1;
    for (; k < 100; k++) {
        anl__inject(ctx, ANL__INJECT_ALLOC, k);
        int code = safetensors_parse(ctx, "mine", file, n, &f);
        if (code == ANL_OK) break;
        assert_int_equal(code, ANL_NOMEM);
        assert_int_equal(anl__live_blocks(ctx), 0);
    }
    assert_in_range(k, 3, 20);
    safetensors_close(f);
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(to_the_bit), cmocka_unit_test(other_types),
                                       cmocka_unit_test(refusals), cmocka_unit_test(no_memory)};
    return cmocka_run_group_tests_name("weights/read", tests, NULL, NULL);
}
