# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts whose agents tell each other through etcd which endpoints they have."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import front_ends
import pytest
from etcd_cluster import PREFIX, Cluster, cluster, needs_etcd
from fleet import Fleet, Member, until
from needed import needs_name_server
from service import SOCKET, Service

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import CONTROL, VTEP
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput

front_ends.use()
from cnm_agent.lease import TTL

pytestmark = [needs_etcd, needs_name_server]
SETTINGS = Path("/etc/cnm/etcd.json")
SOON = 30.0
"""Seconds. On an idle machine, it takes less than half a second; here, other tests run at the same time."""
LEASE = TTL + 12.0
"""Seconds until a lease has certainly expired."""
WITHIN = 60.0


class Agents:
    """The services of the hosts of FLEET, with their agents for ETCD."""

    def __init__(self, fleet: Fleet, etcd: Cluster) -> None:
        self.fleet = fleet
        self._services: dict[str, Service] = {}
        for member in fleet.members:
            self.start(member)

    def start(self, member: Member) -> None:
        with member.here():
            self._services[member.name] = Service(SOCKET, "engines", "--etcd", str(SETTINGS))

    def kill(self, member: Member) -> None:
        with member.here():
            self._services[member.name].kill()

    def end(self) -> None:
        for member in self.fleet.members:
            with member.here():
                self._services[member.name].end()


@pytest.fixture()
def etcd(fleet: Fleet) -> Iterator[Cluster]:
    """A member on each host, which all hosts know."""
    with cluster(fleet_members=fleet.members) as made:
        urls = [each.url for each in made.members]
        for member in fleet.members:
            with member.here():
                SETTINGS.parent.mkdir(exist_ok=True)
                SETTINGS.touch(0o600)
                SETTINGS.write_text(json.dumps({"endpoints": urls, "prefix": PREFIX}))
        yield made


@pytest.fixture()
def agents(fleet: Fleet, etcd: Cluster) -> Iterator[Agents]:
    """Agents of three hosts with the network 'blue', on which each has a sandbox."""
    for member in fleet.members:
        with member.here():
            member.host.have_name_server()
    fleet.network("blue", ["10.9.0.0/16"], driver_options={CONTROL: "etcd"})
    fleet.sandboxes("blue")
    with running(fleet, etcd) as made:
        yield made


@contextmanager
def running(fleet: Fleet, etcd: Cluster) -> Iterator[Agents]:
    made = Agents(fleet, etcd)
    try:
        yield made
    finally:
        made.end()


def found(member: Member, name: str) -> set[str]:
    """Return the addresses that the sandbox on MEMBER finds for NAME."""
    done = member.run("ip", "netns", "exec", f"s{member.number}", "getent", "ahostsv4", name, check=False)
    return {line.split()[0] for line in done.stdout.splitlines()}


def ways(member: Member, mac: str) -> set[str]:
    """Return the hosts to which MEMBER sends frames for MAC."""
    entries = member.listed("bridge", "fdb", "show")
    return {each["dst"] for each in entries if each["mac"] == mac and "dst" in each}


def where(member: Member, name: str) -> list[str]:
    """Return the hosts of the endpoint NAME, as MEMBER knows them."""
    containers = member.shown("network")["blue"]["Containers"].values()
    return [each["Host"] for each in containers if each["Name"] == name and "Host" in each]


def all_find(fleet: Fleet, names: dict[str, set[str]], *members: Member) -> Any:
    """Return whether all sandboxes, or those on MEMBERS, find the NAMES with these addresses, and no others."""
    return all(
        found(member, name) == addresses for member in members or fleet.members for name, addresses in names.items()
    )


