# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that some tests need and a machine may lack."""

from __future__ import annotations

import shutil
import socket

import pytest

BUSYBOX = "/bin/busybox"
NAME_SERVER = "/usr/lib/podman/aardvark-dns"


def needs(packages: str, *programs: str) -> pytest.MarkDecorator:
    """Return a mark that skips a test where one of PROGRAMS, names or paths, is missing; PACKAGES have them."""
    reason = f"{', '.join(programs)} {'is' if len(programs) == 1 else 'are'} needed: apt install {packages}"
    return pytest.mark.skipif(not all(map(shutil.which, programs)), reason=reason)


def _has_sctp() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
    except OSError:
        return False
    return True


needs_sctp = pytest.mark.skipif(not _has_sctp(), reason="this kernel has no SCTP sockets")
needs_name_server = needs("aardvark-dns", NAME_SERVER)
