"""Training and decoding of a translator against the same model in plain PyTorch.

Run: ``python benchmarks/seq2seq.py [--backend jax] [--small] [--autocast] [--smoke]``.
Both train on the same random pairs and decode the same random sources for the same
number of steps, in turns, each in a process of its own with two threads; figures are
medians. Where the backend computes on a GPU, so does PyTorch; its products are of whole
float32, those of JAX of tf32 there, unless ``JAX_DEFAULT_MATMUL_PRECISION=highest`` is
set. With ``--autocast`` PyTorch takes turns under ``torch.autocast`` to bfloat16, too.
With ``--small`` the model is narrow and the pairs have 1 to 40 symbols, the rest is
padding: what a step costs besides its products counts most there.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import _backend

os.environ["KERAS_BACKEND"] = BACKEND = _backend.choose_backend("jax")

import numpy as np

from regard_cli.environment import keep_freed_memory

SMOKE, SMALL = "--smoke" in sys.argv, "--small" in sys.argv
SOURCE, TARGET = (50, 60) if SMOKE else (304, 304) if SMALL else (5_973, 7_819)
UNITS = WIDTH = 4 if SMOKE else 16 if SMALL else 256
BATCH, LENGTH, STEPS = (4, 3, 4) if SMOKE else (64, 40 if SMALL else 14, 15)


def main() -> None:
    """Print training and decoding, ours and the peer's."""
    options = _options()
    if options.side:
        _take_turns(options)
        return
    names = ["regard", "PyTorch", *["autocast"] * options.autocast]
    sides = {name: _Side(name) for name in names}
    print(sides["regard"].answer("environment"))
    length = f"1 to {LENGTH}" if SMALL else f"{LENGTH}"
    print(f"training: batch {BATCH}, {length} symbols a side, {UNITS} units, Adam")
    # Each timed call runs ten steps.
    symbols = 10 * int((_pairs(BATCH)[2] != 0).sum())
    _compare("train", "target tokens/s", symbols, sides, options.repeats)
    for beam in (5,) if SMOKE else (1, 5):
        print(f"decoding: {options.sentences} sentences, beam {beam}, {STEPS} steps")
        job, repeats = f"{beam} {options.sentences}", max(options.repeats // 2, 1)
        _compare(job, "sentences/s", options.sentences, sides, repeats)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    _backend.add_argument(parser, "jax")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--sentences", type=int, default=1_000)
    parser.add_argument("--small", action="store_true", help="a narrow model")
    parser.add_argument("--autocast", action="store_true", help="of PyTorch, too")
    parser.add_argument("--smoke", action="store_true", help="a tiny model, once")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.smoke:
        options.repeats, options.sentences = 1, 8
    return options


class _Side:
    """One of both, in a process of its own: threads of the other do not wait there."""

    def __init__(self, name: str) -> None:
        command = [sys.executable, __file__, "--side", name, "--backend", BACKEND]
        command += ["--smoke"] * SMOKE + ["--small"] * SMALL
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self._asks: Any = process.stdin
        self._answers: Any = process.stdout

    def answer(self, job: str) -> str:
        """What it says to a job."""
        print(job, file=self._asks, flush=True)
        return self._answers.readline().strip()

    def seconds(self, job: str) -> float:
        """How long a job takes."""
        return float(self.answer(job))


def _take_turns(options: argparse.Namespace) -> None:
    """Run the jobs that are asked for, one a line."""
    if options.side == "regard":
        # As every command of ours does.
        keep_freed_memory()
    if options.side != "regard" or BACKEND == "torch":
        import torch

        torch.set_num_threads(2)
    jobs: dict[str, Callable[[], Any]] = {}
    # Of a GPU's memory JAX would take three quarters; the other side needs some, too.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    for job in map(str.strip, sys.stdin):
        if job == "environment":
            print(_backend.environment(), flush=True)
            continue
        if job not in jobs:
            made = _training() if job == "train" else _decoding(*map(int, job.split()))
            side = "regard" if options.side == "regard" else "PyTorch"
            jobs[job] = made[side]()
            jobs[job]()
        begin = time.perf_counter()
        jobs[job]()
        print(time.perf_counter() - begin, flush=True)


def _compare(
    job: str, unit: str, amount: int, sides: dict[str, _Side], repeats: int
) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    # The first turn is after a long wait, for the other to compile.
    for turn in range(repeats + 1):
        for name, side in sides.items():
            taken = side.seconds(job)
            if turn:
                seconds[name].append(taken)
    speed = {name: amount / float(np.median(taken)) for name, taken in seconds.items()}
    for name, each in speed.items():
        best = amount / min(seconds[name])
        print(f"  {name:<8} {each:10,.0f} {unit} (best {best:,.0f})")
    for name in [name for name in speed if name != "regard"]:
        print(f"  ratio to {name:<9} {speed['regard'] / speed[name]:.2f}", flush=True)


def _pairs(rows: int) -> tuple[Any, Any, Any]:
    generator = np.random.default_rng(0)
    source = generator.integers(4, SOURCE, (rows, LENGTH)).astype("int32")
    target = generator.integers(4, TARGET, (rows, LENGTH)).astype("int32")
    if SMALL:
        for side in (source, target):
            lengths = generator.integers(1, LENGTH + 1, (rows, 1))
            side[np.arange(LENGTH) >= lengths] = 0
    told = np.concatenate([np.full((rows, 1), 2, "int32"), target[:, :-1]], axis=1)
    return source, told, target


def _ours() -> Any:
    from regard.translation.seq2seq import Seq2Seq

    # The products that a translator has by default, see ``regard.ops.product_path``.
    model = Seq2Seq(
        SOURCE, TARGET, UNITS, WIDTH, tie_embeddings=False, dropout=0.0, seed=0
    )
    model.products = "auto"
    return model


def _training() -> dict[str, Callable[[], Callable[[], Any]]]:
    # Ten steps a call, as within an epoch: one at a time, Keras hands over its state.
    source, told, target = _pairs(BATCH)

    def ours() -> Callable[[], Any]:
        import keras

        from regard.translation.loss import SequenceLoss

        model = _ours()
        model.compile(keras.optimizers.Adam(1e-3), SequenceLoss())
        many = [np.tile(each, (10, 1)) for each in (source, told, target)]
        return lambda: model.fit(
            (many[0], many[1]), many[2], batch_size=BATCH, verbose=0
        )

    def theirs() -> Callable[[], Any]:
        import torch

        from _torch_seq2seq import TorchSeq2Seq

        model = TorchSeq2Seq(SOURCE, TARGET, UNITS, WIDTH).to(_device())
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)
        loss = torch.nn.CrossEntropyLoss(ignore_index=0)
        arrays = (source, told, target)
        given = [torch.tensor(each, device=_device()).long() for each in arrays]

        def train() -> None:
            for _ in range(10):
                optimizer.zero_grad()
                with _autocast():
                    logits = model(given[0], given[1])
                    found = loss(logits.flatten(0, 1), given[2].flatten())
                found.backward()
                optimizer.step()
            _wait()

        return train

    return {"regard": ours, "PyTorch": theirs}


