"""What every model of a comparison may use."""

from dataclasses import dataclass

from regard._validate import check_count, check_number
from regard.errors import ArgumentError


@dataclass(frozen=True)
class Budget:
    """What every model of a comparison may use.

    Args:
        samples: The number of training samples, each seen once.
        batch: How many of them make a step.
        test: The number of fresh samples to answer after the training.
        units: The width of the recurrent layers.
        learning_rate: The step size of Adam.

    Raises:
        ArgumentError: A number is out of range, or there are fewer samples than make
            a step.
    """

    samples: int = 5_000
    batch: int = 1
    test: int = 1_000
    units: int = 150
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("samples", "batch", "test", "units"):
            check_count(name, getattr(self, name), of="a budget")
        check_number("learning_rate", self.learning_rate, above=0, of="a budget")
        if self.batch > self.samples:
            raise ArgumentError(
                "There are fewer samples than make a step.",
                expected=f"samples of batch={self.batch} or more",
                received=f"samples={self.samples}",
            )

    @property
    def steps(self) -> int:
        """The number of training steps; what is left over is not seen."""
        return self.samples // self.batch
