/* What the processor has, and what ANNEAL_CPU_ISA leaves of it; see isa.h. */
#include "isa.h"

#include <stdatomic.h>
#include <string.h>
#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

static const char *const names[] = {"plain", "avx2", "avx512", "avx512bf16", "amx"};

static anl__isa named(const char *name)
{
    int i = 0;
    while (i < ANL__ISA_COUNT && strcmp(name, names[i])) i++;
    return (anl__isa)i;
}

/* ANL__ISA_COUNT: none, or *name is unknown. */
static anl__isa limit_of(const char **name)
{
    *name = anl__environment("ANNEAL_CPU_ISA");
    return *name ? named(*name) : ANL__ISA_COUNT;
}

anl_status anl__isa_limit(anl_ctx *ctx, anl__isa *limit)
{
    const char *name;
    *limit = limit_of(&name);
    if (name && *limit == ANL__ISA_COUNT)
        return anl__fail(ctx, ANL_INVALID, "ANNEAL_CPU_ISA is '%s'; it may be plain, avx2, avx512, avx512bf16 or amx", name);
    return ANL_OK;
}

#if defined(__x86_64__) && defined(__GNUC__)
/* The processor has the tiles, and the system lets this process use them (it must be asked: their state is large). */
static bool has_amx(void)
{
    enum { BF16 = 1 << 22, TILE = 1 << 24, REQUEST = 0x1023, TILE_DATA = 18 };
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & BF16) || !(d & TILE)) return false;
    return syscall(SYS_arch_prctl, REQUEST, TILE_DATA) == 0;
}

static anl__isa best(void)
{
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return ANL__ISA_PLAIN;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq"))
        return ANL__ISA_AVX2;
    if (!__builtin_cpu_supports("avx512bf16")) return ANL__ISA_AVX512;
    return has_amx() ? ANL__ISA_AMX : ANL__ISA_AVX512_BF16;
}
#else
static anl__isa best(void) { return ANL__ISA_PLAIN; }
#endif

anl__isa anl__isa_used(void)
{
    static _Atomic int known; /* one more than the set; 0: not yet asked */
    int isa = atomic_load_explicit(&known, memory_order_relaxed) - 1;
    if (isa >= 0) return (anl__isa)isa;
    const char *name;
    int limit = (int)limit_of(&name), has = (int)best();
    isa = limit < has ? limit : has;
    atomic_store_explicit(&known, isa + 1, memory_order_relaxed);
    return (anl__isa)isa;
}
