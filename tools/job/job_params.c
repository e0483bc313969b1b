/* See job_params.h. */
#include "job_params.h"

#include "tools/weights/param_map.h"
#include "tools/weights/torch_names.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FACTOR 1e6

typedef struct param {
    const char *name, *torch;
    bool frozen, rated;
    double factor;
} param;
typedef struct choosing {
    job *j;
    param *param;
    int n;
} choosing;

/* Are the characters up to `end` what the pattern means? * stands for any, none too. */
static bool fits(const char *pattern, const char *name, const char *end)
{
    const char *star = NULL, *again = NULL;
    while (name < end) {
        if (*pattern == '*') {
            star = pattern++;
            again = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++again;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}

/* The whole name, or the name of a layer that the parameter is below. */
static bool means(const char *pattern, const char *name)
{
    for (const char *end = name; *end; end++)
        if (*end == '.' && fits(pattern, name, end)) return true;
    return fits(pattern, name, name + strlen(name));
}

static bool chosen(const param *p, const char *pattern)
{
    return means(pattern, p->name) || means(pattern, p->torch);
}

/* ---- what there is --------------------------------------------------------------------------- */

static anl_status list(choosing *c)
{
    const param_map *map;
    job *j = c->j;
    ANL_TRY(param_map_create(j->ctx, j->arena, &j->model, &map));
    c->param = anl__arena_alloc(j->arena, sizeof *c->param * (size_t)(param_map_count(map) + 1));
    if (!c->param) return ANL_NOMEM;
    for (int i = 0; i < param_map_count(map); i++) {
        if (!param_map_is_param(map, i)) continue;
        param *p = &c->param[c->n++];
        *p = (param){.name = param_map_name(map, i), .factor = 1};
        if (!(p->torch = torch_name(j->arena, j->model.name, p->name))) return ANL_NOMEM;
    }
    return ANL_OK;
}

/* The name, and its layers: "a.b.c", "a.b", "a". */
static int beginnings(anl__arena *a, const char *name, const char **out)
{
    int n = 0;
    char *at = anl__arena_strdup(a, name);
    while (at && *at) {
        out[n++] = at;
        char *dot = strrchr(at, '.');
        at = dot ? anl__arena_printf(a, "%.*s", (int)(dot - at), at) : NULL;
    }
    return n;
}

enum { MOST_PARTS = 128 }; /* dots of a name, which has at most 200 bytes */

/* The nearest of all names and layers, in our words or PyTorch's; a pattern's ".*" aside. NULL: none. */
static const char *nearest(choosing *c, const char *pattern)
{
    anl__arena *a = c->j->arena;
    size_t len = strlen(pattern);
    while (len && strchr("*.", pattern[len - 1])) len--;
    const char *word = anl__arena_printf(a, "%.*s", (int)len, pattern);
    const char **names = anl__arena_alloc(a, sizeof *names * (size_t)(c->n + 1) * 2 * MOST_PARTS);
    int n = 0;
    if (!word || !names) return NULL;
    for (int i = 0; i < c->n; i++) {
        n += beginnings(a, c->param[i].name, names + n);
        if (c->param[i].torch != c->param[i].name) n += beginnings(a, c->param[i].torch, names + n);
    }
    return anl__nearest(word, names, n);
}

static anl_status unknown(choosing *c, const char *where, const char *key, const char *pattern)
{
    const char *near = nearest(c, pattern), *first = c->n ? c->param[0].name : "none",
               *last = c->n ? c->param[c->n - 1].name : "none";
    return anl__fail(c->j->ctx, ANL_RECIPE,
                     "%s: %s: no parameter is named '%.100s'%s%s%s (there are %d, from %s to %s; `anneal "
                     "train RECIPE --dry-run` shows the layers)",
                     where, key, pattern, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
                     c->n, first, last);
}

/* ---- train.freeze ---------------------------------------------------------------------------- */

/* In their order: "!fc" takes out again what a pattern before it has taken. */
static anl_status freeze(choosing *c)
{
    const recipe *r = c->j->recipe;
    for (int k = 0; k < recipe_count(r, "train.freeze"); k++) {
        const char *pattern = recipe_text_at(r, "train.freeze", k);
        bool any = false, but = *pattern == '!';
        pattern += but;
        for (int i = 0; i < c->n; i++) {
            if (!chosen(&c->param[i], pattern)) continue;
            c->param[i].frozen = !but;
            any = true;
        }
        if (!any) return unknown(c, recipe_where(r, "train.freeze"), "train.freeze", pattern);
    }
    return ANL_OK;
}

static anl_status give_frozen(choosing *c, anl__trainer_opts *o)
{
    const char **names = anl__arena_alloc(c->j->arena, sizeof *names * (size_t)(c->n + 1));
    if (!names) return ANL_NOMEM;
    o->frozen = names;
    for (int i = 0; i < c->n; i++)
        if (c->param[i].frozen) names[o->n_frozen++] = c->param[i].name;
    if (o->n_frozen < c->n) return ANL_OK;
    return anl__fail(c->j->ctx, ANL_RECIPE,
                     "%s: train.freeze: holds all %d parameters: nothing is left to train",
                     recipe_where(c->j->recipe, "train.freeze"), c->n);
}

/* ---- optim.rates ----------------------------------------------------------------------------- */

static anl_status bad(choosing *c, const yaml_node *n, const char *what)
{
    return anl__fail(c->j->ctx, ANL_RECIPE, "%s: optim.rates: %s", yaml_where(c->j->arena, n),
                     what ? what : "is wrong");
}

static anl_status rate_one(choosing *c, const yaml_node *n)
{
    char *end = NULL;
    bool any = false, moves = false;
    errno = 0;
    double factor = n->kind == YAML_SCALAR && !n->quoted ? strtod(n->text, &end) : -1;
    if (!end || end == n->text || *end || errno || !isfinite(factor) || factor < 0 || factor > MOST_FACTOR)
        return bad(c, n,
                   anl__arena_printf(c->j->arena,
                                     "'%.100s' needs a factor, a number from 0 to 1e6, as in {fc: 10}",
                                     n->key));
    for (int i = 0; i < c->n; i++) {
        param *p = &c->param[i];
        if (!chosen(p, n->key)) continue;
        any = true;
        moves |= !p->frozen;
        p->rated = true;
        p->factor = factor;
    }
    if (!any) return unknown(c, yaml_where(c->j->arena, n), "optim.rates", n->key);
    return moves ? ANL_OK
                 : bad(c, n,
                       anl__arena_printf(c->j->arena,
                                         "'%.100s' is without effect: train.freeze holds all of it", n->key));
}

/* A map, or a list of maps: where several patterns mean a parameter, the last counts. */
static anl_status rates(choosing *c, const yaml_node *n)
{
    if (n->kind == YAML_SCALAR) return bad(c, n, "needs a map of names and factors, as in {fc: 10}");
    for (int i = 0; i < n->n; i++) {
        if (n->kind == YAML_MAP) ANL_TRY(rate_one(c, n->item[i]));
        else if (n->item[i]->kind == YAML_MAP) ANL_TRY(rates(c, n->item[i]));
        else return bad(c, n->item[i], "needs maps of names and factors, as in {fc: 10}");
    }
    return ANL_OK;
}

static anl_status give_rates(choosing *c, anl__trainer_opts *o)
{
    anl__rate *rate = anl__arena_alloc(c->j->arena, sizeof *rate * (size_t)(c->n + 1));
    if (!rate) return ANL_NOMEM;
    o->optim.rate = rate;
    for (int i = 0; i < c->n; i++)
        if (c->param[i].rated) rate[o->optim.rates++] = (anl__rate){c->param[i].name, c->param[i].factor};
    return ANL_OK;
}

anl_status job_params(job *j, anl__trainer_opts *o)
{
    choosing c = {.j = j};
    const yaml_node *tree = recipe_tree(j->recipe, "optim.rates");
    int frozen = recipe_count(j->recipe, "train.freeze");
    if (!frozen && !tree) return ANL_OK;
    ANL_TRY(list(&c));
    ANL_TRY(freeze(&c));
    if (frozen) ANL_TRY(give_frozen(&c, o));
    if (tree) ANL_TRY(rates(&c, tree));
    return give_rates(&c, o);
}

void job_params_note(const anl_net *net, anl__buf *out)
{
    int frozen = 0, n = anl_net_param_count(net);
    int64_t all = 0, train = 0;
    for (int i = 0; i < n; i++) {
        anl_tensor_info t = anl_net_param(net, i);
        bool moves = !(t.flags & ANL_PARAM_FROZEN);
        frozen += !moves;
        all += t.count;
        train += moves ? t.count : 0;
    }
    if (frozen)
        anl__buf_add(out, "note: train.freeze: %lld of %lld parameters train, in %d of %d tensors\n",
                     (long long)train, (long long)all, n - frozen, n);
}
