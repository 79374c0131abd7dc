"""The attention of any Keras model, out of one forward pass.

``regard.observation.predictor`` runs an observed model over sequences of ids. It is
imported by its own name, because it knows ``regard.text``, which takes time to import.
"""

from regard.observation.observed import Observed, observe

__all__ = ["Observed", "observe"]
