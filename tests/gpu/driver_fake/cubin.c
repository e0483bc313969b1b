/* What a cubin (an ELF file) says of its kernels: registers, shared memory, threads, arguments. */
#include "image.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

/* Attributes of .nv.info sections: a format, a code, then a value in 16 bits or so many bytes. */
enum {
    SIZED = 4,
    MAX_THREADS = 0x05,
    PARAM_CBANK = 0x0a,
    FRAME_SIZE = 0x11,
    REQUIRED = 0x10,
    KPARAM = 0x17,
    CBANK_SIZE = 0x19,
    REGCOUNT = 0x2f,
    KPARAM_V2 = 0x45
};
enum { RESERVED = 1024 }; /* bytes of a kernel's shared memory that the system has */

typedef struct cubin {
    const char *base;
    size_t size;
    const Elf64_Shdr *sections;
    int count;
    const char *names;
} cubin;

static const Elf64_Shdr *section(const cubin *c, const char *prefix, const char *name)
{
    size_t n = strlen(prefix);
    for (int i = 0; i < c->count; i++) {
        const char *s = c->names + c->sections[i].sh_name;
        if (!strncmp(s, prefix, n) && !strcmp(s + n, name)) return &c->sections[i];
    }
    return NULL;
}

static uint32_t word(const char *p)
{
    uint32_t v;
    return memcpy(&v, p, 4), v;
}
static uint16_t half(const char *p)
{
    uint16_t v;
    return memcpy(&v, p, 2), v;
}

/* Calls `each` for every attribute of a section. */
static void attributes(const cubin *c, const Elf64_Shdr *s, void (*each)(void *to, int code, const char *value, int bytes), void *to)
{
    const char *p = s ? c->base + s->sh_offset : NULL, *end = s ? p + s->sh_size : NULL;
    while (p && p + 4 <= end) {
        int format = (unsigned char)p[0], code = (unsigned char)p[1], bytes = format == SIZED ? half(p + 2) : 2;
        const char *value = format == SIZED ? p + 4 : p + 2;
        if (value + bytes > end) return;
        each(to, code, value, bytes);
        p = format == SIZED ? value + bytes : p + 4;
    }
}

static void of_kernel(void *to, int code, const char *v, int bytes)
{
    kernel_info *k = to;
    if (code == MAX_THREADS && bytes >= 12) k->max_threads = (int)(word(v) * word(v + 4) * word(v + 8));
    if (code == REQUIRED && bytes >= 12)
        for (int i = 0; i < 3; i++) k->required[i] = (int)word(v + 4 * i);
    if (code == CBANK_SIZE) k->param_bytes = half(v);
    if ((code == KPARAM || code == KPARAM_V2) && bytes >= 12) {
        int ordinal = half(v + 4);
        if (ordinal >= k->params) return;
        k->param[ordinal].offset = half(v + 6);
        k->param[ordinal].bytes = code == KPARAM ? (int)(word(v + 8) >> 18) : (int)(word(v + 8) >> 16);
    }
}

static void count_params(void *to, int code, const char *v, int bytes)
{
    int *n = to;
    if ((code == KPARAM || code == KPARAM_V2) && bytes >= 12 && half(v + 4) + 1 > *n) *n = half(v + 4) + 1;
}

typedef struct registers {
    uint32_t symbol, count, frame;
} registers;
static void count_registers(void *to, int code, const char *v, int bytes)
{
    registers *r = to;
    if (code == REGCOUNT && bytes >= 8 && word(v) == r->symbol) r->count = word(v + 4);
    if (code == FRAME_SIZE && bytes >= 8 && word(v) == r->symbol) r->frame = word(v + 4);
}

static kernel_info *read_kernel(const cubin *c, const Elf64_Shdr *text, const char *name)
{
    const Elf64_Shdr *info = section(c, ".nv.info.", name), *shared = section(c, ".nv.shared.", name), *all = section(c, ".nv.info", "");
    registers r = {.symbol = text->sh_info & 0xffffff};
    int params = 0;
    attributes(c, info, count_params, &params);
    kernel_info *k = calloc(1, sizeof *k + (size_t)params * sizeof *k->param);
    if (!k) return NULL;
    k->name = strdup(name);
    k->known = true;
    k->params = params;
    k->max_threads = 1024;
    attributes(c, info, of_kernel, k);
    attributes(c, all, count_registers, &r);
    k->registers = (int)(r.count ? r.count : text->sh_info >> 24);
    k->local = (int)r.frame;
    k->shared = shared && shared->sh_size > RESERVED ? shared->sh_size - RESERVED : 0;
    for (int i = 0; i < params; i++)
        if (k->param[i].offset + k->param[i].bytes > k->param_bytes) k->param_bytes = k->param[i].offset + k->param[i].bytes;
    int by_registers = k->registers ? REGISTERS / ((k->registers + 7) / 8 * 8) / 128 * 128 : 1024; /* whole warps on each of four schedulers */
    if (by_registers < k->max_threads) k->max_threads = by_registers;
    return k;
}

void cubin_read(const image *im, void (*kernel)(void *to, kernel_info *k), void (*global)(void *to, variable v), void *to)
{
    const Elf64_Ehdr *h = (const void *)im->bytes;
    cubin c = {.base = im->bytes, .size = im->size, .sections = (const void *)(im->bytes + h->e_shoff), .count = h->e_shnum};
    c.names = c.base + c.sections[h->e_shstrndx].sh_offset;
    for (int i = 0; i < c.count; i++) {
        const char *name = c.names + c.sections[i].sh_name;
        if (strncmp(name, ".text.", 6)) continue;
        kernel_info *k = read_kernel(&c, &c.sections[i], name + 6);
        if (k) kernel(to, k);
    }
    const Elf64_Shdr *symbols = section(&c, ".symtab", "");
    if (!symbols) return;
    const char *strings = c.base + c.sections[symbols->sh_link].sh_offset;
    const Elf64_Sym *s = (const void *)(c.base + symbols->sh_offset);
    for (size_t i = 0; i < symbols->sh_size / sizeof *s; i++) {
        if (ELF64_ST_TYPE(s[i].st_info) != STT_OBJECT || s[i].st_shndx >= c.count) continue;
        const Elf64_Shdr *in = &c.sections[s[i].st_shndx];
        global(to,
               (variable){(char *)strings + s[i].st_name, s[i].st_size, in->sh_type == SHT_NOBITS ? NULL : c.base + in->sh_offset + s[i].st_value});
    }
}
