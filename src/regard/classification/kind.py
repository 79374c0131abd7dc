"""A text classifier in the service."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, cast

from regard.classification import TrainedTextClassifier
from regard.classification.artifact import KIND
from regard.classification.network import ATTENTION
from regard.classification.trained import KIND
from regard.inference.engine import Found, Job
from regard.inference.json_format import rounded_rows
from regard.inference.limits import Limits
from regard.inference.request_schema import Question
from regard.plot.article import article
from regard.serve.problems import over
from regard.types import Explanation


class ClassifierEngine:
    """A text classifier, compiled for a few lengths and numbers of texts.

    Args:
        trained: The classifier.
        limits: What a request may ask for.
        batch_size: The most texts that run together.
    """

    kind = KIND
    layers = (ATTENTION,)
    searches = False

    def __init__(
        self, trained: TrainedTextClassifier, limits: Limits, batch_size: int
    ) -> None:
        self._trained, self._limits = trained, limits
        self.batch_size = batch_size

    def read(self, text: str, question: Question) -> Job:  # noqa: ARG002 - as others do
        """Cut a text into tokens."""
        encoded = self._trained.reader.read([text])[0]
        if encoded.truncated or len(encoded) > self._limits.tokens:
            self._check_tokens(text)
        lengths = self._trained.predictor.lengths
        return Job(text, encoded, (bisect_left(lengths, len(encoded)),))

    def _check_tokens(self, text: str) -> None:
        most = self._limits.tokens
        whole = self._trained.reader.tokenizer.encode([text], most)[0]
        if whole.truncated:
            raise over(422, "tokens", most, "An input has too many tokens.")

    def warm_up(self) -> None:
        """Run every shape once."""
        predictor = self._trained.predictor
        predictor.warm_up(
            predictor.batch_sizes_up_to(self.batch_size),
            _up_to(predictor.lengths, self._limits.tokens),
        )

    def compute(self, jobs: Sequence[Job]) -> list[Explanation]:
        """Label and attention of each text, of one pass."""
        texts = [job.text for job in jobs]
        return self._trained.explain_read(texts, [job.encoded for job in jobs])

    def reply(self, job: Job, found: Found, question: Question) -> dict[str, Any]:  # noqa: ARG002 - as others do
        """Label, probabilities, tokens and their weights."""
        explanation = cast("Explanation", found)
        reply = {
            "label": explanation.label,
            "probabilities": _probabilities(explanation, question.top_k),
            "truncated": explanation.truncated,
        }
        if question.with_weights:
            reply |= _weights(explanation, question.top_k)
        if question.html:
            reply["html"] = text_article(explanation)
        return reply


def _up_to(sizes: Sequence[int], most: int) -> Sequence[int]:
    """The sizes that things of at most ``most`` are padded to."""
    return sizes[: bisect_left(sizes, most) + 1]


def _probabilities(explanation: Explanation, top_k: int | None) -> dict[str, float]:
    shares = rounded_rows(explanation.probabilities).tolist()
    named = zip(explanation.labels, shares, strict=True)
    ranked = sorted(named, key=lambda pair: -pair[1])
    return dict(ranked[:top_k])


def _weights(explanation: Explanation, top_k: int | None) -> dict[str, Any]:
    tokens, offsets = explanation.tokens, explanation.offsets
    weights = rounded_rows(explanation.weights)
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
