# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Namespaces for peers that do not create them: created in this process, which is the cheapest way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.namespace import Namespaces
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.namespace import Namespace


def path(number: int) -> str:
    """Return the path of namespace NUMBER."""
    return f"/run/netns/s{number}"


@contextmanager
def opened() -> Iterator[Namespaces]:
    """Yield the host's namespaces; close them at the end of the block."""
    namespaces = Namespaces()
    try:
        yield namespaces
    finally:
        namespaces.close()


def make(first: int, number: int) -> None:
    """Create NUMBER namespaces, counted from FIRST."""
    with opened() as namespaces:
        namespaces.make([Namespace(path(each)) for each in range(first, first + number)])


def remove(first: int, number: int) -> None:
    """Remove NUMBER namespaces, counted from FIRST."""
    with opened() as namespaces:
        for each in range(first, first + number):
            if os.path.exists(path(each)):
                namespaces.remove(path(each))
