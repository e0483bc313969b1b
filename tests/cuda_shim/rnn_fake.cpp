/* Test only: a stand-in for cuDNN's RNN API: cells by definition, with refusals for descriptors that do not
 * fit each other, spaces that are too small, unaligned pointers, gradients without a forward pass and
 * weights' gradients without those of the data. The persistent algorithm takes no bf16, 8 samples and 64
 * units. The weight space is contiguous in f32; in 16 bits there is a gap before every block, as the
 * interface allows. */
#include "fake.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

namespace
{

enum { BAD = 2000, UNSUPPORTED = 3000, GAP = 8, WORKSPACE = 3000 };
const double FORWARD_DONE = 77, DATA_DONE = 78; /* marks in a reserve */
const int gates_of[] = {1, 1, 4, 3};

struct dropout_desc {
    bool set = false;
};
struct tensor_desc {
    int type = -1;
    std::vector<int> dims;
};
struct rnn_desc {
    int algo = -1, cell = 0, type = 0, math = 0, in = 0, hidden = 0;
};
struct data_desc {
    int type = -1, steps = 0, batch = 0, features = 0;
};

template <class T> int make(void **out) { return *out = new T, 0; }
template <class T> int drop(void *d) { return delete (T *)d, 0; }

int set_tensor(void *d, int type, int n, const int *dims, const int *strides)
{
    tensor_desc *t = (tensor_desc *)d;
    int each = 1;
    for (int i = n; i-- > 0; each *= dims[i])
        if (strides[i] != each) return BAD;
    t->type = type;
    t->dims.assign(dims, dims + n);
    return 0;
}

int get_tensor(const void *d, int room, int *type, int *n, int *dims, int *)
{
    const tensor_desc *t = (const tensor_desc *)d;
    if (room < (int)t->dims.size()) return BAD;
    *type = t->type;
    *n = (int)t->dims.size();
    std::copy(t->dims.begin(), t->dims.end(), dims);
    return 0;
}

int set_dropout(void *d, void *handle, float rate, void *, size_t, unsigned long long)
{
    if (!handle || rate != 0) return BAD;
    return ((dropout_desc *)d)->set = true, 0;
}

int set_rnn(void *d, int algo, int cell, int bias, int direction, int input, int type, int precision,
            int math, int32_t in, int32_t hidden, int32_t projected, int32_t layers, void *dropout,
            uint32_t flags)
{
    bool fits = type == DNN_FLOAT ? math != DNN_MATH_TENSOR_OP /* FMA is exact, the default may be TF32 */
                                  : math == (type == DNN_HALF ? DNN_MATH_TENSOR_OP : DNN_MATH_DEFAULT);
    if (!dropout || !((dropout_desc *)dropout)->set || bias != DNN_RNN_DOUBLE_BIAS ||
        direction != DNN_RNN_ONE_DIRECTION || input != DNN_RNN_LINEAR_INPUT || precision != DNN_FLOAT ||
        projected != hidden || layers != 1 || flags != DNN_RNN_PADDED_IO || !fits || in < 1 || hidden < 1)
        return BAD;
    *(rnn_desc *)d = rnn_desc{algo, cell, type, math, in, hidden};
    return 0;
}

int set_data(void *d, int type, int layout, int steps, int batch, int features, const int *lengths, void *)
{
    if (layout != DNN_RNN_TIME_MAJOR) return BAD;
    for (int i = 0; i < batch; i++)
        if (lengths[i] != steps) return BAD;
    *(data_desc *)d = data_desc{type, steps, batch, features};
    return 0;
}

bool narrow(const rnn_desc &r) { return r.type != DNN_FLOAT; }
number kind_of(const rnn_desc &r) { return r.type == DNN_BFLOAT16 ? BF16 : r.type == DNN_HALF ? F16 : F32; }

/* Element where block `id` of the matrices (bias: of the vectors) begins. */
size_t block_at(const rnn_desc &r, int id, bool bias, size_t *end = nullptr)
{
    size_t G = (size_t)gates_of[r.cell], H = (size_t)r.hidden, gap = narrow(r) ? GAP : 0, at = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < 2 * G; i++) {
            at += gap;
            if (pass == (int)bias && (int)i == id) return at;
            at += pass ? H : H * (i < G ? (size_t)r.in : H);
        }
    if (end) *end = at;
    return at;
}

