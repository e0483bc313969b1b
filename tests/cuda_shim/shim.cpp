/* Test only: the CUDA runtime on the host. A block's threads are fibres of one OS thread; __syncthreads and warp shuffles
 * are rendezvous. It finds what a GPU hides: a missing barrier (blocks and threads run in an order shuffled by ANL_SHIM_SEED), a barrier that
 * not all threads reach, shared memory read before it was written (it starts as NaN) and, under a sanitizer, every access
 * past an end, a launch on a stream of a device that is not the thread's current one, a call that a capture forbids. It says nothing
 * about speed. Several devices can be played, each by threads of the host; one block runs at a time all the same.
 */
#include "include/cuda_runtime.h"

#include <atomic>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <sys/mman.h>
#include <ucontext.h>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define FIBRE_LEAVE(save, bottom, size) __sanitizer_start_switch_fiber(save, bottom, size)
#define FIBRE_ENTER(saved) __sanitizer_finish_switch_fiber(saved, nullptr, nullptr)
#else
#define FIBRE_LEAVE(save, bottom, size) ((void)(save), (void)(bottom), (void)(size))
#define FIBRE_ENTER(saved) ((void)(saved))
#endif

thread_local uint3 threadIdx, blockIdx;
thread_local dim3 blockDim, gridDim;

[[noreturn]] static void broken(const char *what)
{
    fprintf(stderr, "cuda shim: %s (block %u,%u,%u thread %u,%u,%u)\n", what, blockIdx.x, blockIdx.y, blockIdx.z, threadIdx.x, threadIdx.y, threadIdx.z);
    abort();
}

/* ---- fibres ---------------------------------------------------------------------------------- */

static const size_t STACK = 256 * 1024;

/* Changing stacks: a few instructions where we know them (ucontext asks the kernel for the signal mask each time). */
#if defined(__x86_64__)
struct place { void *sp = nullptr; };
extern "C" void anl_shim_switch(void **save, void *load);
asm(".text\n.hidden anl_shim_switch\n.globl anl_shim_switch\n.type anl_shim_switch,@function\nanl_shim_switch:\n"
    "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"
    "movq %rsp, (%rdi)\nmovq %rsi, %rsp\n"
    "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nret\n");
static void change(place *from, place *to) { anl_shim_switch(&from->sp, to->sp); }
static void begin_at(place *p, char *stack, size_t size, void (*entry)())
{
    void **top = (void **)(void *)(stack + size); /* seven words of a switch, and one so that entry finds the stack aligned as after a call */
    memset(top - 8, 0, 8 * sizeof *top);
    top[-2] = (void *)entry;
    p->sp = top - 8;
}
#else
struct place { ucontext_t at; };
static void change(place *from, place *to) { swapcontext(&from->at, &to->at); }
static void begin_at(place *p, char *stack, size_t size, void (*entry)())
{
    getcontext(&p->at);
    p->at.uc_stack.ss_sp = stack;
    p->at.uc_stack.ss_size = size;
    p->at.uc_link = nullptr;
    makecontext(&p->at, entry, 0);
}
#endif

struct fibre {
    place at;
    char *stack;
    void *fake = nullptr; /* the sanitizer's record of the stack left */
    uint3 thread;
    bool waiting = false;
};

struct meeting { /* of a warp: values of the last two exchanges */
    uint64_t value[2][32];
    int arrived[2] = {0, 0};
    unsigned done = 0; /* exchanges complete */
};

struct block_state {
    const std::function<void()> *body = nullptr;
    std::vector<unsigned> order; /* of the threads */
    size_t next = 0;
    int threads = 0, exited = 0, at_barrier = 0;
    unsigned barrier = 0;
    long progress = 0;
    std::vector<meeting> warp;
    std::vector<unsigned> exchanges; /* by thread */
    std::map<std::string, std::unique_ptr<unsigned char[]>> shared;
};

static thread_local block_state *now;
static thread_local fibre *current;
static thread_local place scheduler;
static thread_local void *scheduler_fake;
static thread_local const void *scheduler_bottom;
static thread_local size_t scheduler_size;

struct fibre_pool {
    std::vector<fibre *> all;
    ~fibre_pool()
    {
        for (fibre *f : all) {
            munmap(f->stack, STACK);
            delete f;
        }
    }
};
static thread_local fibre_pool pool;

static void yield()
{
    fibre *f = current;
    f->waiting = true;
    FIBRE_LEAVE(&f->fake, scheduler_bottom, scheduler_size);
    change(&f->at, &scheduler);
    FIBRE_ENTER(f->fake);
    f->waiting = false;
}

