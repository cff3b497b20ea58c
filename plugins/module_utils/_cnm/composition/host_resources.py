# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The resources of the host itself, which several networks need: the firewall's table, forwarding, tunnels."""

from __future__ import annotations

import ipaddress
from typing import Callable, List, Set

from ..drivers import LOADERS, driver, spanning
from ..model.network import DEFAULT, Network
from ..resources.firewall import RULESET, tunnel_elements
from ..resources.kinds import FORWARDING, Element, ForwardAccept, Ruleset, Sysctl
from ..resources.resource import HOST, Resource
from ..store.journal import Setting, Unit
from ..store.queries import Queries
from .host_facts import Host

HOST_UNIT = Unit("host", "")
"""Resources of the host itself as long as packets of a network pass it: the firewall's table, forwarding."""

APART_UNIT = Unit("host", "apart")
"""Resources that record the interfaces between which the host did not forward before us."""


class HostResources:
    """What the networks of a store need of the host itself."""

    def __init__(self, store: Queries, host: Host) -> None:
        self._store = store
        self._host = host

    def in_use(self) -> bool:
        """Say whether the host has any network whose packets it handles."""
        default = self._store.network_named(DEFAULT)
        return _any_passes(self._store.has_networks) or (default is not None and is_realised(self._store, default))

    def resources(self) -> List[Resource]:
        """Return the resources of the host itself."""
        if not self.in_use():
            return []
        resources: List[Resource] = [Ruleset(RULESET), Sysctl(HOST, FORWARDING[4], "1")]
        resources += map(apart_element, self.apart())
        resources += [ForwardAccept(family) for family in self._host.docker_chains()]
        resources += self._tunnels()
        if _any_passes(self._store.has_ipv6):
            # With forwarding, the kernel ignores router advertisements unless accept_ra is 2
            # (Documentation/networking/ip-sysctl.rst).
            names = {f"net/ipv6/conf/{device}/accept_ra" for device in self._host.router_advertised()}
            names |= {name for name, setting in self._store.settings().items() if _hears_routers(name, setting)}
            resources += [Sysctl(HOST, name, "2") for name in sorted(names)]
            resources.append(Sysctl(HOST, FORWARDING[6], "1"))
        return resources

    def apart(self) -> Set[str]:
        """Return the settings of the interfaces between which the host did not forward before us.

        They include hardware, VLANs and bonds that were added later. Other later interfaces, such as bridges and
        tunnels, belong to programs that rely on forwarding.
        """
        if not self.in_use():
            return set()
        remembered = {name for name, setting in self._store.settings().items() if setting.unit == APART_UNIT}
        settings: Set[str] = set()
        for version in (4, 6) if _any_passes(self._store.has_ipv6) else (4,):
            prefix = f"net/ipv{version}/conf/"
            known = {name for name in remembered if name.startswith(prefix)}
            devices = self._host.unforwarded(version)
            if devices and known and self._host.other_bridges():
                devices = ()
            if known:
                settings |= {f"{prefix}{device}/forwarding" for device in self._host.lan_interfaces()}
            settings |= known | {f"{prefix}{device}/forwarding" for device in devices}
        return set() if settings and self._host.is_router() else settings

    def _tunnels(self) -> List[Element]:
        """Return what admits the packets of other hosts. It belongs to the host, because networks may share peers."""
        elements: List[Element] = []
        for kind, name, options, device, peers in self._store.underlays():
            port = spanning(kind).tunnel(name, options).port
            elements += tunnel_elements(port, device, map(ipaddress.ip_address, peers))
        return elements


def apart_element(name: str) -> Element:
    """Return what stops forwarding between the interface with the setting NAME and others."""
    _net, family, _conf, device, _forwarding = name.split("/")
    return Element(f"apart{family[-1]}", device)


def _any_passes(has: Callable[[str], bool]) -> bool:
    """Say whether the store HAS networks of any driver whose packets pass the host."""
    return any(has(name) and driver(name).host_is_gateway for name in LOADERS)


def is_realised(store: Queries, network: Network) -> bool:
    """Say whether NETWORK has resources: a predefined one has them only while a running sandbox is on it."""
    return not network.predefined or bool(store.running_endpoints(network.id))


def _hears_routers(name: str, setting: Setting) -> bool:
    """Say whether a setting was changed so that the host keeps accepting router advertisements; routes may change."""
    return setting.unit == HOST_UNIT and name.endswith("/accept_ra")
