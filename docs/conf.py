"""How the site is built: ``make docs``.

The root of the sources is that of the repository, so that links between pages, the
README's neighbours and files lead to the same place here and on a code host.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "docs" / "_extensions"), str(ROOT / "src")]

import regard  # noqa: E402 - found by the line above

project = "regard"
author = "The authors of regard"
release = version = regard.__version__
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "accessible",
    "mathml",
    "neighbours",
    "pictures",
    "surface",
]
root_doc = "docs/index"
include_patterns = ["docs/**", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md"]
# What is not a page is not walked through either: environments, data.
exclude_patterns = [
    *(path.name for path in ROOT.iterdir() if path.is_dir() and path.name != "docs"),
    "docs/_*",
]
# Whole, because autosummary looks from the sources on and the pages from here.
templates_path = [str(ROOT / "docs" / "_templates")]

myst_heading_anchors = 4

autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
add_module_names = False
napoleon_numpy_docstring = False
napoleon_custom_sections = [
    ("Call arguments", "params_style"),
    ("Input shape", "returns_style"),
    ("Output shape", "returns_style"),
]

html_theme = "pydata_sphinx_theme"
html_title = "regard"
html_baseurl = ""
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_additional_pages = {"index": "redirect.html"}
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "show_prev_next": False,
    "header_links_before_dropdown": 9,
    "navbar_persistent": ["search-button"],
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "back_to_top_button": False,
}
# Without one the theme complains in the browser's console, on each page.
html_context = {"default_mode": "auto"}
html_sidebars = {"docs/start": [], "docs/figures": [], "CHANGELOG": []}
copyright = "the authors of regard, Apache-2.0"  # noqa: A001 - Sphinx's name
