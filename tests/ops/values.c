/* Case text to input specifications, and numbers: drawing, rounding, encoding. */
#include "harness.h"

#include "base/philox.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *must(void *p)
{
    if (!p) {
        fputs("ops_driver: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

double draw(uint64_t key, uint32_t stream, int64_t i)
{
    anl__u32x4 r = anl__philox(key, (uint32_t)i, (uint32_t)(i >> 32), 0, stream);
    return anl__u32_to_unit64(r.v[0], r.v[1]);
}

static uint16_t to_bf16(double v)
{
    float f = (float)v;
    uint32_t u;
    memcpy(&u, &f, 4);
    if (isnan(f)) return 0x7fc0;
    return (uint16_t)((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

static double from_bf16(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, 4);
    return f;
}

static uint16_t to_f16(double v)
{
    uint16_t sign = signbit(v) ? 0x8000 : 0;
    double a = fabs(v);
    if (isnan(v)) return 0x7e00;
    if (a >= 65520) return sign | 0x7c00;
    int e = a < ldexp(1, -14) ? -14 : ilogb(a), m = (int)rint(ldexp(a, 10 - e));
    return (uint16_t)(sign | (m < 1024 ? m : ((e + 15) << 10) + m - 1024));
}

static double from_f16(uint16_t h)
{
    int e = h >> 10 & 31, m = h & 1023;
    double a = e == 31 ? (m ? NAN : INFINITY) : e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
    return h & 0x8000 ? -a : a;
}

double round_to(double v, anl_dtype t)
{
    if (t == ANL_F32) return (float)v;
    if (t == ANL_BF16) return from_bf16(to_bf16(v));
    if (t == ANL_F16) return from_f16(to_f16(v));
    return v;
}

/* Half the distance from 1 to the next number. */
double unit_roundoff(anl_dtype t)
{
    switch (t) {
    case ANL_F64: return ldexp(1, -53);
    case ANL_F32: return ldexp(1, -24);
    case ANL_F16: return ldexp(1, -11);
    case ANL_BF16: return ldexp(1, -8);
    default: return 0;
    }
}

void encode(anl_dtype t, int64_t n, const double *v, void *bytes)
{
    for (int64_t i = 0; i < n; i++) {
        switch (t) {
        case ANL_F64: ((double *)bytes)[i] = v[i]; break;
        case ANL_F32: ((float *)bytes)[i] = (float)v[i]; break;
        case ANL_BF16: ((uint16_t *)bytes)[i] = to_bf16(v[i]); break;
        case ANL_F16: ((uint16_t *)bytes)[i] = to_f16(v[i]); break;
        case ANL_I32: ((int32_t *)bytes)[i] = (int32_t)v[i]; break;
        case ANL_U8: ((uint8_t *)bytes)[i] = (uint8_t)v[i]; break;
        default: break;
        }
    }
}

void decode(anl_dtype t, int64_t n, const void *bytes, double *v)
{
    for (int64_t i = 0; i < n; i++) {
        switch (t) {
        case ANL_F64: v[i] = ((const double *)bytes)[i]; break;
        case ANL_F32: v[i] = ((const float *)bytes)[i]; break;
        case ANL_BF16: v[i] = from_bf16(((const uint16_t *)bytes)[i]); break;
        case ANL_F16: v[i] = from_f16(((const uint16_t *)bytes)[i]); break;
        case ANL_I32: v[i] = ((const int32_t *)bytes)[i]; break;
        case ANL_U8: v[i] = ((const uint8_t *)bytes)[i]; break;
        default: v[i] = NAN; break;
        }
    }
}

bool spec_is_float(const input_spec *s)
{
    return s->kind == SPEC_ACTIVATION || s->kind == SPEC_PARAM || s->kind == SPEC_STAT;
}

anl_dtype spec_dtype(const input_spec *s, anl_dtype t)
{
    if (s->kind == SPEC_ACTIVATION) return t;
    if (s->kind == SPEC_I32 || s->kind == SPEC_RNG) return ANL_I32;
    if (s->kind == SPEC_U8) return ANL_U8;
    return anl__wide(t);
}

static bool parse_shape(input_spec *s, const char *text)
{
    s->rank = 0;
    s->count = 1;
    for (const char *p = text; *p;) {
        char *end;
        long long v = strtoll(p, &end, 10);
        if (end == p || v < 0 || s->rank == ANL_MAX_RANK || (*end && (*end != ',' || !end[1]))) return false;
        s->dim[s->rank++] = v;
        s->count *= v;
        p = *end ? end + 1 : end;
    }
    return s->rank > 0;
}

static bool parse_word(input_spec *s, const char *w)
{
    char *end = NULL;
    if (!strcmp(w, "positive")) s->fill = FILL_POSITIVE;
    else if (!strcmp(w, "unit")) s->fill = FILL_UNIT;
    else if (!strcmp(w, "distinct")) s->fill = FILL_DISTINCT;
    else if (!strcmp(w, "nograd")) s->nograd = true;
    else if (*w == '=') {
        s->fill = FILL_CONSTANT;
        s->value = strtod(w + 1, &end);
    } else if (*w == '<') {
        s->fill = FILL_BELOW;
        s->limit = strtoll(w + 1, &end, 10);
    } else return false;
    return !end || (end > w + 1 && !*end);
}

static bool parse_spec(input_spec *s, const char *text)
{
    static const struct { const char *word; spec_kind kind; bool shaped; } kinds[] = {
        {"-", SPEC_ABSENT, false}, {"rng", SPEC_RNG, false}, {"scalar", SPEC_STAT, false}, {"param", SPEC_PARAM, true},
        {"stat", SPEC_STAT, true}, {"i32", SPEC_I32, true}, {"u8", SPEC_U8, true}};
    char buf[128];
    if (strlen(text) >= sizeof buf) return false;
    strcpy(buf, text);
    memset(s, 0, sizeof *s);
    char *save, *w = strtok_r(buf, " ", &save);
    bool shaped = true;
    s->kind = SPEC_ACTIVATION;
    for (size_t i = 0; w && i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(w, kinds[i].word)) {
            s->kind = kinds[i].kind;
            shaped = kinds[i].shaped;
            w = strtok_r(NULL, " ", &save);
            break;
        }
    if (shaped) {
        if (!w || !parse_shape(s, w)) return false;
        w = strtok_r(NULL, " ", &save);
    } else {
        s->rank = 1;
        s->count = s->dim[0] = s->kind == SPEC_RNG ? ANL__RNG_WORDS : 1;
    }
    for (; w; w = strtok_r(NULL, " ", &save))
        if (!parse_word(s, w)) return false;
    return true;
}

/* Fisher-Yates over 0..n-1, as doubles. */
static void permute(double *v, int64_t n, uint64_t key, uint32_t stream)
{
    for (int64_t i = 0; i < n; i++) v[i] = (double)i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)(draw(key, stream, i) * (double)(i + 1));
        double t = v[i];
        v[i] = v[j];
        v[j] = t;
    }
}

static double *fill_values(const input_spec *s, uint64_t key, uint32_t stream)
{
    double *v = must(calloc((size_t)s->count + 1, sizeof *v));
    if (s->kind == SPEC_RNG) {
        v[ANL__RNG_SEED_LO] = 1234567;
        v[ANL__RNG_SEED_HI] = 89;
        v[ANL__RNG_STEP] = 5;
        v[ANL__RNG_EPOCH] = 1;
        v[ANL__RNG_SAMPLE0] = 640;
        return v;
    }
    if (s->fill == FILL_DISTINCT) permute(v, s->count, key, stream);
    for (int64_t i = 0; i < s->count; i++) {
        double u = s->fill == FILL_DISTINCT || s->fill == FILL_CONSTANT ? 0 : draw(key, stream, i);
        switch (s->fill) {
        case FILL_POSITIVE: v[i] = 0.5 + u; break;
        case FILL_UNIT: v[i] = 0.01 + 0.98 * u; break;
        case FILL_DISTINCT: v[i] = (v[i] - (double)(s->count / 2) + 0.5) / 32; break;
        case FILL_CONSTANT: v[i] = s->value; break;
        case FILL_BELOW: v[i] = floor(u * (double)s->limit); break;
        case FILL_SIGNED: v[i] = 2 * u - 1; break;
        }
    }
    return v;
}

/* A batch of most `rows` samples: inputs that share the first input's first dimension are cut. */
static void shrink(test_case *tc, int64_t rows)
{
    int64_t batch = tc->in[0].rank ? tc->in[0].dim[0] : 0;
    for (int i = 0; i < tc->n_in; i++) {
        input_spec *s = &tc->in[i];
        bool batched = s->kind == SPEC_ACTIVATION || s->kind == SPEC_I32 || s->kind == SPEC_U8;
        if (!batched || s->dim[0] != batch || batch <= rows) continue;
        s->count = s->count / batch * rows;
        s->dim[0] = rows;
    }
}

bool case_open(test_case *tc, const char *folder, int index, const anl__case *c, int64_t rows, char why[ANL__WHY])
{
    memset(tc, 0, sizeof *tc);
    tc->c = c;
    int n = snprintf(tc->label, sizeof tc->label, "%s[%d] %s(%s", folder, index, c->op, c->attrs ? c->attrs : "");
    uint64_t key = ((uint64_t)anl__name_hash(folder) << 32) | (uint32_t)index;
    for (int i = 0; i < ANL__MAX_IN && c->in[i]; i++) {
        input_spec *s = &tc->in[tc->n_in++];
        if (n < (int)sizeof tc->label)
            n += snprintf(tc->label + n, sizeof tc->label - (size_t)n, "%s%s", i || c->attrs ? "; " : "", c->in[i]);
        if (!parse_spec(s, c->in[i])) {
            snprintf(why, ANL__WHY, "input %d: cannot read '%s'", i, c->in[i]);
            case_close(tc);
            return false;
        }
    }
    if (rows) shrink(tc, rows);
    for (int i = 0; i < tc->n_in; i++) /* refusal cases may have shapes far too large to fill */
        if (tc->in[i].kind != SPEC_ABSENT && !c->reject) tc->value[i] = fill_values(&tc->in[i], key, (uint32_t)i);
    if (n < (int)sizeof tc->label) snprintf(tc->label + n, sizeof tc->label - (size_t)n, ")");
    return true;
}

void case_close(test_case *tc)
{
    for (int i = 0; i < ANL__MAX_IN; i++) free(tc->value[i]);
}

double *case_values(const test_case *tc, int i, anl_dtype t)
{
    const input_spec *s = &tc->in[i];
    if (!tc->value[i]) return NULL;
    double *v = must(malloc(((size_t)s->count + 1) * sizeof *v));
    /* f64 graphs see what f32 parameters would hold only when compared with f32: callers pass that type */
    anl_dtype to = spec_is_float(s) ? spec_dtype(s, t) : ANL_F64;
    for (int64_t k = 0; k < s->count; k++) v[k] = round_to(tc->value[i][k], to);
    return v;
}

anl_dtype case_oracle_type(const test_case *tc)
{
    for (int i = 0; i < tc->n_in; i++)
        if (tc->in[i].kind != SPEC_STAT) return ANL_F64;
    return tc->n_in ? ANL_F32 : ANL_F64;
}

anl_status case_graph(anl_ctx *ctx, const test_case *tc, anl_dtype t, bool inputs, anl_graph **g, anl_value in[ANL__MAX_IN],
                      anl_value *y)
{
    ANL_TRY(anl_graph_create(ctx, ANL_TRAIN, t, g));
    for (int i = 0; i < tc->n_in; i++) {
        const input_spec *s = &tc->in[i];
        char name[16];
        snprintf(name, sizeof name, "in%d", i);
        if (s->kind == SPEC_ABSENT) in[i] = ANL_NONE;
        else if (s->kind == SPEC_RNG) in[i] = anl__graph_rng(*g);
        else if (s->kind == SPEC_PARAM && !inputs) in[i] = anl_param(*g, name, s->rank, s->dim, (anl_init){0}, 0);
        else in[i] = anl_input(*g, name, spec_dtype(s, t), s->rank, s->dim);
    }
    *y = anl_node(*g, tc->c->op, "node", in, tc->n_in, tc->c->attrs ? "%s" : NULL, tc->c->attrs);
    return ANL_OK;
}
