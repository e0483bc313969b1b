/* How a recipe, or a trained model, wants pictures. */
#include "job.h"

#include <string.h>

static anl__picture_fit fit_of(const char *word)
{
    return !strcmp(word, "stretch") ? ANL__FIT_STRETCH : !strcmp(word, "pad") ? ANL__FIT_PAD : ANL__FIT_CROP;
}

void job_pictures(const job *j, const job_opts *o, anl__pictures_opts *out)
{
    const recipe *r = j->recipe;
    const char *label = recipe_text(r, "data.label"), *color = recipe_text(r, "data.color");
    int sides = recipe_count(r, "data.size");
    const anl__dataset *train = j->set[0];
    if (label) out->label = label;
    if (recipe_text(r, "data.file")) out->file = recipe_text(r, "data.file");
    if (sides) {
        out->height = recipe_int_at(r, "data.size", 0);
        out->width = recipe_int_at(r, "data.size", sides - 1);
    }
    out->channels = !strcmp(color, "grey") ? 1 : !strcmp(color, "rgb") ? 3 : 0;
    out->fit = fit_of(recipe_text(r, "data.fit"));
    out->drop_damaged = !strcmp(recipe_text(r, "data.damaged"), "drop");
    out->class_names = j->class_names;
    out->classes = j->class_names ? j->model.classes : 0;
    if (train && train->item && train->field[ANL__FIELD_X].shape.rank == 3) { /* the other part is to be alike */
        const anl_shape *s = &train->field[ANL__FIELD_X].shape;
        out->height = s->dim[0];
        out->width = s->dim[1];
        out->channels = (int)s->dim[2];
        out->class_names = train->class_names;
        out->classes = train->class_names ? train->classes : 0;
    } else if (o->from) {
        out->height = anl__ckpt_int(o->from, "data.height", 0);
        out->width = anl__ckpt_int(o->from, "data.width", 0);
        out->channels = (int)anl__ckpt_int(o->from, "data.channels", 0);
    }
    out->files = o->test_files;
    out->n_files = o->n_test_files;
}

/* N,C,H,W, as PyTorch has it, is read as N,H,W,C: a picture of three rows and many channels. (One row may be a signal of many channels,
   unless it is as long as they are many.) */
static bool channels_first(const anl_shape *s)
{
    if (s->rank != 3 || s->dim[1] <= 4 || s->dim[2] <= 4) return false;
    return s->dim[0] == 3 || (s->dim[0] == 1 && s->dim[1] == s->dim[2]);
}

anl_status job_pictures_note(const job *j, anl__buf *out)
{
    const anl__dataset *ds = j->set[0];
    if (!ds) return ANL_OK;
    const anl_shape *s = &ds->field[ANL__FIELD_X].shape;
    if (!ds->item && channels_first(s))
        anl__buf_add(out, "warning: %s: images of %lld rows, %lld columns and %lld channels: samples are N,H,W,C here; are these N,C,H,W?\n",
                     ds->name, (long long)s->dim[0], (long long)s->dim[1], (long long)s->dim[2]);
    if (!ds->item) return out->status;
    anl__buf_add(out, "%s: pictures as %lldx%lldx%lld", ds->name, (long long)s->dim[0], (long long)s->dim[1], (long long)s->dim[2]);
    if (ds->label) anl__buf_add(out, ", %d classes", ds->classes);
    anl__buf_add(out, ": %lld to train on, %lld to validate", (long long)j->split.n_train, (long long)j->split.n_valid);
    if (j->whole_test) anl__buf_add(out, ", %lld to test", j->set[1] ? (long long)j->set[1]->n : 0);
    anl__buf_add(out, "\n");
    if (ds->label && ds->classes == 1)
        anl__buf_add(out, "warning: %s: one class only (%s): there is nothing to tell apart. Are the folders of classes a level deeper?\n",
                     ds->name, ds->class_names ? ds->class_names[0] : "0");
    return out->status;
}
