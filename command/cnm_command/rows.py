# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The columns that a list shows for each object, as pairs of a heading and a text."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

SHORT_ID = 12


def network(shown: Mapping[str, Any]) -> Dict[str, str]:
    """Return Docker's columns of a network."""
    return {"NETWORK ID": shown["Id"], "NAME": shown["Name"], "DRIVER": shown["Driver"], "SCOPE": shown["Scope"]}


def sandbox(shown: Mapping[str, Any]) -> Dict[str, str]:
    """Return the columns of a sandbox."""
    return {
        "SANDBOX ID": shown["Id"],
        "NAME": shown["Name"],
        "STATE": shown["State"],
        "NETWORKS": ", ".join(shown["Networks"]),
        "PORTS": ", ".join(ports(shown["Ports"])),
    }


def endpoint(shown: Mapping[str, Any]) -> Dict[str, str]:
    """Return the columns of an endpoint."""
    return {
        "ENDPOINT ID": shown["Id"],
        "NAME": shown["Name"],
        "NETWORK": shown["Network"],
        "SANDBOX": shown["Sandbox"],
        "ADDRESSES": ", ".join(filter(None, (shown["IPv4Address"], shown["IPv6Address"]))),
        "PORTS": ", ".join(ports(shown["Ports"])),
    }


def network_json(shown: Mapping[str, Any]) -> Dict[str, str]:
    """Return what Docker's ``--format json`` shows of a network: texts only."""
    return {
        "Driver": shown["Driver"],
        "ID": shown["Id"],
        "IPv6": str(shown["EnableIPv6"]).lower(),
        "Internal": str(shown["Internal"]).lower(),
        "Labels": ",".join(f"{key}={value}" for key, value in shown["Labels"].items()),
        "Name": shown["Name"],
        "Scope": shown["Scope"],
    }


def ports(shown: Mapping[str, List[Mapping[str, str]]]) -> List[str]:
    """Return SHOWN, published ports, as ``docker ps`` shows them."""
    return [
        f"{'[::]' if one['HostIp'] == '::' else one['HostIp']}:{one['HostPort']}->{port}"
        for port, bindings in shown.items()
        for one in bindings
    ]
