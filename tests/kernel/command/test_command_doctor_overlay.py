# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``cnm doctor`` says about faults between two hosts."""

from __future__ import annotations

from typing import Any

import pytest
from findings import Doctor
from fleet import Fleet, Member


def endpoint(member: Member) -> dict[str, Any]:
    return {"name": "blue", "ipv4_address": f"10.9.{member.number}.5"}


def test_faults_between_hosts_are_found(fleet: Fleet, capfd: pytest.CaptureFixture[str]) -> None:
    declared = {one.name: [{**endpoint(one), "name": f"s{one.number}"}] for one in fleet.members}
    fleet.network("blue", ["10.9.0.0/16"], endpoints=declared, driver_options={"cnm.overlay.learning": False})
    fleet.sandboxes(endpoint)
    one, two, _three = fleet.members
    tunnel = str(one.shown("network")["blue"]["Host"]["VxlanDevice"])

    def found(member: Member) -> tuple[int, dict[str, Any]]:
        with member.here():
            status, stops = Doctor(capfd)("s1", "s2")
        return status, stops[-1]

    assert [found(one)[0], found(two)[0]] == [0, 0]
    mac = next(
        each["MacAddress"] for each in one.shown("network")["blue"]["Containers"].values() if each["Name"] == "s2"
    )
    for command, stop, says in (
        (f"ip link set {tunnel} down", "tunnel", "is down"),
        (f"bridge fdb del {mac} dev {tunnel} dst 10.99.5.2 self", "forwarding entries", f"forwarding to {mac}"),
        ("ip route add unreachable 10.99.5.2", "host h2", "10.99.5.2 does not answer"),
    ):
        one.run(*command.split())
        status, last = found(one)
        assert (status, last["name"]) == (1, stop), last
        assert says in last["found"]
        one.run("ip", "route", "delete", "unreachable", "10.99.5.2", check=False)
        one.restore()
    two.run("ip", "-n", "s2", "link", "set", "eth0", "down")
    assert "cnm doctor s1 s2 on host h2" in found(one)[1]["advice"]
    assert found(two)[1]["name"] == "interface of s2"
