"""The table of trained things: a row for each kind of bundle.

Whatever loads, asks, measures or serves a trained model asks its row and does not
branch. A new kind is a package with a class like ``Kind`` and a row in ``KINDS``.
"""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from regard._validate import wrong_value
from regard.bundle import ABOUT, RECORD, TRUST, Bundle, PartNames, read_bundle
from regard.bundle.trust_part import CARD
from regard.errors import ArgumentError

if TYPE_CHECKING:
    from regard.inference import Engine, Limits, RequestSchema
    from regard.inference.answer_columns import AnswerColumns, KeptAttention
    from regard.inference.exportable import Exportable
    from regard.inference.json_format import Schema
    from regard.types import TrustLine

__all__ = [
    "AnswerPlot",
    "Evaluation",
    "Kind",
    "digests_of",
    "is_of_kind",
    "kind_of",
    "load",
    "trust_of",
]


class AnswerPlot(Protocol):
    """Answers drawn; see ``regard.plot``."""

    def to_terminal(self, *, note: bool = True) -> str:
        """The answers for a terminal, and what was found of weights where wanted."""
        ...

    def save(self, path: Path) -> None:
        """Write the answers to a file; one that ends in ``.html`` is a page."""
        ...


class Evaluation(Protocol):
    """The figures that say how good a model is."""

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values, ready for JSON."""
        ...


class Kind(Protocol):
    """A kind of trained thing; the class of its models has its name as ``kind``.

    Attributes:
        name: Its name, which the manifest of a bundle has.
        parts: The parts of its bundles.
        batch_size: How many texts of a file are answered at a time.
        shades: What its answers can be shaded by.
        evaluation_options: The options of ``evaluate`` that not every kind has.
        text_column: What holds its texts in a file with columns, where nothing else is
            known.
        request_examples: Examples of requests to a service, by what they show.
    """

    name: str
    parts: PartNames
    batch_size: int
    shades: tuple[str, ...]
    evaluation_options: tuple[str, ...]
    text_column: str
    request_examples: Mapping[str, Any]

    def facts(self, model: Any) -> dict[str, Any]:
        """What people want to know of a model itself, as plain values.

        Of these what it has: ``labels``, a list of their names; ``source`` and
        ``target``, what it reads and writes, by the columns it was trained on;
        ``max_tokens``, the most tokens of a text that it reads; ``heads``, how many
        heads of attention it has.
        """
        ...

    def load(self, bundle: Bundle) -> Any:
        """The model of a bundle whose parts are checked.

        Raises:
            BundleError: A part is not what it should be.
        """
        ...

    def answer(self, model: Any, texts: Sequence[str]) -> Sequence[Any]:
        """The answer to each text."""
        ...

    def to_json(self, answer: Any) -> Any:
        """An answer as plain values."""
        ...

    def to_row(self, answer: Any) -> dict[str, Any]:
        """An answer as columns of a table; None: the same columns, without values."""
        ...

    def plot(
        self,
        answers: Sequence[Any],
        left_out: int = 0,
        *,
        shade: str = "attention",
        right: Any = None,
    ) -> AnswerPlot:
        """Answers drawn, as a page and for a terminal.

        Args:
            answers: All that are drawn.
            left_out: How many more there were, for a note.
            shade: What is shaded, one of ``shades``.
            right: The right label of each; only of a kind with the option ``label``.
        """
        ...

    def evaluate(
        self, model: Any, data: Sequence[Path], options: Mapping[str, Any]
    ) -> Evaluation:
        """Measure a model on data with the right answers.

        Args:
            model: The model.
            data: One file, or one of texts and one of the right answers.
            options: The options of ``regard evaluate`` by name; each kind takes its
                own. ``reading`` is how files are read, arguments of the functions of
                ``regard.data``.
        """
        ...

    def evaluation_table(self, evaluation: Any) -> str:
        """An evaluation as lines for people."""
        ...

    def request_schema(self, model: Any, limits: "Limits") -> "RequestSchema":
        """The requests to a model in a service."""
        ...

    def response_schema(self) -> "Schema":
        """The schema of the reply of a service to one text."""
        ...

    def engine(self, model: Any, limits: "Limits", batch_size: int) -> "Engine[Any]":
        """The engine of a model in a service."""
        ...

    def exportable(self, model: Any) -> "Exportable":
        """What of a model is written as a program that runs without Keras.

        Raises:
            ExportError: It cannot be.
        """
        ...

    def columns(self, model: Any, attention: "KeptAttention") -> "AnswerColumns":
        """The answers of a model as columns of Arrow; pyarrow is installed."""
        ...


def _text_classifier() -> Kind:
    from regard.classification.kind import (  # noqa: PLC0415 - when one is met
        TextClassifierKind,
    )

    return TextClassifierKind()


def _translator() -> Kind:
    from regard.translation.kind import (  # noqa: PLC0415 - when one is met
        TranslatorKind,
    )

    return TranslatorKind()


#: The rows: what makes a kind, by its name. What a kind needs is imported with it.
KINDS: dict[str, Callable[[], Kind]] = {
    "text-classifier": _text_classifier,
    "translator": _translator,
}


#: Where the settings of each kind are defined, from the folder of the package on: to be
#: read where importing it would take too long.
SETTINGS: dict[str, str] = {
    "text-classifier": "classification/config.py",
    "translator": "translation/config.py",
}


def kind_of(model: Any) -> Kind:
    """The kind of a trained model.

    Raises:
        ArgumentError: It is of none.
    """
    name = getattr(model, "kind", None)
    if not isinstance(name, str) or name not in KINDS:
        raise ArgumentError(
            "This is of no kind that can be asked.",
            expected=f"what regard.load gives: {', '.join(KINDS)}",
            received=f"a {type(model).__name__}",
        )
    return KINDS[name]()


def is_of_kind(model: Any, name: str) -> bool:
    """Whether a trained model is of a kind, for what only one kind can do."""
    return kind_of(model).name == name


def trust_of(model: Any) -> "TrustLine | None":
    """What an examination found of a trained model, where it carries the report."""
    line: TrustLine | None = getattr(model, "trust", None)
    return line


def load(path: str | Path) -> Any:
    """Load a bundle that ``save`` or ``regard train`` made.

    Sizes and hashes of all parts are checked first; nothing in a bundle is executed,
    and only classes of Keras and of this library are loaded from it.

    Args:
        path: The folder, for example ``reviews.regard``.

    Returns:
        What was saved, for example a ``TextClassifier`` or a ``Translator``.

    Raises:
        ArgumentError: It is no path.
        BundleError: There is no bundle, or it is damaged, incomplete or of an unknown
            version; the message names the part and what is wrong with it.
        ForkedProcessError: This process was forked off one that had computed.

    Example:
        >>> classifier = regard.load("reviews.regard")
        >>> classifier.predict(["A film that never finds its feet."])
    """
    if not isinstance(path, str | PathLike) or not isinstance(fspath(path), str):
        raise wrong_value("path", path, "the path of a bundle")
    from regard._compat import without_tensorflow  # noqa: PLC0415 - loads Keras
    from regard.runtime import check_not_forked  # noqa: PLC0415 - with what is loaded

    check_not_forked()
    bundle = read_bundle(path, _part_names)
    with without_tensorflow():
        return KINDS[bundle.kind]().load(bundle)


def digests_of(path: str | Path) -> dict[str, str]:
    """The SHA-256 of each part of a bundle that answers depend on, by its name.

    They say which model it is: a report on its attention may come later, and what is
    said of its training changes no answer.

    Raises:
        BundleError: There is no bundle, or it is damaged.
    """
    bundle = read_bundle(path, _part_names)
    names = sorted(bundle.parts.keys() - {ABOUT, CARD, RECORD, TRUST})
    return {name: bundle.digests[name] for name in names}


def _part_names(name: str) -> PartNames | None:
    return KINDS[name]().parts if name in KINDS else None
