# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with a name server, and with other name servers outside."""

from __future__ import annotations

import os
from contextlib import suppress

import pytest
from lab import renew_uplink, sysctl
from stand_in import Host
from tasks import Tasks

NEEDED = "/usr/lib/podman/aardvark-dns"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not os.path.exists(NEEDED):
        for item in items:
            if os.path.dirname(__file__) in str(item.path):
                item.add_marker(pytest.mark.skip(reason=f"{NEEDED} is needed: apt install aardvark-dns"))


@pytest.fixture()
def tasks(host: Host) -> Tasks:
    """Tasks on a host with a name server, whose uplink works at once."""
    host.have_name_server()
    renew_uplink(host)
    for family in ("iptables", "ip6tables"):
        with suppress(FileNotFoundError):
            sysctl(f"net/bridge/bridge-nf-call-{family}", 0)
    return Tasks(host)
