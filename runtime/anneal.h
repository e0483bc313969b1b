/* Anneal: a deep-learning training engine. This is the one public header.
 *
 * Conventions
 * - Every call that can fail returns anl_status; results go through the last parameters and are
 *   untouched on failure. The message, complete enough to show to a person, is in the context:
 *   anl_last_error(ctx). The library never prints and never ends the process.
 * - A context and everything made from it belong to one thread at a time.
 * - Sizes in bytes are size_t, counts of elements int64_t. Shapes are row-major, outermost first:
 *   images N,H,W,C; filters K,R,S,C (out, height, width, in); dense weights (out, in).
 * - create/destroy: heap handles, destroy(NULL) is allowed. "borrowed" pointers live as long as their owner.
 */
#ifndef ANNEAL_H
#define ANNEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ANL_VERSION_MAJOR 0
#define ANL_VERSION_MINOR 1
#define ANL_VERSION_PATCH 0
#define ANL_VERSION "0.1.0"

/* ---- status ---------------------------------------------------------------------------------- */

/* X(NAME, value, text): one list gives the enum, anl_status_name and anl_status_text. */
#define ANL_STATUS_LIST(X)                                                                         \
    X(OK, 0, "success")                                                                            \
    X(NOMEM, -1, "out of host memory")                                                             \
    X(DEVICE_NOMEM, -2, "out of device memory")                                                    \
    X(INVALID, -3, "invalid argument")                                                             \
    X(SHAPE, -4, "shapes do not fit")                                                              \
    X(UNSUPPORTED, -5, "not supported")                                                            \
    X(IO, -6, "input or output failed")                                                            \
    X(FORMAT, -7, "malformed file")                                                                \
    X(DATA, -8, "bad data")                                                                        \
    X(DEVICE, -9, "device failed")                                                                 \
    X(COMM, -10, "communicator failed")                                                            \
    X(NONFINITE, -11, "a value is not finite")                                                     \
    X(CANCELLED, -12, "cancelled")                                                                 \
    X(RECIPE, -13, "recipe error")                                                                 \
    X(LOCKED, -14, "in use by another process")                                                    \
    X(MISMATCH, -15, "does not match")                                                             \
    X(INTERNAL, -16, "internal error (a bug in Anneal)")

#define ANL_STATUS_ENUM(name, value, text) ANL_##name = value,
typedef enum anl_status { ANL_STATUS_LIST(ANL_STATUS_ENUM) } anl_status;
#undef ANL_STATUS_ENUM

#if defined(__GNUC__)
#define ANL_MUST __attribute__((warn_unused_result))
#define ANL_FORMAT(f, a) __attribute__((format(printf, f, a)))
#else
#define ANL_MUST
#define ANL_FORMAT(f, a)
#endif

const char *anl_status_name(anl_status s); /* "SHAPE"; "?" for an unknown value */
const char *anl_status_text(anl_status s);
const char *anl_version(void); /* "0.1.0" */

/* ---- context --------------------------------------------------------------------------------- */

typedef struct anl_ctx anl_ctx;

typedef enum anl_log_level { ANL_LOG_DEBUG, ANL_LOG_INFO, ANL_LOG_WARN } anl_log_level;
/* Called on the context's thread; text is one line without a newline. */
typedef void (*anl_log_fn)(void *user, anl_log_level level, const char *text);

/* NULL only when no memory could be had. */
anl_ctx *anl_ctx_create(void);
void anl_ctx_destroy(anl_ctx *ctx);
void anl_ctx_set_log(anl_ctx *ctx, anl_log_fn fn, void *user);
/* The message of the last failure; "" if there was none. Borrowed, valid until the next failure. */
const char *anl_last_error(const anl_ctx *ctx);

/* ---- element types --------------------------------------------------------------------------- */

typedef enum anl_dtype {
    ANL_F32, ANL_F64, ANL_BF16, ANL_F16, ANL_I32, ANL_U8, ANL_DTYPE_COUNT
} anl_dtype;
size_t anl_dtype_size(anl_dtype t);      /* bytes */
const char *anl_dtype_name(anl_dtype t); /* "f32", "f64", "bf16", "f16", "i32", "u8" */

