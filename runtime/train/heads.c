/* See heads.h. */
#include "heads.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Offset of the sum "<name><what>"; -1: none. */
static int64_t offset_of(const anl_net *net, const char *name, const char *what)
{
    size_t n = strlen(name);
    for (int i = 0; i < anl_net_sum_count(net); i++) {
        const char *sum = anl_net_sum_name(net, i);
        if (!strncmp(sum, name, n) && !strcmp(sum + n, what)) return anl_net_sum_offset(net, i);
    }
    return -1;
}

void anl__heads_find(const anl_net *net, anl__heads *out)
{
    *out = (anl__heads){0};
    for (int i = 0; i < anl_net_sum_count(net) && out->n < ANL__MOST_HEADS; i++) {
        const char *sum = anl_net_sum_name(net, i), *dot = strrchr(sum, '.');
        if (!dot || strcmp(dot, ".num") || !strcmp(sum, "loss.num") || dot - sum > ANL__HEAD_NAME) continue;
        anl__head *h = &out->head[out->n++];
        int len = (int)(dot - sum);
        snprintf(h->name, sizeof h->name, "%.*s", len, sum);
        snprintf(h->loss_name, sizeof h->loss_name, "valid.%.*s.loss", len, sum);
        snprintf(h->accuracy_name, sizeof h->accuracy_name, "valid.%.*s.accuracy", len, sum);
        h->at[0] = anl_net_sum_offset(net, i);
        h->at[1] = offset_of(net, h->name, ".den");
        h->at[2] = offset_of(net, h->name, ".correct");
        h->at[3] = offset_of(net, h->name, ".count");
    }
}

anl_status anl__heads_take(anl_net *net, anl__heads *all)
{
    for (int i = 0; i < all->n; i++) {
        anl__head *h = &all->head[i];
        double *sum[4] = {&h->num, &h->den, &h->correct, &h->count};
        for (int k = 0; k < 4; k++) {
            float v = 0;
            if (h->at[k] >= 0) ANL_TRY(anl_net_slab_read(net, ANL_SLAB_GRAD0, h->at[k], 1, &v));
            *sum[k] += (double)v;
        }
    }
    return ANL_OK;
}

double anl__head_loss(const anl__head *h) { return h->den > 0 ? h->num / h->den : NAN; }

double anl__head_accuracy(const anl__head *h)
{
    double n = h->at[3] >= 0 ? h->count : h->den;
    return h->at[2] >= 0 && n > 0 ? h->correct / n : NAN;
}
