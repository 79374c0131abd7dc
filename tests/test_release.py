"""What a release needs beside the distribution: citation, image, the script itself."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts"

# What version 1.2.0 of the Citation File Format asks for, of what this file has.
# https://github.com/citation-file-format/citation-file-format/blob/1.2.0/schema.json
REQUIRED = {"authors", "cff-version", "message", "title"}
ALLOWED = REQUIRED | {
    "abstract",
    "commit",
    "contact",
    "date-released",
    "doi",
    "identifiers",
    "keywords",
    "license",
    "license-url",
    "preferred-citation",
    "references",
    "repository",
    "repository-artifact",
    "repository-code",
    "type",
    "url",
    "version",
}
OF_AN_ENTITY = {"name", "website", "email", "orcid", "alias", "address", "city"}
OF_A_PERSON = {"family-names", "given-names", "affiliation", "orcid", "email"}


@pytest.fixture(scope="module")
def release() -> ModuleType:
    sys.path.insert(0, str(SCRIPTS))
    try:
        spec = importlib.util.spec_from_file_location("release", SCRIPTS / "release.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(SCRIPTS))
    return module


def test_the_citation_is_one():
    yaml = pytest.importorskip("yaml", reason="needs PyYAML")
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert set(cited) <= ALLOWED
    assert set(cited) >= REQUIRED
    assert cited["cff-version"] == "1.2.0"
    assert cited["type"] in {"software", "dataset"}
    assert cited["license"] == "Apache-2.0"
    assert cited["repository-code"].startswith("https://")
    for name in ("message", "title", "abstract", "version"):
        assert isinstance(cited[name], str)
    assert cited["keywords"]
    assert all(isinstance(each, str) for each in cited["keywords"])
    assert cited["authors"]
    for author in cited["authors"]:
        assert set(author) <= (OF_AN_ENTITY if "name" in author else OF_A_PERSON)


def test_all_files_name_one_version(release):
    import regard

    assert release.released_version(rehearse=True) == regard.__version__


@pytest.fixture
def copied(release, tmp_path, monkeypatch):
    for name in ("CHANGELOG.md", "CITATION.cff", "Dockerfile"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "src" / "regard").mkdir(parents=True)
    shutil.copy(ROOT / "src/regard/_version.py", tmp_path / "src/regard")
    monkeypatch.setattr(release, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["CHANGELOG.md", "CITATION.cff", "Dockerfile"])
def test_versions_that_differ_are_no_release(release, copied, name):
    version = release.released_version(rehearse=True)
    path = copied / name
    path.write_text(path.read_text("utf-8").replace(version, "9.9.9", 1), "utf-8")
    with pytest.raises(release.NotReadyError, match="the versions differ"):
        release.released_version(rehearse=True)


def test_a_release_has_a_date(release, copied):
    path = copied / "CHANGELOG.md"
    text = re.sub(
        r"^## (\S+) - .*$", r"## \1 - unreleased", path.read_text(), flags=re.M
    )
    path.write_text(text)
    with pytest.raises(release.NotReadyError, match="no date"):
        release.released_version(rehearse=False)
    path.write_text(text.replace("unreleased", "2026-12-01", 1))
    assert release.released_version(rehearse=False)


def test_a_tree_with_changes_is_no_release(release, monkeypatch):
    said = {"status": " M README.md\n", "tag": ""}
    monkeypatch.setattr(release, "run", lambda _, command, *__: said[command])
    with pytest.raises(release.NotReadyError, match=r"changes:  M README\.md"):
        release.check_tree("1.0")
    said |= {"status": "", "tag": "v1.0\n"}
    with pytest.raises(release.NotReadyError, match="tagged already"):
        release.check_tree("1.0")
    said["tag"] = ""
    release.check_tree("1.0")


def test_what_is_built_holds_our_files_and_no_others(release, tmp_path, monkeypatch):
    pytest.importorskip("hatchling", reason="needs hatchling to build a wheel")
    if not (ROOT / ".git").exists():
        pytest.skip("needs the history of the project")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,), (sdist,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    release.check_wheel(wheel)
    release.check_sdist(sdist)
    with ZipFile(wheel, "a") as archive:
        archive.writestr("regard/notes.txt", "")
    with pytest.raises(release.NotReadyError, match=r"stray \['regard/notes\.txt'\]"):
        release.check_wheel(wheel)
    known = release.tracked()
    monkeypatch.setattr(release, "tracked", lambda: known - {"README.md"})
    with pytest.raises(release.NotReadyError, match=r"stray \['README\.md'\]"):
        release.check_sdist(sdist)
    release.write_components(wheel, "1", [{"name": "JAX", "version": "2"}])
    parts = json.loads((tmp_path / "regard-1.cdx.json").read_text("utf-8"))
    assert [part["purl"] for part in parts["components"]] == ["pkg:pypi/jax@2"]


def test_a_command_that_fails_says_what_it_said(release):
    with pytest.raises(release.NotReadyError, match="no such thing"):
        release.run(sys.executable, "-c", "raise SystemExit('no such thing')")


def hadolint() -> str | None:
    beside = Path(sys.executable).with_name("hadolint")
    return str(beside) if beside.exists() else shutil.which("hadolint")


@pytest.mark.skipif(hadolint() is None, reason="needs hadolint")
def test_the_image_is_made_as_images_are():
    linted = subprocess.run(
        [hadolint(), "--no-color", "--failure-threshold", "style", "Dockerfile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout


def instructions() -> list[str]:
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_image_is_no_root_has_a_check_and_is_told_to_end():
    lines = instructions()
    last = lines[max(at for at, line in enumerate(lines) if line.startswith("FROM")) :]
    words = {line.split()[0]: line for line in last}
    assert re.fullmatch(r"USER [1-9]\d+:[1-9]\d+", words["USER"])
    assert "/healthz" in words["HEALTHCHECK"]
    # Without a shell between, which would keep the signal to itself.
    assert words["ENTRYPOINT"].split(maxsplit=1)[1].startswith("[")
    assert words["STOPSIGNAL"] == "STOPSIGNAL SIGTERM"
    assert "org.opencontainers.image.version" in words["LABEL"]


def test_what_the_image_is_made_of_is_there_and_not_left_out():
    sources = [
        name
        for line in instructions()
        if line.startswith("COPY") and "--from" not in line
        for name in line.split()[1:-1]
    ]
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    assert kept == set(sources)
    assert all((ROOT / name).exists() for name in sources)
