/* Which of the processor's instructions our products and oneDNN use: the best set that it has, or a lesser one that ANNEAL_CPU_ISA
 * names. Loops compiled by ANL__CLONES (cpu.h) give the same bits in every set and are not limited. */
#ifndef ANL_ISA_H
#define ANL_ISA_H

#include "base/base.h"

/* Each has all that the ones before it have. AVX2 comes with FMA, AVX512 with F, VL, BW and DQ. */
typedef enum anl__isa { ANL__ISA_PLAIN, ANL__ISA_AVX2, ANL__ISA_AVX512, ANL__ISA_AVX512_BF16, ANL__ISA_AMX, ANL__ISA_COUNT } anl__isa;

/* What ANNEAL_CPU_ISA names (plain, avx2, avx512, avx512bf16, amx); ANL__ISA_COUNT: it is not set. ANL_INVALID: it names no set. */
anl_status anl__isa_limit(anl_ctx *ctx, anl__isa *limit) ANL_MUST;
anl__isa anl__isa_used(void);

#endif
