# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The networks that Docker has, as cnm.linux would have them."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ...module_utils._cnm.drivers import creatable, driver
from ...module_utils._cnm.model.network import PREDEFINED, Network
from .renamed import renamed

_SAME = {"EnableIPv6": "enable_ipv6", "Internal": "internal", "Labels": "labels"}
_POOL = {"Subnet": "subnet", "Gateway": "gateway", "IPRange": "iprange", "AuxiliaryAddresses": "aux_addresses"}


class Carried(NamedTuple):
    """What can be carried over, and what cannot."""

    items: List[Dict[str, Any]]
    """As in the variable of the inventory."""
    differences: List[str]
    """A sentence for each difference."""


def networks(inspected: Sequence[Mapping[str, Any]]) -> Carried:
    """Return the networks that ``docker network inspect`` has INSPECTED, without the predefined ones.

    :raises ValueError: if it is something else
    """
    items, differences = [], []
    for each in inspected:
        if not isinstance(each, Mapping) or not isinstance(each.get("Name"), str):
            raise ValueError("this is not what 'docker network inspect' prints.")
        if each["Name"] in PREDEFINED or each["Name"] == "docker_gwbridge":
            continue
        item = _network(each, differences)
        if item is not None:
            items.append(item)
    return Carried(items, differences)


def _network(inspected: Mapping[str, Any], differences: List[str]) -> Optional[Dict[str, Any]]:
    """Return the network as an item; None if it has no counterpart. What differs is added to DIFFERENCES."""
    name, kind = inspected["Name"], inspected.get("Driver") or ""
    subject = f"Network '{name}'"
    if inspected.get("Ingress"):
        differences.append(f"{subject}: it spreads the published ports of a swarm, which has no counterpart.")
        return None
    if inspected.get("ConfigOnly"):
        differences.append(f"{subject}: it is only the configuration of others, which have it themselves.")
        return None
    if kind not in creatable():
        differences.append(f"{subject}: there is no driver '{kind}'.")
        return None
    item: Dict[str, Any] = {"name": name, "driver": kind}
    item.update(driver_options(subject, kind, inspected.get("Options") or {}, differences))
    item.update(_pools(subject, inspected.get("IPAM") or {}, differences))
    network = Network("", name, kind, options=item.get("driver_options", {}))
    for pool in item.get("ipam_config", ()):
        if driver(kind).no_gateway(network, 6 if ":" in pool["subnet"] else 4):
            pool.pop("gateway", None)
    item.update(renamed(inspected, _SAME))
    if inspected.get("Containers"):
        names = sorted(each.get("Name", "") for each in inspected["Containers"].values())
        differences.append(f"{subject}: its containers stay on Docker's network: {', '.join(names)}.")
    return item


def driver_options(subject: str, kind: str, options: Mapping[str, str], differences: List[str]) -> Dict[str, Any]:
    """Return those of OPTIONS that the driver KIND has, as part of an item; add to DIFFERENCES the others."""
    wrong = driver(kind).option_problems({key: str(value) for key, value in options.items()})
    differences += [f"{subject}: option '{key}' is left out: {why}" for key, why in sorted(wrong.items())]
    kept = {key: str(value) for key, value in options.items() if key not in wrong}
    return {"driver_options": kept} if kept else {}


def _pools(subject: str, ipam: Mapping[str, Any], differences: List[str]) -> Dict[str, Any]:
    if ipam.get("Driver") not in (None, "", "default"):
        differences.append(f"{subject}: addresses come from cnm.linux, not from IPAM driver '{ipam['Driver']}'.")
    pools = []
    for config in ipam.get("Config") or []:
        pool = renamed(config, _POOL)
        if "gateway" in pool:
            # Some versions of Docker show it with the prefix length.
            pool["gateway"] = str(pool["gateway"]).partition("/")[0]
        if "subnet" in pool:
            pools.append(pool)
    return {"ipam_config": pools} if pools else {}