def _decoding(beam: int, sentences: int) -> dict[str, Callable[[], Callable[[], Any]]]:
    source, _, _ = _pairs(sentences)

    def ours() -> Callable[[], Any]:
        from regard.decoding import Search, Searcher

        searcher = Searcher(_ours(), Search(beam=beam, max_length=STEPS))
        return lambda: searcher.run(list(source))

    def theirs() -> Callable[[], Any]:
        import torch

        from _torch_seq2seq import TorchSeq2Seq

        model = TorchSeq2Seq(SOURCE, TARGET, UNITS, WIDTH).to(_device()).eval()
        rows, given = _rows(beam), torch.tensor(source, device=_device()).long()

        def search() -> None:
            for first in range(0, sentences, rows):
                with _autocast():
                    found = model.search(given[first : first + rows], STEPS, beam)
                # A user wants them where ours are.
                [each.cpu() for each in found]

        return search

    return {"regard": ours, "PyTorch": theirs}


def _rows(beam: int) -> int:
    """The sources of a batch: as many as ours has."""
    from regard.decoding.searcher import rows_at_once

    return rows_at_once(beam)


def _device() -> str:
    """Where PyTorch computes: where the backend does."""
    import torch

    there = bool(_backend.accelerator(BACKEND)) and torch.cuda.is_available()
    return "cuda" if there else "cpu"


def _autocast() -> Any:
    """Products in bfloat16 as PyTorch makes them, on the side that is about them."""
    import torch

    asked = "autocast" in sys.argv
    return torch.autocast(_device(), torch.bfloat16, enabled=asked)


def _wait() -> None:
    """Until the device has done what it was told."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
