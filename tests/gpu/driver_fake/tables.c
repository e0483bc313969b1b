/* The driver's tables for NVIDIA's own libraries: nowhere documented by NVIDIA; names, places and meanings as the ZLUDA project found them.
 * A place that is not played reports itself when it is called. */
#include "tables.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_PLACES = 64 };
typedef void (*function)(void);
typedef struct table {
    unsigned char id[16];
    const char *name;
    int places;         /* of pointers, the first of them the size where `sized` */
    bool sized;
    function played[16];
    const void *made[MOST_PLACES];
} table;

/* ---- cudart --------------------------------------------------------------------------------------- */

static CUresult module_of(CUmodule *out, const void *data) { ENTER; return module_load(out, data, OWNER); }
static CUresult primary_context(CUcontext *out, CUdevice dev)
{
    ENTER;
    if (dev < 0 || dev >= device_count) return CUDA_ERROR_INVALID_DEVICE;
    *out = context_primary(dev);
    return CUDA_SUCCESS;
}
static CUresult module_of_wrapper(CUmodule *out, const void *data, void *a, void *b, unsigned c) { ENTER; (void)a, (void)b, (void)c; return module_load(out, data, OWNER); }
static void nothing(size_t a) { (void)a; }
static CUresult module_of_header(const void *data, CUmodule *out, void *a, void *b, unsigned c) { ENTER; (void)a, (void)b, (void)c; return module_load(out, data, OWNER); }
static CUresult compilers(void) { return CUDA_SUCCESS; }

/* ---- what libraries keep with a context -------------------------------------------------------------- */

static CUresult storage_put(CUcontext c, void *key, void *value, void (*gone)(CUcontext, void *, void *))
{
    ENTER;
    if (!c) c = context_current();
    if (!context_is(c)) return CUDA_ERROR_INVALID_CONTEXT;
    storage *s = malloc(sizeof *s);
    if (!s) return CUDA_ERROR_OUT_OF_MEMORY;
    *s = (storage){key, value, gone, c->storage};
    c->storage = s;
    return CUDA_SUCCESS;
}

static CUresult storage_delete(CUcontext c, void *key)
{
    ENTER;
    if (!c) c = context_current();
    if (!context_is(c)) return CUDA_ERROR_INVALID_CONTEXT;
    for (storage **p = &c->storage; *p; p = &(*p)->next)
        if ((*p)->key == key) {
            storage *s = *p;
            *p = s->next;
            free(s);
            break;
        }
    return CUDA_SUCCESS;
}

static CUresult storage_get(void **value, CUcontext c, void *key)
{
    ENTER;
    if (!c) c = context_current();
    if (!context_is(c)) return CUDA_ERROR_INVALID_CONTEXT;
    for (storage *s = c->storage; s; s = s->next)
        if (s->key == key) return *value = s->value, CUDA_SUCCESS;
    return CUDA_ERROR_INVALID_HANDLE;
}

/* ---- small ones ---------------------------------------------------------------------------------------- */

static uint32_t hooks1[1024], hooks2[14];
static void hook_buffer1(void **out, size_t *n) { *out = hooks1, *n = 1024; }
static void hook_buffer2(void **out, size_t *n) { *out = hooks2, *n = 14; }

static CUresult context_check(CUcontext c, uint32_t *flags, const void **more) { (void)c, (void)more; *flags = 0; return CUDA_SUCCESS; }
static uint32_t context_check3(void) { return 0; }
static CUresult device_something(unsigned char *out, CUdevice dev) { (void)dev; *out = 0; return CUDA_SUCCESS; }

static CUresult tools_context(CUcontext *out)
{
    ENTER;
    NEED_CONTEXT(ctx);
    *out = ctx;
    return CUDA_SUCCESS;
}

static CUresult tools_context_id(CUcontext c, uint64_t *out)
{
    ENTER;
    if (!context_is(c)) return CUDA_ERROR_INVALID_CONTEXT;
    *out = c->id;
    return CUDA_SUCCESS;
}

static CUresult not_had(void **out, void **more) { (void)out, (void)more; return CUDA_ERROR_NOT_SUPPORTED; }

