# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that the inventory tells of all others."""

from __future__ import annotations

import resource
from typing import Any

from clock import measured
from fleet import Fleet

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import LEARNING, VTEP
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.overlay_peer import pack

from .simulated import ENDPOINTS, NETWORK, SUBNET, address_of, name_of, vtep


def measure(fleet: Fleet, size: int) -> dict[str, float]:
    """Return the figures of a network with SIZE hosts on the first host of FLEET."""
    (member,) = fleet.members
    peers = [_peer(host, ENDPOINTS) for host in range(1, size + 1)]
    item = {
        "name": NETWORK,
        "driver": "overlay",
        "ipam_config": [{"subnet": SUBNET}],
        "peers": peers,
        "driver_options": {VTEP: member.vtep[4], LEARNING: False},
    }
    figures = {"what a host is sent, KB": len(pack(peers)) / 1000}
    figures["first run: CPU, s"] = measured(lambda: member.ensure("network", item)).cpu
    figures["run that changes nothing: CPU, s"] = measured(lambda: member.ensure("network", item)).cpu
    changed = {**item, "peers": [_peer(1, ENDPOINTS + 1), *peers[1:]]}
    figures["run with one endpoint more elsewhere: CPU, s"] = measured(lambda: member.ensure("network", changed)).cpu
    figures["memory of a run, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures


def _peer(host: int, endpoints: int) -> dict[str, Any]:
    each = [{"name": name_of(host, one), "ipv4_address": address_of(host, one)} for one in range(endpoints)]
    return {"name": f"h{host}", "address": vtep(host), "endpoints": each}
