/* Data sets that are known by name: where a distribution's package puts them, or where tools/data/make.sh puts what it makes of a
 * package, and under what licence. */
#ifndef ANL_KNOWN_H
#define ANL_KNOWN_H

#include "runtime/base/base.h"

typedef struct anl__known_set {
    const char *name;    /* "fashion-mnist" */
    const char *what;    /* one line */
    const char *format;  /* "idx"; made by tools/data/make.sh: "csv", "text", and "pictures", whose file is a table of them */
    const char *dir;     /* where it is when it is installed; NULL: made, in the cache directory */
    const char *file;    /* of a set that is made: its name in data/NAME/ there; else NULL */
    const char *package; /* Debian's */
    const char *install; /* the command that a person may run */
    const char *licence;
    int classes;
    const char *const *class_names;
} anl__known_set;

int anl__known_count(void);
const anl__known_set *anl__known_at(int i);
const anl__known_set *anl__known_find(const char *name); /* by name; NULL: unknown */
/* By the directory it is installed in (a trailing slash is fine): its class names apply there. */
const anl__known_set *anl__known_find_dir(const char *dir);
/* Is it a file of sequences? */
bool anl__known_sequences(const anl__known_set *k);
/* Where the directory, or a made set's file, is or would be; true: it is there. */
bool anl__known_where(const anl__known_set *k, char *out, size_t bytes);
/* The nearest name, or NULL. */
const char *anl__known_nearest(const char *name);

#endif
