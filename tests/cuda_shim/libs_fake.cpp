/* Test only: stand-ins for cuBLASLt and cuDNN's backend graph API, so that what our kernels ask of them (layouts, transposes, attributes, order of
 * calls, workspaces) is checked on the host. They do the arithmetic by definition and refuse what the real ones document as an error: an attribute that is
 * missing or set after finalize, a use before it. ANL_SHIM_LIBS=0: neither is there. ANL_SHIM_LT_EVEN=1: cuBLASLt has no
 * algorithm for a matrix whose columns are an odd number of elements. */
#include "fake.h"

extern "C" {
#include "kernels/device_cuda/plugin/cublaslt_table.h"
#include "kernels/device_cuda/plugin/dnn_form.h"
#include "kernels/device_cuda/plugin/dnn_rnn.h"
#include "kernels/device_cuda/plugin/lt_product.h"
#include "kernels/device_cuda/plugin/plan_memory.h"
#include "kernels/device_cuda/plugin/libs.h"
}

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <vector>

/* ---- cuBLASLt -------------------------------------------------------------------------------- */

extern "C" float anl_shim_ms;
struct lt_layout { int type; uint64_t rows, columns; int64_t ld; };
struct lt_desc { int compute, ta = 0, tb = 0, epilogue = LT_EPILOGUE_DEFAULT; const void *bias = nullptr; };
struct lt_preference { uint64_t workspace = 0; uint32_t reduction = 7, align = 256; };
enum { LT_WORKSPACE = 512 };

static int lt_create(void **h) { return *h = new int(anl_shim_current_device()), 0; } /* a handle is of a device */
static int lt_destroy(void *h) { return delete (int *)h, 0; }
static int lt_desc_create(void **d, int compute, int scale)
{
    if ((compute != LT_COMPUTE_32F && compute != LT_COMPUTE_TF32) || scale != LT_R_32F) return 15;
    return *d = new lt_desc{compute}, 0;
}
static int lt_desc_destroy(void *d) { return delete (lt_desc *)d, 0; }
static int lt_desc_set(void *d, int a, const void *v, size_t n)
{
    lt_desc *x = (lt_desc *)d;
    if (a == LT_DESC_BIAS_POINTER && n == sizeof(void *)) memcpy(&x->bias, v, n);
    else if (n != 4) return 7;
    else memcpy(a == LT_DESC_TRANSA ? &x->ta : a == LT_DESC_TRANSB ? &x->tb : &x->epilogue, v, n);
    return 0;
}
static int lt_layout_create(void **l, int type, uint64_t rows, uint64_t columns, int64_t ld) { return *l = new lt_layout{type, rows, columns, ld}, 0; }
static int lt_layout_destroy(void *l) { return delete (lt_layout *)l, 0; }
static int lt_pref_create(void **p) { return *p = new lt_preference, 0; }
static int lt_pref_destroy(void *p) { return delete (lt_preference *)p, 0; }
static int lt_pref_set(void *p, int a, const void *v, size_t n)
{
    lt_preference *x = (lt_preference *)p;
    if (a == LT_PREF_WORKSPACE && n == 8) memcpy(&x->workspace, v, n);
    else if (a == LT_PREF_REDUCTION && n == 4) memcpy(&x->reduction, v, n);
    else if (a >= LT_PREF_ALIGN_A && a <= LT_PREF_ALIGN_D && n == 4) memcpy(&x->align, v, n);
    else return 7;
    return 0;
}

static number lt_number(int type) { return type == LT_R_16BF ? BF16 : type == LT_R_16F ? F16 : F32; }
static number lt_factor(const lt_desc &d, int type) { return type == LT_R_32F && d.compute == LT_COMPUTE_TF32 ? TF32 : lt_number(type); }

static bool lt_fits(const lt_desc &d, const lt_layout &a, const lt_layout &b, const lt_layout &y)
{
    uint64_t m = d.ta ? a.columns : a.rows, k = d.ta ? a.rows : a.columns, kb = d.tb ? b.columns : b.rows, n = d.tb ? b.rows : b.columns;
    bool types = a.type == b.type && (d.compute == LT_COMPUTE_32F || a.type == LT_R_32F) && (y.type == a.type || y.type == LT_R_32F);
    return types && m == y.rows && n == y.columns && k == kb && a.ld >= (int64_t)a.rows && b.ld >= (int64_t)b.rows && y.ld >= (int64_t)y.rows;
}

