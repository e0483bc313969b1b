/* For tests that write files: a directory of the test's own, a context, and what the library logged. */
#ifndef ANL_TESTS_FILES_FIXTURE_H
#define ANL_TESTS_FILES_FIXTURE_H

#include "runtime/anneal.h"
#include "tests/common/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct fixture {
    anl_ctx *ctx;
    char dir[SCRATCH_PATH]; /* removed by fixture_teardown, which also sees that nothing is still allocated */
    char log[8192];         /* what the library logged, one line each */
} fixture;

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* dir/name, in one of a few static buffers. */
const char *at(const fixture *f, const char *name);
void put(const char *path, const void *data, size_t bytes);

#endif
