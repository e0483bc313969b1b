/* The bound of a training step on this CPU: what the library needs for the step's convolutions, matrix products,
 * normalisations and pooling (NHWC, weights in the library's own layout, several threads), plus the bytes of each pass that
 * cannot be fused into one of them, at the rate of a copy of that many bytes. Terms go to stderr, one JSON line to stdout.
 *
 * Usage: bound mlp|lenet5|cnn2|resnet20|resnet18 [fp32|bf16] [threads] [seconds a term]. Needs oneDNN 2.x; build: cc -O2 -fopenmp bound.c -ldnnl
 */
#include "tests/common/timing.h"

#include <dnnl.h>
#include <omp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if DNNL_VERSION_MAJOR != 2
#error "bound.c speaks oneDNN 2.x"
#endif

#define CK(x)                                                                        \
    do {                                                                             \
        dnnl_status_t s_ = (x);                                                      \
        if (s_) {                                                                    \
            fprintf(stderr, "%s:%d: oneDNN status %d\n", __FILE__, __LINE__, s_);    \
            exit(1);                                                                 \
        }                                                                            \
    } while (0)

enum { WINDOWS = 7 };
static int batch;
static dnnl_engine_t engine;
static dnnl_stream_t stream;
static dnnl_data_type_t act = dnnl_f32;
static double seconds = 0.03, total;

static void term(const char *what, int count, double s)
{
    fprintf(stderr, "  %-34s x%-2d %9.4f ms\n", what, count, s * count * 1e3);
    total += s * count;
}

static dnnl_memory_desc_t desc(int n, const dnnl_dims_t dim, dnnl_data_type_t t, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t m;
    CK(dnnl_memory_desc_init_by_tag(&m, n, dim, t, tag));
    return m;
}

static dnnl_memory_t memory(const dnnl_memory_desc_t *md)
{
    size_t bytes = dnnl_memory_desc_get_size(md);
    void *p;
    dnnl_memory_t m;
    if (posix_memalign(&p, 4096, bytes ? bytes : 64)) exit(1);
    if (md->data_type == dnnl_f32)
        for (size_t i = 0; i < bytes / 4; i++) ((float *)p)[i] = 0.01f * (float)((long)(i * 7919 % 101) - 50);
    else
        for (size_t i = 0; i < bytes / 2; i++) ((unsigned short *)p)[i] = (unsigned short)(0x3c00 + i * 7919 % 256);
    CK(dnnl_memory_create(&m, md, engine, p));
    return m;
}

static void memory_free(dnnl_memory_t m)
{
    void *p = NULL;
    CK(dnnl_memory_get_data_handle(m, &p));
    CK(dnnl_memory_destroy(m));
    free(p);
}

static void execute(dnnl_primitive_t p, int n, const dnnl_exec_arg_t *a, long runs)
{
    for (long i = 0; i < runs; i++) CK(dnnl_primitive_execute(p, stream, n, a));
    CK(dnnl_stream_wait(stream));
}

typedef struct arg { int id; dnnl_query_t query; int index; } arg;

/* Median seconds of one execution; the memory of each argument is what the primitive asks for. */
static double time_primitive(dnnl_primitive_desc_t pd, const arg *args, int n)
{
    dnnl_primitive_t p;
    dnnl_exec_arg_t a[8];
    double r[WINDOWS];
    CK(dnnl_primitive_create(&p, pd));
    for (int i = 0; i < n; i++) {
        a[i].arg = args[i].id;
        a[i].memory = memory(dnnl_primitive_desc_query_md(pd, args[i].query, args[i].index));
    }
    execute(p, n, a, 2);
    double t = now();
    execute(p, n, a, 1);
    t = now() - t;
    long runs = (long)(seconds / WINDOWS / t) + 1;
    for (int w = 0; w < WINDOWS; w++) {
        t = now();
        execute(p, n, a, runs);
        r[w] = (now() - t) / (double)runs;
    }
    qsort(r, WINDOWS, sizeof *r, by_size);
    for (int i = 0; i < n; i++) memory_free(a[i].memory);
    CK(dnnl_primitive_destroy(p));
    return r[WINDOWS / 2];
}

static dnnl_primitive_desc_t make(const void *op, dnnl_primitive_desc_t hint)
{
    dnnl_primitive_desc_t pd;
    CK(dnnl_primitive_desc_create(&pd, op, NULL, engine, hint));
    return pd;
}

static const arg fwd_args[] = {{DNNL_ARG_SRC, dnnl_query_src_md, 0}, {DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0},
                               {DNNL_ARG_BIAS, dnnl_query_weights_md, 1}, {DNNL_ARG_DST, dnnl_query_dst_md, 0}};
