"""A trained translator: from raw text to raw text, and where it looked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from regard.bundle import MODEL_FILE, RECORD, About, Bundle
from regard.bundle.about_part import read_about
from regard.bundle.model_file import model_from_bytes, model_to_bytes
from regard.bundle.model_identity import ModelIdentity
from regard.bundle.trust_part import (
    CarriedReport,
    line_of,
    parts_telling,
    read_record,
    read_trust,
    warn_not_used,
)
from regard.decoding import Hypothesis, Search, Searcher, padded_length
from regard.decoding.shortlist import FEWEST_SYMBOLS, Shortlist
from regard.errors import ArgumentError, BundleError
from regard.text import EncodedSequence, SequenceVocabulary
from regard.text.special_ids import END_ID, UNKNOWN_ID
from regard.training.base_config import (
    check_agreement,
    columns_from_json,
    config_from_json,
    config_to_json,
)
from regard.translation.config import TranslatorConfig
from regard.translation.seq2seq import Seq2Seq
from regard.translation.unknown_words import Replacement, replaced
from regard.types import IntArray, Translation, TrustLine

#: The kind of its bundles, and the parts they have.
KIND = "translator"
MODEL, CONFIG = MODEL_FILE, "config.json"
SOURCE, TARGET = "source.json", "target.json"
PARTS = frozenset({MODEL, CONFIG, SOURCE, TARGET})
#: The part that a bundle may have as well.
SHORTLIST = "shortlist.npz"


@dataclass(frozen=True, eq=False)
class TrainedTranslator:
    """The model with all that texts need around it; it does not change any more.

    Args:
        source: Texts to ids.
        target: Ids to texts.
        config: The settings it was trained with.
        seed: The seed it was trained with.
        model: The model.
        chosen: The settings that the user chose, for the next training as well.
        model_hash: The SHA-256 of the file that the model was loaded from.
        trust: What an examination found of its weights, see ``line_of``.
        columns: The columns of the file it was trained on, by what they hold, where
            they have other names than that.
        shortlist: What narrows the symbols that a search is made among; None: nothing.
        record: What its bundle says of its training; None: nothing.
        about: What its author says of it.
    """

    source: SequenceVocabulary
    target: SequenceVocabulary
    config: TranslatorConfig
    seed: int
    model: Seq2Seq
    chosen: Mapping[str, Any] = field(default_factory=dict)
    model_hash: str = ""
    trust: CarriedReport | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    shortlist: Shortlist | None = None
    record: bytes | None = None
    about: About = field(default_factory=About)

    def __repr__(self) -> str:
        return (
            f"TrainedTranslator(from {len(self.source):,} to {len(self.target):,} "
            f"symbols, {self.model.count_params():,} parameters)"
        )

    def __post_init__(self) -> None:
        # Searchers hold what was compiled, for the life of the object.
        object.__setattr__(self, "_searchers", {})
        identity = ModelIdentity(self.model, self.model_hash)
        object.__setattr__(self, "_identity", identity)

    @property
    def identity(self) -> ModelIdentity:
        """Which model it is."""
        return self._identity  # type: ignore[attr-defined]  # set above

    def translate(
        self,
        texts: Sequence[str],
        search: Search,
        prefixes: Sequence[str] | None,
        replacement: Replacement,
        shortlist: bool | None = None,
    ) -> list[list[Translation]]:
        """The best translations of each text.

        Args:
            texts: The texts.
            search: How they are searched for.
            prefixes: What each translation begins with, or None.
            replacement: What is written for unknown words.
            shortlist: Whether they are searched for among the symbols of the
                shortlist; None: where there is one.

        Raises:
            ArgumentError: There is none.
        """
        if shortlist and self.shortlist is None:
            raise _no_shortlist(len(self.target))
        chosen = None if shortlist is False else self.shortlist
        encoded_texts = self.source.encode(texts)
        forced = None
        if prefixes is not None:
            forced = [encoded.ids for encoded in self.target.encode(prefixes)]
        ids = self._ids(encoded_texts)
        results = self.searcher(search).run(ids, forced, chosen)
        line = line_of(self)
        return [
            [
                self.translation(text, encoded, best, replacement, line)
                for best in hypotheses
            ]
            for text, encoded, hypotheses in zip(
                texts, encoded_texts, results, strict=True
            )
        ]

    def align(
        self, sources: Sequence[str], targets: Sequence[str]
    ) -> list[Translation]:
        """Given targets as translations; see ``Translator.align``."""
        written = self.target.encode(targets)
        longest = max((len(encoded) for encoded in written), default=0)
        # The target is what may be written, and then the end. Of few lengths, so that
        # what was compiled for one serves the next.
        search = Search(max_length=padded_length(longest + 1))
        encoded_texts = self.source.encode(sources)
        _check_not_empty(encoded_texts)
        forced = [np.append(encoded.ids, END_ID) for encoded in written]
        results = self.searcher(search).run(self._ids(encoded_texts), forced)
        line = line_of(self)
        return [
            replace(
                self.translation(source, encoded, best[0], False, line),
                text=target,
                target_tokens=tokens.tokens,
            )
            for source, encoded, best, target, tokens in zip(
                sources, encoded_texts, results, targets, written, strict=True
            )
        ]

    def sizes(
        self, sources: Sequence[str], targets: Sequence[str]
    ) -> list[tuple[int, int]]:
        """The numbers of target and of source tokens of pairs, of all they have."""
        written, read = self.target.encode(targets), self.source.encode(sources)
        return [(len(a), len(b)) for a, b in zip(written, read, strict=True)]

    def searcher(self, search: Search) -> Searcher:
        """The searcher of this search; it holds what was compiled."""
        searchers: dict[Search, Searcher] = self._searchers  # type: ignore[attr-defined]  # set above
        if search not in searchers:
            # Of two threads both get the same one, with what it compiles.
            searchers.setdefault(search, Searcher(self.model, search))
        return searchers[search]

    def translation(
        self,
        text: str,
        encoded: EncodedSequence,
        hypothesis: Hypothesis,
        replacement: Replacement,
        line: TrustLine | None,
    ) -> Translation:
        """A hypothesis for a text, in words.

        Args:
            text: The text.
            encoded: The text as ``source`` encodes it.
            hypothesis: The one for its first ``max_length`` ids.
            replacement: What is written for unknown words.
            line: What was found of the weights, see ``line_of``.
        """
        sources = encoded.tokens[: self.config.max_length]
        symbols = hypothesis.symbols.tolist()
        tokens = replaced(
            self.target.tokens(symbols),
            [symbol == UNKNOWN_ID for symbol in symbols],
            sources,
            hypothesis.weights,
            replacement,
        )
        return Translation(
            source=text,
            text=self.target.join(tokens),
            source_tokens=sources,
            target_tokens=tokens,
            alignment=np.asarray(hypothesis.weights),
            log_probability=hypothesis.log_probability,
            score=hypothesis.score,
            finished=hypothesis.finished,
            truncated=len(encoded) > len(sources),
            trust=line,
        )

    def _ids(self, encoded_texts: Sequence[EncodedSequence]) -> list[IntArray]:
        """As much of each text as is read."""
        limit = self.config.max_length
        return [encoded.ids[:limit] for encoded in encoded_texts]

    def to_parts(self) -> dict[str, bytes]:
        """The parts of its bundle."""
        model = model_to_bytes(self.model)
        has = self.shortlist
        return {
            MODEL: model,
            SOURCE: self.source.to_json().encode("utf-8"),
            TARGET: self.target.to_json().encode("utf-8"),
            CONFIG: config_to_json(self.config, self.seed, self.chosen, self.columns),
            **({} if has is None else {SHORTLIST: has.to_bytes()}),
            **({} if self.record is None else {RECORD: self.record}),
            **parts_telling(self, model, None),
        }

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "TrainedTranslator":
        """Make sense of the parts of a checked bundle.

        Raises:
            BundleError: A part is not what it should be.
        """
        with bundle.reading(CONFIG) as content:
            config, seed, chosen = config_from_json(content, TranslatorConfig)
            columns = columns_from_json(content)
        with bundle.reading(SOURCE) as content:
            source = SequenceVocabulary.from_json(content.decode("utf-8"))
        with bundle.reading(TARGET) as content:
            target = SequenceVocabulary.from_json(content.decode("utf-8"))
        with bundle.reading(MODEL) as content:
            model: Any = model_from_bytes(content, {Seq2Seq.__name__})
            _check_model(model, len(source), len(target))
        # Those of an earlier release say nothing of it.
        model.products = config.products
        with bundle.reading(CONFIG) as content:
            built = model.get_config()
            facts = {name: built[name] for name in config.names() if name in built}
            check_agreement(content, facts)
        shortlist = None
        if SHORTLIST in bundle.damaged:
            warn_not_used(bundle, SHORTLIST, bundle.damaged[SHORTLIST])
        if SHORTLIST in bundle.parts:
            with bundle.reading(SHORTLIST) as content:
                shortlist = Shortlist.from_bytes(content)
                shortlist.check_sizes(len(source), len(target))
        return cls(
            source,
            target,
            config,
            seed,
            model,
            chosen,
            model_hash=bundle.digests[MODEL],
            trust=read_trust(bundle),
            columns=columns,
            shortlist=shortlist,
            record=read_record(bundle),
            about=read_about(bundle),
        )


def _no_shortlist(symbols: int) -> ArgumentError:
    few = symbols < FEWEST_SYMBOLS
    return ArgumentError(
        "This translator has no shortlist.",
        expected="one that was trained with a shortlist",
        received=f"{symbols} target symbols, of which all are searched in little time"
        if few
        else "one without, of an earlier release or an interrupted training",
        fix="Search among all symbols: say nothing of a shortlist."
        if few
        else "Give it one: translator.learn_shortlist(sources, targets)",
        elsewhere="Search among all symbols: say nothing of a shortlist.",
    )


def _check_not_empty(encoded_texts: Sequence[EncodedSequence]) -> None:
    for index, encoded in enumerate(encoded_texts):
        if not len(encoded):
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
