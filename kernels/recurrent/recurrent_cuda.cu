/* recurrent and its gradient as a masked loop of cells: the products with w_ih for all steps at once, then a product with w_hh and one pass over
 * the batch's units a step; backward the same from the end, the weights' gradients as products over all steps. Products by cuBLASLt where it is and takes
 * all of them, in the type of the activations with f32 sums, else ours. A step costs two launches, which a recording hides. Bytes moved a step: w_hh, the gates and the states once; bound: their latency for small layers, the weights' bytes for
 * large ones. A gru whose reset comes before the product has two products and two passes a step: r and z, then n from r h. Not measured on a GPU. */
#include "kernels/common/column_sums.cuh"
#include "kernels/common/product.cuh"

extern "C" {
#include "kernels/device_cuda/plugin/lt_product.h"
#include "recurrent.h"
}

/* ---- products of row-major matrices ---------------------------------------------------------- */

enum kind { FORWARD, DATA, WEIGHT }; /* y = x w'; dx = dy w; dw = dy' x, with x (rows, in), y (rows, out), w (out, in) */

struct matmul {
    kind of;
    int64_t rows, in, out;
    bool lt;
    anl__lt_product p;
};

static bool matmul_make(const anl__cublaslt *lt, kind of, anl_dtype type, anl_dtype result, int64_t rows, int64_t in, int64_t out, matmul *m)
{
    anl__lt_shape s = {};
    *m = matmul{of, rows, in, out, lt != NULL, {}};
    s.in = type;
    s.out = result;
    s.epilogue = LT_EPILOGUE_DEFAULT;
    s.m = (uint64_t)(of == FORWARD ? out : in);
    s.n = (uint64_t)(of == WEIGHT ? out : rows);
    s.k = (uint64_t)(of == FORWARD ? in : of == DATA ? out : rows);
    s.trans_a = of == FORWARD;
    s.trans_b = of == WEIGHT;
    return !lt || anl__lt_product_make(lt, &s, &m->p);
}

static size_t matmul_space(const matmul &m) { return m.lt ? m.p.choice.workspace : 0; }

/* a: x or dy; b: w or x, by kind. B: the type of b without cuBLASLt. */
template <class A, class B, class Y> static anl_status matmul_run(const anl__run *r, const matmul &m, const A *a, const void *b, Y *y, bool accum, void *ws)
{
    if (m.lt) {
        int status = anl__lt_product_run(&m.p, b, a, y, accum, NULL, ws, anl__cuda_stream(r->device)); /* the transposed product: operands change places */
        return status ? anl__cuda_failed(r->device, "cuBLASLt", status, "a recurrent layer") : ANL_OK;
    }
    int64_t rows = m.of == WEIGHT ? m.out : m.rows, columns = m.of == FORWARD ? m.out : m.in, inner = m.of == FORWARD ? m.in : m.of == DATA ? m.out : m.rows;
    anl_strides sa = m.of == FORWARD ? anl_strides{m.in, 1} : m.of == DATA ? anl_strides{m.out, 1} : anl_strides{1, m.out};
    anl_strides sb = m.of == FORWARD ? anl_strides{1, m.in} : anl_strides{m.in, 1};
    void (*f)(const A *, anl_strides, const B *, anl_strides, Y *, const float *, int64_t, int64_t, int64_t, bool, bool) = anl_product<A, B, Y>;
    return ANL_LAUNCH(f, dim3((unsigned)((rows + ANL_TILE - 1) / ANL_TILE), (unsigned)((columns + ANL_TILE - 1) / ANL_TILE)), dim3(ANL_TILE, ANL_TILE), r, a, sa, (const B *)b,
                      sb, y, (const float *)NULL, rows, columns, inner, false, accum);
}

/* ---- what is prepared ------------------------------------------------------------------------ */

enum { PRODUCTS = 6 };
enum { FWD_X, FWD_H, FWD_N };                                  /* of recurrent; N: with w_hh's last third, for a gru with reset before */
enum { BWD_H, BWD_DX, BWD_DW_IH, BWD_DW_HH, BWD_N, BWD_DW_N }; /* of recurrent_bwd */
struct layer {
    anl__recurrence k;
    matmul product[PRODUCTS];
    int n;
};
struct space { /* of a run, by offsets in its workspace */
    size_t a, b, h, c, n, reset, steps, steps_n, previous, previous_n, sums, library, bytes;
};

