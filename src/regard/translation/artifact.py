"""A trained translator: from raw text to raw text, and where it looked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from regard.bundle import Bundle
from regard.bundle.model_file import model_from_bytes, model_to_bytes
from regard.decoding import Hypothesis, Search, Searcher, padded_length
from regard.errors import ArgumentError, BundleError
from regard.text import EncodedSequence, SequenceVocabulary
from regard.training.settings import settings_from_bytes, settings_to_bytes
from regard.translation.config import TranslatorConfig
from regard.translation.seq2seq import Seq2Seq
from regard.translation.unknown_words import Replacement, replaced
from regard.types import Translation

#: The kind of its bundles, and the parts they have.
KIND = "translator"
MODEL, CONFIG = "model.keras", "config.json"
SOURCE, TARGET = "source.json", "target.json"
PARTS = frozenset({MODEL, CONFIG, SOURCE, TARGET})


@dataclass(frozen=True, eq=False)
class TrainedTranslator:
    """What training made, ready for texts; it does not change any more.

    Args:
        source: Texts to ids.
        target: Ids to texts.
        config: The settings it was trained with.
        seed: The seed it was trained with.
        model: The model.
    """

    source: SequenceVocabulary
    target: SequenceVocabulary
    config: TranslatorConfig
    seed: int
    model: Seq2Seq

    def __post_init__(self) -> None:
        # Searchers hold what was compiled, for the life of the object.
        object.__setattr__(self, "_searchers", {})

    def translate(
        self,
        texts: Sequence[str],
        search: Search,
        prefixes: Sequence[str] | None,
        replacement: Replacement,
    ) -> list[list[Translation]]:
        """The best translations of each text.

        Args:
            texts: The texts.
            search: How they are searched for.
            prefixes: What each translation begins with, or None.
            replacement: What is written for unknown words.
        """
        encoded = self.source.encode(texts)
        limit = self.config.max_length
        found = self.searcher(search).run(
            [one.ids[:limit] for one in encoded],
            None
            if prefixes is None
            else [one.ids for one in self.target.encode(prefixes)],
        )
        return [
            [self.translation(text, one, best, replacement) for best in hypotheses]
            for text, one, hypotheses in zip(texts, encoded, found, strict=True)
        ]

    def align(
        self, sources: Sequence[str], targets: Sequence[str]
    ) -> list[Translation]:
        """Given targets as translations; see ``Translator.align``."""
        written = self.target.encode(targets)
        longest = max((len(one) for one in written), default=0)
        # The target is what may be written, and then the end. Of few lengths, so that
        # what was compiled for one serves the next.
        search = Search(max_length=padded_length(longest + 1))
        encoded = self.source.encode(sources)
        _check_not_empty(encoded)
        limit = self.config.max_length
        ends = [np.append(one.ids, SequenceVocabulary.END_ID) for one in written]
        found = self.searcher(search).run([one.ids[:limit] for one in encoded], ends)
        return [
            replace(
                self.translation(text, one, best[0], replacement=False),
                text=target,
                target_tokens=tokens.tokens,
            )
            for text, one, best, target, tokens in zip(
                sources, encoded, found, targets, written, strict=True
            )
        ]

    def searcher(self, search: Search) -> Searcher:
        """What searches in this way; it holds what was compiled."""
        searchers: dict[Search, Searcher] = self._searchers  # type: ignore[attr-defined]  # set above
        if search not in searchers:
            searchers[search] = Searcher(self.model, search)
        return searchers[search]

    def translation(
        self,
        text: str,
        encoded: EncodedSequence,
        found: Hypothesis,
        replacement: Replacement,
    ) -> Translation:
        """What was found for a text, in words.

        Args:
            text: The text.
            encoded: What ``source`` made of it.
            found: What was found for its first ``max_length`` ids.
            replacement: What is written for unknown words.
        """
        sources = encoded.tokens[: self.config.max_length]
        unknown = (found.symbols == SequenceVocabulary.UNKNOWN_ID).tolist()
        tokens = replaced(
            self.target.tokens(found.symbols),
            unknown,
            sources,
            found.weights,
            replacement,
        )
        return Translation(
            source=text,
            text=self.target.join(tokens),
            source_tokens=sources,
            target_tokens=tokens,
            alignment=np.asarray(found.weights),
            log_probability=found.log_probability,
            score=found.score,
            finished=found.finished,
            truncated=len(encoded) > len(sources),
        )

    def to_parts(self) -> dict[str, bytes]:
        """The parts of its bundle."""
        return {
            MODEL: model_to_bytes(self.model),
            SOURCE: self.source.to_json().encode("utf-8"),
            TARGET: self.target.to_json().encode("utf-8"),
            CONFIG: settings_to_bytes(self.seed, self.config),
        }

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "TrainedTranslator":
        """Make sense of the parts of a checked bundle.

        Raises:
            BundleError: A part is not what it should be.
        """
        with bundle.reading(CONFIG) as content:
            seed, config = settings_from_bytes(content, TranslatorConfig)
        with bundle.reading(SOURCE) as content:
            source = SequenceVocabulary.from_json(content.decode("utf-8"))
        with bundle.reading(TARGET) as content:
            target = SequenceVocabulary.from_json(content.decode("utf-8"))
        with bundle.reading(MODEL) as content:
            model: Any = model_from_bytes(content)
            _check_model(model, len(source), len(target))
            return cls(source, target, config, seed, model)


def _check_not_empty(encoded: Sequence[EncodedSequence]) -> None:
    for index, one in enumerate(encoded):
        if not len(one):
            raise ArgumentError(
                f"In the source of pair {index} is nothing to look at.",
                expected="a text that is not empty",
            )


def _check_model(model: Any, source: int, target: int) -> None:
    if not isinstance(model, Seq2Seq):
        raise BundleError("It is no sequence to sequence model.")
    if model.symbols != (source, target):
        raise BundleError(
            "The model does not fit the vocabularies.",
            expected=f"{source} and {target} symbols",
            received=f"{model.symbols[0]} and {model.symbols[1]}",
        )
