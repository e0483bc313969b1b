/* Finding NVIDIA's libraries. Order: ANNEAL_CUDA_PATH (folders with ':' between), the plug-in's own folder, what ld.so finds, the
 * usual CUDA folders, CONDA_PREFIX, and nvidia/<name>/lib in the site-packages of the active Python (its links resolved). The first file of the right major
 * version is taken; what was rejected is kept for `anneal doctor`. Files stay open until the program ends.
 */
#include "libs.h"

#include "cublaslt_table.h"
#include "cudnn_table.h"
#include "dnn_form.h"
#include "dnn_rnn.h"
#include "lt_product.h"
#include "nccl_table.h"
#include "plan_memory.h"

#include <cuda_runtime_api.h>
#include <cudnn_version.h>
#include <dlfcn.h>
#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };
/* A version as (major, minor, patch) from an opened library; false when a function is missing or the version is not ours. */
typedef bool version_fn(void *so, int v[3], char why[128]);
typedef struct library {
    const char *title, *file, *wheel; /* wheel: folder in site-packages/nvidia */
    version_fn *version;
    bool parts; /* it opens parts of itself by their names, and they stay when it is closed */
} library;
typedef struct found {
    void *so;
    char path[PATH_BYTES];
    int v[3];
} found;

static void *symbol(void *so, const char *name) { return dlsym(so, name); }

static bool number_from(void *so, const char *name, size_t *out)
{
    size_t (*fn)(void);
    void *p = symbol(so, name);
    if (!p) return false;
    memcpy(&fn, &p, sizeof fn);
    *out = fn();
    return true;
}

static bool cudnn_version(void *so, int v[3], char why[128])
{
    size_t n, cuda;
    if (!number_from(so, "cudnnGetVersion", &n) || !number_from(so, "cudnnGetCudartVersion", &cuda)) return snprintf(why, 128, "no cudnnGetVersion in it"), false;
    v[0] = (int)(n / 10000);
    v[1] = (int)(n / 100 % 100);
    v[2] = (int)(n % 100);
    if (v[0] != CUDNN_MAJOR) return snprintf(why, 128, "cuDNN %zu, wanted major version %d", n, CUDNN_MAJOR), false;
    if ((int)(cuda / 1000) != CUDART_VERSION / 1000) return snprintf(why, 128, "cuDNN %d.%d.%d is for CUDA %zu, wanted %d", v[0], v[1], v[2], cuda / 1000, CUDART_VERSION / 1000), false;
    return true;
}

static bool cublaslt_version(void *so, int v[3], char why[128])
{
    size_t n;
    if (!number_from(so, "cublasLtGetVersion", &n)) return snprintf(why, 128, "no cublasLtGetVersion in it"), false;
    v[0] = (int)(n / 10000);
    v[1] = (int)(n / 100 % 100);
    v[2] = (int)(n % 100);
    if (v[0] != CUDART_VERSION / 1000) return snprintf(why, 128, "cuBLASLt %zu, wanted major version %d", n, CUDART_VERSION / 1000), false;
    return true;
}