static size_t add(space *s, int64_t elements, size_t size)
{
    size_t at = s->bytes;
    s->bytes += ((size_t)elements * size + 255) & ~(size_t)255;
    return at;
}

static size_t most_space(const layer *l)
{
    size_t most = 0;
    for (int i = 0; i < l->n; i++)
        if (matmul_space(l->product[i]) > most) most = matmul_space(l->product[i]);
    return most;
}

static space space_of(const anl__call *c, const layer *l, bool back)
{
    const anl__recurrence &k = l->k;
    int64_t gh = k.gates * k.units, rows = k.steps * k.batch;
    size_t t = anl_dtype_size(c->in[0].dtype);
    space s = {};
    s.a = add(&s, rows * gh, back ? t : sizeof(float)); /* forward: W x; backward: gradients of W x + b_ih, all steps */
    s.b = add(&s, k.batch * gh, back ? t : sizeof(float));
    s.h = add(&s, k.batch * k.units, back ? sizeof(float) : t);
    s.c = add(&s, k.batch * k.units, sizeof(float));
    if (k.before) { /* a step's n third, and forward r h, backward its gradient */
        s.n = add(&s, k.batch * k.units, back ? t : sizeof(float));
        s.reset = add(&s, k.batch * k.units, back ? sizeof(float) : t);
    }
    if (back) {
        s.steps = k.before ? add(&s, rows * 2 * k.units, t) : k.cell == ANL__GRU ? add(&s, rows * gh, t) : s.a; /* gradients of U h + b_hh, all steps; before: r and z */
        s.previous = add(&s, rows * k.units, t);
        if (k.before) {
            s.steps_n = add(&s, rows * k.units, t);
            s.previous_n = add(&s, rows * k.units, t);
        }
        s.sums = add(&s, (int64_t)(anl_column_space(rows, gh) / sizeof(float)), sizeof(float));
    }
    s.library = add(&s, (int64_t)most_space(l), 1);
    return s;
}

static bool is_back(const anl__call *c) { return !strcmp(c->op->name, "recurrent_bwd"); }

static bool make_products(const anl__cublaslt *lt, const anl__call *c, layer *l)
{
    const anl__recurrence &k = l->k;
    anl_dtype t = c->in[0].dtype;
    int64_t gh = k.gates * k.units, rows = k.steps * k.batch, hh = k.before ? 2 * k.units : gh;
    bool ok;
    if (!is_back(c)) {
        ok = matmul_make(lt, FORWARD, t, ANL_F32, rows, k.inputs, gh, &l->product[FWD_X]) && ++l->n && matmul_make(lt, FORWARD, t, ANL_F32, k.batch, k.units, hh, &l->product[FWD_H]) && ++l->n;
        if (k.before) ok = ok && matmul_make(lt, FORWARD, t, ANL_F32, k.batch, k.units, k.units, &l->product[FWD_N]) && ++l->n;
    } else {
        ok = matmul_make(lt, DATA, t, ANL_F32, k.batch, k.units, hh, &l->product[BWD_H]) && ++l->n && matmul_make(lt, DATA, t, t, rows, k.inputs, gh, &l->product[BWD_DX]) && ++l->n &&
             matmul_make(lt, WEIGHT, t, ANL_F32, rows, k.inputs, gh, &l->product[BWD_DW_IH]) && ++l->n &&
             matmul_make(lt, WEIGHT, t, ANL_F32, rows, k.units, hh, &l->product[BWD_DW_HH]) && ++l->n;
        if (k.before)
            ok = ok && matmul_make(lt, DATA, t, ANL_F32, k.batch, k.units, k.units, &l->product[BWD_N]) && ++l->n &&
                 matmul_make(lt, WEIGHT, t, ANL_F32, rows, k.units, k.units, &l->product[BWD_DW_N]) && ++l->n;
    }
    return ok;
}

