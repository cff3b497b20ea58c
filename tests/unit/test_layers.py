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
BY_FILE = ("etcd", "model", "resources")

VALUES = {
    f"model.{value}" for value in ("addresses", "codec", "errors", "ids", "secret_settings", "suggestions", "value")
}
NOUNS = {
    f"model.{noun}" for noun in ("endpoint", "network", "overlay_peer", "ports", "reported", "sandbox", "static_route")
}
IPAM = {"model.allocation", "model.slices", "model.subnets"}
MODEL = VALUES | NOUNS | IPAM
KINDS = {
    f"resources.{name}"
    for name in ("dhcp", "dns", "fdb", "kinds", "link", "namespace", "openvswitch", "resource", "uplink")
}
RESOURCES = KINDS | {"resources.firewall", "resources.routes"}
CLIENT_OF_ETCD = {f"etcd.{name}" for name in ("claims", "client", "cluster", "errors", "member", "settings", "watch")}
SHARED = {f"etcd.{name}" for name in ("entries", "layout", "transaction")}
"""What is in etcd, without what speaks to it."""
PURE = MODEL | RESOURCES | {"drivers", "naming"}
BELOW_CONTROLLER = PURE | {
    "adopted",
    "composition",
    "docker_shapes",
    "filters",
    "kernel",
    "private_files",
    "resources.diff_output",
    "resources.plan",
    "store",
    "verbs",
}
ALLOWED = {
    "action": {"modules", "options", "plugin_utils"},
    "connection": {"plugin_utils"},
    "filter": {"plugin_utils"},
    "inventory": {"plugin_utils"},
    "lookup": {"plugin_utils"},
    "plugin_utils": PURE | {"verbs"},
    "modules": {"task"},
    "doc_fragments": set(),
    "__init__": {"loader"},
    "loader": set(),
    "compiled": {"loader", "private_files"},
    "task": {"compiled", "controller", "engines", "items", "options"} | BELOW_CONTROLLER,
    "options": {"model.suggestions"},
    "engines": {"controller", "model.errors", "resources.diff_output", "store", "verbs"},
    "controller": {"items", "leases", "observation", "progress", "restoration", "run", "sharing", "transactions"}
    | BELOW_CONTROLLER,
    "sharing": {"etcd.connection", "model.errors", "store", "verbs"},
    "items": NOUNS | {"store"},
    "observation": {"model.errors"},
    "progress": set(),
    "transactions": {"model.errors", "model.network", "store"},
    "restoration": {"composition", "kernel", "model.overlay_peer", "store"},
    "leases": {"model.allocation", "model.endpoint", "model.errors", "resources.plan", "store"} | KINDS,
    "run": {"leases", "scope"} | BELOW_CONTROLLER,
    "scope": KINDS | {"store"},
    "verbs": MODEL | SHARED | {"adopted", "composition", "drivers", "resources.routes", "store"} | KINDS,
    "docker_shapes": MODEL | {"composition", "drivers", "resources.routes", "store"},
    "filters": MODEL | {"drivers", "store"},
    "composition": PURE | {"adopted", "store"},
    "adopted": MODEL | {"drivers", "resources.resource"},
    "drivers": MODEL | KINDS | {"resources.firewall"},
    "naming": MODEL | KINDS,
    "store": MODEL | KINDS | {"drivers", "private_files"},
    "kernel": VALUES | KINDS | {"progress", "loader", "private_files", "resources.plan"},
    "resources.diff_output": {"resources.plan"},
    "resources.plan": {"model.errors", "resources.resource"},
    "resources.firewall": MODEL | KINDS,
    "resources.routes": MODEL | KINDS,
    **dict.fromkeys(KINDS, VALUES | {"resources.link", "resources.namespace", "resources.resource"}),
    "resources.link": {"model.value", "resources.namespace", "resources.resource"},
    "resources.namespace": {"model.value", "resources.resource"},
    "resources.resource": {"model.value"},
    "etcd.__init__": set(),
    **dict.fromkeys(SHARED, SHARED),
    **dict.fromkeys(CLIENT_OF_ETCD, CLIENT_OF_ETCD | SHARED),
    "etcd.settings_file": CLIENT_OF_ETCD | {"model.errors", "model.suggestions", "private_files"},
    "etcd.connection": CLIENT_OF_ETCD | SHARED | {"etcd.settings_file", "model.errors"},
    "private_files": {"model.errors"},
    **dict.fromkeys(IPAM, NOUNS | VALUES),
    **dict.fromkeys(NOUNS, NOUNS | VALUES),
    "model.ids": {"model.errors"},
    "model.addresses": {"model.errors"},
    "model.codec": set(),
    "model.errors": set(),
    "model.secret_settings": set(),
    "model.suggestions": set(),
    "model.value": set(),
}
"""Layer -> the layers that it may import, besides itself."""

