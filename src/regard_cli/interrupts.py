"""Ctrl-C while nothing is lost by it."""

import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

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


def _say_it_ends() -> None:
    # Past the buffers of Python, which a signal may come in the middle of.
    with suppress(OSError):
        os.write(2, b"\nCtrl-C: ending after this step.\n")
