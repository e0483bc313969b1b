/* See torch_names.h. */
#include "torch_names.h"

#include <stdio.h>
#include <string.h>

static bool begins(const char *name, const char *word, const char **rest)
{
    size_t n = strlen(word);
    if (strncmp(name, word, n) || name[n] != '.') return false;
    *rest = name + n + 1;
    return true;
}

/* conv, bn, out, and stageS.blockB.{convI, bnI, shortcut, shortcut_bn}: conv1, bn1, fc, and layerS.B.{convI,
   bnI, downsample.0, downsample.1}, blocks counted from 0. */
static const char *resnet_name(anl__arena *a, const char *name)
{
    static const char *const ends[][2] = {{"conv", "conv1"}, {"bn", "bn1"}, {"out", "fc"}};
    static const char *const shortcut[][2] = {{"shortcut", "downsample.0"}, {"shortcut_bn", "downsample.1"}};
    const char *rest;
    int stage, block, used = 0;
    for (int i = 0; i < 3; i++)
        if (begins(name, ends[i][0], &rest)) return anl__arena_printf(a, "%s.%s", ends[i][1], rest);
    if (sscanf(name, "stage%d.block%d.%n", &stage, &block, &used) != 2 || !used) return name;
    for (int i = 0; i < 2; i++)
        if (begins(name + used, shortcut[i][0], &rest))
            return anl__arena_printf(a, "layer%d.%d.%s.%s", stage, block - 1, shortcut[i][1], rest);
    return anl__arena_printf(a, "layer%d.%d.%s", stage, block - 1, name + used);
}

const char *torch_name(anl__arena *a, const char *model, const char *name)
{
    return strcmp(model, "resnet") && strcmp(model, "resnet-cifar") ? name : resnet_name(a, name);
}

bool torch_name_is_counter(const char *name)
{
    static const char word[] = "num_batches_tracked";
    size_t n = strlen(name), tail = sizeof word - 1;
    return n >= tail && !strcmp(name + n - tail, word) && (n == tail || name[n - tail - 1] == '.');
}