#define LOAD(table, so, prefix, name)                     \
    do {                                                  \
        void *load_p = symbol(so, prefix #name);          \
        if (!load_p) return false;                        \
        memcpy(&(table)->name, &load_p, sizeof load_p);   \
    } while (0)

static bool load_nccl(anl__nccl *t, void *so)
{
    LOAD(t, so, "nccl", CommInitAll);
    LOAD(t, so, "nccl", CommDestroy);
    LOAD(t, so, "nccl", CommAbort);
    LOAD(t, so, "nccl", CommGetAsyncError);
    LOAD(t, so, "nccl", GroupStart);
    LOAD(t, so, "nccl", GroupEnd);
    LOAD(t, so, "nccl", Send);
    LOAD(t, so, "nccl", Recv);
    LOAD(t, so, "nccl", GetErrorString);
    return true;
}

static bool nccl_version(void *so, int v[3], char why[128])
{
    int (*fn)(int *), n = 0;
    void *p = symbol(so, "ncclGetVersion");
    if (!p) return snprintf(why, 128, "no ncclGetVersion in it"), false;
    memcpy(&fn, &p, sizeof fn);
    fn(&n);
    v[0] = n / 10000;
    v[1] = n / 100 % 100;
    v[2] = n % 100;
    if (v[0] != 2) return snprintf(why, 128, "NCCL %d, wanted major version 2", n), false;
    return load_nccl(&(anl__nccl){0}, so) || (snprintf(why, 128, "NCCL %d has not all functions that we need", n), false);
}

#define TEXT_OF(x) #x
#define MAJOR_TEXT(x) TEXT_OF(x)
static const library cudnn_library = {"cuDNN", "libcudnn.so." MAJOR_TEXT(CUDNN_MAJOR), "cudnn", cudnn_version, true};
#if CUDART_VERSION >= 13000
static const library cublaslt_library = {"cuBLASLt", "libcublasLt.so.13", "cu13", cublaslt_version, false};
#else
static const library cublaslt_library = {"cuBLASLt", "libcublasLt.so.12", "cublas", cublaslt_version, false};
#endif
static const library nccl_library = {"NCCL", "libnccl.so.2", "nccl", nccl_version, false};

/* Would it be taken? cuDNN answers by one of its parts, and one that was asked and turned down would leave that
 * part to the next, which would answer and work with it. So it is asked in a namespace of its own; where that
 * cannot be had it is asked when it is open. */
static bool asked_aside(const library *lib, const char *path, int v[3], char why[128])
{
    void *so = lib->parts ? dlmopen(LM_ID_NEWLM, path, RTLD_NOW | RTLD_LOCAL) : NULL;
    bool good = !so || lib->version(so, v, why);
    if (so) dlclose(so);
    return good;
}

/* Tries one file; true when taken. `rejected` (may be NULL) gets what was there and not taken. */
static bool try_file(const library *lib, const char *path, found *out, anl__buf *rejected)
{
    char why[128] = "";
    if (!asked_aside(lib, path, out->v, why)) {
        if (rejected) anl__buf_add(rejected, "  rejected %s: %s\n", path, why);
        return false;
    }
    void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!so) {
        const char *e = dlerror();
        bool absent = e && strstr(e, "No such file");
        if (!absent && rejected) anl__buf_add(rejected, "  rejected %s: %s\n", path, e ? e : "cannot be opened");
        return false;
    }
    if (lib->version(so, out->v, why)) {
        Dl_info info;
        void *any = symbol(so, !strcmp(lib->title, "cuDNN") ? "cudnnGetVersion" : !strcmp(lib->title, "NCCL") ? "ncclGetVersion" : "cublasLtGetVersion");
        out->so = so;
        snprintf(out->path, sizeof out->path, "%s", any && dladdr(any, &info) && info.dli_fname ? info.dli_fname : path);
        return true;
    }
    if (rejected) anl__buf_add(rejected, "  rejected %s: %s\n", path, why);
    dlclose(so);
    return false;
}

/* `pattern`/file, every match of the pattern. */
static bool try_folders(const library *lib, const char *pattern, found *out, anl__buf *rejected)
{
    char full[PATH_BYTES];
    glob_t g;
    bool taken = false;
    if (snprintf(full, sizeof full, "%s/%s", pattern, lib->file) >= (int)sizeof full || glob(full, 0, NULL, &g)) return false;
    for (size_t i = 0; i < g.gl_pathc && !taken; i++) taken = try_file(lib, g.gl_pathv[i], out, rejected);
    globfree(&g);
    return taken;
}

static bool try_path_list(const library *lib, const char *list, found *out, anl__buf *rejected)
{
    static const char *const below[] = {"", "/lib", "/lib64"};
    while (*list) {
        size_t n = strcspn(list, ":");
        for (size_t i = 0; n && i < sizeof below / sizeof *below; i++) {
            char dir[PATH_BYTES];
            snprintf(dir, sizeof dir, "%.*s%s", (int)(n < 4000 ? n : 4000), list, below[i]);
            if (try_folders(lib, dir, out, rejected)) return true;
        }
        list += n + (list[n] == ':');
    }
    return false;
}