static void drop_products(layer *l)
{
    for (int i = 0; i < l->n; i++)
        if (l->product[i].lt) anl__lt_product_release(&l->product[i].p);
    l->n = 0;
}

/* 16-bit products need both weights in 16 bits, so both must be parameters; w_hh's last third alone must be aligned. NULL too where the
 * library refuses a product, as it may odd sizes in 16 bits: then all are ours. */
static const anl__cublaslt *library_for(const anl__env *env, const anl__call *c)
{
    const anl__cublaslt *lt = anl__cuda_libs_of(env->device)->lt;
    bool narrow = anl__cuda_is_half(c->in[0].dtype);
    layer l = {};
    l.k = anl__recurrence_of(c);
    if (!lt || (l.k.before && l.k.units % 2) || (narrow && !(c->param[ANL__REC_W_IH] && c->param[ANL__REC_W_HH]))) return NULL;
    bool all = make_products(lt, c, &l);
    drop_products(&l);
    return all ? lt : NULL;
}

static bool supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    if (!anl_cuda_supports(env, c, why)) return false;
    if (!is_back(c) || !anl__recurrent_foreign(c)) return true;
    memcpy(why, "the reserve is cuDNN's", 23);
    return false;
}

static void release(anl_ctx *ctx, anl__prepared *p)
{
    layer *l = (layer *)p->state;
    if (l) drop_products(l);
    anl__free(ctx, l);
    p->state = NULL;
}

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    const anl__cublaslt *lt = library_for(env, &p->call);
    layer *l = (layer *)anl__alloc(env->ctx, sizeof *l);
    if (!l) return ANL_NOMEM;
    l->k = anl__recurrence_of(&p->call);
    p->state = l;
    if (!make_products(lt, &p->call, l)) {
        release(env->ctx, p);
        return anl__fail(env->ctx, ANL_DEVICE, "cuBLASLt has no algorithm for a product of this layer");
    }
    p->workspace = space_of(&p->call, l, is_back(&p->call)).bytes;
    memcpy(p->note, lt ? "cell loop, cuBLASLt" : "cell loop", lt ? 20 : 10);
    return ANL_OK;
}

static bool pack(const anl__env *env, const anl__call *c, int in, anl__pack *out)
{
    bool weights = in == ANL__REC_W_IH || in == ANL__REC_W_HH;
    return weights && anl__cuda_is_half(c->in[0].dtype) && library_for(env, c) && anl__cuda_pack_half(env, c, in, c->in[0].dtype, out);
}

/* ---- forward --------------------------------------------------------------------------------- */

static __device__ __forceinline__ float logistic(float v) { return 1 / (1 + expf(-v)); }

template <class T> __global__ void begin(int64_t n, const T *h0, const T *c0, T *h, float *c)
{
    ANL_EACH(e, n)
    {
        h[e] = h0 ? h0[e] : anl_to<T>(0);
        c[e] = c0 ? anl_float(c0[e]) : 0;
    }
}

/* A gru with reset before: r h of a step, zero past a sequence's end; b: U h, r and z. */
template <class T> __global__ void reset(anl__recurrence k, int64_t step, const int32_t *lengths, const float *a, const float *b, const float *b_ih, const float *b_hh, const T *h, T *rh)
{
    int64_t H = k.units;
    ANL_EACH(e, k.batch * H)
    {
        int64_t n = e / H, j = e % H, len = anl__sequence_length(&k, lengths, n), row = (step < len ? anl__sequence_time(&k, len, step) : step) * k.batch + n;
        float u = a[row * 3 * H + j] + (b_ih ? b_ih[j] : 0) + b[n * 2 * H + j] + (b_hh ? b_hh[j] : 0);
        rh[e] = anl_to<T>(step < len ? logistic(u) * anl_float(h[e]) : 0);
    }
}

