/* Opening a data set by name, directory or files, and the checks that every format shares: label range, empty
 * classes, fingerprint. It reads no format itself. */
#include "datasets/dataset.h"

#include "datasets/hdf5.h"
#include "datasets/known.h"
#include "datasets/picture_file.h"
#include "datasets/picture_list.h"
#include "datasets/source.h"
#include "runtime/base/files.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const anl__dataset_vt *const formats[] = {&anl__dataset_idx, &anl__dataset_npy, &anl__dataset_pictures, &anl__dataset_hdf5};
enum { FORMATS = sizeof formats / sizeof formats[0] };

anl__data_opts anl__data_opts_default(void)
{
    anl__data_opts o = {.max_bytes = (size_t)64 << 30, .cache = true, .pictures = {.file = "file", .label = "label"}};
    return o;
}

/* ---- which files ------------------------------------------------------------------------------ */

/* The customary names of a set's files, the compressed form second: {part}. */
static const struct {
    const char *part, *format, *images, *labels;
} layouts[] = {
    {"train", "idx", "train-images-idx3-ubyte", "train-labels-idx1-ubyte"},
    {"test", "idx", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"},
    {"train", "npy", "train-images.npy", "train-labels.npy"},
    {"test", "npy", "test-images.npy", "test-labels.npy"},
};
enum { LAYOUTS = sizeof layouts / sizeof layouts[0] };

/* "dir/name" or "dir/name.gz", whichever exists; false if neither. */
static bool find_file(anl__buf *out, const char *dir, const char *name)
{
    out->len = 0;
    anl__buf_add(out, "%s/%s", dir, name);
    if (out->status == ANL_OK && anl__path_exists(out->text)) return true;
    anl__buf_add(out, ".gz");
    return out->status == ANL_OK && anl__path_exists(out->text);
}

static anl_status fail_no_set(anl_ctx *ctx, const anl__known_set *known, const char *path, const char *part)
{
    if (known)
        return anl__fail(ctx, ANL_DATA, "the data set %s is not installed%s%s; install it with: %s",
                         known->name, known->dir ? " in " : "", known->dir ? known->dir : "", known->install);
    if (anl__path_is_dir(path))
        return anl__fail(ctx, ANL_DATA,
                         "%s: found no %s files there: expected images and labels such as %s[.gz] or %s, pictures in folders of classes (CLASS/*.jpg, "
                         "or train/CLASS/*.jpg), or pictures and labels.csv",
                         path, part, layouts[strcmp(part, "test") == 0].images,
                         layouts[2 + (strcmp(part, "test") == 0)].images);
    if (anl__path_exists(path))
        return anl__fail(ctx, ANL_DATA,
                         "%s is a file that this model does not read: it takes a directory (of pictures, IDX or NPY files) or an HDF5 file. The rows of a table (CSV, TSV) are "
                         "read by the models forecaster (a series) and seqclassifier (texts, windows); a table with a sample in each row is made into NPY files",
                         path);
    const char *near = anl__known_nearest(path);
    char here[1024];
    bool relative = *path != '/' && getcwd(here, sizeof here);
    return anl__fail(ctx, ANL_DATA, "%s: there is no such file or directory%s%.200s, nor a known data set of that name%s%s%s", path,
                     relative ? " in " : "", relative ? here : "", near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

/* Pictures in folders, or beside labels.csv. */
static bool resolve_pictures(anl__data_opts *o, const char *dir, anl__buf *images, anl__buf *labels)
{
    if (o->format && strcmp(o->format, anl__dataset_pictures.name)) return false;
    bool table = find_file(labels, dir, "labels.csv");
    if (!table && !anl__picture_list_is(dir)) return false;
    images->len = 0;
    anl__buf_add(images, "%s", dir);
    o->format = anl__dataset_pictures.name;
    o->images = images->text;
    o->labels = table ? labels->text : NULL;
    return true;
}

/* Turns path and part into files; what the known set tells (format, classes) fills the gaps. */
static anl_status resolve(anl_ctx *ctx, anl__data_opts *o, anl__buf *images, anl__buf *labels)
{
    const char *part = o->part ? o->part : "train";
    if (strcmp(part, "train") != 0 && strcmp(part, "test") != 0)
        return anl__fail(ctx, ANL_INVALID, "the part of a data set is train or test, not %s", part);
    const anl__known_set *known = anl__known_find(o->path);
    if (known && anl__known_sequences(known)) return anl__fail(ctx, ANL_DATA, "%s is a file of sequences, not of images and labels: choose a model that reads them", o->path);
    char made[4096], *end;
    const char *dir = known ? known->dir : o->path;
    if (known && !dir) { /* a table that was made: the directory that it lies in */
        if (anl__known_where(known, made, sizeof made) && (end = strrchr(made, '/'))) *end = 0;
        dir = made;
    }
    if (!known) known = anl__known_find_dir(o->path);
    bool found = false;
    for (int i = 0; i < LAYOUTS && !found; i++) {
        if (strcmp(layouts[i].part, part) != 0 || (o->format && strcmp(o->format, layouts[i].format) != 0))
            continue;
        found = find_file(images, dir, layouts[i].images) && find_file(labels, dir, layouts[i].labels);
        if (!found) continue;
        o->format = layouts[i].format;
        o->images = images->text;
        o->labels = labels->text;
    }
    if (!found && anl__hdf5_is(dir)) {
        images->len = 0;
        anl__buf_add(images, "%s", dir);
        o->format = anl__dataset_hdf5.name;
        o->images = images->text;
        o->labels = NULL;
        found = true;
    }
    if (!found) found = resolve_pictures(o, dir, images, labels);
    ANL_TRY(images->status);
    ANL_TRY(labels->status);
    if (!found) return fail_no_set(ctx, known, o->path, part);
    if (known && !o->classes) o->classes = known->classes;
    if (known && !o->class_names) o->class_names = known->class_names;
    return ANL_OK;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* A directory, a picture by its name, or one by its first bytes. */
static bool is_picture(const char *path)
{
    uint8_t first[132] = {0};
    const char *other; /* of a kind that is not read: as a picture it is refused by its name */
    if (anl__path_is_dir(path) || anl__picture_name(path)) return true;
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(first, 1, sizeof first, f) : 0;
    if (f) fclose(f);
    return anl__picture_kind_of(first, n, &other) != ANL__PICTURE_NONE || other;
}

static anl_status choose_format(anl_ctx *ctx, const anl__data_opts *o, const anl__dataset_vt **vt)
{
    const char *names[FORMATS];
    if (!o->format) {
        bool npy = ends_with(o->images, ".npy") || ends_with(o->images, ".npy.gz");
        *vt = npy ? &anl__dataset_npy : anl__hdf5_is(o->images) ? &anl__dataset_hdf5 : is_picture(o->images) ? &anl__dataset_pictures : &anl__dataset_idx;
        return ANL_OK;
    }
    for (int i = 0; i < FORMATS; i++) {
        names[i] = formats[i]->name;
        if (strcmp(o->format, names[i]) == 0) {
            *vt = formats[i];
            return ANL_OK;
        }
    }
    const char *near = anl__nearest(o->format, names, FORMATS);
    return anl__fail(ctx, ANL_INVALID, "unknown data format %s%s%s%s; known are idx, npy, pictures and hdf5", o->format,
                     near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

anl_status anl__dataset_pick(anl__dataset *ds, const anl__data_opts *opts, int (*part_of)(const void *user, int64_t i), const void *user, int64_t n, int64_t *pick, int64_t *picked)
{
    bool all = !opts->labels && !opts->path, test = opts->part && !strcmp(opts->part, "test");
    int64_t most = opts->most;
    *picked = 0;
    for (int p = ANL__PART_TRAIN; p < ANL__PARTS; p++)
        for (int64_t i = 0; i < n; i++)
            if (part_of(user, i) == p && (all || test == (p == ANL__PART_TEST))) pick[(*picked)++] = i;
    if (most && *picked > most) {
        for (int64_t i = 0; i < most; i++) pick[i] = pick[anl__dataset_spread(i, most, *picked)];
        *picked = most;
    }
    if (*picked || opts->optional) return ANL_OK;
    return anl__fail(ds->ctx, ANL_DATA, "%s: found no samples of a %s part", ds->name, test ? "test" : "training");
}

/* ---- what holds for every format -------------------------------------------------------------- */

static anl_status check_labels(anl__dataset *ds, const anl__data_opts *o)
{
    anl_ctx *ctx = ds->ctx;
    const char *labels = o->labels ? o->labels : ds->name;
    int known = o->classes ? o->classes : ds->classes;
    int32_t most = 0, limit = known ? known : ANL__MAX_CLASSES;
    for (int64_t i = 0; i < ds->n; i++) {
        if (ds->label[i] < 0 || ds->label[i] >= limit)
            return anl__fail(ctx, ANL_DATA, "%s: record %lld: label %d is out of range, expected 0..%d",
                             labels, (long long)i, ds->label[i], limit - 1);
        if (ds->label[i] > most) most = ds->label[i];
    }
    ds->classes = known ? known : most + 1;
    if (!ds->class_names) ds->class_names = o->class_names;
    ds->class_count = anl__calloc(ctx, (size_t)ds->classes, sizeof *ds->class_count);
    if (!ds->class_count) return ANL_NOMEM;
    for (int64_t i = 0; i < ds->n; i++) ds->class_count[ds->label[i]]++;
    for (int c = 0; c < ds->classes && !o->allow_empty_class; c++)
        if (ds->class_count[c] == 0)
            return anl__fail(ctx, ANL_DATA, "%s: class %d%s%s%s of %d has no sample%s%s", labels, c,
                             ds->class_names ? " (" : "", ds->class_names ? ds->class_names[c] : "",
                             ds->class_names ? ")" : "", ds->classes, o->part && !strcmp(o->part, "test") ? "" : " to train on",
                             known ? "" : " (there are as many as the largest label says; data.classes sets their number)");
    return ANL_OK;
}

/* Field 1 from ds->value. */
static void add_values(anl__dataset *ds)
{
    ds->field[ANL__FIELD_LABEL] = (anl__field){.name = "label", .dtype = ANL_F32, .bytes = sizeof *ds->value, .data = ds->value};
    ds->fields = 2;
    ds->classes = 1;
}

/* Field 1 from ds->label, and what the options say of classes. */
static anl_status add_labels(anl__dataset *ds, const anl__data_opts *o)
{
    ds->field[ANL__FIELD_LABEL] =
        (anl__field){.name = "label", .dtype = ANL_I32, .bytes = sizeof *ds->label, .data = ds->label};
    ds->fields = 2;
    return check_labels(ds, o);
}

/* Further columns as fields. */
static anl_status add_more(anl__dataset *ds, const anl__data_opts *o)
{
    static const char *const names[ANL__MOST_LABELS] = {NULL, "label2", "label3", "label4", "label5", "label6", "label7", "label8"};
    for (int k = 1; k < ANL__MOST_LABELS; k++) {
        bool class = o->more[k] == ANL__LABEL_CLASS;
        if (o->more[k] == ANL__LABEL_UNUSED) continue;
        if (!ds->more[k])
            return anl__fail(ds->ctx, ANL_DATA, "%s: there is one label a sample, but %s is wanted: NPY files of labels may have several columns",
                             o->labels ? o->labels : ds->name, names[k]);
        for (; ds->fields < 1 + k; ds->fields++) ds->field[ds->fields] = (anl__field){.name = names[ds->fields - 1], .dtype = ANL_F32};
        ds->field[1 + k] = (anl__field){.name = names[k], .dtype = class ? ANL_I32 : ANL_F32, .bytes = 4, .data = ds->more[k]};
        ds->fields = 2 + k;
        if (!class) continue;
        int32_t most = 0, limit = o->more_classes[k] ? o->more_classes[k] : ANL__MAX_CLASSES;
        for (int64_t i = 0; i < ds->n; i++) {
            int32_t v = ((const int32_t *)ds->more[k])[i];
            if (v < -1 || v >= limit)
                return anl__fail(ds->ctx, ANL_DATA, "%s: record %lld: %s %d is out of range, expected 0..%d, or -1 where it is not known",
                                 o->labels, (long long)i, names[k], v, limit - 1);
            if (v > most) most = v;
        }
        ds->more_classes[k] = o->more_classes[k] ? o->more_classes[k] : most + 1;
    }
    return ANL_OK;
}

static anl_status open_files(anl__dataset *ds, const anl__data_opts *o)
{
    if (!o->images) return anl__fail(ds->ctx, ANL_INVALID, "a data set needs a path, or a file of images");
    if (o->classes < 0 || o->classes > ANL__MAX_CLASSES)
        return anl__fail(ds->ctx, ANL_INVALID, "%d classes: expected 1 to %d", o->classes, ANL__MAX_CLASSES);
    ANL_TRY(choose_format(ds->ctx, o, &ds->vt));
    ds->valid_from = -1;
    ds->own_parts = true;
    ANL_TRY(ds->vt->open(ds, o));
    if (!ds->fields) return ANL_OK; /* no such part */
    if (ds->valid_from < 0) ds->valid_from = ds->n;
    if (ds->value) add_values(ds);
    if (ds->label) ANL_TRY(add_labels(ds, o));
    return ds->fields > 1 ? add_more(ds, o) : ANL_OK;
}

anl_status anl__dataset_list(anl_ctx *ctx, const anl__data_opts *opts, anl__picture_list **out)
{
    anl__data_opts o = *opts;
    const anl__dataset_vt *vt = NULL;
    anl__buf images, labels;
    anl__buf_init(&images, ctx);
    anl__buf_init(&labels, ctx);
    *out = NULL;
    anl_status st = o.path ? resolve(ctx, &o, &images, &labels) : ANL_OK;
    if (st == ANL_OK) st = choose_format(ctx, &o, &vt);
    if (st == ANL_OK && vt == &anl__dataset_pictures) st = anl__pictures_list(ctx, &o, out);
    anl__buf_release(&labels);
    anl__buf_release(&images);
    return st;
}

anl_status anl__dataset_open(anl_ctx *ctx, const anl__data_opts *opts, anl__dataset **out)
{
    anl__data_opts o = *opts;
    anl__buf images, labels;
    anl__buf_init(&images, ctx);
    anl__buf_init(&labels, ctx);
    anl_status st = ANL_OK;
    anl__dataset *ds = anl__alloc(ctx, sizeof *ds);
    if (!ds) ANL_GO(ANL_NOMEM);
    ds->ctx = ctx;
    *out = NULL;
    if (o.path) st = resolve(ctx, &o, &images, &labels);
    if (o.optional && (st == ANL_DATA || (!o.path && !o.images))) {
        st = ANL_OK;
        goto done;
    }
    ANL_GO(st);
    ds->name = anl__strdup(ctx, o.path ? o.path : o.images ? o.images : "");
    if (!ds->name) ANL_GO(ANL_NOMEM);
    ANL_GO(open_files(ds, &o));
    if (!ds->fields) goto done;
    *out = ds;
    ds = NULL;
done:
    anl__dataset_close(ds);
    anl__buf_release(&labels);
    anl__buf_release(&images);
    return st;
}

static anl_status copy_memory(anl__dataset *ds, anl_dtype dtype, const anl_shape *shape, const void *x,
                              const int32_t *label, int classes)
{
    anl__data_opts o = {.labels = "in memory", .classes = classes};
    anl__field *f = &ds->field[ANL__FIELD_X];
    if (ds->n < 1 || (shape->rank != 1 && shape->rank != 3) || (dtype != ANL_U8 && dtype != ANL_F32) ||
        classes < 0 || classes > ANL__MAX_CLASSES)
        return anl__fail(
            ds->ctx, ANL_INVALID,
            "a set in memory needs samples of rank 1 or 3 of u8 or f32; found %lld of rank %d, %s",
            (long long)ds->n, shape->rank, anl_dtype_name(dtype));
    *f = (anl__field){.name = shape->rank == 1 ? "features" : "image", .dtype = dtype, .shape = *shape};
    f->bytes = (size_t)anl_shape_count(shape) * anl_dtype_size(dtype);
    ds->fields = 1;
    ds->name = anl__strdup(ds->ctx, "in memory");
    ds->owned = anl__calloc(ds->ctx, (size_t)ds->n, f->bytes);
    if (!ds->name || !ds->owned) return ANL_NOMEM;
    memcpy(ds->owned, x, (size_t)ds->n * f->bytes);
    f->data = ds->owned;
    if (!label) return ANL_OK;
    ds->label = anl__calloc(ds->ctx, (size_t)ds->n, sizeof *ds->label);
    if (!ds->label) return ANL_NOMEM;
    memcpy(ds->label, label, (size_t)ds->n * sizeof *label);
    return add_labels(ds, &o);
}

anl_status anl__dataset_from_memory(anl_ctx *ctx, anl_dtype dtype, const anl_shape *shape, int64_t n,
                                    const void *x, const int32_t *label, int classes, anl__dataset **out)
{
    anl__dataset *ds = anl__alloc(ctx, sizeof *ds);
    if (!ds) return ANL_NOMEM;
    ds->ctx = ctx;
    ds->n = ds->valid_from = n;
    anl_status st = copy_memory(ds, dtype, shape, x, label, classes);
    if (st == ANL_OK)
        *out = ds;
    else
        anl__dataset_close(ds);
    return st;
}

void anl__dataset_close(anl__dataset *ds)
{
    if (!ds) return;
    anl_ctx *ctx = ds->ctx;
    if (ds->vt && ds->vt->close) ds->vt->close(ds);
    for (int i = 0; i < ANL__MAX_SOURCES; i++) anl__source_close(ds->source[i]);
    anl__free(ctx, ds->label);
    anl__free(ctx, ds->value);
    for (int k = 0; k < ANL__MOST_LABELS; k++) anl__free(ctx, ds->more[k]);
    anl__free(ctx, ds->owned);
    anl__free(ctx, ds->class_count);
    anl__free(ctx, ds->name);
    anl__free(ctx, ds);
}

anl_status anl__dataset_open_input(anl_ctx *ctx, const anl__data_opts *opts, int k, anl__dataset **out)
{
    const char *part = opts->part ? opts->part : "train";
    char name[40];
    anl__buf file;
    anl_status st = ANL_OK;
    snprintf(name, sizeof name, "%s-input%d.npy", part, k);
    if (!opts->path)
        return anl__fail(ctx, ANL_DATA, "the model reads input%d, a file %s beside the images: put them into one directory, and name that in data.path", k, name);
    const anl__known_set *known = anl__known_find(opts->path);
    anl__buf_init(&file, ctx);
    if (!find_file(&file, known ? known->dir : opts->path, name))
        ANL_GO(file.status != ANL_OK ? file.status : anl__fail(ctx, ANL_DATA, "%s: the model reads input%d, but there is no %s", opts->path, k, name));
    anl__data_opts o = *opts;
    o.path = o.labels = o.format = NULL;
    o.images = file.text;
    memset(o.more, 0, sizeof o.more);
    ANL_GO(anl__dataset_open(ctx, &o, out));
done:
    anl__buf_release(&file);
    return st;
}

/* The digests of the content: the files', or that of the memory. */
static anl_status add_digests(anl__dataset *ds, anl__buf *b)
{
    char digest[65];
    for (int i = 0; i < ANL__MAX_SOURCES && ds->source[i]; i++) {
        ANL_TRY(anl__source_digest(ds->source[i], digest));
        anl__buf_add(b, " %s", digest);
    }
    if (ds->digest) anl__buf_add(b, " %s", ds->digest);
    for (int f = ds->digest ? ANL__FIELD_LABEL : ANL__FIELD_X; f < ds->fields && !ds->source[0]; f++) {
        anl__sha256 s;
        anl__sha256_init(&s);
        anl__sha256_add(&s, ds->field[f].data, (size_t)ds->n * ds->field[f].bytes);
        anl__sha256_hex(&s, digest);
        anl__buf_add(b, " %s", digest);
    }
    return b->status;
}

anl_status anl__dataset_fingerprint(anl__dataset *ds, char hex[65])
{
    anl__buf b;
    anl__buf_init(&b, ds->ctx);
    anl__buf_add(&b, "anneal-data-1 n=%lld classes=%d", (long long)ds->n, ds->classes);
    for (int f = 0; f < ds->fields; f++) {
        anl__buf_add(&b, " %s %s", ds->field[f].name, anl_dtype_name(ds->field[f].dtype));
        for (int i = 0; i < ds->field[f].shape.rank; i++)
            anl__buf_add(&b, " %lld", (long long)ds->field[f].shape.dim[i]);
    }
    anl_status st = add_digests(ds, &b);
    if (st == ANL_OK) {
        anl__sha256 s;
        anl__sha256_init(&s);
        anl__sha256_add(&s, b.text, b.len);
        anl__sha256_hex(&s, hex);
    }
    anl__buf_release(&b);
    return st;
}
