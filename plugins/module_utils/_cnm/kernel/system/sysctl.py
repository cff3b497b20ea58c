# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kernel settings below /proc/sys."""

from __future__ import annotations

import errno
import os
from functools import lru_cache
from typing import Dict, Iterable, List, Optional, Sequence

from ...model.errors import CnmError, InvalidInput, KernelRefused
from ...model.secret_settings import told
from ...resources.kinds import Sysctl
from ..namespace import Namespaces

_ROOT = "/proc/sys"
_LONGEST = 8192
"""Bytes of a setting that are read."""


def value(name: str) -> Optional[str]:
    """Return the setting NAME in the caller's namespace, its words separated by one space; None if it is missing."""
    try:
        descriptor = os.open(_path(name), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # The kernel returns a setting in one piece. A file object would take twice as long, and a run reads a dozen.
        return " ".join(os.read(descriptor, _LONGEST).decode().split())
    except OSError:
        return None
    finally:
        os.close(descriptor)


def link_of(name: str) -> str:
    """Return the link that the setting NAME belongs to; empty if it does not belong to a link."""
    parts = name.split("/")
    per_link = len(parts) == 5 and parts[0] == "net" and parts[2] in ("conf", "neigh")
    return parts[3] if per_link and parts[3] not in ("all", "default") else ""


def read(namespaces: Namespaces, namespace: str, names: Iterable[str]) -> List[Sysctl]:
    """Return those of the settings NAMES that exist in NAMESPACE."""
    with namespaces.inside(namespace):
        values = [(name, value(name)) for name in names]
    return [Sysctl(namespace, name, present, link_of(name)) for name, present in values if present is not None]


def write(namespaces: Namespaces, wanted: Iterable[Sysctl]) -> List[CnmError]:
    """Give the settings WANTED their values and return what went wrong."""
    errors: List[CnmError] = []
    for namespace, settings in _by_namespace(wanted).items():
        try:
            with namespaces.inside(namespace):
                errors += _write_here(settings)
        except CnmError as error:
            errors.append(error.of(settings[0].key))
    return errors


def _write_here(settings: Iterable[Sysctl]) -> List[CnmError]:
    errors: List[CnmError] = []
    for setting in settings:
        try:
            _write(setting)
        except OSError as error:
            # A new link gets its settings from the defaults, so it may already have the right value.
            if error.errno == errno.EROFS and value(setting.name) == " ".join(setting.value.split()):
                continue
            errors.append(KernelRefused(_refused(setting, error), setting.key))
    return errors


def _write(setting: Sysctl) -> None:
    descriptor = os.open(_path(setting.name), os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, setting.value.encode() + b"\n")
    finally:
        os.close(descriptor)


def _refused(setting: Sysctl, error: OSError) -> str:
    text = f"The {setting} could not be set to '{told(setting.name, setting.value)}': {error.strerror}."
    if error.errno == errno.ENOENT:
        text += " This kernel does not have it."
    if error.errno == errno.EROFS:
        text += " '/proc/sys' must be writable for that."
    return text


@lru_cache(maxsize=1024)
def _path(name: str) -> str:
    if os.path.normpath(name) != name or name.startswith(("/", "..")):
        raise InvalidInput([f"'{name}' is not a sysctl: write its name as below '/proc/sys'."])
    return os.path.join(_ROOT, name)


def _by_namespace(settings: Iterable[Sysctl]) -> Dict[str, Sequence[Sysctl]]:
    grouped: Dict[str, List[Sysctl]] = {}
    for setting in settings:
        grouped.setdefault(setting.namespace, []).append(setting)
    return dict(grouped)
