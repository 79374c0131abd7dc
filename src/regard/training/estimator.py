"""The base of classes that are trained, asked, measured and saved."""

import copy
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import keras

from regard._batch_source import is_batch_source, texts_in
from regard._frames import frame_column, is_frame, listed_values
from regard._validate import wrong_value
from regard.bundle import RECORD, About, Bundle, write_bundle
from regard.bundle.about_part import described, with_about
from regard.bundle.trust_part import CarriedReport, Carrier, carrying, line_of
from regard.errors import ArgumentError
from regard.runtime import check_not_forked
from regard.text.text_validation import checked_texts
from regard.training.base_config import BaseConfig
from regard.training.callbacks import InterruptBetweenSteps
from regard.training.display import Show, shown_progress
from regard.training.loop import TrainingOutcome
from regard.training.model_selection import History
from regard.training.parameters import Parameters, not_trained
from regard.training.provenance import (
    Beginning,
    plain_measures,
    provenance_from_bytes,
    provenance_to_bytes,
)
from regard.training.training_run import RunCallbacks
from regard.types import TrustLine


class Artifact(Carrier, Protocol):
    """The artifact of a training; it does not change any more."""

    @property
    def config(self) -> BaseConfig:
        """The settings it was trained with."""

    @property
    def seed(self) -> int:
        """The seed it was trained with."""

    @property
    def model(self) -> keras.Model:
        """The model."""

    @property
    def chosen(self) -> Mapping[str, Any]:
        """The settings that the user chose, for the next training as well."""

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns of the file it was trained on, by what they hold."""

    @property
    def about(self) -> About:
        """What its author says of it."""

    @property
    def record(self) -> bytes | None:
        """What its bundle says of its training."""

    def to_parts(self) -> dict[str, bytes]:
        """The parts of its bundle."""

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Self:
        """The artifact whose parts these are."""


ArtifactT = TypeVar("ArtifactT", bound=Artifact)
EvaluationT = TypeVar("EvaluationT")


class Estimator(Parameters, Generic[ArtifactT, EvaluationT]):
    """The base of what has ``fit``, ``evaluate`` and ``save``.

    It is an estimator of scikit-learn, as far as that goes for what reads texts.

    Args:
        seed: What all random choices of a training depend on.
        devices: The devices of a training, as ``regard.training.devices`` takes them.
        **settings: The settings that are chosen by the user; None: not chosen.

    Raises:
        ArgumentError: A setting is unknown or has a wrong value.
    """

    #: The row of ``regard.kinds`` that says what can be done with it.
    kind: ClassVar[str]
    #: What it is called, and how it is trained.
    _noun: ClassVar[str]
    _call_of_fit: ClassVar[str]

    def __init__(
        self, seed: int = 0, *, devices: int | str | None = None, **settings: Any
    ) -> None:
        super().__init__(seed, devices=devices, **settings)
        self.interrupted = False
        self.history = History()
        self._trained: ArtifactT | None = None
        self._validation_examples: tuple[Any, Any] | None = None
        self._validation: EvaluationT | None = None
        #: The options of the command that trains it; none from Python. Its bundle says
        #: them to people, see ``regard info``.
        self.command: Mapping[str, Any] = {}
        #: What a cross-validation has measured before it was trained on all examples.
        self.cross_validation: Mapping[str, Any] = {}
        self._beginning = Beginning()
        self._provenance: dict[str, Any] = {}

    @classmethod
    def of(cls, trained: ArtifactT) -> Self:
        """The object around what an earlier training made."""
        estimator = cls(trained.seed, **trained.chosen)
        estimator._trained = trained
        return estimator

    @property
    def trained(self) -> ArtifactT:
        """The artifact of the training.

        Raises:
            NotTrainedError: There was no training yet.
        """
        if self._trained is None:
            raise not_trained(self._noun, self._call_of_fit)
        return self._trained

    @property
    def model(self) -> keras.Model:
        """The Keras model that was trained: the way to all that Keras does with one.

        ``regard.observe`` takes it, ``summary()`` shows it, it can be exported and be a
        layer of another model. It reads and gives numbers: what makes texts of them and
        back is around it.

        Raises:
            NotTrainedError: There was no training yet.
        """
        return self.trained.model

    @property
    def columns(self) -> dict[str, str]:
        """The columns of the file it was trained on, by what they hold.

        Only those with other names than that: none where it was trained on lists.
        """
        return dict(self.trained.columns)

    @property
    def trust(self) -> TrustLine | None:
        """What an examination found of its weights, where it carries the report.

        A bundle brings it along, see ``regard.trust.attach``; a new training loses it,
        and so does a change of the weights.
        """
        return line_of(self.trained)

    def carry(self, report: CarriedReport) -> None:
        """Carry a report, which is shown with the answers and saved with the model."""
        self._trained = carrying(self.trained, report)

    @property
    def validation(self) -> EvaluationT | None:
        """The evaluation on the validation examples of the last training.

        Where the training did not make it, it is made when it is first asked for. None
        where there were no such examples, and after loading; a copy and a pickle have
        what was made before.
        """
        if self._validation is None and self._validation_examples is not None:
            self._validation = self.evaluate(*self._validation_examples)
        return self._validation

    @property
    def n_iter_(self) -> int:
        """The epochs of the last training; there is no such thing after loading.

        Raises:
            NotTrainedError: There was none here.
        """
        if not self.history:
            raise not_trained(self._noun, self._call_of_fit)
        return len(self.history)

    def __sklearn_is_fitted__(self) -> bool:
        """Whether it was trained or loaded, as scikit-learn asks."""
        return self._trained is not None

    def __repr__(self) -> str:
        state = "not trained" if self._trained is None else f"trained: {self._shape()}"
        return f"<{self._said()}, {state}>"

    def _shape(self) -> str:
        """What a trained one reads and gives, in a few words."""
        return f"{self.trained.model.count_params():,} parameters"

    def evaluate(self, examples: Any, targets: Any = None, /) -> EvaluationT:
        """Measure it on examples."""
        raise NotImplementedError

    @property
    def about(self) -> About:
        """What ``describe`` said of it.

        A bundle brings it along; a new training loses it.
        """
        return self.trained.about

    def describe(
        self, description: str | None = None, examples: Sequence[str] | None = None
    ) -> Self:
        """Say what it does, and name inputs to try it on, for people who will use it.

        Both are stored in its bundle, can be read by everyone who has that, and are
        shown by a service. No text of a training is stored unless it is named here.

        Args:
            description: What it does, in at most 2,000 characters; "": nothing; None:
                what was said before.
            examples: At most 12 inputs, each of at most 2,000 characters; (): none;
                None: those that were named before.

        Returns:
            The model itself.

        Raises:
            ArgumentError: It is no text, too long, or too much.
        """
        about = self.trained.about.said(description, examples)
        self._trained = described(self.trained, about)
        return self

    @property
    def provenance(self) -> dict[str, Any]:
        """When, with what and how long it was trained, and how good it is.

        Plain values, as its bundle says them to people; empty where nothing is known.
        """
        stored = self._record().get(RECORD, self.trained.record)
        return {} if stored is None else provenance_from_bytes(stored)

    def save(
        self,
        path: str | Path,
        *,
        description: str | None = None,
        examples: Sequence[str] | None = None,
    ) -> None:
        """Save as a bundle: a folder that ``regard.load`` and the command line read.

        Args:
            path: The folder, by custom with the suffix ``.regard``. A bundle that is
                there already is replaced once the new one is complete.
            description: What it does, as ``describe`` takes it.
            examples: Inputs to try it on, as ``describe`` takes them.

        Raises:
            ArgumentError: It is no path, something that is not a bundle is in the way,
                or what is said of the model is no text, too long or too much.
        """
        if description is not None or examples is not None:
            self.describe(description, examples)
        if not isinstance(path, str | PathLike) or "\0" in str(path):
            raise wrong_value("path", path, "the path of a folder")
        write_bundle(path, self.kind, self._described_parts())

    def __reduce__(self) -> tuple[Any, ...]:
        # What was compiled has locks, which neither a deep copy nor a pickle can hold:
        # both hold the parts of the bundle, and compile anew.
        # Texts of the training stay where they are, as they are in no bundle.
        left = {"_trained": None, "_validation_examples": None}
        state = self._state() | left
        if self._trained is None:
            return type(self), (), state
        trained = type(self._trained)
        return _rebuilt, (type(self), trained, self._described_parts(), state)

    def _described_parts(self) -> dict[str, bytes]:
        """The parts of its bundle, with what its author says."""
        return with_about(self._parts(), self.about)

    def _parts(self) -> dict[str, bytes]:
        """The parts of its bundle."""
        return self.trained.to_parts() | self._record()

    def _record(self) -> dict[str, bytes]:
        """What its bundle says of its training; one that was loaded has its own."""
        if not self._provenance:
            return {}
        measures = plain_measures(self._validation)
        said = {
            **self._provenance,
            "interrupted": self.interrupted,
            "measures": measures,
            "cross_validation": self.cross_validation,
            "command": self.command,
        }
        return {RECORD: provenance_to_bytes(said)}

    def _state(self) -> dict[str, Any]:
        """What a copy has beside the parts of the bundle."""
        return dict(vars(self))

    def _resume(self, state: Mapping[str, Any]) -> None:
        """Take over what a copy has beside the parts of the bundle."""
        vars(self).update({**state, "_trained": self.trained})

    def _settings_with(self, **overrides: Any) -> Mapping[str, Any]:
        """The settings, with those that are not None in their place."""
        chosen = {key: value for key, value in overrides.items() if value is not None}
        return self.settings | chosen

    @contextmanager
    def _training(
        self,
        checkpoint: Path | None,
        callbacks: Any = None,
        progress: Show | bool | None = None,
    ) -> Iterator[dict[str, Any]]:
        """A block from which a model comes out, however often Ctrl-C is pressed.

        Args:
            checkpoint: The file that holds how far the training is, or None.
            callbacks: Those that the user gave, who are told about the training.
            progress: Whom the user wants to be told how far it is.

        Yields:
            The arguments of a training that are the same whatever is trained on.
        """
        told = RunCallbacks(callbacks, self.kind, self.seed, type(self).of)
        check_not_forked()
        self._beginning = Beginning()
        try:
            with (
                shown_progress(progress) as show,
                InterruptBetweenSteps().listening(at_once=True) as interrupts,
            ):
                yield {
                    "chosen": self.settings,
                    "seed": self.seed,
                    "checkpoint": checkpoint,
                    "progress": show,
                    "devices": self.devices,
                    "callbacks": told,
                }
                self.interrupted = self.interrupted or interrupts.came
                told.end(self)
        except BaseException as error:
            told.fail(error)
            raise

    def _adopt(
        self,
        outcome: TrainingOutcome[ArtifactT],
        validation_examples: tuple[Any, Any] | None,
        **columns: str,
    ) -> None:
        """Be what a training made, and remember the columns it was made from."""
        named = {held: name for held, name in columns.items() if held != name}
        # A copy shares the model and what was compiled.
        self._trained = copy.copy(outcome.model)
        object.__setattr__(self._trained, "columns", named)
        self.interrupted = outcome.interrupted
        self.history = History(outcome.history)
        self._validation = outcome.validation
        self._validation_examples = validation_examples
        self._provenance = self._beginning.provenance(
            counts=outcome.counts,
            parameters=outcome.model.model.count_params(),
            history=outcome.history,
            interrupted=outcome.interrupted,
        )

    def _column(self, held: str, name: str | None) -> str:
        """The column that holds something: the one named, else that of the training."""
        return name or self.columns.get(held, held)

    def _listed(
        self, texts: Any, column: str | None = None, what: str = "texts"
    ) -> list[str]:
        """Texts as a list, which may be empty.

        Args:
            texts: A list, an array, a series, a generator, or a frame.
            column: The column of a frame; None: its only one, or that of the training.
            what: What the texts are called, in the plural.

        Raises:
            ArgumentError: It is one string, or holds something else.
            DataError: The frame has no such column.
        """
        held = what.removesuffix("s")
        if is_frame(texts):
            usual = self._column(held, None)
            texts = frame_column(texts, held, column, usual=usual)
        elif column is not None and not is_batch_source(texts):
            raise ArgumentError(
                f"A column '{column}' was named, and there is no frame.",
                expected="a frame with columns",
                received=f"a {type(texts).__name__}",
            )
        given = texts_in(texts, self._column(held, column), what)
        listed = listed_values(texts, what) if given is None else given
        return checked_texts(listed) if listed else []


def _rebuilt(
    estimator: type[Estimator[Any, Any]],
    artifact: type[Artifact],
    parts: Mapping[str, bytes],
    state: Mapping[str, Any],
) -> Estimator[Any, Any]:
    """The copy of an estimator, of the parts that its bundle would have."""
    digests = {name: hashlib.sha256(part).hexdigest() for name, part in parts.items()}
    bundle = Bundle(Path("a copy"), estimator.kind, parts, digests)
    copied = estimator.of(artifact.from_bundle(bundle))
    copied._resume(state)
    return copied
