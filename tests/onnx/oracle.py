#!/usr/bin/env python3
"""What `anneal export --to onnx` writes, run in ONNX Runtime, says what `anneal predict` says: for every model and layer type.

Usage: oracle.py ANNEAL [NAME...]     (needs numpy, onnx, onnxruntime; exit 77: they are not there)

Each file also passes ONNX's own checker. Tolerances: ../export/trained.py.
"""
import json
import pathlib
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import onnxruntime
except ImportError as e:
    print(f"Python's {e.name} is not installed")
    sys.exit(77)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "export"))
import samples
import sequences
from trained import Trained, anneal, case, check_forecast, each_of_samples, finish, new_texts, new_windows, newest_window, predicted, scaled, symbols, write_all


class Exported(Trained):
    def __init__(self, top, name, recipe):
        super().__init__(top, name, recipe, "onnx", "model.onnx")
        self.model = onnx.load(self.file)
        onnx.checker.check_model(self.model, full_check=True)
        self.properties = {p.key: p.value for p in self.model.metadata_props}
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(self.file), options, providers=["CPUExecutionProvider"])
        self.count_terms(list(t.dims) for t in self.model.graph.initializer)

    def run(self, wanted, **given):
        return self.session.run(wanted, given)

    def steps(self, otherwise):
        shape = self.session.get_inputs()[0].shape
        return shape[1] if isinstance(shape[1], int) else otherwise


def as_input(x):
    """Images N,H,W,C as N,C,H,W in 0 to 1; rows as they are."""
    x = scaled(x)
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
    raw, said = predicted(top, name, recipe, path, images)
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


# ---- sequences ---------------------------------------------------------------------------------


def run_series(top, name, recipe):
    e = Exported(top, name, recipe)
    given, targets = newest_window(top, e.properties)
    (y,) = e.run(["values"], **given)
    return check_forecast(e, top, name, targets, y)


def run_texts(top, name, recipe):
    e = Exported(top, name, recipe)
    ids, want = new_texts(top, name, e.properties)
    steps = e.steps(max(map(len, ids)) + 3)
    tokens = np.array([i + [-1] * (steps - len(i)) for i in ids], np.int32)
    (p,) = e.run(["probabilities"], tokens=tokens, length=np.array([len(i) for i in ids], np.int32))
    return e.check("probabilities", p, want, 1e-6)


def run_windows(top, name, recipe):
    e = Exported(top, name, recipe)
    windows, want = new_windows(top, name, e.properties)
    x = np.full((len(windows), e.steps(11), 2), 77, np.float32)  # what stands behind a window's end must not matter
    for i, w in enumerate(windows):
        x[i, : len(w)] = w
    (p,) = e.run(["probabilities"], x=x, length=np.array([len(w) for w in windows], np.int32))
    return e.check("probabilities", p, want, 1e-6)


def run_language(top, name, recipe):
    """The likeliest text, a token at a time where there is a state, else the last `steps` tokens again."""
    e = Exported(top, name, recipe)
    table_, prompt = symbols(e.properties), "one two "
    want = anneal(top, "predict", name, "--prompt", prompt, "--length", "40", "--temperature", "0")
    ids = [table_.index(c) for c in prompt]
    states = {i.name: np.zeros((1, i.shape[1]), np.float32) for i in e.session.get_inputs() if i.name.startswith("state")}
    given, text = list(ids), prompt
    for _ in range(40):
        tokens = given if states else ids[-16:]
        padded = tokens + [-1] * (e.steps(len(tokens)) - len(tokens))
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


def main():
    with tempfile.TemporaryDirectory(prefix="anneal-onnx-") as d:
        top = pathlib.Path(d)
        write_all(top)
        case("layers", covered, top)
        each_of_samples(top, samples.SAMPLES, run_samples, run_inputs)
        for name, recipe in sequences.FORECASTERS.items():
            case("series-" + name, run_series, top, "series-" + name, recipe)
        for name, model in sequences.CLASSIFIERS.items():
            model = "model: {name: seqclassifier, %s}\n" % model
            case("texts-" + name, run_texts, top, "texts-" + name, model + sequences.TEXTS)
            case("windows-" + name, run_windows, top, "windows-" + name, model + sequences.WINDOWS)
        for name, recipe in sequences.LANGUAGE.items():
            case(name, run_language, top, name, recipe)
        case("refused", refused, top)
    finish()


if __name__ == "__main__":
    main() if len(sys.argv) > 1 else sys.exit(__doc__)
