"""Additive attention: time, memory and error against Keras and the plain formula.

    python benchmarks/additive.py --backend jax
    python benchmarks/additive.py --backend jax --growth
    python benchmarks/additive.py --backend torch --dtype bfloat16

Three contestants compute context and weights from the same projected query, key and
value: `keras.layers.AdditiveAttention`, the plain formula, and `regard.ops.additive`.
All are compiled the way Keras compiles a model on the backend: JAX and TensorFlow
with XLA, PyTorch not at all. They take turns within one process, each round after a
call that is not timed; the table has medians. With `--keep-memory` the process keeps
what it frees, as the commands do: nobody pays for fresh pages at each call then.

On a GPU a timing is that of twenty calls in a row (four of long ones), which wait for
each other on the device alone, and there are larger shapes: those for processors last
no longer there than it takes to start them.

Peak memory is what a fresh process took for one forward and backward pass beyond what
it had with its inputs in place. On JAX it is the size of the temporary buffers that
the compiler reports, and of PyTorch on a GPU what its allocator had given out.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import _backend

os.environ["KERAS_BACKEND"] = BACKEND = _backend.choose_backend("jax")

import keras
import numpy as np
from keras import ops

from regard.ops import masked_softmax
from regard.ops.additive import additive_path, additive_scores
from regard.ops.additive.dispatch import plain_scores
from regard_cli.environment import keep_freed_memory

SHAPES = [(32, 50, 50, 256), (64, 10, 100, 128), (2, 512, 1024, 256), (1, 1, 4096, 512)]
GROWTH = [(1, 512, keys, 256) for keys in (256, 1024, 4096, 16384)]
ON_GPU = [*SHAPES, (16, 128, 128, 256), (16, 1024, 1024, 256)]
ROUNDS = 4
# Calls of one timing on a GPU.
IN_A_ROW = 20
CONTESTANTS = ("keras", "plain", "regard")


def inputs(shape, dtype="float32"):
    """Query, key, value, scale and the upstream gradient of the weights."""
    batch, queries, keys, features = shape
    rng = np.random.default_rng(0)
    sizes = [
        (batch, queries, features),
        (batch, keys, features),
        (batch, keys, features),
        (features,),
        (batch, queries, keys),
    ]
    arrays = [rng.normal(size=size).astype("float32") for size in sizes]
    arrays[3] /= features**0.5
    return [ops.cast(ops.convert_to_tensor(array), dtype) for array in arrays]


def keras_attention(dtype: str) -> Callable:
    """The layer of Keras as a function of its inputs and its scale."""
    layer = keras.layers.AdditiveAttention(dtype=dtype)

    def attend(query, key, value, scale):
        if not layer.built:
            layer.build([query.shape, value.shape, key.shape])
            layer.scale.assign(scale)
        result, _ = layer.stateless_call(
            [scale], [], [query, value, key], return_attention_scores=True
        )
        return result

    return attend


def plain_attention(query, key, value, scale):
    """The formula as it stands."""
    scores = plain_scores(query[:, None], key[:, None], scale[None])[:, 0]
    weights = ops.softmax(scores, axis=-1)
    return ops.matmul(weights, value), weights


def regard_attention(query, key, value, scale):
    """Ours, with the weights under the contract, computed in float32 or wider."""
    weights = masked_softmax(additive_scores(query, key, scale))
    weights = ops.cast(weights, value.dtype)
    return ops.matmul(weights, value), weights


def attention(name: str, dtype: str) -> Callable:
    """The contestant of a name."""
    others = {"plain": plain_attention, "regard": regard_attention}
    return others.get(name) or keras_attention(dtype)


def compiled(name: str, dtype: str = "float32") -> tuple[Callable, Callable]:
    """The forward pass, and the forward pass with all gradients."""
    attend = attention(name, dtype)

    def loss(query, key, value, scale, upstream):
        context, weights = attend(query, key, value, scale)
        return ops.sum(context) + ops.sum(weights * upstream)

    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.jit(attend), jax.jit(jax.grad(loss, argnums=(0, 1, 2, 3)))
    if backend == "tensorflow":
        import tensorflow as tf

        @tf.function(jit_compile=True, autograph=False)
        def gradients(*tensors):
            with tf.GradientTape() as tape:
                tape.watch(tensors[:4])
                found = loss(*tensors)
            return tape.gradient(found, tensors[:4])

        return tf.function(attend, jit_compile=True, autograph=False), gradients
    return torch_passes(attend, loss)


def torch_passes(attend: Callable, loss: Callable) -> tuple[Callable, Callable]:
    """Without compilation, as Keras runs a model on PyTorch."""
    import torch

    def forward(*tensors):
        with torch.no_grad():
            return attend(*tensors)

    def gradients(*tensors):
        watched = [tensor.detach().requires_grad_() for tensor in tensors[:4]]
        return torch.autograd.grad(loss(*watched, tensors[4]), watched)

    return forward, gradients


def wait(result):
    """Until it has been computed."""
    if keras.backend.backend() == "jax":
        import jax

        jax.block_until_ready(result)
    elif keras.backend.backend() == "torch" and result[0].is_cuda:
        import torch

        torch.cuda.synchronize()


def seconds(function: Callable, arguments: list, calls: int = 1) -> float:
    """Of one call, of so many in a row."""
    start = time.perf_counter()
    for _ in range(calls):
        result = function(*arguments)
    wait(result)
    return (time.perf_counter() - start) / calls


def on_gpu() -> bool:
    """Whether the backend computes on one."""
    return bool(_backend.accelerator(keras.backend.backend()))


def medians(passes: dict[str, Callable], arguments: list) -> dict[str, float]:
    """Median seconds of each, a round of calls at a time."""
    times: dict[str, list[float]] = {name: [] for name in passes}
    for _ in range(ROUNDS):
        for name, function in passes.items():
            first = seconds(function, arguments)
            repeats = 2 if first > 0.3 else 12
            calls = 1
            if on_gpu():
                repeats, calls = 3, IN_A_ROW if first < 0.005 else 4
            times[name] += [seconds(function, arguments, calls) for _ in range(repeats)]
    return {name: statistics.median(found) for name, found in times.items()}


def memory(name: str, shape: tuple, dtype: str = "float32") -> float:
    """Bytes of one forward and backward pass."""
    backend = keras.backend.backend()
    if backend == "jax":
        passes = compiled(name, dtype)[1].lower(*inputs(shape, dtype)).compile()
        return passes.memory_analysis().temp_size_in_bytes
    if backend == "torch" and on_gpu():
        return torch_memory(compiled(name, dtype)[1], inputs(shape, dtype))
    command = [sys.executable, __file__, "--backend", BACKEND]
    command += ["--peak", name, json.dumps(shape)]
    process = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(process.stdout.split()[-1])


def torch_memory(function: Callable, arguments: list) -> float:
    """Bytes that PyTorch had given out on the device, at the most."""
    import torch

    wait(function(*arguments))
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    wait(function(*arguments))
    return torch.cuda.max_memory_allocated() - before


def peak(name: str, shape: tuple) -> float:
    """Bytes of memory the process grew by, at its highest."""
    wait(compiled(name)[1](*inputs((2, 8, 8, 8))))  # what the backend loads once
    passes = compiled(name)[1]
    arguments = inputs(shape)
    before = highest_bytes()
    wait(passes(*arguments))
    return highest_bytes() - before


def highest_bytes() -> float:
    """Of this process alone; getrusage would count what its parent held."""
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM"):
            return 1024 * float(line.split()[1])
    return 0.0


def errors(shape: tuple, dtype: str = "float32") -> float:
    """Largest error of our scores, relative to the sum of |scale|."""
    given = inputs(shape, dtype)
    query, key, _, scale, _ = (
        np.asarray(ops.convert_to_numpy(ops.cast(x, "float32"))) for x in given
    )
    found = ops.convert_to_numpy(additive_scores(given[0], given[1], given[3]))
    rows = np.random.default_rng(1).integers(query.shape[1], size=4)
    worst = 0.0
    for row in rows:
        wide = query[:, row, None].astype("float64") + key
        exact = np.tanh(wide) @ scale.astype("float64")
        worst = max(worst, np.abs(found[:, row] - exact).max())
    return worst / np.abs(scale).sum()


def limit() -> tuple[float, str]:
    """Elements a second that the arithmetic units allow, and the sum it comes from.

    An element takes 3.25 operations in the forward pass: of a group of four, four
    multiply-adds for P, two additions and two products for the pairs, two products and
    a multiply-add for their sum and its denominator, one multiply-add to the total,
    and one division. Two vector units work beside each other; the divider gives eight
    quotients in five cycles (Intel Skylake to Cascade Lake). A multiprocessor of an
    NVIDIA GPU has 128 lanes, and its divisions are not those that wait.
    """
    if on_gpu():
        return gpu_limit()
    cores = len(os.sched_getaffinity(0))
    clock = clock_hertz()
    lanes = 8
    arithmetic = 3.25 / (2 * lanes)
    division = 0.25 * 5 / lanes
    rate = cores * clock / max(arithmetic, division)
    return rate, (
        f"{cores} cores x {clock / 1e9:.1f} GHz x 2 units x {lanes} lanes / 3.25"
    )


def gpu_limit() -> tuple[float, str]:
    """Elements a second of an NVIDIA GPU at its highest clock."""
    asked = ["nvidia-smi", "--query-gpu=clocks.max.sm", "--format=csv,noheader,nounits"]
    answer = subprocess.run(asked, check=True, capture_output=True, text=True)
    clock = 1e6 * float(answer.stdout.split()[0])
    if keras.backend.backend() == "jax":
        import jax

        count = jax.devices()[0].core_count
    else:
        import torch

        count = torch.cuda.get_device_properties(0).multi_processor_count
    what = f"{count} multiprocessors x {clock / 1e9:.2f} GHz x 128 lanes / 3.25"
    return count * clock * 128 / 3.25, what


def clock_hertz() -> float:
    """The clock that the machine says it has."""
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("cpu MHz"):
            return 1e6 * float(line.split(":")[1])
    return 2.5e9


def report(shape: tuple, dtype: str, without_memory: bool) -> None:
    """The lines of one shape."""
    arguments = inputs(shape, dtype)
    passes = {name: compiled(name, dtype) for name in CONTESTANTS}
    forward = medians({n: p[0] for n, p in passes.items()}, arguments[:4])
    both = medians({n: p[1] for n, p in passes.items()}, arguments)
    elements = float(np.prod(shape))
    path = additive_path(arguments[0], arguments[1], arguments[3])
    print(f"\n{shape} {dtype}  {path.name}: {path.reason}")
    for name in CONTESTANTS:
        line = f"  {name:7} forward {1e3 * forward[name]:9.3f} ms"
        line += f"   forward+backward {1e3 * both[name]:9.3f} ms"
        if not without_memory and name != "plain":
            line += f"   memory {memory(name, shape, dtype) / 1e6:8.1f} MB"
        print(line)
    print(
        "  times faster than Keras:"
        f" {forward['keras'] / forward['regard']:.1f} forward,"
        f" {both['keras'] / both['regard']:.1f} forward+backward; than the plain"
        f" formula: {forward['plain'] / forward['regard']:.1f},"
        f" {both['plain'] / both['regard']:.1f}"
    )
    rate, _ = limit()
    print(
        f"  {elements / forward['regard'] / 1e9:.2f}e9 elements a second forward,"
        f" {elements / both['regard'] / 1e9:.2f}e9 both; limit {rate / 1e9:.1f}e9;"
        f" largest error {errors(shape, dtype):.1e} of the sum of |scale|",
        flush=True,
    )


def growth() -> None:
    """Time and memory of ours as the number of keys grows."""
    print("\n(batch, queries, keys, features): forward, forward+backward, memory")
    for shape in GROWTH:
        arguments = inputs(shape)
        forward, both = compiled("regard")
        first = medians({"forward": forward}, arguments[:4])["forward"]
        second = medians({"both": both}, arguments)["both"]
        used = memory("regard", shape) / 1e6
        print(f"  {shape}: {1e3 * first:.1f} ms, {1e3 * second:.1f} ms, {used:.1f} MB")


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    _backend.add_argument(parser, "jax")
    parser.add_argument("--growth", action="store_true", help="longer and longer keys")
    parser.add_argument("--smoke", action="store_true", help="one small shape, once")
    parser.add_argument(
        "--shape",
        type=json.loads,
        action="append",
        help="of these shapes alone: '[2, 512, 1024, 256]'",
    )
    parser.add_argument("--dtype", default="float32", help="of all inputs")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--keep-memory", action="store_true")
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        print(peak(options.peak[0], tuple(json.loads(options.peak[1]))))
        return
    if options.keep_memory:
        keep_freed_memory()
    print(f"{_backend.environment()}\nlimit: {limit()[1]}")
    if options.growth:
        growth()
        return
    if options.smoke:
        global ROUNDS  # noqa: PLW0603 - a run is one process
        ROUNDS = 1
    shapes = [(2, 8, 8, 16)] if options.smoke else ON_GPU if on_gpu() else SHAPES
    for shape in map(tuple, options.shape or shapes):
        report(shape, options.dtype, options.no_memory)


if __name__ == "__main__":
    main()
