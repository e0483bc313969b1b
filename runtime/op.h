/* The operator contract: what a folder kernels/<op>/ gives to the engine. See docs/contracts.md.
 *
 * An operator (anl__op) is device-free: attributes, shape inference, gradient, flops. A kernel (anl__kernel)
 * runs one operator on one device: it is asked whether it supports a case, prepared once (outside the step),
 * then run many times; it allocates nothing in run. A fusion (anl__fusion) rewrites a chain of nodes into
 * another operator before gradients are taken.
 *
 * Types. Activations have the graph's dtype (f32, bf16, f16; f64 for the oracle). Parameters, their gradients,
 * statistics, losses and sums are f32 (f64 in an f64 graph), whatever the activations are. Class labels are i32.
 * All tensors are dense row-major; images N,H,W,C; filters K,R,S,C (C = input channels / groups); dense weights (out, in).
 */
#ifndef ANL_OP_H
#define ANL_OP_H

#include "anneal.h"
#include "base/base.h"

#define ANL__MAX_IN 16
#define ANL__MAX_OUT 8
#define ANL__MAX_INTS 8
#define ANL__WHY 128 /* bytes of a refusal's reason */
#define ANL__MOST_AT_ONCE 64 /* steps that run_many is given */

/* ---- attributes ------------------------------------------------------------------------------ */

typedef enum anl__attr_type { ANL__INT, ANL__FLOAT, ANL__BOOL, ANL__ENUM, ANL__INTS } anl__attr_type;
typedef struct anl__attr_def {
    const char *name;
    anl__attr_type type;
    const char *def;     /* default as text ("1,1"); NULL: required */
    double min, max;     /* inclusive; both 0: no limit. For ANL__INTS each item */
    const char *choices; /* ANL__ENUM: "none|relu|tanh" */
    const char *help;
} anl__attr_def;
typedef struct anl__attr {
    int n;                     /* ANL__INTS: how many; a single number given for ANL__INTS has n = 1 */
    int64_t i[ANL__MAX_INTS];  /* ANL__INT, ANL__BOOL: i[0]; ANL__ENUM: i[0] = index into choices */
    double f;                  /* ANL__FLOAT (also set for ANL__INT) */
} anl__attr;

/* ---- one call of an operator: what infer, supports and prepare look at ----------------------- */

typedef struct anl__type {
    anl_dtype dtype;
    anl_shape shape; /* rank -1: an optional input that is absent */
} anl__type;

typedef struct anl__op anl__op;
typedef struct anl__call {
    const anl__op *op;
    const char *name; /* the node's stable name: keys dropout, names messages */
    anl_mode mode;
    int n_in, n_out;
    anl__type in[ANL__MAX_IN];
    anl__type out[ANL__MAX_OUT];
    bool param[ANL__MAX_IN];   /* in[i] is a parameter (or derived from parameters only): may be packed */
    bool accum[ANL__MAX_OUT];  /* out[j] += result instead of = (only for operators with accum_ok) */
    const anl__attr *attr;     /* in the schema's order */
} anl__call;

/* Attribute by name; an unknown name is a programming error: returns zeros. */
const anl__attr *anl__attr_get(const anl__call *c, const char *name);
int64_t anl__attr_int(const anl__call *c, const char *name);
double anl__attr_float(const anl__call *c, const char *name);
/* i-th of an ANL__INTS attribute; one number given stands for all. */
int64_t anl__attr_at(const anl__call *c, const char *name, int i);
static inline bool anl__has_in(const anl__call *c, int i) { return i < c->n_in && c->in[i].shape.rank >= 0; }

/* For infer: messages name shapes; the engine puts "layer 'name' (op): " before them. */
anl_status anl__need_rank(anl_ctx *ctx, const anl__call *c, int in, const char *what, int rank);
const char *anl__shape_text(const anl_shape *s, char buf[96]); /* "2x5x5x3" */
bool anl__shape_equal(const anl_shape *a, const anl_shape *b);
anl__type anl__type_of(anl_dtype t, int rank, const int64_t *dim);
/* f64 in an f64 graph, else f32: the type of parameters, sums and statistics beside activations of type t. */
static inline anl_dtype anl__wide(anl_dtype t) { return t == ANL_F64 ? ANL_F64 : ANL_F32; }

/* ---- gradients ------------------------------------------------------------------------------- */

/* What an operator's grad sees. It emits ordinary nodes and gives each needed input its contribution; what it
   reads (anl__grad_in, anl__grad_out) stays alive until then, all else dies after the forward pass. */