size_t space_bytes(const rnn_desc &r)
{
    size_t end = 0;
    block_at(r, -1, false, &end);
    return end * (narrow(r) ? 2 : 4);
}

int weight_bytes(void *handle, void *d, size_t *out)
{
    return handle && ((rnn_desc *)d)->algo >= 0 ? (*out = space_bytes(*(rnn_desc *)d), 0) : BAD;
}

int weight_params(void *handle, void *d, int32_t layer, size_t bytes, const void *weights, int32_t id,
                  void *matrix, void **at, void *bias, void **bias_at)
{
    const rnn_desc &r = *(rnn_desc *)d;
    int G = gates_of[r.cell];
    if (!handle || layer || bytes != space_bytes(r) || id < 0 || id >= 2 * G) return BAD;
    *(tensor_desc *)matrix = tensor_desc{r.type, {1, r.hidden, id < G ? r.in : r.hidden}};
    *(tensor_desc *)bias = tensor_desc{r.type, {1, r.hidden, 1}};
    *at = (char *)weights + block_at(r, id, false) * (narrow(r) ? 2 : 4);
    *bias_at = (char *)weights + block_at(r, id, true) * (narrow(r) ? 2 : 4);
    return 0;
}

/* The reserve: a mark, then per step and sample 13 H doubles: gates, the cell state, gradients of both sums
 * of each gate. */
size_t row(const rnn_desc &r) { return 13 * (size_t)r.hidden; }
size_t reserve_bytes(const rnn_desc &r, const data_desc &x)
{
    return (1 + row(r) * (size_t)(x.steps * x.batch)) * sizeof(double);
}

int temp_bytes(void *handle, void *d, int mode, void *x, size_t *ws, size_t *reserve)
{
    if (!handle || ((data_desc *)x)->type < 0) return BAD;
    *ws = WORKSPACE;
    *reserve = mode == DNN_RNN_TRAINING ? reserve_bytes(*(rnn_desc *)d, *(data_desc *)x) : 0;
    return 0;
}

int check(const rnn_desc &r, const data_desc &x, const data_desc &y, const tensor_desc &h,
          std::initializer_list<const void *> pointers)
{
    if (r.algo == DNN_RNN_PERSIST_STATIC && (r.type == DNN_BFLOAT16 || x.batch > 8 || r.hidden > 64))
        return UNSUPPORTED;
    std::vector<int> state = {1, x.batch, r.hidden};
    if (x.type != r.type || y.type != r.type || h.type != r.type || x.features != r.in ||
        y.features != r.hidden || x.steps != y.steps || x.batch != y.batch || h.dims != state)
        return BAD;
    for (const void *p : pointers)
        if ((uintptr_t)p % 16) return BAD;
    return 0;
}

double logistic(double v) { return 1 / (1 + std::exp(-v)); }

struct layer { /* one call */
    rnn_desc r;
    int T, N;
    const void *w;
    number kind;
    double W(int id, size_t j, size_t k) const
    {
        return load(w, r.type == DNN_FLOAT && r.math != DNN_MATH_FMA ? TF32 : kind,
                    block_at(r, id, false) + j * (size_t)(id < gates_of[r.cell] ? r.in : r.hidden) + k);
    }
    double b(int id, size_t j) const { return load(w, kind, block_at(r, id, true) + j); }
};