/* An address that is set before the heuristics are asked tells them the alignment; a small one stands for none yet. */
static bool lt_bias_missing(const lt_desc &d, bool real) { return d.epilogue & LT_EPILOGUE_BIAS && (uintptr_t)d.bias < (real ? 4096u : 1u); }

static int lt_heuristic(void *, void *desc, void *a, void *b, void *c, void *d, void *pref, int wanted, anl__lt_choice *out, int *found)
{
    const lt_preference *p = (lt_preference *)pref;
    const char *even = getenv("ANL_SHIM_LT_EVEN");
    *found = 0;
    if (lt_bias_missing(*(lt_desc *)desc, false)) return 7;
    if (((lt_desc *)desc)->epilogue & ~(LT_EPILOGUE_DEFAULT | LT_EPILOGUE_BIAS)) return 15; /* not imitated */
    if (even && *even == '1' && (((lt_layout *)a)->ld | ((lt_layout *)b)->ld | ((lt_layout *)d)->ld) & 1) return 15;
    if (wanted < 1 || c != d || p->workspace < LT_WORKSPACE || !lt_fits(*(lt_desc *)desc, *(lt_layout *)a, *(lt_layout *)b, *(lt_layout *)d)) return 0;
    for (; *found < wanted && *found < 3; ++*found) { /* alike but for their number, and the time that ANL_SHIM_FASTEST_LT gives one of them */
        memset(&out[*found], 0, sizeof *out);
        out[*found].algo.data[0] = p->align;
        out[*found].algo.data[1] = (uint64_t)*found;
        out[*found].workspace = LT_WORKSPACE;
    }
    return 0;
}

static int lt_matmul(void *handle, void *desc, const void *alpha, const void *a, void *la, const void *b, void *lb, const void *beta, const void *c, void *, void *y, void *ly,
                     const anl__lt_algo *algo, void *ws, size_t bytes, void *stream)
{
    lt_desc d = *(lt_desc *)desc;
    lt_layout A = *(lt_layout *)la, B = *(lt_layout *)lb, Y = *(lt_layout *)ly;
    float al, be;
    memcpy(&al, alpha, sizeof al);
    memcpy(&be, beta, sizeof be);
    uintptr_t low = (uintptr_t)a | (uintptr_t)b | (uintptr_t)y | (d.epilogue & LT_EPILOGUE_BIAS ? (uintptr_t)d.bias : 0);
    const char *fastest = getenv("ANL_SHIM_FASTEST_LT");
    anl_shim_ms = fastest && (uint64_t)atoi(fastest) == algo->data[1] ? 0.5f : 1;
    if (anl_shim_device_of((cudaStream_t)stream) != *(int *)handle) return 1; /* CUBLAS_STATUS_NOT_INITIALIZED */
    if (low % algo->data[0] || bytes != LT_WORKSPACE || c != y || lt_bias_missing(d, true)) return 7;
    return anl_shim_enqueue((cudaStream_t)stream, [=] {
        uint64_t inner = d.ta ? A.rows : A.columns;
        memset(ws, 0xff, bytes);
        for (uint64_t j = 0; j < Y.columns; j++)
            for (uint64_t i = 0; i < Y.rows; i++) {
                double sum = 0;
                for (uint64_t k = 0; k < inner; k++)
                    sum += (double)load(a, lt_factor(d, A.type), d.ta ? i * (size_t)A.ld + k : k * (size_t)A.ld + i) *
                           (double)load(b, lt_factor(d, B.type), d.tb ? k * (size_t)B.ld + j : j * (size_t)B.ld + k);
                sum = al * sum + (be != 0 ? be * (double)load(y, lt_number(Y.type), j * (size_t)Y.ld + i) : 0);
                if (d.epilogue & LT_EPILOGUE_BIAS) sum += (double)load(d.bias, lt_number(Y.type), i);
                store(y, lt_number(Y.type), j * (size_t)Y.ld + i, sum);
            }
    });
}

/* ---- cuDNN ----------------------------------------------------------------------------------- */

