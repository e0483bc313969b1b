/* What runs where: prints docs/operators.md, a table of every operator with its kernels on each device, from the tables that the program selects
 * from. Usage: operators CUDA_PLUGIN.so [FILE]: with a file it is compared, and a difference is an error. */
#include "kernels/device_cuda/plugin/plugin.h"
#include "op.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char page[1 << 17];
static size_t length;

static void put(const char *text)
{
    size_t n = strlen(text);
    if (length + n + 1 > sizeof page) exit(2);
    memcpy(page + length, text, n + 1);
    length += n;
}

/* Names of an operator's kernels, the first choice first; what a kernel's name says beside its operator's. */
static bool put_kernels(const anl__kernel *const *const *table, const char *op, const char *device)
{
    bool any = false;
    for (int rank = 1000; rank >= 0; rank--)
        for (int t = 0; table[t]; t++)
            for (int i = 0; table[t][i]; i++) {
                const anl__kernel *k = table[t][i];
                if (k->rank != rank || strcmp(k->op, op) || strcmp(k->device, device)) continue;
                if (any) put(", ");
                put(strchr(k->name, '/') ? strchr(k->name, '/') + 1 : k->name);
                any = true;
            }
    return any;
}

static const anl__cuda_plugin *plugin_of(const char *path)
{
    const anl__cuda_plugin *(*entry)(void) = NULL;
    void *so = dlopen(path, RTLD_LAZY | RTLD_LOCAL), *at = so ? dlsym(so, ANL__CUDA_ENTRY) : NULL;
    if (!at) return NULL;
    memcpy(&entry, &at, sizeof entry);
    return entry();
}

static int compare(const char *path)
{
    static char kept[sizeof page];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(kept, 1, sizeof kept, f) : 0;
    if (f) fclose(f);
    if (n == length && !memcmp(kept, page, n)) return 0;
    fprintf(stderr, "%s is not what the tables say; make it anew with tests/gpu_operators PLUGIN > docs/operators.md\n", path);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc < 2) return 2;
    const anl__cuda_plugin *cuda = plugin_of(argv[1]);
    if (!cuda) return fprintf(stderr, "%s cannot be loaded: %s\n", argv[1], dlerror()), 1;
    put("# What runs where\n\nEvery operator with its kernels, the first choice first; a kernel that does not fit a call (type, layout, size) leaves it to the next.\n"
        "`anneal explain RECIPE` says which was taken and why the others were not. The reference device has every operator.\n"
        "This page is printed by `tests/gpu/operators.c`, and a test compares it. What has run on a GPU stands in [gpu.md](gpu.md).\n\n"
        "| operator | | cpu | cuda |\n|---|---|---|---|\n");
    for (int t = 0; anl__op_table[t]; t++)
        for (int i = 0; anl__op_table[t][i]; i++) {
            const anl__op *op = anl__op_table[t][i];
            put("| `"), put(op->name), put("` | "), put(op->help ? op->help : ""), put(" | ");
            if (op->view) put("moves nothing | moves nothing");
            else {
                if (!put_kernels(anl__kernel_table, op->name, "cpu")) put("none");
                put(" | ");
                if (!put_kernels(cuda->device->kernels, op->name, "cuda")) put("none");
            }
            put(" |\n");
        }
    if (argc > 2) return compare(argv[2]);
    fputs(page, stdout);
    return 0;
}
