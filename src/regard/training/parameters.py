"""Settings as scikit-learn reads and sets them, so that its tools can train with them.

Nothing here imports scikit-learn: it asks by the names of methods, and brings what it
wants to be answered with.
"""

import importlib
import inspect
import sys
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from regard._validate import check_settings
from regard.errors import NotTrainedError, shortened
from regard.training.base_config import BaseConfig, checked_seed
from regard.training.devices import checked_devices

# So many are shown of what was chosen.
_MOST_SAID = 5


class Parameters:
    """The base of what is made with a seed, devices and settings, each by its name.

    A setting that is None was not chosen: it is chosen from the data, or has its
    default. So a copy that is made of ``get_params`` leaves the same to the data.

    Args:
        seed: What all random choices depend on.
        devices: Those between which batches are cut.
        **settings: Settings by their names; None: not chosen.
    """

    #: The class of its settings.
    _config_type: ClassVar[type[BaseConfig]]

    def __init__(
        self, seed: int = 0, *, devices: int | str | None = None, **settings: Any
    ) -> None:
        self.seed = checked_seed(seed)
        self.devices = checked_devices(devices)
        self.settings = self._chosen(settings)

    def _chosen(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that are not None, checked; wrong ones are refused at once."""
        known = self._config_type
        check_settings(settings, known.names(), of=known.of_what)
        chosen = {
            name: settings[name] for name in settings if settings[name] is not None
        }
        config = known.of(chosen)
        return {name: getattr(config, name) for name in chosen}

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 - scikit-learn's
        """The seed, the devices and all settings by their names.

        Args:
            deep: As scikit-learn passes it; there is nothing within.

        Returns:
            Of a setting that was not chosen None.
        """
        settings = {name: self.settings.get(name) for name in self._config_type.names()}
        return {name: getattr(self, name) for name in self._arguments()} | settings

    def set_params(self, **params: Any) -> Self:
        """Set some of what ``get_params`` gives, for the next training.

        Args:
            **params: By their names; None leaves a setting to the data again.

        Raises:
            ArgumentError: One is unknown or has a wrong value; then none is set.
        """
        known = self.get_params()
        check_settings(params, known, of=self._config_type.of_what)
        # Made anew it is checked as a whole, and nothing is set where that fails.
        other = type(self)(**known | params)
        for name in (*self._arguments(), "settings"):
            setattr(self, name, getattr(other, name))
        return self

    @classmethod
    def _arguments(cls) -> list[str]:
        """What it is made with beside settings, by the names of its attributes."""
        of_class = inspect.signature(cls).parameters.values()
        return [each.name for each in of_class if each.kind is not each.VAR_KEYWORD]

    def __sklearn_clone__(self) -> Self:
        """One that was not trained, with the same settings."""
        return type(self)(**self.get_params())

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn, from 1.6, knows of it: it reads a list of texts."""
        # It is scikit-learn that asks, so it is there.
        utils = importlib.import_module("sklearn.utils")
        return utils.Tags(
            estimator_type=None,
            target_tags=utils.TargetTags(required=True),
            input_tags=utils.InputTags(
                one_d_array=True, two_d_array=False, string=True
            ),
        )

    def _said(self) -> str:
        """How it would be made anew, with what was chosen."""
        given = self.get_params()
        said = [
            f"{name}={shortened(repr(value))}"
            for name, value in given.items()
            if value is not None
        ]
        if len(said) > _MOST_SAID:
            said[_MOST_SAID:] = ["…"]
        return f"{type(self).__name__}({', '.join(said)})"


def not_trained(noun: str, call_of_fit: str) -> NotTrainedError:
    """The error of what was not trained; to scikit-learn it is one of its own.

    Args:
        noun: What was not.
        call_of_fit: How it would be.
    """
    kind: type[NotTrainedError] = NotTrainedError
    # Who does not use scikit-learn has not loaded it, and catches ours.
    theirs = getattr(sys.modules.get("sklearn.exceptions"), "NotFittedError", None)
    if theirs is not None:
        kind = type(NotTrainedError.__name__, (NotTrainedError, theirs), {})
    return kind(
        f"This {noun} was not trained yet.",
        fix=f"Call {call_of_fit}, or load a saved one with regard.load.",
    )
