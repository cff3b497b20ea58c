# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker's chain ``DOCKER-USER``, the place that Docker keeps for the host's own decisions.

Docker sets the policy of FORWARD to drop and accepts its own traffic only. Its chain is run first, and Docker
leaves alone what is in it.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from ..errors import KernelRefused
from ..reconcile import Step
from ..resources import GROUP, ForwardAccept, Key, Resource
from .programs import Run, find

_CHAIN = "DOCKER-USER"
_PROGRAMS = {"ip": "iptables", "ip6": "ip6tables"}
_OURS = "-m comment --comment cnm"

_RULES = (
    f"-m devgroup --dst-group {GROUP:#x} {_OURS} -j ACCEPT",
    # What goes from us to Docker's own bridges is Docker's to judge.
    f"-o docker0 -m devgroup --src-group {GROUP:#x} {_OURS} -j RETURN",
    f"-o br-+ -m devgroup --src-group {GROUP:#x} {_OURS} -j RETURN",
    f"-m devgroup --src-group {GROUP:#x} {_OURS} -j ACCEPT",
)
"""In the order and the spelling in which ``iptables -S`` prints them. Our own bridges are named ``br-`` too;
the first rule has taken what goes to them."""


@dataclass(frozen=True)
class Incomplete(ForwardAccept):
    """Some of our rules, or all of them but not in order at the head: to be repaired or removed."""

    chain_family: str = ""

    @property
    def key(self) -> Key:
        return (self.kind, self.chain_family)

    def __str__(self) -> str:
        return f"incomplete rules in the {self.chain_family} chain '{_CHAIN}'"


class DockerUser:
    """Reads and applies the resources of kind ``forward-accept``."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def read(self, keys: Iterable[Key]) -> Dict[Key, Resource]:
        """Return what is there of KEYS."""
        found: Dict[Key, Resource] = {}
        for key in keys:
            if key[0] != ForwardAccept.kind:
                continue
            family = key[1]
            rules = self._rules(family) or []
            if rules[: len(_RULES)] == list(_RULES) and not any(map(_is_ours, rules[len(_RULES) :])):
                found[key] = ForwardAccept(family)
            elif any(map(_is_ours, rules)):
                found[key] = Incomplete(f"{family}, incomplete", chain_family=family)
        return found

    def apply(self, steps: Sequence[Step]) -> None:
        """Carry out STEPS; within one family all rules come and go at once.

        :raises KernelRefused: if iptables refuses.
        """
        wanted: Dict[str, bool] = {}
        for step in steps:
            if step.resource.kind == ForwardAccept.kind:
                wanted[step.resource.key[1]] = step.after is not None
        for family, present in wanted.items():
            self._replace(family, _RULES if present else ())

    def _replace(self, family: str, rules: Sequence[str]) -> None:
        now = self._rules(family)
        if now is None:
            return
        lines = [f"-D {_CHAIN} {rule}" for rule in now if _is_ours(rule)]
        lines += [f"-I {_CHAIN} {position} {rule}" for position, rule in enumerate(rules, start=1)]
        if not lines:
            return
        script = "\n".join(("*filter", *lines, "COMMIT", ""))
        answer = self._ask(f"{_PROGRAMS[family]}-restore", ["-w", "--noflush"], script)
        if answer is None or answer[0]:
            reason = answer[2].strip().splitlines()[0] if answer and answer[2].strip() else "it is not installed"
            raise KernelRefused(f"{_PROGRAMS[family]}-restore did not change chain '{_CHAIN}': {reason.rstrip('.')}.")

    def families(self) -> List[str]:
        """Return the families for which there is the chain."""
        return [family for family in _PROGRAMS if self._rules(family) is not None]

    def _rules(self, family: str) -> Optional[List[str]]:
        """Return the rules of the chain as iptables prints them; None if there is no such chain."""
        answer = self._ask(_PROGRAMS[family], ["-w", "-S", _CHAIN], None)
        if answer is None or answer[0]:
            return None
        prefix = f"-A {_CHAIN} "
        return [line[len(prefix) :] for line in answer[1].splitlines() if line.startswith(prefix)]

    def _ask(self, name: str, arguments: Sequence[str], stdin: Optional[str]) -> Optional[Tuple[int, str, str]]:
        program = find(name)
        return self._run([program, *arguments], stdin) if program else None


def _is_ours(rule: str) -> bool:
    words = shlex.split(rule)
    return ("--comment", "cnm") in zip(words, words[1:]) and "devgroup" in words
