/* A stand-in for NVIDIA's driver: a libcuda.so.1 for tests, on which the real CUDA runtime, cuDNN, cuBLASLt and NCCL run their host code.
 *
 * It plays ANL_DRIVER_DEVICES (1) GPUs of the kind h200. Their memory is the host's, at addresses that the host cannot touch; copies and
 * memsets are done at once, in the order of the calls; kernels do nothing, but what they are launched with is held to the limits of the
 * GPU and of their own code, and every pointer among their arguments to the memory that is alive. What a real driver refuses is refused
 * with its code, above all in a capture; what it would not notice, but is wrong, is a line in the report.
 *
 * Environment: ANL_DRIVER_DEVICES, ANL_DRIVER_REPORT (a file; without it stderr), ANL_DRIVER_TRACE=1 (each call), ANL_DRIVER_MEMORY (MiB of a device),
 * ANL_DRIVER_LOST=D:N (after N launches a kernel of device D fails, and with it all that follows), ANL_DRIVER_ARCH (90) and ANL_DRIVER_VERSION (13000),
 * to be refused as another device or driver would be.
 */
#ifndef ANL_TEST_DRIVER_H
#define ANL_TEST_DRIVER_H

#include <cuda.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PLAYED __attribute__((visibility("default")))
#pragma GCC diagnostic ignored "-Wmissing-prototypes" /* older forms of functions are in no header */

enum { MOST_DEVICES = 16 };

/* Every call holds one lock, so the devices' state is that of one thread. Host functions are called without it. */
typedef struct held { int held; } held;
held driver_enter(const char *call);
void driver_leave(held *h);
#define ENTER __attribute__((cleanup(driver_leave))) held held_ = driver_enter(__func__)
int driver_out(void); /* around calls of host functions: what it gives goes to driver_in */
void driver_in(int depth);

/* ---- report.c -------------------------------------------------------------------------------- */
/* One line "FAULT: ..." with the call that it happened in; given back is `r`. */
CUresult fault(CUresult r, const char *format, ...) __attribute__((format(printf, 2, 3)));
CUresult refuse(CUresult r, const char *format, ...) __attribute__((format(printf, 2, 3))); /* as fault, where the caller is told: "REFUSED: ..." */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));                   /* where calls are traced */
void unplayed(const char *name);                                                            /* a function that is not there was called */
const char *caller_module(void *address);                                                   /* base name of the file that holds it */
typedef enum counted {
    N_LAUNCHES,
    N_LAUNCHES_CAPTURED,
    N_COOPERATIVE,
    N_LAUNCHES_REPLAYED,
    N_GRAPH_LAUNCHES,
    N_CAPTURES,
    N_COPIES,
    N_LEGACY,
    N_MODULES,
    N_LOADS_CAPTURED,
    N_COUNTED
} counted;
void count(counted what, int64_t n);
typedef enum kept { K_MEMORY, K_PINNED, K_STREAM, K_EVENT, K_GRAPH, K_EXEC, K_KEPT } kept;
void keep(kept what, const char *owner, int n); /* n more (or fewer) are alive that `owner` made */

/* ---- device.c -------------------------------------------------------------------------------- */
extern int device_count;
bool device_ready(void); /* cuInit was called */
size_t device_memory(void);
int device_arch(void); /* 90: compute capability 9.0 */
int device_attribute(CUdevice_attribute a, CUdevice dev, bool *known);
enum { SM_COUNT = 132, SHARED_STATIC = 49152, SHARED_OPTIN = 232448, SHARED_SM = 233472, REGISTERS = 65536 };

