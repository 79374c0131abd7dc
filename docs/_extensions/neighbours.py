"""The pages of a folder, on the page that stands for it.

A page joins the tutorials, the how-to guides or the gallery by lying beside their
``index.md``. What that names in its ``{neighbours}`` comes first, in its order; the
others follow by their headings.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.directives.other import TocTree
from sphinx.environment import BuildEnvironment


class Neighbours(TocTree):
    """A ``toctree`` of the pages beside this one; there may be none yet."""

    def run(self) -> list[nodes.Node]:
        """The pages in their order."""
        folder = Path(self.env.doc2path(self.env.docname)).parent
        self.content.data = [page.stem for page in in_order(folder)]
        self.options["titlesonly"] = None
        return super().run() if self.content.data else []


def in_order(folder: Path) -> list[Path]:
    """The pages of a folder: those that its index names, then by heading.

    Raises:
        ValueError: The index names a page that is not there.
    """
    index = (folder / "index.md").read_text("utf-8")
    found = re.search(r"^```\{neighbours\}\n(.*?)^```", index, re.M | re.S)
    named = [] if found is None else re.findall(r"^[\w-]+$", found[1], re.M)
    pages = {page.stem: page for page in folder.glob("*.md") if page.stem != "index"}
    if unknown := set(named) - set(pages):
        raise ValueError(f"{folder / 'index.md'} names {sorted(unknown)}")
    others = sorted(set(pages) - set(named), key=lambda name: _heading(pages[name]))
    return [pages[name] for name in [*named, *others]]


def _heading(page: Path) -> str:
    found = re.search(r"^# (.+)$", page.read_text("utf-8"), re.M)
    return page.stem if found is None else found[1].casefold()


def _outdated(_: Sphinx, env: BuildEnvironment, *__: set[str]) -> list[str]:
    """A page that comes or goes is on the page of its folder at the next build."""
    return [name for name in env.found_docs if name.endswith("/index")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("neighbours", Neighbours)
    app.connect("env-get-outdated", _outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
