"""Text classifiers as a kind: what is asked of one, and how its answers are told."""

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regard._label_values import label_name
from regard.bundle import ABOUT, RECORD, TRUST, Bundle, PartNames
from regard.bundle.trust_part import CARD
from regard.classification._encoder.encoder_classifier import (
    PARTS_WITH_ENCODER,
    PIECES,
    TrainedEncoderClassifier,
)
from regard.classification.artifact import KIND, PARTS, TrainedTextClassifier
from regard.classification.class_metrics import ClassificationEvaluation
from regard.classification.classifier_engine import TextClassifierEngine
from regard.classification.label_sets import LabelSetEvaluation
from regard.classification.labelled_texts import not_cleaned
from regard.classification.mistakes import Mistakes
from regard.classification.network import ATTENTION, is_of_labels
from regard.classification.temperature import PROBABILITIES
from regard.classification.text_classifier import TextClassifier
from regard.errors import DataWarning
from regard.inference import Limits, RequestSchema
from regard.inference.answer_columns import AnswerColumns, KeptAttention
from regard.inference.exportable import PREFIX, Exportable
from regard.inference.json_format import (
    FLAG,
    HEADS_HTML,
    HTML,
    NUMBER,
    OFFSETS,
    TEXT,
    Schema,
    array,
    record,
)
from regard.types import Explanation, ModelLine

if TYPE_CHECKING:
    from regard.plot import TextPlot

_TABLE_HEAD = ("label", "precision", "recall", "F1", "examples")


