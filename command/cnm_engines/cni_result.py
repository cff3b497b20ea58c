# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a CNI plugin prints (specification, section 5)."""

from __future__ import annotations

from typing import Any, Dict

from _cnm.model.errors import printable

from . import errors
from .runs import Attached

_EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
_MEANINGS = {
    errors.INCOMPATIBLE_VERSION: "Incompatible CNI version",
    errors.UNSUPPORTED_FIELD: "Unsupported field in network configuration",
    errors.UNKNOWN_CONTAINER: "Container unknown or does not exist",
    errors.INVALID_ENVIRONMENT: "Invalid environment variables",
    errors.INPUT_FAILED: "I/O failure",
    errors.NOT_DECODED: "Failed to decode content",
    errors.INVALID_CONFIGURATION: "Invalid network configuration",
    errors.INVALID_NAMESPACE: "Invalid network namespace",
    errors.TRY_AGAIN_LATER: "Try again later",
    errors.NOT_AVAILABLE: "The plugin is not available",
    errors.REFUSED: "The host refused a change",
    errors.ATTACHED: "Already attached, or the name is taken",
    errors.NOT_AS_EXPECTED: "The container's network is not as it was made",
    errors.INTERNAL: "Internal error",
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
