# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of sandboxes on other hosts, looked up on the name server of each host."""

from __future__ import annotations

from typing import Any

from fleet import Fleet, Member
from needed import needs_name_server


def fixed(member: Member) -> dict[str, Any]:
    number = member.number
    return {"ipv4_address": f"10.9.{number}.5", "ipv6_address": f"fd00:9::{number}:5", "aliases": ["db"]}


def known(member: Member, sandbox: str, name: str) -> set[str]:
    done = member.run("ip", "netns", "exec", sandbox, "getent", "ahosts", name, check=False)
    return {line.split()[0] for line in done.stdout.splitlines()}


@needs_name_server
def test_names_of_other_hosts(fleet: Fleet) -> None:
    for member in fleet.members:
        with member.here():
            member.host.have_name_server()
    declared = {member.name: [{"name": f"s{member.number}", **fixed(member)}] for member in fleet.members}
    fleet.network("blue", ["10.9.0.0/16", "fd00:9::/64"], endpoints=declared)
    fleet.sandboxes(lambda member: {"name": "blue", **fixed(member)})
    one, two, three = fleet.members
    everybody = {f"10.9.{number}.5" for number in (1, 2, 3)} | {f"fd00:9::{number}:5" for number in (1, 2, 3)}
    assert known(one, "s1", "s2") == known(three, "s3", "s2.blue") == {"10.9.2.5", "fd00:9::2:5"}
    assert known(one, "s1", "db") == known(two, "s2", "db") == everybody
    assert "s2" not in one.run("cat", "/etc/netns/s1/hosts").stdout
    assert one.ping("s1", "s2")
    declared["h2"] = []
    fleet.network("blue", ["10.9.0.0/16", "fd00:9::/64"], endpoints=declared)
    assert known(one, "s1", "s2") == set()
    assert known(two, "s2", "s1") == {"10.9.1.5", "fd00:9::1:5"}


def known_at(member: Member, sandbox: str, *asked: str) -> dict[str, set[str]]:
    return {name: known(member, sandbox, name) for name in asked}


def learning(fleet: Fleet) -> list[bool]:
    return [bool(member.shown("network")["blue"]["Host"]["Learning"]) for member in fleet.members]


@needs_name_server
def test_names_of_sandboxes_with_chosen_addresses(fleet: Fleet) -> None:
    """One play and the exchange tell all hosts; they remember it, also in plays for one host, and while one is down."""
    for member in fleet.members:
        with member.here():
            member.host.have_name_server()
    one, two, three = fleet.members
    blue = {"name": "blue", "driver": "overlay", "ipam_config": [{"subnet": "10.9.0.0/16"}]}
    back = {**blue, "name": "back", "internal": True, "ipam_config": [{"subnet": "10.8.0.0/16"}]}
    on = [{"name": "blue", "aliases": ["db"]}, {"name": "back"}]
    inventory: dict[str, dict[str, Any]] = {
        member.name: {
            "cnm_host_number": member.number,
            "cnm_networks": [blue, back],
            "cnm_sandboxes": [{"name": f"s{member.number}", "networks": on}],
        }
        for member in fleet.members
    }
    names = ["s1.blue", "s2.blue", "s3.back", "db"]
    everybody = {"s1.blue": {"10.9.1.0"}, "s2.blue": {"10.9.2.0"}, "s3.back": {"10.8.3.0"}}
    everybody["db"] = {"10.9.1.0", "10.9.2.0", "10.9.3.0"}
    assert fleet.play(inventory) == [True, True, True]
    assert known(one, "s1", "s2.blue") == set()
    assert learning(fleet) == [True, True, True]
    assert one.ping("s1", "10.9.2.0")
    assert fleet.exchange() == [True, True, True]
    assert learning(fleet) == [False, False, False]
    assert known_at(one, "s1", *names) == known_at(two, "s2", *names) == known_at(three, "s3", *names) == everybody
    assert one.ping("s1", "s3.blue") and three.ping("s3", "s2.back")

    # Nothing is told, changed or forgotten by the next play.
    assert fleet.play(inventory) == [False, False, False]
    assert fleet.exchange() == [None, None, None]
    assert known_at(one, "s1", *names) == everybody

    # A play for one host, which tells the others nothing, and a container there, of which inventory does not know.
    inventory["h1"]["cnm_sandboxes"] = [*inventory["h1"]["cnm_sandboxes"], {"name": "t1", "networks": on}]
    one.ensure("sandbox", {"name": "box", "networks": [{"name": "blue", "aliases": ["www"]}]})
    assert fleet.play(inventory, one) == [True]
    assert fleet.exchange(one) == [None]
    assert known_at(one, "t1", "s2.blue", "s3.back", "www") == {
        "s2.blue": {"10.9.2.0"},
        "s3.back": {"10.8.3.0"},
        "www": {"10.9.1.1"},
    }
    assert known_at(two, "s2", *names, "t1", "www") == {**everybody, "t1": set(), "www": set()}

    # Host 3 is down. Its sandboxes keep their names, as do those with fixed addresses.
    assert fleet.play(inventory, one, two) == [False, True]
    assert fleet.exchange(one, two) == [None, True]
    assert learning(fleet) == [True, True, False]
    assert known(two, "s2", "t1.blue") == {"10.9.1.2"}
    assert known_at(two, "s2", "www", "box", "s3.back") == {
        "www": {"10.9.1.1"},
        "box": {"10.9.1.1"},
        "s3.back": {"10.8.3.0"},
    }
    assert two.ping("s2", "www")

    # Host 3 is back. Meanwhile the container has gone, and a sandbox has moved, so that nothing is new to host 3.
    one.ensure("sandbox", {"name": "box", "state": "absent"})
    inventory["h1"]["cnm_sandboxes"][1] = {"name": "t1", "state": "absent"}
    inventory["h3"]["cnm_sandboxes"] = [*inventory["h3"]["cnm_sandboxes"], {"name": "t1", "networks": on}]
    assert fleet.play(inventory) == [True, True, True]
    assert fleet.exchange() == [True, True, None]
    assert learning(fleet) == [False, False, False]
    assert two.ping("s2", "t1.back")
    for member in fleet.members:
        assert known_at(member, f"s{member.number}", "t1.blue", "www", "box") == {
            "t1.blue": {"10.9.3.1"},
            "www": set(),
            "box": set(),
        }

    # A host that leaves inventory is forgotten with all that it has chosen.
    del inventory["h3"]
    assert fleet.play(inventory, one, two) == [True, True]
    assert known_at(two, "s2", "s1.back", "s3", "t1", "db") == {
        "s1.back": {"10.8.1.0"},
        "s3": set(),
        "t1": set(),
        "db": {"10.9.1.0", "10.9.2.0"},
    }
    assert fleet.exchange(one, two) == [None, None]
