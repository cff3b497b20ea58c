# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker's chain ``DOCKER-USER``, which Docker reserves for rules of the administrator.

Docker sets the policy of FORWARD to drop and accepts only its own traffic. This chain runs first, and Docker does not
change its rules. If the chain already exists when Docker starts, Docker only adds its jump to it. So where Docker is
installed we create the chain, because at boot our networks may come first.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from functools import lru_cache
from typing import Any, Dict, Iterable, List, Optional, Sequence, Set, Tuple

from ...model.errors import KernelRefused
from ...resources.kinds import ForwardAccept, ForwardAcceptKey
from ...resources.link import GROUP, VLAN_GROUP
from ...resources.plan import Step
from ...resources.resource import Key, Resource, only
from ..system.programs import Run, find, real_name, understood

_Chain = Tuple[Any, Any, Any]
"""Family, table and name."""
_CHAIN = "DOCKER-USER"
_PROGRAMS = {"ip": "iptables", "ip6": "ip6tables"}
_OURS = "-m comment --comment cnm"

_TO_US = f"-m devgroup --dst-group {GROUP:#x} {_OURS} -j ACCEPT"
_FROM_US = f"-m devgroup --src-group {GROUP:#x}"
_TO_LAN = f"{_FROM_US} --dst-group {VLAN_GROUP:#x} {_OURS} -j ACCEPT"
_ON_LAN = f"-m devgroup --src-group {VLAN_GROUP:#x} --dst-group {VLAN_GROUP:#x} {_OURS} -j ACCEPT"
_UNASKED = f"{_FROM_US} -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT {_OURS} -j DROP"
_BRIDGE = "br-"
_DOCKERS_OWN = r"br-[0-9a-f]{12}"
_DEVICES = "/proc/sys/net/ipv4/conf"
"""Contains the names of the devices. ``/proc/net/dev`` has statistics, too, which take 10 microseconds for each."""
_LITERAL = r"[a-zA-Z0-9_@.=~^,-]+"
"""Names that iptables takes literally: a plus sign at the end is a wildcard, and quotes need escapes."""


def _rules_now() -> List[str]:
    """Return our rules in the order and the spelling in which ``iptables -S`` prints them.

    From our networks to Docker's containers only published ports are open, as between two of Docker's networks. We
    cannot leave this to Docker's policy, because Docker sets it only if forwarding was off (setup_ip_forwarding.go of
    libnetwork). Our bridges have names like Docker's, but the first rules have already accepted what goes to them.
    Other bridges of the host are a way out, like any other device. From one bridge with an uplink to another, our table
    drops what is not bridged.
    """
    return [
        _TO_US,
        _TO_LAN,
        _ON_LAN,
        *(f"-o {device} {_FROM_US} {_OURS} -j ACCEPT" for device in _other_devices()),
        f"-o docker0 {_UNASKED}",
        f"-o {_BRIDGE}+ {_UNASKED}",
        f"{_FROM_US} {_OURS} -j ACCEPT",
    ]


def _other_devices() -> List[str]:
    """Return the devices whose names begin like those of Docker's bridges, but continue differently."""
    return sorted(
        name
        for name in os.listdir(_DEVICES)
        if name.startswith(_BRIDGE) and not re.fullmatch(_DOCKERS_OWN, name) and re.fullmatch(_LITERAL, name)
    )


