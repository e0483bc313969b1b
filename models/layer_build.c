/* See layer_build.h. */
#include "layer_build.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int find_arg(anl__build *b, const char *key)
{
    for (int i = 0; i < b->l->n_arg && i < 32; i++)
        if (!strcmp(b->l->arg[i].key, key)) {
            b->used[i] = true;
            return i;
        }
    return -1;
}

int64_t anl__arg_int(anl__build *b, const char *key, int64_t def, int64_t least)
{
    int i = find_arg(b, key);
    if (i < 0) {
        if (def < least) anl_graph_fail(b->g, ANL_RECIPE, "layer '%s' (%s) needs '%s'", b->name, b->l->type, key);
        return def;
    }
    char *end;
    errno = 0;
    long long v = strtoll(b->l->arg[i].value, &end, 10);
    if (end == b->l->arg[i].value || *end || errno || v < least || v > 1 << 24)
        anl_graph_fail(b->g, ANL_RECIPE, "layer '%s' (%s): %s '%s' is not an integer of at least %lld", b->name, b->l->type, key, b->l->arg[i].value, (long long)least);
    return v;
}

double anl__arg_float(anl__build *b, const char *key, double def)
{
    int i = find_arg(b, key);
    char *end;
    if (i < 0) return def;
    double v = strtod(b->l->arg[i].value, &end);
    if (end == b->l->arg[i].value || *end) anl_graph_fail(b->g, ANL_RECIPE, "layer '%s' (%s): %s '%s' is not a number", b->name, b->l->type, key, b->l->arg[i].value);
    return v;
}

bool anl__arg_bool(anl__build *b, const char *key, bool def)
{
    int i = find_arg(b, key);
    if (i < 0) return def;
    if (!strcmp(b->l->arg[i].value, "true") || !strcmp(b->l->arg[i].value, "1")) return true;
    if (!strcmp(b->l->arg[i].value, "false") || !strcmp(b->l->arg[i].value, "0")) return false;
    anl_graph_fail(b->g, ANL_RECIPE, "layer '%s' (%s): %s '%s' is not true or false", b->name, b->l->type, key, b->l->arg[i].value);
    return def;
}

void anl__arg_pair(anl__build *b, const char *key, int64_t out[2])
{
    int i = find_arg(b, key);
    long long a = 0, c = 0;
    char extra;
    int n = i < 0 ? 0 : sscanf(b->l->arg[i].value, "%lld,%lld%c", &a, &c, &extra);
    out[0] = a;
    out[1] = n == 2 ? c : a;
    if (n < 1 || n > 2 || a < 1 || out[1] < 1 || a > 4096 || out[1] > 4096)
        anl_graph_fail(b->g, ANL_RECIPE, "layer '%s' (%s) needs '%s' as one or two numbers of at least 1", b->name, b->l->type, key);
}

const char *anl__arg_text(anl__build *b, const char *key, const char *def)
{
    int i = find_arg(b, key);
    return i < 0 ? def : b->l->arg[i].value;
}

void anl__arg_rest(anl__build *b, const char *fixed, char *out, size_t size)
{
    size_t len = (size_t)snprintf(out, size, "%s", fixed ? fixed : "");
    for (int i = 0; i < b->l->n_arg; i++) {
        if (i < 32 && b->used[i]) continue;
        if (strpbrk(b->l->arg[i].key, " =") || len + strlen(b->l->arg[i].key) + strlen(b->l->arg[i].value) + 3 > size)
            return anl_graph_fail(b->g, ANL_RECIPE, "layer '%s' (%s): argument '%.40s' cannot be used", b->name, b->l->type, b->l->arg[i].key);
        len += (size_t)snprintf(out + len, size - len, " %s=", b->l->arg[i].key);
        for (const char *p = b->l->arg[i].value; *p; p++)
            if (*p != ' ' && *p != '[' && *p != ']') out[len++] = *p;
        out[len] = 0;
    }
}

anl_value anl__layer_param(anl__build *b, const char *suffix, int rank, const int64_t *dim, anl_init init, unsigned flags)
{
    char name[192];
    snprintf(name, sizeof name, "%s.%s", b->name, suffix);
    return anl_param(b->g, name, rank, dim, init, flags);
}

anl_init anl__weight_init(anl__build *b, int64_t fan_in, int64_t fan_out)
{
    const char *kind = anl__arg_text(b, "init", "uniform");
    if (!strcmp(kind, "uniform")) return (anl_init){ANL_INIT_UNIFORM, 1 / sqrt((double)fan_in)};
    if (!strcmp(kind, "he-normal")) return (anl_init){ANL_INIT_NORMAL, sqrt(2.0 / (double)fan_in)};
    if (!strcmp(kind, "he-normal-out")) return (anl_init){ANL_INIT_NORMAL, sqrt(2.0 / (double)fan_out)};
    if (!strcmp(kind, "xavier")) return (anl_init){ANL_INIT_UNIFORM, sqrt(6.0 / (double)(fan_in + fan_out))};
    if (!strcmp(kind, "zero")) return (anl_init){ANL_INIT_CONSTANT, 0};
    anl_graph_fail(b->g, ANL_RECIPE, "layer '%s': init '%s' is none of uniform, he-normal, he-normal-out, xavier, zero", b->name, kind);
    return (anl_init){ANL_INIT_CONSTANT, 0};
}

/* By the names of their layers; with _ for - they are operators. */
static const char *const activations[] = {"relu", "leaky-relu", "elu", "gelu", "silu", "sigmoid", "tanh", "hardswish", "softplus", "softmax", "log-softmax"};
enum { ACTIVATIONS = sizeof activations / sizeof *activations };

void anl__activate_help(anl__buf *out)
{
    anl__buf_add(out, "act: none");
    for (int i = 0; i < ACTIVATIONS; i++) anl__buf_add(out, ", %s", activations[i]);
    anl__buf_add(out, "\n");
}

static void replace(char *text, char from, char to)
{
    for (; *text; text++)
        if (*text == from) *text = to;
}

anl_value anl__activate(anl__build *b, const char *act, anl_value x)
{
    char name[192], word[32];
    int i = 0;
    if (!act || !strcmp(act, "none") || b->g == NULL || anl_graph_status(b->g) != ANL_OK) return x;
    snprintf(word, sizeof word, "%s", act);
    replace(word, '_', '-');
    while (i < ACTIVATIONS && strcmp(activations[i], word)) i++;
    if (i == ACTIVATIONS) {
        const char *near = anl__nearest(word, activations, ACTIVATIONS);
        anl_graph_fail(b->g, ANL_RECIPE, "layer '%s' (%s): act '%.40s' is no activation%s%s%s (`anneal explain --layers` lists them)", b->name, b->l->type, act,
                       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        return ANL_NONE;
    }
    replace(word, '-', '_');
    snprintf(name, sizeof name, "%s.%s", b->name, word);
    return anl_node(b->g, word, name, &x, 1, NULL);
}