typedef struct anl__grad anl__grad;
const anl__call *anl__grad_call(const anl__grad *g);
anl_value anl__grad_in(const anl__grad *g, int i);   /* forward input */
anl_value anl__grad_out(const anl__grad *g, int j);  /* forward output */
anl_value anl__grad_dout(const anl__grad *g, int j); /* gradient of output j; ANL_NONE when nothing depends on it */
bool anl__grad_needs(const anl__grad *g, int i);     /* input i leads to a parameter (or a wanted input) */
/* Adds a node to the backward graph; attrs_of: copy same-named attributes from the forward call (usually true),
   then `attrs` text overrides. Returns the first output. */
anl_value anl__grad_node(anl__grad *g, const char *op, const anl_value *in, int n_in, bool attrs_of, const char *attrs, ...) ANL_FORMAT(6, 7);
anl_value anl__grad_node_output(anl__grad *g, anl_value first, int j);
void anl__grad_give(anl__grad *g, int i, anl_value dvalue); /* contribution to the gradient of input i */

struct anl__op {
    const char *name;
    int min_in, max_in;          /* inputs past min_in are optional (ANL_NONE) */
    const anl__attr_def *attrs;  /* ended by a NULL name; NULL: none */
    /* Checks in[] and attributes, sets n_out and out[]. Must refuse every case that no kernel could run. */
    anl_status (*infer)(anl_ctx *ctx, anl__call *c);
    /* NULL: has no gradient; an error at compile if one is needed. */
    anl_status (*grad)(anl__grad *g);
    /* Multiply-adds count 2. NULL: 0. */
    double (*flops)(const anl__call *c);
    bool accum_ok;     /* every kernel of it honours accum[0] (out[0] += result) */
    bool cheap;        /* out[0] may be computed twice rather than kept for the backward pass (recompute.c) */
    bool view;         /* out[0] is in[0]'s bytes under another shape (reshape) */
    uint32_t mutates;  /* bit i: in[i] is written in place (slabs, states) */
    bool random;       /* reads the rng block (last input): see anl__rng */
    const char *help;  /* one line for `anneal explain --ops` */
    /* Running statistics: in training, out[running_out] (if the node has it; f32, linear in the number of samples) is added over shards with
       the gradients, and once a step operator `running` is called with (the buffers among this operator's inputs, in
       order; the added statistic; the number of samples) and this operator's same-named attributes. */
    const char *running;
    int running_out;
};

/* The rng block: an i32[8] device scalar, last input of `random` operators. */
enum { ANL__RNG_SEED_LO, ANL__RNG_SEED_HI, ANL__RNG_STEP, ANL__RNG_EPOCH, ANL__RNG_SAMPLE0, ANL__RNG_FIRST /* position in the epoch of the batch's first sample */, ANL__RNG_WORDS = 8 };
/* The dropout counter (philox.h): c0 = feature/4, c1 = sample in the global batch (SAMPLE0 + row), c2 = step,
   c3 = STREAM_DROPOUT ^ name_hash(node name); feature = index inside the sample's row-major elements; word feature%4. */

/* The hyper block: an f32[ANL_HYPER_WORDS] device scalar that whole-slab updates and loss seeds read. STEP counts from
   1; BIAS1 and BIAS2 are 1 - BETA1^STEP and 1 - BETA2^STEP (Adam's corrections), computed by the host in double. */
typedef enum anl__hyper {
    ANL__HYPER_LR, ANL__HYPER_LOSS_SCALE, ANL__HYPER_CLIP_NORM /* 0: none */, ANL__HYPER_CLIP_VALUE /* 0: none */,
    ANL__HYPER_WEIGHT_DECAY, ANL__HYPER_MOMENTUM, ANL__HYPER_NESTEROV /* 0 or 1 */, ANL__HYPER_BETA1, ANL__HYPER_BETA2,
    ANL__HYPER_EPS, ANL__HYPER_RHO, ANL__HYPER_STEP, ANL__HYPER_BIAS1, ANL__HYPER_BIAS2, ANL__HYPER_EMA_DECAY,
    ANL__HYPER_DAMPENING, ANL__HYPER_CENTERED
} anl__hyper;

/* What a device keeps for whole steps, so that the host need not be asked between them (kernels/step). A tape, i32: word 0 is the next
   row, rows begin at word ANL__TAPE_HEAD; a row is what the scalars (rng block, hyper block) are in its step. A ring, f32 rows of
   ANL__RING_WORDS: what a step gave. */
enum { ANL__TAPE_HEAD = 16 };
enum { ANL__RING_NUM, ANL__RING_DEN, ANL__RING_CORRECT, ANL__RING_FINITE, ANL__RING_NORM, ANL__RING_BAD /* first parameter whose gradient is not finite; -1: none */,
       ANL__RING_OVERFLOW, ANL__RING_SCALE /* after the step; 0: none */, ANL__RING_WORDS };
