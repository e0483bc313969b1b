/* Recipes: YAML files that say what is trained on what, and how. Strict: every key is in one typed table (keys.c), every
 * error has its place, an unknown key is an error with the nearest name. The table also gives defaults, ranges, help,
 * overrides, and the resolved text that a run and its checkpoints keep.
 */
#ifndef RECIPE_H
#define RECIPE_H

#include "yaml.h"

typedef struct recipe recipe;

typedef enum recipe_type {
    RECIPE_BOOL, RECIPE_INT, RECIPE_REAL, RECIPE_TEXT, RECIPE_ENUM, RECIPE_INTS, RECIPE_REALS, RECIPE_TEXTS,
    RECIPE_TREE /* a list or map kept as it is: layers, blocks, heads */
} recipe_type;

typedef struct recipe_key {
    const char *path; /* "optim.lr" */
    recipe_type type;
    const char *def;  /* as YAML text; "" for none */
    double min, max;  /* inclusive, of numbers and list items; both 0: no limit */
    const char *choices; /* RECIPE_ENUM: "sgd|adam" */
    const char *also; /* a word accepted instead of numbers: "auto" */
    bool change;      /* may be changed when a run is resumed */
    bool machine;     /* how and where it is computed: the weights do not depend on it */
    const char *help;
} recipe_key;
extern const recipe_key recipe_keys[]; /* grouped by prefix; ended by a NULL path */

/* Overrides: "key=value" with value as YAML flow, "key=" for the default, "model.layers.0.filters=32" for list items.
   ANL_RECIPE: the file cannot be read, or its mistakes, one a line ("file:line:column: ..."). */
anl_status recipe_load(anl_ctx *ctx, const char *path, const char *const *override, int n_override, recipe **out) ANL_MUST;
anl_status recipe_parse(anl_ctx *ctx, const char *name, const char *text, size_t bytes, const char *const *override, int n_override, recipe **out) ANL_MUST;
void recipe_free(recipe *r);
/* check.c, called by both: adds a line for each contradiction between keys. */
anl_status recipe_check(const recipe *r, anl_ctx *ctx, anl__buf *errors) ANL_MUST;

/* Values by key; an unknown key or another type gives 0, NULL, false. */
bool recipe_among(const char *word, const char *words); /* is it one of "sgd|adam|..."? */
bool recipe_is_set(const recipe *r, const char *key);  /* written in the file or on the command line */
bool recipe_is_default(const recipe *r, const char *key); /* has it the table's value? (check.c) */
bool recipe_is_word(const recipe *r, const char *key); /* the key's word was given instead of numbers */
bool recipe_bool(const recipe *r, const char *key);
int64_t recipe_int(const recipe *r, const char *key);
double recipe_real(const recipe *r, const char *key);
const char *recipe_text(const recipe *r, const char *key); /* NULL: empty */
int recipe_count(const recipe *r, const char *key);
int64_t recipe_int_at(const recipe *r, const char *key, int i);
double recipe_real_at(const recipe *r, const char *key, int i);
const char *recipe_text_at(const recipe *r, const char *key, int i);
const yaml_node *recipe_tree(const recipe *r, const char *key); /* NULL: not given */
const char *recipe_where(const recipe *r, const char *key); /* "file.yaml:12:5", "command line" or "default" */

/* Replaces one value (what was decided by measuring), as YAML text. */
anl_status recipe_set(recipe *r, const char *key, const char *value) ANL_MUST;
/* One key's value as recipe_dump writes it. */
void recipe_value(const recipe *r, const recipe_key *k, anl__buf *out);
/* Every key in table order, canonical; parses back to the same recipe. */
anl_status recipe_dump(const recipe *r, anl__buf *out) ANL_MUST;
/* A line a differing key ("  optim.lr: 0.1 -> 0.2"); counts those that may not and may be changed in a run. */
anl_status recipe_diff(anl_ctx *ctx, const recipe *old, const recipe *now, anl__buf *out, int *n_fixed, int *n_changeable) ANL_MUST;
/* "runs/" + the file's stem + the overrides in canonical order (a hash when long); NULL: NOMEM. */
char *recipe_run_name(anl__arena *a, const char *path, const char *const *override, int n_override);

#endif