class TextClassifierKind:
    """The kind of ``TextClassifier``; see ``regard.kinds.Kind``."""

    name = KIND
    parts = PartNames(
        PARTS,
        optional=frozenset({ABOUT, CARD, RECORD, TRUST}),
        others=(PARTS_WITH_ENCODER,),
    )
    # Enough for the machine to work on at once, little enough to see results early.
    batch_size = 256
    shades: tuple[str, ...] = ("attention", "contributions")
    evaluation_options: tuple[str, ...] = (
        "text",
        "label",
        "label_separator",
        "errors",
    )
    text_column: str = "text"
    request_examples: Mapping[str, Any] = {
        "one": {"inputs": "A film that never finds its feet."},
        "several, without weights": {
            "inputs": ["One text.", "Another text."],
            "weights": False,
        },
    }

    def facts(self, model: TextClassifier) -> dict[str, Any]:
        """Its labels, and how much of a text it reads."""
        trained = model.trained
        return {
            "labels": list(trained.labels.names),
            "max_tokens": trained.config.max_length,
            "heads": trained.model.get_layer(ATTENTION).num_heads,
        }

    def load(self, bundle: Bundle) -> TextClassifier:
        """The classifier of a checked bundle."""
        with_encoder = PIECES in bundle.parts
        kind = TrainedEncoderClassifier if with_encoder else TrainedTextClassifier
        trained = kind.from_bundle(bundle)
        line = replace(trained.origin or ModelLine(), name=bundle.path.resolve().name)
        # Its answers say which bundle they are of.
        object.__setattr__(trained, "origin", line)
        return TextClassifier.of(trained)

    def answer(
        self, model: TextClassifier, texts: Sequence[str]
    ) -> Sequence[Explanation]:
        """The label of each text, and what it rests on."""
        return model.explain(texts)

    def to_json(self, answer: Explanation) -> Any:
        """An answer as plain values."""
        return answer.to_dict()

    def to_row(self, answer: Explanation | None) -> dict[str, Any]:
        """The label and its probability, as columns of a table.

        Where a text may have several, lists of those that it is given.
        """
        if answer is not None and answer.given is not None:
            named = dict(zip(answer.labels, answer.probabilities.tolist(), strict=True))
            return {
                "prediction": list(answer.given),
                "probability": [named[name] for name in answer.given],
            }
        return {
            "prediction": None if answer is None else answer.label,
            "probability": None if answer is None else answer.probability,
        }

    def plot(
        self,
        answers: Sequence[Explanation],
        left_out: int = 0,
        *,
        shade: str = "attention",
        right: Any = None,
    ) -> "TextPlot":
        """Answers drawn, as a page or for a terminal; see ``regard.plot.text``."""
        from regard.plot import TextPlot  # noqa: PLC0415 - loading needs no pictures

        return TextPlot(answers, left_out, shade, right)

    def evaluate(
        self, model: TextClassifier, data: Sequence[Path], options: Mapping[str, Any]
    ) -> ClassificationEvaluation | LabelSetEvaluation | Mistakes:
        """Measure a classifier on a file of labelled texts.

        Args:
            model: The classifier.
            data: The file.
            options: The columns, ``text`` and ``label``, the ``reading``, what stands
                between several labels, ``label_separator``, whether examples are
                mended, ``clean``; and whether the ``errors`` are wanted, of which at
                most ``most`` with what they rest on.

        Warns:
            DataWarning: Examples were mended.
        """
        from regard.data import clean_examples, read_examples  # noqa: PLC0415 - for files

        # A file has texts for labels, also where the model was trained on numbers.
        known = {label_name(label): label for label in model.labels}
        texts, names = read_examples(
            data[0],
            options["text"],
            options["label"],
            **options["reading"],
            known_labels=known,
            lenient=options["clean"],
            label_separator=model.columns.get("separator")
            if options.get("label_separator") is None
            else options["label_separator"],
        )
        if any(isinstance(name, tuple) for name in names):
            if options["clean"]:
                raise not_cleaned()
            sets = [tuple(known[each] for each in name) for name in names]
            # Which of them have errors is no question of theirs, and says so.
            return (model.errors if options["errors"] else model.evaluate)(texts, sets)
        if options["clean"]:
            mended = clean_examples(texts, names, known)
            texts, names = mended.texts, [str(name) for name in mended.labels]
            for said in mended.changes:
                warnings.warn(said, DataWarning, stacklevel=2)
        labels = [known[name] for name in names]
        if options["errors"]:
            return model.errors(texts, labels, most=options["most"])
        return model.evaluate(texts, labels)

    def evaluation_table(
        self, evaluation: ClassificationEvaluation | LabelSetEvaluation | Mistakes
    ) -> str:
        """Accuracy, F1, loss, calibration, errors of ratings; a line for each label."""
        if isinstance(evaluation, Mistakes):
            return f"{self.evaluation_table(evaluation.evaluation)}\n{evaluation}\n"
        from regard.plot.characters import for_terminal  # noqa: PLC0415 - loading needs none

        rows: list[tuple[str, ...]] = [_TABLE_HEAD]
        rows += [
            (
                for_terminal(label).replace("\n", "\\n"),
                f"{metrics.precision:.4f}",
                f"{metrics.recall:.4f}",
                f"{metrics.f1:.4f}",
                f"{metrics.support:,}",
            )
            for label, metrics in evaluation.per_class.items()
        ]
        if isinstance(evaluation, LabelSetEvaluation):
            return (
                f"macro F1  {evaluation.macro_f1:.4f}\n"
                f"micro F1  {evaluation.micro_f1:.4f}\n"
                f"sample F1 {evaluation.sample_f1:.4f}\n"
                f"accuracy  {evaluation.accuracy:.4f}  (exactly the labels of a text)\n"
                f"loss      {evaluation.loss:.4f} nats\n"
                f"ECE       {evaluation.expected_calibration_error:.4f}\n\n"
                f"{_aligned(rows)}"
            )
        of_ratings = ""
        if evaluation.mean_absolute_error is not None:
            of_ratings = (
                f"MAE      {evaluation.mean_absolute_error:.4f}\n"
                f"QWK      {evaluation.quadratic_weighted_kappa:.4f}\n"
            )
        return (
            f"accuracy {evaluation.accuracy:.4f}\nmacro F1 {evaluation.macro_f1:.4f}\n"
            f"loss     {evaluation.loss:.4f} nats\n"
            f"ECE      {evaluation.expected_calibration_error:.4f}\n"
            f"{of_ratings}\n{_aligned(rows)}"
        )

    def request_schema(self, model: TextClassifier, limits: Limits) -> RequestSchema:  # noqa: ARG002 - others look at it
        """The requests to a classifier in a service."""
        return RequestSchema(limits, (ATTENTION,))

    def response_schema(self) -> Schema:
        """The schema of the reply of a classifier in a service to one text."""
        members = {
            "label": TEXT | {"description": "The most probable label."},
            "labels": array(
                TEXT, "Those that are given, where a text may have several labels."
            ),
            "probabilities": {
                "type": "object",
                "additionalProperties": NUMBER,
                "description": "Of each label, the most probable first; they sum to 1 "
                "where a text has one label.",
            },
            "truncated": FLAG
            | {"description": "Whether the text is longer than the model reads."},
            "tokens": array(TEXT),
            "offsets": OFFSETS,
            "weights": array(NUMBER, "The attention on each token; they sum to 1."),
            "html": HTML,
            "heads_html": HEADS_HTML,
        }
        optional = ("labels", "tokens", "offsets", "weights", "html", "heads_html")
        return record(members, optional=optional)

    def engine(
        self, model: TextClassifier, limits: Limits, batch_size: int
    ) -> TextClassifierEngine:
        """The engine of a classifier in a service."""
        return TextClassifierEngine(model.trained, limits, batch_size)

    def exportable(self, model: TextClassifier) -> Exportable:
        """Its network, and how a text becomes what that reads."""
        trained = model.trained
        notes = {
            "kind": self.name,
            "labels": json.dumps(trained.labels.values, ensure_ascii=False),
            "max_length": str(trained.config.max_length),
            **trained.reading_rules(),
        }
        if trained.labels.several:
            notes["thresholds"] = json.dumps(trained.thresholds.tolist())
            notes["attention_of"] = "labels" if is_of_labels(trained.model) else "all"
        if model.trust is not None:
            notes["trust"] = model.trust.sentence
        return Exportable(
            trained.model,
            ATTENTION,
            (PROBABILITIES,),
            {f"{PREFIX}{name}": said for name, said in notes.items()},
            longest=trained.most_steps,
        )

    def columns(self, model: TextClassifier, attention: KeptAttention) -> AnswerColumns:
        """Labels, probabilities and attention as columns."""
        from regard.classification.label_columns import LabelColumns  # noqa: PLC0415 - an extra

        return LabelColumns(model.trained, attention)


def _aligned(rows: list[tuple[str, ...]]) -> str:
    from rich.cells import cell_len  # noqa: PLC0415 - as above

    width = max(cell_len(row[0]) for row in rows)
    lines = []
    for label, *numbers in rows:
        cells = "".join(f"{number:>11}" for number in numbers)
        # Padded by columns on the screen: some characters take two.
        lines.append(f"{label}{' ' * (width - cell_len(label))}{cells}\n")
    return "".join(lines)
