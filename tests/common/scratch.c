/* See scratch.h. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

bool scratch_make(char dir[SCRATCH_PATH], const char *name)
{
    const char *tmp = getenv("TMPDIR");
    int n = snprintf(dir, SCRATCH_PATH, "%s/anneal-%s-XXXXXX", tmp && *tmp ? tmp : "/tmp", name);
    return n > 0 && n < SCRATCH_PATH && mkdtemp(dir) != NULL;
}

static int allow(const char *path, const struct stat *s, int type, struct FTW *where)
{
    (void)s, (void)where;
    if (type == FTW_D || type == FTW_DNR) (void)!chmod(path, 0700);
    return 0;
}

static int discard(const char *path, const struct stat *s, int type, struct FTW *where)
{
    (void)s, (void)type, (void)where;
    return remove(path);
}

bool scratch_remove(const char *dir)
{
    if (!*dir) return true;
    return !nftw(dir, allow, 16, FTW_PHYS) && !nftw(dir, discard, 16, FTW_DEPTH | FTW_PHYS);
}
