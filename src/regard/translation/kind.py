"""A translator in the service."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any, cast

import numpy as np

from regard.decoding import Hypothesis, Search
from regard.decoding.searcher import LENGTH_STEP
from regard.inference.engine import Found, Job
from regard.inference.json_format import rounded, rounded_rows
from regard.inference.limits import Limits
from regard.inference.request_schema import Question
from regard.plot.alignment_article import alignment_article
from regard.serve.problems import over
from regard.text.batching import pad
from regard.text.sequences import EncodedSequence, SequenceVocabulary
from regard.translation import TrainedTranslator
from regard.translation.artifact import KIND
from regard.types import FloatArray, Translation

# Each takes seconds to compile, for each length and beam.
_ROWS = (1, 16)
_LENGTH_PENALTY = 1.0


class TranslatorEngine:
    """A translator, compiled for a few lengths, numbers of texts and beams.

    Args:
        trained: The translator.
        limits: What a request may ask for.
        batch_size: The most texts that run together.
    """

    kind = KIND
    layers = ("attention",)
    searches = True

    def __init__(
        self, trained: TrainedTranslator, limits: Limits, batch_size: int
    ) -> None:
        self._trained, self._limits = trained, limits
        self.batch_size = min(batch_size, _ROWS[-1])
        self._rows = sorted({min(rows, batch_size) for rows in _ROWS})

    def read(self, text: str, question: Question) -> Job:
        """Cut a text into tokens."""
        encoded = self._trained.source.encode([text])[0]
        if len(encoded) > self._limits.tokens:
            what = f"An input has {len(encoded)} tokens."
            raise over(422, "tokens", self._limits.tokens, what)
        return Job(
            text,
            encoded,
            (question.beam, _padded(len(self._ids(encoded)))),
        )

    def warm_up(self) -> None:
        """Run every shape once."""
        longest = _padded(min(self._limits.tokens, self._trained.config.max_length))
        lengths = range(LENGTH_STEP, longest + 1, LENGTH_STEP)
        word = np.full(1, SequenceVocabulary.UNKNOWN_ID, dtype=np.int32)
        for beam, length, rows in product(self._limits.beams, lengths, self._rows):
            self._search([word] * rows, beam, length)

    def compute(self, jobs: Sequence[Job]) -> list[list[Translation]]:
        """The best translations of each text."""
        beam, length = jobs[0].bucket
        sources = [self._ids(job.encoded) for job in jobs]
        found = self._search(sources, beam, length)
        return [
            [self._translation(job, one) for one in best]
            for job, best in zip(jobs, found, strict=True)
        ]

    def reply(self, job: Job, found: Found, question: Question) -> dict[str, Any]:
        """The best results, and where each of their tokens looked."""
        best = cast("Sequence[Translation]", found)[: question.n_best]
        reply: dict[str, Any] = {
            "translations": [
                _translation(one, number, question)
                for number, one in enumerate(best, 1)
            ],
            "truncated": any(one.truncated for one in best),
        }
        if question.with_weights:
            kept = len(self._ids(job.encoded))
            reply["tokens"] = list(job.encoded.tokens[:kept])
            reply["offsets"] = job.encoded.offsets[:kept]
        return reply

    def _ids(self, encoded: EncodedSequence) -> Any:
        return encoded.ids[: self._trained.config.max_length]

    def _search(
        self, sources: Sequence[Any], beam: int, length: int
    ) -> list[list[Hypothesis]]:
        """Search in one of the shapes that were compiled."""
        rows = min(rows for rows in self._rows if rows >= len(sources))
        # The first source once more, where there is room: unlike an empty one it does
        # not make the search go on for longer.
        filled = [*sources, *[sources[0]] * (rows - len(sources))]
        search = Search(beam=beam, n_best=beam, length_penalty=_LENGTH_PENALTY)
        found = self._trained.searcher(search).run(list(pad(filled, rows, length)))
        return [
            [replace(one, weights=one.weights[:, : len(source)]) for one in best]
            for source, best in zip(sources, found, strict=False)
        ]

    def _translation(self, job: Job, found: Hypothesis) -> Translation:
        return self._trained.translation(job.text, job.encoded, found, replacement=True)


def _padded(length: int) -> int:
    return max(1, -(-length // LENGTH_STEP)) * LENGTH_STEP


def _translation(one: Translation, number: int, question: Question) -> dict[str, Any]:
    reply: dict[str, Any] = {
        "text": one.text,
        "log_probability": rounded(one.log_probability),
        "score": rounded(one.score),
        "finished": one.finished,
    }
    if question.with_weights:
        weights = rounded_rows(one.alignment)
        reply["tokens"] = list(one.target_tokens)
        if question.top_k is None:
            reply["alignment"] = weights
        else:
            reply["strongest"] = _strongest(weights, question.top_k)
    if question.html:
        reply["html"] = alignment_article(one, number)
    return reply


def _strongest(weights: FloatArray, top_k: int) -> list[list[dict[str, Any]]]:
    """For each token that was written, the source tokens it looked at most."""
    return [
        [
            {"source": source, "weight": row[source]}
            for source in np.argsort(-np.asarray(row), kind="stable")[:top_k].tolist()
        ]
        for row in weights.tolist()
    ]