struct dnn_descriptor {
    int type;
    bool final = false;
    std::map<int, std::vector<unsigned char>> attribute;
    std::map<int, int64_t> count;
    dnn_descriptor *graph = nullptr; /* of a configuration or an engine */
    int engine = 0;
};
enum { ENGINE_NONDETERMINISTIC, ENGINE_TENSOR_CORE, ENGINE_PLAIN, ENGINE_PLAIN_TOO, ENGINES, DNN_WORKSPACE = 1000 };

template <class T> static T get(const dnn_descriptor *d, int a, size_t i = 0)
{
    T v;
    memcpy(&v, d->attribute.at(a).data() + i * sizeof v, sizeof v);
    return v;
}

static int dnn_create(void **h) { return *h = new dnn_handle, 0; }
static int dnn_destroy(void *h) { return delete (dnn_handle *)h, 0; }
static int dnn_set_stream(void *h, void *s)
{
    if (anl_shim_device_of((cudaStream_t)s) != ((dnn_handle *)h)->device) return 2000; /* BAD_PARAM */
    return ((dnn_handle *)h)->stream = (cudaStream_t)s, 0;
}
static void dnn_error(char *out, size_t n) { snprintf(out, n, "the stand-in refuses it"); }
static int dnn_make(int type, void **d) { return *d = new dnn_descriptor{type}, 0; }
static int dnn_free(void *d) { return delete (dnn_descriptor *)d, 0; }

static int dnn_set(void *desc, int a, int type, int64_t n, const void *v)
{
    dnn_descriptor *d = (dnn_descriptor *)desc;
    size_t each = type == DNN_T_INT64 || type == DNN_T_DESCRIPTOR || type == DNN_T_VOID_PTR || type == DNN_T_HANDLE ? 8 : type == DNN_T_BOOLEAN ? 1 : 4;
    if (d->final || n < 1) return 2000;
    if (type == DNN_T_DESCRIPTOR)
        for (int64_t i = 0; i < n; i++)
            if (!((dnn_descriptor *const *)v)[i]->final) return 2001;
    d->attribute[a].assign((const unsigned char *)v, (const unsigned char *)v + (size_t)n * each);
    d->count[a] = n;
    return 0;
}

static const std::map<int, std::vector<int>> needed = {
    {DNN_TENSOR, {DNN_A_TENSOR_TYPE, DNN_A_TENSOR_DIMS, DNN_A_TENSOR_STRIDES, DNN_A_TENSOR_ID, DNN_A_TENSOR_ALIGNMENT}},
    {DNN_CONVOLUTION, {DNN_A_CONV_COMP_TYPE, DNN_A_CONV_MODE, DNN_A_CONV_SPATIAL_DIMS, DNN_A_CONV_DILATIONS, DNN_A_CONV_STRIDES, DNN_A_CONV_PRE_PADDINGS, DNN_A_CONV_POST_PADDINGS}},
    {DNN_CONV_FORWARD, {DNN_A_FORWARD_CONV, DNN_A_FORWARD_X, DNN_A_FORWARD_W, DNN_A_FORWARD_Y, DNN_A_FORWARD_ALPHA, DNN_A_FORWARD_BETA}},
    {DNN_CONV_DATA, {DNN_A_DATA_CONV, DNN_A_DATA_DX, DNN_A_DATA_W, DNN_A_DATA_DY, DNN_A_DATA_ALPHA, DNN_A_DATA_BETA}},
    {DNN_CONV_FILTER, {DNN_A_FILTER_CONV, DNN_A_FILTER_X, DNN_A_FILTER_DW, DNN_A_FILTER_DY, DNN_A_FILTER_ALPHA, DNN_A_FILTER_BETA}},
    {DNN_POINTWISE, {DNN_A_POINTWISE_MODE, DNN_A_POINTWISE_PRECISION}},
    {DNN_OP_POINTWISE, {DNN_A_POINTWISE_OF, DNN_A_POINTWISE_X, DNN_A_POINTWISE_Y}},
    {DNN_GRAPH, {DNN_A_GRAPH_OPS, DNN_A_GRAPH_HANDLE}},
    {DNN_ENGINEHEUR, {DNN_A_HEUR_GRAPH, DNN_A_HEUR_MODE}},
    {DNN_PLAN, {DNN_A_PLAN_CFG, DNN_A_PLAN_HANDLE}},
    {DNN_VARIANT_PACK, {DNN_A_PACK_IDS, DNN_A_PACK_POINTERS, DNN_A_PACK_WORKSPACE}},
};

