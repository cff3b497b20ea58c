# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks of driver ``bridge`` with an uplink: an interface of the host is a port of the bridge.

So the sandboxes are on the LAN, and the gateway is the router there. What they send to it is bridged: the host does not
route or translate it. The host has no address on the LAN, unless an auxiliary address is its own.
"""

from __future__ import annotations

from functools import partial
from typing import Iterator, List, Optional, Tuple

from ..model.addresses import Address as IPAddress
from ..model.addresses import with_prefix
from ..model.endpoint import Endpoint
from ..model.network import Network, Pool
from ..resources.fdb import Neighbour
from ..resources.firewall import bridged_elements
from ..resources.kinds import Address, Parent, Sysctl
from ..resources.link import BRIDGE, VLAN_GROUP, Link
from ..resources.resource import HOST, Resource
from ..resources.uplink import Uplink
from . import ALLOW_HOST_OVERLAP, MINIMUM_IPV6_MTU, Borrowed, Host
from .bridge_options import KEYS, NAME, UPLINK, parse
from .on_parent import Vlan, interface_problems, settings_on_lan, vlan, vlan_resources

OWN = "host"
"""The auxiliary address that the host has on the bridge, by its name."""

_FOR_A_GATEWAY = ("masquerade", "host_binding", "gateway_mode", "host_ipv4", "host_ipv6")
"""Beginnings of the fields of options that have no meaning if the host is not the gateway."""
_LINK_LOCAL = "fe80:"


def problems(network: Network) -> List[str]:
    """Return why NETWORK, whose options are valid, cannot have an uplink, each reason in a sentence."""
    sentences = [
        f"option '{key}' is for a network whose gateway is the host, and with '{UPLINK}' that is the router of the "
        "LAN. Leave it out."
        for key in sorted(network.options)
        if KEYS[key][0].startswith(_FOR_A_GATEWAY)
    ]
    if network.internal:
        sentences.append(f"internal: true contradicts driver option '{UPLINK}'. Leave out one of the two.")
    return sentences


def host_problems(network: Network, device: str, host: Host) -> List[str]:
    """Return why HOST cannot have NETWORK with its bridge DEVICE, each reason in a sentence."""
    options = parse(network.options)
    name = options.uplink or ""
    others = partial(port_problems, host, NAME)
    sentences = interface_problems(UPLINK, name, _vlan(network), options.mtu, host, "the port of a bridge is", others)
    bridge = host.parent(device)
    if bridge is not None and not bridge.ours:
        sentences.append(
            f"option '{NAME}': the bridge '{device}' exists, and '{UPLINK}' needs one of our own. Choose another name; "
            f"or put '{name}' into the bridge yourself, and leave '{UPLINK}' out."
        )
    if not options.allow_host_overlap:
        for pool, address in addresses(network):
            for reached, other in host.on_link():
                if other != device and reached.version == address.version and reached.overlaps(pool.subnet):
                    sentences.append(
                        f"auxiliary address '{OWN}': the host already reaches {reached} on '{other}', and would answer "
                        f"on either. Leave it out, or set driver option '{ALLOW_HOST_OVERLAP}'."
                    )
    return sentences


def port_problems(host: Host, option: str, name: str, port: Parent) -> List[str]:
    """Return why the interface NAME of HOST, PORT, cannot be put into a bridge, each reason in a sentence.

    :param option: the driver option that names a bridge which exists
    """
    if port.type == BRIDGE:
        return [f"'{name}' is a bridge itself. Give it as '{option}' instead."]
    master = host.parent(port.busy) if port.busy else None
    # Which of our networks has it is known without the host.
    if port.busy and (master is None or not master.ours):
        return [f"'{name}' is a port of '{port.busy}', and cannot be that of another bridge."]
    sentences: List[str] = []
    if not port.up:
        sentences.append(f"'{name}' is down, so nothing would pass: ip link set {name} up")
    held = [] if port.busy else [each for each in host.addresses(name) if not each.startswith(_LINK_LOCAL)]
    if held:
        sentences.append(
            f"'{name}' has the address {', '.join(held)}, with which the host would no longer be reached. Give a port "
            f"that has none, or a VLAN such as '{name}.10'; or move the address to a bridge of your own, put '{name}' "
            f"into that, and give the bridge as '{option}' instead."
        )
    return sentences


def addresses(network: Network) -> Iterator[Tuple[Pool, IPAddress]]:
    """Yield each pool of NETWORK in which the host has an address of its own, and the address."""
    for pool in network.pools:
        if OWN in pool.auxiliary:
            yield pool, pool.auxiliary[OWN]


def _vlan(network: Network) -> Optional[Vlan]:
    """Return the VLAN that is the uplink of NETWORK and that is ours; None if there is none."""
    return None if network.adopted else vlan(parse(network.options).uplink)


def adoptable(uplink: str) -> Optional[str]:
    """Return UPLINK if we would make it: if it has the name of a VLAN."""
    return uplink if vlan(uplink) else None


def borrowed(network: Network) -> Borrowed:
    """Return the interface that NETWORK needs and that others create."""
    name, made = parse(network.options).uplink or "", _vlan(network)
    if made is not None:
        return Borrowed(
            made.device, f"the interface '{made.device}', which has the VLAN of network '{network.name}',", up=True
        )
    return Borrowed(name, f"the interface '{name}', the uplink of network '{network.name}',", up=True)


def resources(network: Network, device: str) -> List[Resource]:
    """Return what NETWORK, with its bridge DEVICE, is made of."""
    name, made = parse(network.options).uplink or "", _vlan(network)
    own = [address for _pool, address in addresses(network)]
    mac = _mac(network)
    result: List[Resource] = vlan_resources(name, made, network.mtu) if made is not None else []
    result += [
        Link(HOST, device, BRIDGE, address=mac, mtu=network.mtu, group=VLAN_GROUP, vlan_filtering=False),
        Uplink(name, device),
        # Linux otherwise answers ARP here for its addresses on all other interfaces.
        Sysctl(HOST, f"net/ipv4/conf/{device}/arp_ignore", "1", device),
        # The bridge may have been that of a network whose gateway was the host.
        Sysctl(HOST, f"net/ipv4/conf/{device}/route_localnet", "0", device),
    ]
    if network.mtu >= MINIMUM_IPV6_MTU:
        has_ipv6 = any(address.version == 6 for address in own)
        # It gets its addresses and routes from us, and none from routers on the LAN.
        result.append(Sysctl(HOST, f"net/ipv6/conf/{device}/accept_ra", "0", device))
        result.append(Sysctl(HOST, f"net/ipv6/conf/{device}/disable_ipv6", "0" if has_ipv6 else "1", device))
    result += [Address(HOST, device, with_prefix(address, pool.subnet)) for pool, address in addresses(network)]
    return result + list(bridged_elements(device, mac))


def _mac(network: Network) -> str:
    """Return the MAC address of NETWORK's bridge. The id is that of one host, so no other one on the LAN has it."""
    return ":".join(("02", *(network.id[start : start + 2] for start in range(0, 10, 2))))


def endpoint_resources(network: Network, device: str, endpoint: Endpoint, namespace: str) -> List[Resource]:
    """Return what ENDPOINT of NETWORK, joined to the sandbox with that NAMESPACE, has because it is on a LAN."""
    interface = endpoint.interface or ""
    result = settings_on_lan(network, namespace, interface)
    for _pool, own in addresses(network):
        address = endpoint.address(own.version)
        if address is not None:
            # Nobody on the LAN can give the host a false answer.
            result.append(Neighbour(HOST, device, str(address), endpoint.mac, holder=(namespace, interface)))
    return result
