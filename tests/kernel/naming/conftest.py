# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with a name server, and with other name servers outside."""

from __future__ import annotations

import os
from contextlib import suppress

import pytest
from lab import renew_uplink, sysctl
from needed import needs_name_server
from stand_in import Host
from tasks import Tasks


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if os.path.dirname(__file__) in str(item.path):
            item.add_marker(needs_name_server)


@pytest.fixture()
def tasks(host: Host) -> Tasks:
    """Tasks on a host with a name server, whose uplink works at once."""
    host.have_name_server()
    renew_uplink(host)
    for family in ("iptables", "ip6tables"):
        with suppress(FileNotFoundError):
            sysctl(f"net/bridge/bridge-nf-call-{family}", 0)
    return Tasks(host)