/* b: U h; with reset before only r and z of it, and b_n: U_n (r h). */
template <class T> __global__ void cell(anl__recurrence k, int64_t step, const int32_t *lengths, const float *a, const float *b, const float *b_n, const float *b_ih, const float *b_hh,
                                        T *h, float *c, T *y, float *reserve)
{
    int64_t H = k.units, GH = k.gates * H;
    ANL_EACH(e, k.batch * H)
    {
        int64_t n = e / H, j = e % H, len = anl__sequence_length(&k, lengths, n), t = step < len ? anl__sequence_time(&k, len, step) : step, row = t * k.batch + n;
        float *kept = reserve ? reserve + row * k.kept * H + j : NULL, u[4], v[4], out[5], now;
        if (step >= len) {
            y[row * H + j] = anl_to<T>(0);
            for (int q = 0; kept && q < k.kept; q++) kept[q * H] = 0;
            continue;
        }
        for (int g = 0; g < 4; g++) { /* constant, so that arrays are registers */
            if (g >= k.gates) continue;
            u[g] = a[row * GH + g * H + j] + (b_ih ? b_ih[g * H + j] : 0);
            v[g] = (!b_n ? b[n * GH + g * H + j] : g < 2 ? b[n * 2 * H + g * H + j] : b_n[e]) + (b_hh ? b_hh[g * H + j] : 0);
        }
        if (k.cell == ANL__LSTM) {
            out[0] = logistic(u[0] + v[0]);
            out[1] = logistic(u[1] + v[1]);
            out[2] = tanhf(u[2] + v[2]);
            out[3] = logistic(u[3] + v[3]);
            out[4] = c[e] = out[1] * c[e] + out[0] * out[2];
            now = out[3] * tanhf(out[4]);
        } else if (k.cell == ANL__GRU) {
            out[0] = logistic(u[0] + v[0]);
            out[1] = logistic(u[1] + v[1]);
            out[2] = tanhf(u[2] + (k.before ? 1 : out[0]) * v[2]);
            out[3] = k.before ? out[0] * anl_float(h[e]) : v[2];
            now = (1 - out[1]) * out[2] + out[1] * anl_float(h[e]);
        } else {
            float a = u[0] + v[0];
            now = k.cell == ANL__RNN_TANH ? tanhf(a) : a < 0 ? 0 : a;
        }
        for (int q = 0; q < 5; q++)
            if (kept && q < k.kept) kept[q * H] = out[q];
        h[e] = y[row * H + j] = anl_to<T>(now);
    }
}

template <class T> __global__ void end(int64_t n, const T *h, const float *c, T *hn, T *cn)
{
    ANL_EACH(e, n)
    {
        hn[e] = h[e];
        if (cn) cn[e] = anl_to<T>(c[e]);
    }
}

template <class T> static const T *input(const anl__call *c, const anl__run *r, int i) { return anl__has_in(c, i) ? (const T *)r->in[i] : (const T *)NULL; }

