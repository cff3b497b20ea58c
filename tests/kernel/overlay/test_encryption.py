# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks that go between hosts only in a tunnel of WireGuard, as seen by their sandboxes and on the wire."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

import pytest
from fleet import Fleet, Member, until
from wireguard import INTERFACE, Tunnels, encrypted, inner, needs_wireguard, tunnels, wire

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import ENCRYPTED, VNI
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError

pytestmark = needs_wireguard
POOLS = ["10.9.0.0/16", "fd00:9::/64"]
BLUE, RED = 77, 78
"""VNIs."""
QUICK = 0.3
"""Seconds."""
KIND = 0x88B5
"""An EtherType for experiments (IEEE 802)."""
FRAME = b"\xff" * 6 + bytes.fromhex("024200000007") + struct.pack("!H", KIND) + bytes(46)


@pytest.fixture()
def tunnel(fleet: Fleet) -> Iterator[Tunnels]:
    """Three hosts with the encrypted network 'blue', and a sandbox of each."""
    with tunnels(*fleet.members) as made:
        made.run()
        ensure(fleet)
        fleet.sandboxes("blue")
        yield made


def ensure(fleet: Fleet) -> list[bool]:
    """Ensure the network on all hosts; return for each whether it changed."""
    items = {member: encrypted(fleet, member, "blue", POOLS, **{VNI: BLUE}) for member in fleet.members}
    return [member.ensure("network", item).changed for member, item in items.items()]


def reach(one: Member, other: Member) -> bool:
    """Return whether the sandbox of ONE reaches that of OTHER."""
    return one.ping(f"s{one.number}", f"10.9.{other.number}.0", patience=QUICK)


def send_clear(source: Member, target: str, vni: int = BLUE) -> str:
    """Send a VXLAN packet from SOURCE to TARGET, in a plain UDP packet; return what the kernel said."""
    with source.here():
        plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with plain:
        try:
            plain.sendto(struct.pack("!II", 0x08000000, vni << 8) + FRAME, (target, 4789))
            return "sent"
        except PermissionError:
            return "refused"


@pytest.mark.machine
def test_the_wire_shows_nothing_of_an_encrypted_network(fleet: Fleet, tunnel: Tunnels) -> None:
    one, two, _three = fleet.members
    with wire(fleet) as seen:
        for member in fleet.members:
            for other in fleet.members:
                assert member is other or until(lambda member=member, other=other: reach(member, other))
        # 1500, less 60 for WireGuard between IPv4 addresses, less 50 for VXLAN between IPv4 addresses.
        assert one.ping("s1", "10.9.2.0", "-M", "do", "-s", str(1390 - 28))
        assert not one.ping("s1", "10.9.2.0", "-M", "do", "-s", str(1390 - 27), patience=QUICK)
    assert seen.clear == [] and len(seen.hidden) > 10
    assert max(seen.hidden) <= 1514, "no fragments"
    assert ensure(fleet) == [False] * 3

    # The test would see a packet in the clear.
    with wire(fleet) as seen:
        assert send_clear(one, two.vtep[4], RED) == "sent"
    assert RED in seen.clear


@pytest.mark.machine
def test_nothing_is_sent_when_the_tunnel_fails(fleet: Fleet, tunnel: Tunnels) -> None:
    one, two, _three = fleet.members
    assert until(lambda: reach(one, two))
    with wire(fleet) as seen:
        # Another route to the peer, which would answer, because it has the address.
        one.run("ip", "route", "replace", f"{inner(two)}/32", "via", two.vtep[4], "dev", "under")
        reach(one, two)
        reach(two, one)
        assert send_clear(one, inner(two)) == "refused"
        one.run("ip", "link", "set", INTERFACE, "down")
        assert not reach(one, two)
        assert send_clear(one, two.vtep[4]) == "refused"

        # Another interface takes the place of the tunnel, with its name and address.
        tunnel.down(one)
        assert not reach(one, two)
        one.run("ip", "link", "add", "link", "under", "name", INTERFACE, "type", "macvlan", "mode", "bridge")
        one.run("ip", "address", "add", f"{inner(one)}/24", "dev", INTERFACE)
        one.run("ip", "link", "set", INTERFACE, "up")
        one.warnings.clear()
        one.restore()
        assert [INTERFACE in each and "not WireGuard's" in each for each in one.warnings] == [True]
        assert not reach(one, two) and not reach(two, one)
        assert send_clear(one, inner(two)) == "refused", "not even by the interface of that name"
        with pytest.raises(CnmError, match="it is encrypted, and 'wg-cnm', the interface with 10.254.0.1, is not Wire"):
            ensure(fleet)
    assert BLUE not in seen.clear

    # The tunnel comes back.
    tunnel.down(one)
    one.run("ip", "route", "flush", f"{inner(two)}/32")
    tunnel.up(one)
    assert one.restore().changed
    assert until(lambda: reach(one, two) and reach(two, one))
    assert ensure(fleet) == [False] * 3


