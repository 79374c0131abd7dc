"""Translators as a kind: what is asked of one, and how its answers are told."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regard.bundle import ABOUT, RECORD, TRUST, Bundle, PartNames
from regard.errors import DataWarning, ExportError
from regard.inference import Limits, Member, RequestError, RequestSchema
from regard.inference.answer_columns import AnswerColumns, KeptAttention
from regard.inference.exportable import Exportable
from regard.inference.json_format import (
    COUNT,
    FLAG,
    HEADS_HTML,
    HTML,
    NUMBER,
    OFFSETS,
    TEXT,
    Schema,
    array,
    record,
)
from regard.inference.request_schema import read_count
from regard.metrics import Alignment, parse_alignments
from regard.translation.artifact import KIND, PARTS, SHORTLIST, TrainedTranslator
from regard.translation.evaluation import TranslationEvaluation
from regard.translation.translator import Translator
from regard.translation.translator_engine import TranslatorEngine
from regard.types import Translation

if TYPE_CHECKING:
    from regard.plot import AlignmentPlot


class TranslatorKind:
    """The kind of ``Translator``; see ``regard.kinds.Kind``."""

    name = KIND
    parts = PartNames(PARTS, optional=frozenset({ABOUT, RECORD, SHORTLIST, TRUST}))
    # Enough texts to sort by length and fill batches, few enough to see results early.
    batch_size = 1024
    shades: tuple[str, ...] = ("attention",)
    evaluation_options: tuple[str, ...] = (
        "targets",
        "source",
        "target",
        "beam",
        "tokenize",
        "alignments",
        "shortlist",
    )
    text_column: str = "source"
    request_examples: Mapping[str, Any] = {
        "one": {"inputs": "ein hund rennt"},
        "several, without weights": {
            "inputs": ["One text.", "Another text."],
            "weights": False,
        },
        "the three best": {"inputs": "ein hund rennt", "n_best": 3},
    }

    def facts(self, model: Translator) -> dict[str, Any]:
        """What it was trained to read and to write, and how much of a text it reads."""
        trained = model.trained
        columns = {side: trained.columns.get(side) for side in ("source", "target")}
        return {
            **columns,
            "max_tokens": trained.config.max_length,
            "heads": trained.config.num_heads,
        }

    def load(self, bundle: Bundle) -> Translator:
        """The translator of a checked bundle."""
        return Translator.of(TrainedTranslator.from_bundle(bundle))

    def answer(
        self, model: Translator, texts: Sequence[str]
    ) -> Sequence[list[Translation]]:
        """The best translation of each text, in a list of its own."""
        return model.translate(texts)

    def to_json(self, answer: Sequence[Translation]) -> Any:
        """An answer as plain values: a list, the best translation first."""
        return [translation.to_dict() for translation in answer]

    def to_row(self, answer: Sequence[Translation] | None) -> dict[str, Any]:
        """The best translation and its log-probability, as columns of a table."""
        best = answer[0] if answer else None
        return {
            "translation": None if best is None else best.text,
            "log_probability": None if best is None else best.log_probability,
        }

    def plot(
        self,
        answers: Sequence[Sequence[Translation]],
        left_out: int = 0,
        *,
        shade: str = "attention",  # noqa: ARG002 - others have several
        right: Any = None,  # noqa: ARG002 - it gives no labels
    ) -> "AlignmentPlot":
        """Answers drawn, as a page or for a terminal."""
        from regard import plot  # noqa: PLC0415 - loading needs no pictures

        translations = [translation for best in answers for translation in best]
        drawn = plot.alignment(translations, most=None)
        return plot.AlignmentPlot(drawn.grids, left_out)

    def evaluate(
        self, model: Translator, data: Sequence[Path], options: Mapping[str, Any]
    ) -> TranslationEvaluation:
        """Measure a translator on a file of pairs.

        Args:
            model: The translator.
            data: The file, or one of sources and one of targets.
            options: The columns, ``source`` and ``target``; the ``reading``; the
                ``beam``; ``tokenize``, how BLEU cuts texts; whether there is a
                ``shortlist``, or None where the translator has one; the file of gold
                ``alignments`` or None, what its ``first`` position is called, and
                whether it has ``target_first``; whether pairs are mended, ``clean``.

        Warns:
            DataWarning: Pairs were mended.
        """
        from regard.data import clean_pairs  # noqa: PLC0415 - for files
        from regard.data.parallel_texts import read_pair_files  # noqa: PLC0415 - for files

        gold = options["alignments"]
        sources, targets = read_pair_files(
            data,
            options["source"],
            options["target"],
            options["reading"],
            lenient=options["clean"],
        )
        if options["clean"]:
            sources, targets, changes = clean_pairs(sources, targets)
            for said in changes:
                warnings.warn(said, DataWarning, stacklevel=2)
        return model.evaluate(
            sources,
            targets,
            beam=options["beam"],
            tokenize=options["tokenize"],
            shortlist=options["shortlist"],
            alignments=None if gold is None else _read_gold(gold, options),
        )

    def evaluation_table(self, evaluation: TranslationEvaluation) -> str:
        """BLEU and chrF with their signatures, exact matches, alignment error."""
        lines = [
            f"{name:<12}{score.score:7.2f}   {score.signature}".rstrip()
            for name, score in (
                ("BLEU", evaluation.bleu),
                ("chrF", evaluation.chrf),
                ("exact match", evaluation.exact_match),
            )
        ]
        agreement = evaluation.alignment
        if agreement is not None:
            lines.append(
                f"{'AER':<12}{100 * agreement.error_rate:7.2f}   precision "
                f"{100 * agreement.precision:.2f}, recall {100 * agreement.recall:.2f}"
            )
        lines.append(f"{'texts':<12}{evaluation.count:7,}")
        return "".join(f"{line}\n" for line in lines)

    def request_schema(self, model: Translator, limits: Limits) -> RequestSchema:
        """The requests to a translator in a service."""
        beam = {
            "type": "integer",
            "enum": list(limits.beams),
            "default": limits.beams[0],
            "description": "The number of hypotheses that are followed.",
        }
        n_best = {
            "type": "integer",
            "minimum": 1,
            "maximum": limits.n_best,
            "default": 1,
            "description": "How many of them are told, best first; at most the beam.",
        }
        options = {
            "beam": Member(beam, lambda value: _read_beam(value, limits)),
            "n_best": Member(
                n_best, lambda value: read_count("n_best", value, limits.n_best)
            ),
        }
        layer = model.trained.model.decoder.name
        return RequestSchema(limits, (layer,), options, former={"attention": layer})

    def response_schema(self) -> Schema:
        """The schema of the reply of a translator in a service to one text."""
        looked_at = record({"source": COUNT, "weight": NUMBER})
        translation = record(
            {
                "text": TEXT,
                "log_probability": NUMBER | {"description": "In nats."},
                "score": NUMBER | {"description": "What it was ranked by."},
                "finished": FLAG,
                "tokens": array(TEXT, "What was written."),
                "alignment": array(
                    array(NUMBER),
                    "For each written token its attention on each token of the input; "
                    "each row sums to 1.",
                ),
                "strongest": array(
                    array(looked_at), "The alignment where 'top_k' is asked."
                ),
                "html": HTML,
                "heads_html": HEADS_HTML,
            },
            optional=("tokens", "alignment", "strongest", "html", "heads_html"),
        )
        members = {
            "translations": array(translation, "Best first; none of an empty text."),
            "truncated": FLAG,
            "tokens": array(TEXT, "The tokens of the input."),
            "offsets": OFFSETS,
        }
        return record(members, optional=("tokens", "offsets"))

    def engine(
        self, model: Translator, limits: Limits, batch_size: int
    ) -> TranslatorEngine:
        """The engine of a translator in a service."""
        return TranslatorEngine(model.trained, limits, batch_size)

    def exportable(self, model: Translator) -> Exportable:  # noqa: ARG002 - as any kind
        """Nothing of a translator.

        Raises:
            ExportError: Always.
        """
        raise ExportError(
            "A translator cannot be exported: its search runs the network once for "
            "each symbol and decides in between what to go on with, which no single "
            "program does.",
            expected="a text classifier, or a Keras model",
            fix="Ask it in a service (regard serve) or in batch jobs (regard batch).",
        )

    def columns(self, model: Translator, attention: KeptAttention) -> AnswerColumns:
        """Translations and their alignments as columns."""
        from regard.translation.alignment_columns import AlignmentColumns  # noqa: PLC0415 - an extra

        return AlignmentColumns(model, attention)


def _read_beam(value: Any, limits: Limits) -> int:
    beam = read_count("beam", value, max(limits.beams))
    if beam not in limits.beams:
        allowed = sorted(limits.beams)
        raise RequestError(
            422,
            f"This service searches with these beams only: {allowed}.",
            limit="beam",
            allowed=allowed,
        )
    return beam


def _read_gold(path: Path, options: Mapping[str, Any]) -> list[Alignment]:
    from regard._files import read_lines  # noqa: PLC0415 - for files

    return parse_alignments(
        read_lines(path, options["reading"]["encoding"]),
        str(path),
        first=options["first"],
        target_first=options["target_first"],
    )
