"""Translation of Multi30k: BLEU on test_2016, and where the model looks.

Run: ``python benchmarks/multi30k.py DATA de-en [--backend jax] [--silver FOLDER]
[--trust PAIRS] [--shortlist] [--all-symbols]``.
DATA is the folder with the tokenised, lower-cased files (``train.lc.norm.tok.de.gz``
and so on, or unpacked). Everything is chosen on ``val``; test_2016 is translated with
greedy search and a beam of 5. With ``--silver`` (a folder with ``test.en.gz``,
``test.de.gz`` and ``test.align.gz``) the attention on given targets is compared with
automatic word alignments. With ``--trust`` so many pairs of test_2016 are examined:
whether the weights may be read as reasons, on what the translator writes itself. With
``--shortlist`` test_2016 is translated with and without the shortlist, in turns; with
``--all-symbols`` BLEU is that of searches among all of them.
"""

import argparse
import gzip
import os
import time
from pathlib import Path
from typing import Any

import _backend

os.environ["KERAS_BACKEND"] = _backend.choose_backend("jax")

import numpy as np

import regard
from regard.metrics import attention_mass, bleu, parse_alignments
from regard.translation import Translator

SETTINGS: dict[str, Any] = {
    "units": 384,
    "embedding_units": 256,
    "dropout": 0.4,
    "label_smoothing": 0.1,
    "learning_rate": 2e-3,
    "batch_size": 64,
}


def main() -> None:
    """Train one direction, or load it, and print what it reaches."""
    options = _options()
    print(_backend.environment())
    sides = options.direction.split("-")
    load = options.load
    translator = regard.load(load) if load else _trained(options, sides)
    test = [_lines(options.data / f"test_2016_flickr.lc.norm.tok.{s}") for s in sides]
    for beam in (1, 5):
        begin = time.perf_counter()
        scores = translator.evaluate(
            *test,
            tokenize="none",
            beam=beam,
            shortlist=False if options.all_symbols else None,
        )
        took = time.perf_counter() - begin
        print(f"beam {beam}: BLEU {scores.bleu.score:.2f} chrF {scores.chrf.score:.2f}")
        print(f"  {scores.bleu.signature}; {took:.1f} s with compilation")
    if options.shortlist:
        _print_shortlist(translator, options, sides, test)
    if options.silver:
        _print_mass(translator, options.silver, sides)
    if options.trust:
        _print_trust(translator, test[0], options.trust)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    _backend.add_argument(parser, "jax")
    parser.add_argument("data", type=Path)
    parser.add_argument("direction", help="for example de-en")
    parser.add_argument("--silver", type=Path)
    parser.add_argument("--trust", type=int, metavar="PAIRS")
    parser.add_argument("--shortlist", action="store_true")
    parser.add_argument("--all-symbols", action="store_true")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5, help="turns that are timed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="save the model there")
    parser.add_argument("--load", type=Path, help="a saved model, instead of training")
    parser.add_argument(
        "--set", nargs=2, action="append", default=[], metavar=("NAME", "VALUE")
    )
    return parser.parse_args()


def _trained(options: argparse.Namespace, sides: list[str]) -> Translator:
    train, val = (
        [_lines(options.data / f"{split}.lc.norm.tok.{side}") for side in sides]
        for split in ("train", "val")
    )
    changed = {name: type(SETTINGS[name])(value) for name, value in options.set}
    settings = {**SETTINGS, "epochs": options.epochs, **changed}
    translator = Translator(seed=options.seed, **settings)
    begin, cpu = time.perf_counter(), time.process_time()
    translator.fit(
        *train, validation=(val[0], val[1]), choose_by="bleu", progress=_tell
    )
    minutes = (time.perf_counter() - begin) / 60
    cpu = (time.process_time() - cpu) / 60
    print(f"trained in {minutes:.1f} min, {cpu:.1f} min of CPU; {settings}")
    if options.out:
        translator.save(options.out)
    scores = translator.evaluate(*val, tokenize="none", beam=5)
    print(f"val, beam 5: BLEU {scores.bleu.score:.2f}", flush=True)
    return translator


def _tell(now: Any) -> None:
    if now.validation_loss is not None:
        print(
            f"epoch {now.epoch} of {now.epochs}: loss {now.loss:.3f}, "
            f"val {now.validation_loss:.3f}, {now.seconds:.0f} s",
            flush=True,
        )