void run_forward(const layer &l, const void *x, void *y, const void *hx, void *hy, const void *cx, void *cy,
                 double *reserve)
{
    size_t H = (size_t)l.r.hidden, I = (size_t)l.r.in, G = (size_t)gates_of[l.r.cell], N = (size_t)l.N;
    if (reserve) reserve[0] = FORWARD_DONE;
    for (size_t n = 0; n < N; n++) {
        std::vector<double> h(H), c(H), now(H);
        for (size_t j = 0; j < H; j++) {
            h[j] = hx ? load(hx, l.kind, n * H + j) : 0;
            c[j] = cx ? load(cx, l.kind, n * H + j) : 0;
        }
        for (size_t t = 0; t < (size_t)l.T; t++) {
            for (size_t j = 0; j < H; j++) {
                double a[4] = {0}, b[4] = {0}, u[5] = {0};
                for (size_t g = 0; g < G; g++) {
                    a[g] = l.b((int)g, j);
                    b[g] = l.b((int)(G + g), j);
                    for (size_t k = 0; k < I; k++)
                        a[g] += l.W((int)g, j, k) * load(x, l.kind, (t * N + n) * I + k);
                    for (size_t k = 0; k < H; k++) b[g] += l.W((int)(G + g), j, k) * h[k];
                }
                if (l.r.cell == DNN_RNN_LSTM) {
                    u[0] = logistic(a[0] + b[0]), u[1] = logistic(a[1] + b[1]), u[2] = std::tanh(a[2] + b[2]),
                    u[3] = logistic(a[3] + b[3]);
                    u[4] = c[j] = u[1] * c[j] + u[0] * u[2];
                    now[j] = u[3] * std::tanh(c[j]);
                } else if (l.r.cell == DNN_RNN_GRU) {
                    u[0] = logistic(a[0] + b[0]), u[1] = logistic(a[1] + b[1]),
                    u[2] = std::tanh(a[2] + u[0] * b[2]), u[3] = b[2];
                    now[j] = (1 - u[1]) * u[2] + u[1] * h[j];
                } else {
                    now[j] = l.r.cell == DNN_RNN_TANH ? std::tanh(a[0] + b[0]) : std::max(a[0] + b[0], 0.0);
                }
                for (size_t q = 0; reserve && q < 5; q++)
                    reserve[1 + (t * N + n) * row(l.r) + q * H + j] = u[q];
            }
            for (size_t j = 0; j < H; j++) {
                store(y, l.kind, (t * N + n) * H + j, now[j]);
                h[j] = load(y, l.kind, (t * N + n) * H + j);
            }
        }
        for (size_t j = 0; j < H; j++) {
            if (hy) store(hy, l.kind, n * H + j, h[j]);
            if (cy) store(cy, l.kind, n * H + j, c[j]);
        }
    }
}

void run_data(const layer &l, const void *y, const void *dy, void *dx, const void *hx, const void *dhy,
              void *dhx, const void *cx, const void *dcy, void *dcx, double *reserve)
{
    size_t H = (size_t)l.r.hidden, I = (size_t)l.r.in, G = (size_t)gates_of[l.r.cell], N = (size_t)l.N;
    reserve[0] = DATA_DONE;
    for (size_t n = 0; n < N; n++) {
        std::vector<double> dh(H), dc(H), da(G * H), db(G * H);
        for (size_t j = 0; j < H; j++) {
            dh[j] = dhy ? load(dhy, l.kind, n * H + j) : 0;
            dc[j] = dcy ? load(dcy, l.kind, n * H + j) : 0;
        }
        for (size_t t = (size_t)l.T; t-- > 0;) {
            double *u = reserve + 1 + (t * N + n) * row(l.r);
            for (size_t j = 0; j < H; j++) {
                double d = dh[j] + load(dy, l.kind, (t * N + n) * H + j),
                       hp = t    ? load(y, l.kind, ((t - 1) * N + n) * H + j)
                            : hx ? load(hx, l.kind, n * H + j)
                                 : 0;
                double u0 = u[j], u1 = u[H + j], u2 = u[2 * H + j], u3 = u[3 * H + j];
                if (l.r.cell == DNN_RNN_LSTM) {
                    double tc = std::tanh(u[4 * H + j]), e = dc[j] + d * u3 * (1 - tc * tc),
                           cp = t    ? u[4 * H + j - N * row(l.r)]
                                : cx ? load(cx, l.kind, n * H + j)
                                     : 0;
                    da[j] = e * u2 * u0 * (1 - u0), da[H + j] = e * cp * u1 * (1 - u1),
                    da[2 * H + j] = e * u0 * (1 - u2 * u2), da[3 * H + j] = d * tc * u3 * (1 - u3);
                    for (size_t g = 0; g < G; g++) db[g * H + j] = da[g * H + j];
                    dc[j] = e * u1;
                    dh[j] = 0;
                } else if (l.r.cell == DNN_RNN_GRU) {
                    double dn = d * (1 - u1) * (1 - u2 * u2);
                    da[j] = db[j] = dn * u3 * u0 * (1 - u0);
                    da[H + j] = db[H + j] = d * (hp - u2) * u1 * (1 - u1);
                    da[2 * H + j] = dn;
                    db[2 * H + j] = dn * u0;
                    dh[j] = d * u1;
                } else {
                    double v = load(y, l.kind, (t * N + n) * H + j);
                    da[j] = db[j] = d * (l.r.cell == DNN_RNN_TANH ? 1 - v * v : v > 0 ? 1 : 0);
                    dh[j] = 0;
                }
            }
            for (size_t k = 0; k < I; k++) {
                double sum = 0;
                for (size_t q = 0; q < G * H; q++) sum += da[q] * l.W((int)(q / H), q % H, k);
                store(dx, l.kind, (t * N + n) * I + k, sum);
            }
            for (size_t k = 0; k < H; k++)
                for (size_t q = 0; q < G * H; q++) dh[k] += db[q] * l.W((int)(G + q / H), q % H, k);
            for (size_t q = 0; q < G * H; q++) {
                u[5 * H + q] = da[q];
                u[9 * H + q] = db[q];
            }
        }
        for (size_t j = 0; j < H; j++) {
            if (dhx) store(dhx, l.kind, n * H + j, dh[j]);
            if (dcx) store(dcx, l.kind, n * H + j, dc[j]);
        }
    }
}