static const struct conv_op { int type, conv, x, w, y, alpha, beta; } conv_ops[] = {{DNN_CONV_FORWARD, DNN_A_FORWARD_CONV, DNN_A_FORWARD_X, DNN_A_FORWARD_W, DNN_A_FORWARD_Y, DNN_A_FORWARD_ALPHA, DNN_A_FORWARD_BETA},
                                                                        {DNN_CONV_DATA, DNN_A_DATA_CONV, DNN_A_DATA_DX, DNN_A_DATA_W, DNN_A_DATA_DY, DNN_A_DATA_ALPHA, DNN_A_DATA_BETA},
                                                                        {DNN_CONV_FILTER, DNN_A_FILTER_CONV, DNN_A_FILTER_X, DNN_A_FILTER_DW, DNN_A_FILTER_DY, DNN_A_FILTER_ALPHA, DNN_A_FILTER_BETA}};

/* Tensor cores want channels in eights; bias and relu are not for groups. */
static bool has_engine(const dnn_descriptor *graph, int engine)
{
    const dnn_descriptor *op = get<dnn_descriptor *>(graph, DNN_A_GRAPH_OPS);
    for (const auto &o : conv_ops) {
        if (op->type != o.type) continue;
        int64_t channels = get<int64_t>(get<dnn_descriptor *>(op, o.x), DNN_A_TENSOR_DIMS, 1), each = get<int64_t>(get<dnn_descriptor *>(op, o.w), DNN_A_TENSOR_DIMS, 1);
        if (engine == ENGINE_TENSOR_CORE && channels % 8) return false;
        return graph->count.at(DNN_A_GRAPH_OPS) == 1 || channels == each;
    }
    return false;
}

static int dnn_finalize(void *desc)
{
    dnn_descriptor *d = (dnn_descriptor *)desc;
    auto want = needed.find(d->type);
    if (d->final || want == needed.end()) return 2002;
    for (int a : want->second)
        if (!d->count.count(a)) return 2003;
    if (d->type == DNN_PLAN) {
        const dnn_descriptor *cfg = get<dnn_descriptor *>(d, DNN_A_PLAN_CFG);
        if (!has_engine(cfg->graph, cfg->engine)) return 3004;
    }
    d->final = true;
    return 0;
}

extern "C" __attribute__((visibility("default"))) long anl_shim_queries; /* of heuristics, for tests */
long anl_shim_queries;

static int dnn_get(void *desc, int a, int, int64_t room, int64_t *n, void *out)
{
    dnn_descriptor *d = (dnn_descriptor *)desc;
    *n = 1;
    if (a == DNN_A_HEUR_RESULTS) {
        if (!d->final || room < ENGINES) return 2004;
        anl_shim_queries++;
        for (int i = 0; i < ENGINES; i++) {
            dnn_descriptor *cfg = ((dnn_descriptor **)out)[i];
            cfg->graph = get<dnn_descriptor *>(d, DNN_A_HEUR_GRAPH);
            cfg->engine = i;
            cfg->final = true;
        }
        *n = ENGINES;
    } else if (a == DNN_A_CFG_ENGINE) {
        dnn_descriptor *e = *(dnn_descriptor **)out;
        e->engine = d->engine;
        e->final = true;
    } else if (a == DNN_A_ENGINE_INDEX) {
        int64_t v = d->engine;
        memcpy(out, &v, sizeof v);
    } else if (a == DNN_A_ENGINE_NUMERICAL_NOTE) {
        int v = d->engine == ENGINE_NONDETERMINISTIC ? DNN_NOTE_NONDETERMINISTIC : DNN_NOTE_TENSOR_CORE;
        memcpy(out, &v, sizeof v);
        *n = d->engine < ENGINE_PLAIN;
    } else if (a == DNN_A_ENGINE_BEHAVIOR_NOTE) {
        *n = 0;
    } else if (a == DNN_A_PLAN_WORKSPACE && d->final) {
        int64_t v = DNN_WORKSPACE;
        memcpy(out, &v, sizeof v);
    } else {
        return 2005;
    }
    return 0;
}