@pytest.mark.machine
def test_what_a_peer_sends_in_the_clear_does_not_enter(fleet: Fleet, tunnel: Tunnels) -> None:
    one, two, _three = fleet.members
    assert until(lambda: reach(one, two))

    with one.here():
        arrived = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(KIND))
        arrived.bind((str(one.shown("network")["blue"]["Host"]["Device"]), KIND))

    # Otherwise the kernel could drop the packet first, because it would send the answer by the tunnel.
    one.run("sh", "-c", "for each in all under; do echo 0 >/proc/sys/net/ipv4/conf/$each/rp_filter; done")
    two.run("nft", "flush", "ruleset")
    two.run("ip", "route", "replace", f"{inner(one)}/32", "via", one.vtep[4], "dev", "under", "src", inner(two))
    with arrived, wire(fleet) as seen:
        assert send_clear(two, inner(one)) == send_clear(two, one.vtep[4]) == "sent"
        arrived.settimeout(1)
        with pytest.raises(TimeoutError):
            arrived.recv(100)
        # In the tunnel, it enters.
        two.run("ip", "route", "delete", f"{inner(one)}/32")
        assert send_clear(two, inner(one)) == "sent"
        arrived.settimeout(20)
        assert arrived.recv(100) == FRAME
    assert seen.clear.count(BLUE) >= 2, "what did not enter was on the wire"


def test_rules_that_somebody_deletes_come_back(fleet: Fleet, tunnel: Tunnels) -> None:
    one = fleet.members[0]
    for name, entry in (("encrypted", f"4789 . {BLUE}"), ("encrypting", f'"{INTERFACE}"')):
        one.run("nft", "delete", "element", "inet", "cnm", name, f"{{ {entry} }}")
        assert ensure(fleet) == [True, False, False], name
        one.run("nft", "delete", "element", "inet", "cnm", name, f"{{ {entry} }}")
        assert one.restore().changed
    assert ensure(fleet) == [False] * 3
    for member in fleet.members:
        member.ensure("sandbox", {"name": f"s{member.number}", "state": "absent"})
        member.ensure("network", {"name": "blue", "state": "absent"})
        assert "4789" not in member.run("nft", "list", "ruleset").stdout


@pytest.mark.machine
def test_only_wireguard_is_taken_for_it(fleet: Fleet) -> None:
    one = fleet.members[0]
    item = encrypted(fleet, one, "blue", POOLS)
    outside = {**item, "driver_options": {ENCRYPTED: True}}
    outside["peers"] = [{"name": "h2", "address": "198.51.100.9"}]
    with pytest.raises(CnmError, match="it is encrypted, and 'uplink', the interface with 198.51.100.2, is not Wire"):
        one.ensure("network", outside)
    # A tunnel of something else, such as OpenVPN, with what a process of WireGuard has left behind.
    one.run("ip", "tuntap", "add", INTERFACE, "mode", "tun")
    one.run("ip", "address", "add", f"{inner(one)}/24", "dev", INTERFACE)
    one.run("ip", "link", "set", INTERFACE, "up")
    with one.here():
        os.makedirs("/run/wireguard", exist_ok=True)
        left = socket.socket(socket.AF_UNIX)
        left.bind(f"/run/wireguard/{INTERFACE}.sock")
        left.close()
    with pytest.raises(CnmError, match=f"'{INTERFACE}', the interface with 10.254.0.1, is not WireGuard's"):
        one.ensure("network", item)
