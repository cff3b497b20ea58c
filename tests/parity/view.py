# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What both sides show to users, in a common form, so that it can be compared."""

from __future__ import annotations

import ipaddress
from typing import Any

from differences import HIDDEN
from ours import Ours
from theirs import Theirs

NEVER_ASKED_FOR = 30000
"""Higher host ports were chosen, by either side."""


def networks(by: str, side: Ours | Theirs) -> dict[str, Any]:
    """Return all networks as inspect shows them on SIDE, without the intended differences."""
    shown = side.networks()
    names = {each.get("Id"): name for name, each in side.containers().items()}
    for network in shown.values():
        del network["Id"]
        _hide(by, "network", network)
        network["IPAM"]["Options"] = network["IPAM"]["Options"] or {}
        for each in network["Containers"].values():
            each.pop("EndpointID")
        network["Containers"] = {names[identifier]: each for identifier, each in network["Containers"].items()}
        if network["Name"] == "bridge":
            network["Options"].pop("com.docker.network.bridge.name")
    return shown


def containers(by: str, side: Ours | Theirs) -> dict[str, Any]:
    """Return all containers or sandboxes, with what inspect shows of their networks."""
    comparable = {}
    for name, shown in side.containers().items():
        if by == "theirs":
            state = "running" if shown["State"]["Running"] else "stopped"
            attached, ports = shown["NetworkSettings"]["Networks"], shown["NetworkSettings"]["Ports"]
            labels = shown["Config"]["Labels"]
        else:
            state, attached, ports, labels = (shown[key] for key in ("State", "Networks", "Ports", "Labels"))
        for each in attached.values():
            _hide(by, "attachment", each)
            for identifier in ("NetworkID", "EndpointID"):
                del each[identifier]
            each["Aliases"] = sorted({*(each["Aliases"] or ())} - {shown["Id"][:12]})  # SHORT_ID
        comparable[name] = {"State": state, "Networks": attached, "Ports": _ports(ports), "Labels": labels}
    return comparable


def _hide(by: str, kind: str, shown: dict[str, Any]) -> None:
    for each in HIDDEN:
        if (each.by, each.kind) == (by, kind):
            del shown[each.key]


def _ports(shown: dict[str, Any]) -> dict[str, Any]:
    """Return the published ports, without the differences PORT_NUMBERS and LOOPBACK6."""
    return {
        key: sorted(
            (each["HostIp"], "any" if int(each["HostPort"]) > NEVER_ASKED_FOR else each["HostPort"])
            for each in bindings or ()
            if each["HostIp"] != "::"
        )
        for key, bindings in shown.items()
    }


def relative(address: str, subnet: str) -> str:
    """Return the distance of ADDRESS from the beginning of SUBNET."""
    if not address:
        return ""
    return f"+{int(ipaddress.ip_interface(address).ip) - int(ipaddress.ip_interface(subnet).network.network_address)}"
