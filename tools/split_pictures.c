/* See split_pictures.h. */
#include "split_pictures.h"

#include <stdio.h>
#include <string.h>

/* A cell, quoted where it must be. */
static void add_cell(anl__buf *b, const char *text)
{
    if (!strpbrk(text, ",\"\n\r")) {
        anl__buf_add(b, "%s", text);
        return;
    }
    anl__buf_add(b, "\"");
    for (const char *p = text; *p; p++) anl__buf_add(b, *p == '"' ? "\"\"" : "%c", *p);
    anl__buf_add(b, "\"");
}

/* A file's name as a table of the set's directory has it: below that, or as it is. */
static const char *below(const anl__picture_list *l, const char *path)
{
    size_t n = l->root ? strlen(l->root) : 0;
    if (!n || strncmp(path, l->root, n) || path[n] != '/') return path;
    return path + n + strspn(path + n, "/");
}

/* part[i] of those in the training part becomes the validation part's by the drawn split. */
static anl_status draw(anl_ctx *ctx, const anl__picture_list *l, const anl__split_opts *opts, int32_t *part)
{
    anl__split s = {0};
    int64_t n = 0, *id = anl__calloc(ctx, (size_t)l->n, sizeof *id);
    int32_t *label = anl__calloc(ctx, (size_t)l->n, sizeof *label);
    anl_status st = id && label ? ANL_OK : ANL_NOMEM;
    for (int64_t i = 0; i < l->n && st == ANL_OK; i++) {
        if (part[i] != ANL__PART_TRAIN) continue;
        label[n] = l->item[i].label;
        id[n++] = i;
    }
    anl__split_input in = {n, l->classes ? label : NULL, l->classes};
    if (st == ANL_OK) st = anl__split_make(ctx, &in, opts, &s);
    for (int64_t i = 0; i < s.n_valid && st == ANL_OK; i++) part[id[s.valid[i]]] = ANL__PART_VALID;
    anl__split_release(ctx, &s);
    anl__free(ctx, label);
    anl__free(ctx, id);
    return st;
}

anl_status split_pictures(anl_ctx *ctx, const anl__picture_list *l, const anl__split_opts *opts, anl__buf *out, int64_t count[ANL__PARTS])
{
    int32_t *part = anl__calloc(ctx, (size_t)l->n, sizeof *part);
    anl_status st = part ? ANL_OK : ANL_NOMEM;
    for (int64_t i = 0; i < l->n && part; i++) part[i] = l->item[i].part;
    if (st == ANL_OK && !l->has_valid) st = draw(ctx, l, opts, part);
    if (st == ANL_OK) anl__buf_add(out, "file,label,part\n");
    for (int64_t i = 0; i < l->n && st == ANL_OK; i++) {
        const anl__picture_item *m = &l->item[i];
        if (part[i] < 0) continue;
        add_cell(out, below(l, m->path));
        anl__buf_add(out, ",");
        if (l->classes) add_cell(out, l->class_name[m->label]);
        else anl__buf_add(out, "%.9g", (double)m->value);
        anl__buf_add(out, ",%s\n", anl__part_name(part[i]));
        count[part[i]]++;
    }
    anl__free(ctx, part);
    return st == ANL_OK ? out->status : st;
}
