/* Which pictures a set has, of which class and part: found in folders, or named by a table. No picture is opened here.
 *
 * Folders: DIR/CLASS/..., or DIR/train/CLASS/..., with DIR/val (valid, validation) and DIR/test beside it; a class's folder is
 * searched to any depth. A table: a row a picture, with columns of its file (below DIR), its class or value, and its part.
 * Classes are the folders' names or the column's values, ascending by bytes, or given.
 */
#ifndef ANL_PICTURE_LIST_H
#define ANL_PICTURE_LIST_H

#include "datasets/parts.h"

typedef struct anl__picture_list_opts {
    const char *file, *label, *part; /* a table's columns; part NULL: "part" where there is one */
    bool values;                     /* a table: labels are values */
    const char *const *class_names;  /* given: `classes` of them; NULL: those that are found */
    int classes;
    anl__parts_opts parts; /* of what has no parts of its own: `test` is drawn (`valid` is not read) */
} anl__picture_list_opts;

typedef struct anl__picture_item {
    const char *path; /* as it is opened, below the root where it has one */
    int32_t label;
    float value;
    int part; /* ANL__PART_*, or -1: in none */
    uint64_t bytes;
    int64_t mtime_ns;
} anl__picture_item;

typedef struct anl__picture_list {
    anl_ctx *ctx;
    anl__arena *arena;
    const char *root;
    anl__picture_item *item; /* [n]: classes in order, in each by bytes of the path; a table's in its order */
    int64_t n;
    const char **class_name; /* [classes] */
    int classes;             /* 0: values, or no labels */
    bool own_parts;          /* folders or a column say which part; else the test part was drawn */
    bool has_valid;          /* and there is a validation part among them */
    int64_t others;          /* files that are no pictures by their names, or in no class's folder */
    const char *first_other; /* one of them */
} anl__picture_list;

/* ANL_DATA: no pictures, a folder that is neither part nor class, a class that was not given, a row's file that is not there. */
anl_status anl__picture_list_folder(anl_ctx *ctx, const char *dir, const anl__picture_list_opts *opts, anl__picture_list **out) ANL_MUST;
anl_status anl__picture_list_table(anl_ctx *ctx, const char *dir, const char *table, const anl__picture_list_opts *opts, anl__picture_list **out) ANL_MUST;
/* Without labels, all in the test part: these files, and of those that are directories what is in them. */
anl_status anl__picture_list_files(anl_ctx *ctx, const char *const *path, int n, anl__picture_list **out) ANL_MUST;
void anl__picture_list_free(anl__picture_list *l);

/* Does a directory hold folders, or pictures? */
bool anl__picture_list_is(const char *dir);

#endif