#define ANL_MAX_RANK 6
typedef struct anl_shape {
    int rank; /* 0: a scalar */
    int64_t dim[ANL_MAX_RANK];
} anl_shape;
int64_t anl_shape_count(const anl_shape *s); /* elements; 1 for a scalar */

/* ---- devices --------------------------------------------------------------------------------- */

typedef struct anl_device anl_device;
typedef struct anl_device_opts {
    int threads;        /* cpu: workers including the caller; 0: the CPUs this process may use */
    bool deterministic; /* only kernels whose bits repeat (default true) */
    bool tune;          /* cuda: convolutions' plans, algorithms of recurrent layers and of products are timed, and the fastest acceptable one is taken */
    const char *plans;  /* cuda: what was measured before (the device's text), taken instead of measuring again; NULL: nothing. Copied */
    const char *plan_dir; /* cuda: where chosen plans are kept from one process to the next; NULL: nowhere. Copied */
    int index;          /* cuda: which of the GPUs that the process sees, from 0 */
    bool tf32;          /* f32 products may round what they multiply to TF32 (default false); refused where there is none */
} anl_device_opts;
anl_device_opts anl_device_opts_default(void);
/* name: "cpu", "reference", "null" (counts calls), "cuda", or "auto" (the best that works here). */
anl_status anl_device_open(anl_ctx *ctx, const char *name, const anl_device_opts *opts, anl_device **out) ANL_MUST;
void anl_device_close(anl_device *dev);
int anl_device_count(anl_ctx *ctx, const char *name); /* how many of that kind anl_device_opts.index may name; 0: none */
const char *anl_device_name(const anl_device *dev);

/* ---- graphs ---------------------------------------------------------------------------------- */

/* A graph is built once for one batch size and mode, then compiled into a program. Builder calls need no
 * check one by one: the first failure sticks to the graph, later calls return ANL_NONE, and compiling
 * (or anl_graph_status) returns it. */
typedef struct anl_graph anl_graph;
typedef int32_t anl_value; /* a value of one graph */
#define ANL_NONE ((anl_value)-1)

typedef enum anl_mode { ANL_TRAIN, ANL_EVAL } anl_mode;
/* dtype: of the activations (ANL_F32, ANL_BF16, ANL_F16; ANL_F64 on the reference device only). Parameters and their
   gradients are f32 (f64 in an f64 graph). */
anl_status anl_graph_create(anl_ctx *ctx, anl_mode mode, anl_dtype dtype, anl_graph **out) ANL_MUST;
void anl_graph_destroy(anl_graph *g);
anl_status anl_graph_status(const anl_graph *g);
anl_mode anl_graph_mode(const anl_graph *g);
anl_dtype anl_graph_dtype(const anl_graph *g);

/* How a parameter is first filled; numbers are drawn from (seed, parameter's name, element index). */
typedef enum anl_init_kind { ANL_INIT_CONSTANT, ANL_INIT_UNIFORM, ANL_INIT_NORMAL } anl_init_kind;
typedef struct anl_init {
    anl_init_kind kind;
    double a; /* constant: the value; uniform: drawn from [-a, a]; normal: standard deviation */
} anl_init;

anl_value anl_input(anl_graph *g, const char *name, anl_dtype dtype, int rank, const int64_t *dim);
typedef enum anl_param_flags { ANL_PARAM_DECAY = 1, ANL_PARAM_FROZEN = 2 } anl_param_flags;
/* A trained tensor; ANL_PARAM_DECAY: weight decay applies to it (not for biases and norms); ANL_PARAM_FROZEN:
   it never moves, no gradient is computed for it, nor for what only leads to it. */
anl_value anl_param(anl_graph *g, const char *name, int rank, const int64_t *dim, anl_init init, unsigned flags);
/* Before the graph is built: parameters of these n names will be frozen, whatever their builder says. The list
   is borrowed until the graph is built. */
