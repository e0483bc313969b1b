/* A row of k elements, type T, in double; included by the reference and the cpu kernel. LOAD(p, i), STORE(p, i, v). */
static void FN(softmax_row)(const T *x, const T *unused, T *y, int64_t k)
{
    double top = (double)LOAD(x, 0), sum = 0;
    (void)unused;
    for (int64_t j = 1; j < k; j++) top = (double)LOAD(x, j) > top ? (double)LOAD(x, j) : top;
    for (int64_t j = 0; j < k; j++) sum += exp((double)LOAD(x, j) - top);
    for (int64_t j = 0; j < k; j++) STORE(y, j, exp((double)LOAD(x, j) - top) / sum);
}

static void FN(log_softmax_row)(const T *x, const T *unused, T *y, int64_t k)
{
    double top = (double)LOAD(x, 0), sum = 0;
    (void)unused;
    for (int64_t j = 1; j < k; j++) top = (double)LOAD(x, j) > top ? (double)LOAD(x, j) : top;
    for (int64_t j = 0; j < k; j++) sum += exp((double)LOAD(x, j) - top);
    for (int64_t j = 0; j < k; j++) STORE(y, j, (double)LOAD(x, j) - top - log(sum));
}

static void FN(softmax_bwd_row)(const T *y, const T *dy, T *dx, int64_t k)
{
    double dot = 0;
    for (int64_t j = 0; j < k; j++) dot += (double)LOAD(y, j) * (double)LOAD(dy, j);
    for (int64_t j = 0; j < k; j++) STORE(dx, j, (double)LOAD(y, j) * ((double)LOAD(dy, j) - dot));
}

static void FN(log_softmax_bwd_row)(const T *y, const T *dy, T *dx, int64_t k)
{
    double sum = 0;
    for (int64_t j = 0; j < k; j++) sum += (double)LOAD(dy, j);
    for (int64_t j = 0; j < k; j++) STORE(dx, j, (double)LOAD(dy, j) - exp((double)LOAD(y, j)) * sum);
}
