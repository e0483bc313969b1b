"""Models of sequences that oracle.py exports: recipes, and the data they are trained on."""

TRAIN = "train: {batch: 16, epochs: 1, seed: 1}\noptim: {lr: 0.02}\n"
SERIES = "data: {path: series.csv, targets: [load, price], inputs: [heat, day], window: 12, horizon: 5, %s validation: 0.1, test: 0.2}\n" + TRAIN


def forecaster(model, data=""):
    return "model: {name: forecaster, %s}\n" % model + SERIES % data


FORECASTERS = {
    "lstm": forecaster("cell: lstm, units: 8, num_layers: 2"),
    "gru": forecaster("cell: gru, units: 8", "difference: 3,"),
    "gru-before": forecaster("cell: gru, units: 8, reset: before", "difference: 7,"),
    "rnn": forecaster("cell: rnn, units: 8, autoregressive: true"),
    "autoregressive": forecaster("cell: lstm, units: 8, autoregressive: true"),
    "tcn": forecaster("cell: tcn, units: 8, num_layers: 3"),
    "linear": forecaster("cell: linear, category_embed: 2"),
    "embedded": forecaster("cell: gru, units: 6, category_embed: 2", "periods: [6],"),
}

TEXTS = "data: {path: texts.csv, text: text, label: label, tokens: word, buckets: 2, validation: 0.1, test: 0.2}\n" + TRAIN
WINDOWS = "data: {path: windows.csv, group: window, label: label, inputs: [u, v], buckets: 2, validation: 0.1, test: 0.2}\n" + TRAIN
CLASSIFIERS = {
    "last": "cell: lstm, units: 6, embed: 5, bidirectional: true, pool: last",
    "mean": "cell: gru, units: 6, embed: 5, bidirectional: true, pool: mean",
    "max": "cell: rnn, units: 6, embed: 5, num_layers: 2, pool: max",
    "cnn": "cell: cnn, units: 6, embed: 5, kernel: 3",
}

TEXT = "data: {path: text.txt, chunk: 16, tokens: char, validation: 0.1, test: 0.1}\n" + TRAIN
LANGUAGE = {
    "charlm-lstm": "model: {name: charlm, cell: lstm, units: 16, embed: 8, num_layers: 2}\n" + TEXT,
    "charlm-gru": "model: {name: charlm, cell: gru, units: 16, embed: 8}\n" + TEXT,
    "transformer": "model: {name: transformer, units: 16, num_layers: 2, attention_heads: 4}\n" + TEXT,
}
SEQ2SEQ = "model: {name: seq2seq, cell: gru, units: 8, embed: 6}\ndata: {path: pairs.tsv, tokens: word, validation: 0.1, test: 0.1}\n" + TRAIN

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def write_series(rng, path, rows):
    """load, price: numbers of very different size; heat: a number; day: a category."""
    lines = ["load,price,heat,day"]
    for t in range(rows):
        load, price = 30000 + 5000 * ((t % 6) / 6) + 800 * rng.standard_normal(), 0.03 + 0.002 * rng.standard_normal()
        lines.append(f"{load:.2f},{price:.6f},{10 + 3 * rng.standard_normal():.3f},{['free', 'work', 'work', 'half'][t % 4]}")
    path.write_text("\n".join(lines) + "\n")


def write_texts(rng, path):
    lines = ["label,text"]
    for i in range(160):
        words = [DIGITS[k] for k in rng.integers(0, 8, 2 + rng.integers(0, 7))]
        lines.append(f"{['good', 'bad'][i % 2]},{' '.join(words + [DIGITS[8 + i % 2]])}")
    path.write_text("\n".join(lines) + "\n")


def write_windows(rng, path, labelled):
    lines = ["window," + ("label," if labelled else "") + "u,v"]
    for i in range(120 if labelled else 20):
        for t in range(4 + int(rng.integers(0, 6))):
            u, v = 500 + 40 * rng.standard_normal() + 30 * (i % 3) * (t > 2), -2 + 0.1 * rng.standard_normal()
            lines.append(f"w{i}," + (f"{'abc'[i % 3]}," if labelled else "") + f"{u:.4f},{v:.5f}")
    path.write_text("\n".join(lines) + "\n")


def write_all(rng, top):
    write_series(rng, top / "series.csv", 160)
    write_series(rng, top / "newest.csv", 26)
    write_texts(rng, top / "texts.csv")
    write_windows(rng, top / "windows.csv", True)
    write_windows(rng, top / "new_windows.csv", False)
    words = rng.integers(0, 10, 900)
    (top / "text.txt").write_text("".join(DIGITS[k] + (".\n" if i % 9 == 8 else " ") for i, k in enumerate(words)))
    pairs = [f"{a} {b}\t{DIGITS[a]} {DIGITS[b]}" for a, b in rng.integers(0, 10, (200, 2))]
    (top / "pairs.tsv").write_text("source\ttarget\n" + "\n".join(dict.fromkeys(pairs)) + "\n")