static const arg data_args[] = {{DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, 0}, {DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0},
                                {DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0}};
static const arg weight_args[] = {{DNNL_ARG_SRC, dnnl_query_src_md, 0}, {DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md, 0},
                                  {DNNL_ARG_DIFF_BIAS, dnnl_query_diff_weights_md, 1}, {DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0}};

/* Forward, gradient of the data (unless first) and of the weights. */
static void conv(int ih, int ic, int oc, int k, int s, int pad, int count, bool first)
{
    int oh = (ih + 2 * pad - k) / s + 1;
    dnnl_dims_t ds = {batch, ic, ih, ih}, dw = {oc, ic, k, k}, dd = {batch, oc, oh, oh}, db = {oc}, st = {s, s}, pd = {pad, pad};
    dnnl_memory_desc_t src = desc(4, ds, act, dnnl_nhwc), w = desc(4, dw, act, dnnl_format_tag_any), dst = desc(4, dd, act, dnnl_nhwc);
    dnnl_memory_desc_t b = desc(1, db, dnnl_f32, dnnl_a), dwt = desc(4, dw, dnnl_f32, dnnl_format_tag_any);
    dnnl_convolution_desc_t f, d, g;
    CK(dnnl_convolution_forward_desc_init(&f, dnnl_forward_training, dnnl_convolution_direct, &src, &w, &b, &dst, st, pd, pd));
    CK(dnnl_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, &src, &w, &dst, st, pd, pd));
    CK(dnnl_convolution_backward_weights_desc_init(&g, dnnl_convolution_direct, &src, &dwt, &b, &dst, st, pd, pd));
    dnnl_primitive_desc_t fp = make(&f, NULL), gp = make(&g, fp);
    char name[64];
    snprintf(name, sizeof name, "conv %dx%d %d-%d k%d s%d", ih, ih, ic, oc, k, s);
    double t = time_primitive(fp, fwd_args, 4) + time_primitive(gp, weight_args, 4);
    if (!first) {
        dnnl_primitive_desc_t dp = make(&d, fp);
        t += time_primitive(dp, data_args, 3);
        CK(dnnl_primitive_desc_destroy(dp));
    }
    CK(dnnl_primitive_desc_destroy(gp));
    CK(dnnl_primitive_desc_destroy(fp));
    term(name, count, t);
}

static void dense(int in, int out, bool first)
{
    dnnl_dims_t ds = {batch, in}, dw = {out, in}, dd = {batch, out}, db = {out};
    dnnl_memory_desc_t src = desc(2, ds, act, dnnl_ab), w = desc(2, dw, act, dnnl_format_tag_any), dst = desc(2, dd, act, dnnl_ab);
    dnnl_memory_desc_t b = desc(1, db, dnnl_f32, dnnl_a), dwt = desc(2, dw, dnnl_f32, dnnl_format_tag_any);
    dnnl_inner_product_desc_t f, d, g;
    CK(dnnl_inner_product_forward_desc_init(&f, dnnl_forward_training, &src, &w, &b, &dst));
    CK(dnnl_inner_product_backward_data_desc_init(&d, &src, &w, &dst));
    CK(dnnl_inner_product_backward_weights_desc_init(&g, &src, &dwt, &b, &dst));
    dnnl_primitive_desc_t fp = make(&f, NULL), gp = make(&g, fp);
    char name[64];
    snprintf(name, sizeof name, "dense %d-%d", in, out);
    double t = time_primitive(fp, fwd_args, 4) + time_primitive(gp, weight_args, 4);
    if (!first) {
        dnnl_primitive_desc_t dp = make(&d, fp);
        t += time_primitive(dp, data_args, 3);
        CK(dnnl_primitive_desc_destroy(dp));
    }
    CK(dnnl_primitive_desc_destroy(gp));
    CK(dnnl_primitive_desc_destroy(fp));
    term(name, 1, t);
}

