"""The backend of a benchmark: chosen before Keras is imported, and reported."""

import argparse
import importlib
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

BACKENDS = ("jax", "tensorflow", "torch")


def choose_backend(default: str, choices: Sequence[str] = BACKENDS) -> str:
    """The backend that ``--backend`` names, for ``KERAS_BACKEND``.

    What is installed, and what the variable was before, has no say.

    Args:
        default: The backend that the benchmark is about.
        choices: The backends it can run on.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    add_argument(parser, default, choices)
    backend = parser.parse_known_args()[0].backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    loaded = sys.modules.get("keras")
    if loaded is not None and loaded.backend.backend() != backend:
        raise SystemExit(
            f"Keras runs on {loaded.backend.backend()} already, not on {backend}."
        )
    return backend


def add_argument(
    parser: argparse.ArgumentParser, default: str, choices: Sequence[str] = BACKENDS
) -> None:
    """Let a command line name the backend."""
    parser.add_argument(
        "--backend",
        choices=choices,
        default=default,
        help=f"what Keras runs on; {default} by default",
    )


def environment() -> str:
    """Backend, versions and processor, for the first line of a report."""
    import keras

    import regard

    backend = keras.backend.backend()
    library = importlib.import_module(backend)
    return (
        f"Keras {keras.__version__} on {backend} {library.__version__}, "
        f"regard {regard.__version__}, Python {platform.python_version()}; "
        f"{processor()}, {len(os.sched_getaffinity(0))} cores{accelerator(backend)}"
    )


def processor() -> str:
    """The processor, as it calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def accelerator(backend: str) -> str:
    """The accelerator that the backend computes on, where there is one."""
    if backend == "jax":
        import jax

        kinds = [each.device_kind for each in jax.devices() if each.platform != "cpu"]
    elif backend == "tensorflow":
        import tensorflow as tf

        kinds = [each.name for each in tf.config.list_physical_devices("GPU")]
    else:
        import torch

        count = torch.cuda.device_count()
        kinds = [torch.cuda.get_device_name(index) for index in range(count)]
    return f"; {', '.join(kinds)}" if kinds else ""
