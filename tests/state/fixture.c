/* state_test.h */
#include "tests/state/state_test.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

char *take(const char *path, size_t *bytes)
{
    struct stat s;
    FILE *i = fopen(path, "rb");
    assert_non_null(i);
    assert_int_equal(fstat(fileno(i), &s), 0);
    char *p = calloc((size_t)s.st_size + 1, 1);
    size_t n = fread(p, 1, (size_t)s.st_size, i);
    fclose(i);
    if (bytes) *bytes = n;
    return p;
}

int entries(const char *dir, const char *part)
{
    int n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) n += strstr(e->d_name, part) != NULL;
    if (d) closedir(d);
    return n;
}

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

const anl__ckpt_content *content_make(content *c, int64_t step)
{
    static const struct { const char *group, *name; anl_shape shape; } form[CONTENT_TENSORS] = {
        {"params", "conv1.weight", {4, {4, 3, 3, 2}}},
        {"params", "conv1.bias", {1, {4}}},
        {"buffers", "bn.running.mean", {2, {1, 4}}},
        {"optim/adam", "conv1.weight", {6, {1, 2, 1, 3, 1, 5}}},
        {"optim", "scalar", {0, {0}}},
    };
    memset(c, 0, sizeof *c);
    for (int i = 0; i < CONTENT_TENSORS; i++) {
        c->tensor[i] = (anl__ckpt_tensor){form[i].group, form[i].name, form[i].shape, c->data[i]};
        for (int64_t k = 0; k < anl_shape_count(&form[i].shape); k++)
            c->data[i][k] = (float)(step * 1000 + i * 300 + k) * 0.125f;
    }
    c->data[1][0] = -0.0f;
    c->data[1][1] = 1e-42f; /* subnormal */
    snprintf(c->text, sizeof c->text, "train:\n  batch: %lld # \xc3\xa4\n", (long long)step);
    const anl__ckpt_attr attr[CONTENT_ATTRS] = {
        {.name = "epoch", .type = ANL__CKPT_INT, .i = -step},
        {.name = "best.value", .type = ANL__CKPT_DOUBLE, .d = 0.1 * (double)step},
        {.name = "nothing", .type = ANL__CKPT_DOUBLE, .d = -INFINITY},
        {.name = "recipe", .type = ANL__CKPT_TEXT, .text = c->text},
        {.name = "empty", .type = ANL__CKPT_TEXT, .text = ""},
        {.name = "most", .type = ANL__CKPT_INT, .i = INT64_MIN},
    };
    memcpy(c->attr, attr, sizeof attr);
    c->c = (anl__ckpt_content){step, c->tensor, CONTENT_TENSORS, c->attr, CONTENT_ATTRS};
    return &c->c;
}

bool content_is(const anl__ckpt *k, int64_t step)
{
    content *c = malloc(sizeof *c);
    content_make(c, step);
    bool same = anl__ckpt_step(k) == step && anl__ckpt_count(k) == CONTENT_TENSORS &&
                anl__ckpt_attr_count(k) == CONTENT_ATTRS;
    for (int i = 0; same && i < CONTENT_TENSORS; i++) {
        const anl__ckpt_tensor *want = &c->tensor[i];
        anl__ckpt_tensor t = anl__ckpt_find(k, want->group, want->name);
        same = t.data && t.shape.rank == want->shape.rank &&
               !memcmp(t.shape.dim, want->shape.dim, sizeof t.shape.dim) &&
               !memcmp(t.data, want->data, (size_t)anl_shape_count(&t.shape) * sizeof(float));
    }
    for (int i = 0; same && i < CONTENT_ATTRS; i++) {
        const anl__ckpt_attr *a = &c->attr[i];
        if (a->type == ANL__CKPT_INT) same = anl__ckpt_int(k, a->name, 77) == a->i;
        else if (a->type == ANL__CKPT_DOUBLE) same = anl__ckpt_double(k, a->name, 77) == a->d;
        else same = !strcmp(anl__ckpt_text(k, a->name, "absent"), a->text);
    }
    free(c);
    return same;
}

anl_status verify(anl_ctx *ctx, const char *path, int64_t *step)
{
    anl__ckpt *k = NULL;
    anl_status st = anl__ckpt_open(ctx, path, &k);
    if (st != ANL_OK) return st;
    if (step) *step = anl__ckpt_step(k);
    if (!content_is(k, anl__ckpt_step(k))) st = ANL_INTERNAL;
    anl__ckpt_close(k);
    return st;
}
