/* oneDNN's two C APIs behind one. 2.x: memory descriptors are structs, a primitive descriptor is made from an operation
 * descriptor; 3.x: memory descriptors are handles, primitive descriptors are made directly. */
#include "dnnl.h"
#include "base/pool.h"

#include <dnnl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the OpenMP runtime that the library is linked to; declared here, since not every compiler brings omp.h along. */
void omp_set_num_threads(int n);
int omp_get_max_threads(void);

#define MOST_ARGS (ANL__DNNL_TENSORS + 1)
#define SCRATCH ANL__DNNL_TENSORS

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t md_ref;
typedef struct desc { dnnl_memory_desc_t h; } desc;
static md_ref ref(const desc *d) { return d->h; }
static void desc_release(desc *d)
{
    if (d->h) dnnl_memory_desc_destroy(d->h);
    d->h = NULL;
}
#else
typedef const dnnl_memory_desc_t *md_ref;
typedef struct desc { dnnl_memory_desc_t h; bool there; } desc;
static md_ref ref(const desc *d) { return d->there ? &d->h : NULL; }
static void desc_release(desc *d) { d->there = false; }
#endif

struct anl__dnnl {
    anl_ctx *ctx;
    int workers;
    dnnl_engine_t engine;
    dnnl_stream_t *stream; /* [workers] */
    _Atomic int fault;     /* status of the first execution that failed */
};

/* What one worker needs to execute a primitive. */
typedef struct seat {
    dnnl_memory_t memory[MOST_ARGS];
    void *last[MOST_ARGS]; /* where each memory object points */
} seat;

struct anl__dnnl_op {
    anl__dnnl *lib;
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t primitive;
    int n;                /* arguments */
    int arg[MOST_ARGS];   /* the library's number */
    int slot[MOST_ARGS];  /* index into at[], or SCRATCH */
    md_ref md[MOST_ARGS]; /* owned by pd */
    size_t scratch;
    seat *seat;           /* [workers] */
};

/* One thread for the library while we are in it. */
static int enter(void)
{
    int threads = omp_get_max_threads();
    if (threads != 1) omp_set_num_threads(1);
    return threads;
}

static void leave(int threads)
{
    if (threads != 1) omp_set_num_threads(threads);
}

/* ---- the device's part ----------------------------------------------------------------------- */

/* Only the first call of a process counts, and only before the library has made anything; the limit is the process's too. */
static void set_limit(anl__isa limit)
{
    static const dnnl_cpu_isa_t of[] = {
        [ANL__ISA_PLAIN] = dnnl_cpu_isa_sse41, [ANL__ISA_AVX2] = dnnl_cpu_isa_avx2, [ANL__ISA_AVX512] = dnnl_cpu_isa_avx512_core,
        [ANL__ISA_AVX512_BF16] = dnnl_cpu_isa_avx512_core_bf16, [ANL__ISA_AMX] = dnnl_cpu_isa_avx512_core_amx};
    if (limit != ANL__ISA_COUNT) dnnl_set_max_cpu_isa(of[limit]);
}

anl_status anl__dnnl_open(anl_ctx *ctx, int workers, anl__isa limit, anl__dnnl **out)
{
    set_limit(limit);
    anl__dnnl *lib = anl__alloc(ctx, sizeof *lib);
    if (!lib) return ANL_NOMEM;
    lib->ctx = ctx;
    lib->workers = workers;
    lib->stream = anl__calloc(ctx, (size_t)workers, sizeof *lib->stream);
    anl_status st = lib->stream ? ANL_OK : ANL_NOMEM;
    dnnl_status_t s = dnnl_success;
    if (st == ANL_OK) s = dnnl_engine_create(&lib->engine, dnnl_cpu, 0);
    for (int w = 0; w < workers && st == ANL_OK && s == dnnl_success; w++) s = dnnl_stream_create(&lib->stream[w], lib->engine, dnnl_stream_default_flags);
    if (s != dnnl_success) st = anl__fail(ctx, ANL_DEVICE, "oneDNN does not start (its status %d)", (int)s);
    if (st != ANL_OK) anl__dnnl_close(lib);
    else *out = lib;
    return st;
}

void anl__dnnl_close(anl__dnnl *lib)
{
    if (!lib) return;
    for (int w = 0; w < lib->workers && lib->stream; w++)
        if (lib->stream[w]) dnnl_stream_destroy(lib->stream[w]);
    if (lib->engine) dnnl_engine_destroy(lib->engine);
    anl__free(lib->ctx, lib->stream);
    anl__free(lib->ctx, lib);
}