def test_names_follow_sandboxes(fleet: Fleet, agents: Agents) -> None:
    one, two, three = fleet.members
    everybody = {f"s{number}.blue": {f"10.9.{number}.0"} for number in (1, 2, 3)}
    assert until(lambda: all_find(fleet, everybody), WITHIN)

    attachment = {"name": "blue", "ipv4_address": "10.9.200.1", "aliases": ["www"]}
    one.ensure("sandbox", {"name": "web", "networks": [attachment]})
    assert until(lambda: all_find(fleet, {"web": {"10.9.200.1"}, "www.blue": {"10.9.200.1"}}), SOON)
    assert three.ping("s3", "web")
    # Nothing is flooded, not even at first.
    assert not any(member.shown("network")["blue"]["Host"]["Learning"] for member in fleet.members)
    assert "00:00:00:00:00:00" not in three.run("bridge", "fdb", "show").stdout
    assert ways(three, "02:42:0a:09:c8:01") == {"10.99.5.1"}
    one.ensure("sandbox", {"name": "web", "state": "stopped"})
    assert until(lambda: all_find(fleet, {"web": set(), "www": set()}), SOON)
    assert ways(three, "02:42:0a:09:c8:01") == set()

    # It moves, with its address.
    one.ensure("sandbox", {"name": "web", "state": "absent"})
    two.ensure("sandbox", {"name": "web", "networks": [{"name": "blue", "ipv4_address": "10.9.200.1"}]})
    assert until(lambda: all_find(fleet, {"web": {"10.9.200.1"}}), SOON)
    assert until(lambda: one.ping("s1", "web", patience=1.0), SOON)
    assert [
        each["Host"] for each in three.shown("network")["blue"]["Containers"].values() if each["Name"] == "web"
    ] == ["h2"]
    assert one.warnings == []


def test_hosts_die_and_come_back(fleet: Fleet, agents: Agents, etcd: Cluster) -> None:
    one, two, three = fleet.members
    everybody = {f"s{number}": {f"10.9.{number}.0"} for number in (1, 2, 3)}
    assert until(lambda: all_find(fleet, everybody), WITHIN)

    # A service that is restarted takes its keys over, and publishes what has changed in the meantime.
    stopped = time.monotonic()
    agents.kill(three)
    three.ensure("sandbox", {"name": "t3", "networks": [{"name": "blue", "ipv4_address": "10.9.200.3"}]})
    agents.start(three)
    assert until(lambda: all_find(fleet, {"t3": {"10.9.200.3"}}), WITHIN)
    everybody["t3"] = {"10.9.200.3"}
    deadline = time.monotonic() + TTL + 2
    # On a busy machine it may be back too late for that.
    in_time = time.monotonic() - stopped < TTL
    while in_time and time.monotonic() < deadline:
        assert all_find(fleet, everybody)
    assert until(lambda: all_find(fleet, everybody), WITHIN)

    # One that dies is forgotten when its lease expires.
    agents.kill(three)
    assert one.ping("s1", "10.9.3.0")
    assert until(lambda: all_find(fleet, {"s3": set(), "t3": set()}, one, two), LEASE)
    agents.start(three)
    assert until(lambda: all_find(fleet, everybody), WITHIN)

    # A host that is cut off keeps what it knows, and starts and moves go on.
    fleet.plug(3, up=False)
    assert until(lambda: all_find(fleet, {"s3": set(), "t3": set()}, one, two), LEASE)
    assert all_find(fleet, everybody, three)
    three.ensure("sandbox", {"name": "u3", "networks": [{"name": "blue"}]})
    two.ensure("sandbox", {"name": "t3", "networks": [{"name": "blue", "ipv4_address": "10.9.200.3"}]})
    assert until(lambda: all_find(fleet, {"t3": {"10.9.200.3"}}, one, two), SOON)
    two.ensure("sandbox", {"name": "v2", "networks": [{"name": "blue", "ipv4_address": "10.9.200.4"}]})
    fleet.plug(3, up=True)
    everybody.update(u3={"10.9.3.1"}, v2={"10.9.200.4"})
    # When the host that was cut off finds v2, it also knows that t3 has moved.
    assert until(lambda: all_find(fleet, everybody), WITHIN)
    # It still has what has moved, and does not take it back.
    assert where(one, "t3") == ["h2"]
    # When it boots, it does not bring it back.
    agents.kill(three)
    three.forget()
    assert three.restore().given_way == ["t3"]
    agents.start(three)
    assert until(lambda: all_find(fleet, everybody), WITHIN)
    assert where(one, "t3") == ["h2"]
    assert until(lambda: three.ping("s3", "t3", patience=1.0), SOON)
    assert "t3" not in three.run("ip", "netns", "list").stdout.split()
    three.ensure("sandbox", {"name": "t3", "state": "absent"})
    assert until(lambda: where(three, "t3") == ["h2"] and all_find(fleet, everybody), WITHIN)