void anl_graph_freeze(anl_graph *g, const char *const *name, int n);
bool anl_param_is_frozen(const anl_graph *g, anl_value param);
/* A tensor kept with the model but not trained (running statistics), f32. */
anl_value anl_buffer(anl_graph *g, const char *name, int rank, const int64_t *dim, double fill);
/* Adds a node; returns its first output. attrs is printf-formatted "key=value key=1,2" checked against the
   operator's schema (`anneal explain --ops` lists them); NULL for none. A missing optional input is ANL_NONE. */
anl_value anl_node(anl_graph *g, const char *op, const char *name, const anl_value *in, int n_in, const char *attrs, ...) ANL_FORMAT(6, 7);
anl_value anl_node_output(anl_graph *g, anl_value first, int index); /* the index-th output of the same node */
anl_shape anl_value_shape(const anl_graph *g, anl_value v);          /* rank -1 for ANL_NONE */
anl_dtype anl_value_dtype(const anl_graph *g, anl_value v);
anl_ctx *anl_graph_ctx(const anl_graph *g);
int anl_graph_node_count(const anl_graph *g);
/* Puts "<where>: " before the message of a failed graph; NULL changes nothing. */
void anl_graph_context(anl_graph *g, const char *where);
/* Fails the graph with a message of the caller's (a model builder's own checks). */
void anl_graph_fail(anl_graph *g, anl_status code, const char *fmt, ...) ANL_FORMAT(3, 4);

/* What the program is for. A loss is a numerator and a denominator (scalars, f32): the loss shown is
   sum(num)/sum(den) over the batch, its gradient that of num divided by the summed den. The update divides by the
   first loss's; the gradients of the others are scaled by what their own den is to it, a shard's each: exact
   wherever the two are in proportion (both count samples), and over one shard. */
void anl_loss(anl_graph *g, const char *name, anl_value num, anl_value den, double weight);
/* A scalar that is added over shards and batches (metrics). */
void anl_sum(anl_graph *g, const char *name, anl_value scalar);
/* A tensor that can be read after a run. */
void anl_output(anl_graph *g, const char *name, anl_value v);

/* ---- nets and programs ----------------------------------------------------------------------- */

/* A net holds what programs share on one device: the parameter table, the slabs (parameters, reduced
 * gradients and sums, moments, buffers, averaged parameters), the scalars and one arena as large as the
 * largest program needs. Life: create, compile every program, anl_net_finish (allocates), anl_net_init or
 * load, run. Nothing is allocated after anl_net_finish. */
typedef struct anl_net anl_net;
typedef struct anl_program anl_program;

anl_status anl_net_create(anl_device *dev, anl_net **out) ANL_MUST;
void anl_net_destroy(anl_net *net); /* destroys its programs too */

typedef struct anl_compile_opts {
    bool backward;   /* append the gradients of the losses (default: the graph's mode is ANL_TRAIN) */
    bool rewrite;    /* fusions (default true) */
    bool recompute;  /* what is cheap is computed again in the backward pass rather than kept (default false): less memory, the same bits */
    bool plan;       /* share memory by lifetime (default true); false: each tensor has its own, to bisect a bug */
    int slices;      /* 0: from shapes */
    const char *kernel; /* only kernels whose name starts with this, where one supports the case; NULL: no preference */
} anl_compile_opts;
anl_compile_opts anl_compile_opts_default(const anl_graph *g);
/* Takes the graph (destroyed with the program, or on failure). The first program that names a parameter or buffer
   defines it; later ones must agree (ANL_MISMATCH names it). */
anl_status anl_program_compile(anl_net *net, anl_graph *g, const anl_compile_opts *opts, anl_program **out) ANL_MUST;
/* Fixes the slabs' layout (called by anl_net_finish if it was not before); no parameter may be added afterwards. */
anl_status anl_net_layout(anl_net *net) ANL_MUST;
/* moments: how many moment slabs; grad_slabs: how many reduced-gradient slabs (0 for evaluation only); ema: averaged parameters. */
anl_status anl_net_finish(anl_net *net, int moments, int grad_slabs, bool ema) ANL_MUST;
/* Fills parameters (from seed and name) and buffers. */
anl_status anl_net_init(anl_net *net, uint64_t seed) ANL_MUST;

/* Slabs are f32. Parameter i lies at offset (elements) in the PARAM, GRAD, MOMENT and EMA slabs; gaps are zero. Frozen ones lie
   behind the others, and the GRAD and MOMENT slabs end before them. */
