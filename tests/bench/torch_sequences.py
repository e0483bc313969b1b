"""The sequence models that tests/bench compares with, in PyTorch: what `anneal bench` builds under the same names."""
import torch
import torch.nn as nn
import torch.nn.functional as F

MODELS = ("charlm", "lstm-lm", "forecaster", "seq2seq", "seq2seq-bahdanau")


class CharLM(nn.Module):
    def __init__(s, words, embed, units):
        super().__init__()
        s.e = nn.Embedding(words, embed)
        s.r = nn.LSTM(embed, units, 2, batch_first=True)
        s.o = nn.Linear(units, words)

    def forward(s, x):
        return s.o(s.r(s.e(x))[0])


class Forecaster(nn.Module):
    def __init__(s):
        super().__init__()
        s.r = nn.LSTM(8, 64, batch_first=True)
        s.o = nn.Linear(64, 1)

    def forward(s, x):
        return s.o(s.r(x)[0][:, -1])


class Luong(nn.Module):
    """bi-GRU 256 encoder; GRU 256 decoder, teacher forced, dot attention after the GRU."""

    def __init__(s, V=5000, H=256):
        super().__init__()
        s.es, s.et = nn.Embedding(V, H), nn.Embedding(V, H)
        s.enc = nn.GRU(H, H, batch_first=True, bidirectional=True)
        s.bridge, s.key = nn.Linear(2 * H, H), nn.Linear(2 * H, H, bias=False)
        s.dec = nn.GRU(H, H, batch_first=True)
        s.mix, s.out = nn.Linear(3 * H, H), nn.Linear(H, V)

    def forward(s, src, tgt):
        e, h = s.enc(s.es(src))
        h0 = torch.tanh(s.bridge(torch.cat((h[0], h[1]), 1))).unsqueeze(0)
        d, _ = s.dec(s.et(tgt), h0)
        a = torch.softmax(d @ s.key(e).transpose(1, 2), -1)
        return s.out(torch.tanh(s.mix(torch.cat((d, a @ e), 2))))


class Bahdanau(nn.Module):
    """bi-GRU 256 encoder; stepwise GRU 256 decoder fed [embedding, additive-attention context]."""

    def __init__(s, V=5000, H=256):
        super().__init__()
        s.es, s.et = nn.Embedding(V, H), nn.Embedding(V, H)
        s.enc = nn.GRU(H, H, batch_first=True, bidirectional=True)
        s.bridge, s.key = nn.Linear(2 * H, H), nn.Linear(2 * H, H, bias=False)
        s.q, s.v = nn.Linear(H, H), nn.Linear(H, 1, bias=False)
        s.cell, s.out = nn.GRUCell(3 * H, H), nn.Linear(H, V)

    def forward(s, src, tgt):
        e, h = s.enc(s.es(src))
        h = torch.tanh(s.bridge(torch.cat((h[0], h[1]), 1)))
        k, te, hs = s.key(e), s.et(tgt), []
        for t in range(tgt.shape[1]):
            a = torch.softmax(s.v(torch.tanh(k + s.q(h).unsqueeze(1))).squeeze(2), 1)
            c = torch.bmm(a.unsqueeze(1), e).squeeze(1)
            h = s.cell(torch.cat((te[:, t], c), 1), h)
            hs.append(h)
        return s.out(torch.stack(hs, 1))


def tokens_loss(m, x, y):
    return F.cross_entropy(m(x, y[:, :-1]).flatten(0, 1), y[:, 1:].flatten())


def workload(name, batch=None):
    """Model, inputs, targets, batch (as `anneal bench` has it, or the given one), norm to clip the gradient at (None: never), loss of (model, inputs, targets)."""
    n = 10 * (batch or (32 if name == "charlm" else 64))
    if name in ("charlm", "lstm-lm"):
        words, embed, units, steps = (96, 128, 512, 128) if name == "charlm" else (10000, 1024, 1024, 64)
        x = torch.randint(words, (n, steps + 1))
        loss = lambda m, x, y: F.cross_entropy(m(x).flatten(0, 1), y.flatten())
        return CharLM(words, embed, units), x[:, :-1].contiguous(), x[:, 1:].contiguous(), n // 10, 1.0, loss
    if name == "forecaster":
        return Forecaster(), torch.randn(n, 48, 8), torch.randn(n, 1), n // 10, None, lambda m, x, y: F.mse_loss(m(x), y)
    m = Luong() if name == "seq2seq" else Bahdanau()
    return m, torch.randint(5000, (n, 12)), torch.randint(5000, (n, 13)), n // 10, None, tokens_loss
