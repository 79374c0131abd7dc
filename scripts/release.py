"""Build a release and check all of it, up to the point where it would be published.

What is built lies in ``dist``; the last lines say how it is published, which is left to
a person. ``--rehearse`` does the same where the tree has changes or the changelog gives
the version no date yet.

Each of ``PYTHONS`` that is here (see ``pythons.py``) installs the wheel in an
environment of its own and trains, predicts and draws a page in it without network.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from zipfile import ZipFile

from pythons import PYTHONS, works

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
# What the wheel holds beside its metadata.
PACKAGES = ("regard", "regard_cli")
# A wheel of this library has 1.5 MB.
MOST_BYTES = 5_000_000
ROWS = [
    (f"the {word} of {other} came on {day}", label)
    for word, label in (("refund", "billing"), ("parcel", "delivery"))
    for other in ("my order", "the shop", "her box", "our page")
    for day in ("Monday", "Tuesday", "Friday")
]
SETTINGS = ("epochs=1", "embedding_units=8", "subwords=0", "calibration_folds=0")


class NotReadyError(Exception):
    """Something is not as a release needs it."""


def main(arguments: list[str] | None = None) -> int:
    """Check, build, check what was built, say how it is published; 1: not ready."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rehearse", action="store_true", help="as far as it goes")
    rehearse = parser.parse_args(arguments).rehearse
    try:
        version = released_version(rehearse=rehearse)
        if not rehearse:
            check_tree(version)
        say(f"regard {version}: building")
        wheel, sdist = build()
        check_wheel(wheel)
        check_sdist(sdist)
        run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)
        pythons = install_everywhere(wheel, version)
        write_sums([wheel, sdist])
    except NotReadyError as problem:
        say(f"not ready: {problem}")
        return 1
    say(f"installed, trained, asked and drawn without network on: {', '.join(pythons)}")
    say(f"{DIST} holds the release. Nothing is published. To do that:\n")
    print(PUBLISHING.format(version=version, wheel=wheel.name, sdist=sdist.name))
    return 0


PUBLISHING = """\
    git tag -s v{version} -m "regard {version}" && git push origin v{version}
    python -m twine upload dist/{wheel} dist/{sdist}
    docker build --build-arg REVISION=$(git rev-parse HEAD) -t regard:{version} .
"""


def say(line: str) -> None:
    """Tell how far it is."""
    print(f"== {line}", flush=True)


def run(*command: object, **options: object) -> str:
    """The output of a command that has to succeed."""
    process = subprocess.run(
        [str(part) for part in command],
        check=False,
        capture_output=True,
        text=True,
        **{"cwd": ROOT, **options},
    )
    if process.returncode:
        said = (process.stdout + process.stderr).strip()[-2000:]
        raise NotReadyError(f"{' '.join(map(str, command[:4]))} failed:\n{said}")
    return process.stdout


def released_version(*, rehearse: bool) -> str:
    """The version, which all files have that name one."""
    texts = {
        name: (ROOT / name).read_text("utf-8")
        for name in ("src/regard/_version.py", "CHANGELOG.md", "CITATION.cff")
    }
    texts["Dockerfile"] = (ROOT / "Dockerfile").read_text("utf-8")
    patterns = {
        "src/regard/_version.py": r'^__version__ = "(.*)"$',
        "CHANGELOG.md": r"^## (\S+) - ",
        "CITATION.cff": r"^version: (.*)$",
        "Dockerfile": r"^ARG VERSION=(.*)$",
    }
    found = {}
    for name, pattern in patterns.items():
        match = re.search(pattern, texts[name], re.MULTILINE)
        found[name] = match[1] if match else None
    if len(set(found.values())) > 1 or None in found.values():
        raise NotReadyError(f"the versions differ: {found}")
    (version,) = set(found.values())
    dated = re.search(
        rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d$", texts["CHANGELOG.md"], re.M
    )
    if not dated and not rehearse:
        raise NotReadyError(
            f"CHANGELOG.md gives {version} no date: '## {version} - 2026-12-01'"
        )
    return version


def check_tree(version: str) -> None:
    """Refuse a tree with changes, and a version that is there already."""
    changed = run("git", "status", "--porcelain").splitlines()
    if changed:
        raise NotReadyError(f"there are changes: {', '.join(changed[:5])}")
    if run("git", "tag", "--list", f"v{version}").strip():
        raise NotReadyError(f"v{version} is tagged already")


