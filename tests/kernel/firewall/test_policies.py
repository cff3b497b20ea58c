# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys

import pytest
from lab import BLUE, OUTSIDE4, OUTSIDE6, ROUTERS, UPLINK4, UPLINK6, build, command, seen
from stand_in import OUTSIDE, Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.firewall.foreign import deaf, foreign
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.firewall.table import Firewall
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system import programs
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources import firewall
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Ruleset
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.plan import Step

BRIDGES = ["br-blue"]


def load(host: Host, text: str) -> None:
    done = host.run(["nft", "-f", "-"], stdin=text)
    assert done.returncode == 0, done.stderr


def test_nobody_in_the_way(host: Host) -> None:
    Firewall(host.program).apply([Step(None, Ruleset(firewall.RULESET))])
    load(
        host,
        "table inet open { chain forward { type filter hook forward priority 0; policy accept; }\n"
        "chain input { type filter hook input priority 0; policy drop; }\n}\n",
    )
    assert foreign(host.program, BRIDGES) == []


def test_a_dropping_chain_is_named(host: Host) -> None:
    load(host, "table inet site { chain through { type filter hook forward priority 0; policy drop; }\n}\n")
    (warning,) = foreign(host.program, BRIDGES)
    assert "'through'" in warning
    assert "'inet site'" in warning
    assert "iifname" in warning
    assert warning.endswith(" for 'br-blue'.")
    for name in ("br-blue", "br-*"):
        load(host, f'add rule inet site through iifname "{name}" accept\n')
        assert foreign(host.program, BRIDGES) == []
        command("nft flush chain inet site through")
    load(host, 'add rule inet site through iifname "br-red*" accept\n')
    (warning,) = foreign(host.program, [f"br-blue{number}" for number in range(11)])
    assert warning.endswith("'br-blue9' and 1 more.")


RULES = {
    "drop": True,
    "ct state established accept; counter log reject": True,
    "accept; drop": False,
    "iifname lan drop": False,
    "jump more": True,
    "jump back": False,
    "goto back; drop": False,
    "jump back; drop": True,
}
"""Rules of a chain, and whether they drop unknown packets."""


@pytest.mark.parametrize("hook", ("forward", "input"))
def test_a_chain_with_a_rule_that_drops_is_named(host: Host, hook: str) -> None:
    ask = {"forward": foreign, "input": deaf}[hook]
    for rules, drops in RULES.items():
        load(
            host,
            "table inet site\ndelete table inet site\n"
            "table inet site { chain more { counter; drop; }\nchain back { return; drop; }\n"
            f"chain through {{ type filter hook {hook} priority 0; policy accept; {rules}; }}\n}}\n",
        )
        warnings = ask(host.program, BRIDGES)
        assert ["'through'" in each and "'br-blue'" in each for each in warnings] == [True] * drops, rules
    if hook == "forward":
        (warning,) = warnings
        assert "insert 'iifname <bridge> accept'" in warning
        load(host, "insert rule inet site through oifname br-blue accept\n")
        assert foreign(host.program, BRIDGES) == []


@pytest.mark.parametrize("target", ("DROP", "REJECT"))
def test_iptables_with_a_rule_that_drops(host: Host, target: str) -> None:
    command(f"iptables -w -A FORWARD -j {target}")
    (warning,) = foreign(host.program, BRIDGES)
    assert "'ip filter'" in warning
    command("iptables -w -I FORWARD -i br-blue -j ACCEPT")
    assert foreign(host.program, BRIDGES) == []
    command("iptables -w -F FORWARD")
    command("iptables -w -N DOCKER-USER")
    command("iptables -w -A FORWARD -j DOCKER-USER")
    command(f"iptables -w -A FORWARD -j {target}")
    assert foreign(host.program, BRIDGES) == []


def test_iptables_with_a_policy(host: Host) -> None:
    command("iptables -w -P FORWARD DROP")
    command("ip6tables -w -P FORWARD DROP")
    assert ["'ip filter'" in each or "'ip6 filter'" in each for each in foreign(host.program, BRIDGES)] == [True, True]
    command("iptables -w -P FORWARD ACCEPT")
    (warning,) = foreign(host.program, BRIDGES)
    assert "'ip6 filter'" in warning


def test_docker_is_no_stranger(host: Host) -> None:
    command("iptables -w -P FORWARD DROP")
    command("iptables -w -N DOCKER-USER")
    assert len(foreign(host.program, BRIDGES)) == 1
    command("iptables -w -A FORWARD -j DOCKER-USER")
    assert foreign(host.program, BRIDGES) == []


