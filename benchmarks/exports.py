"""Exported programs beside the models they were made of, on the texts of SST-2.

    python benchmarks/exports.py [--backend jax] make DATA FOLDER [--texts 1000]
    python benchmarks/exports.py [--backend jax] time FOLDER [--seconds 2]

``make`` trains three models on the first 2,000 texts of the training set: the
default classifier, one whose learned attention reads a bidirectional GRU, and a model
of Keras with a bidirectional LSTM under ``AttentionPooling``. Each is exported to ONNX
and StableHLO, and runs on the first texts of the test set: how far its probabilities
and its attention are from the model's, at most, and the sizes of the files. DATA is the
folder of the data sets.

``time`` reads what ``make`` left, and runs it in one process on one thread: the time
for a text from the text on, for ``explain`` of the classifier and for ONNX Runtime with
the reader that stands beside the program, one text at a time and 256 together; medians,
each way in turn.
"""

import argparse
import csv
import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import _backend

os.environ["KERAS_BACKEND"] = _backend.choose_backend("jax")

import jax
import keras
import numpy as np
import onnxruntime
from jax import export as jax_export

import regard
from regard.exports.text_reader import TextReader

_TRAINING, _TOGETHER = 2_000, 256
_GRU = {"sharpness": 0.0, "recurrent_units": 64, "epochs": 4}


def texts_of(data: Path, part: str, most: int) -> tuple[list[str], list[str]]:
    """The first texts of a part of SST-2 and their labels."""
    with (data / "sst" / f"sst2_{part}.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row["text"] for row in rows[:most]], [row["label"] for row in rows[:most]]


def make(data: Path, folder: Path, most: int) -> None:
    """Train, export and compare."""
    folder.mkdir(exist_ok=True)
    texts, labels = texts_of(data, "train", _TRAINING)
    asked, _ = texts_of(data, "test", most)
    (folder / "texts.json").write_text(json.dumps(asked), "utf-8")
    print(f"{_backend.environment()}\n{len(asked):,} texts")
    print(f"{'model':10} {'format':10} {'bytes':>10} {'outputs':>9} {'attention':>9}")
    for name, settings in {"default": {}, "gru": _GRU}.items():
        model = regard.TextClassifier(seed=0, **settings).fit(texts, labels)
        model.save(folder / f"{name}.regard")
        why = model.explain(asked)
        for form in regard.exports.FORMATS:
            exported = regard.export(
                model,
                folder / f"{name}.{form}",
                reader=folder / "read_texts.py",
            )
            reader = TextReader(exported.notes)
            run = runner(exported)
            apart = np.zeros(2)
            for start in range(0, len(asked), 50):
                batch = reader.read(asked[start : start + 50])
                outputs = run({"tokens": batch.rows})
                answers = reader.answers(batch, *outputs)
                for answer, own in zip(answers, why[start : start + 50], strict=True):
                    assert answer.tokens == own.tokens
                    shares = np.asarray(list(answer.probabilities.values()))
                    apart = np.maximum(
                        apart,
                        [
                            np.abs(shares - own.probabilities).max(),
                            np.abs(answer.weights - own.weights).max(),
                        ],
                    )
            tell(name, exported, apart)
    pooling(regard.load(folder / "default.regard"), asked, folder)


def pooling(classifier: Any, asked: Sequence[str], folder: Path) -> None:
    """The same of a model of Keras, on the ids of the words."""
    reader = classifier.trained.reader
    words = reader.features.words
    inputs = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(words, 64, mask_zero=True)(inputs)
    x = keras.layers.Bidirectional(keras.layers.LSTM(64, return_sequences=True))(x)
    x = regard.layers.AttentionPooling("context", units=64, name="pool")(x)
    outputs = keras.layers.Dense(2, activation="softmax", name="classes")(x)
    model = keras.Model(inputs, outputs)
    ids = [each.ids[:, 0] for each in reader.read(asked)]
    padded = np.zeros((len(ids), max(map(len, ids))), np.int32)
    for row, of_text in zip(padded, ids, strict=True):
        row[: len(of_text)] = of_text
    seen = regard.observe(model).predict(padded, verbose=0)
    for form in regard.exports.FORMATS:
        exported = regard.export(model, folder / f"pooling.{form}")
        shares, weights = runner(exported)({"ids": padded})
        apart = [
            np.abs(shares - seen.outputs).max(),
            np.abs(weights - seen.attention["pool"].weights).max(),
        ]
        tell("pooling", exported, apart)


def runner(exported: Any) -> Callable[[dict[str, Any]], Sequence[Any]]:
    """What runs a program."""
    names = [port.name for port in exported.outputs]
    if exported.format == "onnx":
        session = onnxruntime.InferenceSession(exported.path)
        return lambda inputs: session.run(names, inputs)
    read = jax_export.deserialize(bytearray(exported.path.read_bytes()))
    call = jax.jit(read.call)

    def run(inputs: dict[str, Any]) -> list[Any]:
        given = call(**inputs)
        return [np.asarray(given[name]) for name in names]

    return run


def tell(name: str, exported: Any, apart: Sequence[float]) -> None:
    """A line of the table."""
    outputs, attention = apart
    print(
        f"{name:10} {exported.format:10} {exported.size:10,} "
        f"{outputs:9.1e} {attention:9.1e}",
        flush=True,
    )


def measure(folder: Path, seconds: float) -> None:
    """Both ways in turn, from texts to answers."""
    asked = json.loads((folder / "texts.json").read_text("utf-8"))
    spec = importlib.util.spec_from_file_location(
        "read_texts", folder / "read_texts.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["read_texts"] = module
    spec.loader.exec_module(module)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    print(f"{_backend.environment()}, ONNX Runtime {onnxruntime.__version__}")
    print(f"{'model':10} {'texts':>6} {'explain':>11} {'ONNX Runtime':>13} ratio")
    for name in ("default", "gru"):
        classifier = regard.load(folder / f"{name}.regard")
        session = onnxruntime.InferenceSession(folder / f"{name}.onnx", options)
        reader = module.TextReader(session.get_modelmeta().custom_metadata_map)

        def answers(
            texts: list[str], session: Any = session, reader: Any = reader
        ) -> None:
            # Texts of like lengths together, as ``explain`` puts them.
            ordered = sorted(texts, key=len)
            for start in range(0, len(ordered), 32):
                batch = reader.read(ordered[start : start + 32])
                outputs = session.run(
                    ["probabilities", "attention"], {"tokens": batch.rows}
                )
                reader.answers(batch, *outputs)

        for count in (1, _TOGETHER):
            groups = [asked[n : n + count] for n in range(0, len(asked), count)][:-1]
            ways = {"explain": classifier.explain, "onnx": answers}
            for way in ways.values():
                for group in groups[:60]:
                    way(group)
            taken: dict[str, list[float]] = {way: [] for way in ways}
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                for group in groups:
                    for way, run in ways.items():
                        begin = time.perf_counter()
                        run(group)
                        taken[way].append((time.perf_counter() - begin) / count)
            own, other = (1e6 * statistics.median(each) for each in taken.values())
            print(
                f"{name:10} {count:6} {own:8.0f} us {other:10.0f} us {own / other:5.2f}"
            )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    _backend.add_argument(parser, "jax")
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make")
    making.add_argument("data", type=Path)
    making.add_argument("folder", type=Path)
    making.add_argument("--texts", type=int, default=1_000)
    timing = commands.add_parser("time")
    timing.add_argument("folder", type=Path)
    timing.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    if options.command == "make":
        make(options.data, options.folder, options.texts)
    else:
        measure(options.folder, options.seconds)


if __name__ == "__main__":
    main()
