"""The report on the attention of a model that its bundle may carry.

``trust.json`` is what ``regard trust`` wrote. It is bound to the model by the SHA-256
of the model's file: a report on another model is not used, and neither is a damaged
one; the model is, which answers the same without. What the report is made of is known
to ``regard.trust`` alone; here it is plain values with a line for people, sealed by a
checksum.
"""

import copy
import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from regard._untrusted import parse_json
from regard.bundle.bundle import Bundle, read_part, replace_parts
from regard.bundle.manifest import MODEL_FILE, RECORD, read_manifest
from regard.errors import ArgumentError, BundleError, BundleWarning, DataError
from regard.types import TrustLine

if TYPE_CHECKING:
    from regard.bundle.model_identity import ModelIdentity

#: The names of the part, and of the card, which people read of a bundle.
TRUST, CARD = "trust.json", "README.md"
#: 1 had no reliability, placement, spread of random orders, texts or other figures, 2
#: no checksum.
SCHEMA = 3
CHECKSUM = "checksum"
_MOST_CHARACTERS = 2_000
_MOST_BYTES = 1 << 24
SECTION = b"## What the weights are\n"
_WEIGHTS = """
The attention on a token is its share in the vector that the label is predicted from. It
says where the model looked, {found}
"""
_NOT_EXAMINED = "not why it decided."
_EXAMINED = """and whether that is why it decided was examined:

    {sentence}

`regard trust` shows the report that is in this bundle."""


