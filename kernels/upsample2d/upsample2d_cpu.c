/* Upsampling on the workers, f32 and bf16, sample by sample. */
#ifndef T
#include "upsample2d.h"
#define ANL__CPU_FILE "kernels/upsample2d/upsample2d_cpu.c"
#define LOAD(p, i) GET((p)[i])
#define STORE(p, i, v) (p)[i] = PUT((float)(v))
#include "kernels/common/cpu_twice.h"

#define KERNEL(fn, op_name)                                                                                                          \
    static void fn##_task(const anl__prepared *p, const anl__run *r, int task, int worker)                                           \
    {                                                                                                                                \
        anl__rows rows = anl__rows_of(p, &p->call.in[0].shape, task);                                                                \
        (void)worker;                                                                                                                \
        for (int64_t n = rows.begin; n < rows.end; n++) ANL__BY_TYPE(p->call.in[0].dtype, fn##_sample, &p->call, r->in[0], r->out[0], n); \
    }                                                                                                                                \
    static const anl__kernel fn = {.op = op_name, .device = "cpu", .name = op_name "/cpu", .rank = 10, .supports = anl__cpu_dtype,   \
                                   .prepare = anl__sliced_prepare, .task = fn##_task, .samplewise = true};
KERNEL(up, "upsample2d")
KERNEL(bwd, "upsample2d_bwd")
const anl__kernel *const anl__kernels_upsample2d_cpu[] = {&up, &bwd, NULL};
#else
#include "upsample2d_body.h"
#endif
