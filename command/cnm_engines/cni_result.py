# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a CNI plugin prints (specification, section 5)."""

from __future__ import annotations

from typing import Any, Dict

from _cnm.model.errors import printable

from .runs import Attached

_EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
_MEANINGS = {
    1: "Incompatible CNI version",
    2: "Unsupported field in network configuration",
    3: "Container unknown or does not exist",
    4: "Invalid environment variables",
    5: "I/O failure",
    6: "Failed to decode content",
    7: "Invalid network configuration",
    8: "Invalid network namespace",
    11: "Try again later",
    50: "The plugin is not available",
    100: "The host refused a change",
    101: "Already attached, or the name is taken",
    102: "The container's network is not as it was made",
    999: "Internal error",
}


def success(version: str, namespace: str, attached: Attached) -> Dict[str, Any]:
    """Return the result of an ADD that has made ATTACHED, in the form of VERSION."""
    interface: Dict[str, Any] = {"name": attached.interface, "mac": attached.mac, "sandbox": namespace}
    if version == "1.1.0":
        interface["mtu"] = attached.mtu
    ips, routes = [], []
    for family, address in attached.addresses().items():
        entry: Dict[str, Any] = {"address": address, "interface": 0}
        if version == "0.4.0":
            entry["version"] = str(family)
        gateway = attached.gateway(family)
        if gateway:
            entry["gateway"] = gateway
            if attached.has_default_route(family):
                routes.append({"dst": _EVERYWHERE[family], "gw": gateway})
        ips.append(entry)
    dns = {
        "nameservers": attached.name_servers(),
        "search": attached.search_domains(),
        "options": attached.dns_options(),
    }
    return {
        "cniVersion": version,
        "interfaces": [interface],
        "ips": ips,
        "routes": routes,
        "dns": {key: values for key, values in dns.items() if values},
    }


def failure(version: str, code: int, text: str) -> Dict[str, Any]:
    """Return the error with CODE. Engines show the message, and many of them no details, so TEXT is in the message."""
    return {"cniVersion": version, "code": code, "msg": printable(text), "details": _MEANINGS.get(code, "")}
