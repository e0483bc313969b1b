/* The recipe of a sweep: a YAML file that names a base recipe, a search space over its keys, what is made
 * good, and who searches with how much. Strict as recipes are: an unknown key is an error with the nearest
 * name, every error has its place, and all of a file's mistakes are named at once where that is possible.
 *
 * Does not run anything and does not know the store. docs/sweeps.md has the table of the keys.
 */
#ifndef SWEEP_RECIPE_H
#define SWEEP_RECIPE_H

#include "scheduler.h"

#include "tools/recipe/recipe.h"

enum {
    SWEEP_MAX_OBJECTIVES = 8,
    SWEEP_MAX_CONSTRAINTS = 8,
    SWEEP_MAX_SLOTS = 256,
    SWEEP_MAX_PARALLEL = 1024,
    SWEEP_MAX_KEYS = 40
};

/* The keys of a sweep's recipe, for reading and for `anneal sweep keys`; ended by a NULL name. */
typedef struct sweep_key {
    const char *name, *def, *help;
} sweep_key;
extern const sweep_key sweep_key_table[];

typedef struct sweep_constraint {
    const char *metric;
    bool below; /* metric <= limit; else metric >= limit */
    double limit;
} sweep_constraint;

typedef struct sweep_slot {
    const char *name;
    const char *const *env; /* "CUDA_VISIBLE_DEVICES=0" */
    int n_env;
    const char *cpus; /* "0-3,8"; NULL: a share of this process's, when `pin` */
    int trials;       /* at once */
} sweep_slot;

typedef struct sweep_recipe {
    anl_ctx *ctx;
    anl__arena *arena; /* holds all texts */
    const char *path;
    const char *base_path;
    recipe *base; /* with `override` applied, and checkpoint.metric from the objective when it was not set */
    space *space;
    int n_objectives;
    const char *metric[SWEEP_MAX_OBJECTIVES];
    bool maximize[SWEEP_MAX_OBJECTIVES];
    bool at_last; /* the last epoch counts; else the one with the best first objective */
    int n_constraints;
    sweep_constraint constraint[SWEEP_MAX_CONSTRAINTS];
    uint64_t seed;
    const sampler *sampler;
    sampler_options options;
    const scheduler *scheduler;
    schedule_task schedule; /* complete but for `trials` after an added point */
    int64_t trials;         /* budget, all together; 0: no limit. A grid's end is a limit too */
    int64_t epochs;         /* budget; 0: no limit */
    double hours;           /* budget; 0: no limit */
    int parallel;
    bool strict;
    double *points; /* n_points x space_count, tried first */
    int n_points;
    const char *warm_start; /* another sweep's directory, or NULL */
    const char *warm_text;  /* as it was written */
    int folds, seeds;       /* 0: none; a trial is folds x seeds runs */
    const char *launcher;   /* NULL: started directly */
    sweep_slot *slot;
    int n_slots;
    bool pin;
    int retries;       /* of a trial that dies without having come further */
    int64_t failures;  /* so many failed trials end the sweep; 0: none do */
    double heartbeat;  /* seconds without a sign of life; 0: no limit */
    double timeout;    /* seconds of one process; 0: no limit */
    double file_limit; /* MiB that a trial may write into one file; 0: no limit */
    bool test;         /* the winner's test part is scored at the end */
} sweep_recipe;

/* base: used in the place of `base` and `override` (a sweep's own copy of them); NULL: what the file says.
   ANL_RECIPE: the mistakes, one a line. */
anl_status sweep_recipe_load(anl_ctx *ctx, const char *path, const char *base, sweep_recipe **out) ANL_MUST;
void sweep_recipe_free(sweep_recipe *r);

int sweep_parts(const sweep_recipe *r);              /* runs of a trial: 1, or folds x seeds */
int64_t sweep_epochs_of_part(const sweep_recipe *r); /* train.epochs of the base */
/* The overrides of a trial's part, in the arena: key=value texts; *n of them. */
anl_status sweep_overrides(const sweep_recipe *r, const double *point, int part, anl__arena *a,
                           const char *const **out, int *n) ANL_MUST;
sampler_task sweep_sampler_task(const sweep_recipe *r);
/* Everything that a trial's result or number depends on, a line "what: text" each. Two recipes whose texts
 * and bases are equal may share a store; the others' differences are shown by sweep_changes. */
anl_status sweep_describe(const sweep_recipe *r, anl__buf *out) ANL_MUST;
/* Lines that differ between two such texts ("  sampler: tpe -> gp"). */
void sweep_changes(const char *old, const char *now, anl__buf *out);

/* ---- inside: what the two reading files share ---- */

typedef struct sweep_reader {
    sweep_recipe *r;
    anl__buf errors;
} sweep_reader;

/* "file:line:column: text" */
void sweep_wrong(sweep_reader *s, const yaml_node *at, const char *fmt, ...) ANL_FORMAT(3, 4);
/* The context's last message at this place. */
void sweep_wrong_last(sweep_reader *s, const yaml_node *at, const char *what);
/* Complains of keys of `map` that are not among `names` (ended by NULL); false: it is no map. */
bool sweep_keys(sweep_reader *s, const yaml_node *map, const char *where, const char *const *names);
/* The value of a key, or `def` when it is not there; complains when it is something else. */
double sweep_number(sweep_reader *s, const yaml_node *map, const char *key, double def, double min,
                    double max);
int64_t sweep_int(sweep_reader *s, const yaml_node *map, const char *key, int64_t def, int64_t min,
                  int64_t max);
bool sweep_bool(sweep_reader *s, const yaml_node *map, const char *key, bool def);
const char *sweep_text(sweep_reader *s, const yaml_node *map, const char *key, const char *def);
/* A plain number; false when it is none. */
bool sweep_as_number(const yaml_node *n, double *out);
/* A value as one line of flow YAML, in the arena. */
const char *sweep_flow(sweep_reader *s, const yaml_node *n);
/* `space`, then `points` (sweep_space.c); they leave r->space NULL when it is wrong. */
void sweep_read_space(sweep_reader *s, const yaml_node *map);
void sweep_read_points(sweep_reader *s, const yaml_node *list);
/* "key=value" words to a point: of `points`, of `anneal sweep add`. ANL_RECIPE. */
anl_status sweep_point_of_words(const sweep_recipe *r, const char *const *word, int n,
                                double *point) ANL_MUST;

#endif
