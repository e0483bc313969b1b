/* anneal doctor: what is here, what works, and what to do about the rest. */
#include "command.h"
#include "exit_code.h"

#include "datasets/known.h"
#include "runtime/base/files.h"
#include "runtime/graph/precision.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int problems;

static void good(const char *what, const char *text) { printf("ok    %-14s %s\n", what, text); }
static void bad(const char *what, const char *text)
{
    printf("FIX   %-14s %s\n", what, text);
    problems++;
}

static void cpu(void)
{
    char line[512], model[256] = "unknown CPU", text[400];
    FILE *f = fopen("/proc/cpuinfo", "r");
    bool amx = false, avx512 = false, avx2 = false;
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (!strncmp(line, "model name", 10) && colon) snprintf(model, sizeof model, "%.200s", colon + 2);
        amx |= strstr(line, "amx_bf16") != NULL;
        avx512 |= strstr(line, "avx512f") != NULL;
        avx2 |= strstr(line, "avx2") != NULL;
    }
    if (f) fclose(f);
    model[strcspn(model, "\n")] = 0;
    snprintf(text, sizeof text, "%s; %ld CPUs; %s", model, sysconf(_SC_NPROCESSORS_ONLN), amx ? "AMX" : avx512 ? "AVX-512" : avx2 ? "AVX2" : "no AVX2: slow");
    good("processor", text);
}

/* What the device's libraries are, also where it does not open. */
static void report(anl_ctx *ctx, const anl__device_vt *vt)
{
    anl__buf b;
    if (!vt->report) return;
    anl__buf_init(&b, ctx);
    vt->report(ctx, &b);
    for (char *save, *line = strtok_r(b.text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) printf("      %-14s %s\n", "", line);
    anl__buf_release(&b);
}

static void devices(anl_ctx *ctx)
{
    for (int i = 0; anl__device_table[i]; i++) {
        anl_device *dev;
        anl_device_opts o = anl_device_opts_default();
        const char *name = anl__device_table[i]->name;
        if (anl_device_open(ctx, name, &o, &dev) != ANL_OK) {
            if (!strcmp(name, "cuda")) printf("note  %-14s %s\n", name, anl_last_error(ctx)); /* most machines have no GPU */
            else bad(name, anl_last_error(ctx));
            report(ctx, anl__device_table[i]);
            continue;
        }
        report(ctx, anl__device_table[i]);
        anl__buf b;
        anl__buf_init(&b, ctx);
        dev->vt->describe(dev, &b);
        anl__buf_add(&b, "; ");
        anl__precision_list(dev, &b);
        good(name, b.text);
        anl__buf_release(&b);
        anl_device_close(dev);
    }
}

static void libraries(void)
{
    good("build", "anneal " ANL_VERSION
#if defined(ANL_HAVE_HDF5)
         ", HDF5"
#endif
#if defined(ANL_HAVE_DNNL)
         ", oneDNN"
#endif
#if defined(ANL_HAVE_DEFLATE)
         ", libdeflate"
#endif
#if defined(ANL_HAVE_SQLITE)
         ", SQLite"
#endif
#if defined(ANL_HAVE_WEBP)
         ", WebP"
#endif
#if defined(ANL_HAVE_TIFF)
         ", TIFF"
#endif
#if defined(ANL_HAVE_ONNX)
         ", ONNX"
#endif
    );
#if !defined(ANL_HAVE_HDF5)
    bad("checkpoints", "this build has no HDF5: runs cannot be kept");
#endif
#if !defined(ANL_HAVE_DNNL)
    bad("speed", "this build has no oneDNN: only the slow reference kernels");
#endif
}

static void space(const char *what, const char *dir)
{
    struct statvfs s;
    char text[400];
    if (statvfs(dir, &s)) return;
    double gb = 1e-9 * (double)s.f_bavail * (double)s.f_frsize;
    snprintf(text, sizeof text, "%s: %.1f GB free%s", dir, gb, access(dir, W_OK) ? ", not writable" : "");
    if (gb < 1 || access(dir, W_OK)) bad(what, text);
    else good(what, text);
}

static void data(void)
{
    for (int i = 0; i < anl__known_count(); i++) {
        const anl__known_set *k = anl__known_at(i);
        char text[4400], where[4096];
        bool there = anl__known_where(k, where, sizeof where);
        snprintf(text, sizeof text, there ? "%s in %s" : "%s is not installed: %s", k->name, there ? where : k->install);
        if (there) good("data set", text);
        else printf("note  %-14s %s\n", "data set", text);
    }
}

static int run_doctor(const options *o)
{
    (void)o;
    anl_ctx *ctx = command_ctx();
    if (!ctx) return EXIT_ERROR;
    libraries();
    cpu();
    devices(ctx);
    space("runs", ".");
    const char *cache = anl__environment("XDG_CACHE_HOME"), *home = anl__environment("HOME");
    if (cache || home) space("cache", cache ? cache : home);
    data();
    anl_ctx_destroy(ctx);
    printf("%s\n", problems ? "some things want fixing" : "all is well");
    return problems ? EXIT_ERROR : EXIT_DONE;
}

const command command_doctor = {.name = "doctor", .args = "", .summary = "says what is installed, what works here, and what to do about the rest", .run = run_doctor};
