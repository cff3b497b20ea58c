# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that FRR tells of all endpoints. One host has those of all others, and the first host reflects its routes."""

from __future__ import annotations

import ipaddress
import subprocess
import time

from clock import used_by
from fleet import Fleet, Member, until
from frr import Frr, running

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import CONTROL
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.addresses import mac_of

from .load import traffic
from .simulated import ENDPOINTS

SUBNET = "10.9.0.0/16"
_FIRST = ipaddress.IPv4Address("10.9.64.0")
IDLE = 8.0
"""Seconds."""
_PATIENCE = 120.0


def measure(fleet: Fleet, size: int) -> dict[str, float]:
    """Return the figures of the third host of FLEET, when the second one has the endpoints of SIZE hosts."""
    _reflector, two, three = fleet.members
    fleet.network("blue", [SUBNET], driver_options={CONTROL: "evpn"})
    fleet.sandboxes("blue")
    many = size * ENDPOINTS
    # An overlay's id follows from its name, so its bridge has one name on all hosts.
    bridge = next(each["ifname"] for each in two.listed("ip", "link") if each["ifname"].startswith("br-"))
    port = next(each["ifname"] for each in two.listed("bridge", "link") if each["ifname"].startswith("veth"))
    with running(fleet) as daemons:
        assert until(lambda: three.ping("s3", "10.9.2.0", patience=1.0), _PATIENCE)
        figures: dict[str, float] = {}
        before = traffic(three)
        time.sleep(IDLE)
        figures["idle: traffic of a host, KB/s"] = 1000 * (traffic(three) - before) / IDLE
        before, cpu, reflected = traffic(three), _cpu(daemons[2]), _cpu(daemons[0])
        with two.here():
            _add(bridge, port, many)
        begin = time.perf_counter()
        assert until(lambda: _known(three, bridge) >= many, _PATIENCE), _known(three, bridge)
        figures["known on another host, s"] = time.perf_counter() - begin
        figures["traffic of a host, MB"] = traffic(three) - before
        figures["CPU of FRR on a host, s"] = _cpu(daemons[2]) - cpu
        figures["CPU of FRR on the reflector, s"] = _cpu(daemons[0]) - reflected
        figures["memory of FRR on a host, MB"] = sum(daemons[2].size().values()) / 1024
        figures["memory of FRR on the reflector, MB"] = sum(daemons[0].size().values()) / 1024
    return figures


def _add(bridge: str, port: str, many: int) -> None:
    """Make MANY endpoints on the host that was entered, as the network's driver does, without sandboxes."""
    addresses = [str(_FIRST + number) for number in range(many)]
    entries = [(address, mac_of(ipaddress.IPv4Address(address))) for address in addresses]
    _batch("bridge", "".join(f"fdb add {mac} dev {port} master static\n" for _address, mac in entries))
    _batch("ip", "".join(f"neigh add {address} lladdr {mac} dev {bridge} nud permanent\n" for address, mac in entries))


def _batch(program: str, commands: str) -> None:
    subprocess.run([program, "-batch", "-"], input=commands, text=True, check=True)


def _known(member: Member, bridge: str) -> int:
    """Return how many endpoints of others FRR has told MEMBER."""
    return member.run("ip", "neigh", "show", "dev", bridge, "proto", "zebra").stdout.count("\n")


def _cpu(daemons: Frr) -> float:
    return sum(map(used_by, daemons.pids))
