# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The classes of pyroute2 that encode rtnetlink messages, without the rest of pyroute2.

Importing pyroute2 costs about 90 ms, nearly all of it in the package's ``__init__``, which imports every part of the
library. The message classes alone cost 2 to 10 ms. So they are imported with the package in place but not executed.
If pyroute2 ever imports its parts on demand, :func:`message_class` becomes one ``import``.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Dict, Iterator

from ...model.errors import KernelRefused

_PACKAGE = "pyroute2"
_parts: Dict[str, ModuleType] = {}
"""The package that was not executed, and its modules."""
_FEWER_PORT_ATTRIBUTES = 31
_NEWER_PORT_ATTRIBUTES = (
    ("IFLA_BRPORT_GROUP_FWD_MASK", "uint16"),
    ("IFLA_BRPORT_NEIGH_SUPPRESS", "uint8"),
    ("IFLA_BRPORT_ISOLATED", "uint8"),
)
"""Attributes of bridge ports that pyroute2 0.5.14 (Ubuntu 22.04) does not know. Their numbers follow those it knows."""


_IPVLAN_FLAGS = ("IFLA_IPVLAN_FLAGS", "uint16")
"""The attribute of ipvlans that pyroute2 does not know. Its number follows those it knows."""


def missing() -> str:
    """Return how to install pyroute2 if this Python does not have it, in two sentences; empty if it has."""
    if _PACKAGE in sys.modules or importlib.util.find_spec(_PACKAGE):
        return ""
    problem = f"The Python library {_PACKAGE} is missing for the interpreter '{sys.executable}'."
    if sys.prefix == "/usr":
        return f"{problem} Install the package python3-{_PACKAGE}, as the role cnm.linux.host does."
    # A virtual environment, or a Python that is not the distribution's, does not see the distribution's packages.
    return f"{problem} Install it: {sys.executable} -m pip install {_PACKAGE}."


def message_class(name: str) -> Any:
    """Return the class NAME of rtnetlink messages, such as ``ifinfmsg``.

    :raises KernelRefused: if this Python does not have pyroute2, see :func:`missing`, or not one that it can import
    """
    try:
        module = _module(f"{_PACKAGE}.netlink.rtnl.{name}")
    except ImportError as error:
        reason = missing() or f"The Python library {_PACKAGE} cannot be imported by '{sys.executable}': {error}."
        raise KernelRefused(reason) from error
    if name == "ifinfmsg" and len(module.protinfo_bridge.nla_map) == _FEWER_PORT_ATTRIBUTES:
        module.protinfo_bridge.nla_map += _NEWER_PORT_ATTRIBUTES
    if name == "ifinfmsg":
        ipvlan = module.data_plugins["ipvlan"]
        if _IPVLAN_FLAGS not in ipvlan.nla_map:
            ipvlan.nla_map += (_IPVLAN_FLAGS,)
    return getattr(module, name)


def _module(path: str) -> Any:
    if _PACKAGE in sys.modules:
        return importlib.import_module(path)
    try:
        return _import_alone(path)
    except ImportError:
        # Without what __init__ does, pyroute2 0.6 has no such module.
        importlib.import_module(_PACKAGE)
        return importlib.import_module(path)


def _import_alone(path: str) -> ModuleType:
    """Return the module at PATH, imported without executing its package.

    Afterwards, Python does not regard the package or its modules as imported, so importing pyroute2 imports all of it.
    """
    if not _parts:
        specification = importlib.util.find_spec(_PACKAGE)
        if specification is None:
            raise ModuleNotFoundError(f"No module named '{_PACKAGE}'")
        _parts[_PACKAGE] = importlib.util.module_from_spec(specification)
    sys.modules.update(_parts)
    try:
        with _without_programs():
            return importlib.import_module(path)
    finally:
        for part in [part for part in sys.modules if part.partition(".")[0] == _PACKAGE]:
            _parts[part] = sys.modules.pop(part)


@contextmanager
def _without_programs() -> Iterator[None]:
    """Let no program be found: pyroute2 0.7 runs two to describe the processor, on which no message depends.

    They take longer than importing the classes.
    """
    before = os.environ.get("PATH")
    os.environ["PATH"] = os.devnull
    try:
        yield
    finally:
        del os.environ["PATH"]
        if before is not None:
            os.environ["PATH"] = before