void anl__dnnl_version(int version[3])
{
    const dnnl_version_t *v = dnnl_version();
    version[0] = v->major;
    version[1] = v->minor;
    version[2] = v->patch;
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static dnnl_data_type_t type_of(anl_dtype t) { return t == ANL_BF16 ? dnnl_bf16 : dnnl_f32; }

static dnnl_status_t desc_make(desc *d, const anl__dnnl_tensor *t, bool any)
{
    dnnl_dims_t dim = {0}, stride = {0};
    if (!t->n) return dnnl_success;
    for (int i = 0; i < t->n; i++) {
        dim[i] = t->dim[i];
        stride[i] = t->stride[i];
    }
#if DNNL_VERSION_MAJOR >= 3
    if (any) return dnnl_memory_desc_create_with_tag(&d->h, t->n, dim, type_of(t->dtype), dnnl_format_tag_any);
    return dnnl_memory_desc_create_with_strides(&d->h, t->n, dim, type_of(t->dtype), stride);
#else
    d->there = true;
    if (any) return dnnl_memory_desc_init_by_tag(&d->h, t->n, dim, type_of(t->dtype), dnnl_format_tag_any);
    return dnnl_memory_desc_init_by_strides(&d->h, t->n, dim, type_of(t->dtype), stride);
#endif
}

static dnnl_status_t desc_copy(desc *d, md_ref of)
{
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_memory_desc_clone(&d->h, of);
#else
    *d = (desc){*of, true};
    return dnnl_success;
#endif
}

/* `of` cut to indices [from, from + dim0) of its first dimension; addressed from the start of the whole. A cut that ends
   where the whole does has its padding. */
static dnnl_status_t desc_cut(desc *d, md_ref of, const anl__dnnl_layout *l, int64_t from, int64_t dim0)
{
    dnnl_dims_t dim = {0}, offset = {from};
    for (int i = 0; i < l->n; i++) dim[i] = i ? l->dim[i] : dim0;
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_memory_desc_create_submemory(&d->h, of, dim, offset);
#else
    d->there = true;
    return dnnl_memory_desc_init_submemory(&d->h, of, dim, offset);
#endif
}

/* The library's relu without a leak makes NaN 0, and so hides that a training has gone wrong; with one it keeps NaN. Workers take this
   number for zero (anl__pool_float_mode). */
#define LEAK 1.4e-45f /* the smallest that is not 0 */

static dnnl_status_t attr_make(dnnl_primitive_attr_t *attr, const anl__dnnl_spec *spec)
{
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t s = dnnl_primitive_attr_create(attr);
    if (s == dnnl_success) s = dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
    if (s != dnnl_success || !spec || !(spec->relu || spec->accum)) return s;
    s = dnnl_post_ops_create(&ops);
#if DNNL_VERSION_MAJOR >= 3
    if (s == dnnl_success && spec->accum) s = dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef);
    if (s == dnnl_success && spec->relu) s = dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, LEAK, 0);
#else
    if (s == dnnl_success && spec->accum) s = dnnl_post_ops_append_sum(ops, 1);
    if (s == dnnl_success && spec->relu) s = dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, LEAK, 0);
#endif
    if (s == dnnl_success) s = dnnl_primitive_attr_set_post_ops(*attr, ops);
    if (ops) dnnl_post_ops_destroy(ops);
    return s;
}

static md_ref weights_md(const anl__dnnl_op *op)
{
    for (int i = 0; i < op->n; i++)
        if (op->slot[i] == ANL__DNNL_WEIGHTS) return op->md[i];
    return NULL;
}

typedef struct geometry { dnnl_dims_t stride, dilation, before, after; } geometry;

static const char *impl_of(const_dnnl_primitive_desc_t pd)
{
    const char *name = "";
    if (dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name) != dnnl_success) return "";
    return name;
}

static bool is_brgconv(const_dnnl_primitive_desc_t pd) { return !strncmp(impl_of(pd), "brgconv:avx512_core", 19) && !strstr(impl_of(pd), "amx"); }
static bool is_jit(const_dnnl_primitive_desc_t pd) { return !strncmp(impl_of(pd), "jit", 3) && strstr(impl_of(pd), "avx512"); }

#if DNNL_VERSION_MAJOR >= 3
/* The implementation after `pd` if it is of the jit family, else pd stays. */
static void take_jit(dnnl_primitive_desc_t *pd)
{
    dnnl_primitive_desc_t other = NULL;
    if (!is_brgconv(*pd) || dnnl_primitive_desc_clone(&other, *pd) != dnnl_success) return;
    while (is_brgconv(other) && dnnl_primitive_desc_next_impl(other) == dnnl_success) continue;
    bool good = is_jit(other);
    dnnl_primitive_desc_destroy(good ? *pd : other);
    if (good) *pd = other;
}

