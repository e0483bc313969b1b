#!/usr/bin/env python3
"""Writes tests/golden/data/*.txt: what PyTorch computes for small cases, in double (Debian: python3-torch). Run by hand when a case
is added, with the names of the groups to write (none: all); the files are committed, the tests need no Python.

A file is a list of cases. A case: "case NAME", "op OPERATOR", "attrs TEXT", then tensors "NAME KIND dim dim ..." each followed by one line of
values, then "end". KIND: f activation, p parameter, s statistic, i integer, - (absent). Names: in0.. (our layouts), out0.. , dy (the
gradient given to output 0; dy1.. to others), grad0.. . Layouts are Anneal's: images N,H,W,C; filters K,R,S,C; dense weights (out, in).
"""
import pathlib
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F

from draw import Words

torch.set_default_dtype(torch.float64)
OUT = pathlib.Path(__file__).resolve().parent / "data"


class Draw(Words):
    """Multiples of 1/32 in [-1, 1]."""

    def tensor(self, *dim, grad=False, scale=1.0):
        n = 1
        for d in dim:
            n *= d
        t = torch.tensor([((self.word() >> 8) % 65 - 32) / 32 * scale for _ in range(n)]).reshape(dim)
        return t.requires_grad_() if grad else t

    def labels(self, n, classes):
        return torch.tensor([(self.word() >> 8) % classes for _ in range(n)])


def nhwc(t):
    return t.permute(0, 2, 3, 1)


def text(t):
    return " ".join(f"{v:.9g}" for v in t.detach().contiguous().reshape(-1).tolist()) or "-"


class Case:
    def __init__(self, file, name, op, attrs=""):
        self.f = file
        print(f"case {name}\nop {op}\nattrs {attrs}", file=file)

    def put(self, name, kind, t):
        print(name, kind, *t.shape, file=self.f)
        print(text(t), file=self.f)

    def end(self):
        print("end", file=self.f)


def put_op(file, name, op, attrs, inputs, y, seed=9, seed_all=False):
    """inputs: (kind, leaf in PyTorch's layout or None, function to our layout). Runs backward from a drawn dy on y in our layout;
    seed_all: also from dy1, dy2, .. on the other outputs."""
    c = Case(file, name, op, attrs)
    y, others = (y[0], y[1:]) if isinstance(y, tuple) else (y, [])
    dy = Draw(seed).tensor(*y.shape) if y.dim() else torch.ones(1)
    more = [Draw(seed + j).tensor(*t.shape) for j, t in enumerate(others, 1)] if seed_all else []
    objective = sum((t.reshape(-1) @ d.reshape(-1) for t, d in zip(others, more)), y.reshape(-1) @ dy.reshape(-1))
    grads = torch.autograd.grad(objective, [t for k, t, _ in inputs if k in "fp" and t is not None and t.requires_grad])
    grads = iter(grads)
    for i, (kind, t, ours) in enumerate(inputs):
        if t is None:
            print(f"in{i} -", file=file)
            continue
        c.put(f"in{i}", kind, ours(t))
        if kind in "fp" and t.requires_grad:
            c.put(f"grad{i}", "f", ours(next(grads)))
    for j, t in enumerate([y, *others]):
        c.put(f"out{j}", "f", t.reshape(1) if not t.dim() else t)
    if y.dim():
        c.put("dy", "f", dy)
    for j, d in enumerate(more, 1):
        c.put(f"dy{j}", "f", d)
    c.end()


same = lambda t: t
krsc = lambda t: t.permute(0, 2, 3, 1)