/* The verdict of grad_stats on the reduced gradient, f32[4]. Overflow: it is not finite, but would be under a smaller loss scale. */
enum { ANL__STAT_FINITE, ANL__STAT_FACTOR, ANL__STAT_NORM, ANL__STAT_OVERFLOW };
/* The scale block: an f32[ANL__SCALE_WORDS] device scalar of f16 programs, a second factor of the loss seed beside LOSS_SCALE. It stays on
   the device: the update program moves it by its own verdict (operator loss_scale), and a checkpoint holds it. */
enum { ANL__SCALE_NOW, ANL__SCALE_GOOD /* steps since it last moved or a step was bad */, ANL__SCALE_SKIPPED /* steps, for its sake */, ANL__SCALE_WORDS = 4 };

/* ---- kernels --------------------------------------------------------------------------------- */

typedef struct anl__pool anl__pool;
typedef struct anl__segment { /* one parameter inside the slabs; offsets and counts in elements */
    const char *name;
    int64_t offset, count;
    float decay; /* 1: weight decay applies, 0: it does not */
    float rate;  /* factor on the learning rate */
} anl__segment;

/* What is fixed for a program while kernels are chosen and prepared. */
typedef struct anl__env {
    anl_ctx *ctx;
    anl_device *device;
    anl__pool *pool;   /* cpu devices; NULL elsewhere */
    int workers;       /* size of the pool; never an input of what is computed */
    bool deterministic;
    int slices;        /* sample-wise kernels: the number of slices a batch is cut into (from shapes alone) */
    const anl__segment *segment; /* the parameter slab, for whole-slab updates */
    int n_segments;
    int64_t slab_count; /* elements of the parameter slab, padding included */
} anl__env;

typedef struct anl__kernel anl__kernel;
/* A prepared kernel: can be printed, planned and tested alone. */
typedef struct anl__prepared {
    const anl__kernel *kernel;
    anl__call call;
    void *state;      /* the kernel's own */
    size_t workspace; /* bytes, planned for the duration of the node */
    size_t aside;     /* bytes for a result that is not in out[0]'s form, until kernel->bring has it there */
    int tasks;        /* kernels with `task`: how many; for sample-wise kernels env->slices (or fewer rows) */
    char note[64];    /* algorithm chosen, for `explain` */
} anl__prepared;

/* One run. Pointers are in the call's order; an absent optional input is NULL. */
typedef struct anl__run {
    void *const *in;
    void *const *out;
    void *ws;
    anl__pool *pool;
    anl_device *device;
    void *aside;
    const anl__prepared *covered;       /* a step that this kernel does too (anl__kernel.covers), and that step's own run; NULL: none */
    const struct anl__run *covered_run;
} anl__run;

/* Something to be written to dst from src, both on the device; one of several that are made together. */
typedef struct anl__copy { const void *state, *src; void *dst; } anl__copy;
enum { ANL__MOST_COPIES = 128 }; /* in one call */
typedef anl_status anl__copy_all(anl_device *dev, const anl__copy *list, int n);

/* A parameter in a layout and dtype of the kernel's own: the engine keeps it beside the slab and makes it again
   when parameters have changed. Equal keys on one parameter share one copy. */
typedef struct anl__pack {
    char key[96];  /* describes the layout completely ("" = plain) */
    size_t bytes;
    void *state;   /* passed to run and release */
    anl_status status; /* why there is none (pack returned false); ANL_OK: the kernel wants this input plain */
    /* Writes dst from the plain f32 parameter; may use the pool. NULL: there is run_all, for all copies that have it in common (in one launch). */
    void (*run)(void *state, const void *src, void *dst, anl__pool *pool);
    anl__copy_all *run_all;
    void (*release)(anl_ctx *ctx, void *state);
} anl__pack;

