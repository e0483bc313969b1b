"""The peer on a GPU: training steps in PyTorch, eager, as a CUDA graph, and compiled; a JSON line a figure as it goes.

Usage: torch_steps.py MODEL:BATCH:DTYPE,... [--limit SECONDS] [--device cpu] [--warm]
       torch_steps.py - [--device cpu]: a line "MODEL:BATCH:DTYPE:WAY" of stdin after the other, answered by one line each; the first line says that it is ready.
A step: take a batch of data that lies on the device, forward, loss, backward, update; no value is read back in between. Images are channels_last,
optimizers fused. fp32 means fp32, without TF32, as on our side; fp16 has a loss scale. Models: torch_images.py and torch_sequences.py, beside
this file or in tests/bench. --device cpu is to try this script (no graphs there); --warm fills the compiler's cache on disk and measures nothing.
"""
import argparse, gc, json, pathlib, statistics, sys, time

ap = argparse.ArgumentParser()
ap.add_argument("work")
ap.add_argument("--limit", type=float, default=240)
ap.add_argument("--device", default="cuda")
ap.add_argument("--warm", action="store_true")
A = ap.parse_args()
BEGAN = time.monotonic()

import torch
import torch.nn.functional as F

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "bench"))
import torch_images, torch_sequences

torch.backends.cudnn.benchmark = True
DEV = A.device
synchronize = torch.cuda.synchronize if DEV == "cuda" else lambda: None
# what torch.compile is asked for; with +graph the whole step is then captured
MODES = {"compiled": "reduce-overhead", "compiled+graph": "default", "tuned+graph": "max-autotune-no-cudagraphs"}


def workload(name, batch):
    """(model, data, labels, norm to clip at or None, loss of (model, x, y), optimizer)"""
    if name in torch_sequences.MODELS:
        m, x, y, _, clip, loss = torch_sequences.workload(name, batch)
        return m, x, y, clip, loss, lambda p: torch.optim.Adam(p, lr=1e-3, fused=DEV == "cuda")
    m, shape, classes, optim = torch_images.model(name, DEV == "cuda")
    n = 2 * batch if shape[1] > 64 else max(1280, 4 * batch)
    return m, torch.rand(n, *shape), torch.randint(classes, (n,)), None, lambda m, x, y: F.cross_entropy(m(x), y), optim


class Step:
    def __init__(s, name, batch, dtype, way):
        torch.manual_seed(0)
        m, x, y, s.clip, s.loss_of, optim = workload(name, batch)
        s.m = m.to(DEV)
        s.x, s.y = x.to(DEV), y.to(DEV)
        if s.x.ndim == 4:
            s.m = s.m.to(memory_format=torch.channels_last)
            s.x = s.x.contiguous(memory_format=torch.channels_last)
        s.opt, s.batch, s.at = optim(s.m.parameters()), batch, 0
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
        s.type = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(dtype)
        s.scaler = torch.amp.GradScaler(DEV) if dtype == "fp16" else None
        s.xs, s.ys = s.x[:batch].clone(memory_format=torch.preserve_format), s.y[:batch].clone()
        s.forward = s.loss
        if way in MODES:
            torch._dynamo.reset()
            s.forward = torch.compile(s.loss, mode=MODES[way])

    def loss(s, x, y):
        with torch.autocast(DEV, dtype=s.type or torch.bfloat16, enabled=s.type is not None):
            return s.loss_of(s.m, x, y)

    def take(s):
        k = s.at % (s.x.shape[0] // s.batch) * s.batch
        s.at += 1
        return s.x[k : k + s.batch], s.y[k : k + s.batch]

    def update(s, loss):
        if s.scaler:
            s.scaler.scale(loss).backward()
            if s.clip:
                s.scaler.unscale_(s.opt)
        else:
            loss.backward()
        if s.clip:
            torch.nn.utils.clip_grad_norm_(s.m.parameters(), s.clip)
        if not s.scaler:
            return s.opt.step()
        s.scaler.step(s.opt)
        s.scaler.update()

    def work(s, x, y):
        s.opt.zero_grad(set_to_none=True)
        s.update(s.forward(x, y))

    def eager(s):
        s.work(*s.take())

    def capture(s):
        for g in s.opt.param_groups:
            if "capturable" in g:
                g["capturable"] = True
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                s.work(s.xs, s.ys)
        torch.cuda.current_stream().wait_stream(side)
        s.graph = torch.cuda.CUDAGraph()
        s.opt.zero_grad(set_to_none=True)
        with torch.cuda.graph(s.graph):
            s.update(s.forward(s.xs, s.ys))

    def replay(s):
        x, y = s.take()
        s.xs.copy_(x)
        s.ys.copy_(y)
        s.graph.replay()


def measure(step, seconds=1.0):
    for _ in range(8):
        step()
    synchronize()
    t = time.perf_counter()
    step()
    synchronize()
    each = max(time.perf_counter() - t, 1e-5)
    n, ms, end = max(1, int(0.05 / each)), [], time.perf_counter() + seconds
    while len(ms) < 5 or time.perf_counter() < end:
        t = time.perf_counter()
        for _ in range(n):
            step()
        synchronize()
        ms.append(1e3 * (time.perf_counter() - t) / n)
    return statistics.median(ms)


def one(name, batch, dtype, way):
    s = Step(name, batch, dtype, way)
    if A.warm:
        s.work(*s.take())
        return synchronize()
    if way.endswith("graph"):
        s.capture()
        return measure(s.replay)
    return measure(s.eager)


def say(**row):
    print(json.dumps(row), flush=True)


def figure(name, batch, dtype, way):
    """A row with ms, or with why there is none; broken: the device is lost to this process."""
    row = dict(model=name, batch=int(batch), dtype=dtype, way=way, torch=torch.__version__)
    if way in MODES and name in torch_sequences.MODELS:
        return dict(row, why="torch.compile leaves recurrent layers to cuDNN: the same as without")
    try:
        row["ms"] = one(name, int(batch), dtype, way)
    except Exception as e:
        row["why"] = f"{type(e).__name__}: {str(e).strip().splitlines()[0] if str(e).strip() else ''}"
    try:  # outside the handler, whose exception holds the step's memory
        gc.collect()
        synchronize()
        if DEV == "cuda":
            torch.cuda.empty_cache()
    except RuntimeError:
        row["broken"] = True
    return row


def serve():
    if DEV == "cuda":
        torch.zeros(1, device=DEV)
    say(ready=torch.__version__)
    for line in sys.stdin:
        say(**figure(*line.strip().split(":")))


def main():
    if A.work == "-":
        return serve()
    work = [w.split(":") for w in A.work.split(",")]
    lists = [("compiled+graph", "compiled")] if A.warm else [("eager", "graph"), ("compiled+graph",), ("compiled",), ("tuned+graph",)]
    for ways in lists:  # the quick figures of every workload first; the most valuable workloads come first
        for w in work:
            for way in ways if DEV == "cuda" or A.warm else ways[:1]:
                if time.monotonic() - BEGAN > A.limit - (60 if way == "tuned+graph" else 30 if way in MODES else 5):
                    say(model=w[0], batch=int(w[1]), dtype=w[2], way=way, why="no time left")
                    continue
                row = figure(*w, way)
                say(**row)
                if row.get("broken"):
                    return


main()
