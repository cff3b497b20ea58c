# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One sequence of steps on both sides, compared after each step."""

from __future__ import annotations

import copy
import ipaddress
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from choices import check_addresses, pool_is_default
from differences import intended
from ours import Ours
from steps import Step
from theirs import Theirs
from traffic import default_routes, found_by_name, known, reached
from view import containers, networks, relative

MAKES = ("create", "run", "connect", "start")
"""Steps that can be undone."""


class Ended(Exception):
    """The two sides now differ on purpose, and cannot be made equal again."""


class Comparison:
    """Both sides, which begin empty."""

    def __init__(self, ours: Ours, theirs: Theirs) -> None:
        self.sides: dict[str, Any] = {"ours": ours, "theirs": theirs}
        self.outcomes: Counter[tuple[str, str]] = Counter()
        """How often both carried out a step, both refused it, or one refused it on purpose, by verb."""
        self.shown: dict[str, dict[str, Any]] = {}
        self.chosen_pools: set[str] = set()
        """Networks whose IPv4 subnet was chosen."""
        self.apart: set[str] = set()
        """Networks on which the two sides have used different addresses on purpose."""
        self.leftovers: set[tuple[str, str]] = set()
        """Containers with networks that Docker shows although it refused to connect them."""
        self.fixed: dict[tuple[str, str, int], str] = {}
        """Addresses that were requested, by network, container and IP version."""
        for by in self.sides:
            self.shown[by] = self._look(by)
        self._compare("before any step")

    def run(self, steps: Sequence[Step]) -> None:
        """Carry out STEPS until the two sides differ on purpose; if they never do, check what works at the end."""
        for step in steps:
            try:
                self.do(step)
            except Ended:
                break
        else:
            self.try_out()

    def try_out(self) -> None:
        """Check that both sides know the same names and pass the same traffic."""
        # Docker alone shows connections that it has refused (LEFTOVER), with their aliases.
        candidates = known(self.shown["ours"]) | known(self.shown["theirs"])
        ours, theirs = (found_by_name(self.sides[by], self.shown[by], candidates) for by in ("ours", "theirs"))
        for key, answers in theirs.items():
            # Docker answers with the first network on which it finds a name; a hosts file contains all of them.
            assert bool(answers) == bool(ours[key]) and answers <= ours[key], f"{key}: {ours[key]}, {answers} of theirs"
        for look in (default_routes, reached):
            ours, theirs = (look(self.sides[by], self.shown[by]) for by in ("ours", "theirs"))
            if look == default_routes:
                internal = [name for name, each in self.shown["theirs"]["networks"].items() if each["Internal"]]
                theirs = {name: network for name, network in theirs.items() if network not in internal}  # NO_ROUTE
                mixed = self._on_mixed_networks()  # BOTH_FAMILIES
                ours, theirs = ({name: way[name] for name in way if name not in mixed} for way in (ours, theirs))
            assert ours == theirs, differing(_texts(ours), _texts(theirs))

    def _on_mixed_networks(self) -> set[str]:
        """Return the containers that are on networks with IPv6 and on networks without it."""
        ipv6 = {name: each["EnableIPv6"] for name, each in self.shown["ours"]["networks"].items()}
        containers = self.shown["ours"]["containers"].items()
        return {name for name, each in containers if len({ipv6[network] for network in each["Networks"]}) > 1}

    def do(self, step: Step) -> None:
        refusals = {by: side.do(step) for by, side in self.sides.items()}
        before = self.shown
        accepted = [by for by in self.sides if not refusals[by]]
        if len(accepted) == 1:
            (other,) = {*self.sides} - {*accepted}
            self.outcomes[step.verb, "one on purpose"] += 1
            known = intended(other, refusals[other], step, before[other])
            assert known, f"{other} alone refused {step}: {refusals[other]}"
            if step.verb not in MAKES or not all(each.undone for each in known):
                raise Ended
            self.sides[accepted[0]].undo(step)
        else:
            self.outcomes[step.verb, "both" if accepted else "neither"] += 1
            self._note(step, bool(accepted))
        self.shown = {by: self._look(by) for by in self.sides}
        for by in self.sides:
            check_addresses(by, step, before[by], self.shown[by], self.fixed)
        self._compare(step)

    def _note(self, step: Step, accepted: bool) -> None:
        """Remember what the comparison needs to know about STEP."""
        asked: Mapping[str, Any] = step.arguments
        if not accepted:
            return
        if step.verb == "create":
            four = [pool for pool in asked.get("pools", ()) if ":" not in pool["subnet"]]
            self.apart.discard(step.name)
            self.chosen_pools.discard(step.name)
            if not four:
                self.chosen_pools.add(step.name)
            elif "iprange" in four[0] and "gateway" not in four[0]:
                self.apart.add(step.name)
        elif step.verb in ("run", "connect"):
            for key, version in (("ip", 4), ("ip6", 6)):
                if key in asked:
                    self.fixed[step.network, step.name, version] = asked[key]
        elif step.verb in ("stop", "start", "restart"):
            self.apart |= {*self.shown["ours"]["containers"][step.name]["Networks"]}
        if step.verb in ("disconnect", "remove"):
            for key in [*self.fixed]:
                if key[1] == step.name and step.network in ("", key[0]):
                    del self.fixed[key]

    def _look(self, by: str) -> dict[str, Any]:
        side = self.sides[by]
        return {"networks": networks(by, side), "containers": containers(by, side)}

    def _compare(self, step: Any) -> None:
        ours, theirs = (self._comparable(by) for by in ("ours", "theirs"))
        for kind in ours:
            for name in {*ours[kind], *theirs[kind]}:
                one, other = ours[kind].get(name), theirs[kind].get(name)
                assert one == other, f"{kind} {name} after {step}: {differing(one, other)}"

    def _comparable(self, by: str) -> dict[str, Any]:
        """Return what BY shows; addresses in chosen subnets are relative to the beginning of the subnet."""
        shown = copy.deepcopy(self.shown[by])
        theirs = self.shown["theirs"]
        subnets = {}
        for name, network in shown["networks"].items():
            pools = network["IPAM"]["Config"]
            shown_by_them = {each["Subnet"]: each for each in theirs["networks"].get(name, network)["IPAM"]["Config"]}
            for pool in pools:
                if name in self.chosen_pools and ":" not in pool["Subnet"]:  # CHOSEN_POOLS
                    assert pool_is_default(pool["Subnet"]), (by, name, pool)
                    subnets[name] = pool["Subnet"]
                    pool["Subnet"], pool["Gateway"] = "chosen", relative(pool["Gateway"], pool["Subnet"])
                elif "Gateway" not in shown_by_them.get(pool["Subnet"], pool):  # SHOWN_GATEWAY
                    pool.pop("Gateway", None)
            for container, each in network["Containers"].items():
                self._address(name, container, each, subnets, "IPv4Address", "IPv6Address", "MacAddress")
        for container, details in shown["containers"].items():
            for name, each in [*details["Networks"].items()]:
                if by == "theirs" and self._is_leftover(container, name, details["State"], each):
                    del details["Networks"][name]
                    continue
                if details["State"] == "stopped":  # KEPT
                    details["Networks"][name] = {"Aliases": each["Aliases"]}
                else:
                    self._address(name, container, each, subnets, "IPAddress", "GlobalIPv6Address", "MacAddress")
                    if name in subnets:
                        each["Gateway"] = relative(each["Gateway"], subnets[name])
                    if name in self.apart:
                        each["Gateway"] = "apart"
            if details["State"] == "stopped":
                details["Ports"] = "of a stopped one"
        return shown

    def _is_leftover(self, container: str, network: str, state: str, shown: Mapping[str, Any]) -> bool:
        """Return whether SHOWN is a connection that both refused and Docker kept while the container ran: LEFTOVER."""
        empty = not (shown["MacAddress"] or shown["IPAddress"] or shown["GlobalIPv6Address"])
        if network in self.shown["ours"]["containers"].get(container, {}).get("Networks", {}):
            return False
        if empty and state == "running":
            self.leftovers.add((container, network))
        return empty and (container, network) in self.leftovers

    def _address(
        self, network: str, container: str, shown: dict[str, Any], subnets: Mapping[str, str], *keys: str
    ) -> None:
        four, six, mac = keys
        if network in subnets:
            if shown[mac] == "02:42:" + ":".join(f"{byte:02x}" for byte in _bytes(shown[four])):
                shown[mac] = "of the address"
            shown[four] = relative(shown[four], subnets[network])
            if shown.get("IPPrefixLen") == ipaddress.ip_network(subnets[network]).prefixlen:
                shown["IPPrefixLen"] = "chosen"
        if network in self.apart:  # KEPT or RANGE
            for key, version in ((four, 4), (six, 6)):
                if (network, container, version) not in self.fixed and shown[key]:
                    shown[key] = "chosen"
            if shown[four] == "chosen":
                shown[mac] = "apart"


def _texts(values: Mapping[Any, Any]) -> dict[str, Any]:
    return {" ".join(key) if isinstance(key, tuple) else key: value for key, value in values.items()}


def _bytes(address: str) -> bytes:
    return ipaddress.ip_interface(address).ip.packed if address else b""


def differing(one: Any, other: Any, path: str = "") -> str:
    """Return the paths of all differences between ONE and OTHER, with both values."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return "" if one == other else f"{path}: {one!r} of ours, {other!r} of theirs. "
    return "".join(differing(one.get(key), other.get(key), f"{path}/{key}") for key in sorted({*one, *other}))
