"""The install that a page tells: its packages alone, out of those the tests have.

A folder of links to the distributions that ``pip install "regard[EXTRAS]"`` brings, by
the requirements of this checkout and theirs. A Python that looks nowhere else is what a
reader has after that command; nothing is downloaded.
"""

import os
import re
import sys
import tomllib
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def extras(page: str) -> list[frozenset[str]]:
    """The extras in each of the install lines of a page."""
    found = re.findall(r'pip install "?(?:regard|\.)\[([\w,-]+)\]"?', page)
    return [frozenset(names.split(",")) for names in found]


def others(page: str) -> frozenset[str]:
    """The packages that the install lines of a page name beside this one."""
    ours = r'^pip install "?(?:regard|\.)(?:\[[\w,-]+\])?"?'
    found = re.findall(rf"{ours}((?: [A-Za-z][\w-]*)+)$", page, re.M)
    return frozenset(" ".join(found).split())


def install(folder: Path, extras: frozenset[str]) -> Path:
    """Link what the install brings into an empty folder."""
    for one in _closure(extras).values():
        for name in {file.parts[0] for file in one.files or ()}:
            link = folder / name
            # Not the commands, which lie elsewhere; and a name may be shared.
            if name != ".." and not name.endswith(".pth") and not link.is_symlink():
                link.symlink_to(Path(str(one.locate_file(name))))
    return folder


def distributions(extras: frozenset[str]) -> set[str]:
    """The names of the distributions that an install with these extras brings."""
    return set(_closure(extras))


def python(packages: Path, home: Path) -> tuple[list[str], dict[str, str]]:
    """A Python that sees these packages and this checkout, and its environment.

    No variable chooses a backend, and there are no settings of a user. Those stay that
    say how much of the machine is used, and where JAX keeps programs.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("JAX_", "OMP_", "LD_LIBRARY_PATH")) or name == "PATH"
    }
    path = os.pathsep.join([str(packages), str(ROOT / "src")])
    # -S: without the packages of the environment that the tests run in.
    return [sys.executable, "-S"], kept | {"PYTHONPATH": path, "HOME": str(home)}


def _closure(extras: frozenset[str]) -> dict[str, Distribution]:
    waiting = [Requirement(line) for line in PROJECT["dependencies"]]
    for extra in extras:
        # What is no extra of ours is another package by its name.
        lines = PROJECT["optional-dependencies"].get(extra, [extra])
        waiting += [Requirement(line) for line in lines]
    found: dict[str, Distribution] = {}
    seen = set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        key = (name, frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        found[name] = one = distribution(name)
        waiting += [
            needed
            for needed in map(Requirement, one.requires or ())
            if _applies(needed, wanted.extras)
        ]
    return found


def _applies(needed: Requirement, extras: set[str]) -> bool:
    if needed.marker is None:
        return True
    return any(needed.marker.evaluate({"extra": extra}) for extra in extras or {""})
