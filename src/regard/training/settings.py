"""Settings that are known by name, and plain values in a file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self, TypeVar

from regard.errors import ArgumentError, BundleError


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


AnySettings = TypeVar("AnySettings", bound=Settings)


def settings_to_bytes(seed: int, settings: Settings) -> bytes:
    """Seed and settings of a training as a part of a bundle."""
    stored = {"seed": seed, "settings": settings.to_dict()}
    return (json.dumps(stored, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def settings_from_bytes(
    content: bytes, settings: type[AnySettings]
) -> tuple[int, AnySettings]:
    """Seed and settings out of a part of a bundle.

    A setting that an earlier release did not have yet takes its default, which is what
    that release did.

    Args:
        content: The part.
        settings: The class of the settings.

    Raises:
        BundleError: It is no such part.
        ArgumentError: A setting is unknown or has a wrong value.
    """
    stored = json.loads(content)
    if set(stored) != {"seed", "settings"} or type(stored["seed"]) is not int:
        raise BundleError("It is no configuration.", expected="'seed' and 'settings'")
    return stored["seed"], settings.of(stored["settings"])