DRIVERS = (*CORE, "drivers")
FILES_OF_DRIVERS = {path.stem for path in PLUGINS.joinpath(*DRIVERS).glob("*.py")} - {"__init__"}
NAMES_OF_DRIVERS = FILES_OF_DRIVERS & {"bridge", "ipvlan", "macvlan", "null", "overlay"}
"""Not ``host``, which is also an everyday word."""
OUTSIDE_DRIVERS = sorted(
    path
    for path in (file.relative_to(PLUGINS) for file in PLUGINS.rglob("*.py"))
    if path.parts[: len(DRIVERS)] != DRIVERS
)
KNOWS_LINKS = {"modules", "kernel", "resources"}
"""The documentation and the argument spec name drivers, and types of kernel links have the same names."""
NAMES_NETWORKS = {Path(*CORE, "model/network.py")}
"""The predefined networks are called ``bridge``, ``host`` and ``none``."""
KNOWS_KERNEL = Path("cnm_command/check/trials.py")
"""Tries in ``cnm check`` whether the kernel has the types of links."""

ONLY_IN = {
    "ansible": {"action", "connection", "filter", "inventory", "lookup", "options", "task"},
    "pyroute2": {"kernel"},
    "ctypes": {"kernel"},
    "socket": {"engines", "etcd.member", "kernel", "observation"},
    "ssl": {"etcd.cluster", "etcd.member"},
    "sqlite3": {"store"},
    "importlib": {"loader"},
    "marshal": {"compiled", "loader"},
    "zipimport": {"__init__", "loader"},
}
"""Package -> the layers that may import it."""

COMMAND = PLUGINS.parent / "command"
OF_COMMAND = {
    "cnm_agent": VALUES
    | NOUNS
    | CLIENT_OF_ETCD
    | SHARED
    | {
        "controller",
        "kernel",
        "etcd.settings_file",
        "store.objects",
        "store.schema",
        "store.surplus",
        "verbs.catalogue",
        "verbs.context",
        "verbs.reports",
    },
    "cnm_command": VALUES
    | CLIENT_OF_ETCD
    | {
        "controller",
        "engines",
        "etcd.connection",
        "etcd.layout",
        "etcd.settings_file",
        "filters",
        "kernel",
        "model.endpoint",
        "model.network",
        "model.sandbox",
        "progress",
        "resources.dns",
        "resources.fdb",
        "resources.firewall",
        "resources.kinds",
        "resources.link",
        "resources.openvswitch",
        "resources.plan",
        "resources.resource",
        "store.FOLDER",
        "store.lock",
        "store.objects",
    },
    "cnm_engines": VALUES
    | NOUNS
    | {"adopted", "controller", "drivers", "engines", "observation", "store.objects", "verbs.context", "verbs.engines"},
    "cnm_service": {
        "controller",
        "engines",
        "etcd.settings_file",
        "kernel",
        "model.errors",
        "observation",
        "private_files",
        "store.FOLDER",
        "store.objects",
        "store.schema",
        "store.sqlite_connections",
        "verbs.context",
    },
}
"""The other front ends of the core, in command/ -> what they may import of it."""

