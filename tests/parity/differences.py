# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All intended differences, each with its reason. docs/docker.md explains them to users."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from steps import Step


def always(_step: Step, _message: str, _shown: Mapping[str, Any]) -> bool:
    return True


def nobody_has_it(step: Step, _message: str, shown: Mapping[str, Any]) -> bool:
    """Return whether the subnets that STEP asks for do not overlap those of any network."""
    pools = [pool for network in shown["networks"].values() for pool in network["IPAM"]["Config"]]
    there = [ipaddress.ip_interface(pool["Subnet"]).network for pool in pools]
    asked = [ipaddress.ip_interface(pool["subnet"]).network for pool in step.arguments["pools"]]
    return not any(one.version == other.version and one.overlaps(other) for one in asked for other in there)


def no_endpoint_has_it(step: Step, _message: str, shown: Mapping[str, Any]) -> bool:
    """Return whether no container has the address that STEP asks for."""
    address = step.arguments.get("ip")
    return address is not None and f'"{address}"' not in json.dumps(shown["containers"])


def a_stopped_one_has_it(_step: Step, message: str, shown: Mapping[str, Any]) -> bool:
    """Return whether any endpoint that MESSAGE names is in a stopped sandbox."""
    holders = [name for name in re.findall(r"'(\w+)'", message) if name in shown["containers"]]
    return any(shown["containers"][name]["State"] == "stopped" for name in holders)


def it_is_stopped(step: Step, _message: str, shown: Mapping[str, Any]) -> bool:
    """Return whether STEP connects a stopped container."""
    return step.verb == "connect" and shown["containers"].get(step.name, {}).get("State") == "stopped"


def nothing_is_published(step: Step, _message: str, shown: Mapping[str, Any]) -> bool:
    """Return whether STEP is about a network on which Docker does not publish ports."""
    return step.network in ("host", "none") or bool(shown["networks"].get(step.network, {}).get("Internal"))


def in_ipv6(_step: Step, message: str, _shown: Mapping[str, Any]) -> bool:
    """Return whether MESSAGE is about an IPv6 subnet."""
    return "::" in message


class Refusal(NamedTuple):
    """Something that one side refuses and the other carries out."""

    by: str
    message: str
    """A regular expression for the message of the side that refuses."""
    reason: str
    undone: bool = True
    """Whether both sides are equal again after the other has undone the step."""
    when: Callable[[Step, str, Mapping[str, Any]], bool] = always
    """Takes the step, the message and what the refusing side shows; returns whether this is the difference."""


LEFTOVER = "Docker keeps a connection that it has refused, without an address"
KEPT = "a stopped sandbox keeps its addresses and ports; a stopped Docker container has none"
WRONG_PORT = "an invalid port is refused even where it would have no effect"
REFUSALS = (
    Refusal("ours", "has host bits set", "a subnet with host bits is a mistake"),
    Refusal("ours", "iprange: .* is not within subnet", "Docker checks this only for IPv4", when=in_ipv6),
    Refusal("ours", "overlaps .*, which the host reaches on", "the host would no longer reach that network"),
    Refusal("ours", "published_ports need a network", "Docker silently publishes nothing there"),
    Refusal("ours", "protocol '.*' is not one of", WRONG_PORT, when=nothing_is_published),
    Refusal(
        "ours",
        "aliases: '.*' is not a valid host name",
        "the name could not be looked up, or would break the hosts file",
    ),
    Refusal("ours", "is not a valid name", "one rule covers the names of networks, sandboxes and endpoints"),
    Refusal("ours", "has no option '", "a misspelt option would have no effect"),
    Refusal("ours", "is listed twice", "Docker overwrites the first connection of a stopped container", False),
    Refusal("ours", "has active endpoints", KEPT, False, a_stopped_one_has_it),
    Refusal("ours", "endpoint '.*' on network '.*' has it", KEPT, when=a_stopped_one_has_it),
    Refusal("ours", "is taken: endpoint '.*' has it", KEPT, when=a_stopped_one_has_it),
    Refusal("ours", "MAC address .* is taken: endpoint", "Docker allows the same MAC address twice on one bridge"),
    Refusal("ours", ".", "Docker checks the settings of a stopped container only when it starts", False, it_is_stopped),
    Refusal("ours", "mac_address: ", "an invalid MAC address is refused even where it would have no effect"),
    Refusal(
        "theirs", "Pool overlaps", "Docker does not release the pools of networks that it refused", when=nobody_has_it
    ),
    Refusal(
        "theirs",
        "Address already in use",
        "Docker does not release the addresses of endpoints that it refused",
        when=no_endpoint_has_it,
    ),
    Refusal(
        "theirs",
        "could not find .* IPv6 address pool",
        "Docker 1.9 has no default IPv6 pools; ours are derived from the host (RFC 4193)",
    ),
    Refusal("theirs", "cannot assign requested address", "our rules need no socket, so the address may be added later"),
    Refusal("theirs", "Cannot (re)?start container .*: (Invalid address|network .* not found)", LEFTOVER, False),
    Refusal("theirs", "cannot be disconnected from host network", "the sandbox gets its own namespace"),
)


