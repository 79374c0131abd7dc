"""What chooses the epoch that translates best, which is not always the likeliest."""

from regard.decoding import Search, Searcher
from regard.metrics import bleu
from regard.text import SequenceVocabulary
from regard.translation.config import TranslatorConfig
from regard.translation.seq2seq import Seq2Seq
from regard.translation.text_pairs import TextPairs


class ValidationBleu:
    """BLEU of greedy translations; unknown words stay unknown.

    Args:
        pairs: What is translated, and how it should be.
        source: Texts to ids.
        target: Ids to texts.
        config: The settings of the translator.

    Raises:
        MissingExtraError: When it is asked and sacrebleu is not installed.
    """

    name = "bleu"

    def __init__(
        self,
        pairs: TextPairs,
        source: SequenceVocabulary,
        target: SequenceVocabulary,
        config: TranslatorConfig,
    ) -> None:
        encoded = source.encode(pairs.sources)
        self._sources = [one.ids[: config.max_length] for one in encoded]
        self._references, self._target = pairs.targets, target
        self._lowercase = config.lowercase
        self._tokenize = "none" if config.split == "whitespace" else "13a"
        self._searcher: tuple[Seq2Seq, Searcher] | None = None

    def __call__(self, model: Seq2Seq) -> float:
        """BLEU of what the model writes now, 0 to 100."""
        found = self._searcher_of(model).run(self._sources)
        written = [self._target.decode(best[0].symbols) for best in found]
        score = bleu(
            written,
            self._references,
            tokenize=self._tokenize,
            lowercase=self._lowercase,
        )
        return score.score

    def _searcher_of(self, model: Seq2Seq) -> Searcher:
        # One for all epochs: it is compiled once.
        if self._searcher is None or self._searcher[0] is not model:
            self._searcher = model, Searcher(model, Search())
        return self._searcher[1]
