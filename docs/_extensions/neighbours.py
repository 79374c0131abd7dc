"""The pages of a folder, on the page that stands for it.

A page joins the tutorials or the how-to guides by lying beside their ``index.md``.
"""

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.directives.other import TocTree
from sphinx.environment import BuildEnvironment


class Neighbours(TocTree):
    """A ``toctree`` of the pages beside this one; there may be none yet."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        """The pages by name."""
        folder = Path(self.env.doc2path(self.env.docname)).parent
        pages = sorted(page.stem for page in folder.glob("*.md"))
        self.content.data = [page for page in pages if page != "index"]
        self.options["titlesonly"] = None
        return super().run() if self.content.data else []


def _outdated(_: Sphinx, env: BuildEnvironment, *__: set[str]) -> list[str]:
    """A page that comes or goes is on the page of its folder at the next build."""
    return [name for name in env.found_docs if name.endswith("/index")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("neighbours", Neighbours)
    app.connect("env-get-outdated", _outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
