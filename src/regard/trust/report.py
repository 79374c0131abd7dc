"""The report of an examination: the verdict, and all it rests on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from regard._files import write_file
from regard.bundle.trust_part import SCHEMA, is_sealed, stored_trust
from regard.errors import ArgumentError, DataError
from regard.trust import report_format, report_text
from regard.trust.evidence import (
    ErasureCurve,
    ExaminedText,
    Placement,
    Reliability,
    ShownText,
)
from regard.trust.gates import Gate
from regard.trust.plausibility import Plausibility
from regard.trust.repetition import Repetition
from regard.trust.statistics import Interval
from regard.trust.verdict import SENTENCES, Verdict
from regard.types import TrustLine

_LARGEST_FILE = 64 * 2**20
_NOT_OF_A_REPORT = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,
    RecursionError,
)


@dataclass(frozen=True)
class TrustReport:
    """Whether the attention of a model deserves to be read as an explanation.

    Args:
        verdict: What may be read in the weights.
        reasons: The numbers that it rests on, in words.
        gates: By name: replay, evenness, moved, spread, surer and idle, and of the
            first eraser room and words, contribution and ahead.
        erasures: The gates of each eraser, by its name.
        curves: By the name of an eraser and of an order.
        correlations: Kendall's tau-b of attention with the other orders by the first
            eraser: the mean over the texts on which it is defined. Never part of the
            verdict.
        undefined: The share of texts on which such a correlation is not defined.
        even_gap: How far the answer is from the one under even weights, the mean total
            variation over texts; None where weights cannot be forced. Not part of the
            verdict.
        texts: What each examined text gave.
        best: The name of the best order by the first eraser.
        wanted: The number of texts that were to be examined.
        seed: What chance depended on.
        data: What the texts are called.
        model: The SHA-256 of the model's file, or of the weights of one that was in no
            file; "" where it was not said.
        reliability: How the effect of keys goes with their weight, by the first eraser;
            None in reports of before it was kept.
        placement: The answers under own and under shuffled weights; None where weights
            cannot be forced.
        figures: Other figures by name, shown and never part of the verdict; NaN where
            one is not defined.
        groups: Of models that write: figures of groups of words by their names, see
            ``regard.trust.word_groups``; a text is a pair then. Never part of the
            verdict.
        plausibility: How far the weights are where people marked the reasons, where
            that was asked. Another question, and not part of the verdict.
        repetitions: What was found of models trained from other seeds. Not part of the
            verdict.
        quotes: How many of the best and of the worst texts it keeps the words of; None
            in reports of before it was kept.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    gates: Mapping[str, Gate]
    erasures: Mapping[str, Mapping[str, Gate]]
    curves: Mapping[str, Mapping[str, ErasureCurve]]
    correlations: Mapping[str, float]
    undefined: Mapping[str, float]
    even_gap: float | None
    texts: tuple[ExaminedText, ...]
    best: str
    wanted: int
    seed: int
    data: str = ""
    model: str = ""
    reliability: Reliability | None = None
    placement: Placement | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    plausibility: Plausibility | None = None
    repetitions: tuple[Repetition, ...] = ()
    quotes: int | None = None

    def __repr__(self) -> str:
        of = f" of {self.data}" if self.data else ""
        return (
            f"TrustReport({self.verdict.value!r}, {len(self.texts)} {self.unit}{of}, "
            f"seed={self.seed})"
        )

    @property
    def complete(self) -> bool:
        """Whether all texts were examined, or time or the user ended it before."""
        return len(self.texts) == self.wanted

    @property
    def unit(self) -> str:
        """What statistics are over: ``"texts"``, or ``"pairs"`` of a translator."""
        return "pairs" if self.groups else "texts"

    @property
    def sentence(self) -> str:
        """The verdict in plain words, with what it is about."""
        of = f" of {self.data}" if self.data else ""
        seen = f"{len(self.texts)} {self.unit}{of}"
        if not self.complete:
            seen += f" (of {self.wanted} asked for; it was ended before)"
        return f"{SENTENCES[self.verdict]} Measured on {seen}, for this model only."

    @property
    def line(self) -> TrustLine:
        """The verdict, the numbers it rests on, and on how many texts, in one line."""
        return report_text.line(self)

    def examples(self, *, best: int = 0, worst: int = 0) -> tuple[ExaminedText, ...]:
        """The texts that attention explains best, and those it fails on.

        Of some of them the words are kept, see ``ExaminedText.shown``.

        Args:
            best: How many of those where it gains most over chance, the best first.
            worst: How many of those where it loses most to the best order, the worst
                first.
        """
        won = sorted(self.texts, key=lambda each: each.chance - each.attention)
        lost = sorted(self.texts, key=lambda each: each.attention - each.best)
        return (*won[:best], *lost[:worst])

    def quoted(self, side: str) -> tuple[ExaminedText, ...]:
        """The ``"best"`` or the ``"worst"`` texts whose words were kept, in order."""
        most = len(self.texts) if self.quotes is None else self.quotes
        ordered = self.examples(**{side: most})
        return tuple(takewhile(lambda each: each.shown is not None, ordered))

    def showing(
        self, texts: Mapping[int, ShownText], quotes: int | None = None
    ) -> "TrustReport":
        """The same report, with these texts kept in it and no others.

        Args:
            texts: The texts by their index; without any, the report holds no word.
            quotes: How many of the best and of the worst they are.
        """
        shown = (replace(each, shown=texts.get(each.text)) for each in self.texts)
        return replace(self, texts=tuple(shown), quotes=quotes)

    def repeated(self, seed: int, other: "TrustReport") -> "TrustReport":
        """The same report, with a repetition beside it.

        Args:
            seed: The seed that the other model was trained from.
            other: The report on it.
        """
        one = Repetition(seed, other.verdict, other.gates)
        return replace(self, repetitions=(*self.repetitions, one))

    def since(self, before: "TrustReport") -> list[str]:
        """What changed since an earlier report; see ``regard.trust.changes``."""
        return report_text.changes(before, self)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        from regard.plot import trust  # noqa: PLC0415 - where one is looked at

        return {"text/html": trust(self)._repr_html_(), "text/plain": self.to_text()}

    def to_text(self) -> str:
        """The verdict, its reasons and the figures, as lines for a terminal."""
        return report_text.lines(self)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values, ready for JSON."""
        return report_format.plain(self)

    @classmethod
    def from_dict(cls, stored: Any) -> "TrustReport":
        """Read what ``to_dict`` wrote.

        Raises:
            DataError: It is something else, or was changed since.
        """
        try:
            if stored["schema"] > SCHEMA:
                raise DataError(
                    "The report is of a newer version.",
                    expected=f"schema {SCHEMA} or older",
                    received=str(stored["schema"]),
                )
            if not is_sealed(stored):
                raise DataError(
                    "The report was changed after it was made: its checksum is not "
                    "that of its content.",
                    fix="Make it anew with 'regard trust'.",
                )
            return cls(**report_format.fields(stored))
        except _NOT_OF_A_REPORT as problem:
            if isinstance(problem, DataError):
                raise
            raise DataError(
                "This is no report of an examination.",
                fix="Make one with 'regard trust'.",
            ) from problem

    def save(self, path: str | Path) -> None:
        """Write the report as JSON.

        Raises:
            ArgumentError: The folder does not exist, or the path is a folder.
        """
        content = report_format.to_json(self.to_dict())
        write_file(Path(path), content.encode("utf-8"))

    @classmethod
    def load(cls, path: str | Path) -> "TrustReport":
        """Read a saved report.

        Args:
            path: The file, or a bundle that carries a report.

        Raises:
            ArgumentError: There is no such file.
            BundleError: A bundle has no report on its model, or is damaged.
            DataError: The file holds no report, or one that was changed by hand.
        """
        file = Path(path)
        if file.is_dir():
            return cls.from_dict(stored_trust(file))
        if not file.is_file():
            raise ArgumentError(f"There is no file {file}.")
        if file.stat().st_size > _LARGEST_FILE:
            raise DataError(f"{file} is too large for a report.")
        try:
            # As bytes, it may begin with a mark of their order.
            stored = json.loads(file.read_bytes())
        except (ValueError, RecursionError) as problem:
            raise DataError(f"{file} holds no JSON.") from problem
        return cls.from_dict(stored)