static dnnl_status_t conv_forward(dnnl_primitive_desc_t *pd, dnnl_engine_t e, const desc *d, const geometry *g, bool jit, dnnl_primitive_attr_t attr)
{
    dnnl_status_t s = dnnl_convolution_forward_primitive_desc_create(pd, e, dnnl_forward_training, dnnl_convolution_direct, ref(&d[ANL__DNNL_SRC]), ref(&d[ANL__DNNL_WEIGHTS]),
                                                                     ref(&d[ANL__DNNL_BIAS]), ref(&d[ANL__DNNL_DST]), g->stride, g->dilation, g->before, g->after, attr);
    if (s == dnnl_success && jit) take_jit(pd);
    return s;
}

static dnnl_status_t conv_data(dnnl_primitive_desc_t *pd, dnnl_engine_t e, const desc *d, const geometry *g, dnnl_primitive_attr_t attr, dnnl_primitive_desc_t hint)
{
    return dnnl_convolution_backward_data_primitive_desc_create(pd, e, dnnl_convolution_direct, ref(&d[ANL__DNNL_SRC]), ref(&d[ANL__DNNL_WEIGHTS]), ref(&d[ANL__DNNL_DST]),
                                                                g->stride, g->dilation, g->before, g->after, hint, attr);
}

static dnnl_status_t conv_filter(dnnl_primitive_desc_t *pd, dnnl_engine_t e, const desc *d, const geometry *g, dnnl_primitive_attr_t attr, dnnl_primitive_desc_t hint)
{
    return dnnl_convolution_backward_weights_primitive_desc_create(pd, e, dnnl_convolution_direct, ref(&d[ANL__DNNL_SRC]), ref(&d[ANL__DNNL_WEIGHTS]), NULL, ref(&d[ANL__DNNL_DST]),
                                                                   g->stride, g->dilation, g->before, g->after, hint, attr);
}

static dnnl_status_t matmul(dnnl_primitive_desc_t *pd, dnnl_engine_t e, const desc *d, dnnl_primitive_attr_t attr)
{
    return dnnl_matmul_primitive_desc_create(pd, e, ref(&d[ANL__DNNL_SRC]), ref(&d[ANL__DNNL_WEIGHTS]), ref(&d[ANL__DNNL_BIAS]), ref(&d[ANL__DNNL_DST]), attr);
}
#else
/* The implementation after `pd`, which was made from c, if it is of the jit family; else pd stays. */
static void take_jit_of(dnnl_primitive_desc_t *pd, dnnl_engine_t e, const dnnl_convolution_desc_t *c, dnnl_primitive_attr_t attr)
{
    dnnl_primitive_desc_iterator_t it = NULL;
    dnnl_primitive_desc_t other = NULL;
    if (!is_brgconv(*pd) || dnnl_primitive_desc_iterator_create(&it, c, attr, e, NULL) != dnnl_success) return;
    do {
        if (other) dnnl_primitive_desc_destroy(other);
        other = dnnl_primitive_desc_iterator_fetch(it);
    } while (other && is_brgconv(other) && dnnl_primitive_desc_iterator_next(it) == dnnl_success);
    bool good = other && is_jit(other);
    if (other) dnnl_primitive_desc_destroy(good ? *pd : other);
    if (good) *pd = other;
    dnnl_primitive_desc_iterator_destroy(it);
}

static dnnl_status_t conv_forward(dnnl_primitive_desc_t *pd, dnnl_engine_t e, const desc *d, const geometry *g, bool jit, dnnl_primitive_attr_t attr)
{
    dnnl_convolution_desc_t c;
    dnnl_status_t s = dnnl_dilated_convolution_forward_desc_init(&c, dnnl_forward_training, dnnl_convolution_direct, ref(&d[ANL__DNNL_SRC]), ref(&d[ANL__DNNL_WEIGHTS]),
                                                                 ref(&d[ANL__DNNL_BIAS]), ref(&d[ANL__DNNL_DST]), g->stride, g->dilation, g->before, g->after);
    if (s == dnnl_success) s = dnnl_primitive_desc_create(pd, &c, attr, e, NULL);
    if (s == dnnl_success && jit) take_jit_of(pd, e, &c, attr);
    return s;
}

