"""``regard legacy convert``: a model of Keras 2 as a file of Keras 3."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from regard_cli.environment import prepare
from regard_cli.targets import check_writable

if TYPE_CHECKING:
    from regard.legacy.conversion import ConvertedModel


def legacy_convert(
    *,
    old: Annotated[
        Path, typer.Argument(metavar="OLD", help="The .h5 file of a whole model.")
    ],
    out: Annotated[Path, typer.Option(help="The .keras file to write.")],
    step_dim: Annotated[
        int | None, typer.Option(min=1, help="The length of the sequences.")
    ] = None,
    variant: Annotated[
        Literal["dot_product", "kdot"] | None,
        typer.Option(help="Which AttentionWithContext it is."),
    ] = None,
    version: Annotated[
        Literal["0.51", "0.41"] | None,
        typer.Option(help="Of keras-self-attention."),
    ] = None,
    modern: Annotated[
        bool,
        typer.Option("--modern", help="Use regard.layers where they agree."),
    ] = False,
) -> None:
    """Convert an old model with attention layers to a file that Keras 3 loads.

    The layers and what had to be inferred are printed. Where a file can be read in
    two ways, the message names the option that decides.
    """
    prepare()
    if out.suffix != ".keras":
        raise typer.BadParameter(f"{out} does not end in .keras", param_hint="--out")
    check_writable(out, "--out")
    from regard._files import staged_file  # noqa: PLC0415 - loads Keras
    from regard.legacy import to_modern  # noqa: PLC0415 - loads Keras
    from regard.legacy.conversion import convert  # noqa: PLC0415 - loads Keras
    from regard.legacy.recognition import LoadOptions  # noqa: PLC0415 - loads Keras

    converted = convert(old, LoadOptions(step_dim, variant, version))
    typer.echo(_described(converted))
    model = to_modern(converted.model) if modern else converted.model
    with staged_file(out) as staged:
        model.save(staged)
    typer.echo(f"Wrote {out}.", err=True)


def _described(converted: "ConvertedModel") -> str:
    file = converted.file
    lines = [f"{file.layout}; Keras {file.keras_version}"]
    for layer in converted.model.layers:
        count = f"{layer.count_params():,} weights" if layer.weights else "no weights"
        lines.append(f"  {layer.name}: {type(layer).__name__}, {count}")
    lines += [f"inferred: {setting}" for setting in converted.inferred]
    return "\n".join(lines)