def test_firewalld_is_told_how(host: Host) -> None:
    load(
        host,
        "table inet firewalld { chain filter_FORWARD { type filter hook forward priority 10; policy accept; }\n}\n",
    )
    (warning,) = foreign(host.program, BRIDGES)
    assert "firewall-cmd --permanent --zone=trusted --add-interface=<bridge>" in warning
    assert "firewall-cmd --reload" in warning


def test_ufw_is_told_how(host: Host) -> None:
    command("iptables -w -P FORWARD DROP")
    command("iptables -w -N ufw-before-forward")
    command("ip6tables -w -P FORWARD DROP")
    command("ip6tables -w -N ufw6-before-forward")
    warnings = foreign(host.program, BRIDGES)
    assert [("IPv4" in each, "IPv6" in each) for each in warnings] == [(True, False), (False, True)]
    assert all("ufw route allow in on <bridge>" in each for each in warnings)


def test_inactive_ufw_is_in_nobody_s_way(host: Host) -> None:
    command("iptables -w -N ufw-before-forward")
    assert foreign(host.program, BRIDGES) == []


def test_ufw_as_it_is_and_what_it_is_told_helps(host: Host) -> None:
    if programs.find("ufw") is None:
        pytest.skip("ufw is not installed")
    build(host)
    pools = [(subnet, subnet[1]) for subnet in BLUE]
    wanted = [Ruleset(firewall.RULESET), *firewall.network_elements("br-blue", pools, mac=ROUTERS["br-blue"])]
    Firewall(host.program).apply([Step(None, resource) for resource in wanted])
    command("ufw --force enable")
    assert [each.startswith("ufw drops") for each in foreign(host.program, BRIDGES)] == [True, True]
    assert seen("b1", (OUTSIDE4, 80), OUTSIDE, ("0.0.0.0", 80)) is None
    command("ufw route allow in on br-blue")
    command("ufw route allow out on br-blue")
    assert foreign(host.program, BRIDGES) == []
    assert [each.endswith(" for 'br-red'.") for each in foreign(host.program, [*BRIDGES, "br-red"])] == [True, True]
    assert seen("b1", (OUTSIDE4, 80), OUTSIDE, ("0.0.0.0", 80)) == UPLINK4
    assert seen("b1", (OUTSIDE6, 80), OUTSIDE, ("::", 80)) == UPLINK6


@pytest.mark.machine
def test_older_iptables(host: Host) -> None:
    if programs.find("iptables-legacy") is None or host.run(["iptables-legacy", "-w", "-S"]).returncode:
        pytest.skip("there is no iptables-legacy, or this kernel has no tables for it")
    assert foreign(host.program, BRIDGES) == []
    command("iptables-legacy -w -P FORWARD DROP")
    (warning,) = foreign(host.program, BRIDGES)
    assert warning.startswith("iptables-legacy drops")
    command("iptables-legacy -w -N DOCKER-USER")
    command("iptables-legacy -w -A FORWARD -j DOCKER-USER")
    assert foreign(host.program, BRIDGES) == []


def test_older_iptables_is_not_asked_where_it_has_no_table(host: Host) -> None:
    asked: list[str] = []

    def noting(argv: list[str], stdin: str | None) -> tuple[int, str, str]:
        asked.append(argv[0])
        return host.program(argv, stdin)

    assert foreign(noting, BRIDGES) == []
    assert not [program for program in asked if "legacy" in program]


def test_no_nft_no_warning(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[foreign.__module__], "find", lambda name: None)
    assert foreign(host.program, BRIDGES) == []


def test_what_keeps_questions_from_the_name_server(host: Host) -> None:
    assert deaf(host.program, BRIDGES) == []
    load(host, "table inet site { chain in { type filter hook input priority 0; policy drop; }\n}\n")
    (warning,) = deaf(host.program, BRIDGES)
    assert "chain 'in' of nft table 'inet site' accept 'iifname <bridge> udp dport 53' for 'br-blue'" in warning
    for rule in ('iifname "br-*" accept', "udp dport 53 accept"):
        load(host, f"add rule inet site in {rule}\n")
        assert deaf(host.program, BRIDGES) == []
        command("nft flush chain inet site in")


def test_ufw_is_told_how_to_let_questions_in(host: Host) -> None:
    command("iptables -w -P INPUT DROP")
    command("iptables -w -N ufw-user-input")
    command("iptables -w -N ufw-user-forward")
    command("iptables -w -A ufw-user-forward -i br-blue -j ACCEPT")
    (warning,) = deaf(host.program, BRIDGES)
    assert "'ufw allow in on <bridge> to any port 53' for 'br-blue'" in warning
    command("iptables -w -A ufw-user-input -i br-blue -p udp --dport 53 -j ACCEPT")
    assert deaf(host.program, BRIDGES) == []
