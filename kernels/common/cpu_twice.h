/* How a cpu kernel is written once and compiled for f32 and bf16 activations. A file <op>_cpu.c reads:
 *
 *     #ifndef T
 *     #define ANL__CPU_FILE "kernels/<op>/<op>_cpu.c"
 *     #include "kernels/common/cpu_twice.h"      (includes this file with T = float, FN(x) = x_f32; then T = anl__bf16)
 *     ... kernels that call FN(x) by type: ANL__BY_TYPE ...
 *     #else
 *     static void FN(x)(...) { ... float v = GET(p[i]); p[i] = PUT(v); ... }
 *     #endif
 *
 * No include guard: used once by each file.
 */
#include "cpu.h"

#define ANL__BY_TYPE(type, fn, ...) ((type) == ANL_BF16 ? fn##_bf16(__VA_ARGS__) : fn##_f32(__VA_ARGS__))

#define T float
#define FN(x) x##_f32
#define GET(v) (v)
#define PUT(v) (v)
#include ANL__CPU_FILE
#undef T
#undef FN
#undef GET
#undef PUT
#define T anl__bf16
#define FN(x) x##_bf16
#define GET(v) anl__from_bf16(v)
#define PUT(v) anl__to_bf16(v)
#include ANL__CPU_FILE
#undef T
#undef FN
#undef GET
#undef PUT
