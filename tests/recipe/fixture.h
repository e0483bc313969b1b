/* Recipes in memory for tests: each test has a context, and leaves no block behind. */
#ifndef RECIPE_FIXTURE_H
#define RECIPE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/recipe/layers.h"
#include "tools/recipe/recipe.h"

#include <stdio.h>
#include <string.h>

int recipe_setup(void **state);    /* *state: anl_ctx * */
int recipe_teardown(void **state); /* no block may live */

/* Overrides are separated by '|'; NULL: none. */
anl_status recipe_try(anl_ctx *ctx, const char *text, const char *overrides, recipe **out);
recipe *recipe_good(anl_ctx *ctx, const char *text, const char *overrides); /* fails the test with the message */
/* The whole message is this. */
void recipe_wrong(anl_ctx *ctx, const char *text, const char *overrides, const char *message);

#define recipe_tests(name, tests) cmocka_run_group_tests_name(name, tests, NULL, NULL)
#define recipe_test(f) cmocka_unit_test_setup_teardown(f, recipe_setup, recipe_teardown)

#endif