struct dnn_tensor { int64_t dim[4], stride[4], id; number kind; };

static dnn_tensor tensor_of(const dnn_descriptor *op, int a, bool tf32)
{
    const dnn_descriptor *d = get<dnn_descriptor *>(op, a);
    dnn_tensor t;
    for (size_t i = 0; i < 4; i++) {
        t.dim[i] = get<int64_t>(d, DNN_A_TENSOR_DIMS, i);
        t.stride[i] = get<int64_t>(d, DNN_A_TENSOR_STRIDES, i);
    }
    t.id = get<int64_t>(d, DNN_A_TENSOR_ID);
    int type = get<int>(d, DNN_A_TENSOR_TYPE);
    t.kind = type == DNN_BFLOAT16 ? BF16 : type == DNN_HALF ? F16 : tf32 ? TF32 : F32;
    return t;
}

static size_t at(const dnn_tensor &t, int64_t n, int64_t c, int64_t h, int64_t w) { return (size_t)(n * t.stride[0] + c * t.stride[1] + h * t.stride[2] + w * t.stride[3]); }

/* cuDNN's relu makes 0 of a NaN unless it is told to let it pass. */
enum relus { NO_RELU, RELU_HIDES_NAN, RELU_PASSES_NAN };

/* Every term of a convolution, added up in double where its result belongs. */
static void convolve(int type, const dnn_tensor &x, const dnn_tensor &w, const dnn_tensor &y, void *px, void *pw, void *py, const void *pb, relus relu, double alpha, double beta,
                     const int64_t pad[2], const int64_t stride[2], const int64_t dilation[2])
{
    const dnn_tensor &r = type == DNN_CONV_FORWARD ? y : type == DNN_CONV_DATA ? x : w;
    std::vector<double> sum((size_t)(r.dim[0] * r.dim[1] * r.dim[2] * r.dim[3]));
    int64_t groups = x.dim[1] / w.dim[1], each = w.dim[0] / groups;
    for (int64_t n = 0; n < y.dim[0]; n++)
        for (int64_t k = 0; k < y.dim[1]; k++)
            for (int64_t i = 0; i < y.dim[2]; i++)
                for (int64_t j = 0; j < y.dim[3]; j++)
                    for (int64_t p = 0; p < w.dim[2]; p++)
                        for (int64_t q = 0; q < w.dim[3]; q++) {
                            int64_t yy = i * stride[0] + p * dilation[0] - pad[0], xx = j * stride[1] + q * dilation[1] - pad[1];
                            if (yy < 0 || yy >= x.dim[2] || xx < 0 || xx >= x.dim[3]) continue;
                            for (int64_t c = 0; c < w.dim[1]; c++) {
                                size_t ax = at(x, n, k / each * w.dim[1] + c, yy, xx), aw = at(w, k, c, p, q), ay = at(y, n, k, i, j);
                                if (type == DNN_CONV_FORWARD) sum[ay] += (double)load(px, x.kind, ax) * (double)load(pw, w.kind, aw);
                                else if (type == DNN_CONV_DATA) sum[ax] += (double)load(py, y.kind, ay) * (double)load(pw, w.kind, aw);
                                else sum[aw] += (double)load(px, x.kind, ax) * (double)load(py, y.kind, ay);
                            }
                        }
    void *out = type == DNN_CONV_FORWARD ? py : type == DNN_CONV_DATA ? px : pw;
    for (size_t i = 0; i < sum.size(); i++) {
        double v = alpha * sum[i] + (beta != 0 ? beta * (double)load(out, r.kind == TF32 ? F32 : r.kind, i) : 0) + (pb ? (double)load(pb, r.kind == TF32 ? F32 : r.kind, i % (size_t)r.dim[1]) : 0);
        store(out, r.kind, i, (relu && v < 0) || (relu == RELU_HIDES_NAN && std::isnan(v)) ? 0 : v);
    }
}

static bool is_virtual(const dnn_descriptor *t) { return t->count.count(DNN_A_TENSOR_VIRTUAL) && t->attribute.at(DNN_A_TENSOR_VIRTUAL)[0]; }

