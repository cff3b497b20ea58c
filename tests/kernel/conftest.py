# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host of its own for each test: network and mount namespaces that nobody else sees."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Iterator, List

import pytest
from stand_in import Host

_CLONE_NEWNS, _CLONE_NEWNET = 0x20000, 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    """Without root there are no namespaces to be had."""
    if os.geteuid() == 0:
        return
    for item in items:
        if Path(str(item.fspath)).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason="kernel tests make network and mount namespaces: run them as root"))


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


@pytest.fixture()
def host() -> Iterator[Host]:
    """A host of the test's own."""
    folder = os.getcwd()
    kinds = (("mnt", _CLONE_NEWNS), ("net", _CLONE_NEWNET))
    saved = [(os.open(f"/proc/self/ns/{name}", os.O_RDONLY | os.O_CLOEXEC), flag) for name, flag in kinds]
    _call("unshare", _CLONE_NEWNS | _CLONE_NEWNET)
    try:
        made = Host()
        try:
            yield made
        finally:
            made.kernel.close()
    finally:
        for descriptor, flag in saved:
            _call("setns", descriptor, flag)
            os.close(descriptor)
        os.chdir(folder)
