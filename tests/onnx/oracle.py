#!/usr/bin/env python3
"""What `anneal export --to onnx` writes, run in ONNX Runtime, says what `anneal predict` says: for every model and layer type.

Usage: oracle.py ANNEAL [NAME...]     (needs numpy, onnx, onnxruntime; exit 77: they are not there)

Each file also passes ONNX's own checker. Tolerance of a result y: eps (2^-24, an fp32 rounding) times the root of the number of
terms that all sums of the graph have, times |y|'s largest: the error of sums in another order; twice, for what layers behind make
of it; and half of the last digit that `predict` prints.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import onnxruntime
except ImportError as e:
    print(f"Python's {e.name} is not installed")
    sys.exit(77)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import samples
import sequences

EPS, GROWTH = 2.0**-24, 2
ANNEAL = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else sys.exit(__doc__)
failed, count = [], 0


def anneal(top, *words, code=0):
    r = subprocess.run([str(ANNEAL), *words], cwd=top, capture_output=True, text=True)
    if r.returncode != code:
        raise RuntimeError(f"anneal {' '.join(words)}: exit {r.returncode}, not {code}\n{r.stderr}")
    return r.stdout if code == 0 else r.stderr


class Exported:
    def __init__(self, top, name, recipe):
        (top / f"{name}.yaml").write_text(recipe)
        anneal(top, "train", f"{name}.yaml", "--run", name, "--no-test", "threads=1")
        self.file = top / name / "model.onnx"
        if anneal(top, "export", name, "--to", "onnx").strip() != f"{name}/model.onnx":
            raise RuntimeError("export does not print the file's name")
        self.model = onnx.load(self.file)
        onnx.checker.check_model(self.model, full_check=True)
        self.properties = {p.key: p.value for p in self.model.metadata_props}
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(self.file), options, providers=["CPUExecutionProvider"])
        size = {t.name: list(t.dims) for t in self.model.graph.initializer}
        self.terms = 1 + sum(np.prod(d) / d[0] for d in size.values() if len(d) > 1)

    def run(self, wanted, **given):
        return self.session.run(wanted, given)

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


# ---- samples: images and tables ----------------------------------------------------------------


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


def as_input(x):
    """Images N,H,W,C as N,C,H,W in 0 to 1; rows as they are."""
    x = x.astype(np.float32) / 255 if x.dtype == np.uint8 else x
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if x.ndim == 4 else x


def check_head(e, name, said, x, digit=1e-6):
    """One head's JSON of each sample against the graph's; the worst error as a share of the bound."""
    prefix = f"{name}." if name else ""
    if "values" in said[0]:
        (y,) = e.run([prefix + "values"], image=x)
        return e.check(prefix + "values", y, [s["values"] for s in said], 1e-9)
    logits, p = e.run([prefix + "logits", prefix + "probabilities"], image=x)
    if not (logits.argmax(1) == p.argmax(1)).all():
        raise RuntimeError(f"{prefix}logits and probabilities name other classes")
    return e.check(prefix + "probabilities", p, [s["probabilities"] for s in said], digit)


def run_samples(top, name, recipe, path="images", images=None):
    e = Exported(top, name, recipe)
    file = f"{path}/test-images.npy"
    raw = np.load(top / file) if images is None else images
    if images is not None:
        file = f"{name}.npy"
        np.save(top / file, images)
    said = lines(anneal(top, "predict", name, file, "--format", "jsonl", *(["train.precision=fp32"] if "bf16" in recipe else [])))
    x = as_input(raw)
    worst = check_head(e, None, said, x)
    for head in said[0].get("heads", {}):
        worst = max(worst, check_head(e, head, [s["heads"][head] for s in said], x))
    one = e.run(None, image=x[:1])  # any number of samples
    for a, b in zip(e.run(None, image=x), one):
        e.check("a sample alone", b, a[:1], 0)
    return worst


def run_inputs(top, name, recipe):
    """Two inputs: `predict` reads files of one; the loss and accuracy of `eval` are the graph's."""
    e = Exported(top, name, recipe)
    r = json.loads(anneal(top, "eval", name, "--json"))
    x, more, label = (np.load(top / "inputs" / f"test-{f}.npy") for f in ("images", "input2", "labels"))
    (logits,) = e.run(["logits"], image=as_input(x), input2=as_input(more))
    loss = np.log(np.exp(logits.astype(np.float64)).sum(1)) - logits[np.arange(len(label)), label]
    worst = e.check("loss", loss.mean(), r["loss"], 1e-6)
    return max(worst, e.check("accuracy", (logits.argmax(1) == label).mean(), r["accuracy"], 1e-6))


