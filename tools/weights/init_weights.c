/* See init_weights.h. */
#include "init_weights.h"

#include "param_map.h"
#include "read_safetensors.h"
#include "torch_names.h"

#include "runtime/base/files.h"
#include "runtime/graph/net.h"

#include <stdio.h>
#include <string.h>

typedef enum layout { OURS, TORCH } layout;

typedef struct taking {
    anl_ctx *ctx;
    anl__arena *arena;
    anl_net *net;
    const anl_model_opts *model;
    const param_map *map;
    const safetensors_file *file;
    layout layout;
    const char *prefix;                  /* before all names of the file that are looked for */
    bool *used;                          /* [tensors of the file] */
    int matched, turned, others, unlike; /* unlike: found, but of another shape or type */
    float *number, *other;               /* room for the largest tensor */
    anl__buf text;
} taking;

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && !strcmp(text + n - m, end);
}

static const char *const torch_files[] = {".pth", ".pt", ".bin", ".ckpt", ".pkl"};
enum { TORCH_FILES = sizeof torch_files / sizeof torch_files[0] };

static bool is_torch_file(const char *path)
{
    for (int i = 0; i < TORCH_FILES; i++)
        if (ends_with(path, torch_files[i])) return true;
    return false;
}

bool init_weights_is_file(const char *init)
{
    return ends_with(init, ".safetensors") || (is_torch_file(init) && !anl__path_is_dir(init));
}

static anl_status refuse_torch_file(anl_ctx *ctx, const char *path)
{
    const char *dot = strrchr(path, '.');
    int stem = (int)(dot - path);
    return anl__fail(ctx, ANL_INVALID,
                     "%s is a file of PyTorch's own (a pickled program, which is not run here). One line "
                     "of Python turns it into a safetensors file (`pip install safetensors`):\n"
                     "  python3 -c \"import torch, safetensors.torch as s; s.save_file(torch.load('%s', "
                     "map_location='cpu'), '%.*s.safetensors')\"\n"
                     "Then: train.init=%.*s.safetensors",
                     path, path, stem, path, stem, path);
}

/* ---- names and layout ------------------------------------------------------------------------ */

/* The name under which the file may have a tensor of ours; NULL: no memory. */
static const char *wanted(const taking *t, const char *name)
{
    const char *there = t->layout == TORCH ? torch_name(t->arena, t->model->name, name) : name;
    return there && *t->prefix ? anl__arena_printf(t->arena, "%s%s", t->prefix, there) : there;
}

/* By the name that it has there, or by ours. */
static const safetensors_entry *find(const taking *t, const char *name)
{
    const char *there = wanted(t, name);
    const safetensors_entry *e = there ? safetensors_find(t->file, there) : NULL;
    if (e || !strcmp(there ? there : "", name)) return e;
    return safetensors_find(t->file, name);
}

typedef struct tensors {
    int params, buffers;
} tensors;

static tensors count_of(const anl_net *net)
{
    return (tensors){anl_net_param_count(net), anl_net_buffer_count(net)};
}

static anl_tensor_info tensor_of(const anl_net *net, int i)
{
    int n = anl_net_param_count(net);
    return i < n ? anl_net_param(net, i) : anl_net_buffer(net, i - n);
}

/* Kept for the loss, not weights. */
static bool passed_over(const char *name) { return !strcmp(name, "class_weight"); }

static int found(const taking *t)
{
    tensors n = count_of(t->net);
    int all = 0;
    for (int i = 0; i < n.params + n.buffers; i++) all += find(t, tensor_of(t->net, i).name) != NULL;
    return all;
}

/* What every name begins with, up to a dot ("module." of a model that was trained on several GPUs), where
 * nothing is found without it. */
static void find_prefix(taking *t)
{
    int n = safetensors_count(t->file);
    const char *first = n ? safetensors_at(t->file, 0)->name : "",
               *last = n ? safetensors_at(t->file, n - 1)->name : "";
    size_t same = 0;
    for (size_t i = 0; first[i] && first[i] == last[i]; i++) /* of sorted names, the first and the last */
        if (first[i] == '.') same = i + 1;
    if (!same || found(t)) return;
    char *prefix = anl__arena_printf(t->arena, "%.*s", (int)same, first);
    t->prefix = prefix ? prefix : "";
    if (!found(t)) t->prefix = "";
    else anl__buf_add(&t->text, "names     begin with '%s' in the file, which is left out\n", t->prefix);
}

