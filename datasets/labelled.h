/* Sequences with a class: fields "x" (axis 0) and "label" (fixed, 1). Two forms of file:
 *
 * - texts: a row an item, a column of text (tokens by a tokenizer) and a column of the class;
 * - windows: many rows an item, one a time step: rows that follow each other with the same value in the column `item` are one; the
 *   other numeric columns are the features, scaled to mean 0, std 1 over the training part; the class must not change inside.
 *
 * Classes are the values of the label column, ascending by bytes, or given. Parts as pairs.h: a column, or by fraction, a class's
 * share in each. */
#ifndef ANL_LABELLED_H
#define ANL_LABELLED_H

#include "datasets/parts.h"
#include "datasets/ragged.h"
#include "datasets/table.h"
#include "datasets/tokens.h"

typedef struct anl__labelled_opts {
    anl__csv_opts csv;
    const char *label, *part;       /* columns; part NULL: "part" if there is one */
    const char *text;               /* the column of texts; NULL: windows */
    const char *item;               /* windows: the column that tells them apart */
    const char *const *feature;     /* windows: n_features columns; NULL: every other column that is not listed here */
    int n_features;
    const char *const *class_names; /* given (of a checkpoint), `classes` of them; NULL: those of the file */
    int classes;
    bool unlabelled;                /* windows that are to be classified: no column of classes or parts is read; class_names and parts.test_only are given */
    anl__parts_opts parts;
    anl__tokens_opts tokens;
    const anl__tokens *tokenizer; /* given: borrowed; NULL: built from the training part */
    const double *mean, *std;     /* given scales of the features; NULL: of the training part */
    int64_t max_length;           /* tokens behind it are cut off and counted; 0: none */
} anl__labelled_opts;
anl__labelled_opts anl__labelled_opts_default(void);

typedef struct anl__labelled {
    anl_ctx *ctx;
    anl__ragged *set;
    anl__parts parts;
    char **class_names;
    int classes;
    int64_t *class_count[ANL__PARTS]; /* [classes] a part */
    anl__tokens *own;
    const anl__tokens *tokenizer; /* NULL for windows */
    int features;                 /* of a window; 0 for texts */
    char **feature_names, **item_name; /* windows: of the columns; [items] what the item column says */
    double *mean, *std; /* [features] */
    int64_t cut, unknown[ANL__PARTS];
    anl__csv *csv; /* texts for reports; NULL for windows */
    anl__arena *arena;
} anl__labelled;

/* ANL_DATA: a class that was not given, a class without a training sample, an empty sequence (file:line: column). */
anl_status anl__labelled_open(anl_ctx *ctx, const char *path, const anl__labelled_opts *opts, anl__labelled **out) ANL_MUST;
anl_status anl__labelled_parse(anl_ctx *ctx, const char *path, const void *text, size_t bytes, const anl__labelled_opts *opts,
                               anl__labelled **out) ANL_MUST;
void anl__labelled_close(anl__labelled *l);
/* The features' names and scales as text, and back into options (memory of the arena); ANL_FORMAT with the line. */
void anl__labelled_write(const anl__labelled *l, anl__buf *out);
anl_status anl__labelled_read(anl_ctx *ctx, const char *text, size_t bytes, anl__arena *arena, anl__labelled_opts *out) ANL_MUST;

#endif
