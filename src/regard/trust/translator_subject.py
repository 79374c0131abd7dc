"""A translator and pairs, as an examination measures them, word by word."""

from collections.abc import Sequence

import numpy as np

from regard._validate import check_same_length
from regard.errors import DataError
from regard.text.special_ids import END_ID
from regard.text.text_validation import checked_texts
from regard.translation import Translator
from regard.trust.examined_words import (
    WORDS,
    ExaminedWords,
    drawn_words,
    function_ids,
)
from regard.trust.measurement import (
    Chances,
    Measurements,
    evenness_of,
    join,
    measure_erasure,
)
from regard.trust.subject import Baseline, entropy
from regard.trust.word_effects import (
    EVEN,
    OTHERS,
    OWN,
    WordEraser,
    choices,
    erased_figures,
    forced_figures,
)
from regard.trust.word_groups import CONTENT, FUNCTION, NEITHER
from regard.trust.writer import MOST_PAIRS, Steps, Writer, Written
from regard.types import FloatArray, IntArray


class TranslatorSubject:
    """A translator and the pairs it is examined on.

    An answer is a word of the target, the words before it being told. Of each target up
    to ``WORDS`` are drawn, as many content as function words where there are, and what
    is measured on them is averaged: the unit of statistics is the pair. The end of a
    target is examined only where nothing else is written.

    A token of the source that is erased by ``"hole"`` is masked out: the encoder passes
    over it, and the decoder does not see it. By ``"swap"`` a token drawn from the
    sources stands in its place. Either way the source is read anew, and the target is
    told up to the word. Weights are forced in the step that writes the word alone, and
    the state before it stays what it was.

    Args:
        translator: A trained translator.
        sources: The sources; those without a token are passed over.
        targets: What is written for each; None: what the translator writes itself, by
            greedy search.

    Raises:
        ArgumentError: There are not as many targets as sources.
        DataError: No source has a token.
    """

    erasers: tuple[str, ...] = ("hole", "swap")

    def __init__(
        self,
        translator: Translator,
        sources: Sequence[str],
        targets: Sequence[str] | None = None,
    ) -> None:
        trained = translator.trained
        limit = trained.config.max_length
        given = checked_texts(sources, what="sources")
        ids = [each.ids[:limit] for each in trained.source.encode(given)]
        #: The index of each examined pair among those that were given.
        self.indices: IntArray = np.flatnonzero([len(each) > 0 for each in ids])
        if not len(self.indices):
            raise DataError(
                "There is no source to examine.", expected="texts with a word or more"
            )
        kept = self.indices.tolist()
        self._sources = [ids[index] for index in kept]
        self._targets: list[IntArray] | None = None
        if targets is not None:
            wanted = checked_texts(targets, what="targets")
            check_same_length({"sources": given, "targets": wanted})
            written = trained.target.encode(wanted)
            self._targets = [written[index].ids for index in kept]
        # What a swapped token is drawn from: all tokens, as often as they occur.
        self._pool = np.concatenate(self._sources)
        self._function_ids = function_ids(trained.target)
        self._writer = Writer(trained.model)

    def __len__(self) -> int:
        return len(self._sources)

    def measure(self, texts: IntArray, seed: int) -> Measurements:
        """Measure some pairs; see ``regard.trust.measurement.measure``.

        Args:
            texts: ``(pairs,)``, their indices.
            seed: What chance depends on, together with the index of a pair.
        """
        if len(texts) > MOST_PAIRS:
            cuts = range(MOST_PAIRS, len(texts), MOST_PAIRS)
            return join([self.measure(part, seed) for part in np.split(texts, cuts)])
        sources = [self._sources[text] for text in texts.tolist()]
        targets = self._targets and [self._targets[text] for text in texts.tolist()]
        written = self._writer.write(sources, targets)
        words = self._drawn(written, texts, seed)
        lengths = np.array([len(source) for source in sources])
        weights = written.weights[words.steps.pair, :, words.steps.index]
        baseline = Baseline(
            words.steps.probabilities.astype(float),
            weights.astype(float),
            lengths[words.steps.pair],
            None,
            {},
        )
        chances = Chances(seed, texts, lengths, weights.shape[-1])
        forced = self._writer.forced(
            written, words.steps, choices(baseline, chances.of(words.steps.pair))
        )
        swapped = self._pool[(chances.draws * len(self._pool)).astype(np.int64)]
        erasers = {
            name: WordEraser(
                name=name,
                writer=self._writer,
                sources=sources,
                before=written.before,
                swapped=swapped,
                steps=words.steps,
                baseline=baseline,
            )
            for name in self.erasers
        }
        erasures = {
            name: measure_erasure(eraser, chances.of(words.steps.pair))
            for name, eraser in erasers.items()
        }
        first = self.erasers[0]
        figures = {
            **forced_figures(forced),
            **erased_figures(erasers[first], erasures[first]),
        }
        undisturbed = entropy(baseline.probabilities)
        return Measurements(
            texts=texts,
            lengths=lengths,
            evenness=words.by_pair(evenness_of(baseline)),
            # Of one word that is not written by these weights it is one too many.
            replay=words.largest(forced.largest[:, OWN]),
            moved=words.by_pair(forced.moved[:, OTHERS:].mean(axis=1)),
            spread=words.by_pair(forced.entropy[:, OTHERS:].mean(axis=1) - undisturbed),
            # Shuffles are drawn alike: a mean over neighbours is one over all of them.
            apart=words.by_pair(
                forced.moved[:, OTHERS:].mean(axis=1)
                - forced.between[:, OTHERS:-1].mean(axis=1)
            ),
            even_gap=words.by_pair(forced.moved[:, EVEN]),
            idle=None,
            entropy=words.by_pair(undisturbed),
            shuffled_entropy=words.by_pair(forced.entropy[:, OTHERS:]),
            erasures={
                name: words.of_pairs(erasure) for name, erasure in erasures.items()
            },
            words={
                name: words.in_places(figure)
                for name, figure in {"group": words.group, **figures}.items()
            },
        )

    def _drawn(self, written: Written, texts: IntArray, seed: int) -> ExaminedWords:
        """The words that are examined."""
        places: list[tuple[int, int, int]] = []
        for row, (text, target) in enumerate(
            zip(texts.tolist(), written.targets, strict=True)
        ):
            # What is written has no part in the other chances of the pair.
            generator = np.random.default_rng([seed, text, WORDS])
            noise = generator.random(len(target))
            steps = drawn_words(
                self._groups(target), noise, np.flatnonzero(target != END_ID)
            )
            places += [(row, step, place) for place, step in enumerate(steps)]
        pair, index, place = np.array(places).T
        target = np.array([written.targets[row][step] for row, step, _ in places])
        drawn = Steps(pair, index, target, written.probabilities[pair, index])
        return ExaminedWords(drawn, place, self._groups(target), len(texts))

    def _groups(self, ids: IntArray) -> FloatArray:
        """The group of each symbol."""
        if self._function_ids is None:
            return np.full(len(ids), NEITHER)
        group = np.where(np.isin(ids, self._function_ids), FUNCTION, CONTENT)
        return np.where(ids == END_ID, NEITHER, group)