/* What follows the convolution: x of each operation is the virtual f32 result of the one before; the last writes a real tensor. */
struct behind { bool bias = false; relus relu = NO_RELU; dnn_tensor b, y; };
static bool behind_of(const dnn_descriptor *graph, const dnn_descriptor *sum, behind *out)
{
    int64_t n = graph->count.at(DNN_A_GRAPH_OPS);
    for (int64_t i = 1; i < n; i++) {
        const dnn_descriptor *op = get<dnn_descriptor *>(graph, DNN_A_GRAPH_OPS, (size_t)i), *mode = get<dnn_descriptor *>(op, DNN_A_POINTWISE_OF);
        if (op->type != DNN_OP_POINTWISE || get<dnn_descriptor *>(op, DNN_A_POINTWISE_X) != sum || !is_virtual(sum) || get<int>(sum, DNN_A_TENSOR_TYPE) != DNN_FLOAT) return false;
        if (get<int>(mode, DNN_A_POINTWISE_MODE) == DNN_ADD && !out->relu) {
            out->bias = true;
            out->b = tensor_of(op, DNN_A_POINTWISE_B, false);
        } else if (get<int>(mode, DNN_A_POINTWISE_MODE) == DNN_RELU) {
            out->relu = mode->count.count(DNN_A_POINTWISE_NAN) && get<int>(mode, DNN_A_POINTWISE_NAN) == DNN_NAN_PASSES ? RELU_PASSES_NAN : RELU_HIDES_NAN;
        } else {
            return false;
        }
        sum = get<dnn_descriptor *>(op, DNN_A_POINTWISE_Y);
        out->y = tensor_of(op, DNN_A_POINTWISE_Y, false);
    }
    if (out->bias && (out->b.dim[0] != 1 || out->b.dim[1] != out->y.dim[1] || out->b.dim[2] != 1 || out->b.dim[3] != 1)) return false;
    return !is_virtual(sum);
}


static int dnn_execute(void *handle, void *plan, void *pack)
{
    const char *fastest = getenv("ANL_SHIM_FASTEST"); /* the engine that takes half a millisecond on the shim's clock, not one */
    const dnn_descriptor *p = (dnn_descriptor *)plan, *v = (dnn_descriptor *)pack;
    if (!p->final || !v->final || v->count.at(DNN_A_PACK_IDS) != v->count.at(DNN_A_PACK_POINTERS)) return 3000;
    const dnn_descriptor *cfg = get<dnn_descriptor *>(p, DNN_A_PLAN_CFG), *graph = cfg->graph, *op = get<dnn_descriptor *>(graph, DNN_A_GRAPH_OPS);
    std::map<int64_t, void *> pointer;
    for (size_t i = 0; i < (size_t)v->count.at(DNN_A_PACK_IDS); i++) pointer[get<int64_t>(v, DNN_A_PACK_IDS, i)] = get<void *>(v, DNN_A_PACK_POINTERS, i);
    void *ws = get<void *>(v, DNN_A_PACK_WORKSPACE);
    anl_shim_ms = fastest && atoi(fastest) == get<dnn_descriptor *>(p, DNN_A_PLAN_CFG)->engine ? 0.5f : 1;
    for (const auto &o : conv_ops) {
        if (op->type != o.type) continue;
        const dnn_descriptor *c = get<dnn_descriptor *>(op, o.conv);
        bool tf32 = cfg->engine == ENGINE_TENSOR_CORE; /* of f32 tensors */
        dnn_tensor x = tensor_of(op, o.x, tf32), w = tensor_of(op, o.w, tf32), y = tensor_of(op, o.y, tf32);
        behind more;
        more.y = y;
        if (!behind_of(graph, get<dnn_descriptor *>(op, o.y), &more) || pointer.size() != (more.bias ? 4u : 3u)) return 3005;
        for (size_t i = 0; i < 4; i++)
            if (more.y.dim[i] != y.dim[i]) return 3006;
        y = more.y;
        struct { int64_t pad[2], stride[2], dilation[2]; } g;
        for (size_t i = 0; i < 2; i++) {
            g.pad[i] = get<int64_t>(c, DNN_A_CONV_PRE_PADDINGS, i);
            g.stride[i] = get<int64_t>(c, DNN_A_CONV_STRIDES, i);
            g.dilation[i] = get<int64_t>(c, DNN_A_CONV_DILATIONS, i);
            int64_t after = get<int64_t>(c, DNN_A_CONV_POST_PADDINGS, i), reach = (w.dim[2 + i] - 1) * g.dilation[i] + 1;
            if (y.dim[2 + i] != (x.dim[2 + i] + g.pad[i] + after - reach) / g.stride[i] + 1) return 3001;
        }
        void *px = pointer.at(x.id), *pw = pointer.at(w.id), *py = pointer.at(y.id), *pb = more.bias ? pointer.at(more.b.id) : nullptr;
        if (((uintptr_t)px | (uintptr_t)pw | (uintptr_t)py | (uintptr_t)pb | (uintptr_t)ws) % 16) return 3002;
        double alpha = (double)get<float>(op, o.alpha), beta = getenv("ANL_SHIM_NO_ADD") ? 0 : (double)get<float>(op, o.beta); /* a library that does not add */
        return anl_shim_enqueue(((dnn_handle *)handle)->stream, [=] {
            memset(ws, 0xff, DNN_WORKSPACE);
            convolve(o.type, x, w, y, px, pw, py, pb, more.relu, alpha, beta, g.pad, g.stride, g.dilation);
        });
    }
    return 3003;
}

