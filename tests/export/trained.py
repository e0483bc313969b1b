"""What the oracles of exported files share: models trained in a moment, what `anneal predict` says of them, bounds of the error.

Tolerance of a result y: eps (2^-24, an fp32 rounding) times the root of the number of terms that all sums of the graph have, times
|y|'s largest: the error of sums in another order; twice, for what layers behind make of it; and half of the last digit that `predict`
prints.
"""
import json
import pathlib
import subprocess
import sys

import numpy as np

import samples
import sequences

EPS, GROWTH = 2.0**-24, 2
ANNEAL = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
failed, counted = [], []


def anneal(top, *words, code=0):
    r = subprocess.run([str(ANNEAL), *words], cwd=top, capture_output=True, text=True)
    if r.returncode != code:
        raise RuntimeError(f"anneal {' '.join(words)}: exit {r.returncode}, not {code}\n{r.stderr}")
    return r.stdout if code == 0 else r.stderr


class Trained:
    """A run, its exported file and how far a result may be from what `predict` says. terms: of all sums, set by who reads the file."""

    def __init__(self, top, name, recipe, to, file):
        (top / f"{name}.yaml").write_text(recipe)
        anneal(top, "train", f"{name}.yaml", "--run", name, "--no-test", "threads=1")
        self.file, self.terms = top / name / file, 1
        if anneal(top, "export", name, "--to", to).strip() != f"{name}/{file}":
            raise RuntimeError("export does not print the file's name")

    def count_terms(self, shapes):
        self.terms = 1 + sum(np.prod(d) / d[0] for d in shapes if len(d) > 1)

    def check(self, what, y, want, digit):
        y, want = np.asarray(y, np.float64), np.asarray(want, np.float64)
        if y.shape != want.shape:
            raise RuntimeError(f"{what} is {y.shape}, not {want.shape}")
        error, most = np.abs(y - want).max(), np.abs(want).max()
        bound = digit / 2 + GROWTH * EPS * np.sqrt(self.terms) * max(most, 1e-30)
        if not error <= bound:  # also NaN
            raise RuntimeError(f"{what} differs by {error:.3g}, more than {bound:.3g}")
        return error / bound


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def table(path):
    head, *rows = path.read_text().splitlines()
    return [dict(zip(head.split(","), r.split(","))) for r in rows]


# ---- data --------------------------------------------------------------------------------------


def write_samples(rng, top):
    def images(path, n, label, shape=(16, 16, 3)):
        (top / path).mkdir(exist_ok=True)
        x = rng.integers(0, 256, (n, *shape)).astype(np.uint8)
        for part, k in (("train", 0), ("test", n - 24)):
            np.save(top / path / f"{part}-images.npy", x[:k] if part == "train" and k else x[k:] if k else x)
            np.save(top / path / f"{part}-labels.npy", label if k == 0 else label[k:])
        return x

    whole = np.arange(96) % 4
    images("images", 96, whole)
    images("heads", 96, np.stack([whole, np.arange(96) % 3, np.arange(96) % 5], 1))
    images("values", 96, rng.standard_normal(96).astype(np.float32))
    images("inputs", 96, whole)
    for part, n in (("train", 96), ("test", 24)):
        np.save(top / "inputs" / f"{part}-input2.npy", rng.standard_normal((n, 2, 3, 2)).astype(np.float32) * 5 + 3)
    (top / "table").mkdir()
    for part, n in (("train", 96), ("test", 24)):
        np.save(top / "table" / f"{part}-images.npy", rng.standard_normal((n, 7)).astype(np.float32) * 9 + 50)
        np.save(top / "table" / f"{part}-labels.npy", np.arange(n) % 4)


def write_all(top):
    rng = np.random.default_rng(1)
    write_samples(rng, top)
    sequences.write_all(rng, top)


def scaled(x):
    """8-bit values divided by 255, others as they are."""
    return x.astype(np.float32) / 255 if x.dtype == np.uint8 else x


def predicted(top, name, recipe, path, images):
    """The samples of a run (the test part's, where none are given), and what is said of each."""
    file = f"{path}/test-images.npy"
    raw = np.load(top / file) if images is None else images
    if images is not None:
        file = f"{name}.npy"
        np.save(top / file, images)
    fp32 = ["train.precision=fp32"] if "bf16" in recipe else []
    return raw, lines(anneal(top, "predict", name, file, "--format", "jsonl", *fp32))


def fashion():
    import gzip

    at = pathlib.Path("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz")
    return np.frombuffer(gzip.open(at).read(16 + 784 * 100), np.uint8, offset=16).reshape(-1, 28, 28, 1) if at.exists() else None


