"""What examinations say of models whose attention is known, and what they cost.

    python benchmarks/trust.py bed [DATA] [--seeds 3] [--draws 5] [--cache FOLDER]
    python benchmarks/trust.py bands DATA [--sets sst sst_wiki imdb] [--seeds 3]
        [--encoders average bilstm] [--start keras] [--reviews 2000]
    python benchmarks/trust.py all DATA
    python benchmarks/trust.py speed DATA [--bundle FOLDER]

DATA is the folder of the data sets; without it the bed has generated messages alone.

``bed`` trains models of which it is known what their attention deserves, from one that
explains to ones that were trained to deceive, and counts the verdicts over many draws
of texts. ``bands`` trains the models of Jain and Wallace (2019), of Pruthi et al.
(2020) and of Mohankumar et al. (2020) and prints what comes of them beside what was
published. ``all`` is both. ``speed`` times examinations, compilation included, against
a loop that runs each erased text by itself.

A folder given as ``--cache`` keeps trained models and measurements: what was measured
by earlier runs, of other ``--sets`` perhaps, is not measured again, and the last run
prints all of it.
"""

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import _backend

os.environ["KERAS_BACKEND"] = _backend.choose_backend("jax", ("jax",))

import _trust_bands as bands
import _trust_texts as texts
import regard
from _trust_bed import Bed, report_bed
from _trust_speed import Task, report_speed
from regard.runtime import enable_compilation_cache

# The texts of each set that the models of the bed are measured on.
_MEASURED = 400


def bed(options: argparse.Namespace) -> str:
    """Train and judge the models whose attention is known."""
    make = {
        "messages": texts.messages,
        "sst": lambda: texts.sst(options.data),
        "sst_wiki": lambda: texts.sst_wiki(options.data),
    }
    if options.smoke:
        corpora = [texts.messages(train=64, test=50)]
    else:
        some = ["messages"] if options.data is None else options.sets
        corpora = [make[name]() for name in some if name in make]
    beds = [
        Bed(
            corpus,
            _MEASURED,
            options.cache,
            epochs=1 if options.smoke else 8,
            whole=not options.smoke,
        )
        for corpus in corpora
    ]
    return report_bed(beds, options.seeds, options.draws, options.alarms)


def published(options: argparse.Namespace) -> str:
    """Train and measure the models of three papers."""
    data, seeds = options.data, options.seeds
    settings = bands.Settings(
        encoders=tuple(ENCODERS[name] for name in options.encoders),
        start=options.start,
        cache=options.cache,
    )
    recurrent = "lstm" in settings.encoders
    tables = []
    if "sst" in options.sets:
        corpus = texts.sst(data, least=1, frame=True)
        tables.append(bands.report_correlations(corpus, data, seeds, settings))
        if recurrent:
            tables.append(bands.report_conicity(corpus, data, seeds, settings))
    if "sst_wiki" in options.sets:
        five = replace(settings, epochs=5)
        corpus = texts.sst_wiki(data, least=1)
        tables.append(bands.report_mass(corpus, data, seeds, five))
    if "imdb" in options.sets:
        corpus = texts.imdb(data, train=options.reviews, test=300)
        few = replace(settings, epochs=3, left_out=30, examined=50, scores=("tanh",))
        tables.append(bands.report_correlations(corpus, data, 1, few))
        if recurrent:
            tables.append(bands.report_conicity(corpus, data, 1, few))
    return "\n\n".join(tables)


def both(options: argparse.Namespace) -> str:
    """Both tables, and how long each took."""
    tables = []
    for name, part in (("bed", bed), ("bands", published)):
        begin, used = time.perf_counter(), time.process_time()
        table = part(options)
        seconds = time.perf_counter() - begin
        of_processor = time.process_time() - used
        took = f"{name}: {seconds:.0f} s, {of_processor:.0f} s of the processor"
        tables.append(f"{table}\n\n{took}")
    return "\n\n".join(tables)


def speed(options: argparse.Namespace) -> str:
    """Time examinations of a text classifier."""
    data = options.data
    reviews = texts.column(data / "sst/sst2_test.tsv", "text")
    tasks = [
        Task("300 of SST", reviews, 300, 20),
        Task("SST, all of the test set", reviews, len(reviews), 90),
    ]
    films = data / "imdb/imdb_test.tsv.gz"
    if films.exists():
        tasks.append(Task("500 of IMDB", texts.column(films, "text")[:500], 500, 120))
    if options.bundle is not None:
        return report_speed(lambda: regard.load(options.bundle), tasks)
    file = data / "sst/sst2_train.tsv"
    classifier = regard.TextClassifier(seed=0)
    classifier.fit(texts.column(file, "text"), texts.column(file, "label"))
    kept = Path(options.cache or ".") / "sst.regard"
    classifier.save(kept)
    return report_speed(lambda: regard.load(kept), tasks)


PARTS: dict[str, Any] = {
    "bed": bed,
    "bands": published,
    "all": both,
    "speed": speed,
}
SETS = ("messages", "sst", "sst_wiki", "imdb")
#: What is between words and attention in the models of Jain and Wallace.
ENCODERS = {"average": "tanh", "bilstm": "lstm"}


def main() -> None:
    """Parse the command line and print a part's tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    _backend.add_argument(parser, "jax", ("jax",))
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--alarms", type=int, default=200)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument(
        "--encoders", nargs="+", choices=ENCODERS, default=list(ENCODERS)
    )
    parser.add_argument("--start", choices=["keras", "pytorch"], default="keras")
    parser.add_argument("--reviews", type=int, default=2_000, help="IMDB's, to train")
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--smoke", action="store_true", help="a few texts, once")
    options = parser.parse_args()
    if options.data is None and options.part != "bed":
        parser.error(f"{options.part} needs the folder of the data sets")
    if options.cache is not None:
        enable_compilation_cache(options.cache / "compiled")
    print(f"{_backend.environment()}\n", flush=True)
    print(PARTS[options.part](options))


if __name__ == "__main__":
    main()