/* root/lib/python3*. */
static bool try_python(const library *lib, const char *root, found *out, anl__buf *rejected)
{
    static const char *const packages[] = {"site-packages", "dist-packages"};
    char dir[PATH_BYTES];
    for (size_t i = 0; i < 2; i++) {
        snprintf(dir, sizeof dir, "%.3000s/lib/python3*/%s/nvidia/%s/lib", root, packages[i], lib->wheel);
        if (try_folders(lib, dir, out, rejected)) return true;
    }
    return false;
}

/* The first python3 in PATH that lies in a bin/ or is a link to one: the folder above is tried, then that of each file that its links lead
 * through. So a virtual environment comes before the installation that it was made from, and a link to either is as good as itself. */
static bool try_path_python(const library *lib, found *out, anl__buf *rejected)
{
    enum { MOST_LINKS = 16 };
    for (const char *path = anl__environment("PATH"); path && *path;) {
        size_t n = strcspn(path, ":");
        char file[PATH_BYTES] = "", to[PATH_BYTES];
        bool seen = false;
        if (n && n < 3000) snprintf(file, sizeof file, "%.*s/python3", (int)n, path);
        for (int k = 0; *file && k < MOST_LINKS && !access(file, X_OK); k++) {
            char *name = strrchr(file, '/'), root[PATH_BYTES];
            if (name - file > 4 && !strncmp(name - 4, "/bin", 4)) {
                snprintf(root, sizeof root, "%.*s", (int)(name - file) - 4, file);
                if (try_python(lib, root, out, rejected)) return true;
                seen = true;
            }
            ssize_t len = readlink(file, to, sizeof to - 1);
            if (len <= 0) break;
            to[len] = 0;
            if (*to == '/') snprintf(file, sizeof file, "%s", to);
            else snprintf(name + 1, sizeof file - (size_t)(name + 1 - file), "%s", to);
        }
        if (seen) return false;
        path += n + (path[n] == ':');
    }
    return false;
}

static bool look_for(const library *lib, found *out, anl__buf *rejected)
{
    static const char *const usual[] = {"/usr/local/cuda/lib64", "/usr/local/cuda-13*/lib64", "/opt/cuda/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"};
    const char *given = anl__environment("ANNEAL_CUDA_PATH"), *conda = anl__environment("CONDA_PREFIX"), *venv = anl__environment("VIRTUAL_ENV"), *home = anl__environment("HOME");
    char dir[PATH_BYTES];
    Dl_info self;
    memset(out, 0, sizeof *out);
    if (given && try_path_list(lib, given, out, rejected)) return true;
    if (dladdr(&cudnn_library, &self) && self.dli_fname) {
        const char *slash = strrchr(self.dli_fname, '/');
        snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - self.dli_fname) : 1, slash ? self.dli_fname : ".");
        if (try_folders(lib, dir, out, rejected)) return true;
    }
    if (try_file(lib, lib->file, out, rejected)) return true;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (try_folders(lib, usual[i], out, rejected)) return true;
    if (conda && snprintf(dir, sizeof dir, "%.3000s/lib", conda) > 0 && try_folders(lib, dir, out, rejected)) return true;
    if (venv && try_python(lib, venv, out, rejected)) return true;
    if (conda && try_python(lib, conda, out, rejected)) return true;
    if (try_path_python(lib, out, rejected)) return true;
    if (home && snprintf(dir, sizeof dir, "%.3000s/.local", home) > 0 && try_python(lib, dir, out, rejected)) return true;
    return try_python(lib, "/usr/local", out, rejected) || try_python(lib, "/usr", out, rejected);
}