static dnnl_status_t conv_data(dnnl_primitive_desc_t *pd, dnnl_engine_t e, const desc *d, const geometry *g, dnnl_primitive_attr_t attr, dnnl_primitive_desc_t hint)
{
    dnnl_convolution_desc_t c;
    dnnl_status_t s = dnnl_dilated_convolution_backward_data_desc_init(&c, dnnl_convolution_direct, ref(&d[ANL__DNNL_SRC]), ref(&d[ANL__DNNL_WEIGHTS]), ref(&d[ANL__DNNL_DST]),
                                                                       g->stride, g->dilation, g->before, g->after);
    return s == dnnl_success ? dnnl_primitive_desc_create(pd, &c, attr, e, hint) : s;
}

static dnnl_status_t conv_filter(dnnl_primitive_desc_t *pd, dnnl_engine_t e, const desc *d, const geometry *g, dnnl_primitive_attr_t attr, dnnl_primitive_desc_t hint)
{
    dnnl_convolution_desc_t c;
    dnnl_status_t s = dnnl_dilated_convolution_backward_weights_desc_init(&c, dnnl_convolution_direct, ref(&d[ANL__DNNL_SRC]), ref(&d[ANL__DNNL_WEIGHTS]), NULL, ref(&d[ANL__DNNL_DST]),
                                                                          g->stride, g->dilation, g->before, g->after);
    return s == dnnl_success ? dnnl_primitive_desc_create(pd, &c, attr, e, hint) : s;
}

static dnnl_status_t matmul(dnnl_primitive_desc_t *pd, dnnl_engine_t e, const desc *d, dnnl_primitive_attr_t attr)
{
    dnnl_matmul_desc_t m;
    dnnl_status_t s = dnnl_matmul_desc_init(&m, ref(&d[ANL__DNNL_SRC]), ref(&d[ANL__DNNL_WEIGHTS]), ref(&d[ANL__DNNL_BIAS]), ref(&d[ANL__DNNL_DST]));
    return s == dnnl_success ? dnnl_primitive_desc_create(pd, &m, attr, e, NULL) : s;
}
#endif

/* A backward convolution is described beside the forward one that it belongs to. */
static dnnl_status_t conv_backward(dnnl_primitive_desc_t *pd, dnnl_engine_t e, const anl__dnnl_spec *spec, const desc *d, const geometry *g, dnnl_primitive_attr_t attr)
{
    dnnl_primitive_desc_t hint = NULL;
    desc f[ANL__DNNL_TENSORS];
    anl__dnnl_tensor w = spec->tensor[ANL__DNNL_WEIGHTS];
    w.dtype = spec->tensor[ANL__DNNL_SRC].dtype; /* the filter's gradient is f32, the filter itself is not */
    memcpy(f, d, sizeof f);
    memset(&f[ANL__DNNL_WEIGHTS], 0, sizeof *f);
    dnnl_status_t s = desc_make(&f[ANL__DNNL_WEIGHTS], &w, true);
    if (s == dnnl_success) s = conv_forward(&hint, e, f, g, false, attr);
    if (s == dnnl_success) s = spec->kind == ANL__DNNL_CONV_DATA ? conv_data(pd, e, d, g, attr, hint) : conv_filter(pd, e, d, g, attr, hint);
    if (hint) dnnl_primitive_desc_destroy(hint);
    desc_release(&f[ANL__DNNL_WEIGHTS]);
    return s;
}

static dnnl_status_t describe(dnnl_engine_t e, const anl__dnnl_spec *spec, dnnl_primitive_desc_t *pd)
{
    desc d[ANL__DNNL_TENSORS];
    geometry g = {{0}, {0}, {0}, {0}};
    dnnl_primitive_attr_t attr = NULL;
    memset(d, 0, sizeof d);
    for (int i = 0; i < 2; i++) {
        g.stride[i] = spec->stride[i];
        g.dilation[i] = spec->dilation[i] - 1;
        g.before[i] = spec->pad[i];
        g.after[i] = spec->pad[2 + i];
    }
    dnnl_status_t s = attr_make(&attr, spec);
    for (int i = 0; i < ANL__DNNL_TENSORS && s == dnnl_success; i++) {
        bool weights = i == ANL__DNNL_WEIGHTS;
        s = weights && spec->like ? desc_copy(&d[i], weights_md(spec->like)) : desc_make(&d[i], &spec->tensor[i], weights && spec->own_layout);
    }
    if (s == dnnl_success && spec->kind == ANL__DNNL_MATMUL) s = matmul(pd, e, d, attr);
    else if (s == dnnl_success && spec->kind == ANL__DNNL_CONV) s = conv_forward(pd, e, d, &g, spec->jit, attr);
    else if (s == dnnl_success) s = conv_backward(pd, e, spec, d, &g, attr);
    for (int i = 0; i < ANL__DNNL_TENSORS; i++) desc_release(&d[i]);
    if (attr) dnnl_primitive_attr_destroy(attr);
    return s;
}

