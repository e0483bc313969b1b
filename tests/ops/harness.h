/* The operator harness: what the modes of ops_driver share. A case (case.h) becomes a one-node graph; its
 * kernels are then run directly (direct.c) or through a program (gradient.c). Values live on the host in double,
 * rounded to what the run's types can hold, so that every run of a case sees the very same numbers.
 *
 * Not here: whole graphs, rewriting, planning; those have tests of their own.
 */
#ifndef ANL_TESTS_HARNESS_H
#define ANL_TESTS_HARNESS_H

#include "case.h"
#include "device.h"
#include "graph/graph.h"

/* ---- cases ----------------------------------------------------------------------------------- */

typedef enum spec_kind { SPEC_ABSENT, SPEC_ACTIVATION, SPEC_PARAM, SPEC_STAT, SPEC_I32, SPEC_U8, SPEC_RNG } spec_kind;
typedef enum spec_fill { FILL_SIGNED, FILL_POSITIVE, FILL_UNIT, FILL_DISTINCT, FILL_CONSTANT, FILL_BELOW } spec_fill;

typedef struct input_spec {
    spec_kind kind;
    spec_fill fill;
    int rank;
    int64_t dim[ANL_MAX_RANK];
    int64_t count;
    double value;  /* FILL_CONSTANT */
    int64_t limit; /* FILL_BELOW */
    bool nograd;
} input_spec;

typedef struct test_case {
    const anl__case *c;
    char label[256]; /* "conv2d[3] conv2d(stride=2; 2,5,5,3; param 4,3,3,3)" */
    int n_in;
    input_spec in[ANL__MAX_IN];
    double *value[ANL__MAX_IN]; /* unrounded; NULL for absent inputs */
} test_case;

/* Parses the case and draws its values (a function of folder and index only). rows: cuts a larger batch to so many
   samples; 0: as written. False with the reason in `why`. */
bool case_open(test_case *tc, const char *folder, int index, const anl__case *c, int64_t rows, char why[ANL__WHY]);
void case_close(test_case *tc);
bool spec_is_float(const input_spec *s);
/* The element type of an input in a graph of activations `t`. */
anl_dtype spec_dtype(const input_spec *s, anl_dtype t);
/* A fresh array [s->count] of the input's values rounded to its type in a graph of activations `t`. */
double *case_values(const test_case *tc, int i, anl_dtype t);

/* What the reference is run in: double; f32 for operators on nothing but slabs, statistics and scalars, which are f32 by
   contract (the formulas of updates are compared with PyTorch's in tests/golden). */
anl_dtype case_oracle_type(const test_case *tc);

/* The case as a one-node training graph. inputs: parameters become plain inputs too (gradients). On success
   *node is the node's index and in[] its values. The graph is made even when infer refuses: see anl_graph_status. */
anl_status case_graph(anl_ctx *ctx, const test_case *tc, anl_dtype t, bool inputs, anl_graph **g, anl_value in[ANL__MAX_IN],
                      anl_value *y);

/* ---- numbers --------------------------------------------------------------------------------- */

double draw(uint64_t key, uint32_t stream, int64_t i); /* uniform in (0, 1) */
double round_to(double v, anl_dtype t);
void encode(anl_dtype t, int64_t n, const double *v, void *bytes);
void decode(anl_dtype t, int64_t n, const void *bytes, double *v);
double unit_roundoff(anl_dtype t);
static const anl_dtype half_types[] = {ANL_BF16, ANL_F16};
enum { HALF_TYPES = sizeof half_types / sizeof *half_types };
static inline bool has_type(const anl_device *dev, anl_dtype t) { return !dev->vt->has_dtype || dev->vt->has_dtype(dev, t); }
void *must(void *p); /* ends the program when p is NULL: the harness ran out of memory */

/* ---- one kernel, run directly ---------------------------------------------------------------- */

typedef struct block { /* device memory of one tensor */
    anl_device *dev;
    void *p;
    size_t bytes;
} block;
bool block_open(block *b, anl_device *dev, size_t bytes);
void block_close(block *b);
bool block_write(block *b, const void *host);
bool block_read(const block *b, void *host);
void block_poison(block *b);      /* every byte 0xFF: NaN in every float type */
bool block_intact(const block *b); /* nothing was written past the end (host memory only) */

typedef struct direct {
    anl_ctx *ctx;
    anl_graph *g; /* owns the attributes of call */
    anl__call call;
    anl__env env;
    anl__prepared p;
    anl__segment segment[2];
    bool prepared, packed[ANL__MAX_IN];
    anl__pack pack[ANL__MAX_IN];
    block in[ANL__MAX_IN], packed_in[ANL__MAX_IN], out[ANL__MAX_OUT], ws, aside;
    bool shared[ANL__MAX_OUT]; /* out[j] lies in an input's memory (in-place run) */
    bool refused;              /* the kernel does not take this case; `why` was filled */
    const char *broken;        /* a broken rule of the contract found while running; NULL: none */
} direct;

typedef struct direct_opts {
    int slices;
    bool accum;   /* out[0] += result */
    bool inplace; /* share memory where the kernel allows it */
} direct_opts;

/* Prepares the kernel for this case. d->refused tells, with the reason in `why`, that the kernel does not take it; other
   failures have their message in the context. direct_close in any case. */
anl_status direct_open(direct *d, anl_ctx *ctx, const test_case *tc, anl_device *dev, const anl__kernel *k, anl_dtype t,
                       const direct_opts *o, char why[ANL__WHY]);
/* in[i]: values in double; base: what out[0] holds before an accumulating run (else NULL). Packs parameters,
   poisons outputs and workspace. */
anl_status direct_load(direct *d, double *const *in, const double *base);
anl_status direct_run(direct *d);
/* The kernel alone, timed; inputs are not checked. */
anl_status direct_time(direct *d, double *seconds);
/* Runs task `t` alone, on the caller; for kernels with tasks. */
void direct_task(direct *d, int t);
/* What the run left: outputs first, then the inputs that the operator writes in place. */
int direct_results(const direct *d);
anl__type direct_result_type(const direct *d, int r);
bool direct_result(const direct *d, int r, void *bytes); /* raw, of the result's type */
double *direct_result_values(const direct *d, int r);    /* a fresh array */
void direct_close(direct *d);

/* The reference kernel of an operator; NULL: none. */
const anl__kernel *reference_kernel(const char *op);

/* ---- modes ----------------------------------------------------------------------------------- */

typedef struct tally { int passed, failed, skipped; } tally;
typedef struct harness {
    anl_ctx *ctx;
    anl_device *reference;
    const char *only_device; /* NULL: all */
    bool verbose, large;
    tally sum;
} harness;

void report_pass(harness *h, const char *fmt, ...) ANL_FORMAT(2, 3);
void report_fail(harness *h, const char *fmt, ...) ANL_FORMAT(2, 3);
void report_skip(harness *h, const char *fmt, ...) ANL_FORMAT(2, 3);

void mode_infer(harness *h, const test_case *tc);
void mode_grad(harness *h, const test_case *tc);
void mode_device(harness *h, const test_case *tc);
void mode_determinism(harness *h, const test_case *tc);
void mode_bench(harness *h, const test_case *tc);

/* The device of that name with so many threads, open until devices_close; NULL: it does not open here. */
anl_device *device_get(harness *h, const char *name, int threads);
void devices_close(void);

#endif
