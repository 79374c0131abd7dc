import re
from pathlib import Path

import regard


def test_the_changelog_begins_with_this_version():
    changelog = Path(__file__).parents[1] / "CHANGELOG.md"
    newest = re.search(r"^## (\S+)", changelog.read_text("utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == regard.__version__