@dataclass(frozen=True, eq=False)
class CarriedReport:
    """A report that travels with a model.

    Args:
        line: What is shown beside the answers of the model.
        content: The whole report as plain values.
    """

    line: TrustLine
    content: Mapping[str, Any]

    @classmethod
    def of(cls, content: Any) -> "CarriedReport":
        """The report of its plain values.

        Raises:
            BundleError: They are none of a report, or were changed.
        """
        try:
            line, schema = content["line"], content.get("schema", 1)
            told = TrustLine(line["verdict"], line["sentence"], line["is_misleading"])
            is_whole = isinstance(content["model"], str) and type(schema) is int
        except (KeyError, TypeError, IndexError, AttributeError) as problem:
            raise BundleError("It is no report of an examination.") from problem
        texts = (told.verdict, told.sentence)
        if (
            not is_whole
            or not isinstance(told.is_misleading, bool)
            or not all(isinstance(each, str) for each in texts)
            or max(map(len, texts)) > _MOST_CHARACTERS
        ):
            raise BundleError("It is no report of an examination.")
        if schema > SCHEMA:
            raise BundleError("A newer version of regard made it.")
        if not is_sealed(content):
            raise BundleError("It was changed after it was made.")
        return cls(told, content)

    def part(self, model_file: bytes) -> bytes:
        """The part of a bundle with this model file.

        A model that is saved again has another file; the report is bound to that.
        """
        digest = hashlib.sha256(model_file).hexdigest()
        return _encoded(sealed({**self.content, "model": digest}))


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The plain values of a report with a checksum over all of them.

    It shows what was changed by hand or by accident. It is no signature: who changes a
    report on purpose can make a new checksum as well.
    """
    rest = {name: each for name, each in content.items() if name != CHECKSUM}
    return {**rest, CHECKSUM: _checksum(rest)}


def is_sealed(content: Mapping[str, Any]) -> bool:
    """Whether a report is what it was when it was made, as far as its schema tells."""
    if content.get("schema", 1) < SCHEMA and CHECKSUM not in content:
        return True
    rest = {name: each for name, each in content.items() if name != CHECKSUM}
    return bool(content.get(CHECKSUM) == _checksum(rest))


def _checksum(content: Mapping[str, Any]) -> str:
    plain = json.dumps(_numbers_alike(content), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode("ascii")).hexdigest()


def _numbers_alike(value: Any) -> Any:
    """The same with all numbers floating: other programs write 1.0 as 1."""
    if isinstance(value, Mapping):
        return {str(name): _numbers_alike(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_numbers_alike(each) for each in value]
    return float(value) if type(value) is int else value


def card_telling(card: bytes, report: CarriedReport | None) -> bytes:
    """A card whose section on the weights says what an examination found of them.

    Args:
        card: A card; one without such a section stays as it is.
        report: The report on the model; None: it was not examined.
    """
    before, heading, _ = card.partition(SECTION)
    if not heading:
        return card
    found = _NOT_EXAMINED
    if report is not None:
        # As code nothing in the name of a file is taken for Markdown.
        found = _EXAMINED.format(sentence=" ".join(report.line.sentence.split()) + ".")
    return before + heading + _WEIGHTS.format(found=found).encode("utf-8")


class Carrier(Protocol):
    """What an artifact has that can carry a report.

    Attributes:
        identity: Which model it is.
        trust: The report it carries, see ``line_of``.
    """

    @property
    def identity(self) -> "ModelIdentity": ...  # noqa: D102 - see above
    @property
    def trust(self) -> CarriedReport | None: ...  # noqa: D102 - see above


CarrierT = TypeVar("CarrierT", bound=Carrier)


def carrying(trained: CarrierT, report: CarriedReport | None) -> CarrierT:
    """The artifact with a report; it shares its model and what was compiled."""
    other = copy.copy(trained)
    object.__setattr__(other, "trust", report)
    return other


def report_of(trained: Carrier) -> CarriedReport | None:
    """The report that an artifact carries, as long as it is about its model.

    Warns:
        BundleWarning: The weights of the model were changed since.
    """
    report = trained.trust
    if report is None:
        return None
    current = trained.identity.hash
    if current == report.content["model"]:
        return report
    if current:
        warnings.warn(
            "The weights of the model were changed since it was examined: what was "
            "found then is not shown any more. Examine it again: regard.trust.examine",
            BundleWarning,
            stacklevel=2,
        )
    return None


def line_of(trained: Carrier) -> TrustLine | None:
    """What is shown of the report that an artifact carries; see ``report_of``."""
    report = report_of(trained)
    return None if report is None else report.line


def parts_telling(
    trained: Carrier, model_file: bytes, card: bytes | None
) -> dict[str, bytes]:
    """The card and the report of an artifact as parts of its bundle, by their names.

    Args:
        trained: The artifact.
        model_file: The model as it is saved.
        card: What its bundle says to people; None: nothing.
    """
    report = report_of(trained)
    told = {} if card is None else {CARD: card_telling(card, report)}
    return told if report is None else {**told, TRUST: report.part(model_file)}


def read_card(bundle: Bundle) -> bytes | None:
    """The card of a checked bundle; see ``read_record``."""
    return _optional(bundle, CARD)


def read_record(bundle: Bundle) -> bytes | None:
    """What a checked bundle says of its training; None where it says nothing.

    Warns:
        BundleWarning: There is something, and it is damaged.
    """
    return _optional(bundle, RECORD)


def _optional(bundle: Bundle, part: str) -> bytes | None:
    if part in bundle.damaged:
        warn_not_used(bundle, part, bundle.damaged[part])
    return bundle.parts.get(part)


def read_trust(bundle: Bundle) -> CarriedReport | None:
    """The report of a checked bundle; None where there is none on this model.

    Warns:
        BundleWarning: There is one on another model, or it is damaged.
    """
    if TRUST in bundle.damaged:
        warn_not_used(bundle, TRUST, bundle.damaged[TRUST])
    if TRUST not in bundle.parts:
        return None
    try:
        return checked_report(bundle.parts[TRUST], bundle.digests[MODEL_FILE])
    except BundleError as error:
        warn_not_used(bundle, TRUST, error)
    return None


def warn_not_used(bundle: Bundle, part: str, problem: BundleError) -> None:
    """Warn that an optional part of a bundle is not used, and why."""
    warnings.warn(_not_used(bundle.path, part, problem), BundleWarning, stacklevel=3)


def _not_used(folder: Path, part: str, problem: BundleError) -> str:
    """What people read of a part of a bundle that is damaged or not about its model."""
    named = f"The bundle '{folder}' cannot be loaded: {part}: "
    short = problem.message.removeprefix(named)
    said = f"The {part} of '{folder}' is not used: {short[:1].lower()}{short[1:]}"
    if part != TRUST:
        return said
    return f"{said} Make a new one: regard trust {folder} DATA --save"


def checked_report(content: bytes, model_hash: str) -> CarriedReport:
    """The report of a part.

    Args:
        content: The part.
        model_hash: The SHA-256 of the file of the model beside it.

    Raises:
        BundleError: It is none, or about another model.
    """
    try:
        report = CarriedReport.of(parse_json(content, most=_MOST_BYTES))
    except DataError as problem:
        raise BundleError("It is no report of an examination.") from problem
    if report.content["model"] != model_hash:
        raise BundleError("It is about another model.")
    return report


def stored_trust(path: str | Path) -> Any:
    """The report in a bundle as plain values, without a look at its other parts.

    Args:
        path: The folder of the bundle.

    Raises:
        BundleError: There is no report on the model that is there, or it is damaged.
    """
    folder = Path(path)
    digest = read_manifest(folder).parts.get(MODEL_FILE)
    try:
        content = read_part(folder, TRUST)
        return checked_report(content, "" if digest is None else digest.sha256).content
    except BundleError as problem:
        raise BundleError(_not_used(folder, TRUST, problem)) from problem


def attach_trust(path: str | Path, content: Mapping[str, Any]) -> None:
    """Put a report into a bundle, in the place of one that is there.

    The card of the bundle says what was found. Everything else stays as it is, to the
    byte.

    Args:
        path: The folder of the bundle.
        content: The report as plain values.

    Raises:
        ArgumentError: The report is about another model, or something else is in the
            folder that would be lost.
        BundleError: The bundle is damaged.
    """
    report = CarriedReport.of(content)
    listed = read_manifest(Path(path)).parts
    digest = listed.get(MODEL_FILE)
    if digest is None or digest.sha256 != content["model"]:
        raise another_model(f"the one in '{path}'")
    contents: dict[str, bytes | None] = {TRUST: _encoded(content)}
    if CARD in listed:
        try:
            contents[CARD] = card_telling(read_part(path, CARD), report)
        except BundleError:
            # A damaged one is of no use to anybody, and not vouched for.
            contents[CARD] = None
    replace_parts(path, contents)


def another_model(expected: str) -> ArgumentError:
    """The error of a report that is to be put beside a model it is not about."""
    return ArgumentError(
        "The report is about another model.",
        expected=f"a report on {expected}",
        fix="Examine the model that was saved, as 'regard trust' does; or attach the "
        "report to the model in memory before it is saved.",
    )


def _encoded(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode("utf-8")
