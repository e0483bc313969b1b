#!/usr/bin/env python3
"""Writes tests/golden/data/layers.txt, over_time.txt and seq2seq.txt: what PyTorch computes for recurrent layers, for other layers over
time, and for an encoder and decoder, in double. Run by hand (the form of the files: generate.py); needs a PyTorch with scaled_dot_product_attention (2.0).

A case has every parameter under the model's name for it, its gradient under "d." and that name (of the summed loss, before the first
step), inputs, outputs, and "loss": the mean loss before each of twenty steps of plain SGD, whose rate is in `attrs`.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import generate
from generate import Case, Draw, write

generate.text = lambda t: " ".join(f"{v:.7g}" for v in t.detach().contiguous().reshape(-1).tolist()) or "-"  # the tests compare f32
STEPS = 20


def coarse(d, *dim):
    """Multiples of 1/16 in [-0.5, 0.5]: short in the file."""
    return torch.round(d.tensor(*dim) * 8) / 16


def train(c, params, lr, step):
    """params: name -> tensor. step() -> (summed loss, count). Puts parameters, first gradients and the curve."""
    for name, p in params.items():
        c.put(name, "p", p)
    curve = []
    for k in range(STEPS):
        num, den = step()
        grads = torch.autograd.grad(num, list(params.values()))
        for (name, p), g in zip(params.items(), grads):
            if k == 0:
                c.put("d." + name, "f", g)
            p.data -= lr * g / den
        curve.append(num.detach() / den)
    c.put("loss", "f", torch.stack(curve))
    c.end()


class ResetBefore(nn.GRU):
    """Cho et al., 2014, which PyTorch has not: the reset gate acts on the state. (out, hn) as nn.GRU, for padded input and lengths."""

    def run(s, x, lengths):
        last, both = [], 2 if s.bidirectional else 1
        for l in range(s.num_layers):
            ys = []
            for d in range(both):
                w = [getattr(s, n + f"_l{l}" + ("_reverse" if d else "")) for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
                y, h = generate.gru_reset_before(x, *w, torch.zeros(x.shape[1], s.hidden_size), d, lengths)
                ys.append(y)
                last.append(h)
            x = torch.cat(ys, 2)
        return x, torch.stack(last)


def run(m, x, lengths):
    if isinstance(m, ResetBefore):
        return m.run(x, torch.full((x.shape[1],), x.shape[0]) if lengths is None else lengths)
    if lengths is None:
        return m(x)
    y, last = m(pack_padded_sequence(x, lengths, enforce_sorted=False))
    return pad_packed_sequence(y, total_length=x.shape[0])[0], last


def layers(f):
    T, N, I, H = 5, 3, 2, 3
    cells = {"rnn": nn.RNN, "rnn-relu": lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k), "lstm": nn.LSTM, "gru": nn.GRU, "gru-before": ResetBefore}
    for cell, make in cells.items():
        for count in (1, 2):
            for both in (0, 1):
                for ragged in (0, 1):
                    d = Draw(len(cell) * 11 + count * 5 + both * 3 + ragged)
                    m = make(I, H, num_layers=count, bidirectional=bool(both))
                    params = {"rnn." + n: p for n, p in m.named_parameters()}
                    for p in params.values():
                        p.data = coarse(d, *p.shape)
                    x, lengths = d.tensor(T, N, I, grad=True), torch.tensor([3, 5, 1]) if ragged else None
                    target = coarse(d, T, N, H * (1 + both))
                    name = f"{cell}-{count}{'-both' if both else ''}{'-ragged' if ragged else ''}"
                    word, reset = cell.removesuffix("-before"), "before" if "before" in cell else "after"
                    c = Case(f, name, "layers", f"cell={word} reset={reset} layers={count} bidirectional={both} lr=0.5")
                    y, last = run(m, x, lengths)
                    loss = lambda y: ((y - target) ** 2).sum()
                    c.put("x", "f", x)
                    c.put("target", "f", target)
                    if ragged:
                        c.put("lengths", "i", lengths)
                    c.put("y", "f", y)
                    for kind, t in zip("hc", last if cell == "lstm" else (last,)):
                        c.put(kind + "n", "f", t)
                    c.put("d.x", "f", torch.autograd.grad(loss(y), x)[0])
                    train(c, params, 0.5, lambda: (loss(run(m, x, lengths)[0]), target.numel()))


def over_time(f):
    """Layers of models/layers_time.c that are not recurrent; attrs: type, then arguments."""
    T, N, C = 6, 3, 4
    lengths = torch.tensor([4, 6, 1])
    late = torch.arange(T) >= lengths[:, None]  # (N, T)

    def case(name, text, params, layer, x=None, masked=False):
        d = Draw(len(name) * 3)
        for p in params.values():
            p.data = coarse(d, *p.shape)
        x = d.tensor(T, N, C, grad=True) if x is None else x
        y = layer(x)
        target = coarse(d, *y.shape)
        c = Case(f, name, "layer", text + " lr=0.3")
        c.put("x", "f" if x.is_floating_point() else "i", x)
        c.put("target", "f", target)
        if masked:
            c.put("lengths", "i", lengths)
        c.put("y", "f", y)
        loss = lambda: ((layer(x) - target) ** 2).sum()
        if x.is_floating_point():
            c.put("d.x", "f", torch.autograd.grad(loss(), x)[0])
        train(c, params, 0.3, lambda: (loss(), target.numel()))

    new = lambda *dim: torch.zeros(*dim, requires_grad=True)
    for name, text, kernel, stride, dilation, left, right in [("conv1d", "kernel=3", 3, 1, 1, 0, 0), ("conv1d-stride", "kernel=2 stride=2 pad=1", 2, 2, 1, 1, 1),
                                                              ("conv1d-dilation", "kernel=3 dilation=2 pad=2", 3, 1, 2, 2, 2),
                                                              ("conv1d-causal", "kernel=3 dilation=2 causal=true", 3, 1, 2, 4, 0)]:
        p = {"layer.weight": new(3, 1, kernel, C), "layer.bias": new(3)}  # ours: filters, 1, time, channels
        conv = lambda x: F.conv1d(F.pad(x.permute(1, 2, 0), (left, right)), p["layer.weight"][:, 0].permute(0, 2, 1), p["layer.bias"], stride, 0, dilation).permute(2, 0, 1)
        case(name, f"conv1d filters=3 {text}", p, conv)
    for name, heads, causal, masked in [("attention", 1, 0, 0), ("attention-heads", 2, 0, 0), ("attention-causal", 2, 1, 0), ("attention-lengths", 2, 0, 1), ("attention-both", 4, 1, 1)]:
        m = nn.MultiheadAttention(C, heads)
        p = {"layer.in.weight": m.in_proj_weight, "layer.in.bias": m.in_proj_bias, "layer.out.weight": m.out_proj.weight, "layer.out.bias": m.out_proj.bias}
        mask = torch.ones(T, T).triu(1).bool() if causal else None
        attend = lambda x: m(x, x, x, key_padding_mask=late if masked else None, attn_mask=mask, need_weights=False)[0]
        case(name, f"self-attention heads={heads} causal={'true' if causal else 'false'}", p, attend, masked=masked)
    p = {"layer.weight": new(5, 3)}
    tokens = torch.tensor([[1, 0, 4, 2], [3, 3, 3, 1], [0, 2, 2, 4]])
    case("embedding", "embedding vocabulary=5 units=3", p, lambda x: F.embedding(x.t(), p["layer.weight"]), tokens)
    q = {"layer.weight": new(5, C), "layer.bias": new(5)}
    case("time-dense", "time-dense units=5 act=tanh", q, lambda x: torch.tanh(F.linear(x, q["layer.weight"], q["layer.bias"])))
    w = {"layer.weight": new(8, C)}
    case("position", "position length=8", w, lambda x: x + w["layer.weight"][:T, None])


def seq2seq(f):
    """models/seq2seq.c, written again: encoder over padded sources, bridge between two directions and one, decoder, attention after (Luong
    et al., 2015) or before each step (Bahdanau et al., 2015)."""
    S, T, N, V, E, H = 5, 4, 4, 5, 3, 4
    source = torch.tensor([[2, 3, 4, -1, -1], [1, 0, 2, 3, 4], [4, -1, -1, -1, -1], [3, 3, 1, 2, -1]])
    length = torch.tensor([3, 5, 1, 4])
    given = torch.tensor([[0, 4, 3, 2], [0, 2, -1, -1], [0, 4, 4, -1], [0, 1, 2, 3]])
    wanted = torch.tensor([[4, 3, 2, 1], [2, 1, -1, -1], [4, 4, 1, -1], [1, 2, 3, 1]])
    embed = lambda w, i: F.embedding(i.t().clamp(0), w) * (i.t() >= 0)[:, :, None]
    table = [("lstm", "none", 2, 1), ("gru", "dot", 1, 1), ("lstm", "general", 2, 2), ("gru", "multi-head", 2, 1), ("gru", "additive", 1, 2), ("lstm", "additive", 2, 1)]
    for cell, attention, both, count in table:
        make, lstm, d = nn.LSTM if cell == "lstm" else nn.GRU, cell == "lstm", Draw(len(cell) + 7 * len(attention))
        additive, M = attention == "additive", both * H
        encoder, decoder = make(E, H, count, bidirectional=both == 2), make(E + M if additive else E, H, count)
        new = lambda *dim: torch.zeros(*dim, requires_grad=True)
        p = {"source.embed.weight": new(V, E), **{"encoder." + n: w for n, w in encoder.named_parameters()}}
        for k in ("hc" if lstm else "h") if both == 2 else "":
            for l in range(count):
                p |= {f"bridge.{k}{l}.weight": new(H, M), f"bridge.{k}{l}.bias": new(H)}
        p |= {"target.embed.weight": new(V, E), **{"decoder." + n: w for n, w in decoder.named_parameters()}}
        if additive:
            p |= {"attention.keys.weight": new(H, M), "attention.keys.bias": new(H), "attention.query.weight": new(H, H), "attention.v": new(H)}
        elif attention != "none":
            if attention != "dot":
                p |= {"attention.query.weight": new(M, H)}
            p |= {"attention.combine.weight": new(H, M + H), "attention.combine.bias": new(H)}
        p |= {"out.weight": new(V, M + H if additive else H), "out.bias": new(V)}
        for w in p.values():
            w.data = coarse(d, *w.shape)
        seen = torch.arange(S) < length[:, None]  # (N, S)
        heads = 2 if attention == "multi-head" else 1
        split = lambda t: t.reshape(t.shape[0], N, heads, -1).permute(1, 2, 0, 3)

        def step():
            packed, last = encoder(pack_padded_sequence(embed(p["source.embed.weight"], source), length, enforce_sorted=False))
            memory = pad_packed_sequence(packed, total_length=S)[0]
            first = [t if both == 1 else torch.stack([torch.tanh(F.linear(torch.cat([t[2 * l], t[2 * l + 1]], 1), p[f"bridge.{k}{l}.weight"], p[f"bridge.{k}{l}.bias"]))
                                                      for l in range(count)]) for k, t in zip("hc", last if lstm else (last,))]
            state = tuple(first) if lstm else first[0]
            x = embed(p["target.embed.weight"], given)
            if additive:
                keys, out = F.linear(memory, p["attention.keys.weight"], p["attention.keys.bias"]), []
                for t in range(T):
                    q = F.linear((state[0] if lstm else state)[-1], p["attention.query.weight"])
                    score = (torch.tanh(q[None] + keys) @ p["attention.v"]).masked_fill(~seen.t(), -torch.inf)
                    found = (score.softmax(0)[:, :, None] * memory).sum(0)[None]
                    y, state = decoder(torch.cat([x[t : t + 1], found], 2), state)
                    out.append(torch.cat([y, found], 2))
                y = torch.cat(out)
            else:
                y = decoder(x, state)[0]
                if attention != "none":
                    q = y if attention == "dot" else F.linear(y, p["attention.query.weight"])
                    found = F.scaled_dot_product_attention(split(q), split(memory), split(memory), seen[:, None, None], scale=None if heads > 1 else 1)
                    found = found.permute(2, 0, 1, 3).reshape(T, N, M)
                    y = torch.tanh(F.linear(torch.cat([y, found], 2), p["attention.combine.weight"], p["attention.combine.bias"]))
            z = F.linear(y, p["out.weight"], p["out.bias"])
            return F.cross_entropy(z.reshape(-1, V), wanted.t().reshape(-1), ignore_index=-1, reduction="sum"), int((wanted >= 0).sum())

        c = Case(f, f"{cell}-{attention}", "seq2seq", f"cell={cell} attention={attention} bidirectional={both - 1} layers={count} lr=0.5")
        for name, t in (("source", source), ("source_length", length), ("given", given), ("wanted", wanted)):
            c.put(name, "i", t)
        train(c, p, 0.5, step)


if __name__ == "__main__":
    write("generate_layers.py", (layers, over_time, seq2seq))
