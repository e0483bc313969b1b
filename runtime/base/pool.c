/* The worker pool. A run is one store: the generation counter. Every worker has a piece of the task numbers, the same piece of a
 * run as of the one before, so that it finds in its cache what it made there; done with it, it takes the others' last tasks. */
#include "pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPINS 16000 /* 0.2 to 0.5 milliseconds of pause: longer than what stands between the runs of a small step */
#define MOST 256

typedef struct piece { _Alignas(64) _Atomic uint64_t left; } piece; /* first task << 32 | end */

struct anl__pool {
    anl_ctx *ctx;
    int size;
    _Alignas(64) _Atomic uint32_t generation; /* moves when there is work; futex word */
    _Alignas(64) _Atomic int busy;            /* workers that have not finished this generation; futex word */
    _Atomic int sleepers;
    _Atomic bool quit;
    anl__task_fn fn;
    void *arg;
    int pieces; /* the first so many workers have one */
    void (*on_start)(void *);
    void *on_start_arg;
    pthread_t thread[MOST];
    struct worker { struct anl__pool *pool; int id; } worker[MOST];
    piece piece[MOST];
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void sleep_on(void *word, int value) { syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0); }
static void wake(void *word, int n) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0); }

unsigned anl__pool_float_mode(void)
{
#if defined(__SSE2__)
    unsigned mode = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(mode | 0x8040u); /* flush to zero, denormals are zero */
    return mode;
#else
    return 0;
#endif
}

void anl__pool_float_restore(unsigned mode)
{
#if defined(__SSE2__)
    __builtin_ia32_ldmxcsr(mode);
#else
    (void)mode;
#endif
}

/* The piece's first task for its worker, its last for another; -1: none is left. */
static int take(piece *p, bool own)
{
    uint64_t left = atomic_load_explicit(&p->left, memory_order_relaxed);
    for (;;) {
        uint32_t first = (uint32_t)(left >> 32), end = (uint32_t)left;
        if (first == end) return -1;
        uint64_t rest = own ? left + ((uint64_t)1 << 32) : left - 1;
        if (atomic_compare_exchange_weak_explicit(&p->left, &left, rest, memory_order_relaxed, memory_order_relaxed)) return (int)(own ? first : end - 1);
    }
}

static void work(anl__pool *p, int worker)
{
    for (int i = 0; i < p->pieces; i++) {
        int from = (worker + i) % p->pieces, t;
        while ((t = take(&p->piece[from], from == worker)) >= 0) p->fn(p->arg, t, worker);
    }
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    anl__pool *p = w->pool;
    uint32_t seen = 0;
    bool started = false;
    (void)anl__pool_float_mode();
    for (;;) {
        uint32_t now;
        for (int spin = 0; (now = atomic_load_explicit(&p->generation, memory_order_acquire)) == seen; spin++) {
            if (spin < SPINS) {
                relax();
                continue;
            }
            atomic_fetch_add(&p->sleepers, 1);
            if (atomic_load(&p->generation) == seen) sleep_on(&p->generation, (int)seen);
            atomic_fetch_sub(&p->sleepers, 1);
        }
        seen = now;
        if (atomic_load(&p->quit)) return NULL;
        if (!started && p->on_start) p->on_start(p->on_start_arg);
        started = true;
        work(p, w->id);
        if (atomic_fetch_sub(&p->busy, 1) == 1) wake(&p->busy, 1);
    }
}

static int usable_cpus(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > MOST ? MOST : n;
}

anl_status anl__pool_create(anl_ctx *ctx, int threads, anl__pool **out)
{
    if (threads < 0 || threads > MOST) return anl__fail(ctx, ANL_INVALID, "%d threads are outside 0 to %d", threads, MOST);
    anl__pool *p = anl__alloc(ctx, sizeof *p);
    if (!p) return ANL_NOMEM;
    p->ctx = ctx;
    p->size = 1;
    for (int want = threads ? threads : usable_cpus(); p->size < want; p->size++) {
        p->worker[p->size] = (struct worker){p, p->size};
        if (pthread_create(&p->thread[p->size], NULL, worker_main, &p->worker[p->size])) {
            int made = p->size;
            anl__pool_destroy(p);
            return anl__fail(ctx, ANL_NOMEM, "could not start worker thread %d of %d", made + 1, want);
        }
    }
    *out = p;
    return ANL_OK;
}

void anl__pool_destroy(anl__pool *p)
{
    if (!p) return;
    atomic_store(&p->quit, true);
    atomic_fetch_add(&p->generation, 1);
    wake(&p->generation, MOST);
    for (int i = 1; i < p->size; i++) pthread_join(p->thread[i], NULL);
    anl__free(p->ctx, p);
}

int anl__pool_size(const anl__pool *p) { return p->size; }

void anl__pool_on_start(anl__pool *p, void (*fn)(void *), void *arg)
{
    p->on_start_arg = arg;
    p->on_start = fn;
}

void anl__pool_run(anl__pool *p, int n, anl__task_fn fn, void *arg)
{
    if (!p || p->size == 1 || n <= 1) {
        for (int t = 0; t < n; t++) fn(arg, t, 0);
        return;
    }
    p->fn = fn;
    p->arg = arg;
    p->pieces = n < p->size ? n : p->size;
    for (int i = 0; i < p->pieces; i++) {
        uint64_t first = (uint64_t)n * (uint64_t)i / (uint64_t)p->pieces, end = (uint64_t)n * (uint64_t)(i + 1) / (uint64_t)p->pieces;
        atomic_store_explicit(&p->piece[i].left, first << 32 | end, memory_order_relaxed);
    }
    atomic_store_explicit(&p->busy, p->size - 1, memory_order_relaxed);
    atomic_fetch_add(&p->generation, 1);
    if (atomic_load(&p->sleepers)) wake(&p->generation, MOST);
    work(p, 0);
    int left;
    for (int spin = 0; (left = atomic_load_explicit(&p->busy, memory_order_acquire)) != 0; spin++) {
        if (spin < SPINS) relax();
        else sleep_on(&p->busy, left);
    }
}

void anl__barrier_init(anl__barrier *b, int n)
{
    b->n = n;
    atomic_init(&b->turn, 0);
    atomic_init(&b->missing, n);
    atomic_init(&b->sleepers, 0);
}

void anl__barrier_wait(anl__barrier *b)
{
    uint32_t turn = atomic_load_explicit(&b->turn, memory_order_relaxed); /* cannot move before this task has come */
    if (atomic_fetch_sub_explicit(&b->missing, 1, memory_order_acq_rel) == 1) {
        atomic_store_explicit(&b->missing, b->n, memory_order_relaxed);
        atomic_fetch_add(&b->turn, 1);
        if (atomic_load(&b->sleepers)) wake(&b->turn, MOST);
        return;
    }
    for (int spin = 0; atomic_load_explicit(&b->turn, memory_order_acquire) == turn; spin++) {
        if (spin < SPINS) {
            relax();
            continue;
        }
        atomic_fetch_add(&b->sleepers, 1);
        if (atomic_load(&b->turn) == turn) sleep_on(&b->turn, (int)turn);
        atomic_fetch_sub(&b->sleepers, 1);
    }
}
