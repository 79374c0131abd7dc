"""The masked softmax under the name that it was published by first."""

# ``regard.ops.normalise.masked_softmax`` is documented: a name that others may use.
from regard.ops.softmax import masked_softmax

__all__ = ["masked_softmax"]
