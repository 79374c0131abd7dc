"""What Sphinx writes that readers of screens stumble over, said in other elements."""

import re
from typing import Any

from sphinx.application import Sphinx

# A signature of several lines is a list of definitions without a term.
_SIGNATURE = re.compile(r'<dt class="sig .*?</dt>', re.S)
_LIST = (
    ("<dl>", '<span class="sig-lines">'),
    ("</dl>", "</span>"),
    ("<dd>", '<span class="sig-line">'),
    ("</dd>", "</span>"),
)
# A corner of a table that heads nothing.
_EMPTY_HEAD = re.compile(r"<th class=\"head[^\"]*\">(?:<p></p>)?</th>")


def setup(app: Sphinx) -> dict[str, bool]:
    """Change each page when it is written."""
    app.connect("html-page-context", _mended)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _mended(_: Sphinx, __: str, ___: str, context: dict[str, Any], ____: Any) -> None:
    if "body" in context:
        body = _SIGNATURE.sub(_lines, context["body"])
        context["body"] = _EMPTY_HEAD.sub("<td></td>", body)


def _lines(found: re.Match[str]) -> str:
    signature = found[0]
    for old, new in _LIST:
        signature = signature.replace(old, new)
    return signature