def convolutions(f):
    table = [  # name, channels, filters, kernel, stride, pad, dilation, groups
        ("plain", 3, 4, (3, 3), (1, 1), (0, 0), (1, 1), 1),
        ("stride", 3, 4, (3, 3), (2, 2), (1, 1), (1, 1), 1),
        ("oblong", 2, 3, (1, 4), (2, 1), (0, 2), (1, 1), 1),
        ("dilation", 2, 3, (3, 3), (1, 1), (2, 2), (2, 2), 1),
        ("groups", 4, 6, (3, 3), (1, 1), (1, 1), (1, 1), 2),
        ("depthwise", 4, 4, (3, 3), (2, 2), (1, 1), (1, 1), 4),
        ("pointwise", 5, 3, (1, 1), (1, 1), (0, 0), (1, 1), 1),
    ]
    for name, c, k, kernel, stride, pad, dilation, groups in table:
        d = Draw(len(name) + c)
        x, w, b = d.tensor(2, c, 6, 5, grad=True), d.tensor(k, c // groups, *kernel, grad=True), d.tensor(k, grad=True)
        y = nhwc(F.conv2d(x, w, b, stride, pad, dilation, groups))
        attrs = f"stride={stride[0]},{stride[1]} pad={pad[0]},{pad[1]},{pad[0]},{pad[1]} dilation={dilation[0]},{dilation[1]} groups={groups}"
        put_op(f, name, "conv2d", attrs, [("f", x, nhwc), ("p", w, krsc), ("p", b, same)], y)
    for name, c, k, kernel, stride, pad, extra, groups in [("transposed", 3, 2, 3, 1, 0, 0, 1), ("transposed-stride", 2, 4, 4, 2, 1, 0, 1),
                                                          ("transposed-output-pad", 4, 2, 3, 2, 1, 1, 1)]:
        d = Draw(len(name) + c)
        x, w = d.tensor(2, c, 4, 3, grad=True), d.tensor(c, k // groups, kernel, kernel, grad=True)
        y = nhwc(F.conv_transpose2d(x, w, None, stride, pad, extra, groups))
        attrs = f"stride={stride} pad={pad} groups={groups} in_h={y.shape[1]} in_w={y.shape[2]}"  # the gradient of a convolution
        put_op(f, name, "conv2d_bwd_data", attrs, [("f", x, nhwc), ("p", w, krsc)], y)


def norms(f):
    d = Draw(3)
    x, g, b = d.tensor(3, 4, 2, 3, grad=True), d.tensor(4, grad=True), d.tensor(4, grad=True)
    y = nhwc(F.batch_norm(x, torch.zeros(4), torch.ones(4), g, b, training=True, eps=1e-5))
    put_op(f, "batchnorm", "batchnorm", "eps=1e-5", [("f", x, nhwc), ("p", g, same), ("p", b, same), ("s", torch.zeros(4), same), ("s", torch.ones(4), same)], y)
    x, g, b = d.tensor(5, 6, grad=True), d.tensor(6, grad=True), d.tensor(6, grad=True)
    put_op(f, "layernorm", "layernorm", "eps=1e-5", [("f", x, same), ("p", g, same), ("p", b, same)], F.layer_norm(x, (6,), g, b, 1e-5))
    x, g, b = d.tensor(2, 6, 3, 2, grad=True), d.tensor(6, grad=True), d.tensor(6, grad=True)
    put_op(f, "groupnorm", "groupnorm", "groups=3 eps=1e-5", [("f", x, nhwc), ("p", g, same), ("p", b, same)], nhwc(F.group_norm(x, 3, g, b, 1e-5)))


def activations(f):
    x = Draw(8).tensor(4, 9, grad=True)
    x.data *= 3
    x.data[x.data == 0] = 0.5
    table = [("relu", "", F.relu), ("leaky_relu", "slope=0.1", lambda t: F.leaky_relu(t, 0.1)), ("elu", "alpha=0.5", lambda t: F.elu(t, 0.5)),
             ("gelu", "", F.gelu), ("gelu", "approx=tanh", lambda t: F.gelu(t, approximate="tanh")), ("silu", "", F.silu), ("sigmoid", "", torch.sigmoid),
             ("tanh", "", torch.tanh), ("hardswish", "", F.hardswish), ("softplus", "", F.softplus), ("softmax", "", lambda t: F.softmax(t, 1)),
             ("log_softmax", "", lambda t: F.log_softmax(t, 1))]
    for op, attrs, fn in table:
        put_op(f, op + ("-tanh" if attrs == "approx=tanh" else ""), op, attrs, [("f", x, same)], fn(x))


def pools(f):
    d = Draw(21)
    x = d.tensor(2, 3, 6, 5, grad=True)
    # all different: the place of a maximum is beyond doubt
    x.data = torch.tensor([(i * 37 % 180 - 90) / 32 for i in range(180)]).reshape(2, 3, 6, 5)
    put_op(f, "maxpool", "maxpool2d", "kernel=2 stride=2", [("f", x, nhwc)], nhwc(F.max_pool2d(x, 2, 2)))
    put_op(f, "maxpool-overlap", "maxpool2d", "kernel=3 stride=2 pad=1", [("f", x, nhwc)], nhwc(F.max_pool2d(x, 3, 2, 1)))
    put_op(f, "avgpool", "avgpool2d", "kernel=2 stride=1", [("f", x, nhwc)], nhwc(F.avg_pool2d(x, 2, 1)))
    put_op(f, "global_avgpool", "global_avgpool", "", [("f", x, nhwc)], x.mean((2, 3)))
    w, b, v = d.tensor(4, 6, grad=True), d.tensor(4, grad=True), d.tensor(3, 6, grad=True)
    put_op(f, "dense", "dense", "", [("f", v, same), ("p", w, same), ("p", b, same)], F.linear(v, w, b))


def moves(f):
    d = Draw(31)
    a, b = d.tensor(2, 3, 4, 5, grad=True), d.tensor(2, 2, 4, 5, grad=True)
    put_op(f, "concat", "concat", "axis=3", [("f", a, nhwc), ("f", b, nhwc)], nhwc(torch.cat([a, b], 1)))
    a, b = d.tensor(2, 3, grad=True), d.tensor(4, 3, grad=True)
    put_op(f, "concat-rows", "concat", "axis=0", [("f", a, same), ("f", b, same)], torch.cat([a, b], 0))
    x = d.tensor(3, 7, 2, grad=True)
    put_op(f, "slice", "slice", "axis=1 begin=2 end=-1", [("f", x, same)], x[:, 2:-1])
    x = d.tensor(2, 3, 4, grad=True)
    put_op(f, "transpose", "transpose", "perm=2,0,1", [("f", x, same)], x.permute(2, 0, 1))
    x = d.tensor(2, 3, 4, 5, grad=True)
    put_op(f, "pad", "pad2d", "pad=1,2,3,0", [("f", x, nhwc)], nhwc(F.pad(x, (2, 0, 1, 3))))
    x = d.tensor(2, 3, 4, 3, grad=True)
    put_op(f, "nearest", "upsample2d", "scale=2,3", [("f", x, nhwc)], nhwc(F.interpolate(x, scale_factor=(2, 3), mode="nearest")))
    put_op(f, "bilinear", "upsample2d", "scale=2,3 mode=bilinear", [("f", x, nhwc)],
           nhwc(F.interpolate(x, scale_factor=(2, 3), mode="bilinear", align_corners=False)))


def gather(f):
    for name, dim, axis, index in [("rows", (4, 3), 0, [3, 0, 0, 2]), ("steps", (3, 5, 2), 1, [4, 4, 1]), ("last", (2, 3, 4), -1, [0, 2, 2, 2, 3])]:
        x, i = Draw(len(name)).tensor(*dim, grad=True), torch.tensor(index)
        put_op(f, name, "gather", f"axis={axis}", [("f", x, same), ("i", i, same)], x.index_select(axis, i))
    w, i = Draw(5).tensor(6, 3, grad=True), torch.tensor([[1, 5], [1, 0]])
    put_op(f, "matrix", "gather", "", [("f", w, same), ("i", i, same)], w[i])


def gru_reset_before(x, w_ih, w_hh, b_ih, b_hh, h, reverse, lengths):
    """Cho et al., 2014, which PyTorch has not: the reset gate acts on the state. Masked steps keep the state and give 0."""
    H, y = h.shape[1], [None] * len(x)
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        a, live = F.linear(x[t], w_ih, b_ih), (t < lengths)[:, None]
        r, z = torch.sigmoid(a[:, : 2 * H] + F.linear(h, w_hh[: 2 * H], b_hh[: 2 * H])).chunk(2, 1)
        n = torch.tanh(a[:, 2 * H :] + F.linear(r * h, w_hh[2 * H :], b_hh[2 * H :]))
        h = torch.where(live, (1 - z) * n + z * h, h)
        y[t] = torch.where(live, h, torch.zeros_like(h))
    return torch.stack(y), h


def recurrent(f):
    T, N, I, H = 5, 4, 3, 4
    cells = {"rnn_tanh": (nn.RNN, 1), "rnn_relu": (lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k), 1), "lstm": (nn.LSTM, 4), "gru": (nn.GRU, 3)}
    table = [(cell, reverse, kind) for cell in [*cells, "before"] for reverse in (0, 1) for kind in ("whole", "lengths", "bare")]
    for cell, reverse, kind in table:
        make, gates = cells["gru" if cell == "before" else cell]
        d, bare = Draw(len(cell) * 7 + reverse * 3 + len(kind)), kind == "bare"
        x, lengths = d.tensor(T, N, I, grad=True), torch.tensor([3, 5, 1, 4]) if kind == "lengths" else None
        m = make(I, H, bias=not bare, bidirectional=True)  # its second half runs backwards
        w = [getattr(m, n + "_l0" + ("_reverse" if reverse else "")) for n in ["weight_ih", "weight_hh"] + ([] if bare else ["bias_ih", "bias_hh"])]
        for t in w:
            t.data = d.tensor(*t.shape)
        h0, c0 = (None if bare else d.tensor(N, H, grad=True) for _ in "hc")
        c0 = c0 if cell == "lstm" else None
        if cell == "before":
            zero = torch.zeros(gates * H)
            y = gru_reset_before(x, *w, *([zero, zero] if bare else []), torch.zeros(N, H) if bare else h0, reverse, torch.full((N,), T) if lengths is None else lengths)
        else:
            both = lambda t: torch.stack([torch.zeros(N, H), t] if reverse else [t, torch.zeros(N, H)])
            state = None if bare else (both(h0), both(c0)) if cell == "lstm" else both(h0)
            data = x if lengths is None else nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
            out, last = m(data, state)
            out = out if lengths is None else nn.utils.rnn.pad_packed_sequence(out)[0]
            y = (out[:, :, H:] if reverse else out[:, :, :H], *(t[reverse] for t in (last if cell == "lstm" else (last,))))
        leaves = [("f", x, same), *(("p", t, same) for t in w), *([("p", None, same)] * (2 if bare else 0)), ("f", h0, same), ("f", c0, same), ("i", lengths, same)]
        attrs = f"cell={'gru reset=before' if cell == 'before' else cell} reverse={reverse}"
        put_op(f, f"{cell}-{kind}" + ("-reverse" if reverse else ""), "recurrent", attrs, leaves, y, seed_all=True)


def attention(f):
    """Dot-product attention in heads, causal and masked, and the additive kind."""
    def heads(t, h):  # (T, N, h * w) -> (N, h, T, w)
        return t.reshape(t.shape[0], t.shape[1], h, -1).permute(1, 2, 0, 3)

    for name, h, tq, tk, causal, scale, lengths in [("one", 1, 3, 5, 0, 0, None), ("heads", 2, 4, 3, 0, 0, None), ("causal", 2, 4, 4, 1, 0, None),
                                                     ("lengths", 2, 3, 5, 0, 0, [2, 5, 1]), ("luong", 1, 3, 4, 0, 1, [4, 1, 3]), ("both", 3, 4, 4, 1, 0, [4, 2, 3])]:
        d, N = Draw(len(name) + tq), 3
        q, k, v = d.tensor(tq, N, 6, grad=True), d.tensor(tk, N, 6, grad=True), d.tensor(tk, N, 6, grad=True)
        seen = torch.arange(tk) < torch.tensor(lengths or [tk] * N)[:, None]
        seen = seen[:, None, None, :] & (torch.ones(tq, tk).tril().bool() if causal else torch.ones(tq, tk).bool())
        y = F.scaled_dot_product_attention(heads(q, h), heads(k, h), heads(v, h), seen, scale=scale or None)
        y = y.permute(2, 0, 1, 3).reshape(tq, N, 6)
        leaves = [("f", q, same), ("f", k, same), ("f", v, same), ("i", None if lengths is None else torch.tensor(lengths), same)]
        put_op(f, name, "attention", f"heads={h} causal={causal} scale={scale}", leaves, y)
    for name, lengths in [("additive", None), ("additive-lengths", [3, 1])]:
        d = Draw(len(name))
        q, k, v, m = d.tensor(2, 2, 4, grad=True), d.tensor(3, 2, 4, grad=True), d.tensor(4, grad=True), d.tensor(3, 2, 5, grad=True)
        score = torch.tanh(q[:, None] + k[None]) @ v  # (Tq, Tk, N)
        if lengths:
            score = score.masked_fill((torch.arange(3)[:, None] >= torch.tensor(lengths))[None], -torch.inf)
        y = torch.einsum("qkn,knd->qnd", score.softmax(1), m)
        leaves = [("f", q, same), ("f", k, same), ("p", v, same), ("f", m, same), ("i", None if lengths is None else torch.tensor(lengths), same)]
        put_op(f, name, "additive_attention", "", leaves, y)


def losses(f):
    d = Draw(17)
    x, y, w = d.tensor(6, 5, grad=True), d.labels(6, 5), d.tensor(5).abs() + 0.25
    n = torch.tensor(6.0)
    ce = lambda **k: F.cross_entropy(x, y, reduction="sum", **k)
    i = lambda t: t
    put_op(f, "cross-entropy", "softmax_cross_entropy", "", [("f", x, i), ("i", y, i)], (ce(), n))
    put_op(f, "cross-entropy-smoothed", "softmax_cross_entropy", "label_smoothing=0.1", [("f", x, i), ("i", y, i)], (ce(label_smoothing=0.1), n))
    put_op(f, "cross-entropy-weighted", "softmax_cross_entropy", "", [("f", x, i), ("i", y, i), ("s", w, i)], (ce(weight=w), w[y].sum()))
    t = d.tensor(4, 3)
    z = d.tensor(4, 3, grad=True)
    z.data *= 2
    m = torch.tensor(12.0)
    put_op(f, "mse", "mse", "", [("f", z, i), ("f", t, i)], (F.mse_loss(z, t, reduction="sum"), m))
    put_op(f, "huber", "huber", "", [("f", z, i), ("f", t, i)], (F.huber_loss(z, t, reduction="sum"), m))
    u = (t > 0).to(z.dtype)
    put_op(f, "bce", "bce_logits", "", [("f", z, i), ("f", u, i)], (F.binary_cross_entropy_with_logits(z, u, reduction="sum"), m))


def ctc(f):
    """PyTorch divides by no label count when it sums; what is impossible counts in no den of ours."""
    table = [  # name, T, N, C, L, blank, scale, lengths of the logits, of the targets
        ("whole", 8, 3, 5, 3, 0, 1, None, None),
        ("last-blank", 7, 3, 5, 2, -1, 1, None, None),
        ("lengths", 9, 4, 6, 4, 2, 2, [9, 5, 7, 4], [4, 2, 0, 1]),
        ("impossible", 5, 3, 4, 4, 0, 1, [5, 3, 5], [2, 3, 4]),
        ("certain", 60, 2, 8, 20, 0, 40, None, None),  # where products of probabilities underflow
    ]
    for name, T, N, C, L, blank, scale, steps, labels in table:
        d = Draw(len(name) * 5 + T)
        x, y = d.tensor(T, N, C, grad=True, scale=scale), d.labels(N * L, C - 1).reshape(N, L)
        if name == "impossible":
            y = torch.ones(N, L, dtype=torch.long)  # repetitions need a blank between them
        else:
            y = y + (y >= blank % C).long()
        steps_t, labels_t = torch.tensor(steps or [T] * N), torch.tensor(labels or [L] * N)
        each = F.ctc_loss(F.log_softmax(x, 2), y, steps_t, labels_t, blank % C, "none", True)
        never = (F.ctc_loss(F.log_softmax(x, 2), y, steps_t, labels_t, blank % C, "none", False) == torch.inf).sum()
        given = [("i", None if t is None else torch.tensor(t), same) for t in (steps, labels)]
        c = Case(f, name, "ctc", f"blank={blank}")
        for i, (kind, t, _) in enumerate([("f", x, same), ("i", y, same), *given]):
            print(f"in{i} -", file=f) if t is None else c.put(f"in{i}", kind, t)
        c.put("grad0", "f", torch.autograd.grad(each.sum(), x)[0])
        c.put("out0", "f", each.sum().reshape(1))
        c.put("out1", "f", (N - never).reshape(1))
        c.end()


def optimizers(f):
    """Ten steps over two parameters, the second at half the rate and without decay; case: in0 both at the start, in1 gradients [10, n],
    out0 both at the end. The words of `attrs` are those of tests/golden/optim_test.c."""
    start, grads = Draw(41).tensor(8), Draw(42).tensor(10, 8)
    table = [("sgd", "sgd", "lr=0.1", torch.optim.SGD, dict()),
             ("sgd-decay", "sgd", "lr=0.1 decay=0.01", torch.optim.SGD, dict()),
             ("momentum", "sgd", "lr=0.1 momentum=0.9", torch.optim.SGD, dict(momentum=0.9)),
             ("nesterov", "sgd", "lr=0.1 momentum=0.9 nesterov=1", torch.optim.SGD, dict(momentum=0.9, nesterov=True)),
             ("adam", "adam", "lr=0.01 eps=1e-8", torch.optim.Adam, dict()),
             ("adam-decay", "adam", "lr=0.01 decay=0.1 eps=1e-8", torch.optim.Adam, dict()),
             ("adamw", "adamw", "lr=0.01 decay=0.1 eps=1e-8", torch.optim.AdamW, dict()),
             ("rmsprop", "rmsprop", "lr=0.01 eps=1e-8", torch.optim.RMSprop, dict()),
             ("rmsprop-momentum", "rmsprop", "lr=0.01 momentum=0.5 eps=1e-8", torch.optim.RMSprop, dict(momentum=0.5)),
             ("adagrad", "adagrad", "lr=0.1 eps=1e-10", torch.optim.Adagrad, dict())]
    for name, op, attrs, kind, options in table:
        words = dict(w.split("=") for w in attrs.split())
        lr, decay = float(words["lr"]), float(words.get("decay", 0))
        p = [start[:4].clone().requires_grad_(), start[4:].clone().requires_grad_()]
        opt = kind([dict(params=p[:1], lr=lr, weight_decay=decay), dict(params=p[1:], lr=lr / 2, weight_decay=0.0)], lr=lr, **options)
        for g in grads:
            p[0].grad, p[1].grad = g[:4].clone(), g[4:].clone()
            opt.step()
        c = Case(f, name, op, attrs)
        c.put("in0", "p", start)
        c.put("in1", "f", grads)
        c.put("out0", "f", torch.cat(p))
        c.end()


def curves(f):
    """Twenty steps of SGD with momentum on fixed batches; case: parameters in the order of the model, images, labels, losses."""
    class Small(nn.Module):
        def __init__(s):
            super().__init__()
            s.c1, s.c2 = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 6, 3, padding=1, bias=False)
            s.n, s.fc = nn.BatchNorm2d(6), nn.Linear(6 * 2 * 2, 4)

        def forward(s, x):
            x = F.max_pool2d(F.relu(s.c1(x)), 2)
            x = F.max_pool2d(F.relu(s.n(s.c2(x))), 2)
            return s.fc(nhwc(x).flatten(1))

    mlp = nn.Sequential(nn.Flatten(), nn.Linear(100, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 4))
    for name, m in (("mlp", mlp), ("cnn", Small())):
        d, params = Draw(50), list(m.parameters())
        for p in params:
            fan = p[0].numel() if p.dim() > 1 else 4
            p.data = d.tensor(*p.shape) / fan**0.5 if p.dim() > 1 else d.tensor(*p.shape) / 4
        if name == "cnn":
            m.n.weight.data.fill_(1.0)
        for p in params:
            p.data = p.data.to(torch.float32).to(torch.float64)
        images, labels = d.tensor(16, 1, 10, 10), d.labels(16, 4)
        c = Case(f, name, name, "lr=0.05 momentum=0.9")
        for i, p in enumerate(params):
            c.put(f"in{i}", "p", krsc(p) if p.dim() == 4 else p)
        c.put("image", "f", nhwc(images))
        c.put("label", "i", labels)
        opt, curve = torch.optim.SGD(params, lr=0.05, momentum=0.9), []
        for k in range(20):
            half = slice(0, 8) if k % 2 == 0 else slice(8, 16)
            opt.zero_grad()
            loss = F.cross_entropy(m(images[half]), labels[half])
            loss.backward()
            opt.step()
            curve.append(loss.detach())
        c.put("loss", "f", torch.stack(curve))
        c.end()


def write(script, groups):
    OUT.mkdir(exist_ok=True)
    for group in groups:
        if len(sys.argv) > 1 and group.__name__ not in sys.argv[1:]:
            continue
        with open(OUT / f"{group.__name__}.txt", "w") as file:
            print(f"# Made by tests/golden/{script} with PyTorch {torch.__version__}", file=file)
            group(file)


if __name__ == "__main__":
    write("generate.py", (convolutions, norms, activations, pools, moves, gather, recurrent, attention, losses, ctc, optimizers, curves))
