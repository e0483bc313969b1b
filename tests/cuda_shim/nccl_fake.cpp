/* Test only: NCCL's sends and receives among devices that threads of the host play. What is sent lies in a letter until its receiver has copied
 * it; a stream that sends goes on then, one that receives when it has all. A stream that waits for a device that is lost is stuck, as a kernel
 * would be, until the communicator is aborted. It refuses what NCCL refuses, and is loud about what would hang there.
 *
 * ANL_SHIM_NCCL: "none": it is not found; "refuse": devices are not connected; "hang": what is exchanged never comes; "damage": other bytes come. */
#include "fake.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

extern "C" {
#include "kernels/device_cuda/plugin/libs.h"
#include "kernels/device_cuda/plugin/nccl_table.h"
}

namespace {

struct letter {
    const void *from;
    size_t bytes;
    bool taken;
};

struct comm;
struct group {
    std::mutex guard;
    std::condition_variable moved;
    std::vector<int> device; /* by rank */
    std::set<cudaStream_t> stuck;
    bool aborted = false;
    std::vector<comm *> members;
    int left = 0; /* of them, not yet destroyed or aborted */
    std::map<std::pair<int, int>, std::deque<letter *>> box; /* by sender and receiver */
};

struct comm {
    std::shared_ptr<group> all;
    int rank, device;
    bool gone = false;
    std::shared_ptr<int> captures = std::make_shared<int>(0); /* held by every graph that has one of its exchanges */
};

struct transfer {
    bool give;
    void *at;
    size_t bytes;
    int peer;
};

struct call {
    comm *c = nullptr;
    cudaStream_t stream = nullptr;
    std::vector<transfer> list;
};

thread_local int depth;
thread_local std::vector<call> open_calls; /* of one communicator, or of several by one thread */

[[noreturn]] void broken(const char *what)
{
    fprintf(stderr, "nccl stand-in: %s\n", what);
    abort();
}

/* False: it will not be: aborted, or the peer is lost. */
template <class F> bool wait_for(group &g, std::unique_lock<std::mutex> &hold, int peer, cudaStream_t stream, F ready)
{
    for (int tenths = 0; !g.aborted && !ready(); tenths++) {
        if (anl_shim_lost(g.device[peer]) || !g.stuck.empty()) { /* the peer may be stuck too */
            g.stuck.insert(stream);
            anl_shim_stick(stream, true);
            return false;
        }
        if (tenths == 1200) broken("members wait for each other: one has not called, or with another list");
        g.moved.wait_for(hold, std::chrono::milliseconds(100));
    }
    return !g.aborted;
}

void perform(std::shared_ptr<group> all, int rank, cudaStream_t stream, const std::vector<transfer> &list)
{
    group &g = *all;
    const char *how = getenv("ANL_SHIM_NCCL");
    std::unique_lock<std::mutex> hold(g.guard);
    if (how && !strcmp(how, "hang")) {
        g.stuck.insert(stream);
        anl_shim_stick(stream, true);
        return;
    }
    std::deque<letter> sent;
    std::deque<int> to;
    bool whole = true;
    for (const transfer &t : list)
        if (t.give) {
            sent.push_back({t.at, t.bytes, false});
            to.push_back(t.peer);
            g.box[{rank, t.peer}].push_back(&sent.back());
        }
    g.moved.notify_all();
    for (const transfer &t : list) {
        if (t.give) continue;
        auto &box = g.box[{t.peer, rank}];
        if (!(whole = wait_for(g, hold, t.peer, stream, [&] { return !box.empty(); }))) break;
        letter *l = box.front();
        box.pop_front();
        if (l->bytes != t.bytes) broken("a receive of another size than its send");
        memcpy(t.at, l->from, t.bytes);
        if (how && !strcmp(how, "damage")) ((unsigned char *)t.at)[0] ^= 1;
        l->taken = true;
        g.moved.notify_all();
    }
    for (size_t i = 0; i < sent.size() && whole; i++) whole = wait_for(g, hold, to[i], stream, [&] { return sent[i].taken; });
    for (letter &l : sent) /* nobody shall read what is not there any more */
        for (auto &b : g.box)
            for (auto p = b.second.begin(); p != b.second.end();) p = *p == &l ? b.second.erase(p) : p + 1;
}

int init_all(void **out, int n, const int *device)
{
    const char *wanted = getenv("ANL_SHIM_NCCL");
    std::set<int> different(device, device + n);
    if (wanted && std::string(wanted) == "refuse") return 2;
    if ((int)different.size() != n) return 5; /* "Duplicate GPU detected" */
    auto all = std::make_shared<group>();
    all->device.assign(device, device + n);
    for (int i = 0; i < n; i++) {
        all->members.push_back(new comm{all, i, device[i]});
        out[i] = all->members.back();
    }
    all->left = n;
    return 0;
}

/* The last one frees all communicators, and waits until no graph has an exchange of theirs, as NCCL 2.28 does. */
int end(comm *mine)
{
    std::shared_ptr<group> all = mine->all;
    mine->gone = true;
    {
        std::lock_guard<std::mutex> hold(all->guard);
        if (--all->left) return 0;
    }
    for (comm *c : all->members) {
        for (int tenths = 0; c->captures.use_count() > 1; tenths++) {
            if (tenths == 600) broken("the end of a communicator waits for a graph that is not destroyed");
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
        delete c;
    }
    all->members.clear();
    return 0;
}

int destroy(void *c) { return end((comm *)c); }

int give_up(void *c)
{
    comm *mine = (comm *)c;
    {
        std::lock_guard<std::mutex> hold(mine->all->guard);
        mine->all->aborted = true;
        for (cudaStream_t s : mine->all->stuck) anl_shim_stick(s, false);
        mine->all->stuck.clear();
        mine->all->moved.notify_all();
    }
    return end(mine);
}

int async_error(void *, int *status) { return *status = 0, 0; }
int group_start() { return depth++, 0; }

int group_end()
{
    if (depth < 1) return 5;
    if (--depth) return 0;
    std::vector<call> now = std::move(open_calls);
    std::vector<std::thread> others;
    std::atomic<int> failed{0};
    open_calls.clear();
    auto one = [&failed](const call &k) {
        std::shared_ptr<group> all = k.c->all;
        std::shared_ptr<int> captured = k.c->captures;
        int rank = k.c->rank;
        if (anl_shim_enqueue_waiting(k.stream, [=] { (void)captured, perform(all, rank, k.stream, k.list); })) failed = 1;
    };
    for (size_t i = 1; i < now.size(); i++) others.emplace_back(one, now[i]);
    if (!now.empty()) one(now[0]);
    for (std::thread &t : others) t.join();
    return failed;
}

int add(bool give, void *at, size_t count, int type, int peer, void *c, void *stream)
{
    comm *mine = (comm *)c;
    if (mine->gone) broken("a communicator that was destroyed or aborted");
    if (depth < 1) broken("a transfer outside a group waits for its peer alone");
    if (type != NCCL_BYTES || peer < 0 || peer >= (int)mine->all->device.size()) return 4;
    if (anl_shim_device_of((cudaStream_t)stream) != mine->device) broken("a communicator on a stream of another device");
    size_t i = 0;
    while (i < open_calls.size() && open_calls[i].c != mine) i++;
    if (i == open_calls.size()) open_calls.push_back({mine, (cudaStream_t)stream, {}});
    if (open_calls[i].stream != (cudaStream_t)stream) broken("two streams of one communicator in a group");
    open_calls[i].list.push_back({give, at, count, peer});
    return 0;
}

int send(const void *from, size_t count, int type, int peer, void *c, void *stream) { return add(true, (void *)(uintptr_t)from, count, type, peer, c, stream); }
int receive(void *to, size_t count, int type, int peer, void *c, void *stream) { return add(false, to, count, type, peer, c, stream); }
const char *text(int status) { return status ? "imitated failure" : "no error"; }

}

extern "C" anl_status anl__cuda_nccl_open(anl_ctx *ctx, anl__nccl *out)
{
    const char *wanted = getenv("ANL_SHIM_NCCL");
    if (wanted && !strcmp(wanted, "none")) return anl__fail(ctx, ANL_DEVICE, "several devices need NCCL, and libnccl.so.2 is not found");
    *out = anl__nccl{init_all, destroy, give_up, async_error, group_start, group_end, send, receive, text};
    return ANL_OK;
}
