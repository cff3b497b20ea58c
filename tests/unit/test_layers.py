# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dependencies go downwards only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
COLLECTION = ("ansible_collections", "cnm", "linux", "plugins")
CORE = ("module_utils", "_cnm")

NOUNS = {"network", "endpoint", "peer", "route", "sandbox"}
VALUES = {"addresses", "errors", "identity", "secrecy", "spelling"}
PURE = {"discovery", "drivers", "firewall", "forwarding", "names", "records", "resources", "routing"}
BELOW_CONTROLLER = {
    "difference",
    "folder",
    "inspect",
    "ipam",
    "kernel",
    "reconcile",
    "selection",
    "store",
    "topology",
    "verbs",
} | (NOUNS | VALUES | PURE)
ALLOWED = {
    "action": {"modules", "plugin_utils", "task"},
    "plugin_utils": NOUNS | VALUES | PURE | {"verbs"},
    "modules": {"task"},
    "doc_fragments": set(),
    "task": {"controller"} | BELOW_CONTROLLER,
    "controller": {"reconciliation"} | BELOW_CONTROLLER,
    "reconciliation": BELOW_CONTROLLER,
    "verbs": NOUNS | VALUES | {"drivers", "ipam", "resources", "routing", "store", "topology"},
    "inspect": NOUNS | VALUES | {"drivers", "routing", "store", "topology"},
    "selection": NOUNS | VALUES | {"store"},
    "difference": {"names", "reconcile", "resources", "secrecy"},
    "topology": NOUNS | VALUES | PURE | {"store"},
    "drivers": NOUNS | VALUES | {"firewall", "forwarding", "resources"},
    "discovery": NOUNS | VALUES | {"resources"},
    "routing": NOUNS | VALUES | {"resources"},
    "records": NOUNS | VALUES | {"discovery", "names"},
    "firewall": NOUNS | VALUES | {"resources"},
    "ipam": NOUNS | VALUES,
    "store": NOUNS | VALUES | {"folder", "resources"},
    "forwarding": {"resources"},
    "names": {"resources"},
    "kernel": VALUES | {"folder", "forwarding", "names", "reconcile", "resources"},
    "reconcile": {"resources", "errors"},
    "resources": VALUES,
    **dict.fromkeys(NOUNS, NOUNS | VALUES),
    "identity": {"errors"},
    "addresses": {"errors"},
    "folder": {"errors"},
    "errors": set(),
    "secrecy": set(),
    "spelling": set(),
}
"""Layer -> the layers that it may import, besides itself."""

ONLY_IN = {
    "ansible": {"action", "task"},
    "pyroute2": {"kernel"},
    "ctypes": {"kernel"},
    "socket": {"kernel"},
    "sqlite3": {"store"},
    "importlib": set(),
}
"""Package -> the layers that may import it."""


def layer_of(parts: tuple[str, ...]) -> str:
    """Return the layer of the module at PARTS, counted from plugins/."""
    return parts[2] if parts[:2] == CORE and len(parts) > 2 else parts[0]


def imports(tree: ast.AST, package: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return what TREE, a module in PACKAGE, imports: absolute, with every name as a module of its own."""
    found: list[tuple[str, ...]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = COLLECTION + package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            found += [(*base, alias.name) for alias in node.names]
        elif isinstance(node, ast.Name) and node.id == "__import__":
            found.append(("importlib",))
    return found


def violations(source: str, path: Path) -> list[str]:
    """Return what SOURCE, the file at PATH below plugins/, imports against the rules."""
    package = path.parent.parts
    layer = layer_of((*package, path.stem))
    if layer == "__init__":
        return []
    if layer not in ALLOWED:
        return [f"{path} has no place among the layers"]
    broken = []
    for name in imports(ast.parse(source), package):
        if name[:4] == COLLECTION:
            imported = layer_of(name[4:])
            fine = imported == layer or imported in ALLOWED[layer]
        else:
            fine = layer in ONLY_IN.get(name[0], {layer})
        if not fine:
            broken.append(f"{path} imports {'.'.join(name)}")
    return broken


@pytest.mark.parametrize("path", sorted(path.relative_to(PLUGINS) for path in PLUGINS.rglob("*.py")), ids=str)
def test_imports_go_downwards(path: Path) -> None:
    assert violations((PLUGINS / path).read_text(encoding="utf-8"), path) == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("module_utils/_cnm/errors.py", "from .addresses import mac"),
        ("module_utils/_cnm/controller.py", "from . import task"),
        ("module_utils/_cnm/controller.py", "from ansible.module_utils.basic import AnsibleModule"),
        ("module_utils/_cnm/drivers/bridge.py", "from ..kernel import links"),
        ("module_utils/_cnm/drivers/bridge.py", "from .. import kernel"),
        ("module_utils/_cnm/drivers/bridge.py", "def load():\n    import pyroute2.netns"),
        ("module_utils/_cnm/ipam/pools.py", "from socket import inet_aton"),
        ("module_utils/_cnm/store/sqlite.py", "import importlib"),
        ("module_utils/_cnm/store/sqlite.py", "__import__('x')"),
        ("module_utils/_cnm/kernel/apply.py", "from ..store.sqlite import Store"),
        ("module_utils/_cnm/unheard_of.py", ""),
        ("modules/cnm_network.py", "from ..module_utils._cnm.controller import Controller"),
        ("modules/cnm_network.py", "import ansible_collections.cnm.linux.plugins.module_utils._cnm.errors"),
    ],
)
def test_an_upward_import_is_noticed(path: str, line: str) -> None:
    assert len(violations(line, Path(path))) == 1


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("modules/cnm_network.py", "from ansible_collections.cnm.linux.plugins.module_utils._cnm.task import run"),
        ("module_utils/_cnm/task.py", "from ansible.module_utils.basic import AnsibleModule"),
        ("module_utils/_cnm/kernel/links.py", "from ..errors import KernelRefused\nimport pyroute2, os"),
        ("module_utils/_cnm/drivers/bridge.py", "from . import labels\nfrom ..resources import Link"),
    ],
)
def test_a_downward_import_is_fine(path: str, line: str) -> None:
    assert violations(line, Path(path)) == []
