/* See job_idle.h. */
#include "job_idle.h"

#include <string.h>

/* Keys that only some words of another key read. */
static const struct {
    const char *key, *by, *words;
} read_by[] = {
    {"optim.momentum", "optim.name", "sgd|rmsprop"},
    {"optim.dampening", "optim.name", "sgd"},
    {"optim.nesterov", "optim.name", "sgd"},
    {"optim.beta1", "optim.name", "adam|adamw|lamb"},
    {"optim.beta2", "optim.name", "adam|adamw|lamb"},
    {"optim.eps", "optim.name", "adam|adamw|rmsprop|adagrad|lamb"},
    {"optim.rho", "optim.name", "rmsprop"},
    {"schedule.step", "schedule.name", "step"},
    {"schedule.gamma", "schedule.name", "step|multistep|exponential"},
    {"schedule.milestones", "schedule.name", "multistep"},
    {"schedule.final", "schedule.name", "cosine|one-cycle|polynomial"},
    {"schedule.power", "schedule.name", "polynomial"},
    {"schedule.peak_at", "schedule.name", "one-cycle"},
    {"schedule.div", "schedule.name", "one-cycle"},
    {"schedule.patience", "schedule.name", "plateau"},
    {"schedule.factor", "schedule.name", "plateau"},
    {"schedule.min_lr", "schedule.name", "plateau"},
    {"schedule.cooldown", "schedule.name", "plateau"},
};

static void of_choices(const recipe *r, anl__buf *out)
{
    for (size_t i = 0; i < sizeof read_by / sizeof *read_by; i++) {
        const char *word = recipe_text(r, read_by[i].by);
        if (recipe_is_set(r, read_by[i].key) && !recipe_among(word, read_by[i].words))
            anl__buf_add(out, "note: %s is without effect where %s is %s (it is read by %s)\n", read_by[i].key, read_by[i].by, word, read_by[i].words);
    }
}

/* What is read of pictures only: other samples stay as they are stored. */
static void of_samples(const job *j, anl__buf *out)
{
    static const char *const keys[] = {"data.size", "data.fit", "data.color", "data.damaged"};
    const anl__dataset *ds = j->set[0];
    if (!ds || ds->item) return;
    for (int i = 0; i < 4; i++)
        if (recipe_is_set(j->recipe, keys[i])) {
            char shape[96];
            anl_shape s = ds->field[ANL__FIELD_X].shape;
            anl__buf_add(out, "note: %s is of folders of pictures, and without effect here: the samples of %s stay as they are, %s\n", keys[i], ds->name, anl__shape_text(&s, shape));
        }
}

static void of_loss(const job *j, anl__buf *out)
{
    static const char *const keys[] = {"loss.name", "loss.delta"};
    bool own = j->kind != ANL__SCORE_VALUES && !j->model.n_head;
    for (int i = 0; i < 2; i++)
        if (own && recipe_is_set(j->recipe, keys[i]))
            anl__buf_add(out, "note: %s is of values to predict, and without effect here: the loss of classes is cross-entropy%s\n", keys[i],
                         j->sequence ? "" : " (`data.label_type: value` reads labels as values)");
}

/* Epochs that were meant as steps, and a batch that is larger than all. */
static void of_length(const job *j, anl__buf *out)
{
    const recipe *r = j->recipe;
    double warmup = recipe_real(r, "schedule.warmup");
    long long epochs = (long long)recipe_int(r, "train.epochs"), n = (long long)j->part[JOB_TRAIN].feed.samples;
    int milestones = !strcmp(recipe_text(r, "schedule.name"), "multistep") ? recipe_count(r, "schedule.milestones") : 0;
    if (warmup >= (double)epochs)
        anl__buf_add(out, "warning: schedule.warmup is counted in epochs, and %g are not fewer than the %lld that are trained: the rate does not come to optim.lr\n", warmup, epochs);
    for (int i = 0; i < milestones; i++) {
        double at = recipe_real_at(r, "schedule.milestones", i);
        if (at < (double)epochs) continue;
        anl__buf_add(out, "warning: schedule.milestones are counted in epochs, and %lld are trained: %g is never come to\n", epochs, at);
        break;
    }
    if (n && j->batch > n) anl__buf_add(out, "note: train.batch %lld is more than there is to train on, %lld: an epoch is one step\n", (long long)j->batch, n);
}

anl_status job_idle_notes(const job *j, anl__buf *out)
{
    of_choices(j->recipe, out);
    of_samples(j, out);
    of_loss(j, out);
    of_length(j, out);
    return out->status;
}
