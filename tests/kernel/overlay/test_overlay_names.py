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
