"""The gallery: a page is a file, its code makes its picture when the site is built.

A page of ``docs/gallery`` has an install line, code whose last value is called
``picture``, and where it is to be seen::

    ```{picture} What there is to see, for who cannot see it.
    ```

The code runs on the packages of its install line alone. What it made is kept in
``build/gallery`` until the code or the library changes.
"""

import functools
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from neighbours import in_order

ROOT = Path(__file__).resolve().parents[2]
GALLERY = ROOT / "docs" / "gallery"
KEPT = ROOT / "build" / "gallery"
SUFFIXES = (".svg", ".html")
# Runs several pages in one process, so that the backend is loaded once.
_RUNNER = """
import json, sys
from pathlib import Path
for code, target in json.load(sys.stdin):
    names = {"__name__": "__main__"}
    exec(compile(code, Path(target).name, "exec"), names)
    for suffix in sys.argv[1:]:
        names["picture"].save(target + suffix)
"""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """A page of the gallery."""

    page: Path

    @property
    def text(self) -> str:
        """What is written in it."""
        return self.page.read_text("utf-8")

    @property
    def title(self) -> str:
        """Its heading."""
        return _only(r"^# (.+)$", self)

    @property
    def description(self) -> str:
        """What there is to see."""
        return _only(r"^```\{picture\} (.+)$", self)

    @property
    def code(self) -> str:
        """Its blocks of Python, one after another."""
        blocks = re.findall(r"^```python\n(.*?)^```", self.text, re.M | re.S)
        return "\n".join(blocks)

    def file(self, suffix: str) -> Path:
        """Where its picture is kept, by its code and the library."""
        key = hashlib.sha256(f"{_library()}{self.code}".encode()).hexdigest()[:16]
        return KEPT / key / f"{self.page.stem}{suffix}"


def entries() -> list[Entry]:
    """The pages of the gallery, in the order of the gallery."""
    return [Entry(page) for page in in_order(GALLERY)]


def draw(wanted: list[Entry]) -> Iterator[str]:
    """Make the pictures that are not there yet; what went wrong."""
    sys.path.append(str(ROOT / "tests"))
    import documented_install  # noqa: PLC0415 - the tests run pages in the same way

    def extras(entry: Entry) -> list[str]:
        return sorted(frozenset().union(*documented_install.extras(entry.text)))

    missing = [each for each in wanted if not all(map(Path.exists, _files(each)))]
    for wants, group in groupby(sorted(missing, key=extras), key=extras):
        jobs = []
        for entry in group:
            target = entry.file("")
            target.parent.mkdir(parents=True, exist_ok=True)
            jobs.append((entry.code, str(target)))
        with TemporaryDirectory() as folder:
            packages = Path(folder, "packages")
            packages.mkdir()
            documented_install.install(packages, frozenset(wants))
            python, environment = documented_install.python(packages, Path(folder))
            process = subprocess.run(
                [*python, "-c", _RUNNER, *SUFFIXES],
                input=json.dumps(jobs),
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
        if process.returncode:
            yield process.stderr[-2000:]


class Picture(SphinxDirective):
    """The picture of the page it stands on, and the link to its own page."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """An image, and under it the link."""
        entry = Entry(Path(self.env.doc2path(self.env.docname)))
        figure = nodes.figure("", _image(entry, self.arguments[0]))
        link = nodes.reference(
            "", "Open the picture as a page", refuri=f"pages/{entry.page.stem}.html"
        )
        told = nodes.paragraph("", "", link, nodes.Text(", with every number in it."))
        figure += nodes.caption("", "", *told.children)
        return [figure]


class Gallery(SphinxDirective):
    """All pictures, small, each with the name of its page."""

    def run(self) -> list[nodes.Node]:
        """A list of links."""
        found = nodes.bullet_list(classes=["gallery"])
        for entry in entries():
            link = nodes.reference("", "", refuri=f"{entry.page.stem}.html")
            link += _image(entry, entry.description)
            link += nodes.inline("", entry.title)
            found += nodes.list_item("", nodes.paragraph("", "", link))
            self.env.note_dependency(str(entry.page))
        return [found]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives, and draw before pages are read."""
    app.add_directive("picture", Picture)
    app.add_directive("gallery", Gallery)
    app.connect("builder-inited", _drawn)
    app.connect("env-get-outdated", _outdated)
    app.connect("build-finished", _copied)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _drawn(_: Sphinx) -> None:
    wanted = entries()
    for failure in draw(wanted):
        _log.warning("A picture of the gallery was not made:\n%s", failure)
    for old in set(KEPT.glob("*")) - {each.file("").parent for each in wanted}:
        shutil.rmtree(old)


def _outdated(_: Sphinx, env: BuildEnvironment, *__: set[str]) -> list[str]:
    """Where the library changed, so did the names of the files of pictures."""
    return [name for name in env.found_docs if name.startswith("docs/gallery/")]


def _copied(app: Sphinx, failure: Exception | None) -> None:
    if failure is None:
        pages = Path(app.outdir, "docs", "gallery", "pages")
        pages.mkdir(parents=True, exist_ok=True)
        for entry in entries():
            # One that was not made has had its warning.
            if entry.file(".html").exists():
                shutil.copy(entry.file(".html"), pages / f"{entry.page.stem}.html")


def _image(entry: Entry, description: str) -> nodes.image:
    source = entry.file(".svg").relative_to(ROOT).as_posix()
    return nodes.image(uri=f"/{source}", alt=description)


def _files(entry: Entry) -> list[Path]:
    return [entry.file(suffix) for suffix in SUFFIXES]


def _only(pattern: str, entry: Entry) -> str:
    found = re.search(pattern, entry.text, re.M)
    if found is None:
        raise ValueError(f"{entry.page} has no line like {pattern}")
    return found[1]


@functools.cache
def _library() -> str:
    digest = hashlib.sha256()
    for path in sorted((ROOT / "src" / "regard").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