class Hidden(NamedTuple):
    """A value that only one side shows in inspect."""

    by: str
    """The side that shows it."""
    kind: str
    key: str
    reason: str


_NO_DAEMON = "cnm.linux has no containers, and so none of their settings"
OPTION = "Docker's networks do not have this option"
HIDDEN = (
    Hidden("theirs", "network", "Created", "check mode returns the same result as the run"),
    Hidden("ours", "network", "Host", "inspect also shows the bridge, its MTU, and whether the network has DNS"),
    *(Hidden("ours", "network", key, OPTION) for key in ("Routes", "NoDefaultRoute", "DnsServers")),
    Hidden("theirs", "attachment", "IPAMConfig", _NO_DAEMON),
    Hidden("theirs", "attachment", "Links", _NO_DAEMON),
    Hidden("theirs", "attachment", "DriverOpts", _NO_DAEMON),
    Hidden("ours", "attachment", "GwPriority", "Docker has it since version 28"),
    Hidden("ours", "attachment", "InterfaceName", "interface names are chosen once and kept"),
    Hidden("ours", "attachment", "DefaultRoute4", "inspect says which network gives the default route"),
    Hidden("ours", "attachment", "DefaultRoute6", "inspect says which network gives the default route"),
)


NO_ROUTE = "an internal network has no default route; Docker 20.10 sets one that leads nowhere"
BOTH_FAMILIES = "each family has a default route of its own; Docker prefers networks that have both families"
CHOSEN_POOLS = "the first free one is chosen, as in Docker 1.9; Docker 20.10 continues after the last one that it chose"
RANGE = "the gateway is the first address of the subnet; Docker's is the first address of the iprange"
SHOWN_GATEWAY = "a chosen gateway is shown; Docker shows only one that was given"
PORT_NUMBERS = "the lowest free port from 49153 on is chosen; Docker continues after the last one that it chose"
LOOPBACK6 = "ports are published at 0.0.0.0, as in Docker 1.9; Docker 20.10 also has a proxy at [::]"
SHORT_ID = "Docker 20.10 adds the beginning of the container's id to its aliases"
KEPT_MAC = "a MAC address belongs to an endpoint; Docker reuses it on the network that the container was created on"
OTHERS = (
    KEPT_MAC,
    LEFTOVER,
    NO_ROUTE,
    BOTH_FAMILIES,
    CHOSEN_POOLS,
    KEPT,
    RANGE,
    SHOWN_GATEWAY,
    PORT_NUMBERS,
    LOOPBACK6,
    SHORT_ID,
)
"""What the comparison leaves out, at the places that mention these names."""


def intended(by: str, messages: Sequence[str], step: Step, shown: Mapping[str, Any]) -> Sequence[Refusal]:
    """Return the entries that explain MESSAGES, with which only BY refused STEP; empty if one message has no entry."""
    reasons = []
    for message in messages:
        known = [each for each in REFUSALS if each.by == by and re.search(each.message, message)]
        known = [each for each in known if each.when(step, message, shown)]
        if not known:
            return []
        reasons += known
    return reasons
