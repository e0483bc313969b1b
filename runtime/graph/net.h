/* A net's inside: the tables and memory that its programs share. */
#ifndef ANL_NET_H
#define ANL_NET_H

#include "passes.h"

/* Where bytes lie at run time. */
typedef enum anl__store {
    ANL__STORE_NONE, ANL__STORE_ARENA, ANL__STORE_DERIVED, ANL__STORE_PARAM, ANL__STORE_BUFFER, ANL__STORE_GRAD,
    ANL__STORE_SCALAR, ANL__STORE_INPUT, ANL__STORE_EMA, ANL__STORE_MOMENT, ANL__STORE_COUNT = ANL__STORE_MOMENT + 4
} anl__store;
typedef struct anl__ref {
    anl__store store;
    size_t offset; /* bytes; ANL__STORE_INPUT: the input's index. PARAM, BUFFER, GRAD before the layout: the entry's
                      number in its table (with ANL__SUM_ENTRY: in the table of sums), or ANL__WHOLE_SLAB */
} anl__ref;
#define ANL__SUM_ENTRY ((size_t)1 << 40)
#define ANL__WHOLE_SLAB (ANL__SUM_ENTRY - 1)

typedef struct anl__entry { /* a parameter, buffer or sum of the net */
    char *name;
    anl_shape shape;
    int64_t offset, count;
    unsigned flags;
    anl_init init;
} anl__entry;
typedef struct anl__registry {
    anl__entry *entry;
    int64_t n, cap;
} anl__registry;

typedef struct anl__running { /* statistics that move buffers once a step */
    const anl__op *op;        /* the operator that moves them */
    anl__attr *attr;          /* of the operator that measures them; owned */
    const anl__op *from;
    int stat;                 /* entry in net->sum */
    int n_buffer;
    int buffer[4];            /* entries in net->buffer */
} anl__running;

typedef struct anl__packed { /* a parameter in a kernel's layout; shared by equal requests */
    int param;               /* entry in net->param; -1: a derived value of `program` */
    const anl_program *program;
    anl_value value;
    anl__pack pack;
    size_t offset;           /* bytes in the derived memory */
    int64_t version;         /* of the parameters it was made from */
} anl__packed;

struct anl_net {
    anl_ctx *ctx;
    anl_device *device;
    anl_dtype elem; /* f32; f64 when the graphs are */
    anl__registry param, buffer, sum;
    anl__running *running;
    int64_t n_running, cap_running;
    anl__packed *packed;
    int64_t n_packed, cap_packed;
    anl__segment *segment; /* [n_segment]: the parameters that are not frozen */
    int n_segment;
    bool laid_out, finished;
    int64_t param_count, buffer_count; /* elements with padding */
    int64_t moving_count; /* of the parameters that are not frozen: they lie before the others, and only they have gradients and moments */
    int64_t grad_count;   /* moving parameters, then sums */
    void *slab[ANL_SLAB_COUNT];
    int64_t slab_count[ANL_SLAB_COUNT];
    void *arena, *derived, *scalar;
    bool recording; /* programs that run are being recorded, perhaps several as one: they enqueue, and record nothing of their own */
    bool unrecorded; /* the device could not record something, and a warning said so */
    size_t arena_bytes, derived_bytes;
    int64_t version; /* of parameters and buffers; moves with every write */
    anl_program **program;
    int64_t n_program, cap_program;
    anl_program *grad_add; /* dst += src over GRAD slabs; among `program` */
};

#define ANL__SCALAR_HYPER 64   /* byte offset of the hyper block; the rng block is at 0 */
#define ANL__SCALAR_SCALE 192  /* of the scale block, behind what a tape writes */

typedef struct anl__step {
    anl__prepared prep;
    const char *name;
    anl__ref in[ANL__MAX_IN], out[ANL__MAX_OUT], ws, aside;
    bool waits; /* what is aside is brought at the end of the program, with others' */
    anl__ref copy_from; /* accumulate on a copy of this: out[0]'s bytes come from here first */
    size_t copy_bytes;
    int chain;     /* steps in the last chain that begins here, run slice by slice or all at once; 1: alone; 0: inside one */
    const struct anl__step *covered_by; /* the step whose kernel does this one too; NULL: none */
    bool backward;
    char *refused; /* why better kernels said no; arena of the graph */
} anl__step;

