/* The stand-in for the driver under the real CUDA runtime: what CUDA forbids is refused with CUDA's code, what it allows is done. */
#include "rules_kernels.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), cudaSuccess)
#define GIVES(code, call)                  \
    do {                                   \
        assert_int_equal((call), (code));  \
        (void)cudaGetLastError();          \
    } while (0)
#define REFUSED(call)                                \
    do {                                             \
        assert_int_not_equal((call), cudaSuccess);   \
        (void)cudaGetLastError();                    \
    } while (0)

enum { N = 1024 };
static cudaStream_t s;
static float *p;

static int set_up(void **state)
{
    (void)state;
    return cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking) != cudaSuccess || cudaMalloc((void **)&p, N * sizeof *p) != cudaSuccess;
}

static int tear_down(void **state)
{
    (void)state;
    return cudaFree(p) != cudaSuccess || cudaStreamDestroy(s) != cudaSuccess;
}

static void begin(enum cudaStreamCaptureMode mode) { OK(cudaStreamBeginCapture(s, mode)); }
static void broken(void)
{
    cudaGraph_t g;
    GIVES(cudaErrorStreamCaptureInvalidated, cudaStreamEndCapture(s, &g));
}
static cudaGraphExec_t ended(size_t nodes)
{
    cudaGraph_t g;
    cudaGraphExec_t e;
    size_t n = 0;
    OK(cudaStreamEndCapture(s, &g));
    OK(cudaGraphGetNodes(g, NULL, &n));
    assert_int_equal(n, nodes);
    OK(cudaGraphInstantiate(&e, g, 0));
    OK(cudaGraphDestroy(g));
    return e;
}

/* ---- memory ------------------------------------------------------------------------------------ */

static void copies_and_memsets_are_done(void **state)
{
    float host[N] = {0}, back[N];
    (void)state;
    host[7] = 3;
    OK(cudaMemcpy(p, host, sizeof host, cudaMemcpyHostToDevice));
    OK(cudaMemsetAsync(p, 0, 4 * sizeof *p, s));
    OK(cudaMemcpyAsync(back, p, sizeof back, cudaMemcpyDeviceToHost, s));
    OK(cudaStreamSynchronize(s));
    assert_memory_equal(host, back, sizeof host);
}

static void memory_that_is_not_there_is_refused(void **state)
{
    float host[4] = {0}, *gone;
    (void)state;
    GIVES(cudaErrorInvalidValue, cudaMemcpyAsync(p + N - 2, host, sizeof host, cudaMemcpyHostToDevice, s));
    GIVES(cudaErrorInvalidValue, cudaMemsetAsync(p + N - 2, 0, sizeof host, s));
    OK(cudaMalloc((void **)&gone, 4096));
    OK(cudaFree(gone));
    GIVES(cudaErrorInvalidValue, cudaMemcpyAsync(gone, host, sizeof host, cudaMemcpyHostToDevice, s));
    GIVES(cudaErrorIllegalAddress, rules_add(gone, 4, 1, 32, s));
    GIVES(cudaErrorInvalidValue, cudaFree(gone));
    GIVES(cudaErrorMemoryAllocation, cudaMalloc((void **)&gone, (size_t)1 << 42));
}

/* ---- launches ---------------------------------------------------------------------------------- */

static void launches_keep_to_the_limits(void **state)
{
    (void)state;
    OK(rules_add(p, N, 4, 256, s));
    REFUSED(rules_add(p, N, 0, 256, s)); /* the runtime may have a code of its own */
    REFUSED(rules_add(p, N, 1, 1025, s));
    OK(rules_narrow(p, 128, s));
    GIVES(cudaErrorLaunchOutOfResources, rules_narrow(p, 129, s));
    OK(rules_sharing(p, 48 << 10, false, s));
    GIVES(cudaErrorInvalidValue, rules_sharing(p, (48 << 10) + 16, false, s));
    OK(rules_sharing(p, 227 << 10, true, s));
    GIVES(cudaErrorInvalidValue, rules_sharing(p, (227 << 10) + 16, true, s));
    OK(rules_together(p, N, 132 * 8, s));
    GIVES(cudaErrorCooperativeLaunchTooLarge, rules_together(p, N, 132 * 8 + 1, s));
}

/* ---- captures ---------------------------------------------------------------------------------- */

static void a_graph_does_what_was_captured_when_it_is_launched(void **state)
{
    float *host, *from;
    (void)state;
    OK(cudaHostAlloc((void **)&host, N * sizeof *host, 0));
    OK(cudaMalloc((void **)&from, N * sizeof *from));
    OK(cudaMemset(p, 0, N * sizeof *p));
    host[0] = 1;
    begin(cudaStreamCaptureModeThreadLocal);
    OK(cudaMemsetAsync(from, 0x40, N * sizeof *from, s));
    OK(rules_add(from, N, 4, 256, s));
    OK(cudaMemcpyAsync(host, from, N * sizeof *host, cudaMemcpyDeviceToHost, s));
    cudaGraphExec_t e = ended(3);
    assert_true(host[0] == 1);
    OK(cudaGraphLaunch(e, s));
    OK(cudaStreamSynchronize(s));
    assert_int_equal(((unsigned char *)host)[0], 0x40);
    OK(cudaFree(from)); /* what the graph uses is gone */
    GIVES(cudaErrorInvalidValue, cudaGraphLaunch(e, s));
    OK(cudaGraphExecDestroy(e));
    OK(cudaFreeHost(host));
}

