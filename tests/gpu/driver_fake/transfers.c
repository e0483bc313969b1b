/* NCCL's kernel for sends and receives: what one device sends goes to the other's memory as soon as both have launched. Its arguments are laid out
 * as NCCL 2.28's src/include/device.h has them. */
#include "effects.h"

#include <string.h>

enum { IN_ARGUMENTS = 0, P2P = 0, MOST_WORKS = 256, MOST_WAITING = 4096 };
typedef struct arguments {
    uint64_t comm, channels;
    uint8_t storage;
    uint32_t mask;
    uint64_t works;
    uint64_t end;
} arguments;
typedef struct batch {
    uint32_t jump : 14, extends : 1, type : 2, function : 15, base;
    uint64_t offsets;
} batch;
typedef struct work {
    uint64_t from, to, send_bytes, receive_bytes;
    int32_t to_rank, from_rank;
    uint8_t parts, first, senders, receivers, more[4];
} work;
_Static_assert(sizeof(work) == 48 && sizeof(batch) == 16, "as in device.h");

typedef struct waiting {
    int from, to;
    uint64_t at, bytes;
    bool sends;
} waiting;
static waiting list[MOST_WAITING];
static int waiting_count;

/* The first of the other kind between the same two; else it waits. */
static void offer(waiting w)
{
    for (int i = 0; i < waiting_count; i++) {
        waiting *o = &list[i];
        if (o->from != w.from || o->to != w.to || o->sends == w.sends) continue;
        if (o->bytes != w.bytes)
            fault(0, "%d sends %d %llu bytes, which takes %llu", w.from, w.to, (unsigned long long)(w.sends ? w.bytes : o->bytes),
                  (unsigned long long)(w.sends ? o->bytes : w.bytes));
        else
            (void)copy_do(&(copy_work){.to = w.sends ? o->at : w.at, .from = w.sends ? w.at : o->at, .width = w.bytes, .rows = 1});
        memmove(o, o + 1, (size_t)(waiting_count - i - 1) * sizeof *o);
        waiting_count--;
        return;
    }
    if (waiting_count == MOST_WAITING)
        fault(0, "%d transfers wait for the other side", MOST_WAITING);
    else
        list[waiting_count++] = w;
}

int transfers_waiting(void) { return waiting_count; }

static const char *works_at(const launch *l, const arguments *a, uint32_t offset)
{
    if (a->storage == IN_ARGUMENTS) return offset + sizeof(work) <= l->param_bytes ? l->params + offset : NULL;
    return bytes_at(a->works + (offset & a->mask), sizeof(work), "NCCL's work");
}

void transfers_play(const launch *l)
{
    arguments a;
    uint32_t seen[MOST_WORKS];
    int n = 0;
    memcpy(&a, l->params, sizeof a);
    const int32_t *comm = (const int32_t *)bytes_at(a.comm, 8, "NCCL's communicator");
    for (unsigned channel = 0; comm && channel < l->grid[0]; channel++)
        for (size_t at = channel;;) {
            batch b;
            if (32 + (at + 1) * sizeof b > l->param_bytes) break;
            memcpy(&b, l->params + 32 + at * sizeof b, sizeof b);
            for (unsigned i = 0; b.type == P2P && i < 64; i++) {
                uint32_t offset = b.base + i * (uint32_t)sizeof(work);
                int k = 0;
                if (!(b.offsets >> i & 1)) continue;
                while (k < n && seen[k] != offset) k++; /* several channels share one */
                const char *p = k == n && n < MOST_WORKS ? works_at(l, &a, offset) : NULL;
                if (!p) continue;
                seen[n++] = offset;
                work w;
                memcpy(&w, p, sizeof w);
                if (w.senders && w.send_bytes) offer((waiting){comm[0], w.to_rank, w.from, w.send_bytes, true});
                if (w.receivers && w.receive_bytes) offer((waiting){w.from_rank, comm[0], w.to, w.receive_bytes, false});
            }
            if (!b.jump) break;
            at += b.jump;
        }
}