EXCEPT = {("importlib", "module_utils/_cnm/kernel/rtnl/message_classes.py")}
"""Packages that a single file may import."""


def layer_of(parts: tuple[str, ...]) -> str:
    """Return the layer of the module at PARTS, counted from plugins/: a file or folder of the core, or a file in one of
    those folders in which the order of files matters."""
    if parts[:2] != CORE or len(parts) < 3:
        return parts[0]
    return ".".join(parts[2:4]) if parts[2] in BY_FILE else parts[2]


def imports(tree: ast.AST, package: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return what TREE, a module in PACKAGE, imports: absolute names, every imported name as if it were a module."""
    names: list[tuple[str, ...]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = COLLECTION + package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            names += [(*base, alias.name) for alias in node.names]
        elif isinstance(node, ast.Name) and node.id == "__import__":
            names.append(("importlib",))
    return names


def below_drivers(source: str, path: Path) -> list[str]:
    """Return the files below drivers/ that SOURCE imports. SOURCE is the file at PATH, which is outside drivers/."""
    files = []
    for name in imports(ast.parse(source), path.parent.parts):
        inside = name[4:] if name[:4] == COLLECTION else (CORE[0], *name) if name[0] == CORE[1] else ()
        if inside[:3] == DRIVERS and inside[3:] and inside[3] in FILES_OF_DRIVERS:
            files.append(".".join(inside[3:]))
    return files


def names_of_drivers(source: str) -> list[str]:
    """Return the driver names that SOURCE contains as string constants."""
    constants = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return [text for text in constants if text in NAMES_OF_DRIVERS]


def violations(source: str, path: Path) -> list[str]:
    """Return the imports of SOURCE, the file at PATH below plugins/, that break the rules."""
    package = path.parent.parts
    layer = layer_of((*package, path.stem))
    if path.stem == "__init__" and layer not in ALLOWED:
        return []
    if layer not in ALLOWED:
        return [f"{path} has no place among the layers"]
    broken = []
    for name in imports(ast.parse(source), package):
        if name[:4] == COLLECTION:
            imported = layer_of(name[4:])
            fine = imported == layer or imported in ALLOWED[layer]
        else:
            fine = layer in ONLY_IN.get(name[0], {layer}) or (name[0], path.as_posix()) in EXCEPT
        if not fine:
            broken.append(f"{path} imports {'.'.join(name)}")
    return broken


@pytest.mark.parametrize("path", sorted(path.relative_to(PLUGINS) for path in PLUGINS.rglob("*.py")), ids=str)
def test_imports_go_downwards(path: Path) -> None:
    assert violations((PLUGINS / path).read_text(encoding="utf-8"), path) == []


@pytest.mark.parametrize("path", OUTSIDE_DRIVERS, ids=str)
def test_nobody_outside_imports_what_is_below_drivers(path: Path) -> None:
    assert below_drivers((PLUGINS / path).read_text(encoding="utf-8"), path) == []


@pytest.mark.parametrize("path", [path for path in OUTSIDE_DRIVERS if not KNOWS_LINKS & set(path.parts)], ids=str)
def test_nobody_outside_knows_a_driver_by_its_name(path: Path) -> None:
    assert path in NAMES_NETWORKS or names_of_drivers((PLUGINS / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "from ..drivers.bridge import Bridge",
        "from ..drivers import bridge_options",
        "def load():\n    from ..drivers.overlay_options import parse",
        "from .. import drivers\nfrom ..drivers import driver, null",
    ],
)
def test_an_import_from_below_drivers_is_noticed(line: str) -> None:
    assert len(below_drivers(line, Path("module_utils/_cnm/verbs/ports.py"))) == 1


@pytest.mark.parametrize("path", sorted(path.relative_to(COMMAND) for path in COMMAND.rglob("*.py")), ids=str)
def test_front_ends_do_not_know_drivers(path: Path) -> None:
    source = (COMMAND / path).read_text(encoding="utf-8")
    assert below_drivers(source, path) == []
    assert path == KNOWS_KERNEL or names_of_drivers(source) == []


def test_an_import_from_below_drivers_in_a_front_end_is_noticed() -> None:
    assert below_drivers("from _cnm.drivers.bridge import Bridge", Path("cnm_engines/runs.py")) == ["bridge.Bridge"]


def test_the_interface_of_drivers_can_be_imported() -> None:
    line = "from ..drivers import Driver, driver, spanning"
    assert below_drivers(line, Path("module_utils/_cnm/verbs/ports.py")) == []


def test_the_name_of_a_driver_is_noticed() -> None:
    assert names_of_drivers("if network.driver == 'overlay': pass") == ["overlay"]


def of_core(source: str) -> set[str]:
    """Return what SOURCE, a file of a front end in command/, imports of the core, with the layers that it may be in."""
    names = [name[1:] for name in imports(ast.parse(source), ()) if name[0] == "_cnm"]
    return {".".join(name[:2]) if name[0] in (*BY_FILE, "store", "verbs") else name[0] for name in names}


@pytest.mark.parametrize("front_end", OF_COMMAND)
def test_front_ends_use_the_core_through_few_of_its_parts(front_end: str) -> None:
    files = sorted((COMMAND / front_end).rglob("*.py"))
    beyond = {file.name: of_core(file.read_text(encoding="utf-8")) - OF_COMMAND[front_end] for file in files}
    assert {name: parts for name, parts in beyond.items() if parts} == {}
    assert files


@pytest.mark.parametrize(
    "line", ["from _cnm.verbs.endpoint import ensure", "import _cnm.run", "from _cnm import store"]
)
def test_a_front_end_that_goes_around_the_controller_is_noticed(line: str) -> None:
    assert of_core(line) - OF_COMMAND["cnm_engines"]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("module_utils/_cnm/model/errors.py", "from .addresses import mac"),
        ("module_utils/_cnm/controller.py", "from . import task"),
        ("module_utils/_cnm/controller.py", "from ansible.module_utils.basic import AnsibleModule"),
        ("module_utils/_cnm/drivers/bridge.py", "from ..kernel import links"),
        ("module_utils/_cnm/drivers/bridge.py", "from .. import kernel"),
        ("module_utils/_cnm/drivers/bridge.py", "def load():\n    import pyroute2.netns"),
        ("module_utils/_cnm/model/subnets.py", "from socket import inet_aton"),
        ("module_utils/_cnm/store/objects.py", "import importlib"),
        ("module_utils/_cnm/store/objects.py", "__import__('x')"),
        ("module_utils/_cnm/kernel/rtnl/request.py", "import importlib.util"),
        ("module_utils/_cnm/kernel/apply.py", "from ..store.objects import Store"),
        ("module_utils/_cnm/unheard_of.py", ""),
        ("modules/cnm_network.py", "from ..module_utils._cnm.controller import Controller"),
        ("modules/cnm_network.py", "import ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors"),
    ],
)
def test_an_upward_import_is_noticed(path: str, line: str) -> None:
    assert len(violations(line, Path(path))) == 1


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("modules/cnm_network.py", "from ansible_collections.cnm.linux.plugins.module_utils._cnm.task import run"),
        ("module_utils/_cnm/task.py", "from ansible.module_utils.basic import AnsibleModule"),
        ("module_utils/_cnm/kernel/links.py", "from ..model.errors import KernelRefused\nimport pyroute2, os"),
        ("module_utils/_cnm/drivers/bridge.py", "from . import labels\nfrom ..resources.kinds import Link"),
    ],
)
def test_a_downward_import_is_fine(path: str, line: str) -> None:
    assert violations(line, Path(path)) == []
