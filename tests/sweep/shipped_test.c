/* The sweeps that are shipped in models/sweeps: each is a sound search over a sound recipe. */
#include "fixture.h"

#include "tools/sweep/sweep_recipe.h"

static void shipped(void **state)
{
    static const char *const names[] = {"fashion", "taylor", "taylor-cells"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[1024];
        sweep_recipe *r = NULL;
        snprintf(path, sizeof path, "%s/../models/sweeps/%s.yaml", ANL_TESTS_DIR, names[i]);
        if (sweep_recipe_load(*state, path, NULL, &r) != ANL_OK) fail_msg("%s", anl_last_error(*state));
        assert_true(sweep_epochs_of_part(r) > 0);
        sweep_recipe_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {sweep_test(shipped)};
    return cmocka_run_group_tests_name("sweep/shipped", tests, NULL, NULL);
}
