/* Keys that contradict each other. Each key alone is checked by its type; what needs the data or the graph is checked where
 * those are known. A rule reads values only, never whether a key was written: a resolved recipe obeys the same rules. */
#include "recipe.h"

#include "models/model.h"
#include "runtime/train/cadence.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void against(const recipe *r, anl__buf *e, const char *key, const char *fmt, ...) ANL_FORMAT(4, 5);
static void against(const recipe *r, anl__buf *e, const char *key, const char *fmt, ...)
{
    char what[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    anl__buf_add(e, "%s: %s: %s\n", recipe_where(r, key), key, what);
}

static bool is(const recipe *r, const char *key, const char *word)
{
    const char *text = recipe_text(r, key);
    return text && !strcmp(text, word);
}

/* Given mean and deviation. How many channels the data has is seen where it is opened. */
static void check_norm(const recipe *r, anl__buf *e)
{
    int mean = recipe_count(r, "data.mean"), std = recipe_count(r, "data.std");
    if (mean != std)
        against(r, e, mean > std ? "data.mean" : "data.std",
                "data.mean has %d numbers and data.std %d: they go together", mean, std);
    if (mean && !recipe_bool(r, "data.normalize"))
        against(r, e, "data.mean", "is without effect where data.normalize is false");
}

static void check_data(const recipe *r, anl__buf *e)
{
    int64_t folds = recipe_int(r, "data.folds"), fold = recipe_int(r, "data.fold");
    double part = recipe_real(r, "data.validation");
    static const char *const files[][2] = {{"data.labels", "data.images"}, {"data.test_labels", "data.test_images"}};
    if (recipe_text(r, "data.images") && recipe_text(r, "data.path"))
        against(r, e, "data.images", "goes in the place of data.path (%s), not beside it", recipe_text(r, "data.path"));
    for (int i = 0; i < 2; i++)
        if (recipe_text(r, files[i][0]) && !recipe_text(r, files[i][1])) against(r, e, files[i][0], "needs %s", files[i][1]);
    if (is(r, "data.label_type", "value") && anl_model_is_sequence(recipe_text(r, "model.name")))
        against(r, e, "data.label_type", "is of images and tables of samples; %s reads sequences", recipe_text(r, "model.name"));
    if (is(r, "data.label_type", "value") && (recipe_int(r, "data.classes") || recipe_count(r, "loss.class_weights") || recipe_is_word(r, "loss.class_weights") || recipe_real(r, "loss.label_smoothing") > 0))
        against(r, e, "data.label_type", "values have no classes: data.classes, loss.class_weights and loss.label_smoothing do not go with it");
    bool weighs = !recipe_count(r, "loss.class_weights");
    for (int i = 0; i < recipe_count(r, "loss.class_weights"); i++) weighs |= recipe_real_at(r, "loss.class_weights", i) > 0;
    if (!weighs) against(r, e, "loss.class_weights", "are all 0: nothing would be learnt");
    check_norm(r, e);
    if (folds == 1) against(r, e, "data.folds", "one fold leaves nothing to train on: 2 and more, or 0");
    else if (fold && fold >= folds) against(r, e, "data.fold", "%lld is not below data.folds, %lld", (long long)fold, (long long)folds);
    if (recipe_count(r, "data.size") > 2) against(r, e, "data.size", "has %d numbers: height and width, or one for both", recipe_count(r, "data.size"));
    if (part >= 1 && part != floor(part)) against(r, e, "data.validation", "%g is neither a fraction below 1 nor a count", part);
    if (recipe_int(r, "data.augment.crop") && recipe_real(r, "data.augment.random_resized_crop") > 0)
        against(r, e, "data.augment.crop", "%lld beside data.augment.random_resized_crop: one window of the two", (long long)recipe_int(r, "data.augment.crop"));
}

/* ---- keys that a model has no use for ---------------------------------------------------------- */

#define SEQUENCES "forecaster|charlm|transformer|seq2seq|seqclassifier"
#define SAMPLES "mlp|lenet5|cnn2|resnet-cifar|resnet|sequential|graph"
static const struct {
    const char *key, *models; /* the models that read it */
    const char *by, *words;   /* and only where this key has one of these words, if without them it would mean another model; NULL: always */
} used_by[] = {
    {"model.depth", "resnet-cifar|resnet", NULL, NULL},
    {"model.stem", "resnet", NULL, NULL},
    {"model.cell", "forecaster|charlm|seq2seq|seqclassifier", NULL, NULL},
    {"model.units", SEQUENCES, NULL, NULL},
    {"model.num_layers", SEQUENCES, NULL, NULL},
    {"model.embed", "charlm|seq2seq|seqclassifier", NULL, NULL},
    {"model.category_embed", "forecaster", NULL, NULL},
    {"model.bidirectional", "seq2seq|seqclassifier", NULL, NULL},
    {"model.reset", "forecaster|charlm|seq2seq|seqclassifier", NULL, NULL},
    {"model.attention", "seq2seq", NULL, NULL},
    {"model.readout", "seq2seq", "model.attention", "additive"},
    {"model.attention_heads", "seq2seq|transformer", NULL, NULL},
    {"model.kernel", "forecaster|seqclassifier", NULL, NULL},
    {"model.pool", "seqclassifier", NULL, NULL},
    {"model.autoregressive", "forecaster", "model.cell", "lstm|gru|rnn|rnn-relu"},
    {"data.sha256", "charlm|transformer", NULL, NULL},
    {"data.time", "forecaster", NULL, NULL},
    {"data.targets", "forecaster", NULL, NULL},
    {"data.inputs", "forecaster|seqclassifier", NULL, NULL},
    {"data.categories", "forecaster", NULL, NULL},
    {"data.calendar", "forecaster", NULL, NULL},
    {"data.periods", "forecaster", NULL, NULL},
    {"data.window", "forecaster", NULL, NULL},
    {"data.horizon", "forecaster", NULL, NULL},
    {"data.difference", "forecaster", NULL, NULL},
    {"data.missing", "forecaster", NULL, NULL},
    {"data.doubled", "forecaster", NULL, NULL},
    {"data.gaps", "forecaster", NULL, NULL},
    {"data.tokens", "charlm|transformer|seq2seq|seqclassifier", NULL, NULL},
    {"data.vocabulary", "charlm|transformer|seq2seq|seqclassifier", "data.tokens", "word"},
    {"data.merges", "charlm|transformer|seq2seq|seqclassifier", NULL, NULL},
    {"data.lowercase", "charlm|transformer|seq2seq|seqclassifier", "data.tokens", "char|word|bpe"},
    {"data.chunk", "charlm|transformer", NULL, NULL},
    {"data.compressors", "charlm|transformer", NULL, NULL},
    {"data.longest", "seq2seq|seqclassifier", NULL, NULL},
    {"data.similar", "seq2seq", NULL, NULL},
    {"data.buckets", "seq2seq|seqclassifier", NULL, NULL},
    {"data.source", "seq2seq", NULL, NULL},
    {"data.target", "seq2seq", NULL, NULL},
    {"data.text", "seqclassifier", NULL, NULL},
    {"data.label", "seqclassifier|" SAMPLES, NULL, NULL},
    {"data.file", SAMPLES, NULL, NULL},
    {"data.size", SAMPLES, NULL, NULL},
    {"data.color", SAMPLES, NULL, NULL},
    {"data.fit", SAMPLES, NULL, NULL},
    {"data.damaged", SAMPLES, NULL, NULL},
    {"data.group", "seqclassifier", NULL, NULL},
    {"data.folds", SAMPLES, NULL, NULL},
    {"data.classes", SAMPLES, NULL, NULL},
    {"data.mean", SAMPLES, NULL, NULL},
    {"data.std", SAMPLES, NULL, NULL},
    {"data.augment.flip", SAMPLES, NULL, NULL},
    {"data.augment.crop", SAMPLES, NULL, NULL},
    {"data.augment.erase", SAMPLES, NULL, NULL},
    {"data.augment.flip_vertical", SAMPLES, NULL, NULL},
    {"data.augment.random_resized_crop", SAMPLES, NULL, NULL},
    {"data.augment.rotate", SAMPLES, NULL, NULL},
    {"data.augment.brightness", SAMPLES, NULL, NULL},
    {"data.augment.contrast", SAMPLES, NULL, NULL},
    {"data.augment.saturation", SAMPLES, NULL, NULL},
    {"data.resident", SAMPLES, NULL, NULL},
};

bool recipe_among(const char *word, const char *words)
{
    size_t n = strlen(word);
    for (const char *p = words; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
        if (!strncmp(p, word, n) && (p[n] == '|' || !p[n])) return true;
    return false;
}

bool recipe_is_default(const recipe *r, const char *key)
{
    const recipe_key *k = recipe_keys;
    while (strcmp(k->path, key)) k++;
    switch (k->type) {
    case RECIPE_BOOL: return recipe_bool(r, key) == !strcmp(k->def, "true");
    case RECIPE_INT:
    case RECIPE_REAL: return recipe_real(r, key) == strtod(k->def, NULL);
    case RECIPE_TEXT:
    case RECIPE_ENUM: return is(r, key, k->def) || (!*k->def && !recipe_text(r, key));
    default: return !recipe_count(r, key); /* no list here has another default than none */
    }
}

static void check_used(const recipe *r, anl__buf *e)
{
    const char *model = recipe_text(r, "model.name");
    for (size_t i = 0; i < sizeof used_by / sizeof *used_by; i++) {
        const char *by = used_by[i].by;
        if (recipe_is_default(r, used_by[i].key)) continue;
        if (!recipe_among(model, used_by[i].models)) against(r, e, used_by[i].key, "is without effect: %s does not read it (but %s)", model, used_by[i].models);
        else if (by && !recipe_among(recipe_text(r, by), used_by[i].words)) against(r, e, used_by[i].key, "is without effect where %s is %s (but %s)", by, recipe_text(r, by), used_by[i].words);
    }
}

/* ---- what sequences need ----------------------------------------------------------------------- */

static void check_series(const recipe *r, anl__buf *e)
{
    static const char *const calendar[] = {"hour", "weekday", "month", "yearday"};
    for (int i = 0; i < recipe_count(r, "data.calendar"); i++) {
        const char *word = recipe_text_at(r, "data.calendar", i), *near = anl__nearest(word, calendar, 4);
        if (!recipe_among(word, "hour|weekday|month|yearday"))
            against(r, e, "data.calendar", "'%.60s' is none of hour, weekday, month, yearday%s%s%s", word, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    for (int i = 0; i < recipe_count(r, "data.categories"); i++) {
        bool input = false;
        for (int k = 0; k < recipe_count(r, "data.inputs"); k++) input |= !strcmp(recipe_text_at(r, "data.categories", i), recipe_text_at(r, "data.inputs", k));
        if (!input) against(r, e, "data.categories", "'%.60s' is not among data.inputs", recipe_text_at(r, "data.categories", i));
    }
    for (int i = 0; i < recipe_count(r, "data.targets"); i++)
        for (int k = 0; k < i; k++)
            if (!strcmp(recipe_text_at(r, "data.targets", i), recipe_text_at(r, "data.targets", k)))
                against(r, e, "data.targets", "names '%.60s' twice", recipe_text_at(r, "data.targets", i));
    if (recipe_count(r, "data.periods") > 8) against(r, e, "data.periods", "has %d periods; at most 8", recipe_count(r, "data.periods"));
}

static void check_sequence(const recipe *r, anl__buf *e)
{
    static const char *const part[] = {"data.validation", "data.test"};
    bool text = is(r, "model.name", "charlm") || is(r, "model.name", "transformer");
    if (!anl_model_is_sequence(recipe_text(r, "model.name"))) return;
    check_series(r, e);
    for (int i = 0; i < 2; i++) {
        double share = recipe_real(r, part[i]);
        if (text && share >= 1) against(r, e, part[i], "of a text is a fraction below 1, not %g", share);
        else if (i && share >= 1 && share != floor(share)) against(r, e, part[i], "%g is neither a fraction below 1 nor a count", share);
    }
    if (recipe_real(r, "data.validation") + recipe_real(r, "data.test") >= 1 && recipe_real(r, "data.validation") < 1 && recipe_real(r, "data.test") < 1)
        against(r, e, "data.test", "%g and data.validation %g leave nothing to train on", recipe_real(r, "data.test"), recipe_real(r, "data.validation"));
    if (is(r, "model.name", "seqclassifier") && recipe_text(r, "data.text") && recipe_text(r, "data.group"))
        against(r, e, "data.group", "is of windows, and data.text of texts: one of them");
    if (recipe_text(r, "data.group") && recipe_int(r, "data.longest")) against(r, e, "data.longest", "is of texts, and these are windows");
}

static void check_train(const recipe *r, anl__buf *e)
{
    int64_t shards = recipe_int(r, "train.shards"), lanes = recipe_int(r, "train.lanes"), batch = recipe_int(r, "train.batch"), devices = recipe_is_word(r, "devices") ? 1 : recipe_int(r, "devices");
    if (lanes > 1 && recipe_is_word(r, "devices")) against(r, e, "train.lanes", "%lld lanes are on one device, and devices is all", (long long)lanes);
    if (devices > shards) against(r, e, "devices", "%lld devices have only train.shards = %lld to compute: each needs one", (long long)devices, (long long)shards);
    if (lanes > 1 && devices > 1) against(r, e, "train.lanes", "%lld lanes are on one device, and devices = %lld", (long long)lanes, (long long)devices);
    if (lanes > 1 && is(r, "data.resident", "true")) against(r, e, "data.resident", "needs train.lanes = 1: the host feeds each of the %lld lanes", (long long)lanes);
    if (lanes > shards) against(r, e, "train.lanes", "%lld lanes have only train.shards = %lld to compute", (long long)lanes, (long long)shards);
    if (!recipe_is_word(r, "train.batch") && shards > batch)
        against(r, e, "train.shards", "%lld shards cannot share a train.batch of %lld", (long long)shards, (long long)batch);
    if (recipe_bool(r, "optim.nesterov") && (recipe_real(r, "optim.momentum") <= 0 || recipe_real(r, "optim.dampening") != 0))
        against(r, e, "optim.nesterov", "needs optim.momentum above 0 and optim.dampening 0");
    if (recipe_real(r, "train.loss_scale") < recipe_real(r, "train.loss_scale_min"))
        against(r, e, "train.loss_scale", "%g is below train.loss_scale_min, %g", recipe_real(r, "train.loss_scale"), recipe_real(r, "train.loss_scale_min"));
    if (is(r, "schedule.name", "multistep") && !recipe_count(r, "schedule.milestones"))
        against(r, e, "schedule.name", "multistep needs schedule.milestones");
    if (is(r, "schedule.name", "step") && recipe_real(r, "schedule.step") <= 0) against(r, e, "schedule.step", "needs a number above 0");
    for (int i = 1; i < recipe_count(r, "schedule.milestones"); i++)
        if (!(recipe_real_at(r, "schedule.milestones", i) > recipe_real_at(r, "schedule.milestones", i - 1))) {
            against(r, e, "schedule.milestones", "must ascend");
            break;
        }
}

static void check_model(const recipe *r, anl__buf *e)
{
    static const char *const trees[] = {"model.layers", "model.blocks", "model.heads"};
    bool written = is(r, "model.name", "sequential") || is(r, "model.name", "graph");
    for (int i = 0; i < 3; i++)
        if (!written && recipe_tree(r, trees[i]))
            against(r, e, trees[i], "goes with model.name sequential or graph, not %s", recipe_text(r, "model.name"));
    if (written && !recipe_tree(r, "model.layers")) against(r, e, "model.name", "%s needs model.layers", recipe_text(r, "model.name"));
    if (is(r, "model.name", "sequential") && recipe_tree(r, "model.heads")) against(r, e, "model.heads", "needs model.name graph");
    if (is(r, "model.name", "resnet-cifar") && (recipe_int(r, "model.depth") - 2) % 6)
        against(r, e, "model.depth", "%lld is not 6n+2 (20, 32, 44, 56, 110)", (long long)recipe_int(r, "model.depth"));
    int64_t depth = recipe_int(r, "model.depth");
    if (is(r, "model.name", "resnet") && depth != 18 && depth != 34 && depth != 50 && depth != 101 && depth != 152)
        against(r, e, "model.depth", "%lld is no depth of resnet: 18, 34, 50, 101, 152", (long long)depth);
    static const char *const cells[][2] = {{"linear", "forecaster"}, {"tcn", "forecaster"}, {"cnn", "seqclassifier"}};
    for (int i = 0; i < 3; i++)
        if (anl_model_is_sequence(recipe_text(r, "model.name")) && is(r, "model.cell", cells[i][0]) && !is(r, "model.name", cells[i][1]))
            against(r, e, "model.cell", "%s goes with model.name %s, not %s", cells[i][0], cells[i][1], recipe_text(r, "model.name"));
    if (recipe_count(r, "model.hidden") > 16) against(r, e, "model.hidden", "has more than 16 layers");
}

/* valid.LAYER.loss or accuracy of a head beside the first. */
static bool is_head_metric(const recipe *r, const char *name)
{
    const yaml_node *list = recipe_tree(r, "model.heads");
    const char *dot = strrchr(name, '.');
    if (!list || strncmp(name, "valid.", 6) || (strcmp(dot, ".loss") && strcmp(dot, ".accuracy"))) return false;
    for (int i = 1; i < list->n; i++) {
        const yaml_node *from = yaml_find(list->item[i], "from");
        size_t n = from && from->kind == YAML_SCALAR ? strlen(from->text) : 0;
        if (n && name + 6 + n == dot && !strncmp(name + 6, from->text, n)) return true;
    }
    return false;
}

/* What the training loop measures; whether the model at hand has it is seen there. */
static void check_metric(const recipe *r, anl__buf *e, const char *key)
{
    static const char *const names[] = {"train.loss", "train.accuracy", "valid.loss", "valid.accuracy", "valid.topk",
                                        "valid.macro_f1", "valid.auc", "valid.average_precision", "valid.rmse", "valid.mae", "valid.r2", "valid.bits", "valid.perplexity"};
    enum { N = sizeof names / sizeof names[0] };
    const char *name = recipe_text(r, key), *near;
    for (int i = 0; i < N; i++)
        if (!strcmp(names[i], name)) return;
    if (is_head_metric(r, name)) return;
    near = anl__nearest(name, names, N);
    against(r, e, key, "'%.60s' is not measured; there are train. and valid.loss and accuracy, valid.topk, macro_f1, auc, average_precision, rmse, mae, r2, bits, perplexity%s%s%s",
            name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

anl_status recipe_check(const recipe *r, anl_ctx *ctx, anl__buf *e)
{
    anl__cadence every;
    check_model(r, e);
    check_data(r, e);
    check_used(r, e);
    check_sequence(r, e);
    check_train(r, e);
    check_metric(r, e, "early_stop.metric");
    check_metric(r, e, "checkpoint.metric");
    if (anl__cadence_parse(ctx, recipe_text(r, "checkpoint.every"), &every) != ANL_OK)
        against(r, e, "checkpoint.every", "'%.60s' is none of: auto, N steps, N epochs, N seconds, N minutes, N hours", recipe_text(r, "checkpoint.every"));
    return e->status;
}
