/* The cpu kernels of conv2d. */
#include "conv2d_cpu.h"

#include "base/pool.h"
#include "kernels/common/cpu.h"

const anl__kernel *const anl__kernels_conv2d_cpu[] = {
    &anl__conv2d_product, &anl__conv2d_data_product, &anl__conv2d_filter_product,
#if defined(ANL_HAVE_DNNL)
    &anl__conv2d_dnnl, &anl__conv2d_data_dnnl, &anl__conv2d_filter_dnnl,
#endif
    NULL};

typedef struct adding { float *part; int64_t count, step; int tasks; } adding;
enum { PIECE = 4096 }; /* numbers that one task adds */

ANL__CLONES static void add_piece(float *part, int64_t n, int64_t step, int64_t len) { anl__tree_add_piece(part, n, step, len); }

static void add_task(void *arg, int task, int worker)
{
    const adding *a = arg;
    int64_t begin = (int64_t)task * PIECE, left = a->count - begin;
    (void)worker;
    add_piece(a->part + begin, a->tasks, a->step, left < PIECE ? left : PIECE);
}

void anl__conv_add_partials(const anl__run *r, int tasks, int64_t count)
{
    adding a = {r->ws, count, (int64_t)(anl__lines((size_t)count * sizeof(float)) / sizeof(float)), tasks};
    anl__pool_run(r->pool, (int)((count + PIECE - 1) / PIECE), add_task, &a);
}
