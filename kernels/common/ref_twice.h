/* Includes ANL__REF_FILE for float and for double; see ref.h. No include guard: used once by each reference file. */
#define T float
#define FN(x) x##_f32
#include ANL__REF_FILE
#undef T
#undef FN
#define T double
#define FN(x) x##_f64
#include ANL__REF_FILE
#undef T
#undef FN
