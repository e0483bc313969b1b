/* anneal data: finds known sets, describes a set, writes a split's index list. It installs and fetches
 * nothing: `get` prints the command for a person to run. */
#include "datasets/dataset.h"
#include "datasets/known.h"
#include "datasets/split.h"
#include "datasets/transform.h"
#include "runtime/base/files.h"

#include "command.h"
#include "describe_file.h"
#include "describe_pictures.h"
#include "exit_code.h"
#include "pack_data.h"
#include "split_pictures.h"

#include <stdio.h>
#include <string.h>

typedef struct arguments {
    const char *set, *out;
    anl__data_opts data;
    anl__split_opts split;
} arguments;

static const option data_options[] = {
    {"part", "train|test", "which part of the set (default train)"},
    {"count", "N", "split: samples of the validation part"},
    {"fraction", "F", "split: the same as a fraction"},
    {"folds", "K", "split: stratified folds instead"},
    {"fold", "I", "split: the fold that validates (0 to K-1)"},
    {"test", "F", "split, pictures: count or fraction of the test part (default 0.1), where they have no parts of their own"},
    {"seed", "N", "split: its key"},
    {"no-strata", NULL, "split: do not keep the classes' shares"},
    {"size", "N|HxW", "pack, pictures: height and width that they are brought to"},
    {"fit", "crop|stretch|pad", "pack, pictures: those of another shape (default crop)"},
    {"color", "auto|grey|rgb", "pack, pictures: channels (default auto)"},
    {"values", NULL, "pack: labels are values to predict"},
    {"drop-damaged", NULL, "pack, pictures: leave out what cannot be decoded"},
    {"out", "FILE", "split: write the list there; pack: the HDF5 file"},
    {NULL, NULL, NULL},
};

/* How pictures become samples. */
static bool take_pictures(const options *o, anl__data_opts *d, char why[256])
{
    const char *size = options_text(o, "size", NULL), *fit = options_text(o, "fit", "crop"), *color = options_text(o, "color", "auto");
    long h = 0, w = 0;
    char end, x;
    int n = size ? sscanf(size, "%ld%c%ld%c", &h, &x, &w, &end) : 0;
    if (n == 1) w = h;
    if (size && (!(n == 1 || (n == 3 && x == 'x')) || h < 1 || w < 1 || h > 16384 || w > 16384)) {
        snprintf(why, 256, "--size is a number, or height x width as 224x160, not '%.40s'", size);
        return false;
    }
    static const char *const fits[] = {"crop", "stretch", "pad"}, *const colors[] = {"auto", "grey", "rgb"};
    int f = 0, c = 0;
    while (f < 3 && strcmp(fits[f], fit)) f++;
    while (c < 3 && strcmp(colors[c], color)) c++;
    if (f == 3) snprintf(why, 256, "--fit is crop, stretch or pad, not '%.40s'", fit);
    else if (c == 3) snprintf(why, 256, "--color is auto, grey or rgb, not '%.40s'", color);
    if (f == 3 || c == 3) return false;
    d->pictures.height = h;
    d->pictures.width = w;
    d->pictures.fit = (anl__picture_fit)f;
    d->pictures.channels = c == 1 ? 1 : c == 2 ? 3 : 0;
    d->pictures.drop_damaged = options_has(o, "drop-damaged");
    d->values = options_has(o, "values");
    return true;
}

/* The options into a; false with `why` for a value that is none. */
static bool take(const options *o, arguments *a, char why[256])
{
    int64_t seed = 0, folds = 0, fold = 0;
    *a = (arguments){.data = anl__data_opts_default(), .split = anl__split_opts_default()};
    a->set = o->n_arg > 1 ? o->arg[1] : NULL;
    a->data.path = a->set;
    a->data.part = options_text(o, "part", NULL);
    a->out = options_text(o, "out", NULL);
    a->split.stratified = !options_has(o, "no-strata");
    bool ok = options_int(o, "count", 0, 1, INT64_MAX, &a->split.count, why) && options_real(o, "fraction", 0, 0, 0.999999, &a->split.fraction, why) &&
              options_real(o, "test", 0.1, 0, 1e15, &a->data.parts.test, why) &&
              options_int(o, "seed", 0, 0, INT64_MAX, &seed, why) && options_int(o, "folds", 0, 2, 1000, &folds, why) && options_int(o, "fold", 0, 0, 999, &fold, why);
    a->split.seed = a->data.parts.seed = (uint64_t)seed;
    ok = ok && take_pictures(o, &a->data, why);
    a->split.folds = (int)folds;
    a->split.fold = (int)fold;
    return ok;
}