/* The last third of w_hh, as it lies there: plain, or packed in the activations' type. */
static const void *last_third(const anl__recurrence &k, const matmul &m, anl_dtype type, const void *w)
{
    return (const char *)w + (size_t)(2 * k.units * k.units) * (m.lt ? anl_dtype_size(type) : sizeof(float));
}

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    const layer *l = (const layer *)p->state;
    const anl__recurrence &k = l->k;
    space s = space_of(c, l, false);
    char *ws = (char *)r->ws;
    float *a = (float *)(ws + s.a), *b = (float *)(ws + s.b), *b_n = k.before ? (float *)(ws + s.n) : (float *)NULL, *cell_state = (float *)(ws + s.c);
    const float *b_ih = input<float>(c, r, ANL__REC_B_IH), *b_hh = input<float>(c, r, ANL__REC_B_HH);
    const int32_t *lengths = input<int32_t>(c, r, ANL__REC_LENGTHS);
    T *h = (T *)(ws + s.h), *rh = (T *)(ws + s.reset);
    int64_t n = k.batch * k.units;
    unsigned blocks = anl_blocks(n, ANL_THREADS);
    float *reserve = anl__recurrent_reserve(c) >= 0 ? (float *)r->out[anl__recurrent_reserve(c)] : (float *)NULL;
    void (*first)(int64_t, const T *, const T *, T *, float *) = begin<T>;
    void (*gate)(anl__recurrence, int64_t, const int32_t *, const float *, const float *, const float *, const float *, const T *, T *) = reset<T>;
    void (*step)(anl__recurrence, int64_t, const int32_t *, const float *, const float *, const float *, const float *, const float *, T *, float *, T *, float *) = cell<T>;
    void (*last)(int64_t, const T *, const float *, T *, T *) = end<T>;
    ANL_TRY(ANL_LAUNCH(first, blocks, ANL_THREADS, r, n, input<T>(c, r, ANL__REC_H0), input<T>(c, r, ANL__REC_C0), h, cell_state));
    ANL_TRY((matmul_run<T, float, float>(r, l->product[FWD_X], (const T *)r->in[0], r->in[ANL__REC_W_IH], a, false, ws + s.library)));
    for (int64_t t = 0; t < k.steps; t++) {
        ANL_TRY((matmul_run<T, float, float>(r, l->product[FWD_H], (const T *)h, r->in[ANL__REC_W_HH], b, false, ws + s.library)));
        if (k.before) {
            const matmul &m = l->product[FWD_N];
            ANL_TRY(ANL_LAUNCH(gate, blocks, ANL_THREADS, r, k, t, lengths, (const float *)a, (const float *)b, b_ih, b_hh, (const T *)h, rh));
            ANL_TRY((matmul_run<T, float, float>(r, m, (const T *)rh, last_third(k, m, c->in[0].dtype, r->in[ANL__REC_W_HH]), b_n, false, ws + s.library)));
        }
        ANL_TRY(ANL_LAUNCH(step, blocks, ANL_THREADS, r, k, t, lengths, (const float *)a, (const float *)b, (const float *)b_n, b_ih, b_hh, h, cell_state, (T *)r->out[0], reserve));
    }
    return ANL_LAUNCH(last, blocks, ANL_THREADS, r, n, (const T *)h, (const float *)cell_state, (T *)r->out[1], k.cell == ANL__LSTM ? (T *)r->out[2] : (T *)NULL);
}
ANL_TYPED_RUN(fwd)

/* ---- backward -------------------------------------------------------------------------------- */

template <class T> struct given { /* inputs and results of backward; NULL: absent */
    const T *y, *h0, *c0, *dy, *dhn, *dcn;
    const int32_t *lengths;
    const float *reserve;
    T *da, *db, *all, *previous; /* da, all: of all steps; db: of this step; previous: the state before each step */
    T *dn, *all_n, *previous_n;  /* a gru with reset before: db and all have r and z, these n, and r h of each step */
    float *dh, *dc, *drh;        /* drh: gradient of r h of this step */
};

template <class T> __global__ void begin_back(int64_t n, const T *dhn, const T *dcn, float *dh, float *dc)
{
    ANL_EACH(e, n)
    {
        dh[e] = dhn ? anl_float(dhn[e]) : 0;
        dc[e] = dcn ? anl_float(dcn[e]) : 0;
    }
}

