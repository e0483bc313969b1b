/* See picture_list.h. */
#include "datasets/picture_list.h"

#include "datasets/picture.h"
#include "datasets/picture_file.h"
#include "datasets/table.h"
#include "runtime/base/files.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEEPEST = 32 /* folders in folders: behind it links go round */, MOST_NAME = 255 };

typedef struct building {
    anl__picture_list *l;
    int64_t cap;
} building;

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* The names in a directory, ascending by bytes, without those that begin with a dot. */
static anl_status names_in(anl_ctx *ctx, anl__arena *a, const char *dir, const char ***out, int64_t *n)
{
    DIR *d = opendir(dir);
    const char **name = NULL;
    int64_t cap = 0, count = 0;
    anl_status st = ANL_OK;
    if (!d) return anl__fail(ctx, ANL_DATA, "%s: cannot be read: %s", dir, strerror(errno));
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        ANL_GO(anl__grow(ctx, &name, &cap, count + 1, sizeof *name));
        if (!(name[count++] = anl__arena_strdup(a, e->d_name))) ANL_GO(ANL_NOMEM);
    }
    if (count) qsort(name, (size_t)count, sizeof *name, by_name);
    *n = count;
    if (!(*out = anl__arena_alloc(a, sizeof **out * (size_t)(count + 1)))) ANL_GO(ANL_NOMEM);
    if (count) memcpy(*out, name, sizeof **out * (size_t)count);
done:
    anl__free(ctx, name);
    closedir(d);
    return st;
}

static void other(anl__picture_list *l, const char *path)
{
    if (!l->others++) l->first_other = path;
}

static anl_status add(building *b, const char *path, const struct stat *sb, int32_t label, int part)
{
    anl__picture_list *l = b->l;
    ANL_TRY(anl__grow(l->ctx, &l->item, &b->cap, l->n + 1, sizeof *l->item));
    l->item[l->n++] = (anl__picture_item){.path = path, .label = label, .part = part, .bytes = (uint64_t)sb->st_size,
                                          .mtime_ns = (int64_t)sb->st_mtim.tv_sec * 1000000000 + sb->st_mtim.tv_nsec};
    return ANL_OK;
}

static bool ends_in_slash(const char *dir) { return *dir && dir[strlen(dir) - 1] == '/'; }

/* All pictures below a folder. */
static anl_status walk(building *b, const char *dir, int32_t label, int part, int depth)
{
    anl__picture_list *l = b->l;
    const char **name;
    int64_t n;
    if (depth > DEEPEST) return anl__fail(l->ctx, ANL_DATA, "%s: folders lie more than %d deep (a link that goes round?)", dir, DEEPEST);
    ANL_TRY(names_in(l->ctx, l->arena, dir, &name, &n));
    for (int64_t i = 0; i < n; i++) {
        struct stat sb;
        const char *path = anl__arena_printf(l->arena, ends_in_slash(dir) ? "%s%s" : "%s/%s", dir, name[i]);
        if (!path) return ANL_NOMEM;
        if (stat(path, &sb)) return anl__fail(l->ctx, ANL_DATA, "%s: cannot be read: %s", path, strerror(errno));
        if (S_ISDIR(sb.st_mode)) ANL_TRY(walk(b, path, label, part, depth + 1));
        else if (S_ISREG(sb.st_mode) && anl__picture_name(name[i])) ANL_TRY(add(b, path, &sb, label, part));
        else other(l, path);
    }
    return ANL_OK;
}

/* ---- folders of classes ------------------------------------------------------------------------ */

static int part_folder(const char *name)
{
    static const struct {
        const char *name;
        int part;
    } known[] = {{"train", ANL__PART_TRAIN}, {"val", ANL__PART_VALID}, {"valid", ANL__PART_VALID}, {"validation", ANL__PART_VALID}, {"test", ANL__PART_TEST}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(name, known[i].name)) return known[i].part;
    return -1;
}

static bool is_dir_in(const char *dir, const char *name)
{
    char path[4096];
    return (size_t)snprintf(path, sizeof path, "%s/%s", dir, name) < sizeof path && anl__path_is_dir(path);
}

static int class_of(const anl__picture_list *l, const char *name)
{
    for (int c = 0; c < l->classes; c++)
        if (!strcmp(l->class_name[c], name)) return c;
    return -1;
}

