#!/usr/bin/env python3
"""Writes tests/golden/data/weights/: state dicts of small PyTorch networks as safetensors files, the pictures that they look at,
and what they say (Debian: python3-torch). Run by hand when a network is added; the files are committed, the tests need no Python.

resnet     torchvision's ResNet in miniature, with its names and its two kinds of shortcut
layouts    a CNN whose dense layers follow on a flattened image, with a batch normalisation of the flattened features, groups,
           a transposed convolution and filters that are not square
rows       the rows of a picture as a sequence: an LSTM
Also the seeds of tests/fuzz/safetensors_fuzz.c.

NAME.safetensors  the state dict; images.npy (8, 8, 8, 3) uint8; labels.npy; NAME.txt: a line of probabilities a picture
"""
import json
import pathlib
import struct

import numpy as np
import torch
import torch.nn as nn

from draw import Words

OUT = pathlib.Path(__file__).resolve().parent / "data" / "weights"
CLASSES = 3
MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.2, 0.3)


class Draw(Words):
    """Multiples of 1/64 in [-1/2, 1/2]."""

    def tensor(self, shape):
        n = int(np.prod(shape))
        return torch.tensor([((self.word() >> 8) % 65 - 32) / 64 for _ in range(n)], dtype=torch.float32).reshape(shape)


class Block(nn.Module):
    def __init__(self, before, filters, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.downsample = None
        if stride != 1 or before != filters:
            self.downsample = nn.Sequential(nn.Conv2d(before, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class Resnet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.layer1 = nn.Sequential(Block(4, 4, 1))
        self.layer2 = nn.Sequential(Block(4, 6, 2))
        self.fc = nn.Linear(6, CLASSES)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer2(self.layer1(x)).mean((2, 3)))


class Layouts(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, (3, 2), groups=3)  # 6 x 7
        self.up = nn.ConvTranspose2d(6, 4, 3, stride=2, groups=2)  # of 2 x 3: 5 x 7
        self.bn = nn.BatchNorm1d(4 * 5 * 7)
        self.fc1 = nn.Linear(4 * 5 * 7, 5)
        self.fc2 = nn.Linear(5, CLASSES)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv(x)), (3, 2))
        x = torch.flatten(torch.relu(self.up(x)), 1)
        return self.fc2(torch.tanh(self.fc1(self.bn(x))))


class Rows(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 3, padding=1)  # one channel: rows of pixels
        self.lstm = nn.LSTM(8, 5, batch_first=True)
        self.fc = nn.Linear(5, CLASSES)

    def forward(self, x):
        y, _ = self.lstm(torch.relu(self.conv(x))[:, 0])
        return self.fc(y[:, -1])


def save(state, path, meta=None):
    """As safetensors.torch.save_file does."""
    header, at, parts = {}, 0, []
    if meta:
        header["__metadata__"] = meta
    for name, t in state.items():
        a = t.detach().contiguous().numpy()
        kind = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64"}[str(a.dtype)]
        header[name] = {"dtype": kind, "shape": list(a.shape), "data_offsets": [at, at + a.nbytes]}
        at += a.nbytes
        parts.append(a.tobytes())
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))


def seeds():
    """Small files, whole and with one mistake each, for the fuzzer to begin with."""
    to = OUT.parents[2] / "fuzz" / "seeds" / "safetensors"
    to.mkdir(parents=True, exist_ok=True)
    t = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    save({"a.weight": t, "a.bias": t[0].half(), "n": torch.tensor(3), "d": t.double()}, to / "whole", {"format": "pt", "step": "12"})
    save({}, to / "empty")
    good = (to / "whole").read_bytes()
    (to / "short").write_bytes(good[:-5])
    (to / "long").write_bytes(good + b"12345")
    (to / "header").write_bytes(struct.pack("<Q", 2**62) + good[8:])
    for name, old, new in (("overlap", b"[24,30]", b"[20,26]"), ("twice", b'"a.bias"', b'"a.weight"'), ("shape", b"[2,3]", b"[3,3]"),
                           ("bf16", b'"F16"', b'"BF16"'), ("huge", b"[2,3]", b"[9007199254740992,9007199254740992]"), ("dtype", b'"F64"', b'"F65"')):
        size = struct.unpack("<Q", good[:8])[0]
        assert old in good[:8 + size], name
        text = good[8:8 + size].replace(old, new).rstrip()
        (to / name).write_bytes(struct.pack("<Q", len(text)) + text + good[8 + size:])


def fill(net, draw):
    state = net.state_dict()
    for name, t in state.items():
        if name.endswith("num_batches_tracked"):
            t.fill_(7)
        elif name.endswith("running_var"):
            t.copy_(draw.tensor(t.shape) + 1)
        elif ".bn" in name or name.startswith("bn") or "downsample.1" in name:
            t.copy_(draw.tensor(t.shape) + (1 if name.endswith("weight") else 0))
        else:
            t.copy_(draw.tensor(t.shape) * (1 if t[0].numel() < 12 else 0.5 if t[0].numel() < 100 else 0.125))


def main():
    seeds()
    OUT.mkdir(parents=True, exist_ok=True)
    draw = Draw(5)
    images = np.array([[[[(draw.word() >> 8) % 256 for _ in range(3)] for _ in range(8)] for _ in range(8)] for _ in range(8)])
    np.save(OUT / "images.npy", images.astype(np.uint8))
    np.save(OUT / "labels.npy", (np.arange(8) % CLASSES).astype(np.int64))
    x = (torch.from_numpy(images).permute(0, 3, 1, 2).double() / 255 - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)
    for name, net, meta in (("resnet", Resnet(), {"format": "pt"}), ("layouts", Layouts(), None), ("rows", Rows(), {"format": "pt"})):
        fill(net, draw)
        state = dict(net.state_dict())
        if name == "rows":
            state = {f"module.{k}": v for k, v in state.items()}  # as of a net in nn.DataParallel
        save(state, OUT / f"{name}.safetensors", meta)
        with torch.no_grad():
            p = torch.softmax(net.double().eval()(x.double()), 1)
        (OUT / f"{name}.txt").write_text("".join(" ".join(f"{v:.9f}" for v in row) + "\n" for row in p.tolist()))


if __name__ == "__main__":
    main()
