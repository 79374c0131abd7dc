"""The distribution is whole, and reads on a package index."""

import ast
import re
import subprocess
import sys
from email.parser import Parser
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest

pytest.importorskip("hatchling", reason="needs hatchling to build a wheel")

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments, **options):
    process = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    assert process.returncode == 0, process.stderr[-2000:]
    return process.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run("-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def metadata(wheel):
    with ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("/METADATA"))
        return Parser().parsestr(archive.read(name).decode("utf-8"))


def test_every_file_of_the_source_is_in_it(wheel):
    packed = set(ZipFile(wheel).namelist())
    source = ROOT / "src"
    files = (path for path in source.rglob("*") if path.is_file())
    wanted = {
        path.relative_to(source).as_posix()
        for path in files
        if "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    assert len(wanted) > 100
    assert wanted <= packed


def test_it_runs_where_it_is_unpacked(wheel, tmp_path):
    ZipFile(wheel).extractall(tmp_path)
    code = "import regard; print(regard.__file__)"
    # Isolated from the checkout: only what was unpacked is on the path.
    begin = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
    assert run("-c", begin + code, cwd=tmp_path).startswith(str(tmp_path))
    command = "from regard_cli import main; main(['--version'])"
    assert run("-c", begin + command, cwd=tmp_path).strip()


def test_links_and_pictures_lead_out_of_the_index(metadata):
    text = metadata.get_payload()
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert len(targets) > 10
    assert all(target.startswith("https://") for target in targets)
    assert "docs/images/" in text


def test_what_is_imported_is_declared(metadata):
    lines = metadata.get_all("Requires-Dist")
    declared = {re.split(r"[<>=; \[]", line)[0] for line in lines}
    core = {re.split(r"[<>=; ]", line)[0] for line in lines if "extra ==" not in line}
    expected = {"h5py", "jax", "keras", "ml-dtypes", "numpy", "rich", "scipy"}
    expected |= {"tokenizers", "typer"}
    assert core == expected
    distributions = packages_distributions()
    for name in imported_from_elsewhere():
        owners = distributions.get(name, [name])
        assert {n.lower().replace("_", "-") for n in owners} & declared, name


def imported_from_elsewhere() -> set[str]:
    """The packages that the source imports, wherever it does."""
    names = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"regard", "regard_cli"}


def test_the_index_is_told_where_the_project_lives(metadata):
    assert len(metadata.get_all("Project-URL")) >= 3
    assert metadata["Author"]
