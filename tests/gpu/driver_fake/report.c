/* What the stand-in saw: faults as they happen, counts and what is left at the end. */
#include "effects.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread const char *calls[16];
static __thread int depth;
static FILE *out;
static int traced = -1;
static int64_t faults, refused, counts[N_COUNTED];

enum { MOST_OWNERS = 64, MOST_UNPLAYED = 256 };
static struct {
    const char *name;
    int64_t alive[K_KEPT], made[K_KEPT];
} owners[MOST_OWNERS];
static int owner_count;
static const char *unplayed_names[MOST_UNPLAYED];
static int unplayed_count;

static FILE *report(void)
{
    const char *path = getenv("ANL_DRIVER_REPORT");
    if (!out) out = path && *path ? fopen(path, "a") : stderr;
    if (!out) out = stderr;
    setvbuf(out, NULL, _IOLBF, 0);
    return out;
}

int driver_out(void)
{
    int was = depth;
    depth = 0;
    pthread_mutex_unlock(&lock);
    return was;
}

void driver_in(int was)
{
    pthread_mutex_lock(&lock);
    depth = was;
}

/* Calls of one another inside hold it already. */
held driver_enter(const char *call)
{
    if (depth++ == 0) pthread_mutex_lock(&lock);
    if (depth <= 16) calls[depth - 1] = call;
    if (traced < 0) traced = getenv("ANL_DRIVER_TRACE") != NULL;
    if (traced && depth == 1) fprintf(report(), "%lx %s\n", (unsigned long)pthread_self() >> 8 & 0xffffff, call);
    return (held){1};
}

void driver_leave(held *h)
{
    (void)h;
    if (--depth == 0) pthread_mutex_unlock(&lock);
}

static void line(const char *kind, CUresult r, const char *format, va_list args)
{
    FILE *f = report();
    fprintf(f, "%s: %s: ", kind, depth && depth <= 16 ? calls[0] : "?");
    vfprintf(f, format, args);
    if (r) fprintf(f, " (%d)", (int)r);
    fprintf(f, "\n");
}

CUresult fault(CUresult r, const char *format, ...)
{
    va_list args;
    faults++;
    va_start(args, format);
    line("FAULT", r, format, args);
    va_end(args);
    return r;
}

CUresult refuse(CUresult r, const char *format, ...)
{
    va_list args;
    refused++;
    va_start(args, format);
    line("REFUSED", r, format, args);
    va_end(args);
    return r;
}

void note(const char *format, ...)
{
    va_list args;
    if (traced <= 0) return;
    va_start(args, format);
    line("note", 0, format, args);
    va_end(args);
}

void unplayed(const char *name)
{
    for (int i = 0; i < unplayed_count; i++)
        if (!strcmp(unplayed_names[i], name)) return;
    if (unplayed_count == MOST_UNPLAYED) return;
    unplayed_names[unplayed_count++] = name;
    fprintf(report(), "UNPLAYED: %s\n", name);
}

const char *caller_module(void *address)
{
    static struct {
        uintptr_t base;
        const char *name;
    } seen[MOST_OWNERS];
    static int n;
    Dl_info info;
    if (!dladdr(address, &info) || !info.dli_fname) return "?";
    for (int i = 0; i < n; i++)
        if (seen[i].base == (uintptr_t)info.dli_fbase) return seen[i].name;
    const char *slash = strrchr(info.dli_fname, '/');
    const char *name = strdup(slash ? slash + 1 : info.dli_fname);
    if (n < MOST_OWNERS) seen[n].base = (uintptr_t)info.dli_fbase, seen[n++].name = name;
    return name;
}

void count(counted what, int64_t n) { counts[what] += n; }

void keep(kept what, const char *owner, int n)
{
    int i = 0;
    while (i < owner_count && strcmp(owners[i].name, owner)) i++;
    if (i == MOST_OWNERS) return;
    if (i == owner_count) owners[owner_count++].name = owner;
    owners[i].alive[what] += n;
    if (n > 0) owners[i].made[what] += n;
}

__attribute__((destructor)) static void at_the_end(void)
{
    static const char *const names[N_COUNTED] = {"launches", "launches_captured", "cooperative", "launches_replayed", "graph_launches", "captures",
                                                 "copies",   "legacy_stream",     "modules",           "loads_captured"};
    static const char *const kinds[K_KEPT] = {"memory", "pinned", "streams", "events", "graphs", "graph_execs"};
    FILE *f = report();
    if (!device_ready()) return;
    if (transfers_waiting()) fault(0, "%d transfers have no other side", transfers_waiting());
    fprintf(f, "SUMMARY: pid=%d faults=%lld refused=%lld unplayed=%d", (int)getpid(), (long long)faults, (long long)refused, unplayed_count);
    for (int i = 0; i < N_COUNTED; i++) fprintf(f, " %s=%lld", names[i], (long long)counts[i]);
    fprintf(f, "\n");
    for (int i = 0; i < owner_count; i++) {
        fprintf(f, "LEFT: %s:", owners[i].name);
        for (int k = 0; k < K_KEPT; k++) fprintf(f, " %s=%lld/%lld", kinds[k], (long long)owners[i].alive[k], (long long)owners[i].made[k]);
        fprintf(f, "\n");
    }
    fflush(f);
}