static unsigned linear() { return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z); }

/* A fibre runs threads one after the other until one waits; then the scheduler takes another fibre for the rest. */
static void fibre_main()
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &scheduler_bottom, &scheduler_size);
#endif
    while (now->next < now->order.size()) {
        unsigned t = now->order[now->next++];
        current->thread = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
        threadIdx = current->thread;
        (*now->body)();
        now->exited++;
        now->progress++;
        if (now->at_barrier) broken("a thread ended while others wait in __syncthreads");
    }
    FIBRE_LEAVE(nullptr, scheduler_bottom, scheduler_size);
    change(&current->at, &scheduler);
}

static fibre *fibre_at(size_t i)
{
    while (pool.all.size() <= i) {
        fibre *f = new fibre;
        f->stack = (char *)mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (f->stack == MAP_FAILED) broken("no memory for a stack");
        pool.all.push_back(f);
    }
    return pool.all[i];
}

static void resume(fibre *f)
{
    current = f;
    threadIdx = f->thread;
    FIBRE_LEAVE(&scheduler_fake, f->stack, STACK);
    change(&scheduler, &f->at);
    FIBRE_ENTER(scheduler_fake);
}

static void make_ready(fibre *f)
{
    f->waiting = false;
    begin_at(&f->at, f->stack, STACK, fibre_main);
}

static void run_block()
{
    size_t used = 0;
    while (now->exited < now->threads) {
        long before = now->progress;
        for (size_t i = 0; i < used; i++)
            if (pool.all[i]->waiting) resume(pool.all[i]);
        while (now->next < now->order.size()) {
            fibre *f = fibre_at(used++);
            make_ready(f);
            resume(f);
        }
        if (now->progress == before) broken("threads wait for each other: a barrier or a shuffle that not all reach");
    }
}

void __syncthreads()
{
    unsigned mine = now->barrier;
    if (now->exited) broken("__syncthreads after some threads have ended");
    now->progress++;
    if (++now->at_barrier == now->threads) {
        now->at_barrier = 0;
        now->barrier++;
        return;
    }
    while (now->barrier == mine) yield();
}

/* The values of the caller's warp, once all lanes have come; they stay until the exchange after the next. */
static const uint64_t *meet(uint64_t bits, const char *what)
{
    unsigned t = linear(), n = now->exchanges[t]++;
    meeting &m = now->warp[t / 32];
    int side = (int)(n & 1);
    if ((int)(t / 32 * 32 + 32) > now->threads) broken(what);
    m.value[side][t % 32] = bits;
    now->progress++;
    if (++m.arrived[side] == 32) {
        m.arrived[side] = 0;
        m.done++;
    } else
        while (m.done == n) yield();
    return m.value[side];
}

uint64_t anl_shim_exchange(uint64_t bits, int from, const char *what) { return meet(bits, what)[from]; }

unsigned anl_shim_ballot(bool vote)
{
    const uint64_t *votes = meet(vote, "__ballot_sync");
    unsigned all = 0;
    for (int i = 0; i < 32; i++) all |= (unsigned)votes[i] << i;
    return all;
}

void __syncwarp(unsigned) { anl_shim_exchange(0, 0, "__syncwarp in a part of a warp"); }

void *anl_shim_shared(const char *file, int line, const char *name, size_t bytes)
{
    std::string key = std::string(file) + ":" + std::to_string(line) + ":" + name;
    auto &p = now->shared[key];
    if (!p) {
        p.reset(new unsigned char[bytes]);
        memset(p.get(), 0xff, bytes);
    }
    return p.get();
}

/* ---- launches, streams, graphs --------------------------------------------------------------- */

/* What a stream does, in order; waits: for other devices, so not while all the others stand still. */
struct job {
    std::function<void()> work;
    bool waits;
};
static thread_local int current_device;
struct CUgraph_st { std::vector<job> work; };
struct CUgraphExec_st { std::vector<job> work; };
struct CUstream_st {
    int device = current_device;
    std::atomic<CUgraph_st *> capture{nullptr}; /* threads that look at others' streams see it */
    long captured = 0;    /* calls in this capture */
    bool invalid = false; /* the capture: one of them was refused */
    std::atomic<bool> stuck{false}; /* in a kernel that waits for a device that does not answer: what is enqueued stays behind it */
    bool late = false;              /* what is enqueued is done when somebody waits for it */
    std::deque<job> behind;
    long enqueued = 0, done = 0; /* of a late one */
};
struct CUevent_st {
    cudaStream_t stream = nullptr;
    long at = 0;   /* how much its stream had to do then */
    long made = 0; /* calls that this thread had made by then */
};
static thread_local int captures; /* that this thread has begun */
static thread_local long made;    /* launches and library calls that were not recorded */

