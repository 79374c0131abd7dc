"""Programs in StableHLO, which JAX writes and reads."""

from typing import Any

import jax
from jax import export

from regard.errors import ExportError, RegardError, shortened
from regard.exports.traced_model import ROWS, Port, Program, TracedModel

# It runs on each of these, wherever it was written.
_PLATFORMS = ("cpu", "cuda", "tpu")


def to_stablehlo(traced: TracedModel) -> Program:
    """A model as a program that ``jax.export.deserialize`` reads.

    Its inputs go by their names: ``program.call(tokens=ids)``. It gives a dictionary.

    Args:
        traced: The model; Keras runs on JAX, on a processor.

    Raises:
        ExportError: It does not do the same for inputs of any size.
    """
    bounds = [
        f"{name} <= {traced.longest}"
        for name in traced.free
        if traced.longest is not None and name != ROWS
    ]
    scope = export.SymbolicScope(bounds)
    inputs = {
        port.name: jax.ShapeDtypeStruct(
            export.symbolic_shape(f"{', '.join(map(str, port.axes))},", scope=scope),
            port.dtype,
        )
        for port in traced.inputs
    }
    ports: list[Port] = []

    def program(**given: Any) -> dict[str, Any]:
        outputs, weights = traced.call([given[port.name] for port in traced.inputs])
        tensors = [*outputs, *weights]
        ports[:] = traced.output_ports(tensors)
        return {port.name: each for port, each in zip(ports, tensors, strict=True)}

    try:
        exported = export.export(jax.jit(program), platforms=_PLATFORMS)(**inputs)
    except RegardError:
        raise
    except Exception as error:
        raise ExportError(
            "The model cannot be exported to StableHLO: JAX cannot follow it for "
            f"inputs of any size ({shortened(' '.join(str(error).split()), 300)}).",
            fix="Give its inputs a fixed length.",
        ) from error
    outputs = tuple(ports)
    return Program(bytes(exported.serialize()), traced.inputs, outputs, traced.axes)