static void in_a_capture_memory_is_not_taken(void **state)
{
    void *more;
    (void)state;
    begin(cudaStreamCaptureModeThreadLocal);
    GIVES(cudaErrorStreamCaptureUnsupported, cudaMalloc(&more, 64));
    broken();
    begin(cudaStreamCaptureModeGlobal);
    GIVES(cudaErrorStreamCaptureUnsupported, cudaFree(p));
    broken();
    begin(cudaStreamCaptureModeRelaxed);
    OK(cudaMalloc(&more, 64));
    OK(cudaFree(more));
    OK(cudaGraphExecDestroy(ended(0)));
}

static void a_captured_stream_is_not_waited_for(void **state)
{
    cudaEvent_t e;
    (void)state;
    OK(cudaEventCreateWithFlags(&e, cudaEventDisableTiming));
    begin(cudaStreamCaptureModeThreadLocal);
    GIVES(cudaErrorStreamCaptureUnsupported, cudaStreamSynchronize(s));
    broken();
    begin(cudaStreamCaptureModeThreadLocal);
    GIVES(cudaErrorStreamCaptureUnsupported, cudaStreamQuery(s));
    broken();
    begin(cudaStreamCaptureModeThreadLocal);
    GIVES(cudaErrorStreamCaptureUnsupported, cudaDeviceSynchronize());
    broken();
    begin(cudaStreamCaptureModeThreadLocal);
    OK(cudaEventRecord(e, s));
    GIVES(cudaErrorCapturedEvent, cudaEventSynchronize(e));
    broken();
    OK(cudaEventDestroy(e));
}

static void what_is_forked_is_joined(void **state)
{
    cudaStream_t side;
    cudaEvent_t fork, join;
    cudaGraph_t g;
    (void)state;
    OK(cudaStreamCreateWithFlags(&side, cudaStreamNonBlocking));
    OK(cudaEventCreate(&fork));
    OK(cudaEventCreate(&join));
    for (int joined = 0; joined < 2; joined++) {
        begin(cudaStreamCaptureModeThreadLocal);
        OK(rules_add(p, N, 4, 256, s));
        OK(cudaEventRecord(fork, s));
        OK(cudaStreamWaitEvent(side, fork, 0));
        OK(rules_add(p, N, 4, 256, side));
        OK(cudaEventRecord(join, side));
        if (joined) OK(cudaStreamWaitEvent(s, join, 0));
        if (joined) OK(cudaGraphExecDestroy(ended(2)));
        else GIVES(cudaErrorStreamCaptureUnjoined, cudaStreamEndCapture(s, &g));
    }
    /* work outside is none of its business */
    OK(cudaEventRecord(join, side));
    begin(cudaStreamCaptureModeThreadLocal);
    GIVES(cudaErrorStreamCaptureIsolation, cudaStreamWaitEvent(s, join, 0));
    broken();
    OK(cudaEventDestroy(fork));
    OK(cudaEventDestroy(join));
    OK(cudaStreamDestroy(side));
}

static void the_legacy_stream_is_left_alone(void **state)
{
    cudaStream_t blocking;
    cudaGraph_t g;
    (void)state;
    GIVES(cudaErrorStreamCaptureUnsupported, cudaStreamBeginCapture(NULL, cudaStreamCaptureModeThreadLocal));
    OK(cudaStreamCreate(&blocking));
    OK(cudaStreamBeginCapture(blocking, cudaStreamCaptureModeThreadLocal));
    GIVES(cudaErrorStreamCaptureImplicit, rules_add(p, N, 4, 256, NULL));
    GIVES(cudaErrorStreamCaptureInvalidated, cudaStreamEndCapture(blocking, &g));
    OK(cudaStreamDestroy(blocking));
}

static void *take_elsewhere(void *at)
{
    void *more;
    *(cudaError_t *)at = cudaMalloc(&more, 64);
    if (*(cudaError_t *)at == cudaSuccess) cudaFree(more);
    return NULL;
}

static cudaError_t elsewhere(void)
{
    cudaError_t e;
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, take_elsewhere, &e), 0);
    pthread_join(t, NULL);
    return e;
}

static void the_mode_says_whom_a_capture_binds(void **state)
{
    (void)state;
    begin(cudaStreamCaptureModeThreadLocal);
    OK(elsewhere());
    OK(cudaGraphExecDestroy(ended(0)));
    begin(cudaStreamCaptureModeGlobal);
    GIVES(cudaErrorStreamCaptureUnsupported, elsewhere());
    broken();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_and_memsets_are_done),
        cmocka_unit_test(memory_that_is_not_there_is_refused),
        cmocka_unit_test(launches_keep_to_the_limits),
        cmocka_unit_test(a_graph_does_what_was_captured_when_it_is_launched),
        cmocka_unit_test(in_a_capture_memory_is_not_taken),
        cmocka_unit_test(a_captured_stream_is_not_waited_for),
        cmocka_unit_test(what_is_forked_is_joined),
        cmocka_unit_test(the_legacy_stream_is_left_alone),
        cmocka_unit_test(the_mode_says_whom_a_capture_binds),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