/* ---- context.c ------------------------------------------------------------------------------- */
typedef struct storage {
    void *key, *value;
    void (*gone)(CUcontext, void *, void *);
    struct storage *next;
} storage;
struct CUctx_st {
    unsigned magic;
    int device, references;
    unsigned flags;
    bool primary, active;
    uint64_t id;
    storage *storage;
    size_t limits[16];
    int captures; /* that are going on on its streams */
    bool peers[MOST_DEVICES];
    int64_t launches;
    bool lost; /* every call fails from now on, as after a failed kernel */
};
void context_launches(CUcontext c); /* one more; ANL_DRIVER_LOST=device:n makes the one after n the last */
CUcontext context_current(void);
CUcontext context_primary(int device);
bool context_is(CUcontext c);
/* What every call with a context begins with. */
#define NEED_CONTEXT(ctx) \
    CUcontext ctx = context_current(); \
    if (!device_ready()) return CUDA_ERROR_NOT_INITIALIZED; \
    if (!ctx) return CUDA_ERROR_INVALID_CONTEXT; \
    if (ctx->lost) return CUDA_ERROR_LAUNCH_FAILED

/* ---- memory.c -------------------------------------------------------------------------------- */
typedef enum place { ON_DEVICE, ON_HOST, MANAGED } place;
typedef struct block {
    uintptr_t at; /* what the program sees */
    size_t bytes;
    char *shadow; /* where the bytes are; of host memory the same */
    place place;
    int device;
    bool freed;
    const char *owner;
    uint64_t id;
    int handle; /* of mapped memory (vmm.c), else 0 */
} block;
block *block_find(uintptr_t at);   /* alive or freed; NULL: nothing of ours was ever there */
block *block_before(uintptr_t at); /* that `at` is not far behind the end of, or in */
block *block_add(place where, int device, uintptr_t at, char *shadow, size_t bytes, const char *owner);
void block_remove(block *b);                              /* from the book; the address may be taken again */
uintptr_t device_addresses(size_t bytes, size_t aligned); /* reserves */
bool is_device_address(uintptr_t at);
/* The bytes at a pointer as the host can reach them, or NULL after a fault. */
char *bytes_at(uintptr_t at, size_t bytes, const char *what);
CUresult memory_take(size_t bytes, const char *owner, CUdeviceptr *out);
CUresult memory_give_back(uintptr_t at);

/* ---- module.c -------------------------------------------------------------------------------- */
typedef struct kernel_info {
    char *name;
    int registers, max_threads, required[3], local, params, param_bytes;
    size_t shared;
    bool known; /* false: of PTX, which is not compiled */
    struct {
        int offset, bytes;
    } param[1]; /* `params` of them */
} kernel_info;
struct CUfunc_st {
    unsigned magic;
    kernel_info *info;
    CUmodule module;
    size_t dynamic_most; /* cuFuncSetAttribute */
    int carveout, cluster[3];
    bool nonportable;
};
bool function_is(CUfunction f);
const char *module_owner(CUmodule m); /* the file whose code loaded it */
/* The function behind what a launch was given: a CUfunction or a CUkernel. */
CUfunction function_of(CUfunction f);

/* ---- launch.c -------------------------------------------------------------------------------- */
typedef struct launch {
    CUfunction f;
    unsigned grid[3], block[3], cluster[3];
    size_t shared;
    bool cooperative;
    char *params; /* a copy of all of them */
    size_t param_bytes;
} launch;
CUresult launch_check(const launch *l, CUcontext ctx);
CUresult launch_prepare(launch *l, void **params, void **extra);
void launch_release(launch *l);
int launch_blocks_per_sm(CUfunction f, int threads, size_t dynamic);
bool launch_pointers_live(const launch *l, const char *when);
void launch_play(const launch *l); /* effects.c */

