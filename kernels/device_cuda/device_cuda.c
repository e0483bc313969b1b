/* The cuda device as the program sees it before its plug-in is loaded: opening it finds the plug-in (a shared object beside
 * the program), checks that it is of the same build, and hands over to it. A machine without an NVIDIA driver never loads it.
 *
 * ANNEAL_CUDA_PLUGIN names the file; else anneal-cuda.so is looked for beside the program, in ../lib/anneal, then as ld.so does.
 */
#include "plugin/plugin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "anneal-cuda.so"
enum { PATH_BYTES = 8192 };

/* Are there device files of an NVIDIA driver? */
static bool driver_here(void)
{
    static const char *const nodes[] = {"/dev/nvidiactl", "/dev/dxg", "/dev/nvhost-ctrl-gpu"}; /* PCI cards, WSL 2, Jetson */
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
        if (!access(nodes[i], F_OK)) return true;
    return false;
}

/* Directory of the running program, with a '/' at its end; "" when unknown. */
static void program_dir(char *out, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    if (n < 0) n = 0;
    out[n] = 0;
    char *slash = strrchr(out, '/');
    if (slash) slash[1] = 0;
}

static void *open_file(const char *path, anl__buf *tried)
{
    void *so = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (!so) anl__buf_add(tried, "%s%s", tried->len ? "; " : "", dlerror());
    return so;
}

static const anl__cuda_plugin *check(anl_ctx *ctx, void *so, const char *path)
{
    const anl__cuda_plugin *(*entry)(void);
    void *symbol = dlsym(so, ANL__CUDA_ENTRY);
    if (!symbol) {
        anl__fail(ctx, ANL_DEVICE, "%s is no plug-in of Anneal", path);
        return NULL;
    }
    memcpy(&entry, &symbol, sizeof entry);
    const anl__cuda_plugin *p = entry();
    if (p->abi == ANL__CUDA_ABI && !strcmp(p->version, ANL_VERSION) && p->kernel_bytes == sizeof(anl__kernel) && p->env_bytes == sizeof(anl__env) &&
        p->run_bytes == sizeof(anl__run) && p->device_bytes == sizeof(anl__device_vt))
        return p;
    anl__fail(ctx, ANL_DEVICE, "the CUDA plug-in %s is of another build of Anneal", path);
    return NULL;
}

/* Loads the plug-in and checks that it is of this build; path: the file taken. NULL with the message set on failure. */
static const anl__cuda_plugin *load(anl_ctx *ctx, char path[PATH_BYTES])
{
    static const char *const beside[] = {"", "../lib/anneal/", "../lib/"};
    const char *given = anl__environment("ANNEAL_CUDA_PLUGIN");
    char dir[PATH_BYTES / 2];
    anl__buf tried;
    void *so = NULL;
    anl__buf_init(&tried, ctx);
    program_dir(dir, sizeof dir);
    if (given) {
        snprintf(path, PATH_BYTES, "%s", given);
        so = open_file(path, &tried);
    } else {
        for (size_t i = 0; i < sizeof beside / sizeof *beside && !so && *dir; i++) {
            snprintf(path, PATH_BYTES, "%s%s" FILE_NAME, dir, beside[i]);
            if (!access(path, F_OK)) so = open_file(path, &tried);
        }
        if (!so && !tried.len) {
            snprintf(path, PATH_BYTES, FILE_NAME);
            so = open_file(path, &tried);
        }
    }
    const anl__cuda_plugin *p = NULL;
    if (so) p = check(ctx, so, path);
    else anl__fail(ctx, ANL_DEVICE, "the CUDA plug-in cannot be loaded: %s", tried.text);
    anl__buf_release(&tried);
    return p; /* the file stays loaded: its kernels are referred to until the program ends */
}

static anl_status cuda_open(anl_device *dev, const anl_device_opts *opts)
{
    char path[PATH_BYTES];
    const char *given = anl__environment("ANNEAL_CUDA_PLUGIN");
    if (!given && !driver_here())
        return anl__fail(dev->ctx, ANL_DEVICE, "no CUDA device: this machine has no NVIDIA driver (there is no /dev/nvidiactl)");
    const anl__cuda_plugin *p = load(dev->ctx, path);
    if (!p) return ANL_DEVICE;
    dev->vt = p->device;
    return dev->vt->open(dev, opts);
}

static void cuda_report(anl_ctx *ctx, anl__buf *out)
{
    char path[PATH_BYTES];
    const anl__cuda_plugin *p = load(ctx, path);
    if (!p) {
        anl__buf_add(out, "%s\n", anl_last_error(ctx));
        return;
    }
    anl__buf_add(out, "plug-in %s\n", path);
    p->report(ctx, out);
}

const anl__device_vt anl__device_cuda = {.name = "cuda", .auto_rank = 50, .open = cuda_open, .report = cuda_report};
