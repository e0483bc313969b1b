#include "fixture.h"

#include "device.h"
#include "models/layers.h"
#include "runtime/base/files.h"
#include "runtime/base/philox.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS = SIDE * SIDE };

void toy_make(toy *t, int64_t n, int64_t batch, bool shuffle)
{
    *t = (toy){.n = n, .batch = batch, .shuffle = shuffle, .poison = -1};
    t->image = calloc((size_t)n * PIXELS, sizeof *t->image);
    t->label = calloc((size_t)n, sizeof *t->label);
    t->batch_image = calloc((size_t)batch * PIXELS, sizeof *t->batch_image);
    t->batch_label = calloc((size_t)batch, sizeof *t->batch_label);
    for (int64_t i = 0; i < n; i++) {
        t->label[i] = (int32_t)(i % CLASSES);
        int y0 = t->label[i] / 2 * (SIDE / 2), x0 = t->label[i] % 2 * (SIDE / 2);
        for (int k = 0; k < PIXELS; k++) {
            float noise = anl__u32_to_unit(anl__philox(7, (uint32_t)k, (uint32_t)i, 0, 0).v[0]);
            bool bright = k / SIDE >= y0 && k / SIDE < y0 + SIDE / 2 && k % SIDE >= x0 && k % SIDE < x0 + SIDE / 2;
            t->image[i * PIXELS + k] = noise + (bright ? 0.5f : 0.0f);
        }
    }
}

void toy_free(toy *t)
{
    free(t->image);
    free(t->label);
    free(t->batch_image);
    free(t->batch_label);
}

static anl_status toy_start(void *self, int64_t epoch, int64_t first_batch)
{
    toy *t = self;
    t->epoch = epoch;
    t->at = first_batch * t->batch;
    return ANL_OK;
}

/* A different order each epoch, computed from the position. */
static int64_t order(const toy *t, int64_t k) { return t->shuffle ? (k + 7 * (t->epoch + 1)) % t->n : k; }

static anl_status toy_next(void *self, anl__feed_batch *b)
{
    toy *t = self;
    *b = (anl__feed_batch){.n = t->n - t->at < t->batch ? t->n - t->at : t->batch, .first = t->at};
    for (int64_t i = 0; i < b->n; i++) {
        int64_t from = order(t, t->at + i);
        memcpy(t->batch_image + i * PIXELS, t->image + from * PIXELS, PIXELS * sizeof(float));
        if (t->at + i + t->epoch * t->n == t->poison) t->batch_image[i * PIXELS] = NAN;
        t->batch_label[i] = t->label[from];
    }
    b->input[0] = t->batch_image;
    b->input[1] = t->batch_label;
    b->label = t->batch_label;
    t->at += b->n;
    return ANL_OK;
}

static void toy_release(void *self, anl__feed_batch *b)
{
    (void)self;
    (void)b;
}

anl__feed toy_feed(toy *t) { return (anl__feed){.self = t, .samples = t->n, .batch = t->batch, .start = toy_start, .next = toy_next, .release = toy_release}; }

static void toy_build(void *self, anl_graph *g, anl__size size)
{
    (void)self;
    const int64_t dim[4] = {size.n, SIDE, SIDE, 1};
    anl_value x = anl_input(g, "image", anl_graph_dtype(g), 4, dim), label = anl_input(g, "label", ANL_I32, 1, dim);
    x = anl__layer_text(g, "conv", "conv1", &x, 1, "filters=6 kernel=3 pad=1 bias=false");
    x = anl__layer_text(g, "batchnorm", "bn1", &x, 1, "act=relu");
    x = anl__layer_text(g, "maxpool", "pool", &x, 1, "kernel=2");
    x = anl__layer_text(g, "conv", "conv2", &x, 1, "filters=8 kernel=3 act=relu");
    x = anl__layer_text(g, "dropout", "drop", &x, 1, "p=0.25");
    x = anl__layer_text(g, "flatten", "flatten", &x, 1, " ");
    x = anl__layer_text(g, "dense", "out", &x, 1, "units=%d", CLASSES);
    anl_output(g, "logits", x);
    anl_value in[2] = {x, label}, num = anl_node(g, "softmax_cross_entropy", "cross_entropy", in, 2, NULL);
    anl_loss(g, "loss", num, anl_node_output(g, num, 1), 1);
    anl_sum(g, "correct", anl_node_output(g, num, 2));
}

const anl__task toy_task = {.build = toy_build};

bool toy_has(const char *device, anl_dtype type)
{
    anl_ctx *ctx = anl_ctx_create();
    anl_device *dev = NULL;
    anl_device_opts o = anl_device_opts_default();
    o.threads = 1;
    bool has = anl_device_open(ctx, device, &o, &dev) == ANL_OK;
    if (!has) printf("skipped: %s\n", anl_last_error(ctx));
    else if (!dev->vt->has_dtype(dev, type)) {
        has = false;
        printf("skipped: device %s has no %s here\n", device, anl_dtype_name(type));
    }
    anl_device_close(dev);
    anl_ctx_destroy(ctx);
    return has;
}

bool toy_has_devices(int n)
{
    anl_ctx *ctx = anl_ctx_create();
    bool has = anl_device_count(ctx, "auto") >= n;
    anl_ctx_destroy(ctx);
    if (!has) printf("skipped: there are no %d devices of one kind\n", n);
    return has;
}

long toy_launches(void)
{
    const char *plugin = getenv("ANNEAL_CUDA_PLUGIN");
    void *so = plugin ? dlopen(plugin, RTLD_LAZY | RTLD_NOLOAD) : NULL;
    const long *n = so ? dlsym(so, "anl_shim_launches") : NULL;
    long count = n ? *n : -1;
    if (so) dlclose(so);
    return count;
}

anl__trainer_opts toy_opts(const toy *train, const toy *valid)
{
    anl__trainer_opts o = anl__trainer_opts_default();
    o.task = toy_task;
    o.device = "auto"; /* cpu, or reference where that is all there is */
    o.device_opts.threads = 2;
    o.seed = 11;
    o.train_sizes[0].n = train->batch;
    o.train_sizes[1].n = train->n % train->batch;
    if (valid) {
        o.eval_sizes[0].n = valid->batch;
        o.eval_sizes[1].n = valid->n % valid->batch;
    }
    o.optim.lr = 0.01;
    return o;
}

void toy_digest(anl__trainer *t, char hex[65])
{
    anl_net *net = anl__trainer_net(t);
    anl__sha256 h;
    anl__sha256_init(&h);
    for (int s = 0; s < ANL_SLAB_COUNT; s++)
        if ((s < ANL_SLAB_GRAD0 || s >= ANL_SLAB_MOMENT0) && anl_net_slab_count(net, (anl_slab)s))
            anl__sha256_add(&h, anl_net_slab_data(net, (anl_slab)s), (size_t)anl_net_slab_count(net, (anl_slab)s) * sizeof(float));
    anl__sha256_hex(&h, hex);
}
