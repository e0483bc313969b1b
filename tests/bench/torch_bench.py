"""The peer: one training workload in PyTorch, one process; prints one JSON line of tests/bench's form.

Usage: torch_bench.py MODEL [--dtype fp32|bf16] [--threads N] [--seconds S] [--fused]
MODEL: mlp lenet5 cnn2 resnet20 (images, batch 128), charlm forecaster seq2seq seq2seq-bahdanau (sequences: torch_sequences.py).
A step is: select a batch of the resident data, forward, loss, backward, update, zero_grad. Images are channels_last
(the faster layout here). tests/bench/run sets the environment that PyTorch needs to be at its best.
"""
import argparse, gzip, json, os, resource, statistics, sys, time


def age():
    """Seconds since this process was started (10 ms resolution)."""
    with open("/proc/self/stat") as f:
        ticks = int(f.read().rsplit(")", 1)[1].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


ap = argparse.ArgumentParser()
ap.add_argument("model")
ap.add_argument("--dtype", default="fp32")
ap.add_argument("--threads", type=int, default=2)
ap.add_argument("--seconds", type=float, default=3.0)
ap.add_argument("--fused", action="store_true", help="fused optimizer (torch 2.4 or later)")
A = ap.parse_args()

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch_sequences

torch.set_num_threads(A.threads)
torch.manual_seed(0)
BATCH = 128
ROOT = os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist")


def fashion():
    with gzip.open(f"{ROOT}/train-images-idx3-ubyte.gz") as f:
        x = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(f"{ROOT}/train-labels-idx1-ubyte.gz") as f:
        y = np.frombuffer(f.read(), np.uint8, offset=8)
    return torch.from_numpy(x.astype(np.float32) / 255.0), torch.from_numpy(y.astype(np.int64))


class Block(nn.Module):
    """A basic block of ResNet for CIFAR, option A shortcut: stride-2 subsample, channels padded with zeros."""

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


fused = {"fused": True} if A.fused else {}
sgd = lambda m, wd=0.0: torch.optim.SGD(m.parameters(), lr=0.01, momentum=0.9, weight_decay=wd, **fused)
adam = lambda m: torch.optim.Adam(m.parameters(), lr=1e-3, **fused)
clip, loss_of = None, lambda m, x, y: F.cross_entropy(m(x), y)
if A.model in torch_sequences.MODELS:
    m, X, Y, BATCH, clip, loss_of = torch_sequences.workload(A.model)
    opt = adam(m)
elif A.model == "resnet20":
    m, X, Y = ResNet20(), torch.randn(1280, 3, 32, 32), torch.randint(10, (1280,))
    opt = sgd(m, 1e-4)
else:
    X, Y = fashion()
    if A.model == "mlp":
        m = nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
        opt = sgd(m)
    elif A.model == "lenet5":
        m = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
        opt = adam(m)
    elif A.model == "cnn2":
        m = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten(),
                          nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))
        opt = adam(m)
    else:
        sys.exit("torch_bench.py: unknown model")
if X.ndim == 4:
    m = m.to(memory_format=torch.channels_last)
    X = X.contiguous(memory_format=torch.channels_last)
batches, at = X.shape[0] // BATCH, 0


def step():
    global at
    k = at % batches * BATCH
    at += 1
    opt.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=A.dtype == "bf16"):
        loss = loss_of(m, X[k : k + BATCH], Y[k : k + BATCH])
    loss.backward()
    if clip:
        nn.utils.clip_grad_norm_(m.parameters(), clip)
    opt.step()
    return loss


float(step().detach())
start = age()
for _ in range(5):
    step()
ms, end = [], time.perf_counter() + A.seconds
while len(ms) < 10 or time.perf_counter() < end:
    t = time.perf_counter()
    step()
    ms.append(1e3 * (time.perf_counter() - t))
print(json.dumps(dict(model=A.model, dtype=A.dtype, threads=A.threads, batch=BATCH, ms_median=round(statistics.median(ms), 4),
    ms_min=round(min(ms), 4), ms_max=round(max(ms), 4), start_s=round(start, 3),
    rss_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, torch=torch.__version__)), flush=True)