/* By what the file says of itself; where it says nothing, by the filters whose shape tells. */
static void find_layout(taking *t)
{
    const char *format = safetensors_meta(t->file, "format"), *why = "as its metadata says";
    tensors n = count_of(t->net);
    int ours = 0, torch = 0;
    t->layout = format && !strcmp(format, "anneal") ? OURS : TORCH;
    bool told = t->layout == OURS || (format && !strcmp(format, "pt"));
    for (int i = 0; i < n.params && !told; i++) {
        anl_tensor_info own = tensor_of(t->net, i);
        const safetensors_entry *e = find(t, own.name);
        turn how = param_map_find(t->map, own.name, &own.shape);
        bool is_ours = e && anl__shape_equal(&e->shape, &own.shape),
             is_torch = e && turn_fits(how, &own.shape, &e->shape);
        ours += is_ours && !is_torch;
        torch += is_torch && !is_ours;
    }
    if (!told) why = "its metadata does not say";
    if (ours && !torch) {
        t->layout = OURS;
        why = "the only one in which its filters fit";
    }
    anl__buf_add(&t->text, "layout    %s (%s)\n",
                 t->layout == OURS ? "Anneal's, filters K,R,S,C" : "PyTorch's, filters O,I,H,W", why);
}

/* ---- one tensor ------------------------------------------------------------------------------ */

static void say_unlike(taking *t, const anl_tensor_info *own, const safetensors_entry *e, turn how)
{
    char here[96], there[96], want[96] = "";
    anl_shape torch = turn_shape(how, &own->shape);
    bool other = t->layout == TORCH && !anl__shape_equal(&torch, &own->shape);
    if (other) snprintf(want, sizeof want, "%s", anl__shape_text(&torch, there));
    anl__buf_add(&t->text, "unmatched %s: %s %s in the file (%s), %s here%s%s%s: initialised anew\n",
                 own->name, e->dtype, anl__shape_text(&e->shape, there), e->name,
                 anl__shape_text(&own->shape, here), other ? " (there it would be " : "", want,
                 other ? ")" : "");
    t->unlike++;
    t->others++;
}

static anl_status unknown_order(const taking *t, const anl_tensor_info *own, const safetensors_entry *e)
{
    return anl__fail(
        t->ctx, ANL_MISMATCH,
        "%s: tensor '%s' has the shape of %s, but the order of its columns cannot be told: what the layer "
        "reads is neither an image flattened at once nor a plain vector. Rename it in the file to leave "
        "it out",
        safetensors_path(t->file), e->name, own->name);
}

static anl_status write_tensor(taking *t, bool buffer, const anl_tensor_info *own, const safetensors_entry *e,
                               turn how)
{
    bool turned = t->layout == TORCH && how.kind != TURN_NONE;
    safetensors_floats(t->file, e, t->number);
    if (turned) turn_from_torch(how, &own->shape, t->number, t->other);
    t->turned += turned;
    t->matched++;
    return anl_net_slab_write(t->net, buffer ? ANL_SLAB_BUFFER : ANL_SLAB_PARAM, own->offset, own->count,
                              turned ? t->other : t->number);
}

static anl_status take(taking *t, int i)
{
    anl_tensor_info own = tensor_of(t->net, i);
    char here[96];
    if (passed_over(own.name)) return ANL_OK;
    const safetensors_entry *e = find(t, own.name);
    turn how = param_map_find(t->map, own.name, &own.shape);
    if (!e) {
        anl__buf_add(&t->text, "missing   %s %s: not in the file, initialised anew\n", own.name,
                     anl__shape_text(&own.shape, here));
        t->others++;
        return ANL_OK;
    }
    for (int k = 0; k < safetensors_count(t->file); k++)
        if (safetensors_at(t->file, k) == e) t->used[k] = true;
    bool same = anl__shape_equal(&e->shape, &own.shape);
    if (t->layout == TORCH && how.kind == TURN_UNKNOWN && same) return unknown_order(t, &own, e);
    bool fits = t->layout == OURS ? same : turn_fits(how, &own.shape, &e->shape);
    if (fits && safetensors_is_float(e)) return write_tensor(t, i >= count_of(t->net).params, &own, e, how);
    say_unlike(t, &own, e, how);
    return ANL_OK;
}

/* ---- the rest of the file -------------------------------------------------------------------- */