class DockerUser:
    """Reads and applies the resources of kind ``forward-accept``."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._just_read: Dict[str, Optional[List[str]]] = {}
        """The chain's rules as families() has read them, for the read() that follows: each reading runs a program."""
        self._found: Dict[str, Optional[str]] = {}
        """Where the programs are that were looked for."""

    def read(self, keys: Iterable[Key]) -> Dict[Key, Resource]:
        """Return the resources with KEYS that exist."""
        present: Dict[Key, Resource] = {}
        wanted = _rules_now()
        for key in only(ForwardAcceptKey, keys):
            family = key.family
            seen = self._just_read.pop(family) if family in self._just_read else self._rules(family, self._chains())
            rules = seen or []
            if rules[: len(wanted)] == wanted and not any(map(_is_ours, rules[len(wanted) :])):
                present[key] = ForwardAccept(family)
            elif any(map(_is_ours, rules)):
                present[key] = ForwardAccept(family, complete=False)
        return present

    def apply(self, steps: Sequence[Step]) -> None:
        """Carry out STEPS; all rules of one family change at once.

        :raises KernelRefused: if iptables refuses
        """
        wanted: Dict[str, bool] = {}
        for step in steps:
            if isinstance(step.resource, ForwardAccept):
                wanted[step.resource.family] = step.after is not None
        for family, present in wanted.items():
            self._replace(family, _rules_now() if present else ())

    def _replace(self, family: str, rules: Sequence[str]) -> None:
        now = self._rules(family, self._chains())
        only_ours = now is not None and all(map(_is_ours, now))
        if not rules and only_ours and self._remove_table(family):
            return
        lines = [f"-D {_CHAIN} {rule}" for rule in now or () if _is_ours(rule)]
        if not rules and only_ours and self._restore(family, [*lines, f"-X {_CHAIN}"]) is None:
            # The chain is gone, too. That is refused while Docker jumps to it; then only the rules are removed below.
            return
        if rules and now is None:
            lines.append(f"-N {_CHAIN}")
        lines += [f"-I {_CHAIN} {position} {rule}" for position, rule in enumerate(rules, start=1)]
        reason = self._restore(family, lines) if lines else None
        if reason is not None:
            raise KernelRefused(f"{_PROGRAMS[family]}-restore did not change chain '{_CHAIN}': {reason.rstrip('.')}.")

    def _restore(self, family: str, lines: Sequence[str]) -> Optional[str]:
        """Carry out all LINES or none; return why they failed, or None."""
        script = "\n".join(("*filter", *lines, "COMMIT", ""))
        answer = self._ask(f"{_PROGRAMS[family]}-restore", ["-w", "--noflush"], script)
        if answer is not None and answer[0] == 0:
            return None
        return answer[2].strip().splitlines()[0] if answer and answer[2].strip() else "it is not installed"

    def _remove_table(self, family: str) -> bool:
        """Remove the filter table if it contains only our chain; say whether it was removed.

        :raises KernelRefused: if nft cannot list or remove it; without our chain, nobody would know that it is ours
        """
        if self._find("nft") is None:
            return False
        # First the list of tables: the older iptables keeps its rules elsewhere, and then nft has no such table.
        table = ["table", family, "filter"]
        with understood(f"nft listed table '{family} filter'"):
            tables = [each.get("table", {}) for each in self._listed(["tables", family])]
            if "filter" not in [each.get("name") for each in tables]:
                return False
            if not all(map(_is_of_our_chain, self._listed(table))):
                return False
        answer = self._ask("nft", ["delete", *table], None)
        if answer is None or answer[0]:
            raise _refused(f"remove table '{family} filter'", answer)
        return True

    def _listed(self, what: Sequence[str]) -> List[Dict[str, Any]]:
        """Return what nft lists of WHAT."""
        answer = self._ask("nft", ["-j", "list", *what], None)
        if answer is not None and answer[0] == 0:
            with understood(f"nft listed {' '.join(what)}"):
                return list(json.loads(answer[1])["nftables"])
        raise _refused(f"list {' '.join(what)}", answer)

    def families(self) -> List[str]:
        """Return the families for which the chain exists, or for which Docker would create it when it starts."""
        chains = self._chains()
        self._just_read = {family: self._rules(family, chains) for family in _PROGRAMS}
        return [
            family
            for family, rules in self._just_read.items()
            if rules is not None or (self._find("dockerd") is not None and self._has_filter(family))
        ]

    def _has_filter(self, family: str) -> bool:
        """Say whether the kernel and iptables support the filter table of FAMILY.

        A failure may also be temporary, and the messages do not tell, so this takes two failures.
        """
        for _attempt in range(2):
            answer = self._ask(_PROGRAMS[family], ["-w", "-S", "FORWARD"], None)
            if answer is None or answer[0] == 0:
                return answer is not None
        return False

    def _rules(self, family: str, chains: Optional[Set[_Chain]]) -> Optional[List[str]]:
        """Return the rules of the chain as iptables prints them; None if there is no such chain.

        :param chains: those that nft lists; None if they are not known
        """
        if not _may_exist(family, self._program(family), chains):
            return None
        answer = self._ask(_PROGRAMS[family], ["-w", "-S", _CHAIN], None)
        if answer is None or answer[0]:
            return None
        prefix = f"-A {_CHAIN} "
        return [line[len(prefix) :] for line in answer[1].splitlines() if line.startswith(prefix)]

    def _chains(self) -> Optional[Set[_Chain]]:
        """Return the chains that nft lists; None if no iptables of the host is built on it, or if it fails."""
        if not any("nft" in self._program(family) for family in _PROGRAMS):
            return None
        answer = self._ask("nft", ["-j", "list", "chains"], None)
        return _listed_chains(answer[1]) if answer is not None and answer[0] == 0 else None

    def _ask(self, name: str, arguments: Sequence[str], stdin: Optional[str]) -> Optional[Tuple[int, str, str]]:
        program = self._find(name)
        return self._run([program, *arguments], stdin) if program else None

    def _program(self, family: str) -> str:
        """Return the name of the file that is the iptables of FAMILY; empty if there is none."""
        return real_name(self._find(_PROGRAMS[family]) or "")

    def _find(self, name: str) -> Optional[str]:
        if name not in self._found:
            self._found[name] = find(name)
        return self._found[name]


