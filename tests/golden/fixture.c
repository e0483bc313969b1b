#include "fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct golden_file {
    FILE *f;
    char path[512];
    char *line;
    size_t cap;
    int at;
};

static void broken(const golden_file *f, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", f->path, f->at, what);
    exit(1);
}

/* The next line without its newline; NULL at the end. Comments are left out. */
static char *next_line(golden_file *f)
{
    do {
        ssize_t n = getline(&f->line, &f->cap, f->f);
        if (n < 0) return NULL;
        f->at++;
        if (n && f->line[n - 1] == '\n') f->line[n - 1] = 0;
    } while (f->line[0] == '#');
    return f->line;
}

golden_file *golden_open(const char *group)
{
    golden_file *f = calloc(1, sizeof *f);
    if (!f) exit(1);
    snprintf(f->path, sizeof f->path, "%s/golden/data/%s.txt", ANL_TESTS_DIR, group);
    f->f = fopen(f->path, "r");
    if (!f->f) broken(f, "cannot be opened");
    return f;
}

void golden_close(golden_file *f)
{
    fclose(f->f);
    free(f->line);
    free(f);
}

static void text_line(golden_file *f, const char *key, char *out, size_t size)
{
    char *l = next_line(f);
    size_t n = strlen(key);
    if (!l || strncmp(l, key, n) || strlen(l) >= size) broken(f, key);
    snprintf(out, size, "%s", l + n);
}

static void read_tensor(golden_file *f, golden_tensor *t, char *head)
{
    char *save, *w = strtok_r(head, " ", &save);
    snprintf(t->name, sizeof t->name, "%s", w);
    w = strtok_r(NULL, " ", &save);
    if (!w) broken(f, "a tensor without a kind");
    t->kind = *w;
    t->count = 1;
    while ((w = strtok_r(NULL, " ", &save))) {
        if (t->shape.rank == ANL_MAX_RANK) broken(f, "too many dimensions");
        t->shape.dim[t->shape.rank++] = strtoll(w, NULL, 10);
        t->count *= t->shape.dim[t->shape.rank - 1];
    }
    if (t->kind == '-') return;
    char *p = next_line(f), *end;
    t->v = calloc((size_t)t->count + 1, sizeof *t->v);
    if (!p || !t->v) broken(f, "no values");
    for (int64_t i = 0; i < t->count; i++, p = end) {
        t->v[i] = strtod(p, &end);
        if (end == p) broken(f, "too few values");
    }
    if (*p) broken(f, "too many values");
}

bool golden_next(golden_file *f, golden_case *c)
{
    memset(c, 0, sizeof *c);
    char *l = next_line(f);
    if (!l) return false;
    if (strncmp(l, "case ", 5) || strlen(l) >= sizeof c->name) broken(f, "a case must begin here");
    snprintf(c->name, sizeof c->name, "%s", l + 5);
    text_line(f, "op ", c->op, sizeof c->op);
    text_line(f, "attrs ", c->attrs, sizeof c->attrs);
    while ((l = next_line(f)) && strcmp(l, "end")) {
        if (c->n == GOLDEN_TENSORS) broken(f, "too many tensors");
        read_tensor(f, &c->t[c->n++], l);
    }
    if (!l) broken(f, "the file ends inside a case");
    return true;
}

void golden_release(golden_case *c)
{
    for (int i = 0; i < c->n; i++) free(c->t[i].v);
}

const golden_tensor *golden_find(const golden_case *c, const char *name)
{
    for (int i = 0; i < c->n; i++)
        if (!strcmp(c->t[i].name, name)) return &c->t[i];
    return NULL;
}

const golden_tensor *golden_numbered(const golden_case *c, const char *name, int i)
{
    char full[48];
    snprintf(full, sizeof full, "%s%d", name, i);
    return golden_find(c, full);
}

double golden_distance(int64_t n, const double *a, const double *b)
{
    double top = 0, far = 0;
    for (int64_t i = 0; i < n; i++) {
        top = fmax(top, fabs(b[i]));
        double d = fabs(a[i] - b[i]);
        if (!(d <= far)) far = isnan(d) ? INFINITY : d;
    }
    return far / (1 + top);
}

anl_status golden_load(anl_net *net, const golden_case *c, float *param)
{
    for (int i = 0; i < anl_net_param_count(net); i++) {
        anl_tensor_info info = anl_net_param(net, i);
        const golden_tensor *t = golden_find(c, info.name);
        if (!t || t->count != info.count || info.offset + info.count > GOLDEN_MOST) {
            fprintf(stderr, "%s: parameter %s is not there, or of another size\n", c->name, info.name);
            return ANL_MISMATCH;
        }
        for (int64_t k = 0; k < info.count; k++) param[info.offset + k] = (float)t->v[k];
    }
    return anl_net_slab_write(net, ANL_SLAB_PARAM, 0, anl_net_slab_count(net, ANL_SLAB_PARAM), param);
}

anl_status golden_step(anl_net *net, anl_program *program, const anl_bind *bind, float rate, float momentum, float *param, float *velocity, float *grad, double *loss)
{
    float sum[2] = {0};
    int64_t n = anl_net_slab_count(net, ANL_SLAB_PARAM);
    anl_status st = n <= GOLDEN_MOST ? anl_program_run(program, bind) : ANL_MISMATCH;
    if (st == ANL_OK) st = anl_net_slab_read(net, ANL_SLAB_GRAD0, 0, n, grad);
    for (int i = 0; i < anl_net_sum_count(net) && st == ANL_OK; i++) {
        const char *name = anl_net_sum_name(net, i);
        int which = !strcmp(name, "loss.num") ? 0 : !strcmp(name, "loss.den") ? 1 : -1;
        if (which >= 0) st = anl_net_slab_read(net, ANL_SLAB_GRAD0, anl_net_sum_offset(net, i), 1, &sum[which]);
    }
    if (st != ANL_OK) return st;
    *loss = (double)sum[0] / (double)sum[1];
    for (int64_t i = 0; i < n; i++) {
        velocity[i] = momentum * velocity[i] + grad[i] / sum[1];
        param[i] -= rate * velocity[i];
    }
    return anl_net_slab_write(net, ANL_SLAB_PARAM, 0, n, param);
}
