"""The compiled pass on PyTorch: a graph exported with the attention in it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import keras
import torch

from regard import _compat
from regard.observation.discovery import Selection
from regard.observation.forward_pass import PassLayout, PassTensors, observed_call

Run = Callable[[Any], tuple[PassTensors, PassLayout]]


class TorchRunner:
    """Compiles observed passes of one model.

    The model is exported first: what is compiled is then a graph of tensors in which
    nothing of the observation is left. Its parameters are the model's own.
    """

    def __init__(self, model: keras.Model, selection: Selection) -> None:
        self._model = model
        self._selection = selection

    def compile(self, x: Any) -> Run:
        """A pass for inputs with the shapes and dtypes of ``x``."""
        layouts: list[PassLayout] = []
        extra = _compat.inference_arguments(self._model)

        def forward(x: Any) -> Any:
            tensors, layout = observed_call(
                lambda: self._model(x, **extra), self._selection, is_trapped_eagerly
            )
            layouts.append(layout)
            return list(tensors.outputs), list(tensors.weights)

        module = _Traced(self._model, forward)
        with torch.no_grad():
            exported = torch.export.export(module, (_tensors(x),), strict=False)
        program = torch.compile(exported.module())

        def run(x: Any) -> tuple[PassTensors, PassLayout]:
            with torch.no_grad():
                return PassTensors(*program(_tensors(x))), layouts[-1]

        return run


class _Traced(torch.nn.Module):
    """An observed pass as a module that holds the model, as the exporter wants it."""

    def __init__(self, model: keras.Model, forward: Callable[[Any], Any]) -> None:
        super().__init__()
        self.model = model
        self._forward = forward

    def forward(self, x: Any) -> Any:
        return self._forward(x)


def _tensors(x: Any) -> Any:
    return keras.tree.map_structure(keras.ops.convert_to_tensor, x)


def is_trapped_eagerly(weights: torch.Tensor) -> bool:
    """Whether weights of an eager pass are those of a vectorised function inside it."""
    return torch._C._functorch.is_functorch_wrapped_tensor(weights)


def without_gradients() -> AbstractContextManager[Any]:
    """A scope in which nothing is kept for a backward pass."""
    return torch.no_grad()


def make_runner(
    model: keras.Model, selection: Selection, jit_compile: bool
) -> TorchRunner | None:
    """Compiled passes, None where Keras runs the model eagerly, as it does unasked."""
    return TorchRunner(model, selection) if jit_compile else None
