/* One case list an operator drives every kind of test: shape inference and its refusals, the gradient against
 * finite differences in double, every device against the double reference, determinism, and timing.
 *
 * An input is text: "2,5,5,3" (activation, random), "param 4,3,3,3", "stat 8" (f32 like a parameter but not one),
 * "i32 2 <10" (integers in [0, 10)), "u8 2,4 <255", "-" (absent), "scalar" (one f32). Extra words: "positive" (in
 * [0.5, 1.5]), "unit" (in (0, 1)), "distinct" (values at least 1/64 apart and away from 0: for kinks of relu and max pooling),
 * "nograd" (no finite differences on this input), "=V" (constant V), "rng" (the rng block; random operators).
 */
#ifndef ANL_TESTS_CASE_H
#define ANL_TESTS_CASE_H
#include "op.h"

typedef struct anl__case {
    const char *op;
    const char *attrs;              /* "stride=2 pad=1", NULL for none */
    const char *in[ANL__MAX_IN];    /* ended by NULL */
    const char *reject;             /* not NULL: infer must refuse, with this in the message */
    bool nograd;                    /* no gradient check (backward operators, updates) */
    int64_t reduction;              /* products or terms added per output element; 0: elementwise. Error bounds grow with its root */
    bool bench;                     /* a large case: only timed and compared in float, not differentiated */
    bool large;                     /* only timed, and only with --large: sizes past a GPU's cache, where rates are those of its memory */
    double tolerance_scale;         /* 0 = 1; for operators whose output is a difference of large numbers: say why beside it */
} anl__case;

typedef struct anl__case_row {
    const char *folder;
    const anl__case *const *cases; /* ended by NULL */
} anl__case_row;
extern const anl__case_row anl__case_table[];
#endif