def _may_exist(family: str, program: str, chains: Optional[Set[_Chain]]) -> bool:
    """Say whether the chain may exist, as far as that can be known without iptables.

    The older iptables would create its table to list it, but a file of the kernel says whether the table exists.

    :param program: the name of the file that is the iptables of FAMILY; empty if there is none
    :param chains: those that nft lists; None if they are not known
    """
    if "legacy" in program:
        return "filter" in _tables(family)
    return "nft" not in program or chains is None or (family, "filter", _CHAIN) in chains


@lru_cache(maxsize=1)
@understood("nft listed the chains of all tables")
def _listed_chains(output: str) -> Set[_Chain]:
    """Return family, table and name of the chains that nft has listed in JSON; the next run often gets the same."""
    chains = [each.get("chain", {}) for each in json.loads(output)["nftables"]]
    return {(chain.get("family"), chain.get("table"), chain.get("name")) for chain in chains}


def _tables(family: str) -> List[str]:
    """Return the tables that the older iptables of FAMILY has in this namespace."""
    try:
        with open(f"/proc/thread-self/net/{family}_tables_names", encoding="ascii") as file:
            return file.read().split()
    except OSError:
        return []


def _refused(what: str, answer: Optional[Tuple[int, str, str]]) -> KernelRefused:
    reason = answer[2].strip().partition("\n")[0].rstrip(".") if answer else ""
    return KernelRefused(f"nft did not {what}: {reason or 'it gave no reason'}.")


def _is_ours(rule: str) -> bool:
    try:
        words = shlex.split(rule)
    except ValueError:
        return False
    return ("--comment", "cnm") in zip(words, words[1:]) and "devgroup" in words


def _is_of_our_chain(listed: Dict[str, Any]) -> bool:
    """Say whether LISTED, one of the objects that nft lists for a table, is part of our chain or of every listing."""
    chains = (listed.get("chain", {}).get("name"), listed.get("rule", {}).get("chain"))
    return "metainfo" in listed or "table" in listed or _CHAIN in chains