def fashion():
    import gzip

    at = pathlib.Path("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz")
    return np.frombuffer(gzip.open(at).read(16 + 784 * 100), np.uint8, offset=16).reshape(-1, 28, 28, 1) if at.exists() else None


# ---- sequences ---------------------------------------------------------------------------------


def table(path):
    head, *rows = path.read_text().splitlines()
    return [dict(zip(head.split(","), r.split(","))) for r in rows]


def run_series(top, name, recipe):
    e = Exported(top, name, recipe)
    rows, names, lag = table(top / "newest.csv"), e.properties["features"].split("\n")[:-1], int(e.properties["difference"])
    targets, window, horizon = e.properties["targets"].split("\n")[:-1], 12, 5
    columns = []
    for f in names:  # numbers (targets as differences), one column a level, sine and cosine of the row
        if "=" in f:
            columns.append([float(r[f.split("=")[0]] == f.split("=")[1]) for r in rows])
        elif f.startswith("period"):
            angle = 2 * np.pi * np.arange(len(rows)) / int(f.split()[1])
            columns.append(np.sin(angle) if f.endswith(" sine") else np.cos(angle))
        else:
            v = np.array([float(r[f]) for r in rows])
            columns.append(np.concatenate([np.zeros(lag), v[lag:] - v[:-lag]]) if lag and f in targets else v)
    given = {"x": np.stack(columns, 1)[None, -window:].astype(np.float32)}
    if lag:
        raw = np.array([[float(r[t]) for t in targets] for r in rows])
        given["base"] = raw[len(rows) - lag :][None, : min(lag, horizon)].astype(np.float32)
    (y,) = e.run(["values"], **given)
    said = lines(anneal(top, "predict", name, "newest.csv", "--format", "jsonl"))
    want = np.array([[s[t] for t in targets] for s in said])
    return max(e.check(t, y[0, :, k], want[:, k], 0) for k, t in enumerate(targets))


def symbols(e):
    """The symbols of the property `tokens`, in the order of their numbers."""
    rows = e.properties["tokens"].split("\n")
    at = next(i for i, r in enumerate(rows) if r.startswith("symbols "))
    special = [f"<{k}>" for k in ("unk", "bos", "eos") if f"{k} 1" in rows[:at]]  # they come first
    return special + [r.encode().decode("unicode_escape") for r in rows[at + 1 : at + 1 + int(rows[at].split()[1])]]


def run_texts(top, name, recipe):
    e = Exported(top, name, recipe)
    texts, number = [r["text"] for r in table(top / "texts.csv")[:20]], {s: i for i, s in enumerate(symbols(e))}
    (top / "texts.txt").write_text("\n".join(texts) + "\n")
    said = lines(anneal(top, "predict", name, "texts.txt", "--format", "jsonl"))
    ids = [[number[w] for w in t.split()] for t in texts]
    shape = e.session.get_inputs()[0].shape
    steps = shape[1] if isinstance(shape[1], int) else max(map(len, ids)) + 3
    tokens = np.array([i + [-1] * (steps - len(i)) for i in ids], np.int32)
    (p,) = e.run(["probabilities"], tokens=tokens, length=np.array([len(i) for i in ids], np.int32))
    classes = e.properties["class_names"].split("\n")
    return e.check("probabilities", p, [[s["probabilities"][c] for c in classes] for s in said], 1e-6)


def run_windows(top, name, recipe):
    e = Exported(top, name, recipe)
    rows, groups = table(top / "new_windows.csv"), {}
    for r in rows:
        groups.setdefault(r["window"], []).append([float(r["u"]), float(r["v"])])
    said = lines(anneal(top, "predict", name, "new_windows.csv", "--format", "jsonl"))
    shape = e.session.get_inputs()[0].shape
    steps = shape[1] if isinstance(shape[1], int) else 11
    x = np.full((len(groups), steps, 2), 77, np.float32)  # what stands behind a window's end must not matter
    for i, g in enumerate(groups.values()):
        x[i, : len(g)] = g
    (p,) = e.run(["probabilities"], x=x, length=np.array([len(g) for g in groups.values()], np.int32))
    classes = e.properties["class_names"].split("\n")
    return e.check("probabilities", p, [[s["probabilities"][c] for c in classes] for s in said], 1e-6)


