"""The exceptions of the library: expected, received, and the remedy."""

import reprlib
from collections.abc import Iterable
from itertools import islice
from typing import Any

# The most characters of a part of a message, and of a value in a list.
_LONGEST_PART = 3_000
_LONGEST_VALUE, _LONGEST_SHOWN = 60, 300
# How a value is written that may be of any size.
_SHORT, _MOST = reprlib.Repr(), 8
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxset = _SHORT.maxdict = _MOST
_SHORT.maxlevel = 3
_SHORT.maxfrozenset = _SHORT.maxdeque = _SHORT.maxarray = _MOST
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 120


class RegardError(Exception):
    """Base class of every error raised on purpose by the library.

    Args:
        message: The failure, in one sentence.
        expected: The right value, or kind of value.
        received: The value that came instead.
        fix: The remedy, as one or two sentences to the user.
    """

    def __init__(
        self,
        message: str,
        *,
        expected: str | None = None,
        received: str | None = None,
        fix: str | None = None,
    ) -> None:
        # Messages quote what came, which may be of any size.
        self.message = _bounded(message)
        self.expected = None if expected is None else _bounded(expected)
        self.received = None if received is None else _bounded(received)
        self.fix = None if fix is None else _bounded(fix)
        super().__init__(self._text())

    def _text(self) -> str:
        parts = [self.message]
        if self.expected is not None:
            parts.append(f"Expected: {self.expected}.")
        if self.received is not None:
            parts.append(f"Received: {self.received}.")
        if self.fix is not None:
            parts.append(self.fix)
        return " ".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling of exceptions,
        # and worker processes send exceptions home pickled.
        state = (self.message, self.expected, self.received, self.fix)
        return _rebuild, (type(self), *state)


def _rebuild(
    kind: type[RegardError],
    message: str,
    expected: str | None,
    received: str | None,
    fix: str | None,
) -> RegardError:
    return kind(message, expected=expected, received=received, fix=fix)


def listed(values: Iterable[Any], most: int = 10) -> str:
    """Values as a list in a message, which stays short however many and long they are.

    Args:
        values: The values, each shown as Python writes it.
        most: How many are shown.
    """
    rest = iter(values)
    shown = [shortened(repr(value)) for value in islice(rest, most)]
    more = sum(1 for _ in rest)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def shown(value: Any) -> str:
    """A value in a message, on one line and short whatever it holds.

    Of an array, a tensor or a frame the shape is said, which is what is wrong of it in
    most cases; of a long list the beginning and the length.
    """
    shape = getattr(value, "shape", None)
    if isinstance(shape, Iterable) and not isinstance(value, type) and tuple(shape):
        dtype = str(getattr(value, "dtype", "")).rpartition(".")[2]
        of = f" of {dtype}" if dtype else ""
        return f"a {type(value).__name__}{of} of shape {tuple(shape)}"
    said = shortened(" ".join(_SHORT.repr(value).split()), _LONGEST_SHOWN)
    is_many = isinstance(value, list | tuple | set | dict) and len(value) > _MOST
    return f"{said}, {len(value):,} in all" if is_many else said


def shortened(text: str, most: int = _LONGEST_VALUE) -> str:
    """A text in a message, cut where it is long."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _bounded(part: str) -> str:
    if len(part) <= _LONGEST_PART:
        return part
    end = _LONGEST_PART // 10
    return f"{part[: _LONGEST_PART - end]} … {part[-end:]}"


class ArgumentError(RegardError, ValueError):
    """A wrong argument: its value, its shape or its combination with others."""


class DataError(RegardError, ValueError):
    """Wrong input data; the message names the file and the line or the field."""


class MissingValueError(DataError):
    """A row without its text or its label."""


class DataWarning(UserWarning):
    """Data that can be learned from looks wrong."""


class BundleError(RegardError):
    """A bundle on disk that is damaged, incomplete or of an unknown version."""


class InUseError(RegardError):
    """A file or folder that another process is working on."""


class CheckpointWarning(UserWarning):
    """How far a training is cannot be written down; the training goes on."""


class BundleWarning(UserWarning):
    """A part of a bundle is not used; the bundle is."""


class ObservationError(RegardError):
    """A model whose attention cannot be observed as asked."""


class NotTrainedError(RegardError):
    """A prediction was asked of an object that was not trained or loaded yet."""


class BackendError(RegardError, ImportError):
    """The backend of Keras is installed and cannot be loaded."""


class MissingExtraError(RegardError, ImportError):
    """A feature needs a package that is not installed.

    Args:
        feature: The feature asked for, as the subject of a sentence.
        package: The import name of the missing package.
        extra: The extra of ``regard`` that installs it.
    """

    def __init__(self, feature: str, package: str, extra: str) -> None:
        self.arguments = (feature, package, extra)
        super().__init__(
            f"{feature} needs the package '{package}', which is not installed.",
            fix=f'Run: pip install "regard[{extra}]"',
        )

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), self.arguments
