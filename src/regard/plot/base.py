"""What every plot can do: show itself in a notebook and save itself to a file."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path

from regard._files import write_file
from regard.errors import ArgumentError


class Plot(ABC):
    """Data that draws itself; in a notebook the object shows itself."""

    @abstractmethod
    def to_html(self) -> str:
        """The whole page: no network, no script, every text in it escaped."""

    def save(self, path: str | PathLike[str]) -> None:
        """Write the plot to a file; the suffix says what it becomes.

        Raises:
            ArgumentError: The suffix is unknown, or the folder does not exist.
            MissingExtraError: A picture without matplotlib.
        """
        path = Path(path)
        writers = self._writers()
        suffix = path.suffix.lower()
        if suffix not in writers:
            raise ArgumentError(
                f"{path} cannot be written: the suffix '{path.suffix}' is unknown.",
                expected=f"one of {', '.join(writers)}",
            )
        write_file(path, writers[suffix]())

    def _writers(self) -> Mapping[str, Callable[[], bytes]]:
        """What makes the bytes of a file, by its suffix."""
        return {
            ".html": lambda: self.to_html().encode("utf-8"),
            ".txt": lambda: str(self).encode("utf-8"),
            ".png": lambda: self._picture("png"),
            ".svg": lambda: self._picture("svg"),
        }

    @abstractmethod
    def _picture(self, kind: str) -> bytes:
        """The bytes of a ``png`` or ``svg`` file."""

    @abstractmethod
    def _repr_html_(self) -> str: ...

    @abstractmethod
    def __str__(self) -> str: ...

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        # Plain text travels along for viewers that strip styles.
        return {"text/html": self._repr_html_(), "text/plain": str(self)}
