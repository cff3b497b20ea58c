# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subnets that the host reaches through a VPN."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab import command
from playbook import ALL, Playbook, web_works
from stand_in import OUTSIDE

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput

OVERLAP = {"cnm.allow_host_overlap": "true"}


@pytest.fixture
def tunnel(play: Playbook) -> str:
    """A device that stands in for that of a VPN."""
    play.host.ip(f"link add tun0 type veth peer name tun0 netns {OUTSIDE}\naddress add 10.8.0.2/24 dev tun0\n")
    play.host.ip("link set tun0 up\n", OUTSIDE)
    command("ip link set tun0 up")
    return "tun0"


def subnet(play: Playbook, network: str) -> str:
    (shown,) = [each for each in play.shown("network") if each["Name"] == network]
    return str(shown["IPAM"]["Config"][0]["Subnet"])


@pytest.mark.parametrize(
    ("route", "chosen"),
    (
        ("172.18.0.0/16 dev tun0", "172.19.0.0/16"),
        ("172.18.255.0/30 dev tun0", "172.19.0.0/16"),
        ("172.18.7.7/32 dev tun0", "172.19.0.0/16"),
        ("172.16.0.0/12 dev tun0", "192.168.16.0/20"),
        ("172.18.0.0/16 via 10.8.0.1", "172.18.0.0/16"),
        ("default via 10.8.0.1 metric 5", "172.18.0.0/16"),
        ("default dev tun0 metric 5", "172.18.0.0/16"),
    ),
)
@pytest.mark.usefixtures("tunnel")
def test_what_is_chosen_beside_a_route(play: Playbook, route: str, chosen: str) -> None:
    command(f"ip route add {route}")
    play.network("web")
    assert subnet(play, "web") == chosen


@pytest.mark.usefixtures("tunnel")
def test_an_explicit_subnet_is_refused_or_forced(play: Playbook) -> None:
    command("ip route add 172.18.7.0/24 dev tun0")
    wish = [{"subnet": "172.18.0.0/16"}]
    with pytest.raises(InvalidInput, match=r"overlaps 172\.18\.7\.0/24, which the host reaches on 'tun0'"):
        play.network("web", ipam_config=wish)
    assert "web" not in [each["Name"] for each in play.shown("network")]
    play.network("web", ipam_config=wish, driver_options=OVERLAP)
    assert subnet(play, "web") == "172.18.0.0/16"
    assert not play.network("web", ipam_config=wish, driver_options=OVERLAP).changed


@pytest.mark.usefixtures("tunnel")
def test_an_explicit_subnet_beside_a_route_by_way_of_a_gateway(play: Playbook) -> None:
    command("ip route add 172.18.0.0/16 via 10.8.0.1")
    play.network("web", ipam_config=[{"subnet": "172.18.0.0/16"}])
    assert subnet(play, "web") == "172.18.0.0/16"


@pytest.mark.usefixtures("tunnel")
def test_explicit_ipv6_subnets(play: Playbook) -> None:
    command("ip address add fd00:8::2/64 dev tun0 nodad")
    command("ip route add fd00:18::/64 via fd00:8::1")
    command("ip route add fd00:19::/64 dev tun0")
    with pytest.raises(InvalidInput, match="overlaps fd00:19::/64, which the host reaches on 'tun0'"):
        play.network("web", ipam_config=[{"subnet": "fd00:19::/64"}])
    play.network("web", ipam_config=[{"subnet": "fd00:18::/64"}])


@pytest.mark.usefixtures("tunnel")
def test_a_vpn_that_comes_later_stops_no_run(play: Playbook) -> None:
    play.web()
    command("ip route add 172.18.128.0/24 dev tun0")
    assert not play.network("web").changed
    assert web_works(play) == ALL


def test_a_name_server_is_left_reachable(play: Playbook) -> None:
    Path("/etc/resolv.conf").unlink()
    Path("/etc/resolv.conf").write_text("nameserver 172.18.0.53\n")
    play.network("web")
    assert subnet(play, "web") == "172.19.0.0/16"
