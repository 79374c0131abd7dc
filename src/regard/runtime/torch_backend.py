"""Programs on PyTorch: run as they are, or exported as a graph and compiled."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

import keras
import torch

from regard import _compat
from regard.runtime.compilation import Backend, Compiler, EagerProgram, Function


class TorchBackend:
    """PyTorch, which runs eagerly where it is not asked to compile."""

    jit_by_default = False
    has_graphs = False
    # It keeps the interpreter while it runs.
    gains_from_threads = False

    @property
    def is_on_gpu(self) -> bool:
        """See ``Backend``."""
        return torch.cuda.is_available()

    def compiler(self, model: keras.Model) -> Compiler:
        """See ``Backend``."""
        return _TorchCompiler(model)

    def predict_call(self, model: keras.Model, x: Any) -> Any:
        """See ``Backend``."""
        return model(x, **_compat.inference_arguments(model))

    def predict_step(self, model: keras.Model, batch: Any) -> Any:
        """See ``Backend``."""
        return model.predict_step(batch)

    def batches(self, adapter: Any) -> Iterable[Any]:
        """See ``Backend``."""
        return cast(Iterable[Any], adapter.get_torch_dataloader())

    def form(self, array: Any) -> Hashable:
        """See ``Backend``."""
        layout = getattr(array, "layout", torch.strided)
        return None if layout == torch.strided else layout

    def marks(self, model: keras.Model) -> Sequence[int] | None:
        """See ``Backend``: PyTorch counts what is written to a tensor."""
        state = map(_compat.raw_value, model.non_trainable_variables)
        try:
            return [value._version for value in state]
        except RuntimeError:  # a model made in ``torch.inference_mode``
            return None

    def watch(self, variables: Sequence[keras.Variable]) -> Callable[[], bool]:
        """See ``Backend``: what is written past a tensor's counter is not seen."""

        def state() -> list[tuple[Any, int]]:
            values = map(_compat.raw_value, variables)
            return [(value, value._version) for value in values]

        try:
            before = state()
        except RuntimeError:  # a model made in ``torch.inference_mode``
            return lambda: False
        return lambda: all(
            old is new and number == now
            for (old, number), (new, now) in zip(before, state(), strict=True)
        )

    def without_gradients(self) -> AbstractContextManager[Any]:
        """See ``Backend``."""
        return torch.no_grad()

    def gradient(self, function: Function, at: Any) -> tuple[Any, Any]:
        """See ``Backend``."""
        leaf = at.detach().requires_grad_(True)
        with torch.enable_grad():
            value, rest = function(leaf)
        if not value.requires_grad:
            return torch.zeros_like(leaf), rest
        (gradient,) = torch.autograd.grad(value, leaf, allow_unused=True)
        return torch.zeros_like(leaf) if gradient is None else gradient, rest

    def is_trapped(self, tensor: Any, in_program: bool) -> bool:  # noqa: ARG002 - alike
        """See ``Backend``: only vectorised functions keep their tensors."""
        return bool(torch._C._functorch.is_functorch_wrapped_tensor(tensor))

    def to_numpy(self, tensors: Any) -> Any:
        """See ``Backend``."""
        return keras.tree.map_structure(keras.ops.convert_to_numpy, tensors)

    def has_threads(self, has_run: bool) -> bool:
        """See ``Backend``: those of OpenMP, or of a driver."""
        return torch.cuda.is_initialized() or (has_run and torch.get_num_threads() > 1)


class _TorchCompiler:
    """Exports and compiles, or runs a function as it is."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model

    def compile(
        self, function: Function, arguments: tuple[Any, ...], jit_compile: bool
    ) -> Function:
        """See ``Compiler``.

        What is compiled was exported first: a graph of tensors in which nothing of the
        function is left. Its parameters are the model's own.
        """
        program: Function = EagerProgram(self._model, function)
        if jit_compile:
            module = _Exportable(self._model, function)
            with torch.no_grad():
                exported = torch.export.export(
                    module, _tensors(arguments), strict=False
                )
            program = torch.compile(exported.module())

        def run(*arguments: Any) -> Any:
            with torch.no_grad():
                return program(*_tensors(arguments))

        return run


class _Exportable(torch.nn.Module):
    """A function as a module that holds its model, as the exporter wants it."""

    def __init__(self, model: keras.Model, function: Function) -> None:
        super().__init__()
        self.model = model
        self._function = function

    def forward(self, *arguments: Any) -> Any:
        return self._function(*arguments)


def _tensors(arguments: Any) -> Any:
    return keras.tree.map_structure(keras.ops.convert_to_tensor, arguments)


BACKEND: Backend = TorchBackend()
