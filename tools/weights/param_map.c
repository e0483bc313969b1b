/* See param_map.h. */
#include "param_map.h"

#include "runtime/graph/graph.h"

#include <string.h>

typedef struct place {
    const char *name;
    anl_shape shape;
    bool param, known;
    turn turn;
} place;

struct param_map {
    place *place;
    int n;
    bool by_rank; /* a model of sequences */
};

/* The order of a value's features, compared with PyTorch's: equal (channels are an axis, or there is one
   order), a flattened image, or not known. */
typedef enum order { PLAIN, FLAT, OTHER } order;
typedef struct features {
    order order;
    int64_t plane, channels;
} features;

typedef struct walk {
    const anl_graph *g;
    param_map *map;
    features *of; /* by value */
    int *slot;    /* by value: in map->place, -1: none */
} walk;

static bool among(const char *word, const char *const *words)
{
    while (*words && strcmp(*words, word)) words++;
    return *words != NULL;
}

/* One element at a time: the order stays. */
static const char *const same_order[] = {"relu",    "leaky_relu", "elu",       "gelu",     "silu",
                                         "sigmoid", "tanh",       "hardswish", "softplus", "dropout",
                                         "scale",   "cast",       NULL};
static const char *const binary[] = {"add", "sub", "mul", NULL};
static const char *const norms[] = {"batchnorm", "layernorm", "groupnorm", NULL};
static const char *const convolutions[] = {"conv2d", "conv2d_bwd_data", NULL};

/* What is made of an image by a reshape to another last axis is in another order than PyTorch's, unless it
 * has one channel or one pixel. */
static features reshaped(const anl_shape *from, const anl_shape *to, features before)
{
    if (before.order != PLAIN || from->rank < 3 || from->dim[from->rank - 1] == to->dim[to->rank - 1])
        return before;
    int64_t channels = from->dim[from->rank - 1], plane = 1;
    for (int i = 1; i < from->rank - 1; i++) plane *= from->dim[i];
    if (plane == 1 || channels == 1) return before;
    bool flat = from->rank == 4 && to->rank == 2 && to->dim[1] == plane * channels;
    return (features){flat ? FLAT : OTHER, plane, channels};
}

static void say(walk *w, anl_value v, turn t)
{
    int slot = v == ANL_NONE ? -1 : w->slot[v];
    if (slot < 0) return;
    place *p = &w->map->place[slot];
    bool other = p->known &&
                 (p->turn.kind != t.kind || p->turn.plane != t.plane || p->turn.channels != t.channels);
    p->turn = other ? (turn){.kind = TURN_UNKNOWN} : t; /* shared by layers that see it in two ways */
    p->known = true;
}

/* Filters of a layer `conv1d` are read by a node named after it, with ".conv" behind. */
static turn_kind filters_of(const anl__node *n, const char *param)
{
    static const char end[] = ".conv";
    size_t len = strlen(n->name), tail = sizeof end - 1;
    bool over_time = len > tail && !strcmp(n->name + len - tail, end) &&
                     !strncmp(n->name, param, len - tail) && !strcmp(param + len - tail, ".weight");
    return over_time ? TURN_FILTERS_1D : TURN_FILTERS;
}

static features joined(const walk *w, const anl__node *n)
{
    features first = {PLAIN, 0, 0};
    bool any = false;
    for (int i = 0; i < n->n_in; i++) {
        if (n->in[i] == ANL_NONE || w->slot[n->in[i]] >= 0) continue;
        features f = w->of[n->in[i]];
        if (any && (f.order != first.order || f.plane != first.plane || f.channels != first.channels))
            return (features){.order = OTHER};
        first = f;
        any = true;
    }
    return first;
}

/* An image with its axes in another order: which one holds the channels is not known any more. */
static bool moves_channels(const walk *w, const anl__node *n)
{
    return !strcmp(n->op->name, "transpose") && w->g->value[n->in[0]].type.shape.rank == 4;
}

