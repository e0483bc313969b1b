/* For the tests of runtime/state: a directory of the test's own, a context, a small checkpoint's content. */
#ifndef STATE_TEST_H
#define STATE_TEST_H

#include "runtime/base/files.h"
#include "runtime/state/checkpoint.h"
#include "tests/common/files_fixture.h"

/* The whole file, malloc'ed, a 0 byte after it. */
char *take(const char *path, size_t *bytes);
/* Entries of a directory whose names hold `part`. */
int entries(const char *dir, const char *part);
/* Monotonic seconds. */
double now(void);

/* Tensors of several ranks with names that hold dots, and attributes of each type; every value is a function
 * of the step. */
enum { CONTENT_TENSORS = 5, CONTENT_ATTRS = 6 };
typedef struct content {
    anl__ckpt_content c;
    anl__ckpt_tensor tensor[CONTENT_TENSORS];
    anl__ckpt_attr attr[CONTENT_ATTRS];
    char text[64];
    float data[CONTENT_TENSORS][256];
} content;
const anl__ckpt_content *content_make(content *c, int64_t step);
/* Everything in the checkpoint is what content_make(step) makes. */
bool content_is(const anl__ckpt *c, int64_t step);
/* Opens path, checks it against its own step, closes; the status of opening. */
anl_status verify(anl_ctx *ctx, const char *path, int64_t *step);

#define assert_ok(f, expr)                                                                        \
    do {                                                                                          \
        anl_status assert_st_ = (expr);                                                           \
        if (assert_st_ != ANL_OK)                                                                 \
            fail_msg("%s: %s: %s", #expr, anl_status_name(assert_st_), anl_last_error((f)->ctx)); \
    } while (0)
#define assert_says(f, part)                                             \
    do {                                                                 \
        if (!strstr(anl_last_error((f)->ctx), part))                     \
            fail_msg("'%s' lacks '%s'", anl_last_error((f)->ctx), part); \
    } while (0)

#endif
