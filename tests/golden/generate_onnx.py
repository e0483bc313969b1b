#!/usr/bin/env python3
"""Writes tests/golden/data/onnx.txt: the recurrent node tests of ONNX (Debian: libonnx-testdata), from their protobufs, with the gates in
our order (PyTorch's): lstm i f g o for ONNX's i o f c, gru r z n for z r h. Run by hand; the form of the file: generate.py.

Attrs: "cell=.. reset=.. layout=..": layout 1 has the batch first in x, y (N, T, directions, H) and hn (N, directions, H). A case with peepholes
has them in the name and attrs only: it must be refused.
"""
import pathlib
import struct

NODES = pathlib.Path("/usr/share/libonnx-testdata/data/node")
OUT = pathlib.Path(__file__).resolve().parent / "data" / "onnx.txt"
GATES = {"RNN": [0], "LSTM": [0, 2, 3, 1], "GRU": [1, 0, 2]}  # which of ONNX's blocks is our first, second, ..


def varint(b, i):
    value = shift = 0
    while True:
        value |= (b[i] & 127) << shift
        shift, i = shift + 7, i + 1
        if b[i - 1] < 128:
            return value, i


def fields(b):
    """(number, value) of a protobuf message."""
    i = 0
    while i < len(b):
        key, i = varint(b, i)
        if key & 7 == 0:
            value, i = varint(b, i)
        else:
            n, i = {1: (8, i), 5: (4, i)}.get(key & 7) or varint(b, i)
            value, i = b[i : i + n], i + n
        yield key >> 3, value


def all_of(message, number):
    return [v for n, v in fields(message) if n == number]


def tensor(path):
    """TensorProto: dims 1, data_type 2 (1 float, 6 int32), float_data 4, int32_data 5, raw_data 9."""
    b = path.read_bytes()
    dims, kind, raw = all_of(b, 1), all_of(b, 2)[0], all_of(b, 9)
    if dims and isinstance(dims[0], bytes):
        packed, dims, i = dims[0], [], 0
        while i < len(packed):
            d, i = varint(packed, i)
            dims.append(d)
    assert kind in (1, 6), path
    data = raw[0] if raw else b"".join(all_of(b, 4))
    return dims, list(struct.unpack(f"<{len(data) // 4}{'f' if kind == 1 else 'i'}", data))


def put(f, name, kind, dims, values):
    print(name, kind, *dims, file=f)
    print(*(f"{v:.9g}" for v in values), file=f)


def blocks(values, gates, order):
    """One direction's rows by gate, in our order."""
    n = len(values) // gates
    return [v for g in order for v in values[g * n : (g + 1) * n]]


def case(f, path):
    graph = all_of((path / "model.onnx").read_bytes(), 7)[0]
    node = all_of(graph, 1)[0]
    op, names = all_of(node, 4)[0].decode(), [n.decode() for n in all_of(node, 1)]
    outputs = [n.decode() for n in all_of(node, 2)]
    number = {all_of(a, 1)[0].decode(): all_of(a, 3)[0] for a in all_of(node, 5) if all_of(a, 3)}
    assert set(number) <= {"hidden_size", "layout"} and not number.get("linear_before_reset"), number
    order, data = GATES[op], path / "test_data_set_0"
    given = {n: tensor(data / f"input_{i}.pb") for i, n in enumerate(n for n in names if n)}
    cell = {"RNN": "rnn_tanh", "LSTM": "lstm", "GRU": "gru"}[op]
    peepholes = " peepholes=1" if "P" in given else ""
    print(f"case {path.name}\nop recurrent\nattrs cell={cell} reset=before layout={number.get('layout', 0)}{peepholes}", file=f)
    if not peepholes:
        put(f, "x", "f", *given["X"])
        for name, ours in (("W", "w_ih"), ("R", "w_hh")):
            dims, values = given[name]
            put(f, ours, "p", dims[1:], blocks(values, len(order), order))
        if "B" in given:
            values, n = given["B"][1], len(given["B"][1]) // 2
            put(f, "b_ih", "p", [n], blocks(values[:n], len(order), order))
            put(f, "b_hh", "p", [n], blocks(values[n:], len(order), order))
        for i, name in enumerate(n for n in outputs if n):
            put(f, "y" if name == "Y" else "hn", "f", *tensor(data / f"output_{i}.pb"))
    print("end", file=f)


with open(OUT, "w") as file:
    print("# Made by tests/golden/generate_onnx.py from ONNX's node tests (Debian: libonnx-testdata)", file=file)
    for directory in sorted(NODES.iterdir()):
        if any(directory.name.startswith("test_" + kind) for kind in ("gru_", "lstm_", "rnn_", "simple_rnn_")):
            case(file, directory)
