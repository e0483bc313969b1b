/* In which order Keras has the layers of a functional model: by decreasing distance to the outputs (the
 * longest way); among those of one distance, in the order in which a walk from the outputs, each layer before
 * what it reads, comes to them first. (Keras 2: engine/functional.py, Keras 3: ops/function.py.) */
#include "model_file.h"

#include <stdlib.h>
#include <string.h>

typedef struct place {
    int layer;
    int64_t distance, met;
} place;

static int by_place(const void *x, const void *y)
{
    const place *a = x, *b = y;
    if (a->distance != b->distance) return a->distance > b->distance ? -1 : 1;
    return (a->met > b->met) - (a->met < b->met);
}

/* The walk's own stack: layers whose inputs are being followed, and the next of them. */
typedef struct step {
    int layer, next;
} step;

static void walk(const keras_file *f, int from, place *p, step *stack, int64_t *met)
{
    int64_t depth = 0;
    if (p[from].met >= 0) return;
    p[from].met = (*met)++;
    stack[depth++] = (step){from, 0};
    while (depth) {
        step *s = &stack[depth - 1];
        if (s->next == f->layer[s->layer].n_in) {
            depth--;
            continue;
        }
        int next = f->layer[s->layer].in[s->next++].layer;
        if (p[next].met >= 0) continue;
        p[next].met = (*met)++;
        stack[depth++] = (step){next, 0};
    }
}

anl_status keras_order(const keras_file *f, int *order)
{
    int64_t met = 0, n = f->n_layer;
    place *p = anl__calloc(f->ctx, (size_t)n + 1, sizeof *p);
    step *stack = anl__calloc(f->ctx, (size_t)n + 1, sizeof *stack);
    if (p && stack) {
        for (int64_t i = 0; i < n; i++) p[i] = (place){(int)i, 0, -1};
        for (int64_t i = 0; i < f->n_output; i++) walk(f, f->output[i].layer, p, stack, &met);
        for (int64_t i = n - 1; i >= 0; i--) /* layers stand behind what they read */
            for (int k = 0; k < f->layer[i].n_in; k++) {
                place *q = &p[f->layer[i].in[k].layer];
                if (q->distance <= p[i].distance) q->distance = p[i].distance + 1;
            }
        qsort(p, (size_t)n, sizeof *p, by_place);
        for (int64_t i = 0; i < n; i++) order[i] = p[i].layer;
    }
    anl_status st = p && stack ? ANL_OK : ANL_NOMEM;
    anl__free(f->ctx, p);
    anl__free(f->ctx, stack);
    return st;
}
