# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Driver ``bridge``: a Linux bridge on the host, a veth pair for each endpoint."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ..model.addresses import Address as IPAddress
from ..model.addresses import Subnet, mac_of, with_prefix
from ..model.endpoint import Endpoint, Port
from ..model.network import Network
from ..resources.fdb import Neighbour
from ..resources.firewall import network_elements, opened, published
from ..resources.kinds import Address, Sysctl
from ..resources.link import HostEnd, Link
from ..resources.resource import HOST, Resource
from . import (
    MINIMUM_IPV6_MTU,
    MTU,
    Answers,
    Borrowed,
    Driver,
    Host,
    Settings,
    address_resources,
    driver,
    mtu_problems,
)
from .bridge_options import INHIBIT_IPV4, NAME, UPLINK, BridgeOptions, normalized, option_problems, parse

PORTS = 1023
"""How many ports a Linux bridge has (net/bridge/br_private.h: BR_MAX_PORTS is 1 << 10, and 0 is none)."""

DEFAULT_DEVICE = "cnm0"
"""The device of the predefined network ``bridge``."""


class Bridge(Driver):
    """A network on one host, behind a Linux bridge."""

    has_bridge = True
    ports = PORTS
    without_gateway = f"A /31 can only be used with internal: true and driver option '{INHIBIT_IPV4}'."

    def host_is_gateway(self, network: Network) -> bool:
        """Say whether the host has the addresses of NETWORK's gateways and forwards what leaves it."""
        return parse(network.options).uplink is None

    def option_problems(self, options: Mapping[str, str]) -> Dict[str, str]:
        """Return what is wrong with OPTIONS, by key, each in a sentence."""
        return option_problems(options)

    def normalized(self, options: Mapping[str, str]) -> Dict[str, str]:
        """Return OPTIONS, which are valid, with each value in its normal form."""
        return normalized(options)

    def settings(self, options: Mapping[str, str]) -> Settings:
        """Return what OPTIONS, which are valid, say that concerns more than the driver."""
        chosen = parse(options)
        device = chosen.name
        if chosen.uplink is not None:
            from .uplink import adoptable

            device = adoptable(chosen.uplink)
        return Settings(
            device=device,
            mtu=chosen.mtu,
            ipv6=chosen.enable_ipv6,
            interface_prefix=chosen.interface_prefix,
            allow_host_overlap=chosen.allow_host_overlap,
        )

    def problems(self, network: Network) -> List[str]:
        """Return why NETWORK, whose options are valid, is impossible, each reason in a sentence."""
        options = parse(network.options)
        sentences = mtu_problems(network)
        if options.uplink is not None:
            from .uplink import problems

            sentences += problems(network)
        elif options.inhibit_ipv4 and not network.internal:
            sentences.append(f"option '{INHIBIT_IPV4}' leaves no gateway, so it needs internal: true.")
        return sentences

    def host_problems(self, network: Network, host: Host) -> List[str]:
        """Return why HOST cannot have NETWORK, each reason in a sentence."""
        if self.host_is_gateway(network):
            return []
        from .uplink import host_problems

        return host_problems(network, self.device(network) or "", host)

    def no_gateway(self, network: Network, version: int) -> str:
        """Return why NETWORK has no gateway of family VERSION, in a sentence; empty if it has one."""
        inhibited = version == 4 and parse(network.options).inhibit_ipv4 and self.host_is_gateway(network)
        return f"there is none with driver option '{INHIBIT_IPV4}'." if inhibited else ""

    def room(self, network: Network) -> Tuple[int, str]:
        """Return how many endpoints of NETWORK can be in sandboxes at once, and the message if there are more."""
        return self.ports, (
            f"a Linux bridge has {self.ports} ports, and those of network '{network.name}' are all in use. Put "
            "further endpoints on another network."
        )

    def clash(self, network: Network, other: Network) -> str:
        """Return a sentence that says that OTHER already has NETWORK's bridge or its uplink."""
        devices = driver(other.driver).devices(other)
        if parse(network.options).uplink not in devices:
            return f"the bridge '{self.device(network)}' belongs to network '{other.name}'."
        return f"driver option '{UPLINK}': network '{other.name}' already uses '{parse(network.options).uplink}'."

    def device(self, network: Network) -> Optional[str]:
        """Return the name of NETWORK's bridge."""
        if network.predefined:
            return DEFAULT_DEVICE
        return parse(network.options).name or f"br-{network.id[:12]}"

    def devices(self, network: Network) -> Tuple[str, ...]:
        """Return the names of NETWORK's bridge and of its uplink."""
        return tuple(filter(None, (self.device(network), parse(network.options).uplink)))

    def immutable(self, network: Network) -> Tuple[Any, ...]:
        """Return what cannot change while endpoints of NETWORK are in use: the bridge, and the LAN that it is on."""
        return self.devices(network)

    def borrowed(self, network: Network) -> Optional[Borrowed]:
        """Return the bridge that NETWORK has adopted, or its uplink; None if it has neither."""
        if not self.host_is_gateway(network):
            from .uplink import borrowed

            return borrowed(network)
        if not network.adopted:
            return None
        device = self.device(network) or ""
        return Borrowed(device, f"the bridge '{device}', which network '{network.name}' adopted,")

    def network(self, network: Network) -> List[Resource]:
        """Return what NETWORK is made of."""
        options = parse(network.options)
        device = self.device(network) or ""
        if options.uplink is not None:
            from .uplink import resources as of_uplinked

            return of_uplinked(network, device)
        resources: List[Resource] = [
            Link(
                HOST,
                device,
                "bridge",
                address=_mac(network),
                mtu=None if network.adopted else network.mtu,
                adopted=network.adopted,
                vlan_filtering=None if network.adopted else False,
            ),
            Sysctl(HOST, f"net/ipv4/conf/{device}/route_localnet", "1", device),
            # A sandbox on several networks answers through the one with its default route (RFC 3704 2.4).
            Sysctl(HOST, f"net/ipv4/conf/{device}/rp_filter", "2", device),
        ]
        if network.ipv6 or not network.adopted and network.mtu >= MINIMUM_IPV6_MTU:
            # Otherwise any sandbox could become the host's router (CVE-2020-13401), even on a network without IPv6. A
            # device with a lower MTU has no IPv6 settings (net/ipv6/addrconf.c).
            resources.append(Sysctl(HOST, f"net/ipv6/conf/{device}/accept_ra", "0", device))
        if network.ipv6:
            # New devices take it from 'default', which may disable it.
            resources.append(Sysctl(HOST, f"net/ipv6/conf/{device}/disable_ipv6", "0", device))
        for pool, address in network.gateways():
            interface = with_prefix(address, pool.subnet)
            resources.append(Address(HOST, device, interface, adopted=interface in map(str, network.kept)))
        resources += network_elements(
            device,
            pools=[(pool.subnet, pool.gateway) for pool in network.pools],
            masquerade=options.masquerade and not network.internal,
            source4=options.host_ipv4,
            source6=options.host_ipv6,
            icc=options.icc,
            internal=network.internal,
            routed=_routed(options),
            dns=network.has_dns,
            mac=_mac(network),
            lent=network.adopted,
        )
        return resources

    def endpoint(self, network: Network, endpoint: Endpoint, namespace: str, answers: Answers) -> List[Resource]:
        """Return what ENDPOINT, joined to the sandbox with that NAMESPACE, is made of."""
        options = parse(network.options)
        on_lan = options.uplink is not None
        device, interface = self.device(network) or "", endpoint.interface or ""
        resources: List[Resource] = [
            Link(
                namespace,
                interface,
                "veth",
                address=endpoint.mac,
                mtu=network.mtu,
                # With br_netfilter, packets of a sandbox to its own published port return through the same port.
                peer=HostEnd(
                    endpoint.device,
                    device,
                    network.mtu,
                    isolated=not options.icc,
                    hairpin=bool(endpoint.ports),
                    pinned=True,
                    # A sandbox on a LAN must not take the frames for a machine there by sending with its MAC address.
                    learning=options.icc and not on_lan,
                ),
            )
        ]
        resources += address_resources(network, endpoint, namespace)
        if on_lan:
            from .uplink import endpoint_resources

            return resources + endpoint_resources(network, device, endpoint, namespace)
        # The host and the sandbox need not ask for each other's MAC address, so nobody can give a false answer.
        for address in endpoint.addresses:
            resources.append(Neighbour(HOST, device, str(address), endpoint.mac, holder=(namespace, interface)))
        mac = _mac(network)
        for _pool, gateway in network.gateways():
            if mac is not None and endpoint.address(gateway.version) is not None:
                resources.append(Neighbour(namespace, interface, str(gateway), mac))
        for port in endpoint.ports:
            for address, host_ip, translated in self.targets(network, endpoint, port):
                if not translated:
                    resources += opened(address, port.protocol, port.container_port, _sources(port, address.version))
                else:
                    # A server on all addresses answers a datagram with the address of the network that it leaves by.
                    moved = answers.get(address.version, address) if port.protocol == "udp" else address
                    resources += published(
                        host_ip,
                        port.protocol,
                        port.host_port or 0,
                        moved,
                        port.container_port,
                        _sources(port, address.version),
                    )
        return resources

    def no_dhcp(self, network: Network) -> str:
        """Return why no DHCP server can give the endpoints of NETWORK their addresses; empty if one can."""
        return "" if parse(network.options).uplink else super().no_dhcp(network)

    def unpublishable(self, network: Network) -> str:
        """Return why no port can be published on NETWORK; empty if ports can be published."""
        if not self.host_is_gateway(network):
            return (
                f"network '{network.name}' has an uplink, so its sandboxes are reached at their own addresses, at all "
                "ports; leave published ports out."
            )
        return super().unpublishable(network)

    def bindings(self, network: Network, port: Port) -> Dict[int, Optional[IPAddress]]:
        """Return by family the host's address at which PORT is published on NETWORK: its own, or the network's.

        As in Docker, a network that has one only for IPv4 does not publish on IPv6.
        """
        options = parse(network.options)
        four, six = options.host_binding_ipv4, options.host_binding_ipv6
        if port.host_ip is not None:
            return {port.host_ip.version: None if port.host_ip.is_unspecified else port.host_ip}
        if four is not None and six is None:
            return {4: four}
        return {4: four, 6: None if six is None or six.is_unspecified else six}

    def targets(
        self, network: Network, endpoint: Endpoint, port: Port
    ) -> Iterator[Tuple[IPAddress, Optional[IPAddress], bool]]:
        """Yield, for each address of ENDPOINT on NETWORK that PORT leads to, how packets get there."""
        bound, routed = self.bindings(network, port), _routed(parse(network.options))
        for address in endpoint.addresses:
            if address.version not in bound:
                continue
            if port.sources and not any(source.version == address.version for source in port.sources):
                continue
            yield address, bound[address.version], address.version not in routed

    def shown(self, network: Network) -> Dict[str, Any]:
        """Return what inspect shows under ``Host`` in addition to what it shows for all networks."""
        uplink = parse(network.options).uplink
        return {} if uplink is None else {"Uplink": uplink}

    def shown_options(self, network: Network) -> Dict[str, str]:
        """Return the options of NETWORK; for the predefined one, those that Docker shows although nobody set them."""
        if not network.predefined:
            return dict(network.options)
        return {
            "com.docker.network.bridge.default_bridge": "true",
            "com.docker.network.bridge.enable_icc": "true",
            "com.docker.network.bridge.enable_ip_masquerade": "true",
            "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
            NAME: self.device(network) or "",
            MTU: str(network.mtu),
        }


def _mac(network: Network) -> Optional[str]:
    """Return the MAC address that we give the bridge of NETWORK; None if it keeps its own."""
    gateway = next((address for _pool, address in network.gateways()), None)
    return None if network.adopted or gateway is None else mac_of(gateway)


def _sources(port: Port, version: int) -> List[Subnet]:
    return [source for source in port.sources if source.version == version]


def _routed(options: BridgeOptions) -> "frozenset[int]":
    modes = {4: options.gateway_mode_ipv4, 6: options.gateway_mode_ipv6}
    return frozenset(version for version, mode in modes.items() if mode == "routed")
