"""The texts that models of a known kind of attention are trained and examined on."""

import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

import regard

#: Id 0 is padding and what is masked out, 1 any word that is not known.
UNKNOWN, FIRST_WORD = 1, 2
LONGEST = 128
_TOKENS = re.compile(r"\w+|[^\w\s]")
_WORDS = re.compile(r"\w[\w'-]*")
_LONGEST_REVIEW = 400


@dataclass(frozen=True)
class Texts:
    """Texts as ids.

    Args:
        ids: Of each text ``(tokens,)``.
        labels: ``(texts,)``.
        evidence: Of each text ``(tokens,)``, True on the words that the label rests
            on: those that a model may be trained to look away from.
    """

    ids: list[Any]
    labels: Any
    evidence: list[Any]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, chosen: Any) -> "Texts":
        """Some of the texts, by their indices."""
        places = np.asarray(chosen).tolist()
        return Texts(
            [self.ids[place] for place in places],
            self.labels[places],
            [self.evidence[place] for place in places],
        )


@dataclass(frozen=True)
class Corpus:
    """A data set: what is trained on, chosen on, and examined.

    Args:
        name: Its name in tables.
        rows: The number of ids.
        classes: The number of labels.
    """

    name: str
    train: Texts
    held: Texts
    test: Texts
    rows: int
    classes: int


@dataclass(frozen=True)
class _Worded:
    """A text before its words are numbers."""

    words: list[str]
    label: int
    evidence: list[bool]


def messages(*, train: int = 1_500, test: int = 600) -> Corpus:
    """Generated support messages; the evidence is the phrase that was planted."""
    task = regard.tasks.SupportMessages()
    made = {
        name: [_of_message(each, task.labels) for each in task.sample(count, seed)]
        for name, count, seed in (
            ("train", train, 1),
            ("held", max(train // 5, 40), 2),
            ("test", test, 3),
        )
    }
    return _corpus("messages", made["train"], made["held"], made["test"])


def _of_message(message: regard.tasks.Message, labels: Sequence[str]) -> _Worded:
    start, end = message.span
    found = list(_TOKENS.finditer(message.text.lower()))
    return _Worded(
        [each.group() for each in found],
        labels.index(message.label),
        [start <= each.start() < end for each in found],
    )


def sst(data: Path, *, least: int = 2, frame: bool = False) -> Corpus:
    """SST-2; the evidence is the words that tell the labels apart in training.

    Args:
        data: The folder of the data sets.
        least: A word is known that so many training texts' tokens are.
        frame: Whether a text has a token before its first and after its last word.
    """
    parts = [
        [
            _Worded(row["text"].split(), int(row["label"]), [])
            for row in _rows(data / f"sst/sst2_{part}.tsv")
        ]
        for part in ("train", "dev", "test")
    ]
    told = _telling(parts[0])
    parts = [[_marked(each, told) for each in part] for part in parts]
    return _corpus("SST", *parts, least=least, frame=frame)


def sst_wiki(data: Path, *, least: int = 2) -> Corpus:
    """SST with a sentence of Wikipedia; the evidence is the sentence of SST."""
    train, test = (
        [
            _Worded(
                row["text"].lower().split(),
                int(row["label"]),
                [mark == "1" for mark in row["block"]],
            )
            for row in _rows(data / f"sst_wiki/sst_wiki_{part}.tsv.gz")
        ]
        for part in ("train", "dev")
    )
    held = np.random.default_rng(0).permutation(len(train))
    cut = len(train) // 10
    return _corpus(
        "SST + Wikipedia",
        [train[place] for place in held[cut:].tolist()],
        [train[place] for place in held[:cut].tolist()],
        test,
        least=least,
    )


def imdb(data: Path, *, train: int, test: int) -> Corpus:
    """Some of IMDB's reviews of less than 400 words, framed; evidence is not marked.

    Words are as Jain and Wallace's: without punctuation, known where ten are.
    """
    parts = []
    for part, count in (("train", train + train // 10), ("test", test)):
        reviews = (
            _Worded(_words_alone(row["text"]), int(row["label"]), [])
            for row in _rows(data / f"imdb/imdb_{part}.tsv.gz")
        )
        short = (each for each in reviews if len(each.words) < _LONGEST_REVIEW)
        parts.append(list(islice(short, count)))
    both, tested = parts
    return _corpus(
        "IMDB",
        both[:train],
        both[train:],
        tested,
        least=10,
        frame=True,
        longest=_LONGEST_REVIEW + 2,
    )


def _words_alone(text: str) -> list[str]:
    return _WORDS.findall(text.lower().replace("<br />", " "))


def column(path: Path, name: str) -> list[str]:
    """A column of a tab-separated file, which may be compressed."""
    return [row[name] for row in _rows(path)]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    text = io.StringIO(content.decode("utf-8"), newline="\n")
    yield from csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE)


def _telling(texts: list[_Worded]) -> set[str]:
    """Words that are twice as frequent under one of two labels, and not rare."""
    counts = [Counter[str](), Counter[str]()]
    for text in texts:
        counts[text.label].update(set(text.words))
    return {
        word
        for word in counts[0] | counts[1]
        if counts[0][word] + counts[1][word] >= 4
        and abs(np.log((counts[0][word] + 1) / (counts[1][word] + 1))) > np.log(2)
    }


def _marked(text: _Worded, told: set[str]) -> _Worded:
    return _Worded(text.words, text.label, [word in told for word in text.words])


def _corpus(
    name: str,
    train: list[_Worded],
    held: list[_Worded],
    test: list[_Worded],
    *,
    least: int = 2,
    frame: bool = False,
    longest: int = LONGEST,
) -> Corpus:
    counts = Counter(word for text in train for word in text.words)
    known = sorted(word for word, count in counts.items() if count >= least)
    number = {word: place + FIRST_WORD for place, word in enumerate(known)}
    rows = FIRST_WORD + len(known)
    begin, end = ([rows], [rows + 1]) if frame else ([], [])

    def numbered(texts: list[_Worded]) -> Texts:
        room = longest - len(begin) - len(end)
        ids = [
            np.array(
                begin + [number.get(word, UNKNOWN) for word in text.words[:room]] + end
            )
            for text in texts
        ]
        evidence = [np.zeros(len(each), bool) for each in ids]
        for text, marks in zip(texts, evidence, strict=True):
            inside = text.evidence[:room]
            marks[len(begin) : len(begin) + len(inside)] = inside
        return Texts(ids, np.array([text.label for text in texts]), evidence)

    return Corpus(
        name,
        numbered(train),
        numbered(held),
        numbered(test),
        rows + len(begin) + len(end),
        1 + max(text.label for text in train),
    )