void run_weights(const layer &l, const void *x, const void *hx, const void *y, void *dw,
                 const double *reserve)
{
    size_t H = (size_t)l.r.hidden, G = (size_t)gates_of[l.r.cell], N = (size_t)l.N;
    for (size_t id = 0; id < 2 * G; id++) {
        bool in = id < G;
        size_t columns = in ? (size_t)l.r.in : H, from = (in ? 5 : 9) * H + (in ? id : id - G) * H;
        for (size_t j = 0; j < H; j++)
            for (size_t k = 0; k <= columns; k++) {
                double sum = 0;
                for (size_t t = 0; t < (size_t)l.T; t++)
                    for (size_t n = 0; n < N; n++) {
                        double d = reserve[1 + (t * N + n) * row(l.r) + from + j];
                        double v = k == columns ? 1
                                   : in         ? load(x, l.kind, (t * N + n) * columns + k)
                                   : t          ? load(y, l.kind, ((t - 1) * N + n) * H + k)
                                   : hx         ? load(hx, l.kind, n * H + k)
                                                : 0;
                        sum += d * v;
                    }
                size_t at = k == columns ? block_at(l.r, (int)id, true) + j
                                         : block_at(l.r, (int)id, false) + j * columns + k;
                store(dw, l.kind, at, load(dw, l.kind, at) + sum);
            }
    }
}

} // namespace
extern "C" float anl_shim_ms;
namespace
{

int forward(void *handle, void *d, int mode, const int32_t *, void *xd, const void *x, void *yd, void *y,
            void *hd, const void *hx, void *hy, void *, const void *cx, void *cy, size_t bytes,
            const void *weights, size_t ws_bytes, void *ws, size_t r_bytes, void *reserve)
{
    const rnn_desc &r = *(rnn_desc *)d;
    const data_desc &in = *(data_desc *)xd;
    bool train = mode == DNN_RNN_TRAINING;
    int bad =
        check(r, in, *(data_desc *)yd, *(tensor_desc *)hd, {x, y, hx, hy, cx, cy, weights, ws, reserve});
    if (bad) return bad;
    if (!handle || !x || !y || !weights || !ws || bytes != space_bytes(r) || ws_bytes < WORKSPACE ||
        (train && (!reserve || r_bytes < reserve_bytes(r, in))))
        return BAD;
    if ((cx || cy) && r.cell != DNN_RNN_LSTM) return BAD;
    const char *fastest = getenv("ANL_SHIM_FASTEST"); /* as of engines */
    anl_shim_ms = fastest && atoi(fastest) == r.algo ? 0.5f : 1;
    layer l = {r, in.steps, in.batch, weights, kind_of(r)};
    return anl_shim_enqueue(((dnn_handle *)handle)->stream, [=] {
        memset(ws, 0xff, ws_bytes);
        run_forward(l, x, y, hx, hy, cx, cy, train ? (double *)reserve : nullptr);
    });
}

int backward_data(void *handle, void *d, const int32_t *, void *yd, const void *y, const void *dy, void *xd,
                  void *dx, void *hd, const void *hx, const void *dhy, void *dhx, void *, const void *cx,
                  const void *dcy, void *dcx, size_t bytes, const void *weights, size_t ws_bytes, void *ws,
                  size_t r_bytes, void *reserve)
{
    const rnn_desc &r = *(rnn_desc *)d;
    const data_desc &in = *(data_desc *)xd;
    int bad = check(r, in, *(data_desc *)yd, *(tensor_desc *)hd,
                    {y, dy, dx, hx, dhy, dhx, cx, dcy, dcx, weights, ws, reserve});
    if (bad) return bad;
    if (!handle || !y || !dy || !dx || !weights || !ws || !reserve || bytes != space_bytes(r) ||
        ws_bytes < WORKSPACE || r_bytes < reserve_bytes(r, in))
        return BAD;
    layer l = {r, in.steps, in.batch, weights, kind_of(r)};
    return anl_shim_enqueue(((dnn_handle *)handle)->stream, [=] {
        memset(ws, 0xff, ws_bytes);
        if (((double *)reserve)[0] == FORWARD_DONE)
            run_data(l, y, dy, dx, hx, dhy, dhx, cx, dcy, dcx, (double *)reserve);
        else
            memset(dx, 0xff, (size_t)(in.steps * in.batch * in.features) * (narrow(l.r) ? 2 : 4));
    });
}

int backward_weights(void *handle, void *d, int add, const int32_t *, void *xd, const void *x, void *hd,
                     const void *hx, void *yd, const void *y, size_t bytes, void *dweights, size_t ws_bytes,
                     void *ws, size_t r_bytes, void *reserve)
{
    const rnn_desc &r = *(rnn_desc *)d;
    const data_desc &in = *(data_desc *)xd;
    int bad = check(r, in, *(data_desc *)yd, *(tensor_desc *)hd, {x, hx, y, dweights, ws, reserve});
    if (bad) return bad;
    if (!handle || add != DNN_RNN_ADD || !x || !y || !dweights || !ws || !reserve ||
        bytes != space_bytes(r) || ws_bytes < WORKSPACE || r_bytes < reserve_bytes(r, in))
        return BAD;
    layer l = {r, in.steps, in.batch, dweights, kind_of(r)};
    return anl_shim_enqueue(((dnn_handle *)handle)->stream, [=] {
        memset(ws, 0xff, ws_bytes);
        if (((double *)reserve)[0] == DATA_DONE)
            run_weights(l, x, hx, y, dweights, (double *)reserve);
        else
            memset(dweights, 0xff, bytes);
    });
}

} // namespace

void fake_rnn(anl__cudnn *t)
{
    t->CreateTensorDescriptor = make<tensor_desc>;
    t->SetTensorNdDescriptor = set_tensor;
    t->GetTensorNdDescriptor = get_tensor;
    t->DestroyTensorDescriptor = drop<tensor_desc>;
    t->CreateDropoutDescriptor = make<dropout_desc>;
    t->SetDropoutDescriptor = set_dropout;
    t->DestroyDropoutDescriptor = drop<dropout_desc>;
    t->CreateRNNDescriptor = make<rnn_desc>;
    t->SetRNNDescriptor_v8 = set_rnn;
    t->DestroyRNNDescriptor = drop<rnn_desc>;
    t->CreateRNNDataDescriptor = make<data_desc>;
    t->SetRNNDataDescriptor = set_data;
    t->DestroyRNNDataDescriptor = drop<data_desc>;
    t->GetRNNWeightSpaceSize = weight_bytes;
    t->GetRNNTempSpaceSizes = temp_bytes;
    t->GetRNNWeightParams = weight_params;
    t->RNNForward = forward;
    t->RNNBackwardData_v8 = backward_data;
    t->RNNBackwardWeights_v8 = backward_weights;
}
