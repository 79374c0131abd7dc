"""Attributions: what each position of an input did for an output of the model.

Each is a function from a model, inputs and a target to a score for each position. They
are what attention is held against, and none of them is the truth.
"""

from regard.explain.attribution import Attribution
from regard.explain.contribution import contribution, value_norm
from regard.explain.gradients import gradient_x_input, integrated_gradients
from regard.explain.leave_one_out import leave_one_out
from regard.explain.rollout import rollout

__all__ = [
    "Attribution",
    "contribution",
    "gradient_x_input",
    "integrated_gradients",
    "leave_one_out",
    "rollout",
    "value_norm",
]


def __dir__() -> list[str]:
    # What is for users, without the modules that it is made of.
    return __all__
