"""Training and decoding of a translator against the same model in plain PyTorch.

Run: ``python benchmarks/seq2seq.py [--quick]``. Both train on the same random pairs and
decode the same random sources for the same number of steps, in turns in one process,
with two threads each; figures are medians.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

SOURCE, TARGET = 5_973, 7_819
UNITS = WIDTH = 256
BATCH, LENGTH, STEPS = 64, 14, 15


def main() -> None:
    """Print training and decoding, ours and the peer's."""
    options = _options()
    import torch

    torch.set_num_threads(2)
    print(f"training: batch {BATCH}, {LENGTH} symbols a side, Adam")
    # Each timed call runs ten steps.
    _compare("target tokens/s", 10 * BATCH * LENGTH, _training(), options.repeats)
    for beam in (1, 5):
        print(f"decoding: {options.sentences} sentences, beam {beam}, {STEPS} steps")
        runs = _decoding(beam, options.sentences)
        _compare("sentences/s", options.sentences, runs, max(options.repeats // 4, 1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--sentences", type=int, default=1_000)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    options = parser.parse_args()
    if options.quick:
        options.repeats, options.sentences = 1, 64
    return options


def _compare(
    unit: str, amount: int, runs: dict[str, Callable[[], Any]], repeats: int
) -> None:
    for run in runs.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begin)
    speed = {name: amount / float(np.median(taken)) for name, taken in seconds.items()}
    for name, each in speed.items():
        best = amount / min(seconds[name])
        print(f"  {name:<8} {each:10,.0f} {unit} (best {best:,.0f})")
    print(f"  ratio    {speed['regard'] / speed['PyTorch']:10.2f}")


def _pairs(rows: int) -> tuple[Any, Any, Any]:
    generator = np.random.default_rng(0)
    source = generator.integers(4, SOURCE, (rows, LENGTH)).astype("int32")
    target = generator.integers(4, TARGET, (rows, LENGTH)).astype("int32")
    told = np.concatenate([np.full((rows, 1), 2, "int32"), target[:, :-1]], axis=1)
    return source, told, target


def _ours() -> Any:
    from regard.models.seq2seq import Seq2Seq

    return Seq2Seq(
        SOURCE, TARGET, UNITS, WIDTH, tie_embeddings=False, dropout=0.0, seed=0
    )


def _training() -> dict[str, Callable[[], Any]]:
    import keras
    import torch

    from _torch_seq2seq import TorchSeq2Seq
    from regard.models.seq2seq import SequenceLoss

    source, told, target = _pairs(BATCH)
    ours = _ours()
    ours.compile(keras.optimizers.Adam(1e-3), SequenceLoss())
    peer = TorchSeq2Seq(SOURCE, TARGET, UNITS, WIDTH)
    optimizer = torch.optim.Adam(peer.parameters(), 1e-3)
    loss = torch.nn.CrossEntropyLoss(ignore_index=0)
    given = [torch.tensor(each).long() for each in (source, told, target)]

    def train_peer() -> None:
        optimizer.zero_grad()
        logits = peer(given[0], given[1])
        loss(logits.flatten(0, 1), given[2].flatten()).backward()
        optimizer.step()

    # Ten steps a call, as within an epoch: one at a time, Keras hands over its state.
    many = [np.tile(each, (10, 1)) for each in (source, told, target)]

    def train_ours() -> None:
        ours.fit((many[0], many[1]), many[2], batch_size=BATCH, verbose=0)

    def train_peer_ten() -> None:
        for _ in range(10):
            train_peer()

    return {"regard": train_ours, "PyTorch": train_peer_ten}


def _decoding(beam: int, sentences: int) -> dict[str, Callable[[], Any]]:
    import torch

    from _torch_seq2seq import TorchSeq2Seq
    from regard.decoding import Search, Searcher

    source, _, _ = _pairs(sentences)
    searcher = Searcher(_ours(), Search(beam=beam, max_length=STEPS))
    peer = TorchSeq2Seq(SOURCE, TARGET, UNITS, WIDTH).eval()
    rows = 256 // beam
    given = torch.tensor(source).long()

    def search_peer() -> None:
        for first in range(0, sentences, rows):
            peer.search(given[first : first + rows], STEPS, beam)

    return {"regard": lambda: searcher.run(list(source)), "PyTorch": search_peer}


if __name__ == "__main__":
    main()
