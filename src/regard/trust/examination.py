"""The examination: texts drawn, measured in parts, judged as far as it came."""

import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from regard._validate import (
    check_choice,
    check_count,
    check_number,
    check_settings,
)
from regard.classification.artifact import KIND as TEXT_CLASSIFIER
from regard.errors import DataError
from regard.text.text_validation import checked_texts
from regard.training.callbacks import InterruptBetweenSteps
from regard.translation.artifact import KIND as TRANSLATOR
from regard.trust.accuracy import accuracy_after_erasing, true_classes
from regard.trust.classifier_subject import ClassifierSubject
from regard.trust.erasure import best_order
from regard.trust.evidence import (
    erasure_curves_of,
    examined_texts,
    placement_of,
    reliability_of,
    shown_texts,
    side_figures_of,
)
from regard.trust.gates import erasure_gates, measure_gates
from regard.trust.measurement import RANDOM, Measurements, Measuring, join, measure
from regard.trust.model_subject import ModelSubject
from regard.trust.plausibility import checked_marks, plausibility
from regard.trust.report import TrustReport
from regard.trust.subject import Subject, SubjectOfTexts
from regard.trust.translator_subject import TranslatorSubject
from regard.trust.verdict import decide
from regard.trust.word_groups import word_groups
from regard.types import IntArray

#: Told how many texts were examined, of how many.
Progress = Callable[[int, int], None]
# The texts that are measured at a time; the last ones asked for may be fewer.
_PART = 32


#: What a Keras model is called that is no part of a trained thing.
KERAS_MODEL = "keras-model"


def _of_classifier(model: Any, x: Any) -> SubjectOfTexts:
    return ClassifierSubject(model, x)


#: What makes a subject of a model and its data, by the kind of the model; its other
#: arguments are those that ``examine`` takes for such a model.
SUBJECTS: Mapping[str, Callable[..., SubjectOfTexts | TranslatorSubject]] = {
    TEXT_CLASSIFIER: _of_classifier,
    TRANSLATOR: TranslatorSubject,
    KERAS_MODEL: ModelSubject,
}


def examine(
    model: Any,
    x: Any,
    *,
    n: int = 300,
    seed: int = 0,
    budget: float | None = None,
    progress: Progress | None = None,
    data: str = "",
    examples: int = 3,
    labels: Sequence[Any] | None = None,
    gold: Sequence[Any] | None = None,
    **options: Any,
) -> TrustReport:
    """Examine whether the attention of a trained model deserves to be read.

    The data should be such that the model was not trained on. Labels are not needed:
    the question is what the model's own answer rests on.

    Args:
        model: A trained ``TextClassifier`` or ``Translator``, or any trained Keras
            model whose attention looks at positions of its input.
        x: What it is examined on: texts, 50 or more with a word each, or a frame with
            them, whose only column is read, or ``text`` (of a translator ``source``);
            of a Keras model its inputs, or a list of sequences of ids.
        n: The most texts that are examined, drawn at random.
        seed: What chance depends on; the same seed gives the same report.
        budget: After so many seconds it ends, and judges the texts it has seen.
        progress: Told how many texts were examined, of how many.
        data: What the texts are called, for the report.
        examples: How many of the texts that attention explains best, and how many of
            those it fails on, the report keeps with their words; 0 keeps no word.
        labels: The true label of each text or sample, for the accuracy after erasing at
            random; the verdict does not depend on them.
        gold: What people marked as the reasons in each text, for the plausibility of
            the weights, which is apart from the verdict: ``[[start, end], …]`` in
            characters, the end exclusive; or a number for each word between spaces, 1
            where it is marked and else 0; or None. In samples of a Keras model the
            same of positions, in place of characters and words.
        **options: Of a translator ``targets``, what is written for each text; without
            them it is what the translator writes. Of a Keras model, what
            ``ModelSubject`` takes: ``layer``, ``erase``, ``query``, ``lengths``,
            ``positions``, ``input``, ``output``, ``outputs``, ``softmax``,
            ``tokens`` and ``classes``.

    Returns:
        The verdict, its reasons and all that was measured.

    Raises:
        ArgumentError: The model is of no kind that can be examined, or a number is
            wrong.
        DataError: There is no text with a word.

    Example:
        >>> report = regard.trust.examine(classifier, texts)
        >>> print(report.sentence)
        >>> report = regard.trust.examine(translator, sources, targets=targets)
        >>> erase = regard.trust.Erase(id=1)
        >>> report = regard.trust.examine(model, ids, layer="pool", erase=erase)
    """
    kind = check_choice(
        "kind",
        KERAS_MODEL if isinstance(model, keras.Model) else _kind_of(model),
        SUBJECTS,
        problem="A model of this kind cannot be examined.",
    )
    if kind == TEXT_CLASSIFIER:
        x = checked_texts(x)
    known = list(inspect.signature(SUBJECTS[kind]).parameters)[2:]
    check_settings(options, known, of=f"the examination of a {kind}")
    # What a subject can be asked for beside measuring is found out where it is asked.
    subject: Any = SUBJECTS[kind](model, x, **options)
    marks = None if gold is None else checked_marks(subject, gold)
    truth = None if labels is None else true_classes(subject, labels)
    report = examine_subject(
        subject,
        n=n,
        seed=seed,
        budget=budget,
        progress=progress,
        data=data,
        examples=examples,
    )
    if truth is not None:
        seen, sizes = np.array([(each.text, each.keys) for each in report.texts]).T
        figures = accuracy_after_erasing(subject, seen, sizes, truth, seed)
        report = replace(report, figures={**report.figures, **figures})
    if marks is not None:
        of_texts = [each.text for each in report.texts]
        found = plausibility(
            subject.weights(np.array(of_texts)),
            [marks[text] for text in of_texts],
            seed,
        )
        report = replace(report, plausibility=found)
    examined = (
        replace(each, text=int(subject.indices[each.text])) for each in report.texts
    )
    # A Keras model is no part of a bundle whose file could be told again.
    trained = getattr(model, "trained", None)
    model_hash = "" if trained is None else trained.identity.hash
    return replace(report, texts=tuple(examined), model=model_hash)


