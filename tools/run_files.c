/* See run_files.h. */
#include "run_files.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool ours(const char *name)
{
    static const char *const known[] = {"recipe.yaml", "environment.txt", "changes.txt", "decided.txt", "failed.txt", "metrics.jsonl", "metrics.csv", "test.json", "test.txt",
                                        "validation.json", "validation.txt", "report.html", "last", "best", "rollback", "fetched.h5"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!strcmp(known[i], name)) return true;
    return !strncmp(name, "step-", 5) || !strncmp(name, "events.out.tfevents.", 20);
}

void run_files_remove(const char *dir)
{
    char path[4600];
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "%.4200s/%s", dir, e->d_name);
        if (ours(e->d_name)) unlink(path);
    }
    if (d) closedir(d);
    snprintf(path, sizeof path, "%.4200s/lock", dir);
    unlink(path);
    rmdir(dir);
}
