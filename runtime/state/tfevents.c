/* TensorBoard records: framing and the four messages' few fields, by hand. */
#include "tfevents.h"

#include "../base/files.h"

#include <string.h>

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 }; /* protobuf wire types */
enum { HEAD = 12, FOOT = 4 };                             /* a record's bytes around its data */

typedef struct message {
    uint8_t byte[ANL__TF_TAG + 64];
    size_t n;
} message;

static void varint(message *m, uint64_t v)
{
    for (; v >= 128; v >>= 7) m->byte[m->n++] = (uint8_t)(v | 128);
    m->byte[m->n++] = (uint8_t)v;
}

static void key(message *m, int field, int type) { varint(m, (uint64_t)(field << 3 | type)); }

static void little(uint8_t *to, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) to[i] = (uint8_t)(v >> 8 * i);
}

static void fixed(message *m, uint64_t v, int bytes)
{
    little(m->byte + m->n, v, bytes);
    m->n += (size_t)bytes;
}

static void bytes_field(message *m, int field, const void *p, size_t n)
{
    key(m, field, BYTES);
    varint(m, n);
    memcpy(m->byte + m->n, p, n);
    m->n += n;
}

static uint32_t masked(const void *p, size_t n)
{
    uint32_t c = anl__crc32c(0, p, n);
    return (c >> 15 | c << 17) + 0xa282ead8u;
}

static void record(anl__buf *b, const message *m)
{
    uint8_t head[HEAD], foot[FOOT];
    little(head, m->n, 8);
    little(head + 8, masked(head, 8), 4);
    little(foot, masked(m->byte, m->n), 4);
    anl__buf_bytes(b, head, sizeof head);
    anl__buf_bytes(b, m->byte, m->n);
    anl__buf_bytes(b, foot, sizeof foot);
}

static void wall_time(message *m, double t)
{
    uint64_t bits;
    memcpy(&bits, &t, sizeof bits);
    key(m, 1, FIXED64);
    fixed(m, bits, 8);
}

void anl__tf_begin(anl__buf *b, double t)
{
    static const char version[] = "brain.Event:2";
    message m = {.n = 0};
    wall_time(&m, t);
    bytes_field(&m, 3, version, sizeof version - 1);
    record(b, &m);
}

void anl__tf_scalar(anl__buf *b, double t, int64_t step, const char *tag, float value)
{
    message v = {.n = 0}, summary = {.n = 0}, event = {.n = 0};
    size_t n = strlen(tag);
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bytes_field(&v, 1, tag, n < ANL__TF_TAG ? n : ANL__TF_TAG);
    key(&v, 2, FIXED32);
    fixed(&v, bits, 4);
    bytes_field(&summary, 1, v.byte, v.n);
    wall_time(&event, t);
    key(&event, 2, VARINT);
    varint(&event, (uint64_t)step);
    bytes_field(&event, 5, summary.byte, summary.n);
    record(b, &event);
}

size_t anl__tf_whole(const void *data, size_t bytes)
{
    const uint8_t *p = data;
    size_t at = 0;
    while (bytes - at >= HEAD + FOOT) {
        uint64_t n = 0;
        uint8_t crc[4];
        for (int i = 0; i < 8; i++) n |= (uint64_t)p[at + (size_t)i] << 8 * i;
        little(crc, masked(p + at, 8), 4);
        if (memcmp(crc, p + at + 8, 4) || n > bytes - at - HEAD - FOOT) break;
        at += HEAD + FOOT + (size_t)n;
    }
    return at;
}
