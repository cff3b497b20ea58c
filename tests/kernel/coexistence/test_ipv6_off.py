# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IPv6 disabled on the host, and IPv6 configured by router advertisements."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress
from pathlib import Path

import pytest
from lab import at, command, pinged, sysctl
from playbook import ALL, Playbook, inventory, setting, web_works
from stand_in import OUTSIDE

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput

SWITCH = "net/ipv6/conf/all/disable_ipv6"


def test_without_ipv6(play: Playbook) -> None:
    sysctl(SWITCH, 1)
    before = inventory(play.host)
    play.web()
    assert web_works(play) == ALL
    assert "::" not in Path("/etc/netns/one/hosts").read_text()
    assert not play.sandbox("one").changed
    with pytest.raises(InvalidInput) as caught:
        play.network("six", enable_ipv6=True)
    assert caught.value.problems == (
        "Network 'six': IPv6 is disabled on this host (net.ipv6.conf.all.disable_ipv6), or its kernel does not "
        "support it.",
    )
    with pytest.raises(InvalidInput, match="IPv6 is disabled"):
        play.network("six", ipam_config=[{"subnet": "fd00:6::/64"}])
    play.end()
    assert inventory(play.host) == before


def test_switched_off_below_an_ipv6_network(play: Playbook) -> None:
    before = inventory(play.host)
    play.network("six", enable_ipv6=True)
    play.web()
    sysctl(SWITCH, 1)
    assert web_works(play) == ALL
    play.sandbox("three", "web")
    with pytest.raises(InvalidInput, match="IPv6 is disabled"):
        play.network("six")
    play.network("six", state="absent")
    play.end()
    sysctl(SWITCH, 0)
    assert inventory(play.host) == before


def advertise(play: Playbook) -> None:
    """Send router advertisements from outside until the host has received one."""
    for place in ("", OUTSIDE):
        with at(place):
            for name in Path("/proc/sys/net/ipv6/conf").iterdir():
                sysctl(f"net/ipv6/conf/{name.name}/accept_dad", 0)
    play.host.ip("link set wan down\nlink set wan up\n", OUTSIDE)
    with at(OUTSIDE):
        router = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        index = socket.if_nametoindex("wan")
    advertisement = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    with router:
        router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(OSError):  # as long as the router has no address
                router.sendto(advertisement, ("ff02::1", 0, 0, index))
            if "proto ra" in default_route(play):
                return
            time.sleep(0.02)
    pytest.fail(f"the host heard no router advertisement: {play.host.out(['ip', '-6', 'route'])}")


def default_route(play: Playbook) -> str:
    return play.host.out(["ip", "-6", "route", "show", "default"])


def test_a_default_route_from_advertisements_survives_forwarding(play: Playbook) -> None:
    advertise(play)
    accepts = "net/ipv6/conf/uplink/accept_ra"
    assert (setting(accepts), setting("net/ipv6/conf/all/forwarding")) == ("1", "0")
    play.network("six", enable_ipv6=True)
    assert (setting(accepts), setting("net/ipv6/conf/all/forwarding")) == ("2", "1")
    assert "proto ra" in default_route(play)
    assert not play.network("six").changed
    play.network("six", state="absent")
    assert (setting(accepts), setting("net/ipv6/conf/all/forwarding")) == ("1", "0")
    assert "proto ra" in default_route(play)


def test_an_ipv4_network_leaves_ipv6_alone(play: Playbook) -> None:
    advertise(play)
    play.web()
    assert setting("net/ipv6/conf/uplink/accept_ra") == "1"
    assert setting("net/ipv6/conf/all/forwarding") == "0"
    assert "proto ra" in default_route(play)


@pytest.mark.parametrize("switch", ("all", "default"))
def test_new_interfaces_without_ipv6_in_an_adopted_namespace(play: Playbook, switch: str) -> None:
    command("ip netns add theirs")
    with at("theirs"):
        sysctl(f"net/ipv6/conf/{switch}/disable_ipv6", 1)
    play.network("six", ipam_config=[{"subnet": "10.6.0.0/24"}, {"subnet": "fd00:6::/64"}])
    play.sandbox("one", "six", netns="/run/netns/theirs")
    assert pinged("theirs", "fd00:6::1")
    assert not play.sandbox("one").changed


def test_new_interfaces_of_the_host_without_ipv6(play: Playbook) -> None:
    sysctl("net/ipv6/conf/default/disable_ipv6", 1)
    play.network("six", ipam_config=[{"subnet": "fd00:6::/64"}], enable_ipv6=True)
    play.sandbox("one", "six")
    assert pinged("one", "fd00:6::1")
    assert not play.network("six").changed