def _kind_of(model: Any) -> str:
    return str(getattr(model, "kind", type(model).__name__))


def examine_subject(
    subject: Subject | Measuring,
    *,
    n: int = 300,
    seed: int = 0,
    budget: float | None = None,
    progress: Progress | None = None,
    data: str = "",
    model: str = "",
    examples: int = 3,
) -> TrustReport:
    """Examine whether the attention of a model deserves to be read.

    The same subject, number and seed give the same report.

    Args:
        subject: The model and its texts.
        n: The most texts that are examined, drawn at random from the subject's.
        seed: What chance depends on.
        budget: After so many seconds it ends, and judges the texts it has seen.
        progress: Told how many texts were examined, of how many.
        data: What the texts are called.
        model: The SHA-256 of the model's file.
        examples: How many of the best and of the worst texts the report keeps with
            their words, where the subject can show them.

    Raises:
        ArgumentError: ``n``, ``seed``, ``budget`` or ``examples`` is wrong.
        DataError: There is no text, or none has a key.
        KeyboardInterrupt: An interrupt came before the first texts were measured;
            a later one ends the examination as a spent budget does.
    """
    check_count("n", n)
    check_count("seed", seed, least=0, most=2**64 - 1)
    check_count("examples", examples, least=0)
    if budget is not None:
        check_number("budget", budget, above=0)
    if not len(subject):
        raise DataError("There is no text to examine.")
    drawn = _drawn(len(subject), n, seed)
    parts: list[Measurements] = []
    interrupt = InterruptBetweenSteps()
    try:
        with interrupt.listening():
            for part in _measured(subject, drawn, seed, budget):
                parts.append(part)
                if progress is not None:
                    progress(sum(map(len, parts)), len(drawn))
                interrupt.raise_pending()
    except KeyboardInterrupt:
        if not parts:
            raise
    report: TrustReport | None = None
    try:
        # Who ends it once more meanwhile waits for the same report.
        with InterruptBetweenSteps().listening():
            report = judge(join(parts), len(drawn), seed, data=data, model=model)
            kept = report.examples(best=examples, worst=examples)
            indices = list(dict.fromkeys(each.text for each in kept))
            report = report.showing(shown_texts(subject, indices), examples)
    except KeyboardInterrupt:
        if report is None:
            raise
    return report


def _drawn(texts: int, n: int, seed: int) -> IntArray:
    generator = np.random.default_rng(seed)
    return generator.permutation(texts)[:n]


def _measured(
    subject: Subject | Measuring, drawn: IntArray, seed: int, budget: float | None
) -> Iterator[Measurements]:
    begin = time.monotonic()
    # One with many weights of a text says how many go at a time.
    size = getattr(subject, "part", _PART)
    for start in range(0, len(drawn), size):
        part = drawn[start : start + size]
        if isinstance(subject, Measuring):
            yield subject.measure(part, seed)
        else:
            yield measure(subject, part, seed)
        if budget is not None and time.monotonic() - begin >= budget:
            return


def judge(
    measured: Measurements, wanted: int, seed: int, *, data: str = "", model: str = ""
) -> TrustReport:
    """The report on measurements that were made.

    Args:
        measured: The measurements.
        wanted: The number of texts that were to be measured.
        seed: What the resamples depend on.
        data: What the texts are called.
        model: The SHA-256 of the model's file.
    """
    gates = measure_gates(measured, seed)
    erasures = {
        name: erasure_gates(each, seed) for name, each in measured.erasures.items()
    }
    verdict, reasons = decide(gates, erasures, len(measured))
    first = next(iter(measured.erasures))
    shown = measured.erasures[first]
    best = best_order({name: g for name, g in shown.gain.items() if name != RANDOM})
    defined = {name: np.isfinite(each) for name, each in shown.tau.items()}
    return TrustReport(
        verdict=verdict,
        reasons=reasons,
        gates={**gates, **erasures[first]},
        erasures=erasures,
        curves={
            name: erasure_curves_of(each) for name, each in measured.erasures.items()
        },
        correlations={
            name: float(each[defined[name]].mean()) if defined[name].any() else np.nan
            for name, each in shown.tau.items()
        },
        even_gap=None if measured.even_gap is None else float(measured.even_gap.mean()),
        undefined={name: float(1 - each.mean()) for name, each in defined.items()},
        texts=examined_texts(measured, shown.gain, best),
        best=best,
        wanted=wanted,
        seed=seed,
        data=data,
        model=model,
        reliability=reliability_of(shown, seed),
        placement=placement_of(measured),
        groups={} if measured.words is None else word_groups(measured.words, seed),
        figures=side_figures_of(measured),
    )