/* ---- get -------------------------------------------------------------------------------------- */

static int get(const arguments *a)
{
    if (!a->set) {
        for (int i = 0; i < anl__known_count(); i++)
            printf("%-16s %s\n", anl__known_at(i)->name, anl__known_at(i)->what);
        return 0;
    }
    const anl__known_set *k = anl__known_find(a->set);
    if (!k) {
        const char *near = anl__known_nearest(a->set);
        fprintf(stderr, "anneal: no data set %s is known%s%s%s; `anneal data get` lists them\n", a->set,
                near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
        return EXIT_DATA;
    }
    char where[4096];
    bool there = anl__known_where(k, where, sizeof where);
    printf("name       %s\nwhat       %s\nlicence    %s\npackage    %s\n%-10s %s\n", k->name, k->what, k->licence, k->package, k->file ? "file" : "directory", where);
    printf("installed  %s\n", there ? "yes" : "no");
    if (!there) printf("install    %s\n", k->install);
    return there ? 0 : EXIT_DATA;
}

/* ---- describe --------------------------------------------------------------------------------- */

static void print_classes(const anl__dataset *ds)
{
    char name[4 * 20 + 1];
    printf("classes      %d\n", ds->classes);
    for (int c = 0; c < ds->classes; c++)
        printf("  %5d  %s %9lld  %5.1f %%\n", c, anl__text_fit(ds->class_names ? ds->class_names[c] : "", 20, name),
               (long long)ds->class_count[c], 100.0 * (double)ds->class_count[c] / (double)ds->n);
}

static anl_status describe(anl_ctx *ctx, const arguments *a)
{
    char path[4096];
    if (describe_is_file(a->set, path, sizeof path)) return describe_file(ctx, path);
    anl__picture_list *pictures = NULL;
    ANL_TRY(anl__dataset_list(ctx, &a->data, &pictures));
    if (pictures) {
        anl_status shown = describe_pictures(ctx, a->set, pictures);
        anl__picture_list_free(pictures);
        return shown;
    }
    anl__dataset *ds = NULL;
    anl__norm norm = {0};
    char print[65];
    anl_status st;
    ANL_GO(anl__dataset_open(ctx, &a->data, &ds));
    ANL_GO(anl__norm_measure(ctx, ds, NULL, ds->n, &norm));
    ANL_GO(anl__dataset_fingerprint(ds, print));
    const anl__field *f = &ds->field[ANL__FIELD_X];
    printf("set          %s\nformat       %s\npart         %s (--part train|test)\nsamples      %lld\n%-12s %s", ds->name, ds->vt->name,
           a->data.part ? a->data.part : "train", (long long)ds->n, f->name, anl_dtype_name(f->dtype));
    for (int i = 0; i < f->shape.rank; i++) printf("%s%lld", i ? " x " : ", ", (long long)f->shape.dim[i]);
    printf("\nfingerprint  %s\n", print);
    for (int64_t c = 0; c < norm.channels && c < 16; c++)
        printf("channel %-4lld mean %.6f, std %.6f%s\n", (long long)c, norm.mean[c], norm.std[c],
               f->dtype == ANL_U8 ? " (of values / 255)" : "");
    if (norm.channels > 16) printf("(%lld more channels)\n", (long long)norm.channels - 16);
    if (ds->classes) print_classes(ds);
done:
    anl__norm_release(ctx, &norm);
    anl__dataset_close(ds);
    return st;
}

/* ---- split ------------------------------------------------------------------------------------ */

/* index,part in ascending order of index: the two lists are merged. */
static void format_split(anl__buf *b, const anl__split *s)
{
    int64_t v = 0;
    anl__buf_add(b, "index,part\n");
    for (int64_t i = 0; i < s->n_train + s->n_valid; i++) {
        bool valid = v < s->n_valid && s->valid[v] == i;
        v += valid;
        anl__buf_add(b, "%lld,%s\n", (long long)i, valid ? "valid" : "train");
    }
}

/* count: samples of each part. */
static anl_status split_samples(anl_ctx *ctx, const arguments *a, anl__buf *b, int64_t count[ANL__PARTS])
{
    anl__dataset *ds = NULL;
    anl__split s = {0};
    anl_status st;
    ANL_GO(anl__dataset_open(ctx, &a->data, &ds));
    anl__split_input in = {ds->n, ds->label, ds->classes};
    ANL_GO(anl__split_make(ctx, &in, &a->split, &s));
    format_split(b, &s);
    count[ANL__PART_TRAIN] = s.n_train;
    count[ANL__PART_VALID] = s.n_valid;
    st = b->status;
done:
    anl__split_release(ctx, &s);
    anl__dataset_close(ds);
    return st;
}

static anl_status split(anl_ctx *ctx, const arguments *a)
{
    anl__picture_list *pictures = NULL;
    anl__buf b;
    int64_t count[ANL__PARTS] = {0};
    anl_status st;
    anl__buf_init(&b, ctx);
    ANL_GO(anl__dataset_list(ctx, &a->data, &pictures));
    ANL_GO(pictures ? split_pictures(ctx, pictures, &a->split, &b, count) : split_samples(ctx, a, &b, count));
    if (a->out) ANL_GO(anl__file_replace(ctx, a->out, b.text, b.len));
    else fwrite(b.text, 1, b.len, stdout);
    fprintf(stderr, "%lld samples to train on, %lld to validate", (long long)count[ANL__PART_TRAIN], (long long)count[ANL__PART_VALID]);
    fprintf(stderr, count[ANL__PART_TEST] ? ", %lld to test\n" : "\n", (long long)count[ANL__PART_TEST]);
done:
    anl__picture_list_free(pictures);
    anl__buf_release(&b);
    return st;
}

/* ---- the command ------------------------------------------------------------------------------ */

static anl_status pack(anl_ctx *ctx, const arguments *a) { return pack_data(ctx, &a->data, a->out); }

static int with_context(anl_status (*job)(anl_ctx *, const arguments *), const arguments *a)
{
    anl_ctx *ctx = command_ctx();
    if (!ctx) return EXIT_ERROR;
    anl_status st = job(ctx, a);
    int code = st == ANL_OK ? EXIT_DONE : command_fail(ctx, st == ANL_FORMAT ? ANL_DATA : st);
    anl_ctx_destroy(ctx);
    return code;
}

static int run_data(const options *o)
{
    arguments a;
    char why[256];
    const char *verb = o->arg[0];
    if (!take(o, &a, why)) return command_usage(o, "%s", why);
    if (strcmp(verb, "get") == 0) return get(&a);
    bool packs = !strcmp(verb, "pack");
    if (!packs && strcmp(verb, "describe") && strcmp(verb, "split")) return command_usage(o, "knows get, describe, split and pack, not '%s'", verb);
    if (packs && a.set && !a.out) return command_usage(o, "pack needs --out FILE.h5");
    if (!a.set) return command_usage(o, "%s needs a set: a directory, or a known set's name", verb);
    return with_context(packs ? pack : strcmp(verb, "split") ? describe : split, &a);
}

const command command_data = {
    .name = "data", .args = "get [NAME] | describe SET | split SET | pack SET", .summary = "finds, describes, splits and packs data sets; installs nothing",
    .details = "SET is a directory with IDX or NPY files or pictures, an HDF5 file, a known set's name (`anneal data get` lists them), or, to describe, a file of sequences: CSV, TSV, text. What split writes of pictures is a table for data.labels, with SET in data.images.",
    .options = data_options, .min_args = 1, .max_args = 2, .run = run_data,
};
