"""Programs in ONNX, which PyTorch writes."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.export import Dim
from torch.overrides import TorchFunctionMode

from regard.errors import ExportError, RegardError, shortened
from regard.exports.onnx_recurrence import TRANSLATIONS, recurrence_as_nodes
from regard.exports.traced_model import ROWS, Port, Program, TracedModel

#: The version of the operators that programs are written in.
OPSET = 18
# What a size that may be any is while the model is followed: no two are the same, and
# none is 1, which PyTorch takes for a size that never changes.
_SIZES = (3, 5, 7, 11, 13)
# What a file of Protocol Buffers may have.
_LARGEST = (1 << 31) - 1
_LOGGERS = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")


class _Module(torch.nn.Module):
    """The call of a model as a module that holds it, as the exporter wants it."""

    def __init__(self, traced: TracedModel) -> None:
        super().__init__()
        self.model = traced.model
        self._traced = traced

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        with _OfAnySize():
            outputs, weights = self._traced.call(tensors)
        return (*outputs, *weights)


class _OfAnySize(TorchFunctionMode):
    """Puts others in the place of functions that fix sizes when they are followed."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        other = _gathered if func is torch.take_along_dim else func
        return other(*args, **(kwargs or {}))


def _gathered(input: Any, indices: Any, dim: int) -> Any:  # noqa: A002 - as PyTorch's
    """``torch.take_along_dim``."""
    dim %= input.dim()
    shape = list(torch.broadcast_shapes(_without(input, dim), _without(indices, dim)))
    spread = [*shape[:dim], indices.shape[dim], *shape[dim:]]
    return torch.gather(
        input.expand(*shape[:dim], input.shape[dim], *shape[dim:]),
        dim,
        indices.expand(*spread),
    )


def _without(tensor: Any, dim: int) -> tuple[Any, ...]:
    return (*tensor.shape[:dim], *tensor.shape[dim + 1 :])


def to_onnx(traced: TracedModel) -> Program:
    """A model as a program that any ONNX runtime reads.

    Args:
        traced: The model; Keras runs on PyTorch, on a processor.

    Raises:
        ExportError: It does something that has no form in ONNX, or no form for inputs
            of any size.
    """
    dims = {
        name: Dim(name, max=None if name == ROWS else traced.longest)
        for name in traced.free
    }
    sizes = dict(zip(dims, _SIZES, strict=False))
    module = _Module(traced).eval()
    examples = tuple(_example(port, sizes) for port in traced.inputs)
    free = tuple(
        {at: dims[axis] for at, axis in enumerate(port.axes) if axis in dims}
        for port in traced.inputs
    )
    with recurrence_as_nodes(traced.model), _quiet(), torch.no_grad():
        followed = _followed(module, examples, free)
        outputs = traced.output_ports(*_outputs(followed, traced.inputs))
        written = torch.onnx.export(
            followed,
            dynamo=True,
            opset_version=OPSET,
            input_names=[port.name for port in traced.inputs],
            output_names=[port.name for port in outputs],
            custom_translation_table=TRANSLATIONS,
            verbose=False,
        )
    proto = written.model_proto
    _forget_the_source(proto)
    if proto.ByteSize() > _LARGEST:
        raise ExportError(
            "The model cannot be exported to ONNX: it has more than 2 GB of weights, "
            "which no single file of that format holds.",
            fix="Export it to StableHLO.",
        )
    return Program(proto.SerializeToString(), traced.inputs, outputs, traced.axes)


def _followed(module: _Module, examples: Any, free: Any) -> Any:
    try:
        return torch.export.export(
            module,
            examples,
            # One entry, for what the module takes by place.
            dynamic_shapes=(free,),
            strict=False,
        )
    except RegardError:
        raise
    except Exception as error:
        raise ExportError(
            "The model cannot be exported to ONNX: PyTorch cannot follow it for inputs "
            f"of any size ({shortened(' '.join(str(error).split()), 300)}).",
            expected="a model that does the same for each number of steps; a decoder, "
            "which writes step by step, does not",
            fix="Export it to StableHLO, or give its inputs a fixed length.",
        ) from error


def _example(port: Port, sizes: dict[str, int]) -> torch.Tensor:
    shape = [sizes[axis] if isinstance(axis, str) else axis for axis in port.axes]
    return torch.ones(shape, dtype=getattr(torch, port.dtype))


def _outputs(followed: Any, inputs: Sequence[Port]) -> tuple[list[Any], dict[str, str]]:
    """What stands for each output, and what the sizes of the inputs are called."""
    nodes = {node.name: node for node in followed.graph.nodes}
    given = [nodes[name] for name in followed.graph_signature.user_inputs]
    names = {
        str(size): str(axis)
        for node, port in zip(given, inputs, strict=True)
        for size, axis in zip(node.meta["val"].shape, port.axes, strict=True)
    }
    (end,) = (node for node in followed.graph.nodes if node.op == "output")
    return [each.meta["val"] for each in end.args[0]], names


def _forget_the_source(proto: Any) -> None:
    """Leave out where in the source each node was made: paths of this machine."""
    parts = [proto.graph, *proto.functions]
    for part in parts:
        for each in (part, *part.node, *getattr(part, "value_info", ())):
            del each.metadata_props[:]
            each.doc_string = ""
    for each in (*proto.graph.input, *proto.graph.output, *proto.graph.initializer):
        del each.metadata_props[:]
        each.doc_string = ""


@contextmanager
def _quiet() -> Iterator[None]:
    """Let nobody tell what cannot be changed."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in levels:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
