/* Fat binaries: a wrapper points to a header, which frames entries of code for one architecture each, some of them compressed. */
#include "image.h"

#include <dlfcn.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum { PTX = 1, ELF = 2, LZ4 = 0x2000, ZSTD = 0x8000 };
typedef struct wrapper {
    uint32_t magic, version;
    const void *data, *more;
} wrapper;
typedef struct header {
    uint32_t magic;
    uint16_t version, bytes;
    uint64_t all;
} header;
typedef struct entry {
    uint16_t kind, version;
    uint32_t bytes;   /* of this header */
    uint64_t payload; /* with padding */
    uint32_t compressed, options_at, minor_major, arch, name_at, name_bytes;
    uint64_t flags, zero, plain; /* plain: bytes when it is not compressed */
} entry;

/* LZ4's block format: a literal run, then a match, over and over. */
static bool lz4(const unsigned char *in, size_t n, char *out, size_t room)
{
    const unsigned char *end = in + n;
    size_t at = 0;
    while (in < end) {
        unsigned token = *in++;
        size_t run = token >> 4, match = token & 15;
        for (unsigned more = 255; run >= 15 && more == 255 && in < end; run += more) more = *in++;
        if (run > (size_t)(end - in) || run > room - at) return false;
        memcpy(out + at, in, run);
        at += run;
        in += run;
        if (end - in < 2) break;
        size_t back = in[0] | (size_t)in[1] << 8;
        in += 2;
        for (unsigned more = 255; match >= 15 && more == 255 && in < end; match += more) more = *in++;
        match += 4;
        if (!back || back > at || match > room - at) return false;
        for (size_t i = 0; i < match; i++, at++) out[at] = out[at - back];
    }
    return true;
}

static bool zstd(const void *in, size_t n, char *out, size_t room)
{
    static size_t (*decompress)(void *, size_t, const void *, size_t);
    if (!decompress) {
        void *so = dlopen("libzstd.so.1", RTLD_NOW), *fn = so ? dlsym(so, "ZSTD_decompress") : NULL;
        if (!fn) return false;
        memcpy(&decompress, &fn, sizeof fn);
    }
    return decompress(out, room, in, n) == room;
}

static bool add(image **list, int *n, const char *bytes, size_t size, bool ptx)
{
    image *more = realloc(*list, ((size_t)*n + 1) * sizeof *more);
    char *copy = more ? malloc(size + 1) : NULL;
    if (more) *list = more;
    if (!copy) return false;
    memcpy(copy, bytes, size);
    copy[size] = 0;
    more[(*n)++] = (image){copy, size, ptx};
    return true;
}

/* Entries of one fat binary that are `kind` and fit the device. */
static void entries(const char *at, const char *end, unsigned kind, image **list, int *n)
{
    while (at + sizeof(entry) <= end) {
        const entry *e = (const entry *)at;
        const char *payload = at + e->bytes;
        uint32_t arch = (uint32_t)device_arch();
        bool fits = kind == ELF ? e->arch / 10 == arch / 10 && e->arch <= arch : e->arch <= arch;
        at = payload + e->payload;
        if (e->kind != kind || !fits) continue;
        if (!(e->flags & (LZ4 | ZSTD))) {
            add(list, n, payload, e->payload, kind == PTX);
            continue;
        }
        char *plain = malloc(e->plain + 1);
        bool good = plain && (e->flags & LZ4 ? lz4((const unsigned char *)payload, e->compressed, plain, e->plain)
                                             : zstd(payload, e->compressed, plain, e->plain));
        if (good)
            add(list, n, plain, e->plain, kind == PTX);
        else
            fault(0, "code of %u bytes cannot be decompressed (flags %#llx)", e->compressed, (unsigned long long)e->flags);
        free(plain);
    }
}

static size_t elf_size(const Elf64_Ehdr *h)
{
    size_t end = h->e_shoff + (size_t)h->e_shnum * sizeof(Elf64_Shdr), segments = h->e_phoff + (size_t)h->e_phnum * sizeof(Elf64_Phdr);
    return end > segments ? end : segments;
}

int images_of(const void *data, image **out, CUresult *why)
{
    const header *h = data;
    int n = 0;
    *out = NULL;
    *why = CUDA_ERROR_INVALID_IMAGE;
    if (h->magic == 0x466243B1) h = ((const wrapper *)data)->data;
    if (h->magic == 0xBA55ED50) {
        const char *first = (const char *)h + h->bytes;
        entries(first, first + h->all, ELF, out, &n);
        if (!n) entries(first, first + h->all, PTX, out, &n);
        *why = n ? CUDA_SUCCESS : CUDA_ERROR_NO_BINARY_FOR_GPU;
    } else if (!memcmp(h, "\177ELF", 4)) {
        const Elf64_Ehdr *e = (const void *)h;
        if (add(out, &n, (const char *)h, elf_size(e), false)) *why = CUDA_SUCCESS;
    } else if (strstr((const char *)h, ".version")) {
        if (add(out, &n, (const char *)h, strlen((const char *)h), true)) *why = CUDA_SUCCESS;
    }
    return n;
}