struct anl__kernel {
    const char *op;
    const char *device;
    const char *name; /* for `explain`: "conv2d_fwd/dnnl" */
    int rank;         /* higher is tried first; the reference has 0 */
    /* False with the reason in `why`. NULL: supports everything the operator's infer accepts. */
    bool (*supports)(const anl__env *env, const anl__call *c, char why[ANL__WHY]);
    /* Asked for each parameter input: fills `pack` and returns true to receive that input packed. NULL: none.
       A failure is reported by returning false with pack->status set. */
    bool (*pack)(const anl__env *env, const anl__call *c, int in, anl__pack *pack);
    /* For an output that only the operator's own gradient reads: a kernel that keeps something of its own there puts its type into c->out[j], and
       the gradient's kernels, which see that type, take what is theirs. Asked before prepare. NULL: outputs are as inferred. */
    anl_status (*keep)(const anl__env *env, anl__call *c);
    /* Sets p->state, workspace, tasks, note (p->call is filled). NULL: nothing to prepare. */
    anl_status (*prepare)(const anl__env *env, anl__prepared *p);
    /* Either run, or task (+ finish). */
    anl_status (*run)(const anl__prepared *p, const anl__run *r);
    /* n steps of this kernel that follow each other in a program and touch nothing that another of them writes, in one go: the same bits as `run` of each.
       NULL: they are run one by one. */
    anl_status (*run_many)(const anl__prepared *const *p, const anl__run *r, int n);
    /* For nodes with p->aside, after run: each copy's state is the anl__prepared, src the run's aside, dst its out[0]. It may be left to the end of the
       program, where nothing in it reads out[0], for several nodes at once; the order changes nothing. */
    anl__copy_all *bring;
    /* Task t of p->tasks, on some worker; may run beside other tasks. A sample-wise kernel's task t touches only
       rows [anl__slice_begin(N, tasks, t), anl__slice_begin(N, tasks, t + 1)) of batched inputs and outputs, so
       that the engine may run a chain of such kernels slice by slice. */
    void (*task)(const anl__prepared *p, const anl__run *r, int task, int worker);
    /* After all tasks: adds partial sums in a fixed tree. May use r->pool. */
    void (*finish)(const anl__prepared *p, const anl__run *r);
    /* After finish: a second sweep over the same tasks, by the rules of `task`, for what needs the sums of all samples. All
       outputs but those of finish_outs may be left to it. NULL: none. */
    void (*after)(const anl__prepared *p, const anl__run *r, int task, int worker);
    /* Kernels with `run`: does it also the work of step `other`? Asked of the step just before it, if this kernel alone reads other's one output, as its
       input `in`: that output need not be written. And, in -1, of steps without inputs whose output nobody reads in this program: it must be. NULL: never. */
    bool (*covers)(const anl__prepared *p, const anl__prepared *other, int in);
    void (*release)(anl_ctx *ctx, anl__prepared *p);
    bool samplewise;
    uint32_t finish_outs; /* bit j: out[j] is complete only after finish */
    /* out[j] may share memory with in[inplace[j] - 1]; 0: it may not. */
    uint8_t inplace[ANL__MAX_OUT];
};

static inline int64_t anl__slice_begin(int64_t n, int slices, int t)
{
    int64_t q = n / slices, rest = n % slices;
    return q * t + (t < rest ? t : rest);
}

/* ---- fusions --------------------------------------------------------------------------------- */

typedef struct anl__rewrite anl__rewrite;
#define ANL__MAX_CHAIN 4
typedef struct anl__fusion {
    const char *name;
    unsigned modes;                      /* bit ANL_TRAIN, bit ANL_EVAL */
    int rank;                            /* higher is tried first (longer patterns before shorter) */
    const char *chain[ANL__MAX_CHAIN];   /* operator names, first to last: output 0 of each is read only by the next */
    const char *makes;                   /* operator that must exist; the pattern is dropped when absent */
    /* node[k]: the chain's nodes. Builds the replacement with anl__rewrite_node and returns true, or declines. */
    bool (*apply)(anl__rewrite *rw, const int *node);
} anl__fusion;
const anl__call *anl__rewrite_call(anl__rewrite *rw, int node);
anl_value anl__rewrite_in(anl__rewrite *rw, int node, int i);
anl_value anl__rewrite_out(anl__rewrite *rw, int node, int j);
/* Does anybody read this output (other than the chain)? */
bool anl__rewrite_is_read(anl__rewrite *rw, anl_value v);
/* A new node at the chain's end with the name and the same-named attributes of chain node `like`; `attrs` text
   overrides. Returns its first output. */
anl_value anl__rewrite_node(anl__rewrite *rw, const char *op, int like, const anl_value *in, int n_in, const char *attrs, ...) ANL_FORMAT(6, 7);
anl_value anl__rewrite_node_output(anl__rewrite *rw, anl_value first, int j);
/* Readers of `old` now read `now`. */
void anl__rewrite_replace(anl__rewrite *rw, anl_value old, anl_value now);

/* ---- the generated table --------------------------------------------------------------------- */

extern const anl__op *const *const anl__op_table[];          /* each ended by NULL, the list too */
extern const anl__kernel *const *const anl__kernel_table[];
extern const anl__fusion *const *const anl__fusion_table[];
const anl__op *anl__op_find(const char *name);               /* NULL: unknown */

#endif
