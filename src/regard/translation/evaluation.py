"""The evaluation of translations, and of a model in training by them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from regard._validate import check_same_length
from regard.decoding import Search, Searcher
from regard.metrics import (
    Alignment,
    AlignmentScore,
    TextScore,
    alignment_error_rate,
    bleu,
    chrf,
    exact_match,
    hard_alignment,
)
from regard.text import SequenceVocabulary
from regard.translation.config import TranslatorConfig
from regard.translation.seq2seq import Seq2Seq
from regard.translation.text_pairs import TextPairs
from regard.types import Translation, pandas_frame

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TranslationEvaluation:
    """The measures of translations against the right ones.

    Args:
        bleu: BLEU of the corpus, 0 to 100, with the signature of sacreBLEU.
        chrf: chrF of the corpus, 0 to 100, with its signature.
        exact_match: The share of texts that are right to the last character, in per
            cent.
        count: The number of texts.
        alignment: How well the attention agrees with gold alignments, where given.
    """

    bleu: TextScore
    chrf: TextScore
    exact_match: TextScore
    count: int
    alignment: AlignmentScore | None = None

    def __repr__(self) -> str:
        scores = ("bleu", self.bleu), ("chrf", self.chrf), ("exact", self.exact_match)
        said = ", ".join(f"{name}={each.score:.4g}" for name, each in scores)
        return f"TranslationEvaluation({said}, {self.count:,} texts)"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from regard.plot.figures import bundle  # noqa: PLC0415 - for notebooks only

        return bundle("Evaluation of a translator", self.to_dict())

    def to_pandas(self) -> "pd.DataFrame":
        """A row for each measure: its ``score`` and its ``signature``.

        The alignment error rate, with its precision and recall, are shares, 0 to 1.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        figures = self.to_dict()
        scores = {name: figures[name] for name in ("bleu", "chrf", "exact_match")}
        scores |= {
            f"alignment_{name}": {"score": score, "signature": ""}
            for name, score in figures.get("alignment", {}).items()
        }
        columns = {
            column: [row[column] for row in scores.values()]
            for column in ("score", "signature")
        }
        return pandas_frame(columns, list(scores), "measure")

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values, ready for JSON."""
        figures: dict[str, Any] = {"count": self.count}
        for name in ("bleu", "chrf", "exact_match"):
            score: TextScore = getattr(self, name)
            figures[name] = {"score": score.score, "signature": score.signature}
        if self.alignment is not None:
            figures["alignment"] = {
                "error_rate": self.alignment.error_rate,
                "precision": self.alignment.precision,
                "recall": self.alignment.recall,
            }
        return figures


def evaluate(
    predictions: Sequence[str],
    references: Sequence[str],
    tokenize: str,
    alignment: AlignmentScore | None,
) -> TranslationEvaluation:
    """Compare translations with the right ones.

    Args:
        predictions: The translations.
        references: The right ones.
        tokenize: How BLEU cuts texts into words.
        alignment: How well the attention agrees with gold alignments, or None.

    Raises:
        MissingExtraError: sacrebleu is not installed.
    """
    return TranslationEvaluation(
        bleu(predictions, references, tokenize=tokenize),
        chrf(predictions, references),
        exact_match(predictions, references),
        len(references),
        alignment,
    )


def aligned_as(
    aligned: Sequence[Translation], gold: Sequence[Alignment]
) -> AlignmentScore:
    """The agreement of the attention on given pairs with gold alignments.

    Raises:
        ArgumentError: There are not as many of them as pairs.
    """
    check_same_length({"pairs": aligned, "gold alignments": gold})
    return alignment_error_rate(
        [hard_alignment(translation.alignment) for translation in aligned],
        [links.sure for links in gold],
        [links.possible for links in gold],
    )


class SelectionMetric(Protocol):
    """A measure of a model to choose the best epoch by; more is better.

    Attributes:
        name: What tells it from others, for example ``"bleu"``.
    """

    name: str

    def __call__(self, model: Seq2Seq) -> float:
        """The measure of the model as it is now."""


class ValidationBleu:
    """BLEU of greedy translations; unknown words stay unknown.

    The epoch that translates best is not always the likeliest.

    Args:
        pairs: The texts, and their translations.
        source: Texts to ids.
        target: Ids to texts.
        config: The settings of the translator.

    Raises:
        MissingExtraError: When it is asked and sacrebleu is not installed.
    """

    name = "bleu"

    def __init__(
        self,
        pairs: TextPairs,
        source: SequenceVocabulary,
        target: SequenceVocabulary,
        config: TranslatorConfig,
    ) -> None:
        limit = config.max_length
        self._sources = [
            encoded.ids[:limit] for encoded in source.encode(pairs.sources)
        ]
        self._references, self._target = pairs.targets, target
        self._lowercase = config.lowercase
        self._tokenize = "none" if config.split == "whitespace" else "13a"
        self._searcher: tuple[Seq2Seq, Searcher] | None = None

    def __call__(self, model: Seq2Seq) -> float:
        """BLEU of what the model writes now, 0 to 100."""
        hypotheses = self._searcher_of(model).run(self._sources)
        written = [self._target.decode(best[0].symbols) for best in hypotheses]
        score = bleu(
            written,
            self._references,
            tokenize=self._tokenize,
            lowercase=self._lowercase,
        )
        return score.score

    def _searcher_of(self, model: Seq2Seq) -> Searcher:
        # One for all epochs: it is compiled once.
        if self._searcher is None or self._searcher[0] is not model:
            self._searcher = model, Searcher(model, Search())
        return self._searcher[1]
