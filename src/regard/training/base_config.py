"""The base of settings: known by name, checked when they are made, stored as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar

from regard._untrusted import parse_json
from regard._validate import (
    check_choice,
    check_count,
    check_flag,
    check_number,
    check_settings,
    check_share,
)
from regard.errors import BundleError, shortened

_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class BaseConfig:
    """The base of dataclasses of settings.

    The type of a setting is that of its default. Whole numbers are 1 or more and other
    numbers above 0, unless a subclass says that they are a share or may be 0.
    """

    #: What they are the settings of, with its article.
    of_what: ClassVar[str]
    shares: ClassVar[frozenset[str]] = frozenset()
    may_be_zero: ClassVar[frozenset[str]] = frozenset()
    choices: ClassVar[Mapping[str, Sequence[str]]] = {}
    #: Those that are chosen from the data where the user chooses none.
    from_data: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        for field in fields(self):
            value = self._checked(field.name, type(field.default))
            object.__setattr__(self, field.name, value)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """The default settings with some of them changed.

        Raises:
            ArgumentError: A setting is unknown or has a wrong value.
        """
        check_settings(settings, cls.names(), of=cls.of_what)
        return cls(**settings)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of all settings."""
        return tuple(field.name for field in fields(cls))

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain values, ready for JSON."""
        return asdict(self)

    def seemingly_chosen(self) -> dict[str, Any]:
        """The settings that the user seems to have chosen, where nothing says it.

        Those that differ from their defaults, and are not chosen from the data.
        """
        default = type(self)()
        return {
            name: value
            for name, value in self.to_dict().items()
            if name not in self.from_data and value != getattr(default, name)
        }

    def _checked(self, name: str, kind: type) -> Any:
        value, of = getattr(self, name), self.of_what
        if name in self.choices:
            return check_choice(name, value, self.choices[name], of=of)
        if kind is bool:
            return check_flag(name, value, of=of)
        if name in self.shares:
            return check_share(name, value, of=of)
        may_be_zero = name in self.may_be_zero
        if kind is int:
            return check_count(name, value, least=0 if may_be_zero else 1, of=of)
        if kind is float:
            bound: dict[str, Any] = {"least" if may_be_zero else "above": 0}
            return check_number(name, value, **bound, of=of)
        return value


def checked_seed(seed: Any) -> int:
    """A seed as all generators of random numbers take it.

    Raises:
        ArgumentError: It is none.
    """
    return check_count("seed", seed, least=0, most=2**63 - 1)


ConfigT = TypeVar("ConfigT", bound=BaseConfig)
_MEMBERS = frozenset({"seed", "settings", "chosen", "columns"})


def config_to_json(
    config: BaseConfig,
    seed: int,
    chosen: Mapping[str, Any],
    columns: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """The settings and the seed of a training, as a bundle has them.

    Args:
        config: All settings.
        seed: The seed.
        chosen: Those that the user chose, for the next training as well.
        columns: The columns of the file it was trained on, by what they hold.
    """
    content = {"seed": seed, "settings": config.to_dict(), "chosen": dict(chosen)}
    if columns:
        content["columns"] = dict(columns)
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def config_from_json(
    content: bytes, config_type: type[ConfigT]
) -> tuple[ConfigT, int, dict[str, Any]]:
    """Read what ``config_to_json`` wrote, in this release or an earlier one.

    Settings that are missing are newer than the bundle and take their defaults. Where
    it does not say which the user chose, see ``seemingly_chosen``.

    Returns:
        All settings, the seed, and the settings that the user chose.

    Raises:
        ArgumentError: A setting has a wrong value.
        BundleError: It is no configuration, or has a setting that is not known here.
    """
    stored = parse_json(content, most=_MOST_BYTES)
    if (
        not isinstance(stored, dict)
        or not {"seed", "settings"} <= set(stored) <= _MEMBERS
        or type(stored["seed"]) is not int
        or not isinstance(stored["settings"], dict)
        or not isinstance(stored.get("chosen", {}), dict)
    ):
        raise BundleError("It is no configuration.", expected="'seed' and 'settings'")
    checked_seed(stored["seed"])
    known = config_type.names()
    named = [*stored["settings"], *stored.get("chosen", {})]
    unknown = [name for name in named if name not in known]
    if unknown:
        raise BundleError(
            f"{config_type.of_what.capitalize()} has no setting '{unknown[0]}' in this "
            "version of regard.",
            fix="Update regard: a newer version saved it.",
        )
    config = config_type.of(stored["settings"])
    chosen = stored.get("chosen", config.seemingly_chosen())
    config_type.of(chosen)  # Wrong ones are refused at once.
    return config, stored["seed"], chosen


def columns_from_json(content: bytes) -> dict[str, str]:
    """The columns that ``config_to_json`` wrote; earlier releases wrote none.

    Raises:
        BundleError: They are no names of columns.
    """
    columns = json.loads(content).get("columns", {})
    if not isinstance(columns, dict) or not all(
        isinstance(name, str) for name in columns.values()
    ):
        raise BundleError("Its columns are no names.", expected="texts")
    return columns


def check_agreement(content: bytes, facts: Mapping[str, Any]) -> None:
    """Refuse settings of a bundle that are not those of its model.

    Args:
        content: What ``config_to_json`` wrote; what it does not say cannot be wrong.
        facts: What the model is like, by the names of settings.

    Raises:
        BundleError: It says something else.
    """
    stated = json.loads(content)["settings"]
    for name, value in facts.items():
        if name in stated and stated[name] != value:
            raise BundleError(
                f"It says that '{name}' is {shortened(repr(stated[name]))}, and in the "
                f"model it is {value!r}."
            )
