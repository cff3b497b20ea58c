# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What other firewalls on the host do to our traffic.

Every table that sees a packet must accept it; our table cannot overrule the others, and we do not change them.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Set

from ..system.programs import Run, find, understood

_DOCKER = "DOCKER-USER"
_LEGACY = "/proc/net/ip_tables_names"
_SHOWN = 10
"""How many bridges a sentence names."""


@understood("nft listed the rules of other firewalls")
def foreign(run: Run, bridges: Iterable[str]) -> List[str]:
    """Return a sentence for each firewall of somebody else that drops forwarded traffic of our BRIDGES.

    If a table has a rule that names a bridge, we assume that the administrator has decided about this bridge. Docker's
    policy does not count if its chain ``DOCKER-USER`` is in use, because our rules there accept our traffic.
    """
    chains = _chains(run)
    sentences: List[str] = []
    managed = set()

    def tell(family: str, table: str, text: str) -> None:
        managed.add((family, table))
        # Rules in Docker's chain count only if Docker jumps to it.
        rules = re.sub(rf"chain {_DOCKER} {{[^}}]*}}", "", _text(run, "table", family, table))
        strange = _not_in(rules, bridges)
        if strange:
            sentences.append(text.replace("<bridges>", _enumerated(strange)))

    if any(chain["table"] == "firewalld" for chain in chains):
        tell(
            "inet",
            "firewalld",
            "firewalld rejects traffic of bridges that are not in any of its zones; "
            "run 'firewall-cmd --permanent --zone=trusted --add-interface=<bridge>' for <bridges>, "
            "and 'firewall-cmd --reload'.",
        )
    for family, version in (("ip", "IPv4"), ("ip6", "IPv6")):
        names = {chain["name"] for chain in chains if (chain["family"], chain["table"]) == (family, "filter")}
        if not any(_drops(run, each) for each in chains if (each["family"], each["table"]) == (family, "filter")):
            continue
        if _DOCKER in names and _docker_decides(run, family):
            managed.add((family, "filter"))
        elif any(name.startswith(("ufw-", "ufw6-")) for name in names):
            tell(
                family,
                "filter",
                f"ufw drops forwarded {version} traffic; "
                "run 'ufw route allow in on <bridge>' and 'ufw route allow out on <bridge>' for <bridges>.",
            )
    for chain in chains:
        family, table = chain["family"], chain["table"]
        if (family, table) in managed or (family, table) == ("inet", "cnm"):
            continue
        where = f"Chain '{chain['name']}' of nft table '{family} {table}'"
        if _has_policy(chain):
            tell(
                family,
                table,
                f"{where} drops forwarded traffic unless a rule in it accepts it; "
                "add 'iifname <bridge> accept' and 'oifname <bridge> accept' there for <bridges>.",
            )
        elif _drops(run, chain):
            tell(
                family,
                table,
                f"{where} has a rule that drops what no rule before it accepts; "
                "insert 'iifname <bridge> accept' and 'oifname <bridge> accept' before it for <bridges>.",
            )
    return sentences + _legacy(run, bridges)


@understood("nft listed the rules of other firewalls")
def deaf(run: Run, bridges: Iterable[str]) -> List[str]:
    """Return a sentence for each firewall of somebody else that drops queries from BRIDGES to our name server.

    If a table has a rule about port 53, or a rule outside of its forward chains that names a bridge, we assume that the
    administrator has decided about it.
    """
    sentences: List[str] = []
    for chain in _chains(run):
        family, table = chain["family"], chain["table"]
        if (family, table) == ("inet", "cnm") or not _drops(run, chain, "input"):
            continue
        blocks = re.findall(r"chain (\S+) {([^}]*)}", _text(run, "table", family, table))
        text = "".join(block for name, block in blocks if "forward" not in name.lower())
        strange = [] if re.search(r"\bdport (53\b|domain\b)", text) else _not_in(text, bridges)
        if not strange:
            continue
        if any(name.startswith(("ufw-", "ufw6-")) for name, _block in blocks):
            how = "run 'ufw allow in on <bridge> to any port 53'"
        else:
            how = f"let chain '{chain['name']}' of nft table '{family} {table}' accept 'iifname <bridge> udp dport 53'"
        sentences.append(
            f"A firewall drops the queries of sandboxes to the name server of this host; {how} for "
            f"{_enumerated(strange)}, or set dns: false for the networks."
        )
    return sentences


def _not_in(rules: str, bridges: Iterable[str]) -> List[str]:
    """Return those of BRIDGES that RULES do not name, either in full or by a pattern."""
    names = set(re.findall(r'"([^"]+)"', rules))
    patterns = [name for name in names if name.endswith("*") and name != "*"]
    return [
        bridge
        for bridge in bridges
        if bridge not in names and not any(bridge.startswith(pattern[:-1]) for pattern in patterns)
    ]


