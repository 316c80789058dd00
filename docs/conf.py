"""How Sphinx builds these pages: pip install -e '.[docs]' && sphinx-build -W -b html docs docs/_build."""

from gantool import __version__

project = "gantool"
release = __version__
extensions = ["myst_parser"]
myst_heading_anchors = 4  # [text](page.md#a-heading) works, as it does where Markdown is shown
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "gantool"
nitpicky = True
