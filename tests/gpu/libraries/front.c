/* Test only: plays libcudnn.so.9, which knows its version from a part that it opens by name when it is asked. */
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

static size_t ask(const char *name)
{
    static void *part; /* never closed */
    size_t (*fn)(void);
    if (!part) part = dlopen("libcudnn_graph.so.9", RTLD_NOW);
    void *p = part ? dlsym(part, name) : NULL;
    if (!p) return 0;
    memcpy(&fn, &p, sizeof fn);
    return fn();
}

size_t cudnnGetVersion(void);
size_t cudnnGetVersion(void) { return ask("part_version"); }
size_t cudnnGetCudartVersion(void);
size_t cudnnGetCudartVersion(void) { return ask("part_cuda"); }