def build() -> tuple[Path, Path]:
    """Build the source distribution, and out of it the wheel, into an empty folder."""
    shutil.rmtree(DIST, ignore_errors=True)
    # Without network: what builds is in the development environment.
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", DIST)
    (wheel,), (sdist,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    return wheel, sdist


def tracked() -> set[str]:
    """The files that are under version control, or would be."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    return {name for name in listed.split("\0") if name}


def check_wheel(wheel: Path) -> None:
    """Refuse a wheel with a file that is not ours, or without one that is."""
    names = {name for name in ZipFile(wheel).namelist() if not name.endswith("/")}
    packed = {name for name in names if ".dist-info/" not in name}
    wanted = {
        name.removeprefix("src/")
        for name in tracked()
        if name.startswith(tuple(f"src/{package}/" for package in PACKAGES))
    }
    compare("the wheel", packed, wanted)
    if not any(name.endswith("/licenses/LICENSE") for name in names):
        raise NotReadyError("the wheel has no license")
    if wheel.stat().st_size > MOST_BYTES:
        raise NotReadyError(f"the wheel has {wheel.stat().st_size:,} bytes")


def check_sdist(sdist: Path) -> None:
    """Refuse a source distribution with a file that is not ours."""
    with tarfile.open(sdist) as archive:
        members = [member for member in archive.getmembers() if not member.isdir()]
    odd = [member.name for member in members if not member.isfile()]
    packed = {member.name.partition("/")[2] for member in members}
    compare("the source distribution", packed - {"PKG-INFO"}, packed & tracked())
    if odd or "pyproject.toml" not in packed:
        raise NotReadyError(f"the source distribution holds {odd or 'no project'}")


def compare(what: str, packed: set[str], wanted: set[str]) -> None:
    """Refuse other files than the wanted ones."""
    stray, missing = sorted(packed - wanted), sorted(wanted - packed)
    if stray or missing:
        raise NotReadyError(f"{what} has stray {stray[:5]}, and lacks {missing[:5]}")


def install_everywhere(wheel: Path, version: str) -> list[str]:
    """Install and use the wheel on each Python that is here; which these are."""
    done = []
    for python in os.environ.get("PYTHONS", "").split() or PYTHONS:
        if not works(python):
            say(f"{python}: not here, left out")
            continue
        with tempfile.TemporaryDirectory(prefix="regard-release-") as folder:
            say(f"{python}: installing")
            try_wheel(python, wheel, version, Path(folder))
        done.append(python)
    if not done:
        raise NotReadyError("there is no Python to try it on")
    return done


def try_wheel(python: str, wheel: Path, version: str, folder: Path) -> None:
    """Install a wheel, train, predict and draw with it."""
    environment, work = folder / "environment", folder / "work"
    work.mkdir()
    run(python, "-m", "venv", environment)
    own = environment / "bin" / "python"
    pip = [own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "-c", ROOT / "constraints.txt", wheel)
    run(own, "-m", "pip", "check")
    listed = run(own, "-m", "pip", "list", "--format", "json", "--exclude", "pip")
    write_components(wheel, version, json.loads(listed))
    lines = "".join(f"{text},{label}\n" for text, label in ROWS)
    (work / "data.csv").write_text(f"text,label\n{lines}", "utf-8")
    settings = [part for each in SETTINGS for part in ("--set", each)]
    train = ["train", "classify", "data.csv", "--out", "x.regard", *settings]
    for arguments, wanted in (
        (["--version"], f"regard {version}"),
        (train, "accuracy"),
        (["predict", "x.regard", ROWS[0][0], "--html", "why.html"], ROWS[0][1]),
        (["evaluate", "x.regard", "data.csv"], "macro F1"),
        (["info", "x.regard"], "text-classifier"),
    ):
        output = run(
            *without_network(),
            environment / "bin" / "regard",
            *arguments,
            cwd=work,
            env=plain_environment(work),
        )
        if wanted not in output:
            raise NotReadyError(
                f"{python}: regard {arguments[0]} said {output[:300]!r}"
            )
    page = (work / "why.html").read_text("utf-8")
    if "<html" not in page or "refund" not in page:
        raise NotReadyError(f"{python}: the page does not show the text")


def without_network() -> list[str]:
    """What comes before a command to cut it off from the network, where it can be."""
    cut = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare"):
        tried = subprocess.run([*cut, "true"], capture_output=True, check=False)
        if not tried.returncode:
            return cut
    return []


def plain_environment(work: Path) -> dict[str, str]:
    """The variables of a user who has set none of ours."""
    left_out = ("KERAS_", "PYTHON", "REGARD_", "JAX_")
    variables = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
    return variables | {"HOME": str(work), "XDG_CACHE_HOME": str(work / "cache")}


def write_components(wheel: Path, version: str, packages: list[dict[str, str]]) -> None:
    """Write what an installation is made of, as CycloneDX has it."""
    components = [
        {
            "type": "library",
            "name": package["name"],
            "version": package["version"],
            "purl": f"pkg:pypi/{package['name'].lower()}@{package['version']}",
        }
        for package in packages
        if package["name"] != "regard"
    ]
    about = {"type": "library", "name": "regard", "version": version}
    content = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": about},
        "components": components,
    }
    target = wheel.with_name(f"regard-{version}.cdx.json")
    target.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def write_sums(files: list[Path]) -> None:
    """Write the SHA-256 of files, as ``sha256sum --check`` reads them."""
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in [*files, *sorted(DIST.glob("*.json"))]
    ]
    (DIST / "SHA256SUMS").write_text("".join(lines), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
