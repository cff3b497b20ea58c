# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host that drops incoming packets must accept, according to docs/firewall.md."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from fleet import Fleet, Member
from needed import needs_name_server

PAGE = Path(__file__).resolve().parents[3] / "docs" / "firewall.md"
CLOSED = {
    "ufw": ["ufw --force enable"],
    "nft": [
        "nft add table inet filter",
        "nft add chain inet filter input '{ type filter hook input priority filter; policy drop; }'",
        "nft add rule inet filter input iifname lo accept",
        "nft add rule inet filter input ct state established,related accept",
    ],
    "iptables": [
        "iptables -A INPUT -i lo -j ACCEPT",
        "iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
        "iptables -P INPUT DROP",
    ],
}
"""Program -> commands that make a host drop incoming packets."""


def advised(program: str) -> tuple[list[str], list[str]]:
    """Return the commands of PROGRAM for names and for VXLAN."""
    (row,) = re.findall(rf"^\| {program}\b.*4789.*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    cells = [re.findall(rf"`({program} [^`]+)`", cell) for cell in row.split("|")[2:4]]
    return cells[0], cells[1]


def fixed(member: Member) -> dict[str, Any]:
    return {"ipv4_address": f"10.9.{member.number}.5"}


@needs_name_server
@pytest.mark.parametrize("program", CLOSED)
def test_what_the_document_advises_helps(fleet: Fleet, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is needed")
    for member in fleet.members:
        with member.here():
            member.host.have_name_server()
    declared = {member.name: [{"name": f"s{member.number}", **fixed(member)}] for member in fleet.members}
    fleet.network("blue", ["10.9.0.0/16"], endpoints=declared)
    fleet.sandboxes(lambda member: {"name": "blue", **fixed(member)})
    one, two, _three = fleet.members
    bridge = one.shown("network")["blue"]["Host"]["Device"]

    def named() -> bool:
        return one.run("ip", "netns", "exec", "s1", "getent", "hosts", "s1.blue", check=False).returncode == 0

    def carry_out(commands: list[str]) -> None:
        assert commands
        for line in commands:
            one.run("sh", "-c", line.replace("<bridge>", bridge).replace("192.0.2.12", two.vtep[4]))

    assert named() and two.ping("s2", "10.9.1.5")
    carry_out(CLOSED[program])
    assert not named() and not two.ping("s2", "10.9.1.5", patience=0.3)
    names, vxlan = advised(program)
    carry_out(names)
    assert named() and not two.ping("s2", "10.9.1.5", patience=0.3)
    carry_out(vxlan)
    assert two.ping("s2", "10.9.1.5")