def _enumerated(bridges: Sequence[str]) -> str:
    more = f" and {len(bridges) - _SHOWN} more" if len(bridges) > _SHOWN else ""
    return ", ".join(f"'{bridge}'" for bridge in bridges[:_SHOWN]) + more


def _chains(run: Run) -> List[Dict[str, Any]]:
    return [each["chain"] for each in _listed(run, "chains") if "chain" in each]


def _docker_decides(run: Run, family: str) -> bool:
    """Say whether forwarded packets pass ``DOCKER-USER``; the chain may exist before Docker has started."""
    rules = [each["rule"] for each in _listed(run, "chain", family, "filter", "FORWARD") if "rule" in each]
    return any({"jump": {"target": _DOCKER}} in rule.get("expr", ()) for rule in rules)


def _listed(run: Run, *what: str) -> List[Dict[str, Any]]:
    try:
        return list(_parsed(_text(run, *what, option="-j")))
    except (ValueError, KeyError, TypeError):
        return []


@lru_cache(maxsize=8)
def _parsed(output: str) -> Sequence[Dict[str, Any]]:
    """Return what nft has listed in JSON. The next run in this process often gets the same text."""
    return list(json.loads(output)["nftables"])


def _text(run: Run, *what: str, option: str = "-s") -> str:
    """Return what nft lists of WHAT, as text without counters, or with another OPTION; empty if it cannot."""
    program = find("nft")
    if program is None:
        return ""
    code, output, _errors = run([program, option, "list", *what], None)
    return output if code == 0 else ""


def _has_policy(chain: Dict[str, Any], hook: str = "forward") -> bool:
    """Say whether the policy of CHAIN at HOOK is to drop."""
    return _is_at(chain, hook) and chain.get("policy") == "drop"


def _is_at(chain: Dict[str, Any], hook: str) -> bool:
    return chain["family"] in ("inet", "ip", "ip6") and (chain.get("type"), chain.get("hook")) == ("filter", hook)


def _drops(run: Run, chain: Dict[str, Any], hook: str = "forward") -> bool:
    """Say whether CHAIN at HOOK drops what its rules do not accept: by its policy, or by a rule without a condition."""
    if not _is_at(chain, hook) or _has_policy(chain, hook):
        return _is_at(chain, hook)
    rules: Dict[str, List[Any]] = {}
    for each in _listed(run, "table", chain["family"], chain["table"]):
        if "rule" in each:
            rules.setdefault(each["rule"]["chain"], []).append(each["rule"].get("expr", []))
    return _end(rules, chain["name"], set()) == "drop"


def _end(rules: Mapping[str, Sequence[Any]], name: str, seen: Set[str]) -> str:
    """Return the verdict on a packet that no rule with a condition matches: ``drop``, ``accept``, or empty for neither.

    :param name: the chain that the packet enters
    :param seen: the chains that it has passed
    """
    if name in seen:
        return ""
    for rule in rules.get(name, ()):
        parts = [(key, value) for part in rule for key, value in part.items() if key not in ("counter", "log")]
        if len(parts) != 1:
            # It has a condition, or no verdict.
            continue
        key, value = parts[0]
        if key == "xt" and isinstance(value, dict) and value.get("type") == "target":
            # A target of iptables, such as REJECT, that nft lists by its name.
            key = str(value.get("name")).lower()
        if key in ("drop", "reject"):
            return "drop"
        if key == "accept":
            return "accept"
        if key == "return":
            break
        if key in ("jump", "goto"):
            verdict = _end(rules, value["target"], seen | {name})
            if verdict or key == "goto":
                return verdict
    return ""


def _legacy(run: Run, bridges: Iterable[str]) -> List[str]:
    """Do what foreign() does for the tables of the older iptables, if they exist: listing would create them."""
    try:
        with open(_LEGACY, "rb", buffering=0) as file:
            used = b"filter" in file.readall().split()
    except OSError:
        return []
    program = find("iptables-legacy") if used else None
    if program is None:
        return []
    code, output, _errors = run([program, "-w", "-S"], None)
    lines = output.splitlines() if code == 0 else []
    rules = [line for line in lines if not line.startswith(f"-A {_DOCKER} ")]
    words = {f'"{word.rstrip("+")}{"*" if word.endswith("+") else ""}"' for line in rules for word in line.split()}
    strange = _not_in(" ".join(words), bridges)
    drops = "-P FORWARD DROP" in lines or any(re.match("-A FORWARD -j (DROP|REJECT)\\b", line) for line in lines)
    if not drops or f"-A FORWARD -j {_DOCKER}" in lines or not strange:
        return []
    return [
        "iptables-legacy drops forwarded traffic unless a rule accepts it; "
        "run 'iptables-legacy -I FORWARD -i <bridge> -j ACCEPT' and the same with '-o' "
        f"for {_enumerated(strange)}."
    ]