static void say_rest(taking *t)
{
    char shape[96];
    int counters = 0, data = 0;
    for (int k = 0; k < safetensors_count(t->file); k++) {
        const safetensors_entry *e = safetensors_at(t->file, k);
        if (t->used[k]) continue;
        if (torch_name_is_counter(e->name)) counters++;
        else if (t->layout == OURS && !strncmp(e->name, "data.", 5)) data++;
        else
            anl__buf_add(&t->text, "extra     %s %s: in the file, not in this model\n", e->name,
                         anl__shape_text(&e->shape, shape));
    }
    if (counters) anl__buf_add(&t->text, "left out  %d num_batches_tracked\n", counters);
    if (data)
        anl__buf_add(&t->text, "left out  how inputs were normalised (data.mean, data.std): the keys of "
                               "these names take given numbers\n");
    anl__buf_add(&t->text, "matched   %d tensors, %d of them turned into our layout; %d others\n", t->matched,
                 t->turned, t->others);
}

/* Some names of both sides, nearest first: a model written with other names. */
static anl_status nothing(taking *t)
{
    int n = safetensors_count(t->file), params = count_of(t->net).params;
    const char **names = anl__arena_alloc(t->arena, sizeof *names * (size_t)(n + 1));
    if (!names) return ANL_NOMEM;
    for (int i = 0; i < n; i++) names[i] = safetensors_at(t->file, i)->name;
    anl__buf b;
    anl__buf_init(&b, t->ctx);
    if (t->unlike) anl__buf_add(&b, "\n%.1200s", t->text.text);
    for (int i = 0; i < params && i < 4 && !t->unlike; i++) {
        const char *there = wanted(t, tensor_of(t->net, i).name),
                   *near = there ? anl__nearest(there, names, n) : NULL;
        anl__buf_add(&b, "\n  wanted %s%s%s", there ? there : "", near ? "; the nearest in the file is " : "",
                     near ? near : "");
    }
    for (int i = 0; i < n && i < 4 && !t->unlike; i++)
        anl__buf_add(&b, "%s%s", i ? ", " : "\n  the file has ", names[i]);
    if (n > 4 && !t->unlike) anl__buf_add(&b, ", ... (%d tensors)", n);
    anl_status st = b.status;
    if (st == ANL_OK)
        st = anl__fail(t->ctx, ANL_MISMATCH, "%s has no tensor of this model (%s):%s",
                       safetensors_path(t->file), t->model->name, b.text);
    anl__buf_release(&b);
    return st;
}

static anl_status take_all(taking *t)
{
    tensors n = count_of(t->net);
    int64_t most = 1;
    for (int i = 0; i < n.params + n.buffers; i++)
        most = tensor_of(t->net, i).count > most ? tensor_of(t->net, i).count : most;
    t->used = anl__arena_alloc(t->arena, (size_t)safetensors_count(t->file) + 1);
    t->number = anl__calloc(t->ctx, (size_t)most, sizeof *t->number);
    t->other = anl__calloc(t->ctx, (size_t)most, sizeof *t->other);
    if (!t->used || !t->number || !t->other) return ANL_NOMEM;
    find_layout(t);
    find_prefix(t);
    for (int i = 0; i < n.params + n.buffers; i++) ANL_TRY(take(t, i));
    if (!t->matched) return nothing(t);
    say_rest(t);
    return t->text.status;
}

anl_status init_weights(anl__trainer *trainer, const anl_model_opts *model, const char *path, char **report)
{
    anl_net *net = anl__trainer_net(trainer);
    anl_ctx *ctx = net->ctx;
    taking t = {.ctx = ctx, .net = net, .model = model, .layout = TORCH, .prefix = ""};
    safetensors_file *file = NULL;
    anl_status st;
    if (is_torch_file(path)) return refuse_torch_file(ctx, path);
    anl__buf_init(&t.text, ctx);
    ANL_GO(anl__arena_create(ctx, &t.arena));
    ANL_GO(param_map_create(ctx, t.arena, model, &t.map));
    ANL_GO(safetensors_open(ctx, path, &file));
    t.file = file;
    ANL_GO(take_all(&t));
    ANL_GO(anl__trainer_begin_with(trainer));
    if (!(*report = anl__strdup(ctx, t.text.text))) st = ANL_NOMEM;
done:
    safetensors_close(file);
    anl__free(ctx, t.number);
    anl__free(ctx, t.other);
    anl__buf_release(&t.text);
    if (t.arena) anl__arena_destroy(t.arena);
    return st;
}