static void norm(int h, int c, int count)
{
    static const arg fa[] = {{DNNL_ARG_SRC, dnnl_query_src_md, 0}, {DNNL_ARG_SCALE, dnnl_query_weights_md, 0}, {DNNL_ARG_SHIFT, dnnl_query_weights_md, 0},
                             {DNNL_ARG_MEAN, dnnl_query_dst_md, 1}, {DNNL_ARG_VARIANCE, dnnl_query_dst_md, 2}, {DNNL_ARG_DST, dnnl_query_dst_md, 0},
                             {DNNL_ARG_WORKSPACE, dnnl_query_workspace_md, 0}};
    static const arg ba[] = {{DNNL_ARG_SRC, dnnl_query_src_md, 0}, {DNNL_ARG_SCALE, dnnl_query_weights_md, 0}, {DNNL_ARG_MEAN, dnnl_query_src_md, 1},
                             {DNNL_ARG_VARIANCE, dnnl_query_src_md, 2}, {DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0}, {DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, 0},
                             {DNNL_ARG_DIFF_SCALE, dnnl_query_diff_weights_md, 0}, {DNNL_ARG_WORKSPACE, dnnl_query_workspace_md, 0}};
    dnnl_dims_t dim = {batch, c, h, h};
    dnnl_memory_desc_t x = desc(4, dim, act, dnnl_nhwc);
    unsigned flags = dnnl_use_scale | dnnl_use_shift | dnnl_fuse_norm_relu;
    dnnl_batch_normalization_desc_t f, b;
    CK(dnnl_batch_normalization_forward_desc_init(&f, dnnl_forward_training, &x, 1e-5f, flags));
    /* the shift has no gradient argument of its own here: its sum comes with the scale's */
    CK(dnnl_batch_normalization_backward_desc_init(&b, dnnl_backward, &x, &x, 1e-5f, dnnl_use_scale | dnnl_fuse_norm_relu));
    dnnl_primitive_desc_t fp = make(&f, NULL), bp = make(&b, fp);
    char name[64];
    snprintf(name, sizeof name, "batchnorm+relu %dx%dx%d", h, h, c);
    term(name, count, time_primitive(fp, fa, 7) + time_primitive(bp, ba, 8));
    CK(dnnl_primitive_desc_destroy(bp));
    CK(dnnl_primitive_desc_destroy(fp));
}

/* Forward only: backward is a pass of its own (with the relu before it), counted by its bytes. */
static void maxpool(int h, int c, int window, int stride, int side)
{
    static const arg args[] = {{DNNL_ARG_SRC, dnnl_query_src_md, 0}, {DNNL_ARG_DST, dnnl_query_dst_md, 0}, {DNNL_ARG_WORKSPACE, dnnl_query_workspace_md, 0}};
    dnnl_dims_t ds = {batch, c, h, h}, dd = {batch, c, h / 2, h / 2}, k = {window, window}, st = {stride, stride}, pad = {side, side}, end = {window - stride - side, window - stride - side};
    dnnl_memory_desc_t s = desc(4, ds, act, dnnl_nhwc), d = desc(4, dd, act, dnnl_nhwc);
    dnnl_pooling_desc_t f;
    CK(dnnl_pooling_forward_desc_init(&f, dnnl_forward_training, dnnl_pooling_max, &s, &d, st, k, pad, end));
    dnnl_primitive_desc_t fp = make(&f, NULL);
    char name[64];
    snprintf(name, sizeof name, "maxpool %dx%dx%d", h, h, c);
    term(name, 1, time_primitive(fp, args, 3));
    CK(dnnl_primitive_desc_destroy(fp));
}

/* A pass over so many bytes (read and written together), as fast as a copy. */
static void bytes(const char *what, double n)
{
    size_t half = (size_t)(n / 2) / 64 * 64 + 64;
    char *a, *b;
    if (posix_memalign((void **)&a, 4096, half) || posix_memalign((void **)&b, 4096, half)) exit(1);
    memset(a, 1, half);
    memset(b, 2, half);
    double r[WINDOWS];
    for (int w = 0; w < WINDOWS; w++) {
        long runs = 0;
        double t = now();
        do {
#pragma omp parallel
            {
                size_t id = (size_t)omp_get_thread_num(), nt = (size_t)omp_get_num_threads();
                size_t lo = half / 64 * id / nt * 64, hi = half / 64 * (id + 1) / nt * 64;
                memcpy(b + lo, a + lo, hi - lo);
            }
            runs++;
        } while (now() - t < seconds / WINDOWS);
        r[w] = (now() - t) / (double)runs;
    }
    qsort(r, WINDOWS, sizeof *r, by_size);
    free(a);
    free(b);
    term(what, 1, r[WINDOWS / 2]);
}

static double unit(void) { return act == dnnl_f32 ? 4 : 2; }

/* Packing each weight twice (forward, gradient of the data), and the update: `words` floats read or written a parameter. */
static void weights(double parameters, int words)
{
    bytes("weights packed", 2 * parameters * (4 + unit()));
    bytes("update", parameters * 4 * words);
}

enum { SGD_MOMENTUM = 5, ADAM = 7 }; /* words: parameter, gradient, moments read; parameter, moments written */

static void mlp(void)
{
    dense(784, 512, true);
    dense(512, 256, false);
    dense(256, 10, false);
    bytes("relu backward", 3 * unit() * batch * (512 + 256));
    weights(535818, SGD_MOMENTUM);
}

