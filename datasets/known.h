/* Data sets that are known by name: where a distribution's package puts them and under what licence. */
#ifndef ANL_KNOWN_H
#define ANL_KNOWN_H

#include "runtime/base/base.h"

typedef struct anl__known_set {
    const char *name;    /* "fashion-mnist" */
    const char *what;    /* one line */
    const char *format;  /* "idx" */
    const char *dir;     /* where it is when it is installed */
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
/* The nearest name, or NULL. */
const char *anl__known_nearest(const char *name);

#endif
