"""Reports on trust that were saved: shown, compared, drawn as pages."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from regard.trust import TrustReport


def show_report(path: Path, html: Path | None, as_json: bool) -> str:
    """Print a report that was saved, and return its verdict."""
    report = _report(path, "BUNDLE")
    _write_page(html, report)
    print_report(report, as_json=as_json)
    return report.verdict


def print_report(report: "TrustReport", *, as_json: bool) -> None:
    """Print a report, for people or as JSON."""
    typer.echo(
        json.dumps(report.to_dict(), ensure_ascii=False)
        if as_json
        else report.to_text(),
        nl=as_json,
    )


def keep_report(report: "TrustReport", out: Path | None, html: Path | None) -> None:
    """Write a new report, and its page, where they are wanted."""
    if out is not None:
        report.save(out)
    _write_page(html, report)


def _write_page(
    path: Path | None, report: "TrustReport", before: "TrustReport | None" = None
) -> None:
    """Write the page of a report, where one is wanted."""
    if path is not None:
        from regard.plot import trust as drawn  # noqa: PLC0415 - loads Keras

        drawn(report, before=before).save(path)


def compare_reports(before: Path, after: Path, html: Path | None, as_json: bool) -> str:
    """Print what differs between two reports, and return the verdict of the later."""
    from regard.trust import changes  # noqa: PLC0415 - loads Keras

    if before.is_dir() and after.is_file() and not (before / "trust.json").is_file():
        raise typer.BadParameter(
            f"{after} is a report, and {before} has none that it could be compared "
            f"with. To look at it: regard trust {after}. To examine the model, name a "
            "file of texts.",
            param_hint="DATA",
        )
    reports = _report(before, "BUNDLE"), _report(after, "DATA")
    _write_page(html, reports[1], before=reports[0])
    said = changes(*reports)
    if as_json:
        typer.echo(json.dumps({"changes": said}, ensure_ascii=False))
    else:
        for line in said or ["Nothing changed."]:
            typer.echo(line)
    return reports[1].verdict


def _report(path: Path, hint: str) -> "TrustReport":
    """The report in a file, or in a bundle."""
    from regard.errors import DataError  # noqa: PLC0415 - loads Keras
    from regard.trust import TrustReport  # noqa: PLC0415 - loads Keras

    if path.is_dir() and not (path / "trust.json").is_file():
        wanted = "" if hint == "BUNDLE" else " Wanted is a file of texts, or a report."
        raise typer.BadParameter(
            f"{path} is a folder without a report.{wanted} To put one into a bundle: "
            "regard trust BUNDLE DATA --save",
            param_hint=hint,
        )
    try:
        return TrustReport.load(path)
    except DataError as error:
        if path.suffix == ".json" or path.is_dir():
            raise
        wanted = "a bundle, the folder that 'regard train' makes,"
        raise typer.BadParameter(
            f"{path} is neither {wanted} nor a report. Models of other kinds are "
            "examined in Python: regard.trust.examine",
            param_hint=hint,
        ) from error
