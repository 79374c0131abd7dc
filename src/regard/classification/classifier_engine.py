"""The engine of text classifiers in a service."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from regard.classification.artifact import Reading, TrainedTextClassifier
from regard.classification.network import ATTENTION
from regard.inference import Job, Limits, Question, RequestError, Shape, Shapes
from regard.inference.json_format import NO_NUMBER, rounded_rows
from regard.text import EncodedText
from regard.types import AttentionMap, FloatArray, IntArray


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
            from regard.plot.text_page import text_article  # noqa: PLC0415 - loading needs no pictures

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
