"""Text classification from raw text, without a line of model code."""

import importlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Self, overload

import numpy as np

from regard._validate import check_count
from regard.bundle.trust_part import CARD
from regard.classification._encoder.encoder_classifier import (
    check_not_streamed,
    encoder_config,
)
from regard.classification._encoder.hub_encoder import HubEncoder
from regard.classification.artifact import KIND, TrainedTextClassifier
from regard.classification.class_metrics import ClassificationEvaluation
from regard.classification.classifier_training import fit_corpus, fit_text_classifier
from regard.classification.config import TextClassifierConfig, config_for
from regard.classification.example_weights import checked_weights
from regard.classification.known_vectors import (
    VectorSource,
    check_frozen,
    checked_source,
)
from regard.classification.label_sets import LabelSetEvaluation
from regard.classification.labelled_texts import (
    LabelledColumns,
    LabelledSource,
    LabelledTexts,
    LabelledValidation,
    dirt,
    train_validation_split,
    validation_of_stream,
    with_weights,
)
from regard.classification.mistakes import Mistakes, find_mistakes
from regard.classification.streamed_corpus import corpus_on_disk
from regard.classification.trainer import ClassificationCallback
from regard.data.repair import hinting
from regard.data.streamed_file import (
    StreamedFile,
    given_file,
    several_streamed,
    streamed_file,
)
from regard.errors import ArgumentError, DataWarning, listed
from regard.text import Label, Labels
from regard.text.text_validation import checked_pairs, checked_texts
from regard.training.checkpoint import checkpoint_path
from regard.training.devices import only_in_first
from regard.training.display import check_progress
from regard.training.estimator import Estimator
from regard.training.loop import TrainingOutcome
from regard.training.provenance import model_line
from regard.training.training_run import checked_callbacks
from regard.types import Explanation, FloatArray, Observation


