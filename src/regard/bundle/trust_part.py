"""The report on the attention of a model that its bundle may carry.

``trust.json`` is what ``regard trust`` wrote. It is bound to the model by the SHA-256
of the model's file: a report on another model is not used. What the report is made of
is known to ``regard.trust`` alone; here it is plain values with a line for people.
"""

import copy
import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import keras

from regard.bundle.bundle import Bundle, read_part, replace_part
from regard.bundle.manifest import defect, read_manifest
from regard.bundle.model_file import MODEL_FILE
from regard.errors import ArgumentError, BundleError, BundleWarning
from regard.types import TrustLine

#: The name of the part.
TRUST = "trust.json"
_MOST_CHARACTERS = 2_000
_NEW = "Make a new one: regard trust BUNDLE DATA --save"


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
            BundleError: They are none of a report.
        """
        try:
            line = content["line"]
            told = TrustLine(line["verdict"], line["sentence"], line["is_misleading"])
            is_whole = isinstance(content["model"], str)
        except (KeyError, TypeError, IndexError) as problem:
            raise _no_report() from problem
        texts = (told.verdict, told.sentence)
        if (
            not is_whole
            or not isinstance(told.is_misleading, bool)
            or not all(isinstance(each, str) for each in texts)
            or max(map(len, texts)) > _MOST_CHARACTERS
        ):
            raise _no_report()
        return cls(told, content)

    def part(self, model_file: bytes) -> dict[str, bytes]:
        """The part of a bundle with this model file, by its name.

        A model that is saved again has another file; the report is bound to that.
        """
        bound = {**self.content, "model": hashlib.sha256(model_file).hexdigest()}
        return {TRUST: _encoded(bound)}


class Carrier(Protocol):
    """What an artifact has that can carry a report.

    Attributes:
        model: The model.
        model_hash: The SHA-256 of the file it was loaded from, "" where it was trained.
        trust: The report it carries.
    """

    @property
    def model(self) -> keras.Model: ...  # noqa: D102 - see above
    @property
    def model_hash(self) -> str: ...  # noqa: D102 - see above
    @property
    def trust(self) -> CarriedReport | None: ...  # noqa: D102 - see above


CarrierT = TypeVar("CarrierT", bound=Carrier)


def hash_of_model(trained: Carrier) -> str:
    """What a report on a model is bound to, in hexadecimal.

    The SHA-256 of the file it was loaded from. A model that is in no file yet has that
    of its weights: the same model becomes other bytes each time it is saved.
    """
    if trained.model_hash:
        return trained.model_hash
    digest = hashlib.sha256()
    for variable in trained.model.variables:
        values = keras.ops.convert_to_numpy(variable)
        digest.update(f"{variable.path} {values.shape} {values.dtype}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def carrying(trained: CarrierT, report: CarriedReport) -> CarrierT:
    """The artifact with a report; it shares its model and what was compiled."""
    other = copy.copy(trained)
    object.__setattr__(other, "trust", report)
    return other


def read_trust(bundle: Bundle) -> CarriedReport | None:
    """The report of a checked bundle; None where there is none on this model.

    Warns:
        BundleWarning: There is one on another model.

    Raises:
        BundleError: There is one, and it is damaged.
    """
    if TRUST not in bundle.parts:
        return None
    with bundle.reading(TRUST) as content:
        report = CarriedReport.of(json.loads(content))
    if report.content["model"] != bundle.digests[MODEL_FILE]:
        warnings.warn(
            f"The {TRUST} of '{bundle.path}' is about another model and is not used. "
            f"A new one is made by: regard trust {bundle.path} DATA --save",
            BundleWarning,
            stacklevel=2,
        )
        return None
    return report


def stored_trust(path: str | Path) -> Any:
    """The report in a bundle as plain values, without a look at its other parts.

    Args:
        path: The folder of the bundle.

    Raises:
        BundleError: There is no report on the model that is there, or it is damaged.
    """
    folder = Path(path)
    content = read_part(folder, TRUST)
    try:
        report = CarriedReport.of(json.loads(content))
    except (ValueError, RecursionError, BundleError) as problem:
        raise defect(folder, TRUST, "it is no report of an examination") from problem
    digest = read_manifest(folder).parts.get(MODEL_FILE)
    if digest is None or digest.sha256 != report.content["model"]:
        raise defect(folder, TRUST, "it is about another model", _NEW)
    return report.content


def attach_trust(path: str | Path, content: Mapping[str, Any]) -> None:
    """Put a report into a bundle, in the place of one that is there.

    Everything else in the bundle stays as it is, to the byte.

    Args:
        path: The folder of the bundle.
        content: The report as plain values.

    Raises:
        ArgumentError: The report is about another model, or something else is in the
            folder that would be lost.
        BundleError: The bundle is damaged.
    """
    CarriedReport.of(content)
    digest = read_manifest(Path(path)).parts.get(MODEL_FILE)
    if digest is None or digest.sha256 != content["model"]:
        raise another_model(f"the one in '{path}'")
    replace_part(path, TRUST, _encoded(content))


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


def _no_report() -> BundleError:
    return BundleError(
        "It is no report of an examination.",
        fix=_NEW,
    )
