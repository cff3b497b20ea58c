# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with a network, whose engines call the plugins."""

from __future__ import annotations

import pytest
from engine import Plugins
from lab import renew_uplink
from stand_in import Host
from tasks import Tasks


@pytest.fixture()
def tasks(host: Host) -> Tasks:
    """Tasks on a host with the network 'n', whose uplink works at once."""
    renew_uplink(host)
    opened = Tasks(host)
    opened.network("n", "10.1.0.0/24")
    return opened


@pytest.fixture()
def plugins(tasks: Tasks) -> Plugins:
    """The plugins on that host."""
    return Plugins(tasks.host)


@pytest.fixture()
def blue(tasks: Tasks) -> Tasks:
    """Tasks on that host, with a network 'blue' whose names a name server answers."""
    tasks.host.have_name_server()
    tasks.network("blue", "10.9.0.0/24")
    return tasks
