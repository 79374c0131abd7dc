"""The exceptions of the library: expected, received, and the remedy."""

import re
import reprlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

__all__ = [
    "ArgumentError",
    "BackendError",
    "BundleError",
    "BundleWarning",
    "CheckpointWarning",
    "ClusterError",
    "ColumnError",
    "DataError",
    "DataWarning",
    "ExportError",
    "ForkedProcessError",
    "InUseError",
    "MissingExtraError",
    "MissingValueError",
    "NotTrainedError",
    "ObservationError",
    "RegardError",
    "TrackingWarning",
]

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

    It says what is wrong. What to do is said at the door that the user came through:
    its text is in the words of Python, and ``worded`` gives that of another door, such
    as the command line, which has options where Python has arguments.

    Args:
        message: The failure, in one sentence.
        expected: The right value, or kind of value.
        received: The value that came instead.
        fix: The remedy, as one or two sentences to the user.
        arguments: The arguments of Python that any of these name, as ``'name'`` or
            ``name=``.
        elsewhere: The remedy at another door, where ``fix`` would not do with the names
            of its options.
    """

    def __init__(
        self,
        message: str,
        *,
        expected: str | None = None,
        received: str | None = None,
        fix: str | None = None,
        arguments: Iterable[str] = (),
        elsewhere: str | None = None,
    ) -> None:
        # Messages quote what came, which may be of any size.
        self.message = _bounded(message)
        self.expected = None if expected is None else _bounded(expected)
        self.received = None if received is None else _bounded(received)
        self.fix = None if fix is None else _bounded(fix)
        self.arguments = tuple(arguments)
        self.elsewhere = elsewhere
        super().__init__(self._text())

    def worded(self, name_of: Callable[[str], str | None]) -> str:
        """The text at another door than Python.

        Args:
            name_of: What an argument of Python is called there; None where it is not
                there: then it is named in plain words, and no remedy needs it.
        """
        spelled = {name: name_of(name) for name in self.arguments}
        plain = {
            name: there or name.replace("_", " ") for name, there in spelled.items()
        }
        fix = self.fix
        if self.elsewhere is not None:
            fix = self.elsewhere
        elif fix is not None and any(
            there is None and _mentions(fix, name) for name, there in spelled.items()
        ):
            fix = None
        expected = None if self.expected is None else _spelled(self.expected, plain)
        fix = None if fix is None else _spelled(fix, plain)
        return _joined(_spelled(self.message, plain), expected, self.received, fix)

    def _text(self) -> str:
        return _joined(self.message, self.expected, self.received, self.fix)

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling of exceptions,
        # and worker processes send exceptions home pickled.
        parts = ("expected", "received", "fix", "arguments", "elsewhere")
        state = {name: getattr(self, name) for name in parts}
        return _rebuild, (self._kept_as(), self.message, state)

    def _kept_as(self) -> "type[RegardError]":
        """The class that it is of once it comes out of a pickle."""
        return type(self)


def _rebuild(
    kind: type[RegardError], message: str, state: Mapping[str, Any]
) -> RegardError:
    return kind(message, **state)


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


def _joined(
    message: str, expected: str | None, received: str | None, fix: str | None
) -> str:
    parts = [message]
    if expected is not None:
        parts.append(f"Expected: {expected}.")
    if received is not None:
        parts.append(f"Received: {received}.")
    if fix is not None:
        parts.append(fix)
    return " ".join(parts)


def _mentions(text: str, name: str) -> bool:
    return re.search(_pattern(name), text) is not None


def _spelled(text: str, names: Mapping[str, str]) -> str:
    for name, there in names.items():
        text = re.sub(rf"\b{name}=(?=[^\s.,…])", f"{name}= ", text)
        text = re.sub(_pattern(name), lambda _, there=there: there, text)  # type: ignore[misc]  # bound at once
    return text


def _pattern(name: str) -> str:
    """An argument as texts name it: in quotes, with its sign, or by itself if long."""
    by_itself = rf"|\b{name}\b" if "_" in name else ""
    return rf"'{name}'|\b{name}=(?:\.\.\.|…)?{by_itself}"


class ArgumentError(RegardError, ValueError):
    """A wrong argument: its value, its shape or its combination with others."""


class DataError(RegardError, ValueError):
    """Wrong input data; the message names the file and the line or the field."""


class ColumnError(DataError):
    """A column that is not there, or there twice."""


class MissingValueError(DataError):
    """A row without its text or its label."""


class DataWarning(UserWarning):
    """Data that can be learned from looks wrong."""


class BundleError(RegardError):
    """A bundle on disk that is damaged, incomplete or of an unknown version."""


@contextmanager
def hearing(category: type[Warning], tell: Callable[[str], None]) -> Iterator[None]:
    """Give the warnings of a block to a function, where people look for them.

    Args:
        category: Those that are meant; others stay as they are.
        tell: Told what each says.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", category)
        yield
    for each in caught:
        if issubclass(each.category, category):
            tell(str(each.message))
        else:
            warnings.warn_explicit(
                each.message, each.category, each.filename, each.lineno
            )


class InUseError(RegardError):
    """A file or folder that another process is working on."""


class CheckpointWarning(UserWarning):
    """How far a training is cannot be written down; the training goes on."""


class TrackingWarning(UserWarning):
    """The record of a training cannot be written; the training goes on."""


class BundleWarning(UserWarning):
    """A part of a bundle is not used; the bundle is."""


class ObservationError(RegardError):
    """A model whose attention cannot be observed as asked."""


class ExportError(RegardError):
    """A model that cannot be written as a program, or gives other numbers as one."""


class NotTrainedError(RegardError, ValueError, AttributeError):
    """A prediction was asked of an object that was not trained or loaded yet.

    Of the classes that scikit-learn's ``NotFittedError`` is of, so that ``hasattr``
    says of what only a trained one has that it is not there. Where scikit-learn is
    loaded it is a ``NotFittedError`` as well.
    """

    def _kept_as(self) -> type[RegardError]:
        # The class that is one of scikit-learn's, too, has no name to be found by.
        return NotTrainedError


class BackendError(RegardError, ImportError):
    """The backend of Keras is installed and cannot be loaded."""


class ClusterError(RegardError, RuntimeError):
    """Processes that train together: one has ended, or was given other data."""


class ForkedProcessError(RegardError, RuntimeError):
    """A process was forked off one that had computed, and would wait for ever."""


class MissingExtraError(RegardError, ImportError):
    """A feature needs a package that is not installed.

    Args:
        feature: The feature asked for, as the subject of a sentence.
        package: The import name of the missing package.
        extra: The extra of ``regard`` that installs it.
    """

    def __init__(self, feature: str, package: str, extra: str) -> None:
        self.state = (feature, package, extra)
        super().__init__(
            f"{feature} needs the package '{package}', which is not installed.",
            fix=f'Run: pip install "regard[{extra}]"',
        )

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), self.state
