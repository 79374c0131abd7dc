"""``regard export``: a trained model as a file that runs without Keras."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from regard_cli.environment import prepare
from regard_cli.models import load_model
from regard_cli.options import Bundle
from regard_cli.targets import check_writable

if TYPE_CHECKING:
    from regard.exports import Exported

_FORMATS = ("onnx", "stablehlo")


def export(
    *,
    bundle: Bundle,
    out: Annotated[Path, typer.Option(help="The file to write, .onnx or .stablehlo.")],
    file_format: Annotated[
        Literal["onnx", "stablehlo"] | None,
        typer.Option("--format", help="The format of a file of another ending."),
    ] = None,
    reader: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.py",
            help="Also write the Python module that makes inputs out of texts, with "
            "numpy and tokenizers alone.",
        ),
    ] = None,
) -> None:
    """Write a text classifier as a program for ONNX Runtime or JAX, with its attention.

    It has the outputs 'probabilities' and 'attention', runs on any number of texts of
    any length, and is compared with the model before it is written. ONNX is written by
    PyTorch, which has to be installed.
    """
    if file_format is None and out.suffix.lower() not in {f".{n}" for n in _FORMATS}:
        raise typer.BadParameter(
            f"{out} ends in neither .onnx nor .stablehlo: --format", param_hint="--out"
        )
    check_writable(out, "--out")
    if reader is not None:
        if reader.suffix != ".py":
            raise typer.BadParameter(
                f"{reader} does not end in .py", param_hint="--reader"
            )
        check_writable(reader, "--reader")
    prepare()
    import regard  # noqa: PLC0415 - loads Keras

    model = load_model(bundle)
    exported = regard.export(model, out, format=file_format, reader=reader)
    typer.echo(_described(exported))
    written = [each for each in (out, exported.beside, reader) if each is not None]
    typer.echo(f"Wrote {', '.join(map(str, written))}.", err=True)


def _described(exported: "Exported") -> str:
    kind = {"onnx": f"ONNX, opset {exported.opset}"}.get(exported.format, "StableHLO")
    lines = [f"{kind}, {exported.size:,} bytes"]
    lines += [f"input  {port}" for port in exported.inputs]
    lines += [f"output {port}" for port in exported.outputs]
    lines.append(f"largest difference from the model {exported.difference:.1e}")
    return "\n".join(lines)
