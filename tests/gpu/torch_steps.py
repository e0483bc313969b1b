"""The peer on a GPU: training steps in PyTorch, eager, as a CUDA graph, and compiled; a JSON line a figure as it goes.

Usage: torch_steps.py MODEL:BATCH:DTYPE,... [--limit SECONDS] [--device cpu]     (cpu: to try this script; no graphs there)
A step: take a batch of data that lies on the device, forward, loss, backward, update; no value is read back in between. Images are channels_last,
optimizers fused. fp32 means fp32: TF32 is off, as it is on our side; tf32 turns it on; fp16 trains under GradScaler.
"""
import argparse, json, statistics, sys, time

ap = argparse.ArgumentParser()
ap.add_argument("work")
ap.add_argument("--limit", type=float, default=240)
ap.add_argument("--device", default="cuda")
A = ap.parse_args()
BEGAN = time.monotonic()

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.backends.cudnn.benchmark = True
DEV = A.device
synchronize = torch.cuda.synchronize if DEV == "cuda" else lambda: None


class Block(nn.Module):
    """A basic block of ResNet for CIFAR, option A shortcut."""

    def __init__(s, i, o, st):
        super().__init__()
        s.c1, s.b1 = nn.Conv2d(i, o, 3, st, 1, bias=False), nn.BatchNorm2d(o)
        s.c2, s.b2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        s.pad = o - i

    def forward(s, x):
        y = s.b2(s.c2(F.relu(s.b1(s.c1(x)))))
        if s.pad:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, s.pad // 2, s.pad - s.pad // 2))
        return F.relu(y + x)


class ResNet20(nn.Module):
    def __init__(s):
        super().__init__()
        s.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        widths = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
        s.blocks = nn.Sequential(*[Block(i, o, 1 if i == o else 2) for i, o in zip(widths, widths[1:])])
        s.fc = nn.Linear(64, 10)

    def forward(s, x):
        return s.fc(s.blocks(s.stem(x)).mean((2, 3)))


class CharLM(nn.Module):
    def __init__(s):
        super().__init__()
        s.embed, s.lstm, s.out = nn.Embedding(96, 128), nn.LSTM(128, 512, 2, batch_first=True), nn.Linear(512, 96)

    def forward(s, x):
        return s.out(s.lstm(s.embed(x))[0]).flatten(0, 1)


def workload(name, batch):
    """(model, data, labels, optimizer of parameters)"""
    adam = lambda p, **k: torch.optim.Adam(p, lr=1e-3, fused=True, **k)
    sgd = lambda wd: lambda p, **k: torch.optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=wd, fused=True)
    n = max(1280, 4 * batch)
    if name == "charlm":
        return CharLM(), torch.randint(96, (n // 4, 128)), torch.randint(96, (n // 4, 128)), adam
    gray, y = torch.rand(n, 1, 28, 28), torch.randint(10, (n,))
    if name == "mlp":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10)), gray, y, sgd(0)
    if name == "lenet5":
        return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
                             nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)), gray, y, adam
    if name == "cnn2":
        return nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten(),
                             nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10)), gray, y, adam
    if name == "resnet20":
        return ResNet20(), torch.rand(n, 3, 32, 32), y, sgd(1e-4)
    raise ValueError("unknown model")


class Step:
    def __init__(s, name, batch, dtype, compiled):
        torch.manual_seed(0)
        torch._dynamo.reset()
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
        m, x, y, optim = workload(name, batch)
        s.m = m.to(DEV)
        s.x, s.y = x.to(DEV), y.to(DEV)
        if s.x.ndim == 4:
            s.m = s.m.to(memory_format=torch.channels_last)
            s.x = s.x.contiguous(memory_format=torch.channels_last)
        s.opt, s.batch, s.at = optim(s.m.parameters()), batch, 0
        s.half = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(dtype)
        s.scaler = torch.amp.GradScaler(DEV) if dtype == "fp16" else None
        s.xs, s.ys = s.x[:batch].clone(memory_format=torch.preserve_format), s.y[:batch].clone()
        s.forward = torch.compile(s.loss, mode="max-autotune-no-cudagraphs" if compiled == "compiled+graph" else "reduce-overhead") if compiled else s.loss

    def loss(s, x, y):
        with torch.autocast(DEV, dtype=s.half or torch.bfloat16, enabled=s.half is not None):
            z = s.m(x)
        return F.cross_entropy(z.float(), y.flatten())

    def take(s):
        k = s.at % (s.x.shape[0] // s.batch) * s.batch
        s.at += 1
        return s.x[k : k + s.batch], s.y[k : k + s.batch]

    def work(s, x, y):
        s.opt.zero_grad(set_to_none=True)
        if not s.scaler:
            s.forward(x, y).backward()
            return s.opt.step()
        s.scaler.scale(s.forward(x, y)).backward()
        s.scaler.step(s.opt)
        s.scaler.update()

    def eager(s):
        s.work(*s.take())

    def capture(s):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                s.work(s.xs, s.ys)
        torch.cuda.current_stream().wait_stream(side)
        s.graph = torch.cuda.CUDAGraph()
        s.opt.zero_grad(set_to_none=True)
        with torch.cuda.graph(s.graph):
            s.forward(s.xs, s.ys).backward()
            s.opt.step()

    def replay(s):
        x, y = s.take()
        s.xs.copy_(x)
        s.ys.copy_(y)
        s.graph.replay()


def measure(step, seconds=1.0):
    for _ in range(10):
        step()
    synchronize()
    t = time.perf_counter()
    step()
    synchronize()
    each = max(time.perf_counter() - t, 1e-5)
    n, ms, end = max(5, int(0.1 / each)), [], time.perf_counter() + seconds
    while len(ms) < 5 or time.perf_counter() < end:
        t = time.perf_counter()
        for _ in range(n):
            step()
        synchronize()
        ms.append(1e3 * (time.perf_counter() - t) / n)
    return statistics.median(ms)


def capturable(s):
    for g in s.opt.param_groups:
        if "capturable" in g:
            g["capturable"] = True


def one(name, batch, dtype, way):
    s = Step(name, batch, dtype, way if way.startswith("compiled") else None)
    if way in ("graph", "compiled+graph"):
        capturable(s)
        s.capture()
        return measure(s.replay)
    return measure(s.eager)


def say(**row):
    print(json.dumps(row), flush=True)


work = [w.split(":") for w in A.work.split(",")]
for ways in (("eager", "graph"), ("compiled", "compiled+graph")):  # the quick figures of every workload first
    for name, batch, dtype in work:
        for way in ways if DEV == "cuda" else ways[:1]:
            row = dict(model=name, batch=int(batch), dtype=dtype, way=way, torch=torch.__version__)
            if time.monotonic() - BEGAN > A.limit - (45 if way.startswith("compiled") else 5):
                say(**row, why="no time left")
                continue
            try:
                say(**row, ms=one(name, int(batch), dtype, way))
            except Exception as e:
                say(**row, why=f"{type(e).__name__}: {str(e).strip().splitlines()[0] if str(e).strip() else ''}")
            if DEV == "cuda":
                torch.cuda.empty_cache()