def run_language(top, name, recipe):
    """The likeliest text, a token at a time where there is a state, else the last `steps` tokens again."""
    e = Exported(top, name, recipe)
    table_, prompt = symbols(e), "one two "
    want = anneal(top, "predict", name, "--prompt", prompt, "--length", "40", "--temperature", "0")
    ids = [table_.index(c) for c in prompt]
    states = {i.name: np.zeros((1, i.shape[1]), np.float32) for i in e.session.get_inputs() if i.name.startswith("state")}
    given, text = list(ids), prompt
    for _ in range(40):
        tokens = given if states else ids[-16:]
        steps = e.session.get_inputs()[0].shape[1]
        padded = tokens + [-1] * (steps - len(tokens)) if isinstance(steps, int) else tokens
        out = dict(zip([o.name for o in e.session.get_outputs()], e.run(None, tokens=np.array([padded], np.int32), **states)))
        best = int(out["logits"][0, len(tokens) - 1].argmax())
        states = {k: out[f"{k}.next"] for k in states}
        given, ids = [best], ids + [best]
        text += table_[best]
    if want.strip("\n") not in (text.strip("\n"), text[len(prompt):].strip("\n")):
        raise RuntimeError(f"continues with {text!r}, not {want!r}")
    return 0.0


# ---- all ---------------------------------------------------------------------------------------


def covered(top):
    """Every layer type is in one of the recipes above."""
    types = [line.split()[0] for line in anneal(top, "explain", "--layers").splitlines() if line.startswith("  ") and line[2] != " "]
    used = " ".join(samples.SAMPLES.values())
    missing = [t for t in types if f"type: {t}," not in used and f"- {t}\n" not in used and t not in samples.ELSEWHERE]
    if missing or len(types) < 30:
        raise RuntimeError(f"layer types without a case: {missing}")
    return 0.0


def refused(top):
    (top / "pairs.yaml").write_text(sequences.SEQ2SEQ)
    anneal(top, "train", "pairs.yaml", "--run", "pairs", "--no-test")
    said = anneal(top, "export", "pairs", "--to", "onnx", code=2)
    if "translator" not in said or (top / "pairs" / "model.onnx").exists():
        raise RuntimeError(f"a translator: {said}")
    return 0.0


def case(wanted, name, run, *words):
    global count
    if wanted and name not in wanted:
        return
    count += 1
    try:
        print(f"ok    {name:24} error {run(*words):.3f} of the bound", flush=True)
    except Exception as e:  # each case by itself
        failed.append(name)
        print(f"FAIL  {name:24} {e}", flush=True)


def main():
    with tempfile.TemporaryDirectory(prefix="anneal-onnx-") as d:
        top, rng, wanted = pathlib.Path(d), np.random.default_rng(1), sys.argv[2:]
        write_samples(rng, top)
        sequences.write_all(rng, top)
        case(wanted, "layers", covered, top)
        for name, recipe in samples.SAMPLES.items():
            if name == "inputs":
                case(wanted, name, run_inputs, top, name, recipe)
            else:
                case(wanted, name, run_samples, top, name, recipe, name if name in ("heads", "values", "table") else "images")
        pictures = fashion()
        for name, recipe in samples.FASHION.items():
            if pictures is None:
                print("skipped: Fashion-MNIST is not there")
            else:
                case(wanted, name, run_samples, top, name, recipe, None, pictures)
        for name, recipe in sequences.FORECASTERS.items():
            case(wanted, "series-" + name, run_series, top, "series-" + name, recipe)
        for name, model in sequences.CLASSIFIERS.items():
            model = "model: {name: seqclassifier, %s}\n" % model
            case(wanted, "texts-" + name, run_texts, top, "texts-" + name, model + sequences.TEXTS)
            case(wanted, "windows-" + name, run_windows, top, "windows-" + name, model + sequences.WINDOWS)
        for name, recipe in sequences.LANGUAGE.items():
            case(wanted, name, run_language, top, name, recipe)
        case(wanted, "refused", refused, top)
    print(f"{count - len(failed)} of {count} models and lists are as they should be" + (f"; failed: {' '.join(failed)}" if failed else ""))
    sys.exit(1 if failed or not count else 0)


if __name__ == "__main__":
    main()