static void lenet5(void)
{
    conv(28, 1, 6, 5, 1, 2, 1, true);
    maxpool(28, 6, 2, 2, 0);
    bytes("maxpool backward with relu", unit() * batch * 28 * 28 * 6 * 1.25 + batch * 14 * 14 * 6);
    conv(14, 6, 16, 5, 1, 0, 1, false);
    maxpool(10, 16, 2, 2, 0);
    bytes("maxpool backward with relu", unit() * batch * 10 * 10 * 16 * 1.25 + batch * 5 * 5 * 16);
    dense(400, 120, false);
    dense(120, 84, false);
    dense(84, 10, false);
    weights(61706, ADAM);
}

static void cnn2(void)
{
    conv(28, 1, 32, 3, 1, 0, 1, true);
    bytes("relu backward 26x26x32", 3 * unit() * batch * 26 * 26 * 32);
    conv(26, 32, 64, 3, 1, 0, 1, false);
    maxpool(24, 64, 2, 2, 0);
    bytes("maxpool backward with relu", unit() * batch * 24 * 24 * 64 * 1.25 + batch * 12 * 12 * 64);
    dense(9216, 128, false);
    dense(128, 10, false);
    weights(1199882, ADAM);
}

static void resnet20(void)
{
    conv(32, 3, 16, 3, 1, 1, 1, true);
    norm(32, 16, 7);
    conv(32, 16, 16, 3, 1, 1, 6, false);
    conv(32, 16, 32, 3, 2, 1, 1, false);
    norm(16, 32, 6);
    conv(16, 32, 32, 3, 1, 1, 5, false);
    conv(16, 32, 64, 3, 2, 1, 1, false);
    norm(8, 64, 6);
    conv(8, 64, 64, 3, 1, 1, 5, false);
    /* the shortcut is read once more in forward, its gradient once more in backward */
    bytes("shortcuts", 2 * 3 * unit() * batch * (32 * 32 * 16 + 16 * 16 * 32 + 8 * 8 * 64));
    dense(64, 10, false);
    weights(269722, SGD_MOMENTUM);
}

/* Pictures of 224. */
static void resnet18(void)
{
    double half = 112 * 112 * 64;
    conv(224, 3, 64, 7, 2, 3, 1, true);
    norm(112, 64, 1);
    maxpool(112, 64, 3, 2, 1);
    bytes("maxpool backward with relu", batch * (unit() * half * 1.25 + half / 4));
    conv(56, 64, 64, 3, 1, 1, 4, false);
    norm(56, 64, 4);
    for (int side = 56, c = 64; c < 512; side /= 2, c *= 2) {
        conv(side, c, 2 * c, 3, 2, 1, 1, false);
        conv(side, c, 2 * c, 1, 2, 0, 1, false);
        conv(side / 2, 2 * c, 2 * c, 3, 1, 1, 3, false);
        norm(side / 2, 2 * c, 5);
    }
    bytes("shortcuts", 2 * 2 * unit() * batch * (56 * 56 * 64 + 28 * 28 * 128 + 14 * 14 * 256 + 7 * 7 * 512));
    dense(512, 1000, false);
    weights(11689512, SGD_MOMENTUM);
}

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*run)(void); int batch; } nets[] = {
        {"mlp", mlp, 128}, {"lenet5", lenet5, 128}, {"cnn2", cnn2, 128}, {"resnet20", resnet20, 128}, {"resnet18", resnet18, 32}};
    const char *name = argc > 1 ? argv[1] : "", *type = argc > 2 ? argv[2] : "fp32";
    int threads = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 2;
    if (argc > 4) seconds = strtod(argv[4], NULL);
    if (!strcmp(type, "bf16")) act = dnnl_bf16;
    omp_set_num_threads(threads);
    CK(dnnl_engine_create(&engine, dnnl_cpu, 0));
    CK(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        if (strcmp(nets[i].name, name)) continue;
        batch = nets[i].batch;
        fprintf(stderr, "bound of %s, %s, batch %d, %d threads, oneDNN %d.%d.%d\n", name, type, batch, threads, dnnl_version()->major,
                dnnl_version()->minor, dnnl_version()->patch);
        nets[i].run();
        fprintf(stderr, "  %-34s     %9.4f ms\n", "sum", total * 1e3);
        printf("{\"model\": \"%s\", \"dtype\": \"%s\", \"threads\": %d, \"batch\": %d, \"ms_median\": %.4f}\n", name, type, threads, batch, total * 1e3);
        return 0;
    }
    fputs("usage: bound mlp|lenet5|cnn2|resnet20|resnet18 [fp32|bf16] [threads] [seconds]\n", stderr);
    return 2;
}
