"""Text classifiers as a kind: what is asked of one, and how its answers are told."""

import json
import warnings
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from regard._label_values import label_name
from regard.bundle import ABOUT, RECORD, TRUST, Bundle, PartNames
from regard.bundle.trust_part import CARD
from regard.classification._encoder.encoder_classifier import (
    PARTS_WITH_ENCODER,
    PIECES,
    TrainedEncoderClassifier,
)
from regard.classification.artifact import (
    KIND,
    PARTS,
    Reading,
    TrainedTextClassifier,
)
from regard.classification.class_metrics import ClassificationEvaluation
from regard.classification.label_sets import LabelSetEvaluation
from regard.classification.labelled_texts import not_cleaned
from regard.classification.mistakes import Mistakes
from regard.classification.network import ATTENTION, is_of_labels
from regard.classification.temperature import PROBABILITIES
from regard.classification.text_classifier import TextClassifier
from regard.errors import DataWarning
from regard.inference import (
    Job,
    Limits,
    Question,
    RequestError,
    RequestSchema,
    Shape,
    Shapes,
)
from regard.inference.answer_columns import AnswerColumns, KeptAttention
from regard.inference.exportable import PREFIX, Exportable
from regard.inference.json_format import (
    FLAG,
    HEADS_HTML,
    HTML,
    NO_NUMBER,
    NUMBER,
    OFFSETS,
    TEXT,
    Schema,
    array,
    record,
    rounded_rows,
)
from regard.text import EncodedText
from regard.types import AttentionMap, Explanation, FloatArray, IntArray, ModelLine

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
            label_separator=options.get("label_separator")
            or model.columns.get("separator"),
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
    ) -> "TextClassifierEngine":
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


class ToldReading(NamedTuple):
    """What a service tells of one text.

    Args:
        best: The number of the most probable label.
        given: The numbers of those that are given, where there may be several.
        shares: ``(labels,)``, the probabilities.
        weights: ``(tokens,)``, the attention.
        reading: All of it as it came, where a picture is wanted.
    """

    best: int
    given: IntArray | None
    shares: FloatArray
    weights: FloatArray
    reading: Reading | None


