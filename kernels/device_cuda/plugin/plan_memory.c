/* See plan_memory.h. */
#include "plan_memory.h"

#include "base/files.h"
#include "device.h"

#include <stdio.h>
#include <string.h>

enum { RULES = 5 }; /* counts changes of what is acceptable, or comes first: older files are not read */
enum { KEY = 192, MOST_BYTES = 16 << 20 };
typedef struct plan {
    char key[KEY]; /* of the case as asked */
    int64_t channels, engine;
    int mode, index;
    bool bias, used; /* used: asked for in this process */
    double us;       /* 0: not measured */
} plan;
typedef struct anl__plan_memory {
    plan *plan;
    int64_t n, cap;
    bool changed;
    bool unkept; /* the file could not be written, and a warning said so */
} anl__plan_memory;

/* The type as keys have it: "tf32" where f32 may be multiplied so. */
static const char *type_name(const anl_device *dev, anl_dtype t)
{
    return t == ANL_F32 && dev->opts.tf32 ? "tf32" : anl_dtype_name(t);
}

static void key_of(const anl_device *dev, const anl__dnn_shape *s, char out[KEY])
{
    static const char *const kind[] = {"forward", "data", "filter"};
    snprintf(
        out, KEY,
        "%s %s %lldx%lldx%lldx%lld %lldx%lldx%lld s%lld,%lld d%lld,%lld p%lld,%lld,%lld,%lld g%lld%s%s%s%s %zu%s",
        kind[s->kind], type_name(dev, s->type), (long long)s->n, (long long)s->h, (long long)s->w,
        (long long)s->c, (long long)s->k, (long long)s->r, (long long)s->s, (long long)s->stride[0],
        (long long)s->stride[1], (long long)s->dilation[0], (long long)s->dilation[1],
        (long long)s->before[0], (long long)s->before[1], (long long)s->after[0], (long long)s->after[1],
        (long long)s->groups, s->bias ? " bias" : "", s->relu ? " relu" : "", s->add ? " add" : "",
        s->deterministic ? " deterministic" : "", s->workspace_most >> 20, dev->opts.tune ? " timed" : "");
}

static plan *find(anl__plan_memory *m, const char *key)
{
    for (int64_t i = 0; i < m->n; i++)
        if (!strcmp(m->plan[i].key, key)) return &m->plan[i];
    return NULL;
}