/* ---- what the plug-in asks for --------------------------------------------------------------- */

static size_t version() { return 0; }

extern "C" anl_status anl__cuda_libs_open(anl_ctx *ctx, void *stream, anl__cuda_libs **out)
{
    const char *wanted = getenv("ANL_SHIM_LIBS");
    anl__cuda_libs *libs = (anl__cuda_libs *)anl__alloc(ctx, sizeof *libs);
    if (!libs) return ANL_NOMEM;
    *out = libs;
    if (wanted && *wanted == '0') return ANL_OK;
    libs->lt = (anl__cublaslt *)anl__alloc(ctx, sizeof *libs->lt);
    libs->cudnn = (anl__cudnn *)anl__alloc(ctx, sizeof *libs->cudnn);
    if (!libs->lt || !libs->cudnn) return anl__cuda_libs_close(ctx, libs), ANL_NOMEM;
    *libs->lt = anl__cublaslt{nullptr, false, 0, version, lt_create, lt_destroy, lt_desc_create, lt_desc_destroy, lt_desc_set, lt_layout_create, lt_layout_destroy,
                              lt_pref_create, lt_pref_destroy, lt_pref_set, lt_heuristic, lt_matmul, ctx, nullptr};
    *libs->cudnn = anl__cudnn{nullptr, nullptr, false, 0, version, version, dnn_create, dnn_destroy, dnn_set_stream, dnn_error, dnn_make, dnn_free, dnn_finalize, dnn_set, dnn_get, dnn_execute};
    libs->cudnn->ctx = ctx;
    fake_rnn(libs->cudnn);
    libs->lt->Create(&libs->lt->handle);
    libs->cudnn->Create(&libs->cudnn->handle);
    if (libs->cudnn->SetStream(libs->cudnn->handle, stream)) abort();
    return ANL_OK;
}

extern "C" void anl__cuda_libs_close(anl_ctx *ctx, anl__cuda_libs *libs)
{
    if (!libs) return;
    anl__dnn_rnn_forget(ctx, libs);
    anl__plan_forget(ctx, libs);
    anl__dnn_form_forget(libs->cudnn);
    anl__lt_product_forget(libs->lt);
    if (libs->cudnn) libs->cudnn->Destroy(libs->cudnn->handle);
    if (libs->lt) libs->lt->Destroy(libs->lt->handle);
    anl__free(ctx, libs->cudnn);
    anl__free(ctx, libs->lt);
    anl__free(ctx, libs);
}

extern "C" void anl__cuda_libs_describe(const anl__cuda_libs *libs, anl__buf *out) { anl__buf_add(out, libs->lt ? ", libraries imitated" : ", no libraries"); }

extern "C" void anl__cuda_libs_report(anl_ctx *ctx, anl__buf *out)
{
    (void)ctx;
    anl__buf_add(out, "libraries are imitated in the shim\n");
}
