"""What a user waits for: commands in fresh processes, first and once more.

    python benchmarks/cold_start.py DATA [--backend jax] [--repeats 3]
        [--only translate sst trec imdb demo]

DATA is the folder of the data sets. Each command is run as a user runs it, from the
start of its process to the end: first with an empty folder for compiled programs, then
with the one that the first has filled. Printed are medians of the seconds that passed
and of those of the processor, and how many programs were made. Trained are a translator
on the first 600 pairs of Multi30k (German to English) for two epochs, and the default
classifier on SST-2, TREC and IMDB; a text is classified and a sentence translated by
what was trained; and the demo is run, without its installation.
"""

import argparse
import gzip
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import _backend

os.environ["KERAS_BACKEND"] = _backend.choose_backend("jax")

from regard.runtime.compilation_cache import SWITCH_OFF

_OPINIONS = (["good film", "bad film", "good fun", "bad fun"], ["1", "0", "1", "0"])


@dataclass(frozen=True)
class Command:
    """A command that is measured.

    Args:
        name: What it is called in the report.
        words: The command line, with ``{out}`` for what it writes.
        needs: The name of the command whose result it reads.
    """

    name: str
    words: tuple[str, ...]
    needs: str = ""


@dataclass(frozen=True)
class Run:
    """What a run took.

    Args:
        passed: Seconds from the start of the process to its end.
        worked: Seconds of processor.
        programs: The programs that were compiled.
    """

    passed: float
    worked: float
    programs: int


def main() -> None:
    """Measure, and print a table."""
    arguments = _arguments()
    print(_backend.environment())
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        commands = _commands(arguments.data, place, arguments.smoke)
        names = {command.name for command in commands}
        chosen = set(arguments.only or names)
        print(f"{'':<27}{'passed':>10} {'processor':>11} {'compiled':>9}")
        for command in commands:
            if chosen.isdisjoint({command.name, command.needs}):
                continue
            runs = [_cold_and_warm(command, place) for _ in range(arguments.repeats)]
            for name, column in (("cold", 0), ("warm", 1)):
                _tell(f"{command.name:<20}{name:6}", [both[column] for both in runs])


def _tell(name: str, runs: Sequence[Run]) -> None:
    print(
        name,
        f"{_median(runs, lambda run: run.passed):>8.1f} s",
        f"{_median(runs, lambda run: run.worked):>9.1f} s",
        f"{_median(runs, lambda run: run.programs):>9.0f}",
        flush=True,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?")
    _backend.add_argument(parser, "jax")
    parser.add_argument("--only", nargs="*", help="commands by their names")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--smoke", action="store_true", help="once, of a few lines")
    arguments = parser.parse_args()
    if arguments.smoke:
        arguments.repeats = 1
    elif arguments.data is None:
        parser.error("DATA is missing.")
    return arguments


def _commands(data: Path | None, place: Path, smoke: bool) -> list[Command]:
    """The commands, with their files written to a folder."""
    train = ("train", "classify")
    if smoke or data is None:
        rows = ["text\tlabel", *map("\t".join, zip(*_OPINIONS, strict=True))]
        few = _write(place / "few.tsv", rows)
        return [Command("sst", (*train, few, "--validation", few, "--out", "{out}"))]
    pairs = [
        _write(place / f"pairs.{side}", _lines(data / _PAIRS.format(side))[:600])
        for side in ("de", "en")
    ]
    reviews = _write(place / "imdb.tsv", _lines(data / "imdb/imdb_train.tsv.gz"))
    sst = [str(data / f"sst/sst2_{part}.tsv") for part in ("train", "dev")]
    trec = (
        str(data / "trec/trec_train.tsv"),
        "--text",
        "question",
        "--label",
        "coarse",
    )
    return [
        Command(
            "translate",
            ("train", "translate", *pairs, "--epochs", "2", "--out", "{out}"),
        ),
        Command(
            "a sentence", ("translate", "{needs}", "ein hund rennt ."), "translate"
        ),
        Command("sst", (*train, sst[0], "--validation", sst[1], "--out", "{out}")),
        Command("classify a text", ("predict", "{needs}", "A good film."), "sst"),
        Command("trec", (*train, *trec, "--out", "{out}")),
        Command("imdb", (*train, reviews, "--out", "{out}")),
        Command("demo", ("demo", "--out", "{out}")),
    ]


_PAIRS = "multi30k/tok/train.lc.norm.tok.{}.gz"


def _cold_and_warm(command: Command, place: Path) -> tuple[Run, Run]:
    with tempfile.TemporaryDirectory(dir=place) as cache:
        return _run(command, place, Path(cache)), _run(command, place, Path(cache))


def _run(command: Command, place: Path, cache: Path) -> Run:
    """Run a command in a process of its own."""
    # What is there already would be in the way; what others read stays.
    out = place / f"{command.name}.{len(list(place.glob(f'{command.name}.*')))}"
    needs = place / f"{command.needs}.0"
    words = [word.format(out=out, needs=needs) for word in command.words]
    environment = os.environ | {
        "XDG_CACHE_HOME": str(cache),
        SWITCH_OFF: "0",
    }
    kept = _kept(cache)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "regard_cli", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    passed = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}:\n{done.stderr}")
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(passed, worked, _kept(cache) - kept)


def _kept(cache: Path) -> int:
    """The programs that are in a folder."""
    return len(list(cache.rglob("*-cache")))


def _median(runs: Sequence[Run], of: Callable[[Run], float]) -> float:
    return statistics.median(map(of, runs))


def _lines(path: Path) -> list[str]:
    return (
        gzip.decompress(path.read_bytes())
        .decode("utf-8")
        .removesuffix("\n")
        .split("\n")
    )


def _write(path: Path, lines: Sequence[str]) -> str:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return str(path)


if __name__ == "__main__":
    main()