def test_etcd_goes_and_comes_back(fleet: Fleet, agents: Agents, etcd: Cluster) -> None:
    one, two, three = fleet.members
    everybody = {f"s{number}": {f"10.9.{number}.0"} for number in (1, 2, 3)}
    assert until(lambda: all_find(fleet, everybody), WITHIN)

    # A member less: nothing is missed.
    leader = etcd.leader()
    leader.kill()
    two.ensure("sandbox", {"name": "t2", "networks": [{"name": "blue"}]})
    everybody["t2"] = {"10.9.2.1"}
    assert until(lambda: all_find(fleet, everybody), WITHIN)

    # None: what is known stays, and each host goes on.
    for each in etcd.others(leader):
        each.kill()
    one.ensure("sandbox", {"name": "t1", "networks": [{"name": "blue"}]})
    two.ensure("sandbox", {"name": "t2", "state": "absent"})
    assert found(one, "t1") == {"10.9.1.1"}
    deadline = time.monotonic() + TTL + 2
    while time.monotonic() < deadline:
        assert all_find(fleet, everybody, three)
    assert three.ping("s3", "s1")

    # All are back: nothing is lost or doubled.
    etcd.start()
    everybody.update(t1={"10.9.1.1"}, t2=set())
    assert until(lambda: all_find(fleet, everybody), WITHIN)
    with one.here():
        entries = etcd.client().list("networks/").entries
    assert sorted(each.key.rpartition("/")[2] for each in entries if "/hosts/" in each.key) == ["s1", "s2", "s3", "t1"]


def test_a_network_is_joined_by_its_name(fleet: Fleet, etcd: Cluster) -> None:
    """Hosts that know nothing of each other; the steps of a play are all there, also in check mode."""
    one, two, three = fleet.members
    for member in fleet.members:
        with member.here():
            member.host.have_name_server()

    def blue(member: Member, **more: Any) -> dict[str, Any]:
        options = {CONTROL: "etcd", VTEP: member.vtep[4]}
        return {"name": "blue", "driver": "overlay", "driver_options": options, **more}

    whole = {"ipam_config": [{"subnet": "10.9.0.0/16"}]}
    for member, more in ((one, whole), (two, {}), (three, {})):
        for changed in (True, False):
            assert member.ensure("network", blue(member, **more), check=True).changed == changed
            assert member.ensure("network", blue(member, **more)).changed == changed
    with pytest.raises(InvalidInput, match=r"the IPv4 subnet is 10.9.0.0/16 there and 10.7.0.0/16 here"):
        three.ensure("network", blue(three, ipam_config=[{"subnet": "10.7.0.0/16"}], force=True))
    with running(fleet, etcd):
        for member in fleet.members:
            member.ensure("sandbox", {"name": f"s{member.number}", "networks": [{"name": "blue"}]})
        addresses = {
            f"s{each.number}": {each.shown("sandbox")[f"s{each.number}"]["Networks"]["blue"]["IPAddress"]}
            for each in fleet.members
        }
        assert len(set.union(*addresses.values())) == 3
        assert until(lambda: all_find(fleet, addresses), WITHIN)
        assert one.ping("s1", "s3") and three.ping("s3", "s2")
        # One leaves, and the others notice.
        three.ensure("network", {"name": "blue", "state": "absent", "force": True})
        assert until(lambda: [each["Name"] for each in one.shown("network")["blue"]["Peers"]] == ["10.99.5.2"], SOON)
        for member in (one, two):
            member.ensure("network", {"name": "blue", "state": "absent", "force": True})
        with one.here():
            assert until(
                lambda: not [each for each in etcd.client().list("").entries if "hosts/" not in each.key[:6]], SOON
            )
