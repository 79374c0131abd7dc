"""A notebook: a real kernel shows each result once, as HTML and as text."""

import os
import tempfile
from pathlib import Path

import pytest

SETUP = """
import keras
import numpy as np
import regard
from regard.types import Explanation, Translation
"""
# A cell each. The first ones make what the others show, and show nothing.
QUIET = {
    "import": SETUP,
    "train": """
import sys; sys.path.insert(0, TESTS)
import toy
settings = toy.SETTINGS | {"epochs": 1}
texts, labels = toy.messages(48)
classifier = regard.TextClassifier(seed=0, **settings)
classifier.fit(texts, labels, progress=False)
evaluation = classifier.evaluate(texts[:9], labels[:9])
report = regard.trust.examine(classifier, texts, n=8)
why = classifier.explain(texts[0])
""",
    "observe": """
tokens = keras.Input((None,), dtype="int32")
states = keras.layers.Embedding(9, 4)(tokens)
looked = keras.layers.MultiHeadAttention(2, 4, name="looked")(states, states)
model = keras.Model(tokens, regard.layers.AttentionPooling(name="pooled")(looked))
seen = regard.observe(model).predict(np.ones((2, 5), "int32"), verbose=0)
""",
    "make": """
from regard.comparison import Budget, Comparison, TrainingRun
from regard.metrics import TextScore
from regard.translation.evaluation import TranslationEvaluation
sides = ("ein", "hund"), ("a", "dog")
best = Translation("ein hund", "a dog", *sides, np.eye(2), -1, -1)
runs = tuple(TrainingRun(m, 0, 0.5, None, np.arange(4.0)) for m in ("none", "ours"))
compared = Comparison("first-n", ("none", "ours"), runs, Budget(4), 1.0)
""",
    "show the progress": """
from regard.classification.trainer import ClassificationProgress
from regard_cli.progress_bar import training_progress
import io, sys
sys.stderr, kept = io.StringIO(), sys.stderr
with training_progress() as show:
    show(ClassificationProgress(epoch=1, epochs=1, step=2, steps=2, loss=0.5,
        validation_loss=None, seconds=1, seconds_left=0, accuracy=0.5,
        validation_accuracy=None))
written, sys.stderr = sys.stderr.getvalue(), kept
assert written.startswith("epoch  1  loss 0.500"), written
""",
    "save": """
regard.plot.text(why).save("why.txt")
regard.plot.alignment(best).save("best.txt")
regard.plot.text(why).save("why.html")
""",
}
SHOWN = {
    "why": "[",
    "best": "log-probability",
    "seen": "looked",
    'seen.attention["looked"]': "heads=2, queries=5, keys=5",
    'seen.attention["pooled"]': "keys=5",
    "evaluation": "accuracy",
    'TranslationEvaluation(*[TextScore(9.0, "s")] * 3, 7)': "bleu",
    "compared": "first-n",
    "report": "CANNOT TELL",
    "regard.plot.trust(report)": "CANNOT TELL",
    "regard.plot.text(why, shade='contributions')": "[",
    "regard.plot.text(why)": "[",
    "regard.plot.text(list('abc'), [0.1, 0.8, 0.1])": "[b 0.800]",
    "regard.plot.alignment(best)": "a dog",
    'regard.plot.alignment(seen.attention["looked"])': "sequence 1, head 1",
    'regard.plot.heads(seen.attention["looked"], batch=0)': "entropy",
    "regard.plot.attention(seen, batch=0)": "The same in other ways",
    "regard.plot.image([0.25] * 4, np.ones((4, 4)))": "row 0, column 0",
    "regard.plot.bars([0.2, 0.8], ['age', 'height'])": "height  0.800",
    "regard.plot.over_time([0.2, 0.8], [1, 2])": "step  value  weight",
    "regard.plot.curves(compared.losses, compared.samples_seen)": "ours",
}
PRINTED = {
    "print(regard.plot.text(why))": "[",
    "print(regard.plot.alignment(best).to_terminal())": "log-probability",
}


def test_a_notebook_shows_each_result_once_as_html_and_as_text(tmp_path):
    outputs = run([*QUIET.values(), *SHOWN, *PRINTED], tmp_path)
    said = dict(zip((*QUIET, *SHOWN, *PRINTED), outputs, strict=True))
    assert {name: said[name] for name in QUIET if said[name]} == {}
    wrong = {
        code: said[code] for code in SHOWN if not shown_once(said[code], SHOWN[code])
    }
    assert wrong == {}
    for code, text in PRINTED.items():
        (output,) = said[code]
        assert (output.output_type, output.name) == ("stream", "stdout")
        assert text in output.text
    assert "%" in (tmp_path / "why.txt").read_text("utf-8")
    assert "a dog" in (tmp_path / "best.txt").read_text("utf-8")
    assert "<article" in (tmp_path / "why.html").read_text("utf-8")


def shown_once(outputs, text):
    """Whether a cell has one output, as HTML and as text that holds this one."""
    (output, *more) = outputs or [None]
    return (
        not more
        and output is not None
        and output.output_type == "execute_result"
        and set(output.data) == {"text/html", "text/plain"}
        and output.data["text/html"].lstrip().startswith("<style>")
        # Whoever opens the notebook later loads all of it.
        and len(output.data["text/html"]) < 60_000
        and text in output.data["text/plain"]
    )


def run(cells, folder):
    """The outputs of each cell of a notebook that a kernel ran."""
    nbclient = pytest.importorskip("nbclient", reason="notebooks need nbclient")
    pytest.importorskip("ipykernel", reason="notebooks need a kernel")
    from jupyter_client import AsyncKernelManager
    from nbformat import v4

    tests = str(Path(__file__).parents[1])
    codes = [code.replace("TESTS", repr(tests)) for code in cells]
    notebook = v4.new_notebook(cells=[v4.new_code_cell(code) for code in codes])
    environment = os.environ | {"IPYTHONDIR": str(folder / "ipython")}
    # With it the kernel would not pass on what libraries write past Python.
    environment.pop("PYTEST_CURRENT_TEST", None)
    # Sockets are files with names of at most a hundred characters, and no network.
    with tempfile.TemporaryDirectory(prefix="kernel-") as sockets:
        kernel = AsyncKernelManager(
            transport="ipc", connection_file=f"{sockets}/kernel.json"
        )
        nbclient.NotebookClient(
            notebook,
            km=kernel,
            timeout=300,
            resources={"metadata": {"path": str(folder)}},
        ).execute(env=environment)
    return [cell.outputs for cell in notebook.cells]
