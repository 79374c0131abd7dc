"""Translation from raw text, without a line of model code."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from regard.bundle import write_bundle
from regard.decoding import Search
from regard.errors import NotTrainedError
from regard.metrics import Alignment
from regard.translation.artifact import KIND, TrainedTranslator
from regard.translation.config import TranslatorConfig
from regard.translation.evaluation import (
    TranslationEvaluation,
    aligned_as,
    evaluate,
)
from regard.translation.fitting import fit as run_fit
from regard.translation.progress_state import TranslationCallback
from regard.translation.text_pairs import (
    PairColumns,
    PairSource,
    PairValidation,
    TextPairs,
    check_choice,
    train_validation_split,
)
from regard.translation.unknown_words import Replacement
from regard.types import Translation


class Translator:
    """Learns to write one sequence from another, and says where it looked.

    Args:
        seed: What all random choices of a training depend on: the same seed, data and
            settings give the same translator.
        **settings: Fields of ``regard.translation.TranslatorConfig`` to set.

    Attributes:
        interrupted: Whether an interrupt ended the last training early.
        validation_loss: That of each epoch, in nats a symbol; empty where there were
            no validation pairs, and after loading.

    Raises:
        ArgumentError: A setting is unknown or has a wrong value.

    Example:
        >>> translator = regard.Translator(seed=0)
        >>> translator.fit("pairs.tsv", source="de", target="en")
        >>> best = translator.translate(["ein hund rennt"], beam=5, n_best=3)
        >>> best[0][0].text, best[0][0].alignment.shape
    """

    #: The row of ``regard.kinds`` that says what can be done with it.
    kind = KIND

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        self.seed = seed
        self._config = TranslatorConfig.of(settings)
        self.interrupted = False
        self.validation_loss: tuple[float, ...] = ()
        self._trained: TrainedTranslator | None = None

    @classmethod
    def of(cls, trained: TrainedTranslator) -> "Translator":
        """The translator around what an earlier training made."""
        translator = cls(trained.seed, **trained.config.to_dict())
        translator._trained = trained
        return translator

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
        checkpoint: str | Path | None = None,
        progress: TranslationCallback | None = None,
    ) -> "Translator":
        """Train, on lists or on files.

        Training ends by itself when no better epoch comes, see ``choose_by``.
        So does an interrupt (Ctrl-C) after the first epoch: then ``interrupted`` is
        True.

        Args:
            sources: The sources; or the path of a CSV, TSV, JSON lines or Parquet file
                of pairs, or of a text file with one source a line.
            targets: The targets; or the path of a text file with one target a line;
                nothing where ``sources`` is a file of pairs.
            source: The column of the file that holds the sources.
            target: The column of the file that holds the targets.
            validation: Sources and targets to choose the best epoch on, or a file.
            validation_split: Without ``validation``, the share of the pairs held out
                for it; 0: none, and the last epoch counts.
            choose_by: What tells the best epoch, and when no better one comes: the
                ``"loss"`` on the validation pairs, or ``"bleu"`` of greedy
                translations of them.
            checkpoint: A file that holds how far the training is. Where it exists,
                the training goes on from there, and ends with the weights that it
                would have ended with if it had never been stopped.
            progress: Called with a ``TranslationProgress`` several times a second.

        Returns:
            The translator itself.

        Raises:
            ArgumentError: The arguments do not fit each other.
            DataError: A file is damaged, or no pair can be trained on.
            KeyboardInterrupt: There was one before the end of the first epoch.
        """
        columns = PairColumns(source, target)
        given = TextPairs.of(sources, targets, columns)
        train, held_out = train_validation_split(
            given, validation, share=validation_split, columns=columns, seed=self.seed
        )
        check_choice(choose_by, held_out)
        done = run_fit(
            train,
            held_out,
            config=self._config,
            seed=self.seed,
            choose_by=choose_by,
            checkpoint=None if checkpoint is None else Path(checkpoint),
            progress=progress,
        )
        self._trained, self.interrupted = done.translator, done.interrupted
        self.validation_loss = done.validation_loss
        return self

    @property
    def trained(self) -> TrainedTranslator:
        """What the training made.

        Raises:
            NotTrainedError: There was no training yet.
        """
        if self._trained is None:
            raise NotTrainedError(
                "This translator was not trained yet.",
                fix="Call fit(sources, targets), or load a saved one with regard.load.",
            )
        return self._trained

    def translate(
        self,
        texts: Sequence[str],
        *,
        beam: int = 5,
        n_best: int = 1,
        prefixes: Sequence[str] | None = None,
        replace_unknown: Replacement = True,
        **search: Any,
    ) -> list[list[Translation]]:
        """Translate texts, with the attention of every token that is written.

        Args:
            texts: The texts.
            beam: The number of hypotheses that are followed; 1 is greedy search.
            n_best: How many of them are returned, best first.
            prefixes: What each translation has to begin with.
            replace_unknown: What is written for a word outside of the vocabulary:
                True: the source word that was looked at most; a dictionary: that
                word's entry in it, if there is one; False: ``<unk>``.
            **search: Other fields of ``regard.decoding.Search``, for example
                ``length_penalty``.

        Returns:
            For each text its ``n_best`` translations.

        Raises:
            ArgumentError: A setting is wrong.
        """
        settings = Search(
            beam=beam, n_best=n_best, **({"length_penalty": 1.0} | search)
        )
        return self.trained.translate(texts, settings, prefixes, replace_unknown)

    def align(
        self, sources: Sequence[str], targets: Sequence[str]
    ) -> list[Translation]:
        """Where the translator looks when it has to write given targets.

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
        paired = TextPairs.of_lists(sources, targets)
        return self.trained.align(paired.sources, paired.targets)

    def evaluate(
        self,
        sources: PairSource,
        targets: PairSource | None = None,
        *,
        source: str = "source",
        target: str = "target",
        alignments: Sequence[Alignment] | None = None,
        tokenize: str = "13a",
        **search: Any,
    ) -> TranslationEvaluation:
        """How good the translations are; sources and targets as for ``fit``.

        Args:
            sources: The sources, or a file.
            targets: The targets, or a file, or nothing.
            source: The column of the file that holds the sources.
            target: The column of the file that holds the targets.
            alignments: The gold alignment of each pair, to compare the attention on
                the given targets with; see ``regard.metrics.parse_alignments``.
            tokenize: How BLEU cuts texts: ``"13a"``, or ``"none"`` for texts that are
                tokenised already.
            **search: What ``translate`` takes.

        Raises:
            ArgumentError: The arguments do not fit each other.
            MissingExtraError: sacrebleu is not installed.
        """
        given = TextPairs.of(sources, targets, PairColumns(source, target))
        found = self.translate(given.sources, **search)
        agreed = None
        if alignments is not None:
            agreed = aligned_as(self.align(given.sources, given.targets), alignments)
        best = [hypotheses[0].text for hypotheses in found]
        return evaluate(best, given.targets, tokenize, agreed)

    def save(self, path: str | Path) -> None:
        """Save as a bundle: a folder that ``regard.load`` and the command line read.

        Args:
            path: The folder, by custom with the suffix ``.regard``. A bundle that is
                there already is replaced once the new one is complete.

        Raises:
            ArgumentError: Something that is not a bundle is in the way.
        """
        write_bundle(path, KIND, self.trained.to_parts())