template <class T> __global__ void cell_back(anl__recurrence k, int64_t step, given<T> v)
{
    int64_t H = k.units, GH = k.gates * H;
    ANL_EACH(e, k.batch * H)
    {
        int64_t n = e / H, j = e % H, len = anl__sequence_length(&k, v.lengths, n), t = step < len ? anl__sequence_time(&k, len, step) : step, row = t * k.batch + n;
        float da[4] = {0, 0, 0, 0}, db2 = 0, rh = 0;
        if (step < len) {
            int64_t last = step ? anl__sequence_time(&k, len, step - 1) * k.batch + n : 0;
            const float *u = v.reserve ? v.reserve + row * k.kept * H + j : NULL;
            float hp = step ? anl_float(v.y[last * H + j]) : v.h0 ? anl_float(v.h0[e]) : 0, dh = v.dh[e] + (v.dy ? anl_float(v.dy[row * H + j]) : 0), base = 0;
            if (k.cell == ANL__LSTM) {
                float cp = step ? v.reserve[last * k.kept * H + 4 * H + j] : v.c0 ? anl_float(v.c0[e]) : 0;
                float i = u[0], f = u[H], g = u[2 * H], o = u[3 * H], tc = tanhf(u[4 * H]), d = v.dc[e] + dh * o * (1 - tc * tc);
                da[0] = d * g * i * (1 - i);
                da[1] = d * cp * f * (1 - f);
                da[2] = d * i * (1 - g * g);
                da[3] = dh * tc * o * (1 - o);
                v.dc[e] = d * f;
            } else if (k.cell == ANL__GRU) {
                float rr = u[0], z = u[H], nn = u[2 * H], dn = dh * (1 - z) * (1 - nn * nn);
                da[0] = k.before ? 0 : dn * u[3 * H] * rr * (1 - rr); /* before: reset_back's */
                rh = u[3 * H];
                da[1] = dh * (hp - nn) * z * (1 - z);
                da[2] = dn;
                db2 = dn * rr;
                base = dh * z;
            } else {
                float now = anl_float(v.y[row * H + j]);
                da[0] = dh * (k.cell == ANL__RNN_TANH ? 1 - now * now : now > 0 ? 1 : 0);
            }
            v.dh[e] = base;
            v.previous[row * H + j] = anl_to<T>(hp);
        } else {
            v.previous[row * H + j] = anl_to<T>(0);
        }
        if (k.before) {
            v.dn[e] = v.all_n[row * H + j] = anl_to<T>(da[2]);
            v.previous_n[row * H + j] = anl_to<T>(rh);
            v.db[n * 2 * H + H + j] = v.all[row * 2 * H + H + j] = anl_to<T>(da[1]);
        }
        for (int g = 0; g < 4; g++) {
            if (g >= k.gates) continue;
            v.da[row * GH + g * H + j] = anl_to<T>(da[g]);
            if (k.before) continue;
            float b = k.cell == ANL__GRU && g == 2 ? db2 : da[g];
            v.db[n * GH + g * H + j] = anl_to<T>(b);
            if (v.all != v.da) v.all[row * GH + g * H + j] = anl_to<T>(b);
        }
    }
}

/* A gru with reset before, after cell_back and the product of dn with U_n: r's part. */
template <class T> __global__ void reset_back(anl__recurrence k, int64_t step, given<T> v)
{
    int64_t H = k.units;
    ANL_EACH(e, k.batch * H)
    {
        int64_t n = e / H, j = e % H, len = anl__sequence_length(&k, v.lengths, n), row = (step < len ? anl__sequence_time(&k, len, step) : step) * k.batch + n;
        float r = step < len ? v.reserve[row * k.kept * H + j] : 0;
        v.da[row * 3 * H + j] = v.db[n * 2 * H + j] = v.all[row * 2 * H + j] = anl_to<T>(v.drh[e] * anl_float(v.previous[row * H + j]) * r * (1 - r));
        if (step < len) v.dh[e] += v.drh[e] * r;
    }
}

template <class T> __global__ void end_back(int64_t n, const float *dh, const float *dc, T *dh0, T *dc0)
{
    ANL_EACH(e, n)
    {
        if (dh0) dh0[e] = anl_to<T>(dh[e]);
        if (dc0) dc0[e] = anl_to<T>(dc[e]);
    }
}

template <class T> static T *result(const anl__call *c, const anl__run *r, int which)
{
    int j = anl__recurrent_grad(c, which);
    return j < 0 ? (T *)NULL : (T *)r->out[j];
}

