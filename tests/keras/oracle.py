#!/usr/bin/env python3
"""What `anneal export --to keras` writes, loaded by Keras as any model of its own, says what `anneal predict` says: for every model and
layer type that has a layer of Keras; what has none is refused by its name.

Usage: oracle.py ANNEAL [NAME...]     (needs numpy, h5py and Keras 3 with a backend, or Keras 2; exit 77: they are not there)

Tolerances: ../export/trained.py.
"""
import json
import os
import pathlib
import sys
import tempfile

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
try:
    import h5py
    import keras
    import numpy as np
except ImportError as e:
    print(f"Python's {e.name} is not installed")
    sys.exit(77)

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parent.parent / "export")]
import layers
import samples
import sequences
from trained import Trained, anneal, case, check_forecast, each_of_samples, finish, new_texts, new_windows, newest_window, predicted, scaled, write_all

KERAS = int(keras.__version__.split(".")[0])


class Exported(Trained):
    def __init__(self, top, name, recipe):
        super().__init__(top, name, recipe, "keras", "model.h5")
        with h5py.File(self.file) as f:
            self.properties = dict(f.attrs)
            config = json.loads(f.attrs["model_config"])
            order = [n.decode() for n in f["model_weights"].attrs["layer_names"]]
        self.model = keras.models.load_model(self.file, compile=False)
        if [x.name for x in self.model.layers] != order or order != [x["name"] for x in config["config"]["layers"]]:
            raise RuntimeError("Keras has the layers in another order than the file")
        self.inputs = [i.name for i in self.model.inputs] if KERAS > 2 else self.model.input_names
        self.count_terms(w.shape for w in self.model.get_weights())

    def run(self, *given):
        y = self.model.predict(list(given) if len(given) > 1 else given[0], verbose=0)
        return y if isinstance(y, list) else [y]


def run_samples(top, name, recipe, path="images", images=None):
    e = Exported(top, name, recipe)
    raw, said = predicted(top, name, recipe, path, images)
    x = scaled(raw)
    heads = [said] + [[s["heads"][h] for s in said] for h in said[0].get("heads", {})]
    every, alone, worst = e.run(x), e.run(x[:1]), 0
    for y, one, head in zip(every, alone, heads, strict=True):
        what = "values" if "values" in head[0] else "probabilities"
        worst = max(worst, e.check(what, y, [s[what] for s in head], 1e-6 if what != "values" else 1e-9))
        e.check("a sample alone", one, y[:1], 0)
    return worst


def run_inputs(top, name, recipe):
    """Two inputs: `predict` reads files of one; the loss and accuracy of `eval` are the model's."""
    e = Exported(top, name, recipe)
    r = json.loads(anneal(top, "eval", name, "--json"))
    x, more, label = (np.load(top / "inputs" / f"test-{f}.npy") for f in ("images", "input2", "labels"))
    given = {"image": scaled(x), "input2": scaled(more)}
    (p,) = e.run(*(given[n] for n in e.inputs))
    worst = e.check("loss", -np.log(p[np.arange(len(label)), label].astype(np.float64)).mean(), r["loss"], 1e-6)
    return max(worst, e.check("accuracy", (p.argmax(1) == label).mean(), r["accuracy"], 1e-6))


def run_series(top, name, recipe):
    e = Exported(top, name, recipe)
    given, targets = newest_window(top, e.properties)
    (y,) = e.run(*(given[n] for n in e.inputs))
    return check_forecast(e, top, name, targets, y)


def run_sequences(top, name, recipe, new):
    """All steps count: sequences of one length in a batch."""
    e = Exported(top, name, recipe)
    given, want = new(top, name, e.properties)
    return max(e.check("probabilities", e.run(np.array([x]))[0][0], w, 1e-6) for x, w in zip(given, want))


def loads_again(top):
    """Keras writes what it has read, and reads it: nothing in it is strange to it. It can be trained on."""
    e = Exported(top, "again", samples.SAMPLES["resnet-cifar"])
    x = scaled(np.load(top / "images" / "test-images.npy"))
    (y,) = e.run(x)
    e.model.save(top / "again.h5")
    e.model = keras.models.load_model(top / "again.h5", compile=False)
    worst = e.check("probabilities", e.run(x)[0], y, 0)
    e.model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
    e.model.fit(x, np.load(top / "images" / "test-labels.npy"), epochs=1, verbose=0)
    if np.array_equal(e.run(x)[0], y):
        raise RuntimeError("training changes nothing")
    return worst


def refused(top, name, recipe, said):
    (top / f"{name}.yaml").write_text(recipe)
    anneal(top, "train", f"{name}.yaml", "--run", name, "--no-test")
    text = anneal(top, "export", name, "--to", "keras", code=2)
    if said not in text or text.count("\n") != 1 or (top / name / "model.h5").exists():
        raise RuntimeError(f"says {text!r}, not {said!r}")
    return 0.0


def main():
    print(f"Keras {keras.__version__}, {keras.config.backend() if KERAS > 2 else 'tensorflow'}", flush=True)
    with tempfile.TemporaryDirectory(prefix="anneal-keras-") as d:
        top = pathlib.Path(d)
        write_all(top)
        recipes = {**{n: r for n, r in samples.SAMPLES.items() if n not in layers.REFUSED}, **layers.SAMPLES}
        for name in layers.KERAS_3 if KERAS < 3 else ():
            del recipes[name]
            print(f"skipped: {name} needs Keras 3")
        each_of_samples(top, recipes, run_samples, run_inputs)
        for name, recipe in sequences.FORECASTERS.items():
            if "series-" + name not in layers.REFUSED:
                case("series-" + name, run_series, top, "series-" + name, recipe)
        for name, model in sequences.CLASSIFIERS.items():
            model = "model: {name: seqclassifier, %s}\n" % model
            case("texts-" + name, run_sequences, top, "texts-" + name, model + sequences.TEXTS, new_texts)
            case("windows-" + name, run_sequences, top, "windows-" + name, model + sequences.WINDOWS, new_windows)
        case("loads-again", loads_again, top)
        every = {**samples.SAMPLES, **layers.STRANGE, **{"series-" + n: r for n, r in sequences.FORECASTERS.items()}, **sequences.LANGUAGE}
        for name, said in layers.REFUSED.items():
            case("refused-" + name, refused, top, "refused-" + name, every.get(name, sequences.SEQ2SEQ), said)
    finish()


if __name__ == "__main__":
    main() if len(sys.argv) > 1 else sys.exit(__doc__)
