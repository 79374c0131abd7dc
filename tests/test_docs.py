"""The code in the README, in docs/ and in examples/ runs as it stands.

Each page has the packages of the install that it tells, and no others; no backend is
chosen. What needs more than that has to say so.
"""

import functools
import re
import shlex
import subprocess
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.core import TyperGroup
from typer.main import get_command

import documented_install
import toy
import toy_pairs
from regard_cli.app import app

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
CORE: frozenset[str] = frozenset()


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)


def extras_of(page: Path) -> frozenset[str]:
    """What a page says its reader needs; a reader of the README installs once."""
    told = documented_install.extras(page.read_text("utf-8"))
    return frozenset().union(*(told[:1] if page == README else told))


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """The folder of packages that an install with these extras brings."""

    @functools.cache
    def installed(extras: frozenset[str]) -> Path:
        folder = tmp_path_factory.mktemp("install")
        try:
            return documented_install.install(folder, extras)
        except PackageNotFoundError as error:
            pytest.skip(f"{error.name} belongs to the install, and is not here")

    return installed


@pytest.fixture
def run(installed, tmp_path):
    """Runs Python as a reader does; its errors."""

    def run(*arguments: str | Path, extras: frozenset[str], code: int = 0) -> str:
        python, environment = documented_install.python(installed(extras), tmp_path)
        process = subprocess.run(
            [*python, *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == code, process.stderr[-2000:]
        return process.stderr

    return run


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name
)
def test_the_code_of_a_page_runs_in_its_order(page, run, tmp_path):
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks(page)), "utf-8")
    run(script, extras=extras_of(page))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs(example, run):
    run(example, extras=extras_of(README))


@pytest.mark.parametrize(
    ("extras", "code", "missing"),
    [
        (CORE, "import tensorflow", "tensorflow"),
        (CORE, "import keras", "tensorflow"),
        (CORE, "import torch", "torch"),
        (CORE, "import pytest", "pytest"),
        (CORE, "import matplotlib", "matplotlib"),
        (CORE, "from importlib.metadata import version\nversion('torch')", "torch"),
        (frozenset({"plot"}), "import matplotlib\nimport pyarrow", "pyarrow"),
    ],
)
def test_what_an_install_does_not_bring_is_not_there(
    run, tmp_path, extras, code, missing
):
    script = tmp_path / "missing.py"
    script.write_text(code, "utf-8")
    assert missing in run(script, extras=extras, code=1).splitlines()[-1]


def test_the_readme_names_the_backend_where_it_says_how_to_install():
    install = README.read_text("utf-8").split("## Install")[1]
    assert "KERAS_BACKEND" in install.split("\n## ")[0]


def shell_lines(page: Path) -> list[str]:
    fences = re.findall(r"^```\w*\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
    lines = "".join(fences).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("regard ")]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if shell_lines(page)], ids=lambda page: page.name
)
def test_the_commands_of_a_page_have_these_options(page):
    for line in shell_lines(page):
        command, name, arguments = get_command(app), "regard", arguments_of(line)
        while isinstance(command, TyperGroup):
            name, *arguments = arguments
            command = command.commands[name]
        command.make_context(name, arguments)


def arguments_of(line: str) -> list[str]:
    """The arguments of a command; what the shell does with its output is its own."""
    return shlex.split(re.split(r" [>|&]", line)[0], comments=True)[1:]


@pytest.mark.slow
def test_the_commands_of_the_readme_run(run, tmp_path):
    texts, labels = toy.messages(80)
    rows = [f"{text},{label}" for text, label in zip(texts, labels, strict=True)]
    for name in ("reviews.csv", "test.csv"):
        (tmp_path / name).write_text("\n".join(["text,label", *rows]), "utf-8")
    (tmp_path / "new_reviews.csv").write_text("\n".join(["text", *texts[:3]]), "utf-8")
    pq.write_table(pa.table({"text": texts}), tmp_path / "texts.parquet")
    pairs = map("\t".join, zip(*toy_pairs.sentences(200, seed=0), strict=True))
    (tmp_path / "pairs.tsv").write_text("\n".join(["de\ten", *pairs]), "utf-8")
    ran = 0
    for line in shell_lines(README):
        # The one never ends, the other takes minutes; both are tested elsewhere.
        if not line.startswith(("regard serve", "regard compare")):
            run("-m", "regard_cli", *arguments_of(line), extras=extras_of(README))
            ran += 1
    assert ran >= 6
    assert (tmp_path / "why.html").exists()
    assert (tmp_path / "out.html").exists()


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