def _lines(path: Path) -> list[str]:
    packed = path.with_name(path.name + ".gz")
    if packed.exists():
        content = gzip.decompress(packed.read_bytes())
    else:
        content = path.read_bytes()
    # Not splitlines: some lines hold characters that would end them there.
    return content.decode("utf-8").removesuffix("\n").split("\n")


def _print_mass(translator: Translator, folder: Path, sides: list[str]) -> None:
    """The attention mass on the automatically aligned source word of each word."""
    texts = [[line.lower() for line in _lines(folder / f"test.{s}")] for s in sides]
    links = parse_alignments(_lines(folder / "test.align"))
    aligned = translator.align(*texts)
    weights, gold, uniform = [], [], []
    for link_row, sure in zip(aligned, (each.sure for each in links), strict=True):
        shape = link_row.alignment.shape
        if any(s >= shape[1] or t >= shape[0] for t, s in sure):
            continue
        weights.append(link_row.alignment)
        uniform.append(np.full(shape, 1 / shape[1]))
        gold.append(sure)
    mass, even = attention_mass(weights, gold), attention_mass(uniform, gold)
    print(
        f"attention mass on the aligned words: {mass.mass:.1%} (uniform "
        f"{even.mass:.1%}) of {mass.tokens} words in {len(gold)} of {len(links)} pairs"
    )


def _print_shortlist(
    translator: Translator,
    options: argparse.Namespace,
    sides: list[str],
    test: list[list[str]],
) -> None:
    """What the shortlist saves, and what it changes."""
    if translator.trained.shortlist is None:
        train = [_lines(options.data / f"train.lc.norm.tok.{side}") for side in sides]
        begin, cpu = time.perf_counter(), time.process_time()
        translator.learn_shortlist(*train)
        took, cpu = time.perf_counter() - begin, time.process_time() - cpu
        print(f"shortlist made in {took:.1f} s with compilation, {cpu:.1f} s of CPU")
    if translator.trained.shortlist is None:
        print("no shortlist: there are too few symbols")
        return
    size = len(translator.trained.shortlist.to_bytes())
    print(f"shortlist of {size / 1e6:.1f} MB, {len(translator.trained.target)} symbols")
    sources, targets = test
    for beam in (1, 5):
        seconds: dict[bool, list[float]] = {False: [], True: []}
        found: dict[bool, Any] = {}
        # The first turn compiles.
        for turn in range(options.repeats + 1):
            for chosen, taken in seconds.items():
                begin = time.perf_counter()
                found[chosen] = translator.translate(
                    sources, beam=beam, shortlist=chosen
                )
                if turn:
                    taken.append(time.perf_counter() - begin)
        texts = {
            chosen: [best[0].text for best in translations]
            for chosen, translations in found.items()
        }
        pairs = list(zip(texts[False], texts[True], strict=True))
        changed = np.array([one != other for one, other in pairs])
        nats = [[best[0].log_probability for best in found[each]] for each in found]
        off = np.abs(np.subtract(*nats))[~changed]
        print(f"beam {beam}: {changed.sum()} of {len(pairs)} changed")
        print(f"  log-probabilities of the others off by {off.mean():.3f} nats")
        for chosen, name in ((False, "all symbols"), (True, "shortlist")):
            score = bleu(texts[chosen], targets, tokenize="none").score
            speed = len(pairs) / float(np.median(seconds[chosen]))
            print(
                f"  {name:<12} BLEU {score:.2f}, {speed:,.0f} sentences/s", flush=True
            )
        gain = np.median(seconds[False]) / np.median(seconds[True])
        print(f"  gain {gain:.2f}")


def _print_trust(translator: Translator, sources: list[str], pairs: int) -> None:
    """What an examination says of the weights, and how long it took."""
    begin, cpu = time.perf_counter(), time.process_time()
    report = regard.trust.examine(translator, sources, n=pairs, data="test_2016")
    took, cpu = time.perf_counter() - begin, time.process_time() - cpu
    print(f"examined in {took:.1f} s with compilation, {cpu:.1f} s of CPU")
    print(f"load {os.getloadavg()[0]:.1f}")
    print(report.to_text())


if __name__ == "__main__":
    main()