# ---- sequences ---------------------------------------------------------------------------------

WINDOW, HORIZON = 12, 5


def newest_window(top, properties):
    """The newest rows as a forecaster reads them, with `base` where it has differences, and the targets' names."""
    rows, names, lag = table(top / "newest.csv"), properties["features"].split("\n"), int(properties["difference"])
    targets, columns = properties["targets"].split("\n"), []
    for f in names:  # numbers (targets as differences), one column a level, sine and cosine of the row
        if "=" in f:
            columns.append([float(r[f.split("=")[0]] == f.split("=")[1]) for r in rows])
        elif f.startswith("period"):
            angle = 2 * np.pi * np.arange(len(rows)) / int(f.split()[1])
            columns.append(np.sin(angle) if f.endswith(" sine") else np.cos(angle))
        else:
            v = np.array([float(r[f]) for r in rows])
            columns.append(np.concatenate([np.zeros(lag), v[lag:] - v[:-lag]]) if lag and f in targets else v)
    given = {"x": np.stack(columns, 1)[None, -WINDOW:].astype(np.float32)}
    if lag:
        raw = np.array([[float(r[t]) for t in targets] for r in rows])
        given["base"] = raw[len(rows) - lag :][None, : min(lag, HORIZON)].astype(np.float32)
    return given, targets


def check_forecast(e, top, name, targets, y):
    said = lines(anneal(top, "predict", name, "newest.csv", "--format", "jsonl"))
    want = np.array([[s[t] for t in targets] for s in said])
    return max(e.check(t, y[0, :, k], want[:, k], 0) for k, t in enumerate(targets))


def symbols(properties):
    """The symbols of the property `tokens`, in the order of their numbers."""
    rows = properties["tokens"].split("\n")
    at = next(i for i, r in enumerate(rows) if r.startswith("symbols "))
    special = [f"<{k}>" for k in ("unk", "bos", "eos") if f"{k} 1" in rows[:at]]  # they come first
    return special + [r.encode().decode("unicode_escape") for r in rows[at + 1 : at + 1 + int(rows[at].split()[1])]]


def new_texts(top, name, properties):
    """The tokens' numbers of some texts, and each class's probability."""
    texts, number = [r["text"] for r in table(top / "texts.csv")[:20]], {s: i for i, s in enumerate(symbols(properties))}
    (top / "texts.txt").write_text("\n".join(texts) + "\n")
    said = lines(anneal(top, "predict", name, "texts.txt", "--format", "jsonl"))
    return [[number[w] for w in t.split()] for t in texts], said_of_classes(said, properties)


def new_windows(top, name, properties):
    """Windows of different lengths, and each class's probability."""
    groups = {}
    for r in table(top / "new_windows.csv"):
        groups.setdefault(r["window"], []).append([float(r["u"]), float(r["v"])])
    said = lines(anneal(top, "predict", name, "new_windows.csv", "--format", "jsonl"))
    return [np.array(g, np.float32) for g in groups.values()], said_of_classes(said, properties)


def said_of_classes(said, properties):
    return np.array([[s["probabilities"][c] for c in properties["class_names"].split("\n")] for s in said])


# ---- cases -------------------------------------------------------------------------------------


def case(name, run, *words):
    if len(sys.argv) > 2 and name not in sys.argv[2:]:
        return
    counted.append(name)
    try:
        print(f"ok    {name:24} error {run(*words):.3f} of the bound", flush=True)
    except Exception as e:  # each case by itself
        if "device cpu has no bf16 here" in str(e):
            counted.remove(name)
            print(f"skipped: {name}: this CPU has no bf16", flush=True)
            return
        failed.append(name)
        print(f"FAIL  {name:24} {e}", flush=True)


def each_of_samples(top, recipes, run, run_inputs):
    """A case a model of samples, and those of Fashion-MNIST; run_inputs: of the one that reads several inputs."""
    for name, recipe in recipes.items():
        if name == "inputs":
            case(name, run_inputs, top, name, recipe)
        else:
            case(name, run, top, name, recipe, name if name in ("heads", "values", "table") else "images")
    pictures = fashion()
    for name, recipe in samples.FASHION.items():
        if pictures is None:
            print(f"skipped: {name}: Fashion-MNIST is not there")
        else:
            case(name, run, top, name, recipe, None, pictures)


def finish():
    n = len(counted)
    print(f"{n - len(failed)} of {n} models and lists are as they should be" + (f"; failed: {' '.join(failed)}" if failed else ""))
    sys.exit(1 if failed or not n else 0)
