/* See export_torch.h. */
#include "export_torch.h"

#include "param_map.h"
#include "torch_names.h"

#include "tools/recipe/layers.h"
#include "tools/safetensors.h"

#include <string.h>

typedef struct exporting {
    anl_ctx *ctx;
    anl__arena *arena;
    const anl__ckpt *from;
    const float *(*weights)(const anl__ckpt *, const anl__ckpt_tensor *);
    anl_model_opts model;
    const param_map *map;
    safetensor *tensor;
    int n;
} exporting;

/* The network of the checkpoint's recipe, for inputs and classes as it was trained with. */
static anl_status read_model(exporting *x)
{
    const anl__ckpt *c = x->from;
    anl_model_opts *m = &x->model;
    m->height = anl__ckpt_int(c, "data.height", 1);
    m->width = anl__ckpt_int(c, "data.width", 1);
    m->channels = anl__ckpt_int(c, "data.channels", 1);
    m->classes = (int)anl__ckpt_int(c, "data.classes", 0);
    if (anl_model_is_sequence(m->name)) return param_map_by_rank(x->arena, &x->map);
    if (anl_model_more_inputs(m))
        return anl__fail(x->ctx, ANL_UNSUPPORTED,
                         "--to torch: the model reads several inputs, and what layout its weights would "
                         "have there is not known; --to safetensors has them in ours");
    return param_map_create(x->ctx, x->arena, m, &x->map);
}

static anl_status add(exporting *x, const anl__ckpt_tensor *t, bool param)
{
    const char *name = torch_name(x->arena, x->model.name, t->name);
    turn how = param_map_find(x->map, t->name, &t->shape);
    const float *data = param ? x->weights(x->from, t) : t->data;
    if (how.kind == TURN_UNKNOWN)
        return anl__fail(x->ctx, ANL_UNSUPPORTED,
                         "--to torch: what %s multiplies is neither an image flattened at once nor a "
                         "plain vector, so that its columns cannot be brought into PyTorch's order; --to "
                         "safetensors has it in ours",
                         t->name);
    float *turned = anl__arena_alloc(x->arena, sizeof *turned * (size_t)(anl_shape_count(&t->shape) + 1));
    if (!name || !turned) return ANL_NOMEM;
    turn_to_torch(how, &t->shape, data, turned);
    x->tensor[x->n++] = (safetensor){name, turn_shape(how, &t->shape), turned};
    return ANL_OK;
}

static anl_status add_all(exporting *x)
{
    x->tensor = anl__arena_alloc(x->arena, sizeof *x->tensor * (size_t)(anl__ckpt_count(x->from) + 1));
    if (!x->tensor) return ANL_NOMEM;
    for (int i = 0; i < anl__ckpt_count(x->from); i++) {
        anl__ckpt_tensor t = anl__ckpt_at(x->from, i);
        bool param = !strcmp(t.group, "params"), buffer = !strcmp(t.group, "buffers");
        if (param || (buffer && strcmp(t.name, "class_weight"))) ANL_TRY(add(x, &t, param));
    }
    return ANL_OK;
}

/* "0.485 0.456 0.406"; "" where there is none. NULL: no memory. */
static const char *numbers(exporting *x, const char *name)
{
    anl__ckpt_tensor t = anl__ckpt_find(x->from, "data", name);
    const char *text = "";
    for (int64_t i = 0; t.data && text && i < anl_shape_count(&t.shape); i++)
        text = anl__arena_printf(x->arena, "%s%s%.9g", text, i ? " " : "", (double)t.data[i]);
    return text;
}

static anl_status write_file(exporting *x, const char *file)
{
    const char *mean = numbers(x, "mean"), *std = numbers(x, "std"), *step;
    step = anl__arena_printf(x->arena, "%lld", (long long)anl__ckpt_step(x->from));
    if (!mean || !std || !step) return ANL_NOMEM;
    const char *const meta[][2] = {{"format", "pt"},
                                   {"anneal", anl_version()},
                                   {"step", step},
                                   {"digest", anl__ckpt_digest(x->from)},
                                   {"data.mean", mean},
                                   {"data.std", std},
                                   {"class_names", anl__ckpt_text(x->from, "data.class_names", "")}};
    return safetensors_write(x->ctx, file, x->tensor, x->n, meta, (int)(sizeof meta / sizeof meta[0]));
}

anl_status export_torch(anl_ctx *ctx, const anl__ckpt *c, const char *file,
                        const float *(*weights)(const anl__ckpt *, const anl__ckpt_tensor *), int *n)
{
    exporting x = {.ctx = ctx, .from = c, .weights = weights, .model = anl_model_opts_default()};
    const char *text = anl__ckpt_text(c, "recipe", NULL);
    recipe *r = NULL;
    anl_status st;
    if (!text)
        return anl__fail(ctx, ANL_MISMATCH, "%s holds no recipe: it was not written by `anneal train`",
                         anl__ckpt_path(c));
    ANL_GO(anl__arena_create(ctx, &x.arena));
    ANL_GO(recipe_parse(ctx, "the checkpoint's recipe", text, strlen(text), NULL, 0, &r));
    ANL_GO(recipe_model(r, ctx, x.arena, &x.model));
    ANL_GO(read_model(&x));
    ANL_GO(add_all(&x));
    ANL_GO(write_file(&x, file));
    *n = x.n;
done:
    recipe_free(r);
    if (x.arena) anl__arena_destroy(x.arena);
    return st;
}