static void forbid_in_capture(const char *what)
{
    if (captures) broken(what);
}

/* What the environment says of the devices that are played: ANL_SHIM_DEVICES how many; ANL_SHIM_SEED the order of blocks and threads; ANL_SHIM_MEMORY MiB;
   ANL_SHIM_DRIVER CUDA's version as 13000; ANL_SHIM_CAPABILITY as 90; ANL_SHIM_LOST: after so many launches of kernels every call fails;
   ANL_SHIM_REFUSE: the how manieth launch, copy or library call inside a capture is refused, and the capture with it; ANL_SHIM_ON: only that device
   is lost, or refuses; ANL_SHIM_LATE=1, with one device: all that is enqueued is done when the host waits for it, and not before, so that memory
   which the host changes or gives back too early is seen; ANL_SHIM_SPEED: by how much everything that is measured is shorter;
   ANL_SHIM_HOST_MS: the least that a measurement gives over a call that is not recorded. */
static long setting(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text ? strtol(text, nullptr, 10) : otherwise;
}
static bool plays(int device) { return setting("ANL_SHIM_ON", device) == device; }

enum { MOST_DEVICES = 16 };
static std::recursive_mutex one_at_a_time; /* guards all below, and whatever the stand-ins for libraries keep */
static size_t in_use[MOST_DEVICES];        /* bytes of the device's memory */
struct block { size_t bytes; int device; };
static std::map<void *, block> taken;
static long kernels[MOST_DEVICES]; /* launched */
static thread_local cudaError_t last_error; /* that was not asked for; of a lost device there is always one */
static bool lost(int device)
{
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    return plays(device) && kernels[device] > setting("ANL_SHIM_LOST", LONG_MAX);
}

/* Subnormal numbers are numbers, as on a GPU, whatever the calling thread does with them. */
struct gpu_floats {
#if defined(__SSE2__)
    unsigned mode = __builtin_ia32_stmxcsr();
    gpu_floats() { __builtin_ia32_ldmxcsr(mode & ~0x8040u); }
    ~gpu_floats() { __builtin_ia32_ldmxcsr(mode); }
#endif
};

static void perform(const job &j)
{
    gpu_floats mode;
    std::unique_lock<std::recursive_mutex> hold(one_at_a_time, std::defer_lock);
    if (!j.waits) hold.lock();
    j.work();
}

/* All that a late stream was given until then. */
static void catch_up(cudaStream_t s, long until)
{
    while (s && s->done < until && !s->behind.empty()) {
        job j = std::move(s->behind.front());
        s->behind.pop_front();
        s->done++;
        perform(j);
    }
}
static void catch_up(cudaStream_t s)
{
    if (s) catch_up(s, s->enqueued);
}

static cudaError_t enqueue(cudaStream_t s, job j)
{
    if (lost(s ? s->device : current_device)) return cudaErrorLaunchFailure;
    if (s && s->capture) {
        if (s->invalid) return last_error = cudaErrorStreamCaptureInvalidated;
        if (++s->captured == setting("ANL_SHIM_REFUSE", LONG_MAX) && plays(s->device)) return s->invalid = true, last_error = cudaErrorStreamCaptureUnsupported;
        s->capture.load()->work.push_back(j);
        return cudaSuccess;
    }
    if (s && s->stuck) return cudaSuccess;
    if (s && s->late) {
        s->behind.push_back(std::move(j));
        s->enqueued++;
    } else
        perform(j);
    return cudaSuccess;
}

int anl_shim_enqueue(cudaStream_t s, std::function<void()> work)
{
    made += !(s && s->capture);
    return enqueue(s, {std::move(work), false});
}
int anl_shim_enqueue_waiting(cudaStream_t s, std::function<void()> work) { return enqueue(s, {std::move(work), true}); }
int anl_shim_device_of(cudaStream_t s) { return s->device; }
int anl_shim_current_device() { return current_device; }
bool anl_shim_lost(int device) { return lost(device); }
void anl_shim_stick(cudaStream_t s, bool stuck) { s->stuck = stuck; }