/* A kernel's task or after, over all slices: what chains are made of. */
typedef struct anl__sweep {
    int step;
    bool after;
    int chain; /* sweeps in the chain that begins here; 0: inside one. A step that covers another is followed by it, a chain of two */
    bool small; /* the chain is done sooner than a worker wakes: it stays on the caller */
} anl__sweep;
#define ANL__MOST_CHAIN 32

/* A device that records: what a program enqueues, by what it is bound to. The first run is not recorded: kernels are loaded then. */
typedef struct anl__recorded {
    anl_bind bind;
    void *recording;
    bool refused; /* the device could not: run step by step */
} anl__recorded;
#define ANL__MOST_RECORDED 8

struct anl_program {
    anl_net *net;
    anl_graph *graph; /* owned */
    anl_compile_opts opts;
    anl__step *step, *derived;
    int n_step, n_derived;
    anl__sweep *sweep, *derived_sweep; /* of the steps, in order */
    int n_sweep, n_derived_sweep;
    anl__ref *ref;    /* by value */
    int *pack;        /* indices into net->packed, in order */
    int n_pack;
    int64_t derived_version;
    bool writes_param;
    anl__recorded recorded[ANL__MOST_RECORDED];
    int n_recorded;
    anl_program_stats stats;
};

anl_status anl__registry_add(anl_net *net, anl__registry *t, const char *what, const anl__value *v, int *index) ANL_MUST;
int anl__registry_find(const anl__registry *t, const char *name); /* -1: none */
size_t anl__elem(const anl_net *net); /* bytes of a slab's element */

void anl__program_destroy(anl_program *p);
void anl__program_forget(anl_program *p); /* run.c: what was recorded */
/* run.c: what `enqueue` enqueues on the net's device becomes one recording, and is not done; replay does it, and counts as a change of parameters.
   *out NULL with ANL_OK: the device cannot record that. It has done none of it, a warning said why (once a net), and the caller enqueues it each time. */
anl_status anl__net_record(anl_net *net, anl_status (*enqueue)(void *arg), void *arg, void **out) ANL_MUST;
anl_status anl__net_replay(anl_net *net, void *recording) ANL_MUST;
/* net.c: dst += src over `count` elements of GRAD slabs, inputs 0 and 1, as a program so that the device's kernel does it. */
anl_status anl__net_compile_add(anl_net *net, int64_t count, const char *name, anl_program **out) ANL_MUST;
/* net.c: the words of the rng block. */
void anl__rng_words(int32_t words[ANL__RNG_WORDS], uint64_t seed, int64_t step, int64_t epoch, int64_t sample0);
/* The scale block (op.h); a new net's is 1. */
anl_status anl__net_set_scale(anl_net *net, const float scale[ANL__SCALE_WORDS]) ANL_MUST;
anl_status anl__net_get_scale(const anl_net *net, float scale[ANL__SCALE_WORDS]) ANL_MUST;
/* room.c: says of ANL_DEVICE_NOMEM what the net needs and what would fit, `slabs` bytes of it being parameters and the like;
   room: bytes that were free, 0: not known. Other codes as they are. */
anl_status anl__net_no_room(anl_net *net, anl_status st, size_t slabs, size_t room);
/* run.c: after the layout, entry numbers become byte offsets. */
void anl__program_resolve(anl_program *p);
/* explain.c: us (may be NULL): microseconds of each step. */
anl_status anl__explain(const anl_program *p, const double *us, char **text) ANL_MUST;
/* select.c: chooses and prepares a kernel for a node; `refused` collects the reasons of better ones. Values get the types that it keeps. */
anl_status anl__select(const anl__env *env, anl_graph *g, int node, const char *prefer, anl__step *step) ANL_MUST;
/* Registers (or finds) the packed copy that the step's kernel wants of input i; *index = -1: none. */
anl_status anl__select_pack(anl_program *p, const anl__env *env, const anl__step *step, int i, anl_value v, int *index) ANL_MUST;
/* cover.c: the step whose work the kernel of step s does too; -1: none. node_of: by step; last, copy: as in alias. */
int anl__covered(const anl_program *p, const int *node_of, const int *last, const bool *copy, int s);
/* alias.c: gives each value a root whose memory it shares; copy[k]: node k needs a copy of its accum input first.
   position[k]: of node k in the schedule (chains count as one); last[v]: last position at which v is read. */
anl_status anl__alias(anl_program *p, const int *position, int *last, anl_value *root, bool *copy) ANL_MUST;

#endif
