"""Text classification from raw text, without a line of model code."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

from regard.bundle import write_bundle
from regard.classification.artifact import KIND, TrainedTextClassifier
from regard.classification.class_metrics import ClassificationEvaluation, evaluate
from regard.classification.config import TextClassifierConfig, recipe
from regard.classification.fitting import fit as run_fit
from regard.classification.labelled_texts import (
    LabelledColumns,
    LabelledSource,
    LabelledTexts,
    LabelledValidation,
    train_validation_split,
)
from regard.errors import NotTrainedError
from regard.text import Label, Labels
from regard.text.text_validation import checked_texts
from regard.training.progress import ProgressCallback
from regard.types import Explanation, FloatArray


class TextClassifier:
    """Learns to label texts, and says for each label which words it rests on.

    Args:
        seed: What all random choices of a training depend on: the same seed, data and
            settings give the same classifier.
        **settings: Fields of ``regard.classification.TextClassifierConfig`` to
            set; the others are chosen from the training data by
            ``regard.classification.recipe``.

    Attributes:
        interrupted: Whether an interrupt ended the last training early.
        validation: How good the classifier is on the validation examples; None where
            there were none, and after loading.

    Raises:
        ArgumentError: A setting is unknown or has a wrong value.

    Example:
        >>> classifier = regard.TextClassifier(seed=0)
        >>> classifier.fit("reviews.csv", text="text", label="label")
        >>> why = classifier.explain("A film that never finds its feet.")
        >>> why.label, list(zip(why.tokens, why.weights))
    """

    #: The row of ``regard.kinds`` that says what can be done with it.
    kind = KIND

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        self.seed = seed
        TextClassifierConfig.of(settings)  # Wrong ones are refused at once.
        self.settings = dict(settings)
        self.interrupted = False
        self.validation: ClassificationEvaluation | None = None
        self._trained: TrainedTextClassifier | None = None

    @classmethod
    def of(cls, trained: TrainedTextClassifier) -> "TextClassifier":
        """The classifier around what an earlier training made."""
        classifier = cls(trained.seed, **trained.config.to_dict())
        classifier._trained = trained
        return classifier

    def fit(
        self,
        texts: LabelledSource,
        labels: Sequence[Any] | None = None,
        *,
        text: str = "text",
        label: str = "label",
        validation: LabelledValidation | None = None,
        validation_split: float = 0.1,
        epochs: int | None = None,
        batch_size: int | None = None,
        progress: ProgressCallback | None = None,
    ) -> "TextClassifier":
        """Train, on lists or on a file.

        Training ends by itself when the loss on the validation examples no longer
        falls; the weights of the best epoch are kept. So does an interrupt (Ctrl-C)
        after the first epoch: then ``interrupted`` is True.

        Args:
            texts: The texts, or the path of a CSV, TSV, JSON lines or Parquet file.
            labels: The label of each text, strings or whole numbers; none for a file.
            text: The column of the file that holds the texts.
            label: The column of the file that holds the labels.
            validation: Texts and labels to choose the best epoch on, or a file.
            validation_split: Without ``validation``, the share of the examples held
                out for it, the same of each class; 0: none, and the last epoch counts.
            epochs: The most passes over the data; by default the recipe's.
            batch_size: Examples in a step; by default the recipe's.
            progress: Called with a ``TrainingProgress`` several times a second.

        Returns:
            The classifier itself.

        Raises:
            ArgumentError: The arguments do not fit each other.
            DataError: There is no second class, no word, a class with one example
                only, or the file is damaged; the message says where.
            KeyboardInterrupt: There was one before the end of the first epoch.
        """
        columns = LabelledColumns(text, label)
        given = LabelledTexts.of(texts, labels, columns)
        known = Labels.of(given.labels)
        train, held_out = train_validation_split(
            given,
            known,
            validation,
            share=validation_split,
            columns=columns,
            seed=self.seed,
        )
        done = run_fit(
            train,
            held_out,
            known,
            config=self._configure(train, known, epochs, batch_size),
            seed=self.seed,
            progress=progress,
        )
        self._trained, self.interrupted = done.classifier, done.interrupted
        self.validation = None
        if held_out is not None:
            self.validation = self.evaluate(held_out.texts, held_out.labels)
        return self

    def _configure(
        self,
        train: LabelledTexts,
        labels: Labels,
        epochs: int | None,
        batch_size: int | None,
    ) -> TextClassifierConfig:
        settings = recipe(len(train.texts), len(labels)) | self.settings
        asked = {"epochs": epochs, "batch_size": batch_size}
        settings |= {name: value for name, value in asked.items() if value is not None}
        return TextClassifierConfig.of(settings)

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels, in the order of the columns of ``predict_proba``."""
        return self.trained.labels.values

    @property
    def trained(self) -> TrainedTextClassifier:
        """What the training made.

        Raises:
            NotTrainedError: There was no training yet.
        """
        if self._trained is None:
            raise NotTrainedError(
                "This classifier was not trained yet.",
                fix="Call fit(texts, labels), or load a saved one with regard.load.",
            )
        return self._trained

    def predict(self, texts: Sequence[str]) -> list[Label]:
        """The most probable label of each text, as it was given to ``fit``."""
        trained = self.trained
        return trained.label(trained.probabilities(checked_texts(texts)))

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        """The probability of each label, ``(texts, labels)``; each row sums to 1."""
        return self.trained.probabilities(checked_texts(texts))

    @overload
    def explain(self, texts: str) -> Explanation: ...  # type: ignore[overload-overlap]  # a string is one text
    @overload
    def explain(self, texts: Sequence[str]) -> list[Explanation]: ...
    def explain(self, texts: str | Sequence[str]) -> Explanation | list[Explanation]:
        """The label of a text and the words it rests on, out of one forward pass.

        Args:
            texts: One text, or several.

        Returns:
            One explanation for one text, a list of them for several. The weights are
            the average over the attention heads.
        """
        trained = self.trained
        if isinstance(texts, str):
            return trained.explain([texts])[0]
        return trained.explain(checked_texts(texts))

    def evaluate(
        self,
        texts: LabelledSource,
        labels: Sequence[Any] | None = None,
        *,
        text: str = "text",
        label: str = "label",
    ) -> ClassificationEvaluation:
        """How good the classifier is on labelled texts; arguments as for ``fit``.

        Raises:
            DataError: A label was never seen in training, or the file is damaged.
        """
        trained = self.trained
        given = LabelledTexts.of(texts, labels, LabelledColumns(text, label))
        targets = trained.labels.encode(given.labels)
        probabilities = trained.probabilities(given.texts)
        return evaluate(probabilities, targets, trained.labels.names)

    def save(self, path: str | Path) -> None:
        """Save as a bundle: a folder that ``regard.load`` and the command line read.

        Args:
            path: The folder, by custom with the suffix ``.regard``. A bundle that is
                there already is replaced once the new one is complete.

        Raises:
            ArgumentError: Something that is not a bundle is in the way.
        """
        write_bundle(path, KIND, self.trained.to_parts())
