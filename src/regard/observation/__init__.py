"""The attention of any Keras model, out of one forward pass."""

from regard.observation.observed import Observed, observe

__all__ = ["Observed", "observe"]
