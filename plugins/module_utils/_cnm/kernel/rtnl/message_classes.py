# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The classes of pyroute2 that encode rtnetlink messages, without the rest of pyroute2.

Importing pyroute2 costs about 90 ms, nearly all of it in the package's ``__init__``, which imports every part of the
library. The message classes alone cost 2 to 10 ms. So they are imported with the package in place but not executed.
The day when pyroute2 imports its parts on demand, :func:`message_class` is one ``import``.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any, Dict

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
"""What pyroute2 0.5.14, that of Ubuntu 22.04, does not know of bridge ports: the numbers go on from its own."""


def missing() -> str:
    """Return two sentences if this Python does not have pyroute2: that, and how to install it. Empty if it has."""
    if _PACKAGE in sys.modules or importlib.util.find_spec(_PACKAGE):
        return ""
    problem = f"The Python library {_PACKAGE} is missing for the interpreter '{sys.executable}'."
    if sys.prefix == "/usr":
        return f"{problem} Install the package python3-{_PACKAGE}, as the role cnm.linux.host does."
    # A virtual environment, or a Python that is not the distribution's: it does not see the packages.
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

    Afterwards nobody finds the package or its modules as imported: whoever imports pyroute2 gets it whole.
    """
    if not _parts:
        specification = importlib.util.find_spec(_PACKAGE)
        if specification is None:
            raise ModuleNotFoundError(f"No module named '{_PACKAGE}'")
        _parts[_PACKAGE] = importlib.util.module_from_spec(specification)
    sys.modules.update(_parts)
    try:
        return importlib.import_module(path)
    finally:
        for part in [part for part in sys.modules if part.partition(".")[0] == _PACKAGE]:
            _parts[part] = sys.modules.pop(part)