bool anl__dnnl_supports(anl__dnnl *lib, const anl__dnnl_spec *spec, char why[ANL__WHY])
{
    dnnl_primitive_desc_t pd = NULL;
    int threads = enter();
    dnnl_status_t s = describe(lib->engine, spec, &pd);
    bool good = s == dnnl_success && strncmp(impl_of(pd), "ref", 3);
    if (s != dnnl_success) snprintf(why, ANL__WHY, "oneDNN has no implementation (its status %d)", (int)s);
    else if (!good) snprintf(why, ANL__WHY, "oneDNN has only its reference implementation");
    if (pd) dnnl_primitive_desc_destroy(pd);
    leave(threads);
    return good;
}

/* ---- operations ------------------------------------------------------------------------------ */

static void add_arg(anl__dnnl_op *op, int arg, int slot, md_ref md)
{
    op->arg[op->n] = arg;
    op->slot[op->n] = slot;
    op->md[op->n++] = md;
}

static void add_scratch(anl__dnnl_op *op)
{
    md_ref scratch = dnnl_primitive_desc_query_md(op->pd, dnnl_query_scratchpad_md, 0);
    op->scratch = scratch ? (dnnl_memory_desc_get_size(scratch) + 63) & ~(size_t)63 : 0;
    if (op->scratch) add_arg(op, DNNL_ARG_SCRATCHPAD, SCRATCH, scratch);
}

static void add_args(anl__dnnl_op *op, const anl__dnnl_spec *spec)
{
    static const struct { int arg[3]; dnnl_query_t query[3]; } by_kind[] = {
        [ANL__DNNL_CONV] = {{DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST}, {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md}},
        [ANL__DNNL_CONV_DATA] = {{DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST}, {dnnl_query_diff_src_md, dnnl_query_weights_md, dnnl_query_diff_dst_md}},
        [ANL__DNNL_CONV_FILTER] = {{DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST}, {dnnl_query_src_md, dnnl_query_diff_weights_md, dnnl_query_diff_dst_md}},
        [ANL__DNNL_MATMUL] = {{DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST}, {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md}},
    };
    static const int slot[3] = {ANL__DNNL_SRC, ANL__DNNL_WEIGHTS, ANL__DNNL_DST};
    for (int i = 0; i < 3; i++) add_arg(op, by_kind[spec->kind].arg[i], slot[i], dnnl_primitive_desc_query_md(op->pd, by_kind[spec->kind].query[i], 0));
    if (spec->tensor[ANL__DNNL_BIAS].n) add_arg(op, DNNL_ARG_BIAS, ANL__DNNL_BIAS, dnnl_primitive_desc_query_md(op->pd, dnnl_query_weights_md, 1));
    add_scratch(op);
}

#ifdef __SANITIZE_ADDRESS__
/* When a kernel with a mask of rows is generated for AMX, its table of rows is read one entry past its end (jit_brgemm_amx_uker's
   skipped_bd_mask after the last block, 2.6 to 3.2), and what was read is never used. ASan may lay that entry on a page that is not there:
   C++'s blocks get 16 bytes more. */
enum { SLACK = 16 };
void *_Znwm(size_t bytes);
void *_ZnwmRKSt9nothrow_t(size_t bytes, const void *tag);
void _ZdlPv(void *p);
void _ZdlPvm(void *p, size_t bytes);
void *_Znwm(size_t bytes) { return malloc(bytes + SLACK); }
void *_ZnwmRKSt9nothrow_t(size_t bytes, const void *tag) { return (void)tag, malloc(bytes + SLACK); }
void _ZdlPv(void *p) { free(p); }
void _ZdlPvm(void *p, size_t bytes) { (void)bytes, free(p); }
#endif

/* The library keeps primitives from one creation to the next, and while a key is looked for it reads descriptors that another thread's
   creation may just be replacing (2.6; seen by TSan where lanes are compiled beside each other): one at a time. */
static dnnl_status_t create_primitive(anl__dnnl_op *op)
{
    static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&one);
    dnnl_status_t s = dnnl_primitive_create(&op->primitive, op->pd);
    pthread_mutex_unlock(&one);
    return s;
}