class TextClassifier(
    Estimator[TrainedTextClassifier, ClassificationEvaluation | LabelSetEvaluation]
):
    """Learns to label texts, and says for each label which words it rests on.

    Args:
        seed: What all random choices of a training depend on: the same seed, data and
            settings give the same classifier.
        devices: Between how many devices each batch of a training is cut, of all hosts
            together, or ``"all"`` there are; on JAX. None: one, or those of the
            ``keras.distribution`` in force.
        encoder: What has read much before, and is trained on: a backbone of KerasHub
            and its tokenizer, ``(backbone, tokenizer)``, or the folder of a preset;
            nothing is downloaded. None: a network over the words of the texts. It is
            not changed: what is trained is a copy. After loading, that of the
            classifier.
        **settings: Fields of ``regard.classification.TextClassifierConfig`` to
            set; the others are chosen from the training data by
            ``regard.classification.recipe``, or suit an encoder.

    Attributes:
        settings: Those that were chosen by name; after loading, those that were chosen
            before saving.
        interrupted: Whether an interrupt ended the last training early.
        history: The measures of each epoch of it: the loss in nats and, on the
            validation examples, accuracy, temperature and the loss at that temperature;
            empty after loading.
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

    kind = KIND
    _config_type = TextClassifierConfig
    _noun = "classifier"
    _call_of_fit = "fit(texts, labels)"

    def __init__(
        self,
        seed: int = 0,
        *,
        devices: int | str | None = None,
        encoder: Any = None,
        **settings: Any,
    ) -> None:
        super().__init__(seed, devices=devices, **settings)
        is_folder = isinstance(encoder, str | PathLike)
        self.encoder = (
            encoder if encoder is None or is_folder else HubEncoder.of(encoder)
        )

    @classmethod
    def of(cls, trained: TrainedTextClassifier) -> Self:
        """The object around what an earlier training made."""
        classifier = super().of(trained)
        classifier.encoder = trained.encoder
        return classifier

    def fit(
        self,
        texts: LabelledSource,
        labels: Iterable[Any] | None = None,
        *,
        text: str = "text",
        label: str = "label",
        validation: LabelledValidation | None = None,
        validation_split: float = 0.1,
        clean: bool = False,
        epochs: int | None = None,
        batch_size: int | None = None,
        checkpoint: str | Path | None = None,
        stream: bool | None = None,
        progress: ClassificationCallback | bool | None = None,
        callbacks: Sequence[Any] | None = None,
        sample_weight: Iterable[float] | str | None = None,
        vectors: VectorSource | None = None,
        label_separator: str | None = None,
    ) -> Self:
        """Train, on lists, a frame or a file.

        Training ends by itself when the accuracy on the validation examples, or what
        else ``choose_by`` names, no longer rises; the weights of the best epoch are
        kept, of epochs of the same accuracy those of the lowest loss. So does an
        interrupt (Ctrl-C) after the first epoch: then ``interrupted`` is True.

        How sure the classifier may be, its temperature, is found on the validation
        examples too; where they are fewer than 200, and there are fewer than 2,000 to
        train on, by ``calibration_folds`` further trainings, each without a part of the
        training examples. Neither changes labels or attention.

        Args:
            texts: The texts; or a frame (pandas, Polars, PyArrow, a data set of Hugging
                Face), or the path of a CSV, TSV, JSON, Parquet or Excel file; or what
                gives pairs or batches of texts and labels and is read once: a data set
                of TensorFlow, a loader of PyTorch, a ``PyDataset``, a generator.
            labels: The label of each text, of one kind: strings, numbers or truth
                values; none for a frame or a file that has them. Where a text may have
                several, a tuple, a list or a set of them for each, which may be empty,
                or a matrix that has a row for each text and 1 where it has a label.
            text: The column of the frame or the file that holds the texts.
            label: The column that holds the labels.
            validation: Texts and labels, and weights where there are any, to choose the
                best epoch and the temperature on; or a frame or a file.
            validation_split: Without ``validation``, the share of the examples held
                out for it, the same of each class; 0: none, and the last epoch counts.
            clean: Mend the examples, also those of ``validation``, as
                ``regard.data.clean_examples`` does, and warn of what was done.
            epochs: The most passes over the data; by default the recipe's.
            batch_size: Examples in a step; by default the recipe's.
            checkpoint: A file that holds how far the training is. Where it exists,
                the training goes on from there, and ends with the weights that it
                would have ended with if it had never been stopped. What is read of a
                file that is streamed is stored in a folder beside it, ``….cache``.
            stream: Whether a file is read from disk again and again, and never held in
                memory, which needs pyarrow; by default files of 256 MB or more are. The
                classifier is the same, but that of more than 6 million words the
                regression it starts with reads a part.
            progress: Whether to show how far it is; None: where standard error is a
                terminal, and in notebooks. Or a function that is told instead, a
                ``ClassificationProgress`` several times a second.
            callbacks: Whom to tell about the training: a list of
                ``regard.training.TrainingCallback`` and of callbacks of Keras.
            sample_weight: How much each example counts, 0 or more: one of weight 2 as
                much as two. A number for each text, or the column of the frame or the
                file that holds them. It counts in what is learned, in the choice of the
                best epoch and in the temperature; ``class_weight`` in the first alone.
            vectors: Word vectors that were trained on other texts: the path of a file
                of GloVe, word2vec or fastText (``.vec``), or what
                ``regard.text.WordVectors`` holds.
                What they say for the classes joins what the texts say, also of words
                that no text of the training holds. What is saved needs them no more.
            label_separator: What stands between the labels of a text that may have
                several, where they are one string (``"late; damaged"``). Lists in a
                frame, in JSON or Parquet need none.

        Returns:
            The classifier itself.

        Raises:
            ArgumentError: The arguments do not fit each other.
            DataError: There is no second class, no word, a class with one example
                only, or the file is damaged; the message says where.
            KeyboardInterrupt: There was one before the end of the first epoch.

        Warns:
            DataWarning: Labels look wrong, or were mended.
        """
        place = checkpoint_path(checkpoint)
        check_progress(progress)
        callbacks = checked_callbacks(callbacks)
        encoder = None if self.encoder is None else HubEncoder.of(self.encoder)
        if encoder is not None:
            stream = check_not_streamed(texts, stream)
        elif not self.settings.get("train_encoder", True):
            raise ArgumentError(
                "There is no encoder to train, or to leave as it is.",
                expected="encoder= beside train_encoder=",
                arguments=["encoder", "train_encoder"],
            )
        weight = sample_weight if isinstance(sample_weight, str) else None
        weights = None if weight is not None else sample_weight
        columns = LabelledColumns(text, label, weight, label_separator)
        vectors = checked_source(vectors)
        if label_separator is not None:
            if stream:
                raise several_streamed()
            stream = False
        remedy = "fit(..., clean=True) leaves such rows out."
        streamed = (
            texts
            if isinstance(texts, StreamedFile)
            else streamed_file(
                given_file(texts, None, (text, label)) if labels is None else None,
                stream=stream,
                clean=clean,
            )
        )
        if streamed is not None:
            streamed = with_weights(streamed, weight, weights)
            settings = self._settings_with(epochs=epochs, batch_size=batch_size)
            check_frozen(settings, vectors)
            with (
                hinting(streamed.remedy),
                self._training(place, callbacks, progress) as fitting,
                corpus_on_disk(
                    streamed,
                    validation_of_stream(validation, streamed, columns),
                    share=validation_split,
                    settings=settings,
                    seed=self.seed,
                    checkpoint=only_in_first(place, self.devices),
                    vectors=vectors,
                ) as corpus,
            ):
                for said in dirt(corpus.counts, streamed.mending):
                    warnings.warn(said, DataWarning, stacklevel=2)
                outcome = fit_corpus(corpus, **fitting)
                self._adopt(outcome, None, text=text, label=label)
            return self
        with hinting(remedy):
            examples = LabelledTexts.of(
                texts, labels, columns, clean=clean, weights=weights
            )
            known = Labels.of(examples.labels)
            if label_separator is not None and max(map(len, examples.labels)) < 2:
                warnings.warn(
                    f"{label_separator!r:.60} stands between no labels: no text has "
                    "more than one.",
                    DataWarning,
                    stacklevel=2,
                )
            train, held_out = train_validation_split(
                examples,
                known,
                validation,
                share=validation_split,
                columns=columns,
                seed=self.seed,
                clean=clean,
            )
        for said in examples.changes or dirt(examples.labels):
            warnings.warn(said, DataWarning, stacklevel=2)
        settings = self._settings_with(epochs=epochs, batch_size=batch_size)
        check_frozen(settings, vectors)
        if known.several and (vectors is not None or encoder is not None):
            what = "encoder" if vectors is None else "vectors"
            raise ArgumentError(
                f"'{what}' is for texts with one label each.",
                expected="no such thing where a text may have several",
                fix="Leave it out, or train on one label a text.",
                arguments=[what],
            )
        if encoder is None:
            config = config_for(
                settings, len(train.texts), len(known), several=known.several
            )
        else:
            config = encoder_config(encoder, settings, vectors=vectors is not None)
        with self._training(place, callbacks, progress) as fitting:
            outcome = fit_text_classifier(
                train,
                held_out,
                known,
                config=config,
                vectors=vectors,
                encoder=encoder,
                **fitting,
            )
            self._adopt(
                outcome,
                None if held_out is None else (held_out.texts, held_out.labels),
                text=text,
                label=label,
                **({} if label_separator is None else {"separator": label_separator}),
            )
        return self

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels, in the order of the columns of ``predict_proba``."""
        return self.trained.labels.values

    @property
    def classes_(self) -> np.ndarray[Any, Any]:
        """``labels`` as an array, as scikit-learn asks for them."""
        return np.asarray(self.labels)

    @property
    def thresholds(self) -> FloatArray | None:
        """The probability from which on each label is given, ``(labels,)``.

        Those at which the F1 of each label is highest on the held-out examples, or on
        the parts that the temperature is found on. None: a text has one label.
        """
        trained = self.trained
        return trained.thresholds if trained.labels.several else None

    def predict(self, texts: Any, *, text: str | None = None) -> Any:
        """The most probable label of each text, as it was given to ``fit``.

        Where a text may have several it is a tuple of those that are probable enough,
        in the order of ``labels``; of a classifier that was trained on a matrix, all
        together are such a matrix.

        Args:
            texts: The texts: a list, an array, a series, a generator, or a frame.
            text: The column of a frame; by default its only one, or that of the
                training.
        """
        trained = self.trained
        return trained.label(trained.probabilities(self._listed(texts, text)))

    def predict_proba(self, texts: Any, *, text: str | None = None) -> FloatArray:
        """The probability of each label, ``(texts, labels)``; each row sums to 1.

        Where a text may have several labels each is a question of its own: the rows
        have no sum, and ``thresholds`` says from which probability on one is given.

        Args:
            texts: The texts, as for ``predict``.
            text: The column of a frame, as there.
        """
        return self.trained.probabilities(self._listed(texts, text))

    @overload
    def explain(self, texts: str, *, text: None = None) -> Explanation: ...
    @overload
    def explain(self, texts: Any, *, text: str | None = None) -> list[Explanation]: ...
    def explain(
        self, texts: Any, *, text: str | None = None
    ) -> Explanation | list[Explanation]:
        """The label of a text and the words it rests on, out of one forward pass.

        Args:
            texts: One text; or several, as for ``predict``.
            text: The column of a frame, as there.

        Returns:
            One explanation for one text, a list of them for several. The weights are
            the average over the attention heads.
        """
        trained = self.trained
        if isinstance(texts, str):
            return trained.explain([texts])[0]
        return trained.explain(self._listed(texts, text))

    def score(
        self,
        texts: Any,
        labels: Any,
        sample_weight: Sequence[float] | FloatArray | None = None,
    ) -> float:
        """The share of texts that are given their own label, as scikit-learn asks.

        ``evaluate`` says more. A label that was never seen in training counts as one
        that is not found. Where a text may have several it is the share of texts that
        are given exactly theirs.

        Args:
            texts: The texts, as for ``predict``.
            labels: The label of each.
            sample_weight: How much each text counts; None: all the same.

        Raises:
            ArgumentError: There is no text, or not a label and a weight for each.
            DataError: A weight is none, or all are 0.
        """
        trained = self.trained
        given, right = checked_pairs(texts, labels)
        weights = None
        if sample_weight is not None:
            weights = checked_weights(sample_weight, given)
        if trained.labels.several:
            # All labels of a text are right, and no other is given.
            found = trained.probabilities(given) >= trained.thresholds
            known, is_known = trained.labels.known_sets(right)
            is_right = (found == trained.labels.encode(known)).all(axis=1) & is_known
            return float(np.average(is_right, weights=weights))
        found = trained.probabilities(given).argmax(axis=1)
        return float(np.average(found == trained.labels.find(right), weights=weights))

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn, from 1.6, knows of it: a classifier of a list of texts."""
        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier"
        utils = importlib.import_module("sklearn.utils")
        tags.classifier_tags = utils.ClassifierTags(multi_label=True)
        return tags

    def _shape(self) -> str:
        labels = listed(self.labels, most=3).replace("'", "")
        return f"{len(self.labels)} labels ({labels}), {super()._shape()}"

    def observe(
        self,
        texts: Any,
        *,
        layers: str | Sequence[str] = "*",
        text: str | None = None,
    ) -> Observation:
        """The attention of all layers of the model over texts, of one forward pass.

        Of an encoder that is the self-attention of each of its layers, whose paths
        begin with ``encoder/``, and of all classifiers ``"attention"``, which
        ``explain`` tells. ``spelled`` has the keys of an encoder.

        Args:
            texts: One text; or several, as for ``predict``. All run in one batch.
            layers: Patterns of the paths of layers, see ``regard.observe``.
            text: The column of a frame.

        Raises:
            ArgumentError: There is no text, or no layer of that name.
        """
        listed = [texts] if isinstance(texts, str) else self._listed(texts, text)
        if not listed:
            raise ArgumentError("There is no text.", expected="one text or more")
        return self.trained.observation(listed, layers)

    def spelled(self, text: str) -> tuple[str, ...]:
        """What the model reads of a text: its words.

        With an encoder its pieces as they stand in the vocabulary, the special ones
        before and behind the text among them: the keys of the encoder's layers.
        """
        return self.trained.spelled(*checked_texts([text]))

    def evaluate(
        self,
        texts: LabelledSource,
        labels: Iterable[Any] | None = None,
        *,
        text: str | None = None,
        label: str | None = None,
        clean: bool = False,
        label_separator: str | None = None,
    ) -> ClassificationEvaluation | LabelSetEvaluation:
        """Measure the classifier on labelled texts; arguments as for ``fit``.

        The columns of a frame or a file are by default those of the training, and
        labels are mended to those of the training.

        Raises:
            DataError: A label was never seen in training, or the file is damaged.

        Warns:
            DataWarning: Examples were mended.
        """
        trained = self.trained
        examples = self._examples(
            texts, labels, text, label, clean, separator=label_separator
        )
        targets = trained.labels.encode(examples.labels)
        probabilities = trained.probabilities(examples.texts)
        return trained.evaluation(probabilities, targets)

    def errors(
        self,
        texts: LabelledSource,
        labels: Iterable[Any] | None = None,
        *,
        text: str | None = None,
        label: str | None = None,
        clean: bool = False,
        most: int | None = 100,
    ) -> Mistakes:
        """The texts that are given a wrong label, the surest first; as ``evaluate``.

        Args:
            texts: The texts, a frame or a file.
            labels: The right label of each text.
            text: The column with the texts.
            label: The column with the right labels.
            clean: Whether examples are mended.
            most: How many are kept with what they rest on; None: all. Of the others
                there are texts, labels and probabilities.

        Returns:
            The mistakes, and the measures on all texts: each is answered once.

        Raises:
            DataError: A label was never seen in training, or the file is damaged.

        Warns:
            DataWarning: Examples were mended.
        """
        trained = self.trained
        if trained.labels.several:
            raise ArgumentError(
                "A classifier that gives several labels a text has no list of errors.",
                expected="one that gives one label",
                fix="evaluate() says how good it is at each label.",
                elsewhere="What measures it without them tells each label.",
            )
        kept = None if most is None else check_count("most", most, least=0)
        examples = self._examples(texts, labels, text, label, clean)
        targets = trained.labels.encode(examples.labels)
        return find_mistakes(trained, examples.texts, targets, kept)

    def _examples(
        self,
        texts: LabelledSource,
        labels: Iterable[Any] | None,
        text: str | None,
        label: str | None,
        clean: bool,
        *,
        separator: str | None = None,
    ) -> LabelledTexts:
        """Labelled texts to measure on."""
        columns = LabelledColumns(
            self._column("text", text),
            self._column("label", label),
            separator=self.columns.get("separator") if separator is None else separator,
        )
        with hinting("evaluate(..., clean=True) leaves such rows out."):
            examples = LabelledTexts.of(
                texts, labels, columns, clean=clean, known=self.trained.labels
            )
        for said in examples.changes:
            warnings.warn(said, DataWarning, stacklevel=3)
        return examples

    def _adopt(
        self,
        outcome: TrainingOutcome[TrainedTextClassifier],
        validation_examples: tuple[Any, Any] | None,
        **columns: str,
    ) -> None:
        super()._adopt(outcome, validation_examples, **columns)
        # Its answers say when and on what it was trained.
        line = model_line({**self._provenance, "command": self.command})
        object.__setattr__(self._trained, "origin", line)

    def _state(self) -> dict[str, Any]:
        state = super()._state()
        if self._trained is not None:
            # A copy of what is trained has the encoder that is in it.
            del state["encoder"]
            state["origin"] = self._trained.origin
        return state

    def _resume(self, state: Mapping[str, Any]) -> None:
        # Which bundle it is of is in none of its parts.
        object.__setattr__(self.trained, "origin", state["origin"])
        others = {name: value for name, value in state.items() if name != "origin"}
        super()._resume(others)

    def _parts(self) -> dict[str, bytes]:
        # One that was loaded has the card that it came with.
        card = {CARD: self.trained.described(self.validation)} if self.history else {}
        return super()._parts() | card
