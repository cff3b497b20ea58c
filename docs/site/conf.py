# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Sphinx builds the documentation site from the pages, and from what antsibull-docs writes about the plugins."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes

project = "cnm.linux"
copyright = "2026, the cnm.linux developers"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
root_doc = "index"
html_theme = "sphinx_rtd_theme"
html_title = "cnm.linux"
html_show_sourcelink = False
myst_heading_anchors = 4
# What antsibull-docs writes refers to pages of Ansible's own documentation. This site does not have them.
suppress_warnings = ["ref.ref"]

_CHECKOUT = Path(os.environ["CHECKOUT"])
_REPOSITORY = "https://github.com/cnm-linux/cnm.linux/tree/main"


def link_to_repository(app: Any, document: nodes.document) -> None:
    """Let the links of DOCUMENT to files and folders that are not pages lead to the repository."""
    folder = Path(app.env.doc2path(app.env.docname)).parent
    for node in document.findall(addnodes.pending_xref):
        path = os.path.relpath(folder / node["reftarget"], app.srcdir)
        if node["reftype"] == "myst" and not Path(app.srcdir, path).exists() and (_CHECKOUT / path).exists():
            node.replace_self(nodes.reference("", "", *node.children, internal=False, refuri=f"{_REPOSITORY}/{path}"))


def setup(app: Any) -> None:
    """Let Sphinx call what this file defines."""
    app.connect("doctree-read", link_to_repository)
