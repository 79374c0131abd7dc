"""The code in the README, in docs/ and in examples/ runs as it stands.

Each page has the packages of the install that it tells, and no others; no backend is
chosen. What needs more than that has to say so.
"""

import ast
import functools
import os
import re
import shlex
import subprocess
import sys
import venv
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, packages_distributions
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from packaging.utils import canonicalize_name
from typer.core import TyperGroup
from typer.main import get_command

import documented_install
import toy
import toy_pairs
from regard_cli.app import app

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
# The site runs the code of the gallery, in the same way, to have its pictures.
GALLERY = ROOT / "docs" / "gallery"
# A tutorial is a page around the lines of an example, which is what runs.
TUTORIALS = ROOT / "docs" / "tutorials"
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
CORE: frozenset[str] = frozenset()


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)


def extras_of(page: Path) -> frozenset[str]:
    """What a page says its reader needs; a reader of the README installs once."""
    told = documented_install.extras(page.read_text("utf-8"))
    extras = frozenset().union(*(told[:1] if page == README else told))
    return extras | documented_install.others(page.read_text("utf-8"))


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


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix().removeprefix("docs/")


def extras_name(extras: frozenset[str]) -> str:
    return ",".join(sorted(extras)) or "core"


WITH_CODE = [page for page in PAGES if blocks(page)]


@pytest.mark.parametrize(
    "page",
    [page for page in WITH_CODE if page.parent not in {GALLERY, TUTORIALS}],
    ids=name_of,
)
def test_the_code_of_a_page_runs_in_its_order(page, run, tmp_path):
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks(page)), "utf-8")
    run(script, extras=extras_of(page))


@pytest.fixture(scope="module")
def owners():
    """The distributions that each package which can be imported is from."""
    return packages_distributions()


@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
def test_the_install_of_a_page_brings_what_its_code_imports(page, owners):
    code = "\n".join(blocks(page))
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(code))
        for name in imports_of(node)
    }
    # A page may import a module that it has written before.
    imported -= set(re.findall(r'"(\w+)\.py"', code))
    try:
        brought = documented_install.distributions(extras_of(page))
    except PackageNotFoundError as error:
        pytest.skip(f"{error.name} belongs to the install, and is not here")
    for name in imported - sys.stdlib_module_names - {"regard"}:
        owned = set(map(canonicalize_name, owners.get(name, [name])))
        assert owned & brought, f"{name} needs an install line on the page"


def imports_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_install_lines_of_a_page_name_extras_that_there_are(page):
    told = documented_install.extras(page.read_text("utf-8"))
    there = documented_install.PROJECT["optional-dependencies"]
    assert frozenset().union(*told) <= set(there)


@pytest.mark.slow
@pytest.mark.parametrize(
    "extras", sorted(set(map(extras_of, WITH_CODE)), key=sorted), ids=extras_name
)
def test_pages_run_from_a_fresh_install(extras, tmp_path):
    python = tmp_path / "environment" / "bin" / "python"
    venv.create(tmp_path / "environment", with_pip=True)
    ours = extras & set(documented_install.PROJECT["optional-dependencies"])
    wanted = f"{ROOT}[{','.join(sorted(ours))}]" if ours else str(ROOT)
    constraints = ["-c", str(ROOT / "constraints.txt")]
    beside = sorted(extras - ours)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    pip = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        *constraints,
        wanted,
        *beside,
    ]
    done = subprocess.run([*pip, *beside], capture_output=True, text=True, check=False)
    if "No matching distribution found" in done.stderr:
        pytest.skip("needs a package index")
    assert done.returncode == 0, done.stderr[-2000:]
    failed = {}
    for page in WITH_CODE:
        if extras_of(page) == extras:
            done = subprocess.run(
                [str(python), "-c", "\n".join(blocks(page))],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                failed[name_of(page)] = done.stderr[-1000:]
    assert failed == {}


def tutorial_of(example: Path) -> Path:
    return TUTORIALS / f"{example.stem.replace('_', '-')}.md"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs(example, run):
    page = tutorial_of(example)
    run(example, extras=extras_of(page if page.exists() else README))


@pytest.mark.parametrize(
    "page", [page for page in WITH_CODE if page.parent == TUTORIALS], ids=name_of
)
def test_a_tutorial_has_the_lines_of_its_example(page):
    example = ROOT / "examples" / f"{page.stem.replace('-', '_')}.py"
    _, *statements = ast.parse(example.read_text("utf-8")).body  # but its docstring
    told = ast.parse("\n".join(blocks(page))).body
    assert list(map(ast.dump, told)) == list(map(ast.dump, statements))


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
    "page", [page for page in PAGES if shell_lines(page)], ids=name_of
)
def test_the_commands_of_a_page_have_these_options(page):
    for line in shell_lines(page):
        command, name, arguments = get_command(app), "regard", arguments_of(line)
        while isinstance(command, TyperGroup):
            name, *arguments = arguments
            command = command.commands[name]
        # Some options answer by themselves.
        with suppress(typer.Exit):
            command.make_context(name, arguments)


def arguments_of(line: str) -> list[str]:
    """The arguments of a command; what the shell does with its output is its own."""
    return shlex.split(re.split(r" [>|&]", line)[0], comments=True)[1:]


def test_the_commands_of_the_start_run(run, tmp_path):
    page = ROOT / "docs" / "start.md"
    (tmp_path / "make.py").write_text("\n".join(blocks(page)), "utf-8")
    run("make.py", extras=CORE)
    lines = shell_lines(page)
    assert len(lines) == 3
    # The third measures trust for a minute; the tests of its command do.
    for line in lines[:2]:
        run("-m", "regard_cli", *arguments_of(line), extras=CORE)
    assert "parcel" in (tmp_path / "why.html").read_text("utf-8")


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
