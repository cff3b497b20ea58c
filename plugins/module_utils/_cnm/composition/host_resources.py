# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The resources of the host itself, which several networks need: the firewall's table, forwarding, tunnels."""

from __future__ import annotations

import ipaddress
from functools import cached_property
from typing import AbstractSet, Iterable, List, Mapping, Sequence, Set

from ..drivers import driver, spanning
from ..model.network import DEFAULT, Network
from ..resources.firewall import RULESET, encrypted_elements, tunnel_elements
from ..resources.kinds import FORWARDING, Element, ForwardAccept, Ruleset, Sysctl
from ..resources.resource import HOST, Resource
from ..store.journal import Setting, Unit
from ..store.queries import DriverInUse, Queries
from .host_facts import Host

HOST_UNIT = Unit("host", "")
"""Resources of the host itself as long as packets of a network pass it: the firewall's table, forwarding."""

APART_UNIT = Unit("host", "apart")
"""Resources that record the interfaces between which the host did not forward before us."""


class HostResources:
    """What the networks of a store need of the host itself. A run asks several times; the networks stay the same."""

    def __init__(self, store: Queries, host: Host) -> None:
        self._store = store
        self._host = host
        self.released: Set[str] = set()
        """Bridges that an interrupted run no longer adopts."""

    @cached_property
    def in_use(self) -> bool:
        """Whether the host has any network whose packets it handles."""
        default = self._store.network_named(DEFAULT)
        return self._has_passing or (default is not None and is_realised(self._store, default))

    @cached_property
    def _has_passing(self) -> bool:
        """Whether any network that users have made has packets that the host handles."""
        return any(each.own for each in self._passing)

    @cached_property
    def _passing(self) -> List[DriverInUse]:
        """The drivers in use of whose networks the host handles packets."""
        return [each for each in self._store.drivers_in_use() if driver(each.name).passes_host]

    def are_those_before(self, touched: AbstractSet[Unit]) -> bool:
        """Say whether the host needed the same before the transaction of the store, which TOUCHED these objects.

        Endpoints change it only if all networks are predefined, which need nothing without one.
        """
        return self._has_passing and all(unit.kind != "network" for unit in touched)

    @cached_property
    def resources(self) -> List[Resource]:
        """The resources of the host itself."""
        if not self._forwarded:
            return []
        resources: List[Resource] = [Ruleset(RULESET)]
        resources += [Sysctl(HOST, FORWARDING[version], "1") for version in self._forwarded]
        resources += map(apart_element, self.apart)
        if self.in_use:
            resources += [ForwardAccept(family) for family in self._host.docker_chains()]
            resources += self._tunnels()
        if 6 in self._forwarded:
            # With forwarding, the kernel ignores router advertisements unless accept_ra is 2
            # (Documentation/networking/ip-sysctl.rst).
            names = {f"net/ipv6/conf/{device}/accept_ra" for device in self._host.router_advertised()}
            names |= {name for name, setting in self._settings.items() if _hears_routers(name, setting)}
            resources += [Sysctl(HOST, name, "2") for name in sorted(names)]
        return resources

    @cached_property
    def _settings(self) -> Mapping[str, Setting]:
        return self._store.settings()

    @cached_property
    def _forwarded(self) -> Sequence[int]:
        """The families that the host forwards."""
        return [version for version in FORWARDING if self._forwards(version)]

    def _forwards(self, version: int) -> bool:
        """Say whether networks need forwarding, or others that found it switched on by us."""
        if any(each.ipv6 for each in self._passing) if version == 6 else self.in_use:
            return True
        settings = self._settings
        bridges = self._host.other_bridges() if FORWARDING[version] in settings and _apart(settings, version) else ()
        return bool(later_bridges(settings, version, bridges) - self.released)

    @cached_property
    def apart(self) -> Set[str]:
        """The settings of the interfaces between which the host did not forward before us.

        They include hardware, VLANs and bonds that were added later. Other later interfaces, such as bridges and
        tunnels, belong to programs that rely on forwarding.
        """
        settings: Set[str] = set()
        for version in self._forwarded:
            prefix = f"net/ipv{version}/conf/"
            known = _apart(self._settings, version)
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
            tunnel = spanning(kind).tunnel(name, options)
            elements += tunnel_elements(tunnel.port, device, map(ipaddress.ip_address, peers))
            if tunnel.encrypted:
                encrypting = device if self._host.is_wireguard(device) else ""
                elements += encrypted_elements(tunnel.port, tunnel.id, encrypting)
        return elements


def apart_element(name: str) -> Element:
    """Return what stops forwarding between the interface with the setting NAME and others."""
    _net, family, _conf, device, _forwarding = name.split("/")
    return Element(f"apart{family[-1]}", device)


def later_bridges(settings: Mapping[str, Setting], version: int, bridges: Iterable[str]) -> Set[str]:
    """Return those of BRIDGES that came after the first network: their owners found family VERSION forwarded.

    :param settings: the remembered ones
    """
    return set(bridges) - {apart_element(name).entry for name in _apart(settings, version)}


def _apart(settings: Mapping[str, Setting], version: int) -> Set[str]:
    """Return those of SETTINGS that record the interfaces between which the host did not forward family VERSION."""
    prefix = f"net/ipv{version}/conf/"
    return {name for name, setting in settings.items() if setting.unit == APART_UNIT and name.startswith(prefix)}


def is_realised(store: Queries, network: Network) -> bool:
    """Say whether NETWORK has resources: a predefined one has them only while a running sandbox is on it."""
    return not network.predefined or bool(store.running_endpoints(network.id))


def _hears_routers(name: str, setting: Setting) -> bool:
    """Say whether a setting was changed so that the host keeps accepting router advertisements; routes may change."""
    return setting.unit == HOST_UNIT and name.endswith("/accept_ra")
