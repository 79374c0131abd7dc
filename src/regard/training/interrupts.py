"""Ctrl-C in training, held back until the end of the step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import keras


class InterruptBetweenSteps(keras.callbacks.Callback):
    """Raises ``KeyboardInterrupt`` between two steps of ``fit``, never within one.

    Within a step the arrays of the model are given away, and NumPy and JAX have places
    that swallow the exception, so that training would just go on. A second Ctrl-C is
    not held back. Where the user has a handler of their own, theirs stays.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pending = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hold interrupts back inside the block.

        Raises:
            KeyboardInterrupt: There was one after the last step.
        """
        if not _is_default():
            yield
            return
        signal.signal(signal.SIGINT, self._note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self._raise_pending()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes it
        """Let an interrupt through."""
        self._raise_pending()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes it
        """Let an interrupt through."""
        self._raise_pending()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._pending:
            signal.default_int_handler(number, frame)
        self._pending = True

    def _raise_pending(self) -> None:
        if self._pending:
            raise KeyboardInterrupt


def _is_default() -> bool:
    """Whether Ctrl-C is Python's own, in the only thread that may change that."""
    return (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
