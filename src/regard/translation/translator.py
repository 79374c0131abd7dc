"""Translation from raw text, without a line of model code."""

import warnings
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Self, overload

from regard._validate import check_settings
from regard.data.repair import hinting
from regard.data.streamed_file import StreamedFile, given_file, streamed_file
from regard.decoding import Search
from regard.errors import DataWarning
from regard.metrics import Alignment
from regard.metrics.text_scores import check_text_scores
from regard.metrics.word_alignment import check_links
from regard.training.checkpoint import checkpoint_path
from regard.training.devices import only_in_first
from regard.training.display import check_progress
from regard.training.estimator import Estimator
from regard.training.training_run import checked_callbacks
from regard.translation.artifact import KIND, TrainedTranslator
from regard.translation.config import TranslatorConfig
from regard.translation.evaluation import (
    TranslationEvaluation,
    aligned_as,
    evaluate,
)
from regard.translation.read_pairs import pairs_on_disk
from regard.translation.text_pairs import (
    PairColumns,
    PairSource,
    PairValidation,
    TextPairs,
    check_choose_by,
    train_validation_split,
    validation_of_stream,
)
from regard.translation.trainer import (
    TranslationCallback,
    fit_read_pairs,
    fit_translator,
    with_shortlist,
)
from regard.translation.unknown_words import Replacement
from regard.types import Translation


