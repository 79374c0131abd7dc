"""Settings that are known by name, and plain values in a file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

from regard.errors import ArgumentError


@dataclass(frozen=True)
class Settings:
    """What dataclasses of settings have in common."""

    #: What they are the settings of, with its article.
    of_what: ClassVar[str]

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """The default settings with some of them changed.

        Raises:
            ArgumentError: A setting is unknown or has a wrong value.
        """
        known = [field.name for field in fields(cls)]
        unknown = [name for name in settings if name not in known]
        if unknown:
            raise ArgumentError(
                f"{cls.of_what.capitalize()} has no setting '{unknown[0]}'.",
                expected=f"one of {known}",
            )
        return cls(**settings)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def wrong(cls, name: str, expected: str, value: Any) -> ArgumentError:
        """The error of a setting with a wrong value."""
        return ArgumentError(
            f"'{name}' of {cls.of_what} has a wrong value.",
            expected=expected,
            received=repr(value),
        )
