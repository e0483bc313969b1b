/* Products by cuBLASLt; see lt_product.h. Operands need 16-byte alignment, which slabs and arenas give. Sums are f32; reductions between
 * parts of the inner size are f32 in a fixed order, never in place, so the same bits come out each time on one device.
 * A product with a bias has a stand-in for its address when the heuristics are asked, so that they count on the alignment that run's has. Not run on a GPU. */
#include "lt_product.h"

#include "lt_tune.h"

#include <string.h>

enum { WORKSPACE_MOST = 32 << 20, ALIGN = 16, MOST_TIMED = 8 };

typedef struct told { anl__lt_shape shape; anl__lt_choice choice; } told;
typedef struct anl__lt_memory {
    told *told;
    int64_t n, cap;
} anl__lt_memory;

static int type_of(anl_dtype t) { return t == ANL_BF16 ? LT_R_16BF : t == ANL_F16 ? LT_R_16F : LT_R_32F; }

/* The heuristics' first ones, at most `wanted`, into `list`; returns how many. */
static int ask(const anl__cublaslt *lt, const anl__lt_product *p, int wanted, anl__lt_choice *list)
{
    void *pref = NULL;
    uint64_t most = WORKSPACE_MOST;
    uint32_t align = ALIGN, reduction = LT_REDUCTION_COMPUTE_TYPE;
    int found = 0, n = 0;
    if (lt->MatmulPreferenceCreate(&pref)) return 0;
    bool ok = !lt->MatmulPreferenceSetAttribute(pref, LT_PREF_WORKSPACE, &most, sizeof most) &&
              !lt->MatmulPreferenceSetAttribute(pref, LT_PREF_REDUCTION, &reduction, sizeof reduction);
    for (int which = LT_PREF_ALIGN_A; which <= LT_PREF_ALIGN_D; which++) ok = ok && !lt->MatmulPreferenceSetAttribute(pref, which, &align, sizeof align);
    ok = ok && !lt->MatmulAlgoGetHeuristic(lt->handle, p->desc, p->a, p->b, p->d, p->d, pref, wanted, list, &found);
    lt->MatmulPreferenceDestroy(pref);
    while (ok && n < found && !list[n].state) n++;
    return n;
}

static bool same(const anl__lt_shape *a, const anl__lt_shape *b)
{
    return a->m == b->m && a->n == b->n && a->k == b->k && a->trans_a == b->trans_a && a->trans_b == b->trans_b && a->in == b->in && a->out == b->out && a->epilogue == b->epilogue;
}

/* From memory, else from the heuristics: their first, or of the first ones the fastest, if that is to be measured. Without memory to keep it in, the answer is asked for again. */
static bool choose(anl__cublaslt *lt, const anl__lt_shape *s, anl__lt_product *p)
{
    if (!lt->memory) lt->memory = anl__calloc(lt->ctx, 1, sizeof *lt->memory);
    anl__lt_memory *m = lt->memory;
    for (int64_t i = 0; m && i < m->n; i++)
        if (same(&m->told[i].shape, s)) return p->choice = m->told[i].choice, true;
    bool room = m && anl__grow(lt->ctx, &m->told, &m->cap, m->n + 1, sizeof *m->told) == ANL_OK;
    anl__lt_choice list[MOST_TIMED];
    int n = ask(lt, p, lt->timed_on ? MOST_TIMED : 1, list);
    if (!n) return false;
    p->choice = list[n > 1 ? anl__lt_fastest(lt->timed_on, s, p, list, n) : 0];
    if (room) m->told[m->n++] = (told){*s, p->choice};
    return true;
}

void anl__lt_product_forget(anl__cublaslt *lt)
{
    if (!lt || !lt->memory) return;
    anl__free(lt->ctx, lt->memory->told);
    anl__free(lt->ctx, lt->memory);
    lt->memory = NULL;
}

bool anl__lt_product_make(const anl__cublaslt *lt, const anl__lt_shape *s, anl__lt_product *out)
{
    int ta = s->trans_a ? LT_OP_T : LT_OP_N, tb = s->trans_b ? LT_OP_T : LT_OP_N, in = type_of(s->in);
    uint64_t ar = s->trans_a ? s->k : s->m, ac = s->trans_a ? s->m : s->k, br = s->trans_b ? s->n : s->k, bc = s->trans_b ? s->k : s->n;
    memset(out, 0, sizeof *out);
    out->lt = lt;
    int compute = lt->tf32 && s->in == ANL_F32 ? LT_COMPUTE_TF32 : LT_COMPUTE_32F;
    const void *bias = (const void *)(uintptr_t)ALIGN;
    bool ok = !lt->MatmulDescCreate(&out->desc, compute, LT_R_32F) && !lt->MatmulDescSetAttribute(out->desc, LT_DESC_TRANSA, &ta, sizeof ta) &&
              !lt->MatmulDescSetAttribute(out->desc, LT_DESC_TRANSB, &tb, sizeof tb) &&
              !lt->MatmulDescSetAttribute(out->desc, LT_DESC_EPILOGUE, &s->epilogue, sizeof s->epilogue) &&
              (!(s->epilogue & LT_EPILOGUE_BIAS) || !lt->MatmulDescSetAttribute(out->desc, LT_DESC_BIAS_POINTER, &bias, sizeof bias)) && !lt->MatrixLayoutCreate(&out->a, in, ar, ac, (int64_t)ar) &&
              !lt->MatrixLayoutCreate(&out->b, in, br, bc, (int64_t)br) && !lt->MatrixLayoutCreate(&out->d, type_of(s->out), s->m, s->n, (int64_t)s->m);
    if (ok && choose((anl__cublaslt *)(uintptr_t)lt, s, out)) return true;
    anl__lt_product_release(out);
    return false;
}

void anl__lt_product_release(anl__lt_product *p)
{
    if (p->desc) p->lt->MatmulDescDestroy(p->desc);
    if (p->a) p->lt->MatrixLayoutDestroy(p->a);
    if (p->b) p->lt->MatrixLayoutDestroy(p->b);
    if (p->d) p->lt->MatrixLayoutDestroy(p->d);
    p->desc = p->a = p->b = p->d = NULL;
}

int anl__lt_product_run(const anl__lt_product *p, const void *a, const void *b, void *d, bool accum, const void *bias, void *ws, void *stream)
{
    float one = 1, beta = accum ? 1 : 0;
    int status = bias ? p->lt->MatmulDescSetAttribute(p->desc, LT_DESC_BIAS_POINTER, &bias, sizeof bias) : 0;
    return status ? status : p->lt->Matmul(p->lt->handle, p->desc, &one, a, p->a, b, p->b, &beta, d, p->d, d, p->d, &p->choice.algo, ws, p->choice.workspace, stream);
}
