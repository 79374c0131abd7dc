"""Predicted texts held against the right ones: exact matches, BLEU and chrF.

BLEU and chrF are those of the reference implementation (the extra ``translate``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from regard._validate import check_choice, check_count
from regard.errors import ArgumentError, MissingExtraError

# The other tokenisations of sacreBLEU fetch a model or need more packages.
TOKENIZATIONS = ("13a", "none", "intl", "char", "zh")


@dataclass(frozen=True)
class TextScore:
    """A figure for predicted texts; ``float`` gives ``score``.

    Args:
        score: In per cent, 0 to 100; higher is better.
        signature: How it was computed, to be printed beside it.
    """

    score: float
    signature: str

    def __float__(self) -> float:
        return self.score


def exact_match(predictions: Sequence[str], references: Sequence[str]) -> TextScore:
    """The share of predictions that are their reference, character for character.

    Args:
        predictions: The predicted texts.
        references: The right text for each.

    Raises:
        ArgumentError: There is nothing to compare, or the numbers differ.
    """
    check_texts(predictions, references)
    equal = sum(map(str.__eq__, predictions, references))
    return TextScore(100 * equal / len(references), "exact|nrefs:1|case:mixed")


def bleu(
    predictions: Sequence[str],
    references: Sequence[str],
    *,
    tokenize: str = "13a",
    lowercase: bool = False,
) -> TextScore:
    """BLEU of a corpus, with one reference for each text.

    Args:
        predictions: The predicted texts.
        references: The right text for each.
        tokenize: How texts are cut: ``"13a"`` (as WMT does), ``"intl"``, ``"char"``,
            ``"zh"``, or ``"none"`` for texts that are tokenised already.
        lowercase: Whether letter case makes no difference.

    Raises:
        ArgumentError: There is nothing to compare, the numbers differ, or the
            tokenisation is not one of these.
        MissingExtraError: sacrebleu is not installed.

    References:
        Papineni et al. (2002), BLEU: a method for automatic evaluation of machine
        translation. Post (2018), A call for clarity in reporting BLEU scores.
    """
    problem = "BLEU is not computed with this tokenisation."
    check_choice("tokenize", tokenize, TOKENIZATIONS, problem=problem)
    check_texts(predictions, references)
    metric = _sacrebleu("BLEU").BLEU(
        tokenize=tokenize,
        lowercase=lowercase,
        # Only silences a warning about texts that are tokenised, as was said they are.
        force=tokenize == "none",
    )
    return _score(metric, predictions, references)


def chrf(
    predictions: Sequence[str], references: Sequence[str], *, word_order: int = 0
) -> TextScore:
    """ChrF of a corpus: the F-score (beta 2) of character n-grams up to 6.

    Args:
        predictions: The predicted texts.
        references: The right text for each.
        word_order: The longest n-grams of words counted as well; 2 is chrF++.

    Raises:
        ArgumentError: There is nothing to compare, the numbers differ, or
            ``word_order`` is below 0.
        MissingExtraError: sacrebleu is not installed.

    References:
        Popović (2015), chrF: character n-gram F-score for automatic MT evaluation.
    """
    check_count("word_order", word_order, least=0, of="chrF")
    check_texts(predictions, references)
    metric = _sacrebleu("chrF").CHRF(word_order=word_order)
    return _score(metric, predictions, references)


def check_texts(predictions: Sequence[str], references: Sequence[str]) -> None:
    """Check that there is one reference for each of at least one prediction.

    Raises:
        ArgumentError: There is not, or something is not a text.
    """
    for name, texts in (("predictions", predictions), ("references", references)):
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise ArgumentError(
                f"The {name} are not a list of texts.", expected="a list of strings"
            )
    if not predictions or len(predictions) != len(references):
        raise ArgumentError(
            "Each prediction needs its reference.",
            expected="as many references as predictions, and at least one",
            received=f"{len(predictions)} predictions, {len(references)} references",
        )


def check_text_scores() -> None:
    """Refuse to begin what would end in scores that cannot be computed.

    Raises:
        MissingExtraError: sacrebleu is not installed.
    """
    _sacrebleu("BLEU")


def _sacrebleu(feature: str) -> ModuleType:
    try:
        from sacrebleu import metrics  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise MissingExtraError(feature, "sacrebleu", "translate") from error
    return metrics


def _score(
    metric: Any, predictions: Sequence[str], references: Sequence[str]
) -> TextScore:
    result = metric.corpus_score(list(predictions), [list(references)])
    return TextScore(float(result.score), f"{result.name}|{metric.get_signature()}")
