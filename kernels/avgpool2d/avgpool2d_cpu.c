/* Average pooling on the workers, f32 and bf16; a sample's sums are in double, as in the reference. */
#include "kernels/common/cpu.h"
#include "kernels/common/window.h"

#define T float
#define FN(x) x##_f32
#define LOAD(p, i) (p)[i]
#define STORE(p, i, v) (p)[i] = (float)(v)
#include "avgpool2d_body.h"
#undef T
#undef FN
#undef LOAD
#undef STORE
#define T anl__bf16
#define FN(x) x##_bf16
#define LOAD(p, i) anl__from_bf16((p)[i])
#define STORE(p, i, v) (p)[i] = anl__to_bf16((float)(v))
#include "avgpool2d_body.h"

#define KERNEL(fn, op_name)                                                                                                          \
    static void fn##_task(const anl__prepared *p, const anl__run *r, int task, int worker)                                           \
    {                                                                                                                                \
        anl__rows rows = anl__rows_of(p, &p->call.in[0].shape, task);                                                                \
        (void)worker;                                                                                                                \
        for (int64_t n = rows.begin; n < rows.end; n++)                                                                              \
            if (p->call.in[0].dtype == ANL_F32) fn##_sample_f32(&p->call, r->in[0], r->out[0], n);                                   \
            else fn##_sample_bf16(&p->call, r->in[0], r->out[0], n);                                                                 \
    }                                                                                                                                \
    static const anl__kernel fn = {.op = op_name, .device = "cpu", .name = op_name "/cpu", .rank = 10, .supports = anl__cpu_dtype,   \
                                   .prepare = anl__sliced_prepare, .task = fn##_task, .samplewise = true};
KERNEL(avg, "avgpool2d")
KERNEL(avg_bwd, "avgpool2d_bwd")
KERNEL(global, "global_avgpool")
KERNEL(global_bwd, "global_avgpool_bwd")
const anl__kernel *const anl__kernels_avgpool2d_cpu[] = {&avg, &avg_bwd, &global, &global_bwd, NULL};
