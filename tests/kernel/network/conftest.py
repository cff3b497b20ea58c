# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host on which the core creates networks."""

from __future__ import annotations

import pytest
from lab import renew_uplink, sysctl
from stand_in import Host
from tasks import Tasks


@pytest.fixture()
def tasks(host: Host) -> Tasks:
    """Tasks on a host whose uplink works at once."""
    renew_uplink(host)
    for family in ("iptables", "ip6tables"):
        try:
            sysctl(f"net/bridge/bridge-nf-call-{family}", 0)
        except FileNotFoundError:
            continue
    return Tasks(host)
