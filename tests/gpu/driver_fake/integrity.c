/* The runtime asks the driver for a keyed digest of values that both know, to see that it talks to a driver of its own table layout. It is HMAC
 * over MD2 (RFC 2104, RFC 1319), as the ZLUDA project found. */
#include "tables.h"

#include <string.h>
#include <sys/types.h>
#include <unistd.h>

typedef struct md2 { unsigned char x[48], sum[16], block[16], last; int used; } md2;

static const unsigned char pi[256] = {
    41, 46, 67, 201, 162, 216, 124, 1, 61, 54, 84, 161, 236, 240, 6, 19, 98, 167, 5, 243, 192, 199, 115, 140, 152, 147, 43, 217, 188, 76, 130, 202,
    30, 155, 87, 60, 253, 212, 224, 22, 103, 66, 111, 24, 138, 23, 229, 18, 190, 78, 196, 214, 218, 158, 222, 73, 160, 251, 245, 142, 187, 47, 238, 122,
    169, 104, 121, 145, 21, 178, 7, 63, 148, 194, 16, 137, 11, 34, 95, 33, 128, 127, 93, 154, 90, 144, 50, 39, 53, 62, 204, 231, 191, 247, 151, 3,
    255, 25, 48, 179, 72, 165, 181, 209, 215, 94, 146, 42, 172, 86, 170, 198, 79, 184, 56, 210, 150, 164, 125, 182, 118, 252, 107, 226, 156, 116, 4, 241,
    69, 157, 112, 89, 100, 113, 135, 32, 134, 91, 207, 101, 230, 45, 168, 2, 27, 96, 37, 173, 174, 176, 185, 246, 28, 70, 97, 105, 52, 64, 126, 15,
    85, 71, 163, 35, 221, 81, 175, 58, 195, 92, 249, 206, 186, 197, 234, 38, 44, 83, 13, 110, 133, 40, 132, 9, 211, 223, 205, 244, 65, 129, 77, 82,
    106, 220, 55, 200, 108, 193, 171, 250, 36, 225, 123, 8, 12, 189, 177, 74, 120, 136, 149, 139, 227, 99, 232, 109, 233, 203, 213, 254, 59, 0, 29, 57,
    242, 239, 183, 14, 102, 88, 208, 228, 166, 119, 114, 248, 235, 117, 75, 10, 49, 68, 80, 180, 143, 237, 31, 26, 219, 153, 141, 51, 159, 17, 131, 20};

static void md2_block(md2 *m)
{
    unsigned t = 0;
    for (int i = 0; i < 16; i++) {
        m->x[16 + i] = m->block[i];
        m->x[32 + i] = m->block[i] ^ m->x[i];
    }
    for (unsigned round = 0; round < 18; round++) {
        for (int i = 0; i < 48; i++) t = m->x[i] ^= pi[t];
        t = (t + round) & 255;
    }
}

static void md2_add(md2 *m, const void *data, size_t n, unsigned char with)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char b = ((const unsigned char *)data)[i] ^ with;
        m->block[m->used] = b;
        m->last = m->sum[m->used] ^= pi[b ^ m->last];
        if (++m->used == 16) {
            m->used = 0;
            md2_block(m);
        }
    }
}

static void md2_end(md2 *m, unsigned char out[16])
{
    unsigned char pad[16], sum[16];
    int n = 16 - m->used;
    memset(pad, n, sizeof pad);
    md2_add(m, pad, (size_t)n, 0);
    memcpy(sum, m->sum, 16);
    md2_add(m, sum, 16, 0);
    memcpy(out, m->x, 16);
}

void integrity_digest(uint32_t version, uint64_t seconds, const void *integrity, const void *cudart, const void *function, uint64_t out[2])
{
    static const unsigned char key[16] = {0x14, 0x6A, 0xDD, 0xAE, 0x53, 0xA9, 0xA7, 0x52, 0xAA, 0x08, 0x41, 0x36, 0x0B, 0xF5, 0x5A, 0x9F};
    struct { uint32_t driver, version, process, thread; const void *cudart, *integrity, *function; uint64_t seconds; } said =
        {CUDA_VERSION, version, (uint32_t)getpid(), (uint32_t)pthread_self(), cudart, integrity, function, seconds};
    unsigned char digest[16];
    md2 inner = {.used = 0}, outer = {.used = 0};
    if (version % 10 < 2) {
        out[0] = version % 10 ? 0x1841181C03CB675C : 0x3341181C03CB675C;
        out[1] = 0x8ED383AA1F4CD1E8;
        return;
    }
    md2_add(&inner, key, sizeof key, 0x36);
    md2_add(&inner, &said, sizeof said, 0);
    for (int i = 0; i < device_count; i++) {
        bool known;
        struct { CUuuid uuid; int domain, bus, device; } d;
        cuDeviceGetUuid(&d.uuid, i);
        d.domain = device_attribute(CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID, i, &known);
        d.bus = device_attribute(CU_DEVICE_ATTRIBUTE_PCI_BUS_ID, i, &known);
        d.device = device_attribute(CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID, i, &known);
        md2_add(&inner, &d, sizeof d, 0);
    }
    md2_end(&inner, digest);
    md2_add(&outer, key, sizeof key, 0x5c);
    md2_add(&outer, digest, sizeof digest, 0);
    md2_end(&outer, digest);
    memcpy(out, digest, 16);
}
