/* builder.c: the first failure sticks and its message names the layer; attributes are checked by the schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "graph/graph.h"

static void expect(const char *op, const char *attrs, const char *message)
{
    anl_ctx *ctx = anl_ctx_create();
    anl_graph *g;
    int64_t dim[4] = {2, 5, 5, 3};
    assert_int_equal(anl_graph_create(ctx, ANL_TRAIN, ANL_F32, &g), ANL_OK);
    anl_value x = anl_input(g, "x", ANL_F32, 4, dim);
    anl_value y = anl_node(g, op, "layer", &x, 1, "%s", attrs);
    if (!message) {
        assert_int_equal(anl_graph_status(g), ANL_OK);
        assert_true(y != ANL_NONE);
    } else {
        assert_int_equal(y, ANL_NONE);
        assert_true(anl_graph_status(g) != ANL_OK);
        if (!strstr(anl_last_error(ctx), message)) fail_msg("'%s' does not say '%s'", anl_last_error(ctx), message);
        assert_int_equal(anl_node(g, op, "other", &x, 1, NULL), ANL_NONE); /* stuck */
        assert_non_null(strstr(anl_last_error(ctx), message));
    }
    anl_graph_destroy(g);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void attributes(void **state)
{
    (void)state;
    expect("identity_shortcut", "stride=2 channels=8", NULL);
    expect("identity_shortcut", " channels=8 ", NULL);
    expect("identity_shortcut", "stride=2", "attribute channels is required");
    expect("identity_shortcut", "strides=2 channels=8", "did you mean 'stride'?");
    expect("identity_shortcut", "channels=8.5", "is not a list of integers");
    expect("identity_shortcut", "channels=8,9", "is not one integer");
    expect("identity_shortcut", "channels=0", "is outside 1 to");
    expect("identity_shortcut", "channels=99999999999999999999", "is not a list of integers");
    expect("identity_shortcut", "channels", "expected key=value");
    expect("identity_shortcut", "channels=2", "layer 'layer' (identity_shortcut): 2 output channels");
    expect("no_such_operator", "", "there is no operator 'no_such_operator'");
}

static void names(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    anl_graph *g;
    int64_t dim[2] = {2, 3}, other[2] = {3, 3};
    assert_int_equal(anl_graph_create(ctx, ANL_TRAIN, ANL_F32, &g), ANL_OK);
    anl_init zero = {ANL_INIT_CONSTANT, 0};
    anl_value w = anl_param(g, "w", 2, dim, zero, 0);
    assert_int_equal(anl_param(g, "w", 2, dim, zero, 0), w); /* shared */
    assert_int_equal(anl_param(g, "w", 2, other, zero, 0), ANL_NONE);
    assert_int_equal(anl_graph_status(g), ANL_SHAPE);
    assert_non_null(strstr(anl_last_error(ctx), "'w' is named twice, as 2x3 and as 3x3"));
    anl_graph_destroy(g);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

/* An operand of another dtype would be read as what it is not. */
static void dtypes(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    anl_graph *g;
    const int64_t dim[2] = {2, 3};
    static const char *const op[] = {"add", "sub", "mul"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(anl_graph_create(ctx, ANL_TRAIN, ANL_BF16, &g), ANL_OK);
        anl_value in[2] = {anl_input(g, "x", ANL_BF16, 2, dim), anl_param(g, "w", 2, dim, (anl_init){ANL_INIT_CONSTANT, 0}, 0)};
        assert_int_equal(anl_node(g, op[i], "layer", in, 2, NULL), ANL_NONE);
        assert_int_equal(anl_graph_status(g), ANL_SHAPE);
        assert_non_null(strstr(anl_last_error(ctx), "bf16 and f32: cast one of them"));
        anl_graph_destroy(g);
    }
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(attributes), cmocka_unit_test(names), cmocka_unit_test(dtypes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
