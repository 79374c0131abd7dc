"""Measures as a table for people."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regard.classification.class_metrics import ClassificationEvaluation
    from regard.translation import TranslationEvaluation

_HEAD = ("label", "precision", "recall", "F1", "examples")


def metrics_table(evaluation: "ClassificationEvaluation") -> str:
    """Accuracy and macro F1, and a line for each label."""
    from regard.plot.characters import for_terminal  # noqa: PLC0415 - loads Keras

    rows: list[tuple[str, ...]] = [_HEAD]
    rows += [
        (
            for_terminal(label).replace("\n", "\\n"),
            f"{one.precision:.4f}",
            f"{one.recall:.4f}",
            f"{one.f1:.4f}",
            f"{one.support:,}",
        )
        for label, one in evaluation.per_class.items()
    ]
    return (
        f"accuracy {evaluation.accuracy:.4f}\nmacro F1 {evaluation.macro_f1:.4f}\n"
        f"loss     {evaluation.loss:.4f} nats\n\n{_aligned(rows)}"
    )


def translation_table(evaluation: "TranslationEvaluation") -> str:
    """BLEU and chrF with their signatures, exact matches, alignment error."""
    lines = [
        f"{name:<12}{score.score:7.2f}   {score.signature}".rstrip()
        for name, score in (
            ("BLEU", evaluation.bleu),
            ("chrF", evaluation.chrf),
            ("exact match", evaluation.exact_match),
        )
    ]
    agreed = evaluation.alignment
    if agreed is not None:
        lines.append(
            f"{'AER':<12}{100 * agreed.error_rate:7.2f}   precision "
            f"{100 * agreed.precision:.2f}, recall {100 * agreed.recall:.2f}"
        )
    lines.append(f"{'texts':<12}{evaluation.count:7,}")
    return "".join(f"{line}\n" for line in lines)


def _aligned(rows: list[tuple[str, ...]]) -> str:
    from rich.cells import cell_len  # noqa: PLC0415 - --help waits for it

    width = max(cell_len(row[0]) for row in rows)
    lines = []
    for label, *numbers in rows:
        cells = "".join(f"{number:>11}" for number in numbers)
        # Padded by columns on the screen: some characters take two.
        lines.append(f"{label}{' ' * (width - cell_len(label))}{cells}\n")
    return "".join(lines)
