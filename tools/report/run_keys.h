/* Which keys of recipes differ: from the defaults, or from one run to another. */
#ifndef REPORT_RUN_KEYS_H
#define REPORT_RUN_KEYS_H

#include "run_shown.h"

typedef struct run_keys {
    anl__arena *arena;
    const recipe_key **key; /* [n] in the table's order */
    const char ***value;    /* [n][runs] */
    const char **def;       /* [n] */
    int n;
} run_keys;

/* One run: the keys that are not as by default. Several: those whose values differ among them. Freed by run_keys_free, also
   after a failure. */
anl_status run_keys_find(anl_ctx *ctx, run_shown *const *s, int runs, run_keys *out) ANL_MUST;
void run_keys_free(run_keys *k);
/* "optim.lr 0.1, model.name mlp": run i's values of the first keys, cut to a few; in the keys' arena, NULL: NOMEM. */
const char *run_keys_text(const run_keys *k, int i);

#endif