class TextClassifierEngine:
    """A text classifier, compiled for a few lengths and numbers of texts.

    Args:
        trained: The classifier.
        limits: What a request may ask for.
        batch_size: The most texts that run together.
    """

    def __init__(
        self, trained: TrainedTextClassifier, limits: Limits, batch_size: int
    ) -> None:
        self._trained, self._limits = trained, limits
        self.batch_size = batch_size
        predictor = trained.predictor
        self.shapes = Shapes(
            _sizes_up_to(predictor.lengths, limits.tokens),
            predictor.batch_sizes_up_to(batch_size),
        )

    def read(self, questions: Sequence[Question]) -> list[Job | RequestError]:
        """Cut texts into tokens, all at once."""
        encoded = self._trained.reader.read([one.text for one in questions])
        return list(map(self._job, questions, encoded))

    def _job(self, question: Question, encoded: EncodedText) -> Job | RequestError:
        count, most = len(encoded.ids), self._limits.tokens
        if encoded.truncated or count > most:
            reader = self._trained.reader
            if reader.tokenizer.encode([question.text], most)[0].truncated:
                problem = "An input has too many tokens."
                return RequestError.over_limit(422, "tokens", most, problem)
        return Job(question, encoded, self.shapes.bucket(count))

    def compile(self, shape: Shape) -> None:
        """Run a shape once."""
        self._trained.predictor.warm_up([shape.rows], [shape.length])
        self.shapes.add(shape)

    def compute(self, jobs: Sequence[Job]) -> list[ToldReading | None]:
        """Probabilities and attention of each text, of one pass; None: no numbers."""
        answers: list[ToldReading | None] = []
        for shape in self.shapes.batches(jobs[0].bucket, len(jobs)):
            answers += self._run(jobs[len(answers) :][: shape.rows], shape)
        return answers

    def _run(self, jobs: Sequence[Job], shape: Shape) -> list[ToldReading | None]:
        """The answers to jobs of one batch; what it can, it does for all at once."""
        ids = [job.encoded.ids for job in jobs]
        outputs, attention = self._trained.predictor.run(ids, shape.rows, shape.length)
        probabilities, weights, evidence = (
            each[: len(jobs)] for each in (outputs[0], attention[ATTENTION], outputs[1])
        )
        best = probabilities.argmax(axis=1).tolist()
        several = self._trained.labels.several
        if several and weights.shape[1] != evidence.shape[2]:
            # Each label has an attention of its own.
            means = weights[np.arange(len(jobs)), best]
        else:
            means = weights.mean(axis=1)
        are_numbers = np.isfinite(probabilities.sum(axis=1) + means.sum(axis=1))
        if not are_numbers.all():
            # Those of others are told all the same.
            probabilities = np.where(are_numbers[:, None], probabilities, 0)
            means = np.where(are_numbers[:, None], means, 0)
        shares, told = rounded_rows(probabilities), rounded_rows(means)
        readings: list[ToldReading | None] = []
        for row, job in enumerate(jobs):
            count = len(job.encoded.ids)
            reading = None
            if job.question.request.is_drawn:
                reading = Reading.of(
                    probabilities[row],
                    weights[row, :, :count],
                    evidence[row, :count],
                    self._trained.temperature,
                    several=several,
                )
            given = None
            if several:
                is_given = probabilities[row] >= self._trained.thresholds
                given = np.flatnonzero(is_given)
            readings.append(
                ToldReading(best[row], given, shares[row], told[row, :count], reading)
                if are_numbers[row]
                else None
            )
        return readings

    def reply(self, job: Job, answer: ToldReading | None) -> dict[str, Any]:
        """Label, probabilities, tokens and their weights."""
        (text, request), encoded = job.question, job.encoded
        if answer is None:
            raise FloatingPointError(NO_NUMBER)
        names = self._trained.labels.names
        reply: dict[str, Any] = {
            "label": names[answer.best],
            **(
                {}
                if answer.given is None
                else {"labels": [names[place] for place in answer.given.tolist()]}
            ),
            "probabilities": _probabilities(names, answer.shares, request.top_k),
            "truncated": encoded.truncated,
        }
        if request.with_weights:
            weights = encoded.summed(answer.weights)
            reply |= _weights(text, encoded, weights, request.top_k)
        if answer.reading is not None and request.html:
            from regard.plot.text_page import text_article  # noqa: PLC0415 - as above

            [explained] = self._trained.explanations(
                [text], [encoded], [answer.reading]
            )
            reply["html"] = text_article(explained)
        if answer.reading is not None and request.heads_html and encoded.offsets.size:
            from regard.plot import heads  # noqa: PLC0415 - as above

            weights = encoded.summed(answer.reading.weights)
            seen = AttentionMap(weights, ("heads", "keys"), ATTENTION)
            reply["heads_html"] = heads(seen, encoded.pieces(text)).to_html()
        return reply


def _sizes_up_to(sizes: Sequence[int], most: int) -> Sequence[int]:
    """The sizes that things of at most ``most`` are padded to."""
    return sizes[: bisect_left(sizes, most) + 1]


def _probabilities(
    names: Sequence[str], shares: FloatArray, top_k: int | None
) -> dict[str, float]:
    named = zip(names, shares.tolist(), strict=True)
    ranked = sorted(named, key=lambda pair: -pair[1])
    return dict(ranked[:top_k])


def _weights(
    text: str, encoded: EncodedText, weights: FloatArray, top_k: int | None
) -> dict[str, Any]:
    tokens, offsets = encoded.pieces(text), encoded.offsets
    if top_k is not None and top_k < len(tokens):
        # The strongest, in the order of the text.
        kept = sorted((-weights).argsort(kind="stable")[:top_k].tolist())
        tokens = tuple(tokens[index] for index in kept)
        offsets, weights = offsets[kept], weights[kept]
    return {
        "tokens": tokens,
        "offsets": offsets,
        "weights": weights,
    }


def _aligned(rows: list[tuple[str, ...]]) -> str:
    from rich.cells import cell_len  # noqa: PLC0415 - as above

    width = max(cell_len(row[0]) for row in rows)
    lines = []
    for label, *numbers in rows:
        cells = "".join(f"{number:>11}" for number in numbers)
        # Padded by columns on the screen: some characters take two.
        lines.append(f"{label}{' ' * (width - cell_len(label))}{cells}\n")
    return "".join(lines)