/* op->pd is there: the primitive and the workers' memory objects. */
static dnnl_status_t furnish(anl__dnnl_op *op)
{
    dnnl_status_t s = create_primitive(op);
    for (int w = 0; w < op->lib->workers; w++)
        for (int i = 0; i < op->n && s == dnnl_success; i++) s = dnnl_memory_create(&op->seat[w].memory[i], op->md[i], op->lib->engine, DNNL_MEMORY_NONE);
    return s;
}

static anl__dnnl_op *op_alloc(anl_ctx *ctx, anl__dnnl *lib)
{
    anl__dnnl_op *op = anl__alloc(ctx, sizeof *op);
    if (!op) return NULL;
    op->lib = lib;
    op->seat = anl__calloc(ctx, (size_t)lib->workers, sizeof *op->seat);
    if (op->seat) return op;
    anl__free(ctx, op);
    return NULL;
}

static anl_status failed(anl_ctx *ctx, dnnl_status_t s)
{
    return anl__fail(ctx, s == dnnl_out_of_memory ? ANL_NOMEM : ANL_DEVICE, "oneDNN could not make the primitive (its status %d)", (int)s);
}

anl_status anl__dnnl_create(anl_ctx *ctx, anl__dnnl *lib, const anl__dnnl_spec *spec, anl__dnnl_op **out)
{
    anl__dnnl_op *op = op_alloc(ctx, lib);
    if (!op) return ANL_NOMEM;
    int threads = enter();
    dnnl_status_t s = describe(lib->engine, spec, &op->pd);
    if (s == dnnl_success) {
        add_args(op, spec);
        s = furnish(op);
    }
    leave(threads);
    if (s != dnnl_success) {
        anl__dnnl_destroy(op);
        return failed(ctx, s);
    }
    *out = op;
    return ANL_OK;
}

void anl__dnnl_destroy(anl__dnnl_op *op)
{
    if (!op) return;
    anl_ctx *ctx = op->lib->ctx;
    for (int w = 0; w < op->lib->workers; w++)
        for (int i = 0; i < op->n; i++)
            if (op->seat[w].memory[i]) dnnl_memory_destroy(op->seat[w].memory[i]);
    if (op->primitive) dnnl_primitive_destroy(op->primitive);
    if (op->pd) dnnl_primitive_desc_destroy(op->pd);
    anl__free(ctx, op->seat);
    anl__free(ctx, op);
}

size_t anl__dnnl_scratch(const anl__dnnl_op *op) { return op->scratch; }
const char *anl__dnnl_name(const anl__dnnl_op *op) { return impl_of(op->pd); }

int anl__dnnl_fault(anl__dnnl *lib) { return atomic_load_explicit(&lib->fault, memory_order_relaxed) ? atomic_exchange(&lib->fault, 0) : 0; }

void anl__dnnl_run(const anl__dnnl_op *op, int worker, void *const at[ANL__DNNL_TENSORS], void *scratch)
{
    dnnl_exec_arg_t args[MOST_ARGS];
    seat *s = &op->seat[worker];
    int threads = enter();
    for (int i = 0; i < op->n; i++) {
        void *p = op->slot[i] == SCRATCH ? scratch : at[op->slot[i]];
        if (s->last[i] != p) dnnl_memory_set_data_handle(s->memory[i], p);
        s->last[i] = p;
        args[i] = (dnnl_exec_arg_t){op->arg[i], s->memory[i]};
    }
    dnnl_status_t st = dnnl_primitive_execute(op->primitive, op->lib->stream[worker], op->n, args);
    if (st == dnnl_success) st = dnnl_stream_wait(op->lib->stream[worker]);
    int none = 0;
    if (st != dnnl_success) atomic_compare_exchange_strong(&op->lib->fault, &none, (int)st);
    leave(threads);
}

/* ---- layouts and packing --------------------------------------------------------------------- */

