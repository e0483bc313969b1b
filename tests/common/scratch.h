/* A directory of a test's own. */
#ifndef ANL_TESTS_SCRATCH_H
#define ANL_TESTS_SCRATCH_H

#include <stdbool.h>

enum { SCRATCH_PATH = 256 };

/* Makes dir: $TMPDIR (default /tmp)/anneal-NAME-XXXXXX; false where that fails. */
bool scratch_make(char dir[SCRATCH_PATH], const char *name);
/* Removes it with all that is in it, what is write-protected too; true where nothing is left (or dir is empty). */
bool scratch_remove(const char *dir);

#endif