static CUresult integrity(uint32_t version, uint64_t seconds, uint64_t out[2]);

#define F(place, fn) [place] = (function)(fn)
#define ID(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) {0x##a, 0x##b, 0x##c, 0x##d, 0x##e, 0x##f, 0x##g, 0x##h, 0x##i, 0x##j, 0x##k, 0x##l, 0x##m, 0x##n, 0x##o, 0x##p}
static table tables[] = {
    {ID(6B, D5, FB, 6C, 5B, F4, E7, 4A, 89, 87, D9, 39, 12, FD, 9D, F9), "cudart interface", 13, true,
     {F(1, module_of), F(2, primary_context), F(6, module_of_wrapper), F(7, nothing), F(8, module_of_header), F(12, compilers)}, {0}},
    {ID(D4, 08, 20, 55, BD, E6, 70, 4B, 8D, 34, BA, 12, 3C, 66, E1, F2), "integrity check", 3, true, {F(1, integrity)}, {0}},
    {ID(42, D8, 5A, 81, 23, F6, CB, 47, 82, 98, F6, E7, 8A, 3A, EC, DC), "tools' local storage", 4, true, {F(2, tools_context)}, {0}},
    {ID(21, 31, 8C, 60, 97, 14, 32, 48, 8C, A6, 41, FF, 73, 24, C8, F2), "tools' contexts", 16, true, {F(4, tools_context_id)}, {0}},
    {ID(17, 34, DC, 26, 80, 0D, 47, 45, 87, 26, C0, F1, E7, DD, 8B, CA), "cuBLASLt's, unknown", 16, true, {F(4, not_had)}, {0}},
    {ID(A0, 94, 79, 8C, 2E, 74, 2E, 74, 93, F2, 08, 00, 20, 0C, 0A, 66), "tools' hooks", 7, true, {F(2, hook_buffer1), F(6, hook_buffer2)}, {0}},
    {ID(C6, 93, 33, 6E, 11, 21, DF, 11, A8, C3, 68, F3, 55, D8, 95, 93), "context storage", 4, false, {F(0, storage_put), F(1, storage_delete), F(2, storage_get)}, {0}},
    {ID(B1, 05, 41, E1, F7, C7, C7, 4A, 9F, 64, F2, 23, BE, 99, F1, E2), "extended device", 26, true, {F(13, device_something)}, {0}},
    {ID(26, 3E, 88, 60, 7C, D2, 61, 43, 92, F6, BB, D5, 00, 6D, FA, 7E), "context checks", 4, true, {F(2, context_check), F(3, context_check3)}, {0}},
};
enum { TABLES = sizeof tables / sizeof *tables };

static const void *made(table *t)
{
    char name[80];
    if (t->made[1]) return t->made;
    for (int i = 0; i < t->places; i++) {
        snprintf(name, sizeof name, "table \"%s\", place %d", t->name, i);
        if (i < 16 && t->played[i]) memcpy(&t->made[i], &t->played[i], sizeof t->made[i]);
        else t->made[i] = thunk_for(strdup(name));
    }
    if (t->sized) t->made[0] = (void *)((size_t)t->places * sizeof(void *));
    return t->made;
}

static CUresult integrity(uint32_t version, uint64_t seconds, uint64_t out[2])
{
    ENTER;
    integrity_digest(version, seconds, made(&tables[1]), made(&tables[0]), tables[1].made[1], out);
    return CUDA_SUCCESS;
}

PLAYED CUresult cuGetExportTable(const void **out, const CUuuid *id)
{
    ENTER;
    char name[64] = "table ";
    for (int i = 0; i < TABLES; i++)
        if (!memcmp(tables[i].id, id->bytes, 16)) return note("%s", tables[i].name), *out = made(&tables[i]), CUDA_SUCCESS;
    for (int i = 0; i < 16; i++) snprintf(name + 6 + 2 * i, 3, "%02X", (unsigned char)id->bytes[i]);
    note("%s", name);
    unplayed(strdup(name));
    *out = NULL;
    return CUDA_ERROR_INVALID_VALUE;
}