template <class T> static anl_status bwd_typed(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    const layer *l = (const layer *)p->state;
    const anl__recurrence &k = l->k;
    space s = space_of(c, l, true);
    char *ws = (char *)r->ws;
    int64_t n = k.batch * k.units, rows = k.steps * k.batch, gh = k.gates * k.units;
    unsigned blocks = anl_blocks(n, ANL_THREADS);
    given<T> v = {input<T>(c, r, ANL__REC_BWD_Y), input<T>(c, r, ANL__REC_BWD_H0), input<T>(c, r, ANL__REC_BWD_C0), input<T>(c, r, ANL__REC_BWD_DY), input<T>(c, r, ANL__REC_BWD_DHN),
                  input<T>(c, r, ANL__REC_BWD_DCN), input<int32_t>(c, r, ANL__REC_BWD_LENGTHS), input<float>(c, r, ANL__REC_BWD_RESERVE), (T *)(ws + s.a), (T *)(ws + s.b),
                  (T *)(ws + s.steps), (T *)(ws + s.previous), (T *)(ws + s.n), (T *)(ws + s.steps_n), (T *)(ws + s.previous_n), (float *)(ws + s.h), (float *)(ws + s.c), (float *)(ws + s.reset)};
    void (*first)(int64_t, const T *, const T *, float *, float *) = begin_back<T>;
    void (*step)(anl__recurrence, int64_t, given<T>) = cell_back<T>, (*gate)(anl__recurrence, int64_t, given<T>) = reset_back<T>;
    void (*last)(int64_t, const float *, const float *, T *, T *) = end_back<T>;
    ANL_TRY(ANL_LAUNCH(first, blocks, ANL_THREADS, r, n, v.dhn, v.dcn, v.dh, v.dc));
    for (int64_t t = k.steps - 1; t >= 0; t--) {
        ANL_TRY(ANL_LAUNCH(step, blocks, ANL_THREADS, r, k, t, v));
        if (k.before) {
            const matmul &m = l->product[BWD_N];
            ANL_TRY((matmul_run<T, float, float>(r, m, (const T *)v.dn, last_third(k, m, c->in[0].dtype, r->in[ANL__REC_W_HH]), v.drh, false, ws + s.library)));
            ANL_TRY(ANL_LAUNCH(gate, blocks, ANL_THREADS, r, k, t, v));
        }
        ANL_TRY((matmul_run<T, float, float>(r, l->product[BWD_H], (const T *)v.db, r->in[ANL__REC_W_HH], v.dh, true, ws + s.library)));
    }
    T *dx = result<T>(c, r, ANL__REC_DX);
    float *dw_ih = result<float>(c, r, ANL__REC_DW_IH), *dw_hh = result<float>(c, r, ANL__REC_DW_HH), *db_ih = result<float>(c, r, ANL__REC_DB_IH), *db_hh = result<float>(c, r, ANL__REC_DB_HH);
    if (dx) ANL_TRY((matmul_run<T, float, T>(r, l->product[BWD_DX], (const T *)v.da, r->in[ANL__REC_W_IH], dx, false, ws + s.library)));
    if (dw_ih) ANL_TRY((matmul_run<T, T, float>(r, l->product[BWD_DW_IH], (const T *)v.da, r->in[0], dw_ih, false, ws + s.library)));
    if (dw_hh) ANL_TRY((matmul_run<T, T, float>(r, l->product[BWD_DW_HH], (const T *)v.all, v.previous, dw_hh, false, ws + s.library)));
    if (dw_hh && k.before)
        ANL_TRY((matmul_run<T, T, float>(r, l->product[BWD_DW_N], (const T *)v.all_n, v.previous_n, dw_hh + 2 * k.units * k.units, false, ws + s.library)));
    if (db_ih) ANL_TRY(anl_column_sums(r, (const T *)v.da, db_ih, (float *)(ws + s.sums), rows, gh, false));
    if (db_hh) ANL_TRY(anl_column_sums(r, (const T *)(k.before ? v.da : v.all), db_hh, (float *)(ws + s.sums), rows, gh, false));
    return ANL_LAUNCH(last, blocks, ANL_THREADS, r, n, (const float *)v.dh, (const float *)v.dc, result<T>(c, r, ANL__REC_DH0), result<T>(c, r, ANL__REC_DC0));
}
ANL_TYPED_RUN(bwd)

#define KERNEL(op_name, fn) {.op = op_name, .device = "cuda", .name = op_name "/cuda", .rank = 10, .supports = supports, .pack = pack, .prepare = prepare, .run = fn, .release = release}
static const anl__kernel k_fwd = KERNEL("recurrent", fwd), k_bwd = KERNEL("recurrent_bwd", bwd);
extern "C" const anl__kernel *const anl__kernels_recurrent_cuda[];
const anl__kernel *const anl__kernels_recurrent_cuda[] = {&k_fwd, &k_bwd, NULL};