/* ---- stream.c, capture.c, graph.c, event.c ----------------------------------------------------- */
typedef struct capture capture;
struct CUstream_st {
    unsigned magic;
    CUcontext ctx;
    unsigned flags;
    int priority;
    uint64_t id;
    bool legacy;
    const char *owner;
    capture *capture;  /* NULL: none goes on */
    CUgraphNode *tips; /* what the next node of the capture comes after */
    size_t tip_count;
    bool tips_set; /* by cuStreamUpdateCaptureDependencies: they need not be joined (NCCL leaves its own so) */
    CUstream next;
};
struct CUevent_st {
    unsigned magic;
    CUcontext ctx;
    unsigned flags;
    bool recorded;
    double at; /* seconds */
    const char *owner;
    uint64_t capture_id; /* 0: not recorded in a capture */
    CUgraphNode *tips;
    size_t tip_count;
};
typedef enum node_kind {
    NODE_KERNEL,
    NODE_COPY,
    NODE_SET,
    NODE_HOST,
    NODE_EMPTY,
    NODE_RECORD,
    NODE_WAIT,
    NODE_CHILD,
    NODE_ALLOC,
    NODE_FREE
} node_kind;
typedef struct copy_work {
    uintptr_t to, from;
    size_t width, rows, to_pitch, from_pitch;
} copy_work;
typedef struct set_work {
    uintptr_t to;
    unsigned value;
    int size;
    size_t width, rows, pitch;
} set_work;
struct CUgraphNode_st {
    unsigned magic;
    node_kind kind;
    CUgraph graph;
    CUgraphNode *after;
    size_t after_count;
    launch launch;
    CUDA_KERNEL_NODE_PARAMS given;
    copy_work copy;
    set_work set;
    CUDA_HOST_NODE_PARAMS host;
    CUevent event;
    CUgraph child;
    uint64_t seen; /* by the search of this number */
};
typedef struct held_object {
    CUuserObject object;
    unsigned references;
    struct held_object *next;
} held_object;
struct CUuserObject_st {
    void *data;
    CUhostFn gone;
    unsigned references;
};
struct CUgraph_st {
    unsigned magic;
    CUgraphNode *nodes;
    size_t count, room;
    const char *owner;
    held_object *objects;
    bool exec;
};
extern const unsigned stream_magic, event_magic, graph_magic, node_magic;

bool stream_is(CUstream s);
/* The stream object of a handle: NULL and 1 are the legacy stream, 2 the thread's own, played as the legacy one. NULL: not a stream. */
CUstream stream_of(CUstream handle, CUcontext ctx);
#define NEED_STREAM(s, handle) \
    NEED_CONTEXT(ctx); \
    CUstream s = stream_of(handle, ctx); \
    if (!s) return refuse(CUDA_ERROR_INVALID_HANDLE, "no stream")
void streams_forget_capture(capture *c);
/* Work goes to a stream: in a capture `node` has been made of it (NULL: nothing else is to be done), else it is to be done now. */
CUresult stream_takes(CUstream handle, node_kind kind, CUstream *stream, CUgraphNode *node, const char *what);
double now(void);

struct capture {
    uint64_t id;
    CUgraph graph;
    CUstream origin;
    CUstreamCaptureMode mode;
    pthread_t thread;
    bool broken; /* invalidated */
    bool own_graph;
    capture *next;
};
capture *capture_alive(uint64_t id); /* NULL: it has ended */
CUstream stream_unjoined(const capture *c);
CUresult capture_forbids(CUcontext ctx, const char *what); /* potentially unsafe calls */
CUresult capture_forbids_legacy(CUcontext ctx, const char *what);
CUresult capture_break(capture *c, CUresult r, const char *why);
CUresult capture_breaks_all(CUcontext ctx, CUresult r, const char *why);
void stream_tips(CUstream s, CUgraphNode const *tips, size_t n);
void stream_joins(CUstream s, capture *c, CUgraphNode const *tips, size_t n);

CUgraph graph_new(const char *owner);
void graph_free(CUgraph g);
CUgraph graph_copy(CUgraph g, bool exec, const char *owner); /* nodes so that each comes after those that it waits for */
bool graph_is(CUgraph g);
CUgraphNode graph_add(CUgraph g, node_kind kind, CUgraphNode const *after, size_t n);
bool node_before(CUgraphNode a, CUgraphNode b); /* a is b or comes before it by edges */

CUresult copy_check(const copy_work *c);
CUresult copy_do(const copy_work *c);
CUresult set_check(const set_work *s);
CUresult set_do(const set_work *s);

#define OWNER caller_module(__builtin_return_address(0))

#endif
