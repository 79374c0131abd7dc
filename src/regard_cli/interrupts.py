"""Ctrl-C while nothing is lost by it."""

import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from types import FrameType

# As a shell tells of a program that an interrupt ended.
INTERRUPTED = 130


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Let Ctrl-C end the process inside the block, as it ends a program in C.

    For what loads and writes nothing: there Python's exception gets lost, or becomes a
    traceback. Imports, JAX's callback of the garbage collector and others swallow it
    and go on.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    # Another thread than the main one may not say what a signal does.
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        with suppress(ValueError):
            signal.signal(signal.SIGINT, signal.default_int_handler)


def listen() -> None:
    """Let Ctrl-C be Python's again inside of ``ending_at_once``: work begins."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        with suppress(ValueError):
            signal.signal(signal.SIGINT, signal.default_int_handler)


def telling_that_it_ends() -> AbstractContextManager[None]:
    """A block in which Ctrl-C is answered at once where it waits for a step to end."""
    from regard.training.callbacks import telling_of_interrupts  # noqa: PLC0415 - loads Keras

    return telling_of_interrupts(_say_it_ends)


@contextmanager
def telling_at_once() -> Iterator[None]:
    """A block that Ctrl-C ends, and is answered before what runs there has ended.

    A thread that runs a model ends after its batch, and files are closed.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def tell(number: int, frame: FrameType | None) -> None:
        _say(b"\nCtrl-C: ending after what is being computed.\n")
        signal.default_int_handler(number, frame)

    # Another thread than the main one may not say what a signal does.
    with suppress(ValueError):
        signal.signal(signal.SIGINT, tell)
    try:
        yield
    finally:
        with suppress(ValueError):
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _say_it_ends() -> None:
    _say(b"\nCtrl-C: ending after this step.\n")


def _say(line: bytes) -> None:
    # Past the buffers of Python, which a signal may come in the middle of.
    with suppress(OSError):
        os.write(2, line)
