"""BLEU and chrF, by the reference implementation (the extra ``translate``)."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from regard.errors import ArgumentError, MissingExtraError
from regard.metrics.texts import TextScore, check_texts

# The other tokenisations of sacreBLEU fetch a model or need more packages.
TOKENIZATIONS = ("13a", "none", "intl", "char", "zh")


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
    if tokenize not in TOKENIZATIONS:
        raise ArgumentError(
            f"BLEU is not computed with the tokenisation {tokenize!r} here.",
            expected=f"one of {', '.join(TOKENIZATIONS)}",
        )
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
    if word_order < 0:
        raise ArgumentError(
            "The order of n-grams of words is a count.",
            expected="0 or more",
            received=str(word_order),
        )
    check_texts(predictions, references)
    metric = _sacrebleu("chrF").CHRF(word_order=word_order)
    return _score(metric, predictions, references)


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
