/* anneal export: every byte of the file is accounted for, and the numbers are those that `inspect` shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static char *slurp(const cli *c, const char *name, size_t *n)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", c->dir, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *all = malloc(1 << 22);
    assert_non_null(all);
    *n = fread(all, 1, 1 << 22, f);
    fclose(f);
    return all;
}

static void written(void **state)
{
    cli *c = *state;
    size_t n, head = 0;
    int tensors = 0;
    double end = 0;
    cli_expect(c, 0, "train recipe.yaml --run ex train.epochs=1 train.ema=0.9");
    cli_expect(c, 0, "export ex");
    cli_says(c, "ex/weights.safetensors");
    char *file = slurp(c, "ex/weights.safetensors", &n);
    for (int i = 0; i < 8; i++) head |= (size_t)(unsigned char)file[i] << 8 * i;
    assert_true(head % 8 == 0 && 8 + head < n);
    cJSON *o = cJSON_ParseWithLength(file + 8, head), *one;
    assert_non_null(o);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetObjectItem(o, "__metadata__"), "format")), "anneal");
    cJSON_ArrayForEach(one, o)
    {
        const cJSON *at = cJSON_GetObjectItem(one, "data_offsets"), *dim;
        double count = 1;
        if (!at) continue;
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(one, "dtype")), "F32");
        cJSON_ArrayForEach(dim, cJSON_GetObjectItem(one, "shape")) count *= dim->valuedouble;
        assert_true(cJSON_GetArrayItem(at, 0)->valuedouble == end); /* no gap, no overlap */
        end = cJSON_GetArrayItem(at, 1)->valuedouble;
        assert_true(end - cJSON_GetArrayItem(at, 0)->valuedouble == 4 * count);
        tensors++;
        char words[200], *shown;
        snprintf(words, sizeof words, "inspect ex:best --tensor %s%s", strncmp(one->string, "data.", 5) ? "ema/" : "data/",
                 strncmp(one->string, "data.", 5) ? one->string : one->string + 5);
        cli_run(c, words);
        if (c->code) continue; /* a buffer has no average */
        float v;
        memcpy(&v, file + 8 + head + (size_t)cJSON_GetArrayItem(at, 0)->valuedouble, sizeof v);
        assert_true(strtof(c->out, &shown) == v && shown != c->out);
    }
    assert_true(tensors >= 4);
    assert_true((double)(8 + head) + end == (double)n);
    cJSON_Delete(o);
    free(file);
}

static void refusals(void **state)
{
    cli *c = *state;
    cli_expect(c, 2, "export ex --to caffe");
    cli_says(c, "--to is safetensors, torch, onnx or keras, not 'caffe'");
#ifndef ANL_HAVE_ONNX
    cli_expect(c, 2, "export ex --to onnx");
    cli_says(c, "this build has no ONNX");
#endif
    cli_expect(c, 2, "export nowhere --out x");
    cli_says(c, "there is no such run");
    cli_expect(c, 2, "export ex:best");
    cli_says(c, "--out FILE");
    cli_expect(c, 0, "export ex:best --out mine.safetensors");
    cli_expect(c, 2, "export ex --checkpoint 12345");
    cli_expect(c, 6, "export ex --out nowhere/x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(written), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests_name("cli/export", tests, cli_setup, cli_teardown);
}