typedef enum anl_slab { ANL_SLAB_PARAM, ANL_SLAB_BUFFER, ANL_SLAB_EMA, ANL_SLAB_GRAD0, ANL_SLAB_MOMENT0 = ANL_SLAB_GRAD0 + 24, ANL_SLAB_COUNT = ANL_SLAB_MOMENT0 + 4 } anl_slab;
typedef struct anl_tensor_info {
    const char *name; /* borrowed from the net */
    anl_shape shape;
    int64_t offset, count;
    unsigned flags; /* anl_param_flags; 0 for buffers */
} anl_tensor_info;
int anl_net_param_count(const anl_net *net);
anl_tensor_info anl_net_param(const anl_net *net, int i);
int anl_net_buffer_count(const anl_net *net);
anl_tensor_info anl_net_buffer(const anl_net *net, int i);
int64_t anl_net_slab_count(const anl_net *net, anl_slab slab); /* elements; 0 when absent */
void *anl_net_slab_data(anl_net *net, anl_slab slab);          /* device memory, borrowed */
/* Copies between the host and a slab; writing the PARAM, EMA or BUFFER slab makes packed copies stale. */
anl_status anl_net_slab_read(anl_net *net, anl_slab slab, int64_t offset, int64_t count, float *host) ANL_MUST;
anl_status anl_net_slab_write(anl_net *net, anl_slab slab, int64_t offset, int64_t count, const float *host) ANL_MUST;

/* Sums (losses' num and den, anl_sum): scalars at the end of each GRAD slab, added over shards with the gradients. */
int anl_net_sum_count(const anl_net *net);
const char *anl_net_sum_name(const anl_net *net, int i); /* "loss.num", "loss.den", "correct", ... */
int64_t anl_net_sum_offset(const anl_net *net, int i);   /* element offset in a GRAD slab */

/* GRAD slab `dst` of net += GRAD slab `src` of src_net (gradients, statistics and sums): one addition of the shard tree. */
anl_status anl_net_grad_add(anl_net *net, int dst, anl_net *src_net, int src) ANL_MUST;

/* The random block: what dropout and its like are keyed by. */
anl_status anl_net_set_rng(anl_net *net, uint64_t seed, int64_t step, int64_t epoch, int64_t sample0) ANL_MUST;
#define ANL_HYPER_WORDS 32
anl_status anl_net_set_hyper(anl_net *net, const float hyper[ANL_HYPER_WORDS]) ANL_MUST;

#define ANL_MAX_INPUTS 16
typedef struct anl_bind {
    const void *input[ANL_MAX_INPUTS]; /* device memory, in the order of the graph's anl_input calls */
    int grad_slab;                     /* which GRAD slab this run writes (training) or updates from */
    bool ema;                          /* read the EMA slab instead of PARAM */
} anl_bind;
anl_status anl_program_run(anl_program *p, const anl_bind *bind) ANL_MUST;
/* An output's device memory, valid until the next run of any program of the net; NULL if there is none of that name. */
const void *anl_program_output(const anl_program *p, const char *name, anl_dtype *dtype, anl_shape *shape);

typedef struct anl_program_stats {
    int nodes, derived_nodes;
    size_t arena_bytes;     /* planned */
    size_t live_peak_bytes; /* lower bound: the most that is alive at once */
    size_t sum_bytes;       /* without sharing */
    size_t workspace_bytes; /* largest */
    size_t derived_bytes;   /* packed parameters */
    double flops;
} anl_program_stats;
void anl_program_get_stats(const anl_program *p, anl_program_stats *out);
/* Text for `explain`: a line a node with shape, kernel, bytes, and why better kernels said no. Freed with anl_text_free. */
anl_status anl_program_explain(const anl_program *p, char **text) ANL_MUST;
/* Times each node over `runs` runs (medians); the same table with microseconds. */
anl_status anl_program_profile(anl_program *p, const anl_bind *bind, int runs, char **text) ANL_MUST;
void anl_text_free(anl_ctx *ctx, char *text);

#ifdef __cplusplus
}
#endif
#endif
