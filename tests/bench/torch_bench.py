"""The peer: one training workload in PyTorch, one process; prints one JSON line of tests/bench's form.

Usage: torch_bench.py MODEL [--dtype fp32|bf16] [--threads N] [--seconds S] [--fused]
MODEL: mlp lenet5 cnn2 resnet20 resnet18-small (images, batch 128), resnet18 resnet50 (pictures of 224, batch 32), charlm lstm-lm forecaster seq2seq seq2seq-bahdanau (sequences: torch_sequences.py).
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
import torch_images, torch_sequences

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


fused = {"fused": True} if A.fused else {}
clip, loss_of = None, lambda m, x, y: F.cross_entropy(m(x), y)
if A.model in torch_sequences.MODELS:
    m, X, Y, BATCH, clip, loss_of = torch_sequences.workload(A.model)
    opt = torch.optim.Adam(m.parameters(), lr=1e-3, **fused)
elif A.model in torch_images.MODELS:
    m, shape, classes, optim = torch_images.model(A.model, A.fused)
    BATCH = 32 if shape[1] == 224 else 128
    X, Y = fashion() if shape[1] == 28 else (torch.randn(256 if shape[1] == 224 else 1280, *shape), None)
    Y = torch.randint(classes, (len(X),)) if Y is None else Y
    opt = optim(m.parameters())
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
