/* See job_notes.h. */
#include "job_notes.h"

#include "job_params.h"

#include "runtime/device.h"

#include <string.h>

static void unknown(anl__buf *out, const int64_t count[ANL__PARTS])
{
    for (int p = 0; p < ANL__PARTS; p++)
        if (count[p]) anl__buf_add(out, "note: %lld of the %s part's tokens are not in the vocabulary\n", (long long)count[p], anl__part_name(p));
}

static void of_table(const anl__table *t, anl__buf *out)
{
    if (t->missing || t->dropped || t->doubled || t->gaps) anl__table_report(t, out);
    bool used = t->undated && anl__table_find(t, t->undated) >= 0;
    if (t->undated && (used || t->time < 0))
        anl__buf_add(out, "note: %s: column %s looks like dates (\"%.40s\"), but which number is the day is not known: it is %s. Write them as 2024-03-13 or 13.03.2024\n", t->path,
                     t->undated, t->undated_cell, used ? "read as texts" : "left alone, and the rows have no times");
}

anl_status job_notes(const job *j, anl__buf *out)
{
    const job_sequence *s = j->sequence;
    if (!s) return job_pictures_note(j, out);
    int64_t longest = recipe_int(j->recipe, "data.longest"), count[ANL__PARTS] = {0};
    if (s->table) of_table(s->table, out);
    if (s->series && s->table->gaps && anl__series_periodic(s->series->fit) && !strcmp(recipe_text(j->recipe, "data.gaps"), "keep"))
        anl__buf_add(out, "note: data.periods are counted in rows, so that each gap moves them against the time: `data.gaps: fill` keeps them in step, and data.calendar goes by the time\n");
    for (int p = 0; s->text && p < ANL__PARTS; p++) count[p] = s->text->part[p].unknown;
    if (s->text) unknown(out, count);
    if (s->pairs) unknown(out, s->pairs->unknown);
    if (s->pairs && s->pairs->too_long) anl__buf_add(out, "note: %lld pairs with more than %lld tokens on a side are left out\n", (long long)s->pairs->too_long, (long long)longest);
    if (s->labelled) unknown(out, s->labelled->unknown);
    if (s->labelled && s->labelled->cut) anl__buf_add(out, "note: %lld tokens behind the first %lld of a text are cut off\n", (long long)s->labelled->cut, (long long)longest);
    return out->status;
}

/* What the model sees, and how much of it each part has. */
anl_status job_parts_note(const job *j, anl__buf *out)
{
    const job_sequence *s = j->sequence;
    const anl__labelled *l = s ? s->labelled : NULL;
    if (!l && !(s && s->series)) return ANL_OK;
    anl__buf_add(out, "%s: ", recipe_text(j->recipe, "data.path"));
    if (!l)
        anl__buf_add(out, "windows of %lld rows and the %lld behind them", (long long)recipe_int(j->recipe, "data.window"), (long long)recipe_int(j->recipe, "data.horizon"));
    else if (!l->features) anl__buf_add(out, "texts");
    else if (l->features > 8) anl__buf_add(out, "windows of %d columns", l->features);
    else anl__buf_add(out, "windows of");
    for (int i = 0; l && l->features <= 8 && i < l->features; i++) anl__buf_add(out, "%s%s", i ? ", " : " ", l->feature_names[i]);
    if (l) anl__buf_add(out, "; %d classes", l->classes);
    anl__buf_add(out, ": %lld to train on, %lld to validate, %lld to test\n", (long long)j->part[JOB_TRAIN].feed.samples, (long long)j->part[JOB_VALID].feed.samples,
                 (long long)j->part[JOB_TEST].feed.samples);
    return out->status;
}

static void idle(anl__buf *out, const char *key) { anl__buf_add(out, "note: %s is for CUDA devices; this one has no use for it\n", key); }

anl_status job_device_notes(const job *j, anl__buf *out)
{
    const recipe *r = j->recipe;
    job_params_note(anl__trainer_net(j->trainer), out);
    if (recipe_is_word(r, "devices")) {
        int there = anl_device_count(j->ctx, recipe_text(r, "device")), used = j->devices;
        if (used < there) anl__buf_add(out, "note: devices: %d of %d are used, train.shards = %d\n", used, there, (int)recipe_int(r, "train.shards"));
    }
    if (anl__trainer_device(j->trainer)->vt->record_begin) return out->status; /* it records steps: a CUDA device */
    if (!strcmp(recipe_text(r, "data.resident"), "true")) idle(out, "data.resident");
    if (recipe_bool(r, "train.tune")) idle(out, "train.tune");
    if (recipe_int(r, "train.ahead")) idle(out, "train.ahead");
    return out->status;
}