class Translator(Estimator[TrainedTranslator, TranslationEvaluation]):
    """Learns to write one sequence from another, and says where it looked.

    Args:
        seed: What all random choices of a training depend on: the same seed, data and
            settings give the same translator.
        devices: Between how many devices each batch of a training is cut, of all hosts
            together, or ``"all"`` there are; on JAX. None: one, or those of the
            ``keras.distribution`` in force.
        **settings: Fields of ``regard.translation.TranslatorConfig`` to set.

    Attributes:
        settings: Those that were chosen by name; after loading, those that were chosen
            before saving.
        interrupted: Whether an interrupt ended the last training early.
        history: The measures of each epoch of it: the loss in nats a symbol and, on
            the validation pairs, the loss and what else chose the best epoch; empty
            after loading.
        validation: How good the translator is on the validation pairs, found when it
            is first asked for; None where there were none, and after loading.

    Raises:
        ArgumentError: A setting is unknown or has a wrong value.

    Example:
        >>> translator = regard.Translator(seed=0)
        >>> translator.fit("pairs.tsv", source="de", target="en")
        >>> best = translator.translate(["ein hund rennt"], beam=5, n_best=3)
        >>> best[0][0].text, best[0][0].alignment.shape
    """

    kind = KIND
    _config_type = TranslatorConfig
    _noun = "translator"
    _call_of_fit = "fit(sources, targets)"

    @property
    def validation_loss(self) -> tuple[float, ...]:
        """The validation loss of each epoch, in nats a symbol.

        Empty where there were no validation pairs, and after loading.
        """
        measured = [metrics.validation for metrics in self.history]
        return tuple(measures["loss"] for measures in measured if "loss" in measures)

    def fit(
        self,
        sources: PairSource,
        targets: PairSource | None = None,
        *,
        source: str = "source",
        target: str = "target",
        validation: PairValidation | None = None,
        validation_split: float = 0.05,
        choose_by: str = "loss",
        clean: bool = False,
        epochs: int | None = None,
        batch_size: int | None = None,
        checkpoint: str | Path | None = None,
        stream: bool | None = None,
        progress: TranslationCallback | bool | None = None,
        callbacks: Sequence[Any] | None = None,
    ) -> Self:
        """Train, on lists, a frame or files.

        Training ends by itself when no better epoch comes, see ``choose_by``.
        So does an interrupt (Ctrl-C) after the first epoch: then ``interrupted`` is
        True. With 2,000 target symbols or more a shortlist is made at the end, see
        ``translate``, unless there was an interrupt.

        Args:
            sources: The sources; or a frame (pandas, Polars, PyArrow, a data set of
                Hugging Face) of pairs; or the path of a CSV, TSV, JSON, Parquet or
                Excel file of pairs, or of a text file with one source a line; or what
                gives pairs or batches of them, as ``TextClassifier.fit`` takes it.
            targets: The targets; or the path of a text file with one target a line;
                nothing where ``sources`` has both.
            source: The column of the frame or the file that holds the sources.
            target: The column that holds the targets.
            validation: Sources and targets to choose the best epoch on, or a frame or a
                file.
            validation_split: Without ``validation``, the share of the pairs held out
                for it; 0: none, and the last epoch counts.
            choose_by: What tells the best epoch, and when no better one comes: the
                ``"loss"`` on the validation pairs, or ``"bleu"`` of greedy
                translations of them.
            clean: Mend the pairs, also those of ``validation``, as
                ``regard.data.clean_pairs`` does, and warn of what was done.
            epochs: The most passes over the data; by default that of the settings.
            batch_size: Pairs in a step; by default that of the settings.
            checkpoint: A file that holds how far the training is. Where it exists,
                the training goes on from there, and ends with the weights that it
                would have ended with if it had never been stopped. What is read of
                files that are streamed is stored in a folder beside it, ``….cache``.
            stream: Whether files are read from disk again and again, and only the pairs
                that choose the best epoch are held in memory, which needs pyarrow; by
                default files of 256 MB or more are. The translator is the same.
            progress: Whether to show how far it is; None: where standard error is a
                terminal, and in notebooks. Or a function that is told instead, a
                ``TranslationProgress`` several times a second.
            callbacks: Whom to tell about the training: a list of
                ``regard.training.TrainingCallback`` and of callbacks of Keras.

        Returns:
            The translator itself.

        Raises:
            ArgumentError: The arguments do not fit each other.
            DataError: A file is damaged, or no pair can be trained on.
            KeyboardInterrupt: There was one before the end of the first epoch.

        Warns:
            DataWarning: Pairs were mended.
        """
        place = checkpoint_path(checkpoint)
        check_progress(progress)
        callbacks = checked_callbacks(callbacks)
        columns = PairColumns(source, target)
        streamed = (
            sources
            if isinstance(sources, StreamedFile)
            else streamed_file(
                given_file(sources, targets, (source, target)),
                stream=stream,
                clean=clean,
            )
        )
        if streamed is not None:
            settings = self._settings_with(epochs=epochs, batch_size=batch_size)
            config = TranslatorConfig.of(settings)
            with (
                hinting(streamed.remedy),
                self._training(place, callbacks, progress) as fitting,
                pairs_on_disk(
                    streamed,
                    validation_of_stream(validation, streamed, columns),
                    share=validation_split,
                    choose_by=choose_by,
                    config=config,
                    seed=self.seed,
                    checkpoint=only_in_first(place, self.devices),
                ) as read,
            ):
                outcome = fit_read_pairs(
                    read,
                    config=config,
                    choose_by=choose_by,
                    **fitting,
                )
                texts = read.held_texts
                self._adopt(
                    outcome,
                    None if texts is None else (texts.sources, texts.targets),
                    source=source,
                    target=target,
                )
            return self
        with hinting("fit(..., clean=True) leaves such pairs out."):
            pairs = TextPairs.of(sources, targets, columns, clean=clean)
            train, held_out = train_validation_split(
                pairs,
                validation,
                share=validation_split,
                columns=columns,
                seed=self.seed,
                clean=clean,
            )
        for said in pairs.changes:
            warnings.warn(said, DataWarning, stacklevel=2)
        check_choose_by(choose_by, held_out)
        settings = self._settings_with(epochs=epochs, batch_size=batch_size)
        with self._training(place, callbacks, progress) as fitting:
            outcome = fit_translator(
                train,
                held_out,
                config=TranslatorConfig.of(settings),
                choose_by=choose_by,
                **fitting,
            )
            self._adopt(
                outcome,
                None if held_out is None else (held_out.sources, held_out.targets),
                source=source,
                target=target,
            )
        return self

    def _shape(self) -> str:
        sizes = len(self.trained.source), len(self.trained.target)
        symbols = "from {:,} to {:,} symbols".format(*sizes)
        return f"{symbols}, {super()._shape()}"

    @overload
    def translate(
        self,
        texts: str,
        *,
        beam: int = 5,
        n_best: int = 1,
        prefixes: str | Sequence[str] | None = None,
        replace_unknown: Replacement = True,
        shortlist: bool | None = None,
        **search: Any,
    ) -> list[Translation]: ...
    @overload
    def translate(
        self,
        texts: Any,
        *,
        source: str | None = None,
        beam: int = 5,
        n_best: int = 1,
        prefixes: Sequence[str] | None = None,
        replace_unknown: Replacement = True,
        shortlist: bool | None = None,
        **search: Any,
    ) -> list[list[Translation]]: ...
    def translate(
        self,
        texts: Any,
        *,
        source: str | None = None,
        beam: int = 5,
        n_best: int = 1,
        prefixes: str | Sequence[str] | None = None,
        replace_unknown: Replacement = True,
        shortlist: bool | None = None,
        **search: Any,
    ) -> list[Translation] | list[list[Translation]]:
        """Translate texts, with the attention of every token that is written.

        Args:
            texts: One text; or several: a list, an array, a series, a generator, or a
                frame.
            source: The column of a frame; by default its only one, or that of the
                training.
            beam: The number of hypotheses that are followed; 1 is greedy search.
            n_best: How many of them are returned, best first.
            prefixes: What each translation has to begin with; one, for one text.
            replace_unknown: What is written for a word outside of the vocabulary:
                True: the source word that was looked at most; a dictionary: that
                word's entry in it, if there is one; False: ``<unk>``.
            shortlist: Whether it is searched among the symbols that the translator's
                shortlist has for the texts, which takes less time, and nearly always
                finds the same; False: among all; None: among those of the shortlist
                where the translator has one.
            **search: Other fields of ``regard.decoding.Search``, for example
                ``length_penalty``.

        Returns:
            The ``n_best`` translations of one text; for several, a list of them for
            each.

        Raises:
            ArgumentError: A setting is wrong, or there is no shortlist and one is
                asked for.
        """
        known = [field.name for field in fields(Search)]
        check_settings(search, known, of="a search")
        settings = Search(
            beam=beam, n_best=n_best, **({"length_penalty": 1.0} | search)
        )
        trained = self.trained
        if isinstance(texts, str):
            prefixes = [prefixes] if isinstance(prefixes, str) else prefixes
            options = (settings, prefixes, replace_unknown, shortlist)
            return trained.translate([texts], *options)[0]
        listed = self._listed(texts, source, "sources")
        options = (settings, prefixes, replace_unknown, shortlist)
        return trained.translate(listed, *options)

    def learn_shortlist(
        self,
        sources: PairSource,
        targets: PairSource | None = None,
        *,
        source: str | None = None,
        target: str | None = None,
    ) -> Self:
        """Make a shortlist for a translator that was trained without one.

        ``fit`` does so by itself. The translator is asked what it writes for each
        source symbol of the pairs; it takes about as long as a third of an epoch.

        Args:
            sources: The pairs of its training, as for ``evaluate``.
            targets: The targets, or a file, or nothing.
            source: The column that holds the sources.
            target: The column that holds the targets.

        Returns:
            The translator itself; ``save`` saves the shortlist with it.

        Raises:
            DataError: No pair is short enough.
        """
        columns = PairColumns(
            self._column("source", source), self._column("target", target)
        )
        pairs = TextPairs.of(sources, targets, columns)
        self._trained = with_shortlist(self.trained, pairs)
        return self

    def align(
        self, sources: Sequence[str], targets: Sequence[str]
    ) -> list[Translation]:
        """Given targets as translations: where the translator looks to write them.

        Args:
            sources: The texts.
            targets: What is written for each.

        Returns:
            For each pair its target as a translation, with its probability.

        Raises:
            ArgumentError: There are not as many targets as sources, or a source is
                empty.
            DataError: There is no pair.
        """
        pairs = TextPairs.of_lists(sources, targets)
        return self.trained.align(pairs.sources, pairs.targets)

    def evaluate(
        self,
        sources: PairSource,
        targets: PairSource | None = None,
        *,
        source: str | None = None,
        target: str | None = None,
        alignments: Sequence[Alignment] | None = None,
        tokenize: str = "13a",
        **search: Any,
    ) -> TranslationEvaluation:
        """Measure the translations; sources and targets as for ``fit``.

        Args:
            sources: The sources, or a frame, or a file.
            targets: The targets, or a file, or nothing.
            source: The column of the frame or the file that holds the sources; by
                default that of the training.
            target: The column that holds the targets, likewise.
            alignments: The gold alignment of each pair, to compare the attention on
                the given targets with; see ``regard.metrics.parse_alignments``.
            tokenize: How BLEU cuts texts: ``"13a"``, or ``"none"`` for texts that are
                tokenised already.
            **search: What ``translate`` takes.

        Raises:
            ArgumentError: The arguments do not fit each other.
            DataError: A gold link points outside of its sentences.
            MissingExtraError: sacrebleu is not installed.
        """
        columns = PairColumns(
            self._column("source", source), self._column("target", target)
        )
        pairs = TextPairs.of(sources, targets, columns)
        if alignments is not None:
            check_links(alignments, self.trained.sizes(pairs.sources, pairs.targets))
        check_text_scores()
        translations = self.translate(pairs.sources, **search)
        alignment = None
        if alignments is not None:
            aligned = self.align(pairs.sources, pairs.targets)
            alignment = aligned_as(aligned, alignments)
        best = [hypotheses[0].text for hypotheses in translations]
        return evaluate(best, pairs.targets, tokenize, alignment)
