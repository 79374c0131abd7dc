"""The engine of translators in a service."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from regard.bundle.trust_part import line_of
from regard.decoding import Hypothesis, Search
from regard.decoding.searcher import LENGTH_STEP, padded_length
from regard.inference import (
    Job,
    Limits,
    PredictionRequest,
    Question,
    RequestError,
    Shape,
    Shapes,
)
from regard.inference.json_format import rounded, rounded_rows
from regard.text import EncodedSequence, SequenceVocabulary
from regard.translation.artifact import TrainedTranslator
from regard.types import AttentionMap, FloatArray, Translation

# Each takes a second to compile, for each length and beam. Four texts take twice the
# time of one, sixteen three to eight times.
_BATCH_SIZES = (1, 4, 16)
# Up to here there is a shape for each step of lengths, then a third is padding at most.
_CLOSE = 32
_LENGTH_PENALTY = 1.0


class TranslatorEngine:
    """A translator, compiled for a few lengths, numbers of texts and beams.

    Args:
        trained: The translator.
        limits: What a request may ask for.
        batch_size: The most texts that run together.
    """

    def __init__(
        self, trained: TrainedTranslator, limits: Limits, batch_size: int
    ) -> None:
        self._trained, self._limits = trained, limits
        # A service does not change its models.
        self._line = line_of(trained)
        self.batch_size = min(batch_size, _BATCH_SIZES[-1])
        most = min(limits.tokens, trained.config.max_length)
        self.shapes = Shapes(
            _lengths(padded_length(most)),
            sorted({min(size, batch_size) for size in _BATCH_SIZES}),
            limits.beams,
            "beam",
        )

    def read(self, questions: Sequence[Question]) -> list[Job | RequestError]:
        """Cut texts into tokens, all at once."""
        encoded = self._trained.source.encode([one.text for one in questions])
        return list(map(self._job, questions, encoded))

    def _job(self, question: Question, encoded: EncodedSequence) -> Job | RequestError:
        most = self._limits.tokens
        if len(encoded) > most:
            problem = f"An input has {len(encoded)} tokens."
            return RequestError.over_limit(422, "tokens", most, problem)
        length, beam = len(self._ids(encoded)), question.request.options["beam"]
        return Job(question, encoded, self.shapes.bucket(length, beam))

    def compile(self, shape: Shape) -> None:
        """Run a shape once."""
        word = np.full(1, SequenceVocabulary.UNKNOWN_ID, dtype=np.int32)
        self._search(shape, [word] * shape.rows)
        self.shapes.add(shape)

    def compute(self, jobs: Sequence[Job]) -> list[list[Translation]]:
        """The best translations of each text."""
        searched: list[list[Hypothesis]] = []
        for shape in self.shapes.batches(jobs[0].bucket, len(jobs)):
            some = jobs[len(searched) :][: shape.rows]
            searched += self._search(shape, [self._ids(job.encoded) for job in some])
        return [
            [self._translation(job, hypothesis) for hypothesis in hypotheses]
            for job, hypotheses in zip(jobs, searched, strict=True)
        ]

    def reply(self, job: Job, answer: Sequence[Translation]) -> dict[str, Any]:
        """The best results, and where each of their tokens looked."""
        request = job.question.request
        best = answer[: request.options["n_best"]]
        reply: dict[str, Any] = {
            "translations": [
                _translation_reply(translation, number, request)
                for number, translation in enumerate(best, 1)
            ],
            "truncated": any(translation.truncated for translation in best),
        }
        if request.with_weights:
            kept = len(self._ids(job.encoded))
            reply["tokens"] = list(job.encoded.tokens[:kept])
            reply["offsets"] = job.encoded.offsets[:kept]
        return reply

    def _ids(self, encoded: EncodedSequence) -> Any:
        return encoded.ids[: self._trained.config.max_length]

    def _search(self, shape: Shape, sources: Sequence[Any]) -> list[list[Hypothesis]]:
        beam = shape.group
        search = Search(beam=beam, n_best=beam, length_penalty=_LENGTH_PENALTY)
        searcher = self._trained.searcher(search)
        return searcher.run_in(shape.rows, shape.length, sources)

    def _translation(self, job: Job, hypothesis: Hypothesis) -> Translation:
        return self._trained.translation(
            job.question.text, job.encoded, hypothesis, True, self._line
        )


def _lengths(most: int) -> list[int]:
    """What sources are padded to."""
    lengths = [LENGTH_STEP]
    while lengths[-1] < most:
        longer = lengths[-1] * 3 // 2 if lengths[-1] >= _CLOSE else lengths[-1] + 1
        lengths.append(min(padded_length(longer), most))
    return lengths


def _translation_reply(
    translation: Translation, number: int, request: PredictionRequest
) -> dict[str, Any]:
    reply: dict[str, Any] = {
        "text": translation.text,
        "log_probability": rounded(translation.log_probability),
        "score": rounded(translation.score),
        "finished": translation.finished,
    }
    if request.with_weights:
        weights = rounded_rows(translation.alignment)
        reply["tokens"] = list(translation.target_tokens)
        if request.top_k is None:
            reply["alignment"] = weights
        else:
            reply["strongest"] = _strongest(weights, request.top_k)
    if request.html:
        from regard.plot.alignment_page import (  # noqa: PLC0415 - loading needs no pictures
            alignment_article,
        )

        reply["html"] = alignment_article(translation, number)
    if request.heads_html and translation.alignment.size:
        from regard.plot import heads  # noqa: PLC0415 - as above

        # A search keeps the mean over the heads of the decoder.
        seen = AttentionMap(
            translation.alignment[None], ("heads", "queries", "keys"), "attention"
        )
        tokens = translation.source_tokens, translation.target_tokens
        title = "What each written word looked at"
        reply["heads_html"] = heads(seen, *tokens, title=title).to_html()
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
