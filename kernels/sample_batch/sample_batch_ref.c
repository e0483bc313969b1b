#ifndef T
#include "kernels/common/ref.h"
#include "sample_batch.h"
#define ANL__REF_FILE "kernels/sample_batch/sample_batch_ref.c"
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("sample_batch", gather)
const anl__kernel *const anl__kernels_sample_batch_ref[] = {&gather_kernel, NULL};
#else
static void FN(gather)(const anl__call *c, const anl__run *r)
{
    anl__sb s = anl__sb_of(c);
    const int32_t *rng = r->in[ANL__SB_RNG];
    const T *scale = r->in[ANL__SB_SCALE], *shift = r->in[ANL__SB_SHIFT];
    const size_t label = anl_dtype_size(c->in[ANL__SB_LABELS].dtype);
    for (int64_t i = 0; i < s.n; i++) {
        int64_t id = anl__sb_sample(&s, rng, r->in[ANL__SB_INDEX], i), each = (int64_t)s.h * s.w * s.c;
        anl__view v = anl__augment_draw(&s.augment, anl__sb_seed(rng), (uint32_t)rng[ANL__RNG_EPOCH], id, s.h, s.w);
        T *x = (T *)r->in[ANL__SB_X] + i * each;
        memcpy((char *)r->in[ANL__SB_Y] + (size_t)i * label, (const char *)r->in[ANL__SB_LABELS] + (size_t)id * label, label);
        for (int32_t p = 0; p < s.h * s.w; p++)
            for (int32_t k = 0; k < s.c; k++) {
                int32_t from = anl__sb_pixel(&s, &v, p / s.w, p % s.w);
                int64_t at = id * each + (int64_t)from * s.c + k;
                T value = from < 0 ? 0 : c->in[ANL__SB_SAMPLES].dtype == ANL_U8 ? (T)((const uint8_t *)r->in[ANL__SB_SAMPLES])[at] : ((const T *)r->in[ANL__SB_SAMPLES])[at];
                value = value * scale[k];
                x[(int64_t)p * s.c + k] = anl__sb_erased(&v, p / s.w, p % s.w) ? 0 : value + shift[k];
            }
    }
}
#endif