static features visit(walk *w, const anl__node *n)
{
    const anl__value *value = w->g->value;
    features f = n->n_in > 0 && n->in[0] != ANL_NONE ? w->of[n->in[0]] : (features){PLAIN, 0, 0};
    const char *op = n->op->name;
    turn all = f.order == FLAT ? (turn){TURN_FEATURES, f.plane, f.channels}
                               : (turn){.kind = f.order == PLAIN ? TURN_NONE : TURN_UNKNOWN};
    if (!strcmp(op, "reshape")) return reshaped(&value[n->in[0]].type.shape, &value[n->out[0]].type.shape, f);
    if (among(op, same_order)) return f;
    if (moves_channels(w, n)) return (features){.order = OTHER};
    if (!strcmp(op, "dense")) {
        if (n->n_in > 1) say(w, n->in[1], f.order == FLAT ? (turn){TURN_COLUMNS, f.plane, f.channels} : all);
        return (features){PLAIN, 0, 0};
    }
    if (among(op, convolutions)) {
        if (n->n_in > 1 && n->in[1] != ANL_NONE && w->slot[n->in[1]] >= 0)
            say(w, n->in[1],
                (turn){.kind = f.order == PLAIN ? filters_of(n, value[n->in[1]].name) : TURN_UNKNOWN});
        return (features){PLAIN, 0, 0};
    }
    if (!among(op, norms) && all.kind == TURN_FEATURES) all.kind = TURN_UNKNOWN;
    for (int i = 0; i < n->n_in; i++) say(w, n->in[i], all);
    if (among(op, norms)) return f;
    features in = joined(w, n);
    return in.order == PLAIN || among(op, binary) ? in : (features){.order = OTHER};
}

/* Every named value a place, then the nodes in their order. */
static anl_status walk_graph(anl__arena *a, const anl_graph *g, param_map *map)
{
    walk w = {.g = g, .map = map};
    w.of = anl__arena_alloc(a, sizeof *w.of * (size_t)(g->n_value + 1));
    w.slot = anl__arena_alloc(a, sizeof *w.slot * (size_t)(g->n_value + 1));
    map->place = anl__arena_alloc(a, sizeof *map->place * (size_t)(g->n_value + 1));
    if (!w.of || !w.slot || !map->place) return ANL_NOMEM;
    for (int64_t v = 0; v < g->n_value; v++) {
        const anl__value *x = &g->value[v];
        bool kept = x->kind == ANL__PARAM || x->kind == ANL__BUFFER;
        w.slot[v] = kept ? map->n : -1;
        if (!kept) continue;
        place *p = &map->place[map->n++];
        *p = (place){
            .name = anl__arena_strdup(a, x->name), .shape = x->type.shape, .param = x->kind == ANL__PARAM};
        if (!p->name) return ANL_NOMEM;
    }
    for (int64_t k = 0; k < g->n_node && !map->by_rank; k++) {
        features f = visit(&w, &g->node[k]);
        for (int j = 0; j < g->node[k].n_out; j++) w.of[g->node[k].out[j]] = f;
    }
    return ANL_OK;
}

anl_status param_map_create(anl_ctx *ctx, anl__arena *a, const anl_model_opts *model, const param_map **out)
{
    anl_graph *g;
    param_map *map = anl__arena_alloc(a, sizeof *map);
    if (!map) return ANL_NOMEM;
    map->by_rank = anl_model_is_sequence(model->name);
    ANL_TRY(anl_graph_create(ctx, ANL_EVAL, ANL_F32, &g));
    anl_model_build(g, model, (anl__size){2, 0});
    anl_status st = anl_graph_status(g);
    if (st == ANL_OK) st = walk_graph(a, g, map);
    anl_graph_destroy(g);
    if (st == ANL_OK) *out = map;
    return st;
}

anl_status param_map_by_rank(anl__arena *a, const param_map **out)
{
    param_map *map = anl__arena_alloc(a, sizeof *map);
    if (!map) return ANL_NOMEM;
    map->by_rank = true;
    *out = map;
    return ANL_OK;
}

turn param_map_find(const param_map *m, const char *name, const anl_shape *shape)
{
    bool over_time = m->by_rank && shape->rank == 4 && shape->dim[1] == 1;
    if (over_time) return (turn){.kind = TURN_FILTERS_1D};
    for (int i = 0; i < m->n; i++)
        if (!strcmp(m->place[i].name, name)) return m->place[i].turn;
    return (turn){.kind = TURN_NONE};
}

int param_map_count(const param_map *m) { return m->n; }
const char *param_map_name(const param_map *m, int i) { return m->place[i].name; }
bool param_map_is_param(const param_map *m, int i) { return m->place[i].param; }
anl_shape param_map_shape(const param_map *m, int i) { return m->place[i].shape; }
