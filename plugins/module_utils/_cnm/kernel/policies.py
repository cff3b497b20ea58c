# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What other firewalls on the host will do to our traffic.

A packet has to be accepted by every table that sees it; ours cannot overrule the others, and does not touch them.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List

from .programs import Run, find

_DOCKER = "DOCKER-USER"
_LEGACY = "/proc/net/ip_tables_names"


def foreign(run: Run) -> List[str]:
    """Return a sentence for each firewall of somebody else that drops what is forwarded to or from our bridges.

    Docker's policy is none of them where its chain ``DOCKER-USER`` is, as our rules there accept our traffic.
    """
    chains = _chains(run)
    found: List[str] = []
    managed = set()
    if any(chain["table"] == "firewalld" for chain in chains):
        managed.add(("inet", "firewalld"))
        found.append(
            "firewalld rejects traffic of bridges that are in none of its zones; "
            "run 'firewall-cmd --permanent --zone=trusted --add-interface=<bridge>' and 'firewall-cmd --reload'."
        )
    for family, version in (("ip", "IPv4"), ("ip6", "IPv6")):
        names = {chain["name"] for chain in chains if (chain["family"], chain["table"]) == (family, "filter")}
        if _DOCKER in names:
            managed.add((family, "filter"))
        elif any(name.startswith(("ufw-", "ufw6-")) for name in names) and _drops(chains, family, "filter"):
            managed.add((family, "filter"))
            found.append(
                f"ufw drops forwarded {version} traffic; "
                "run 'ufw route allow in on <bridge>' and 'ufw route allow out on <bridge>' for each of our bridges."
            )
    for chain in chains:
        place = (chain["family"], chain["table"])
        if place not in managed and place != ("inet", "cnm") and _is_dropping(chain):
            found.append(
                f"Chain '{chain['name']}' of nft table '{place[0]} {place[1]}' drops what is forwarded unless a rule of "
                "it accepts it; add 'iifname <bridge> accept' and 'oifname <bridge> accept' there for our bridges."
            )
    return found + _legacy(run)


def _chains(run: Run) -> List[Dict[str, Any]]:
    program = find("nft")
    if program is None:
        return []
    code, output, _errors = run([program, "-j", "list", "chains"], None)
    try:
        listed = json.loads(output)["nftables"] if code == 0 else []
    except (ValueError, KeyError, TypeError):
        return []
    return [each["chain"] for each in listed if "chain" in each]


def _is_dropping(chain: Dict[str, Any]) -> bool:
    return (
        chain["family"] in ("inet", "ip", "ip6")
        and (chain.get("type"), chain.get("hook"), chain.get("policy")) == ("filter", "forward", "drop")
    )


def _drops(chains: List[Dict[str, Any]], family: str, table: str) -> bool:
    return any(_is_dropping(chain) for chain in chains if (chain["family"], chain["table"]) == (family, table))


def _legacy(run: Run) -> List[str]:
    """Look into the tables of the older iptables; it is not asked where they are empty, as asking would make them."""
    try:
        with open(_LEGACY, encoding="ascii") as stream:
            used = "filter" in stream.read().split()
    except OSError:
        return []
    program = find("iptables-legacy") if used else None
    if program is None:
        return []
    code, output, _errors = run([program, "-w", "-S"], None)
    lines = output.splitlines() if code == 0 else []
    if "-P FORWARD DROP" not in lines:
        return []
    return [
        "iptables-legacy drops what is forwarded unless a rule accepts it; "
        "run 'iptables-legacy -I FORWARD -i <bridge> -j ACCEPT' and the same with '-o' for each of our bridges."
    ]