/* A library with parts is looked for until it is found once: there are few namespaces. */
static bool find(const library *lib, found *out, anl__buf *rejected)
{
    static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
    static found kept; /* of cuDNN */
    if (!lib->parts) return look_for(lib, out, rejected);
    pthread_mutex_lock(&guard);
    bool here = kept.so || look_for(lib, &kept, rejected);
    *out = kept;
    pthread_mutex_unlock(&guard);
    return here;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static bool load_cudnn(anl__cudnn *t, void *so)
{
    LOAD(t, so, "cudnn", GetVersion);
    LOAD(t, so, "cudnn", GetCudartVersion);
    LOAD(t, so, "cudnn", Create);
    LOAD(t, so, "cudnn", Destroy);
    LOAD(t, so, "cudnn", SetStream);
    LOAD(t, so, "cudnn", GetLastErrorString);
    LOAD(t, so, "cudnn", BackendCreateDescriptor);
    LOAD(t, so, "cudnn", BackendDestroyDescriptor);
    LOAD(t, so, "cudnn", BackendFinalize);
    LOAD(t, so, "cudnn", BackendSetAttribute);
    LOAD(t, so, "cudnn", BackendGetAttribute);
    LOAD(t, so, "cudnn", BackendExecute);
    LOAD(t, so, "cudnn", CreateTensorDescriptor);
    LOAD(t, so, "cudnn", SetTensorNdDescriptor);
    LOAD(t, so, "cudnn", GetTensorNdDescriptor);
    LOAD(t, so, "cudnn", DestroyTensorDescriptor);
    LOAD(t, so, "cudnn", CreateDropoutDescriptor);
    LOAD(t, so, "cudnn", SetDropoutDescriptor);
    LOAD(t, so, "cudnn", DestroyDropoutDescriptor);
    LOAD(t, so, "cudnn", CreateRNNDescriptor);
    LOAD(t, so, "cudnn", SetRNNDescriptor_v8);
    LOAD(t, so, "cudnn", DestroyRNNDescriptor);
    LOAD(t, so, "cudnn", CreateRNNDataDescriptor);
    LOAD(t, so, "cudnn", SetRNNDataDescriptor);
    LOAD(t, so, "cudnn", DestroyRNNDataDescriptor);
    LOAD(t, so, "cudnn", GetRNNWeightSpaceSize);
    LOAD(t, so, "cudnn", GetRNNTempSpaceSizes);
    LOAD(t, so, "cudnn", GetRNNWeightParams);
    LOAD(t, so, "cudnn", RNNForward);
    LOAD(t, so, "cudnn", RNNBackwardData_v8);
    LOAD(t, so, "cudnn", RNNBackwardWeights_v8);
    return true;
}

static bool load_cublaslt(anl__cublaslt *t, void *so)
{
    LOAD(t, so, "cublasLt", GetVersion);
    LOAD(t, so, "cublasLt", Create);
    LOAD(t, so, "cublasLt", Destroy);
    LOAD(t, so, "cublasLt", MatmulDescCreate);
    LOAD(t, so, "cublasLt", MatmulDescDestroy);
    LOAD(t, so, "cublasLt", MatmulDescSetAttribute);
    LOAD(t, so, "cublasLt", MatrixLayoutCreate);
    LOAD(t, so, "cublasLt", MatrixLayoutDestroy);
    LOAD(t, so, "cublasLt", MatmulPreferenceCreate);
    LOAD(t, so, "cublasLt", MatmulPreferenceDestroy);
    LOAD(t, so, "cublasLt", MatmulPreferenceSetAttribute);
    LOAD(t, so, "cublasLt", MatmulAlgoGetHeuristic);
    LOAD(t, so, "cublasLt", Matmul);
    return true;
}

static anl_status open_cudnn(anl_ctx *ctx, void *stream, anl__cudnn **out)
{
    found f;
    if (!find(&cudnn_library, &f, NULL)) return ANL_OK;
    anl__cudnn *t = anl__alloc(ctx, sizeof *t);
    if (!t) return ANL_NOMEM;
    t->ctx = ctx;
    int status = -1; /* a function is missing */
    char text[200] = "a function is missing";
    if (load_cudnn(t, f.so) && (status = t->Create(&t->handle)) == 0 && (status = t->SetStream(t->handle, stream)) == 0) {
        t->version = t->GetVersion();
        *out = t;
        return ANL_OK;
    }
    if (status > 0) t->GetLastErrorString(text, sizeof text);
    if (t->handle) t->Destroy(t->handle);
    anl__free(ctx, t);
    anl__log(ctx, ANL_LOG_WARN, "cuDNN in %s does not start (%d: %s); our own convolutions are used", f.path, status, text);
    return ANL_OK;
}

static anl_status open_cublaslt(anl_ctx *ctx, anl__cublaslt **out)
{
    found f;
    if (!find(&cublaslt_library, &f, NULL)) return ANL_OK;
    anl__cublaslt *t = anl__alloc(ctx, sizeof *t);
    if (!t) return ANL_NOMEM;
    t->ctx = ctx;
    int status = -1; /* a function is missing */
    if (load_cublaslt(t, f.so) && (status = t->Create(&t->handle)) == 0) {
        t->version = t->GetVersion();
        *out = t;
        return ANL_OK;
    }
    anl__free(ctx, t);
    anl__log(ctx, ANL_LOG_WARN, "cuBLASLt in %s does not start (%d); our own products are used", f.path, status);
    return ANL_OK;
}

anl_status anl__cuda_libs_open(anl_ctx *ctx, void *stream, anl__cuda_libs **out)
{
    anl__cuda_libs *libs = anl__alloc(ctx, sizeof *libs);
    if (!libs) return ANL_NOMEM;
    anl_status st = open_cublaslt(ctx, &libs->lt); /* first: cuDNN asks for it by name, and then has it */
    if (st == ANL_OK) st = open_cudnn(ctx, stream, &libs->cudnn);
    if (st != ANL_OK) anl__cuda_libs_close(ctx, libs);
    else *out = libs;
    return st;
}

anl_status anl__cuda_nccl_open(anl_ctx *ctx, anl__nccl *out)
{
    found f;
    if (!find(&nccl_library, &f, NULL)) return anl__fail(ctx, ANL_DEVICE, "several devices need NCCL, and %s is not found: set ANNEAL_CUDA_PATH to its folder (`anneal doctor` says where it is looked for)", nccl_library.file);
    ANL_CHECK_INTERNAL(ctx, load_nccl(out, f.so));
    return ANL_OK;
}

void anl__cuda_libs_close(anl_ctx *ctx, anl__cuda_libs *libs)
{
    if (!libs) return;
    anl__dnn_rnn_forget(ctx, libs);
    anl__plan_forget(ctx, libs);
    anl__dnn_form_forget(libs->cudnn);
    anl__lt_product_forget(libs->lt);
    if (libs->cudnn) libs->cudnn->Destroy(libs->cudnn->handle);
    if (libs->lt) libs->lt->Destroy(libs->lt->handle);
    anl__free(ctx, libs->cudnn);
    anl__free(ctx, libs->lt);
    anl__free(ctx, libs);
}

void anl__cuda_libs_describe(const anl__cuda_libs *libs, anl__buf *out)
{
    if (libs->cudnn) anl__buf_add(out, ", cuDNN %zu.%zu.%zu", libs->cudnn->version / 10000, libs->cudnn->version / 100 % 100, libs->cudnn->version % 100);
    else anl__buf_add(out, ", no cuDNN");
    if (libs->lt) anl__buf_add(out, ", cuBLASLt %zu.%zu.%zu", libs->lt->version / 10000, libs->lt->version / 100 % 100, libs->lt->version % 100);
    else anl__buf_add(out, ", no cuBLASLt");
}

void anl__cuda_libs_report(anl_ctx *ctx, anl__buf *out)
{
    static const library *const all[] = {&cudnn_library, &cublaslt_library, &nccl_library};
    (void)ctx;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        anl__buf rejected;
        found f;
        anl__buf_init(&rejected, ctx);
        if (find(all[i], &f, &rejected)) anl__buf_add(out, "%s %d.%d.%d from %s\n", all[i]->title, f.v[0], f.v[1], f.v[2], f.path);
        else anl__buf_add(out, "%s: %s is not found; set ANNEAL_CUDA_PATH to its folder\n", all[i]->title, all[i]->file);
        anl__buf_add(out, "%s", rejected.text);
        anl__buf_release(&rejected);
    }
}