static void layout_of(md_ref md, anl__dnnl_layout *l)
{
    memset(l, 0, sizeof *l);
    l->bytes = dnnl_memory_desc_get_size(md);
#if DNNL_VERSION_MAJOR >= 3
    dnnl_dims_t *dim, *padded, *stride, *block, *index;
    dnnl_data_type_t type;
    dnnl_memory_desc_query(md, dnnl_query_ndims_s32, &l->n);
    dnnl_memory_desc_query(md, dnnl_query_data_type, &type);
    dnnl_memory_desc_query(md, dnnl_query_dims, &dim);
    dnnl_memory_desc_query(md, dnnl_query_padded_dims, &padded);
    dnnl_memory_desc_query(md, dnnl_query_strides, &stride);
    dnnl_memory_desc_query(md, dnnl_query_inner_nblks_s32, &l->blocks);
    dnnl_memory_desc_query(md, dnnl_query_inner_blks, &block);
    dnnl_memory_desc_query(md, dnnl_query_inner_idxs, &index);
#else
    const dnnl_dims_t *dim = &md->dims, *padded = &md->padded_dims, *stride = &md->format_desc.blocking.strides;
    const dnnl_dims_t *block = &md->format_desc.blocking.inner_blks, *index = &md->format_desc.blocking.inner_idxs;
    dnnl_data_type_t type = md->data_type;
    l->n = md->ndims;
    l->blocks = md->format_desc.blocking.inner_nblks;
#endif
    l->dtype = type == dnnl_bf16 ? ANL_BF16 : ANL_F32;
    for (int i = 0; i < l->n; i++) {
        l->dim[i] = (*dim)[i];
        l->padded[i] = (*padded)[i];
        l->stride[i] = (*stride)[i];
    }
    for (int i = 0; i < l->blocks; i++) {
        l->block[i] = (*block)[i];
        l->block_dim[i] = (int)(*index)[i];
    }
}

void anl__dnnl_weights(const anl__dnnl_op *op, anl__dnnl_layout *out) { layout_of(weights_md(op), out); }

int64_t anl__dnnl_offset(const anl__dnnl_layout *l, int d, int64_t i)
{
    int64_t offset = 0, inner = 1;
    for (int b = l->blocks - 1; b >= 0; inner *= l->block[b], b--) {
        if (l->block_dim[b] != d) continue;
        offset += i % l->block[b] * inner;
        i /= l->block[b];
    }
    return offset + i * l->stride[d];
}

/* "dnnl bf16 64x32x3x3 s9216,288,96,32 b16a16b of 288,1,96,32", padded sizes as 60^64: the layout, and the strides that the
   plain parameter is read with (a square matrix and its transpose have one layout). Where it is too long two hashes of it
   (FNV-1a from two starts). */
static void key_of(const anl__dnnl_layout *l, const anl__dnnl_tensor *plain, char key[96])
{
    char t[512];
    uint64_t h[2] = {14695981039346656037u, 0x9e3779b97f4a7c15u};
    int n = snprintf(t, sizeof t, "dnnl %s", l->dtype == ANL_BF16 ? "bf16" : "f32");
    for (int i = 0; i < l->n; i++) {
        n += snprintf(t + n, sizeof t - (size_t)n, "%c%lld", i ? 'x' : ' ', (long long)l->dim[i]);
        if (l->padded[i] != l->dim[i]) n += snprintf(t + n, sizeof t - (size_t)n, "^%lld", (long long)l->padded[i]);
    }
    for (int i = 0; i < l->n; i++) n += snprintf(t + n, sizeof t - (size_t)n, "%s%lld", i ? "," : " s", (long long)l->stride[i]);
    for (int i = 0; i < l->blocks; i++) n += snprintf(t + n, sizeof t - (size_t)n, "%s%lld%c", i ? "" : " b", (long long)l->block[i], 'a' + l->block_dim[i]);
    for (int i = 0; i < l->n; i++) n += snprintf(t + n, sizeof t - (size_t)n, "%s%lld", i ? "," : " of ", (long long)plain->stride[i]);
    if (n < 96) {
        memcpy(key, t, (size_t)n + 1);
        return;
    }
    for (int i = 0; i < n; i++)
        for (int q = 0; q < 2; q++) h[q] = (h[q] ^ (unsigned char)t[i]) * 1099511628211u;
    snprintf(key, 96, "dnnl %016llx%016llx", (unsigned long long)h[0], (unsigned long long)h[1]);
}

/* A task packs a piece of the first dimension; pieces are all of one size but the last. */
enum { PIECES = 8 };
typedef struct packer {
    anl__dnnl_op *op[2]; /* reorders of the first piece and of the last one; with one piece only op[1] */
    int pieces;
    size_t src_step, dst_step; /* bytes from piece to piece */
    void *scratch;             /* [workers] parts */
    size_t part;
} packer;

typedef struct packing { const packer *k; const char *src; char *dst; } packing;

static void pack_task(void *arg, int piece, int worker)
{
    const packing *a = arg;
    const packer *k = a->k;
    bool last = piece == k->pieces - 1; /* its descriptor holds its place */
    void *at[ANL__DNNL_TENSORS] = {0};
    at[ANL__DNNL_SRC] = (void *)(uintptr_t)(a->src + k->src_step * (size_t)piece);
    at[ANL__DNNL_DST] = a->dst + (last ? 0 : k->dst_step * (size_t)piece);
    anl__dnnl_run(k->op[last], worker, at, (char *)k->scratch + k->part * (size_t)worker);
}