static anl_status fail_class(const anl__picture_list *l, const char *where, const char *name)
{
    const char *near = anl__nearest(name, l->class_name, l->classes);
    return anl__fail(l->ctx, ANL_DATA, "%s: '%s' is none of the %d classes%s%s%s", where, name, l->classes, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

/* One part's folder: its class folders, in the order of the classes. The first part tells the classes, where none are given. */
static anl_status class_folders(building *b, const char *dir, int part)
{
    anl__picture_list *l = b->l;
    const char **name;
    int64_t n, folders = 0;
    ANL_TRY(names_in(l->ctx, l->arena, dir, &name, &n));
    for (int64_t i = 0; i < n; i++) {
        if (is_dir_in(dir, name[i])) name[folders++] = name[i];
        else if (!(name[i] = anl__arena_printf(l->arena, "%s/%s", dir, name[i]))) return ANL_NOMEM;
        else other(l, name[i]);
    }
    if (!l->class_name) {
        if (folders > 65536) return anl__fail(l->ctx, ANL_DATA, "%s: %lld folders: a set has at most 65536 classes", dir, (long long)folders);
        l->class_name = name;
        l->classes = (int)folders;
    }
    for (int64_t i = 0; i < folders; i++)
        if (strchr(name[i], '\n')) return anl__fail(l->ctx, ANL_DATA, "%s: a folder's name has a line break, and it is a class's name", dir);
        else if (class_of(l, name[i]) < 0) return fail_class(l, dir, name[i]);
    for (int c = 0; c < l->classes; c++) {
        if (!is_dir_in(dir, l->class_name[c])) continue;
        const char *path = anl__arena_printf(l->arena, "%s/%s", dir, l->class_name[c]);
        if (!path) return ANL_NOMEM;
        ANL_TRY(walk(b, path, c, part, 1));
    }
    return ANL_OK;
}

/* DIR/train and what is beside it; anything else there would be lost silently. */
static anl_status part_folders(building *b, const char *dir)
{
    anl__picture_list *l = b->l;
    const char **name;
    int64_t n;
    l->own_parts = true;
    ANL_TRY(names_in(l->ctx, l->arena, dir, &name, &n));
    for (int pass = ANL__PART_TRAIN; pass < ANL__PARTS; pass++)
        for (int64_t i = 0; i < n; i++) {
            int part = part_folder(name[i]);
            if (!is_dir_in(dir, name[i]) && pass) continue;
            const char *path = anl__arena_printf(l->arena, "%s/%s", dir, name[i]);
            if (!path) return ANL_NOMEM;
            if (!is_dir_in(dir, name[i])) other(l, path);
            else if (part < 0) return anl__fail(l->ctx, ANL_DATA, "%s: beside train only val (valid, validation) and test are looked for, and here is %s", dir, name[i]);
            else if (part == pass) ANL_TRY(class_folders(b, path, part));
            l->has_valid |= part == ANL__PART_VALID && pass == part;
        }
    return ANL_OK;
}

/* The test part of a set without parts. */
static anl_status draw(anl__picture_list *l, const anl__picture_list_opts *o)
{
    int32_t *part = anl__calloc(l->ctx, (size_t)l->n, sizeof *part), *label = anl__calloc(l->ctx, (size_t)l->n, sizeof *label);
    anl_status st = part && label ? ANL_OK : ANL_NOMEM;
    for (int64_t i = 0; i < l->n && st == ANL_OK; i++) label[i] = l->item[i].label;
    if (st == ANL_OK) st = anl__parts_draw_test(l->ctx, l->n, l->classes ? label : NULL, l->classes, &o->parts, part);
    for (int64_t i = 0; i < l->n && st == ANL_OK; i++) l->item[i].part = part[i];
    anl__free(l->ctx, label);
    anl__free(l->ctx, part);
    return st;
}

static anl_status folders(building *b, const char *dir, const anl__picture_list_opts *o)
{
    anl__picture_list *l = b->l;
    if (is_dir_in(dir, "train")) ANL_TRY(part_folders(b, dir));
    else ANL_TRY(class_folders(b, dir, ANL__PART_TRAIN));
    if (!l->n && l->others)
        return anl__fail(l->ctx, ANL_DATA, "%s: no pictures in folders of classes there (DIR/CLASS/*.jpg; %s are read), but such as %s", dir, anl__picture_formats(), l->first_other);
    if (!l->n) return anl__fail(l->ctx, ANL_DATA, "%s: no pictures in folders of classes there (DIR/CLASS/*.jpg; %s are read)", dir, anl__picture_formats());
    return l->own_parts ? ANL_OK : draw(l, o);
}

/* ---- a table ----------------------------------------------------------------------------------- */

/* ANL_DATA: all n are numbers, and not all of them whole. */
static anl_status look_like_classes(anl__picture_list *l, const anl__csv *c, int64_t column, const char *const *all, int64_t n)
{
    const char *fraction = NULL;
    for (int64_t i = 0; i < n; i++) {
        double v;
        if (!anl__cell_number(all[i], &v)) return ANL_OK;
        if (v != floor(v)) fraction = all[i];
    }
    if (!fraction) return ANL_OK;
    return anl__fail(l->ctx, ANL_DATA, "%s: column %s holds numbers such as %.40s; are they values to predict? then set data.label_type to value", c->path, c->name[column],
                     fraction);
}

/* Classes of a column: its different values, ascending. */
static anl_status classes_in(anl__picture_list *l, const anl__csv *c, int64_t column)
{
    const char **all = anl__calloc(l->ctx, (size_t)c->rows + 1, sizeof *all);
    int64_t n = 0;
    if (!all) return ANL_NOMEM;
    for (int64_t i = 0; i < c->rows; i++) {
        all[i] = anl__csv_get(c, i, column);
        if (!strchr(all[i], '\n')) continue;
        anl__free(l->ctx, all);
        return anl__csv_fail(c, i, column, "a class's name has a line break");
    }
    qsort(all, (size_t)c->rows, sizeof *all, by_name);
    for (int64_t i = 0; i < c->rows; i++)
        if (!i || strcmp(all[i], all[n - 1])) all[n++] = all[i];
    anl_status st = look_like_classes(l, c, column, all, n);
    if (st == ANL_OK && n > 65536) st = anl__fail(l->ctx, ANL_DATA, "%s: %lld different labels: a set has at most 65536 classes", c->path, (long long)n);
    l->class_name = anl__arena_alloc(l->arena, sizeof *l->class_name * (size_t)(n + 1));
    for (int64_t i = 0; i < n && st == ANL_OK; i++)
        if (!l->class_name || !(l->class_name[i] = anl__arena_strdup(l->arena, all[i]))) st = ANL_NOMEM;
    l->classes = (int)n;
    anl__free(l->ctx, all);
    return st;
}

/* class: of l->class_name, by bisection; -1: not among them. Given names may be in any order. */
static int find_class(const anl__picture_list *l, const char *name, bool sorted)
{
    if (!sorted) return class_of(l, name);
    const char **at = bsearch(&name, l->class_name, (size_t)l->classes, sizeof *l->class_name, by_name);
    return at ? (int)(at - l->class_name) : -1;
}

static anl_status row(building *b, const anl__csv *c, int64_t r, const int64_t column[3], const char *dir, const anl__picture_list_opts *o)
{
    anl__picture_list *l = b->l;
    const char *file = anl__csv_get(c, r, column[0]), *label = anl__csv_get(c, r, column[1]);
    struct stat sb;
    int32_t class = 0;
    double value = 0;
    int part = ANL__PART_TRAIN;
    if (!*file) return anl__csv_fail(c, r, column[0], "it names no file");
    const char *path = file[0] == '/' ? anl__arena_strdup(l->arena, file) : anl__arena_printf(l->arena, "%s/%s", dir, file);
    if (!path) return ANL_NOMEM;
    if (stat(path, &sb)) return anl__csv_fail(c, r, column[0], "%s: %s", path, strerror(errno));
    if (!S_ISREG(sb.st_mode)) return anl__csv_fail(c, r, column[0], "%s is no file", path);
    if (o->values) {
        if (!anl__cell_number(label, &value) || !isfinite((float)value)) return anl__csv_fail(c, r, column[1], "'%.60s' is no value to predict", label);
    } else {
        if (anl__cell_missing(label)) return anl__csv_fail(c, r, column[1], "the label is missing");
        if ((class = find_class(l, label, !o->class_names)) < 0) return anl__csv_fail(c, r, column[1], "'%.60s' is none of the %d classes", label, l->classes);
    }
    if (column[2] >= 0 && (part = anl__part_find(anl__csv_get(c, r, column[2]))) < 0)
        return anl__csv_fail(c, r, column[2], "'%.60s' is none of train, valid, test", anl__csv_get(c, r, column[2]));
    ANL_TRY(add(b, path, &sb, class, part));
    l->item[l->n - 1].value = (float)value;
    l->has_valid |= part == ANL__PART_VALID;
    return ANL_OK;
}

static anl_status rows(building *b, const char *dir, const anl__csv *c, const anl__picture_list_opts *o)
{
    anl__picture_list *l = b->l;
    int64_t column[3];
    ANL_TRY(anl__csv_need(c, o->file, &column[0]));
    ANL_TRY(anl__csv_need(c, o->label, &column[1]));
    column[2] = anl__csv_find(c, o->part ? o->part : "part");
    if (column[2] < 0 && o->part) ANL_TRY(anl__csv_need(c, o->part, &column[2]));
    if (!c->rows) return anl__fail(l->ctx, ANL_DATA, "%s has no rows", c->path);
    if (!o->values && !l->class_name) ANL_TRY(classes_in(l, c, column[1]));
    l->own_parts = column[2] >= 0;
    for (int64_t r = 0; r < c->rows; r++) ANL_TRY(row(b, c, r, column, dir, o));
    return l->own_parts ? ANL_OK : draw(l, o);
}

/* ---- the interface ----------------------------------------------------------------------------- */

static anl_status create(anl_ctx *ctx, const char *root, const anl__picture_list_opts *o, anl__picture_list **out)
{
    anl__picture_list *l = anl__alloc(ctx, sizeof *l);
    if (!l) return ANL_NOMEM;
    l->ctx = ctx;
    *out = l;
    ANL_TRY(anl__arena_create(ctx, &l->arena));
    if (root && !(l->root = anl__arena_strdup(l->arena, root))) return ANL_NOMEM;
    if (!o || !o->class_names) return ANL_OK;
    l->class_name = anl__arena_alloc(l->arena, sizeof *l->class_name * (size_t)(o->classes + 1));
    if (!l->class_name) return ANL_NOMEM;
    for (int c = 0; c < o->classes; c++)
        if (!(l->class_name[c] = anl__arena_strdup(l->arena, o->class_names[c]))) return ANL_NOMEM;
    l->classes = o->classes;
    return ANL_OK;
}

static anl_status give(anl__picture_list *l, anl_status st, anl__picture_list **out)
{
    if (st == ANL_OK) *out = l;
    else anl__picture_list_free(l);
    return st;
}

anl_status anl__picture_list_folder(anl_ctx *ctx, const char *dir, const anl__picture_list_opts *opts, anl__picture_list **out)
{
    building b = {0};
    anl_status st = create(ctx, dir, opts, &b.l);
    if (st == ANL_OK && opts->values) st = anl__fail(ctx, ANL_DATA, "%s: folders are classes; values to predict come from a table (data.images: DIR, data.labels: TABLE.csv)", dir);
    if (st == ANL_OK) st = folders(&b, dir, opts);
    return give(b.l, st, out);
}

anl_status anl__picture_list_table(anl_ctx *ctx, const char *dir, const char *table, const anl__picture_list_opts *opts, anl__picture_list **out)
{
    building b = {0};
    anl__csv_opts co = anl__csv_opts_default();
    anl__csv *c = NULL;
    anl_status st = create(ctx, dir, opts, &b.l);
    if (st == ANL_OK) st = anl__csv_open(ctx, table, &co, &c);
    if (st == ANL_OK) st = rows(&b, dir, c, opts);
    anl__csv_close(c);
    return give(b.l, st, out);
}

anl_status anl__picture_list_files(anl_ctx *ctx, const char *const *path, int n, anl__picture_list **out)
{
    building b = {0};
    struct stat sb;
    anl_status st = create(ctx, NULL, NULL, &b.l);
    for (int i = 0; i < n && st == ANL_OK; i++) {
        const char *name = anl__arena_strdup(b.l->arena, path[i]);
        if (!name) st = ANL_NOMEM;
        else if (stat(name, &sb)) st = anl__fail(ctx, ANL_DATA, "%s: cannot be read: %s", name, strerror(errno));
        else if (S_ISDIR(sb.st_mode)) st = walk(&b, name, 0, ANL__PART_TEST, 1);
        else if (!S_ISREG(sb.st_mode)) st = anl__fail(ctx, ANL_DATA, "%s: is not a regular file", name);
        else st = add(&b, name, &sb, 0, ANL__PART_TEST);
    }
    if (st == ANL_OK && !b.l->n) st = anl__fail(ctx, ANL_DATA, "%s: no pictures there (%s are read)", n ? path[0] : "", anl__picture_formats());
    return give(b.l, st, out);
}

void anl__picture_list_free(anl__picture_list *l)
{
    if (!l) return;
    anl_ctx *ctx = l->ctx;
    anl__free(ctx, l->item);
    if (l->arena) anl__arena_destroy(l->arena);
    anl__free(ctx, l);
}

/* A picture's name, or a folder's, somewhere in the first entries of a directory. */
static bool has(const char *dir, bool folder)
{
    DIR *d = opendir(dir);
    bool found = false;
    if (!d) return false;
    for (struct dirent *e; !found && (e = readdir(d));)
        found = e->d_name[0] != '.' && (folder ? is_dir_in(dir, e->d_name) : anl__picture_name(e->d_name));
    closedir(d);
    return found;
}

bool anl__picture_list_is(const char *dir) { return anl__path_is_dir(dir) && (has(dir, true) || has(dir, false)); }