/* NULL: no memory for it. */
static plan *put(anl_ctx *ctx, anl__plan_memory *m, const plan *p)
{
    plan *old = find(m, p->key);
    if (!old && anl__grow(ctx, &m->plan, &m->cap, m->n + 1, sizeof *m->plan) != ANL_OK) return NULL;
    if (!old) old = &m->plan[m->n++];
    *old = *p;
    return old;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void title(anl_device *dev, anl__buf *out)
{
    anl__buf_add(out, "plans by rules %d of anneal %s, ", RULES, ANL_VERSION);
    dev->vt->describe(dev, out);
    anl__buf_add(out, "\n");
}

static void write_plans(anl_device *dev, const anl__plan_memory *m, bool measured, anl__buf *out)
{
    title(dev, out);
    for (int64_t i = 0; m && i < m->n; i++) {
        const plan *p = &m->plan[i];
        if (measured && (p->us <= 0 || !p->used)) continue;
        anl__buf_add(out, "%s|%lld %d %d %d %lld %.17g\n", p->key, (long long)p->channels, p->bias, p->mode,
                     p->index, (long long)p->engine, p->us);
    }
}

static bool read_plan(const char *line, size_t n, plan *out)
{
    char text[2 * KEY], more;
    long long channels, engine;
    int bias;
    if (n >= sizeof text) return false;
    memcpy(text, line, n);
    text[n] = 0;
    char *bar = strrchr(text, '|');
    if (!bar || bar - text >= KEY) return false;
    *bar = 0;
    *out = (plan){.mode = 0};
    if (sscanf(bar + 1, "%lld %d %d %d %lld %lf%c", &channels, &bias, &out->mode, &out->index, &engine,
               &out->us, &more) != 6)
        return false;
    memcpy(out->key, text, strlen(text) + 1);
    out->channels = channels;
    out->engine = engine;
    out->bias = bias != 0;
    return channels > 0 && (bias == 0 || bias == 1) &&
           (out->mode == DNN_HEUR_A || out->mode == DNN_HEUR_FALLBACK) && out->index >= 0 && out->us >= 0;
}

/* Adds what is not known yet; text of another device or version is left alone. */
static void read_plans(anl_device *dev, anl__plan_memory *m, const char *text)
{
    anl__buf want;
    anl__buf_init(&want, dev->ctx);
    title(dev, &want);
    bool ours = want.status == ANL_OK && !strncmp(text, want.text, want.len);
    const char *line = ours ? text + want.len : "";
    anl__buf_release(&want);
    for (const char *end; (end = strchr(line, '\n')); line = end + 1) {
        plan p;
        if (read_plan(line, (size_t)(end - line), &p) && !find(m, p.key)) put(dev->ctx, m, &p);
    }
}

/* The file of this device and these versions; false: there is no place for one. */
static bool file_of(anl_device *dev, char *out, size_t size)
{
    anl__buf b;
    if (!dev->opts.plan_dir) return false;
    anl__buf_init(&b, dev->ctx);
    title(dev, &b);
    bool ok = b.status == ANL_OK && (size_t)snprintf(out, size, "%s/plans-%08x.txt", dev->opts.plan_dir,
                                                     (unsigned)anl__crc32c(0, b.text, b.len)) < size;
    anl__buf_release(&b);
    return ok;
}

static void read_file(anl_device *dev, anl__plan_memory *m)
{
    char path[4096];
    void *data;
    size_t bytes;
    if (!file_of(dev, path, sizeof path) || !anl__path_exists(path) ||
        anl__file_read(dev->ctx, path, MOST_BYTES, &data, &bytes) != ANL_OK)
        return;
    read_plans(dev, m, data);
    anl__free(dev->ctx, data);
}

void anl__plan_save(anl_device *dev)
{
    anl__plan_memory *m = anl__cuda_libs_of(dev)->plans;
    char path[4096];
    anl__buf b;
    if (!m || !m->changed || m->unkept || !file_of(dev, path, sizeof path)) return;
    read_file(dev, m); /* what others have added meanwhile */
    anl__buf_init(&b, dev->ctx);
    write_plans(dev, m, false, &b);
    m->unkept = b.status != ANL_OK || anl__dir_make(dev->ctx, dev->opts.plan_dir) != ANL_OK ||
                anl__file_replace(dev->ctx, path, b.text, b.len) != ANL_OK;
    if (m->unkept)
        anl__log(dev->ctx, ANL_LOG_WARN, "chosen plans are not kept: %s", anl_last_error(dev->ctx));
    anl__buf_release(&b);
    m->changed = false;
}

void anl__plan_text(anl_device *dev, bool measured, anl__buf *out)
{
    write_plans(dev, anl__cuda_libs_of(dev)->plans, measured, out);
}

/* ---- choosing -------------------------------------------------------------------------------- */

static anl__plan_memory *memory(anl_device *dev)
{
    anl__cuda_libs *libs = (anl__cuda_libs *)(uintptr_t)anl__cuda_libs_of(dev);
    if (libs->plans || !(libs->plans = anl__calloc(dev->ctx, 1, sizeof *libs->plans))) return libs->plans;
    if (dev->opts.plans) read_plans(dev, libs->plans, dev->opts.plans);
    read_file(dev, libs->plans);
    return libs->plans;
}

/* The plan that was taken before, if it still stands where it stood. */
static bool recall(const anl__cudnn *dnn, const anl__dnn_shape *s, const plan *p, anl__dnn_conv *out)
{
    anl__dnn_shape t = *s;
    t.c = p->channels;
    t.bias = p->bias;
    t.relu = p->bias && s->relu;
    if ((t.c != s->c && t.c != 8) || (t.bias && !s->bias) ||
        !anl__dnn_conv_at(dnn, &t, p->mode, p->index, out))
        return false;
    if (out->engine == p->engine) return out->us = p->us, true;
    anl__dnn_conv_release(out);
    return false;
}

bool anl__plan_find(anl_device *dev, const anl__dnn_shape *s, anl__dnn_conv *out, char why[ANL__WHY])
{
    const anl__cudnn *dnn = anl__cuda_libs_of(dev)->cudnn;
    anl__plan_memory *m = memory(dev);
    char key[KEY];
    double us = 0;
    if (!m) return snprintf(why, ANL__WHY, "no memory"), false;
    key_of(dev, s, key);
    plan *known = find(m, key);
    if (known && recall(dnn, s, known, out)) return known->used = true;
    if (!(dev->opts.tune && anl__plan_fastest(dev, s, out, &us)) && !anl__dnn_conv_best(dnn, s, out, why))
        return false;
    plan p = {.channels = out->shape.c,
              .engine = out->engine,
              .mode = out->mode,
              .index = out->index,
              .bias = out->shape.bias,
              .used = true,
              .us = us};
    memcpy(p.key, key, sizeof p.key);
    out->us = us;
    m->changed = true;
    if (put(dev->ctx, m, &p)) {
        if (us > 0) anl__plan_save(dev); /* now: whatever ends the process, it is not timed again */
        return true;
    }
    anl__dnn_conv_release(out);
    return snprintf(why, ANL__WHY, "no memory"), false;
}

bool anl__choice_find(anl_device *dev, const char *key, int *which)
{
    anl__plan_memory *m = memory(dev);
    plan *p = m ? find(m, key) : NULL;
    if (!p) return false;
    *which = (int)p->engine;
    return p->used = true;
}

void anl__choice_put(anl_device *dev, const char *key, int which, double us)
{
    anl__plan_memory *m = memory(dev);
    plan p = {.channels = 1, .engine = which, .mode = DNN_HEUR_A, .used = true, .us = us};
    snprintf(p.key, sizeof p.key, "%s", key);
    if (!m) return; /* measured again next time */
    m->changed = true;
    if (put(dev->ctx, m, &p) && us > 0) anl__plan_save(dev);
}

void anl__plan_forget(anl_ctx *ctx, anl__cuda_libs *libs)
{
    if (!libs->plans) return;
    anl__free(ctx, libs->plans->plan);
    anl__free(ctx, libs->plans);
    libs->plans = NULL;
}