static void pack_run(void *state, const void *src, void *dst, anl__pool *pool)
{
    packing a = {state, src, dst};
    anl__pool_run(pool, a.k->pieces, pack_task, &a);
}

static void pack_release(anl_ctx *ctx, void *state)
{
    packer *k = state;
    if (!k) return;
    for (int i = 0; i < 2; i++) anl__dnnl_destroy(k->op[i]);
    anl__free(ctx, k->scratch);
    anl__free(ctx, k);
}

/* Of src to whole's indices of the first dimension that begin at `from`. */
static dnnl_status_t reorder_make(anl__dnnl_op *op, const anl__dnnl_tensor *src, const anl__dnnl_layout *l, md_ref whole, int64_t from)
{
    desc s = {0}, d = {0};
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t st = attr_make(&attr, NULL);
    if (st == dnnl_success) st = desc_make(&s, src, false);
    if (st == dnnl_success) st = desc_cut(&d, whole, l, from, src->dim[0]);
    if (st == dnnl_success) st = dnnl_reorder_primitive_desc_create(&op->pd, ref(&s), op->lib->engine, ref(&d), op->lib->engine, attr);
    if (st == dnnl_success) {
        add_arg(op, DNNL_ARG_FROM, ANL__DNNL_SRC, dnnl_primitive_desc_query_md(op->pd, dnnl_query_src_md, 0));
        add_arg(op, DNNL_ARG_TO, ANL__DNNL_DST, dnnl_primitive_desc_query_md(op->pd, dnnl_query_dst_md, 0));
        add_scratch(op);
        st = furnish(op);
    }
    desc_release(&s);
    desc_release(&d);
    if (attr) dnnl_primitive_attr_destroy(attr);
    return st;
}

static dnnl_status_t packer_fill(packer *k, anl_ctx *ctx, anl__dnnl *lib, const anl__dnnl_tensor *plain, const anl__dnnl_layout *l, md_ref whole)
{
    int64_t block = 1, piece = (plain->dim[0] + PIECES - 1) / PIECES;
    for (int b = 0; b < l->blocks; b++)
        if (l->block_dim[b] == 0) block *= l->block[b];
    piece = (piece + block - 1) / block * block;
    if (piece > plain->dim[0]) piece = plain->dim[0];
    k->pieces = (int)((plain->dim[0] + piece - 1) / piece);
    k->src_step = (size_t)(piece * plain->stride[0]) * sizeof(float);
    k->dst_step = k->pieces > 1 ? (size_t)anl__dnnl_offset(l, 0, piece) * anl_dtype_size(l->dtype) : 0;
    for (int i = k->pieces == 1; i < 2; i++) {
        anl__dnnl_tensor src = *plain;
        int64_t from = i ? piece * (k->pieces - 1) : 0;
        src.dtype = ANL_F32;
        src.dim[0] = i ? plain->dim[0] - from : piece;
        if (!(k->op[i] = op_alloc(ctx, lib))) return dnnl_out_of_memory;
        dnnl_status_t s = reorder_make(k->op[i], &src, l, whole, from);
        if (s != dnnl_success) return s;
        if (k->op[i]->scratch > k->part) k->part = k->op[i]->scratch;
    }
    k->scratch = anl__alloc(ctx, k->part * (size_t)lib->workers);
    return k->scratch ? dnnl_success : dnnl_out_of_memory;
}

bool anl__dnnl_pack(anl_ctx *ctx, anl__dnnl *lib, const anl__dnnl_spec *spec, anl__pack *pack)
{
    anl__dnnl_layout l;
    anl__dnnl_op *op = op_alloc(ctx, lib);
    packer *k = anl__alloc(ctx, sizeof *k);
    int threads = enter();
    dnnl_status_t s = op && k ? describe(lib->engine, spec, &op->pd) : dnnl_out_of_memory;
    if (s == dnnl_success) {
        add_args(op, spec);
        layout_of(weights_md(op), &l);
        s = packer_fill(k, ctx, lib, &spec->tensor[ANL__DNNL_WEIGHTS], &l, weights_md(op));
    }
    leave(threads);
    if (s == dnnl_success) {
        *pack = (anl__pack){.bytes = l.bytes, .state = k, .run = pack_run, .release = pack_release};
        key_of(&l, &spec->tensor[ANL__DNNL_WEIGHTS], pack->key);
    } else {
        pack->status = failed(ctx, s);
        pack_release(ctx, k);
    }
    if (op) op->n = 0; /* it has no memory objects */
    anl__dnnl_destroy(op);
    return s == dnnl_success;
}