static uint64_t seed_of_process() { return (uint64_t)setting("ANL_SHIM_SEED", 1); }

static void shuffle(std::vector<unsigned> &order, uint64_t seed)
{
    uint64_t x = seed * 0x9E3779B97F4A7C15u + 1;
    for (size_t i = order.size(); i > 1; i--) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        std::swap(order[i - 1], order[x % i]);
    }
}

static std::vector<unsigned> some_order(unsigned n)
{
    std::vector<unsigned> order(n);
    for (unsigned i = 0; i < n; i++) order[i] = i;
    shuffle(order, seed_of_process());
    return order;
}

static void run_grid(dim3 grid, dim3 block, const std::function<void()> &body)
{
    unsigned threads = block.x * block.y * block.z;
    blockDim = block;
    gridDim = grid;
    std::vector<unsigned> order = some_order(threads);
    for (unsigned at : some_order(grid.x * grid.y * grid.z)) {
        block_state b;
        b.body = &body;
        b.order = order;
        b.threads = (int)threads;
        b.warp.resize((threads + 31) / 32);
        b.exchanges.resize(threads);
        blockIdx = {at % grid.x, at / grid.x % grid.y, at / grid.x / grid.y};
        now = &b;
        run_block();
        now = nullptr;
    }
}

void anl_shim_launch(cudaStream_t s, dim3 grid, dim3 block, std::function<void()> thread)
{
    if (s && s->device != current_device) broken("a kernel on a stream of a device that is not the current one");
    uint64_t threads = (uint64_t)block.x * block.y * block.z;
    if (!threads || threads > 1024 || !grid.x || grid.x > INT_MAX || !grid.y || grid.y > 65535 || !grid.z || grid.z > 65535)
        broken("a launch that no GPU takes");
    anl_shim_enqueue(s, [=] {
        kernels[s ? s->device : 0]++;
        run_grid(grid, block, thread);
    });
}

extern "C" {

cudaError_t cudaGetDeviceCount(int *n) { return *n = (int)setting("ANL_SHIM_DEVICES", 1), setting("ANL_SHIM_DRIVER", 13000) < 13000 ? cudaErrorInsufficientDriver : cudaSuccess; }
cudaError_t cudaSetDevice(int device) { return current_device = device, cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int)
{
    memset(p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "host shim");
    p->totalGlobalMem = (size_t)setting("ANL_SHIM_MEMORY", 1 << 14) << 20;
    p->major = (int)setting("ANL_SHIM_CAPABILITY", 90) / 10;
    p->minor = (int)setting("ANL_SHIM_CAPABILITY", 90) % 10;
    p->multiProcessorCount = 4;
    return cudaSuccess;
}
/* Code for capability ANL_SHIM_CODE and later ones. */
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *a, const void *)
{
    a->numRegs = 32;
    return setting("ANL_SHIM_CAPABILITY", 90) >= setting("ANL_SHIM_CODE", 75) ? cudaSuccess : last_error = cudaErrorNoKernelImageForDevice;
}
cudaError_t cudaDriverGetVersion(int *v) { return *v = (int)setting("ANL_SHIM_DRIVER", 13000), cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int *v) { return *v = 13000, cudaSuccess; }
cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total)
{
    *total = (size_t)setting("ANL_SHIM_MEMORY", 1 << 14) << 20;
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    *free_bytes = *total - in_use[current_device];
    return cudaSuccess;
}
static cudaError_t take(void **p, size_t bytes)
{
    if (posix_memalign(p, 256, bytes ? bytes : 1)) return cudaErrorMemoryAllocation;
    memset(*p, 0xff, bytes);
    return cudaSuccess;
}
cudaError_t cudaMalloc(void **p, size_t bytes)
{
    size_t room, total;
    forbid_in_capture("memory taken inside a capture");
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    cudaMemGetInfo(&room, &total);
    if (bytes > room || take(p, bytes) != cudaSuccess) return cudaErrorMemoryAllocation;
    taken[*p] = {bytes, current_device};
    in_use[current_device] += bytes;
    return cudaSuccess;
}
cudaError_t cudaFree(void *p)
{
    forbid_in_capture("memory given back inside a capture");
    std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
    in_use[taken[p].device] -= taken[p].bytes;
    taken.erase(p);
    return free(p), cudaSuccess;
}
cudaError_t cudaHostAlloc(void **p, size_t bytes, unsigned) { return forbid_in_capture("memory taken inside a capture"), take(p, bytes); }
cudaError_t cudaFreeHost(void *p) { return forbid_in_capture("memory given back inside a capture"), free(p), cudaSuccess; }
cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t bytes, cudaMemcpyKind kind, cudaStream_t s)
{
    if (kind == cudaMemcpyDeviceToHost && s && s->stuck) broken("a copy to the host, which waits, on a stream that will never be done");
    if (kind != cudaMemcpyDeviceToDevice && s && s->capture) broken("a copy from or to the host inside a capture");
    cudaError_t e = enqueue(s, {[=] { memcpy(dst, src, bytes); }, false});
    if (kind == cudaMemcpyDeviceToHost) catch_up(s); /* into memory that is not pinned */
    return e;
}
cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t s)
{
    return enqueue(s, {[=] { memset(p, value, bytes); }, false});
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned)
{
    *s = new CUstream_st;
    (*s)->late = setting("ANL_SHIM_LATE", 0) && setting("ANL_SHIM_DEVICES", 1) == 1;
    return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t s) { return catch_up(s), delete s, cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
    if (s && s->capture) broken("a synchronisation inside a capture");
    if (s && s->stuck) broken("a synchronisation with a stream that will never be done");
    catch_up(s);
    return lost(s ? s->device : current_device) ? cudaErrorLaunchFailure : cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t s)
{
    if (s->capture) broken("a look at a stream inside its capture");
    catch_up(s);
    return lost(s->device) ? cudaErrorLaunchFailure : s->stuck ? last_error = cudaErrorNotReady : cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode)
{
    if (s->capture) return cudaErrorUnknown;
    captures++;
    s->capture = new CUgraph_st;
    s->captured = 0;
    s->invalid = false;
    return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *g)
{
    if (captures-- < 1) broken("a capture ended by another thread than began it");
    *g = s->capture.load();
    s->capture = nullptr;
    if (s->invalid) {
        delete *g;
        *g = nullptr;
        return last_error = cudaErrorStreamCaptureInvalidated;
    }
    return *g ? cudaSuccess : cudaErrorUnknown;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *e, cudaGraph_t g, unsigned long long) { return *e = new CUgraphExec_st{g->work}, cudaSuccess; }
cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return cudaSuccess; }
extern "C" __attribute__((visibility("default"))) long anl_shim_launches; /* of graphs, for tests */
long anl_shim_launches;
cudaError_t cudaGraphLaunch(cudaGraphExec_t e, cudaStream_t s)
{
    {
        std::lock_guard<std::recursive_mutex> hold(one_at_a_time);
        anl_shim_launches++;
    }
    for (auto &j : e->work) enqueue(s, j);
    return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t g) { return delete g, cudaSuccess; }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t e) { return delete e, cudaSuccess; }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned) { return *e = new CUevent_st, cudaSuccess; }
cudaError_t cudaEventDestroy(cudaEvent_t e) { return delete e, cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s)
{
    if (s->capture) broken("an event inside a capture, which nobody can wait for");
    return *e = CUevent_st{s, s->enqueued, made}, cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t e) { return catch_up(e->stream, e->at), cudaSuccess; }
cudaError_t cudaEventSynchronize(cudaEvent_t e) { return catch_up(e->stream, e->at), cudaSuccess; }
float anl_shim_ms = 1; /* what every measurement gives; stand-ins for libraries may change it */
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t a, cudaEvent_t b)
{
    float device = anl_shim_ms / (float)setting("ANL_SHIM_SPEED", 1), host = (float)setting("ANL_SHIM_HOST_MS", 0);
    return *ms = a->made < b->made && device < host ? host : device, cudaSuccess;
}
cudaError_t cudaPeekAtLastError(void) { return lost(current_device) ? cudaErrorLaunchFailure : last_error; }
cudaError_t cudaGetLastError(void)
{
    cudaError_t e = cudaPeekAtLastError();
    return last_error = cudaSuccess, e;
}
const char *cudaGetErrorName(cudaError_t e)
{
    return e == cudaSuccess                         ? "cudaSuccess"
           : e == cudaErrorLaunchFailure            ? "cudaErrorLaunchFailure"
           : e == cudaErrorStreamCaptureUnsupported ? "cudaErrorStreamCaptureUnsupported"
           : e == cudaErrorStreamCaptureInvalidated ? "cudaErrorStreamCaptureInvalidated"
                                                    : "cudaError";
}
const char *cudaGetErrorString(cudaError_t e) { return e == cudaSuccess ? "no error" : "shim error"; }

}
