# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Only the hosts of an overlay can send packets into it from outside."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from contextlib import suppress

from attack import datagram
from fleet import Fleet, Member, Place
from lab import HOST, await_, endpoint

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import vni

PORT = 4789
INTRUDER = "10.9.7.7"
FAMILIES = {"blue": 4, "red": 6}
NUMBERS = {"blue": 9, "red": 10, "evil": 66, "inner": 67}


def encapsulated(network: str, inner: str) -> bytes:
    """Return a VXLAN packet of NETWORK with a broadcast frame that contains a packet to INNER."""
    frame = b"\xff" * 6 + bytes.fromhex("024200000007") + struct.pack("!H", 0x0800) + datagram(INTRUDER, inner)
    return struct.pack("!II", 0x08000000, vni(network, {}) << 8) + frame


def enters(source: Place, place: str, addresses: Sequence[str], via: Member, network: str = "blue") -> bool:
    """Return whether a packet from PLACE on SOURCE to the tunnel's port at ADDRESSES arrives in a sandbox on VIA."""
    with via.here():
        waiting = endpoint(f"s{via.number}", "udp", "0.0.0.0", 53)
    with waiting:
        for address in addresses:
            with source.here():
                sending = endpoint(place, "udp", "::" if ":" in address else "0.0.0.0")
            with sending, suppress(OSError):
                sending.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                sending.sendto(encapsulated(network, target(network, via)), (address, PORT))
        try:
            await_(waiting)
            return waiting.recvfrom(100)[1][0] == INTRUDER
        except OSError:
            return False


def target(network: str, member: Member) -> str:
    return f"10.{NUMBERS[network]}.{member.number}.5"


def test_only_the_hosts_of_an_overlay_enter_it() -> None:
    """Networks blue and red have the same port. The hosts of red reach each other by IPv6."""
    fleet = Fleet(2)
    try:
        one, other = fleet.members
        for name, fleet.family in FAMILIES.items():
            fleet.network(name, [f"10.{NUMBERS[name]}.0.0/16"])
        fleet.sandboxes(*(lambda m, n=name: {"name": n, "ipv4_address": target(n, m)} for name in FAMILIES))
        for name in ("evil", "inner"):
            subnets = [{"subnet": f"10.{NUMBERS[name]}.0.0/24"}, {"subnet": f"fd00:{NUMBERS[name]}::/64"}]
            one.ensure("network", {"name": name, "ipam_config": subnets, "internal": name == "inner"})
            one.ensure("sandbox", {"name": name, "networks": [{"name": name}]})
        for name, family in FAMILIES.items():
            assert enters(other, HOST, [one.vtep[family]], one, name)
            assert enters(one, HOST, [other.vtep[family]], other, name)
        for name in ("evil", "inner"):
            number = NUMBERS[name]
            own = [f"10.{number}.0.1", f"10.{number}.0.255", f"fd00:{number}::1", *one.vtep.values()]
            assert not enters(one, name, own, one)
            assert not enters(one, name, list(other.vtep.values()), other)
        with fleet.switch.here():
            fleet._ip("address add 10.99.5.99/24 dev sw\naddress add fd99::99/64 dev sw nodad\n")
        assert not enters(fleet.switch, HOST, list(one.vtep.values()), one)
        one.ensure("network", {"name": "red", "state": "absent", "force": True})
        assert enters(other, HOST, [one.vtep[4]], one)
        one.ensure("network", {"name": "blue", "state": "absent", "force": True})
        assert str(PORT) not in one.run("nft", "list", "table", "inet", "cnm").stdout
    finally:
        fleet.close()
