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
        *out = (anl__pictures_opts){.height = s->dim[0], .width = s->dim[1], .channels = (int)s->dim[2], .fit = out->fit, .drop_damaged = out->drop_damaged, .file = out->file,
                                    .label = out->label, .class_names = train->class_names, .classes = train->class_names ? train->classes : 0};
    } else if (o->from) {
        out->height = anl__ckpt_int(o->from, "data.height", 0);
        out->width = anl__ckpt_int(o->from, "data.width", 0);
        out->channels = (int)anl__ckpt_int(o->from, "data.channels", 0);
    }
    out->files = o->test_files;
    out->n_files = o->n_test_files;
}

anl_status job_pictures_note(const job *j, anl__buf *out)
{
    const anl__dataset *ds = j->set[0];
    if (!ds || !ds->item) return ANL_OK;
    const anl_shape *s = &ds->field[ANL__FIELD_X].shape;
    anl__buf_add(out, "%s: pictures as %lldx%lldx%lld", ds->name, (long long)s->dim[0], (long long)s->dim[1], (long long)s->dim[2]);
    if (ds->label) anl__buf_add(out, ", %d classes", ds->classes);
    anl__buf_add(out, ": %lld to train on, %lld to validate, %lld to test\n", (long long)j->split.n_train, (long long)j->split.n_valid, j->set[1] ? (long long)j->set[1]->n : 0);
    return out->status;
}
