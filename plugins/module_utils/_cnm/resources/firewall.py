# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall: constant rules, and what networks, endpoints and ports put into their sets and maps.

A packet costs the same with one network or port and with a thousand, because no rule belongs to any of them.
The rules tell our bridges from other devices by the device group that every link of ours carries.
"""

from __future__ import annotations

import ipaddress
from typing import Collection, Iterable, List, Optional, Sequence, Tuple

from ..model.addresses import Address, Subnet
from .kinds import Element
from .link import GROUP

RULESET = (
    f"define OURS = {GROUP:#x}\n"
    + """
table inet cnm {
    # Bridge to itself: accept, or drop where containers of a network may not talk to each other.
    map within { type ifname . ifname : verdict; }
    # Bridges of internal networks.
    set internal { type ifname; }
    # Addresses that the host has for our networks.
    set gateways4 { type ipv4_addr; }
    set gateways6 { type ipv6_addr; }
    # Those of them at which the name server answers.
    set resolvers4 { type ipv4_addr; }
    set resolvers6 { type ipv6_addr; }
    # Subnets of our networks.
    set subnets4 { type ipv4_addr; flags interval; }
    set subnets6 { type ipv6_addr; flags interval; }
    # Subnets that leave with the address of the device that they leave by, and those that have one of their own.
    set masquerade4 { type ipv4_addr; flags interval; }
    set masquerade6 { type ipv6_addr; flags interval; }
    map source4 { type ipv4_addr : ipv4_addr; flags interval; }
    map source6 { type ipv6_addr : ipv6_addr; flags interval; }
    # The kernel looks up one field after the other, for all elements that those before have left
    # (net/netfilter/nft_set_pipapo.c), so the field that tells most comes first.
    # Subnets of routed networks, and what of them is open: port, protocol, address, client.
    set routed4 { type ipv4_addr; flags interval; }
    set routed6 { type ipv6_addr; flags interval; }
    set open4 { type inet_service . inet_proto . ipv4_addr . ipv4_addr; flags interval; }
    set open6 { type inet_service . inet_proto . ipv6_addr . ipv6_addr; flags interval; }
    # Published ports: host port, protocol, host address, client to address and port.
    map published4 {
        type inet_service . inet_proto . ipv4_addr . ipv4_addr : ipv4_addr . inet_service; flags interval;
    }
    map published6 {
        type inet_service . inet_proto . ipv6_addr . ipv6_addr : ipv6_addr . inet_service; flags interval;
    }
    # Bridges with their own MAC addresses, to which a frame is sent that the host is to route. Adopted ones stand in
    # 'lent' instead: more comes by them than from us.
    set routers { type ifname . ether_addr; }
    set lent { type ifname; }
    # Bridge, and what else a sandbox on it has: addresses on its other networks.
    set elsewhere4 { type ifname . ipv4_addr; }
    set elsewhere6 { type ifname . ipv6_addr; }
    # Other devices of the host, where it forwarded nothing before us.
    set apart4 { type ifname; }
    set apart6 { type ifname; }
    # UDP ports of overlays, the hosts from which their packets come, and the devices that lead there.
    set vxlan_ports { type inet_service; }
    set peers4 { type inet_service . ipv4_addr; }
    set peers6 { type inet_service . ipv6_addr; }
    set underlays { type ifname; }

    # What br_netfilter shows of frames from port to port is no connection of the host: a sandbox could make one up with
    # a neighbour, and its other direction would be open to it. On an adopted bridge nobody can tell.
    chain from_port_to_port {
        fib daddr type != { local, broadcast, multicast } notrack
    }
    # Before address translation, so that no published port is a way around it.
    chain raw {
        type filter hook prerouting priority raw; policy accept;
        iifgroup $OURS iifname != @lent iifname . ether daddr != @routers jump from_port_to_port
        # route_localnet, which our bridges need for 127.0.0.1 on the host, would let neighbours in as well.
        iifname != "lo" ip daddr 127.0.0.0/8 drop
        # No sandbox passes for the host. Of IPv4 the kernel itself sees to that; but it hands a packet of IPv6 with a
        # mapped address to programs that take it for one of IPv4.
        iifgroup $OURS meta nfproto ipv6 fib saddr type local drop
        iifgroup $OURS ip6 saddr ::ffff:0.0.0.0/96 drop
        # A sandbox has the gateways of its own networks, and no others, nor by the anycast address of a subnet.
        iifgroup $OURS ip daddr @gateways4 fib daddr . iif type != local drop
        iifgroup $OURS ip6 daddr @gateways6 fib daddr . iif type != local drop
        iifgroup $OURS ip6 daddr @subnets6 fib daddr type anycast drop
        # The name server is there for sandboxes and the host, and would answer anybody whose packets come here.
        iifgroup != $OURS iifname != "lo" ip daddr @resolvers4 meta l4proto { 6, 17 } th dport 53 drop
        iifgroup != $OURS iifname != "lo" ip6 daddr @resolvers6 meta l4proto { 6, 17 } th dport 53 drop
        # An internal network has of the host its gateway, and nothing else.
        iifname @internal fib daddr type local fib daddr . iif type != local drop
        iifname @internal fib daddr type anycast drop
    }

    # A source has to be where the host would answer it: a neighbour on the bridge, or what its routes say is behind
    # one. Frames from port to port, which br_netfilter shows here, are the network's own affair.
    chain sources {
        # After the kernel has found the connection.
        type filter hook prerouting priority mangle; policy accept;
        iifgroup $OURS iifname . ether daddr @routers goto source
        iifgroup $OURS iifname != @lent fib daddr type local goto source
        # Who has no address yet asks for one with none.
        iifgroup $OURS iifname != @lent ip saddr != 0.0.0.0 fib daddr type { broadcast, multicast } goto source
        iifgroup $OURS iifname != @lent ip6 saddr != :: fib daddr type multicast goto source
        iifname @lent iifname != @internal ip saddr @subnets4 goto source
        iifname @lent iifname != @internal ip6 saddr @subnets6 goto source
    }
    chain source {
        fib saddr . iif oif exists accept
        # A sandbox on several networks, or a container that has others, answers by its default route.
        ct direction reply accept
        # What was open when the default route changed goes on; without its numbers nobody gets into it.
        ct state established meta l4proto 6 accept
        iifname . ip saddr @elsewhere4 accept
        iifname . ip6 saddr @elsewhere6 accept
        drop
    }

    # Protocols stand as numbers (tcp, udp, sctp): their names need /etc/protocols, which small systems lack.
    chain publish {
        ip daddr @resolvers4 meta l4proto { 6, 17 } th dport 53 return
        ip6 daddr @resolvers6 meta l4proto { 6, 17 } th dport 53 return
        meta l4proto { 6, 17, 132 } dnat ip to th dport . meta l4proto . ip daddr . ip saddr map @published4
        meta l4proto { 6, 17, 132 } dnat ip6 to th dport . meta l4proto . ip6 daddr . ip6 saddr map @published6
    }
    chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        fib daddr type local jump publish
    }
    # The host's own connections do not pass prerouting.
    chain output {
        type nat hook output priority -100; policy accept;
        # IPv6 has no route_localnet: the answer to ::1 would be lost. Untouched, ::1 refuses at once, so that
        # clients of "localhost" go on to 127.0.0.1.
        ip6 daddr ::1 accept
        fib daddr type local jump publish
    }

    # A VXLAN device asks nobody from where a packet comes, and the packet says which network it is for.
    chain tunnelled {
        # A bridge that was adopted may lead to the other hosts.
        iifgroup $OURS iifname != @underlays drop
        udp dport . ip saddr @peers4 accept
        udp dport . ip6 saddr @peers6 accept
        drop
    }
    chain input {
        type filter hook input priority filter; policy accept;
        udp dport @vxlan_ports goto tunnelled
    }

    # Bridge ports to each other, with br_netfilter.
    chain internal_traffic {
        iifname . oifname vmap @within
        drop
    }
    chain forward {
        type filter hook forward priority filter; policy accept;
        # First, so that a network that becomes internal loses its open connections too.
        iifname @internal goto internal_traffic
        oifname @internal drop
        # Other hosts would take it for a packet of this one.
        iifgroup $OURS oifgroup != $OURS udp dport @vxlan_ports drop
        ct state established,related accept
        # Before 'within': a published port is open to the neighbours on a network without talk among containers.
        ct status dnat accept
        iifname . oifname vmap @within
        meta l4proto { 6, 17, 132 } th dport . meta l4proto . ip daddr . ip saddr @open4 accept
        meta l4proto { 6, 17, 132 } th dport . meta l4proto . ip6 daddr . ip6 saddr @open6 accept
        ip daddr @routed4 icmp type echo-request accept
        ip6 daddr @routed6 icmpv6 type echo-request accept
        oifgroup $OURS drop
        # Forwarding was switched on for us, and not to make the host a router for its neighbours.
        iifgroup $OURS accept
        meta nfproto ipv4 iifname @apart4 oifname @apart4 drop
        meta nfproto ipv6 iifname @apart6 oifname @apart6 drop
    }

    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "lo" accept
        # Hairpin: the answer has to come back by way of the host, or the client gets it from a stranger.
        # By address, as br_netfilter runs this without an input device, and Linux before 5.10 all of it.
        oifgroup $OURS ct status dnat ip saddr @subnets4 masquerade
        oifgroup $OURS ct status dnat ip6 saddr @subnets6 masquerade
        # A sandbox would answer a loopback address to itself.
        oifgroup $OURS ip saddr 127.0.0.0/8 masquerade
        oifgroup != $OURS snat ip to ip saddr map @source4
        oifgroup != $OURS snat ip6 to ip6 saddr map @source6
        oifgroup != $OURS ip saddr @masquerade4 masquerade
        oifgroup != $OURS ip6 saddr @masquerade6 masquerade
    }
}
"""
)
"""The table ``inet cnm``, its sets and maps empty, in the language of nft 1.0.2 and later."""


def network_elements(
    device: str,
    pools: Sequence[Tuple[Subnet, Optional[Address]]],
    masquerade: bool = True,
    source4: Optional[Address] = None,
    source6: Optional[Address] = None,
    icc: bool = True,
    internal: bool = False,
    routed: Collection[int] = (),
    dns: bool = False,
    mac: Optional[str] = None,
    lent: bool = False,
) -> List[Element]:
    """Return what the network on bridge DEVICE puts into the sets.

    :param pools: each subnet with its gateway, if it has one.
    :param masquerade: whether the subnets leave the host with an address of the host.
    :param source4: the host address with which IPv4 leaves (Docker's ``com.docker.network.host_ipv4``).
    :param source6: the same for IPv6.
    :param icc: whether the endpoints of the network reach each other.
    :param internal: whether the network has no way in or out.
    :param routed: the IP versions that are reached by their own addresses: not translated, ports closed
        until opened, echo requests answered.
    :param dns: whether the name server answers at the gateways.
    :param mac: the MAC address of the bridge, if we have chosen it.
    :param lent: whether the bridge is somebody else's.
    """
    elements = [Element("within", f"{device} . {device}", "accept" if icc else "drop")]
    if lent:
        elements.append(Element("lent", device))
    elif mac is not None:
        elements.append(Element("routers", f"{device} . {mac}"))
    if internal:
        elements.append(Element("internal", device))
    sources = {4: source4, 6: source6}
    for subnet, gateway in pools:
        version = subnet.version
        elements.append(Element(f"subnets{version}", _text(subnet)))
        if gateway is not None:
            elements.append(Element(f"gateways{version}", str(gateway)))
            if dns:
                elements.append(Element(f"resolvers{version}", str(gateway)))
        if version in routed:
            elements.append(Element(f"routed{version}", _text(subnet)))
        elif masquerade and not internal:
            source = sources[version]
            if source is None:
                elements.append(Element(f"masquerade{version}", _text(subnet)))
            else:
                elements.append(Element(f"source{version}", _text(subnet), str(source)))
    return elements


def elsewhere(device: str, addresses: Iterable[Address]) -> List[Element]:
    """Return what lets a sandbox on bridge DEVICE send by it from the ADDRESSES that it has on other networks."""
    return [Element(f"elsewhere{address.version}", f"{device} . {address}") for address in addresses]


def tunnel_elements(port: int, device: str, peers: Iterable[Address]) -> List[Element]:
    """Return what a network of several hosts puts into the sets; networks have elements in common.

    :param port: the UDP port of its VXLAN device.
    :param device: the device that leads to the other hosts; empty if it is left to the routes.
    :param peers: the addresses of the other hosts.
    """
    elements = [Element("vxlan_ports", str(port))]
    if device:
        elements.append(Element("underlays", device))
    return elements + [Element(f"peers{peer.version}", f"{port} . {peer}") for peer in peers]


def published(
    host_ip: Optional[Address],
    protocol: str,
    host_port: int,
    target: Address,
    target_port: int,
    sources: Sequence[Subnet] = (),
) -> List[Element]:
    """Return what a published port puts into the maps.

    SOURCES hold for the host's own connections as well: with ``10.0.0.0/8`` a program on the host gets through
    only if its source address is in it, so list ``127.0.0.0/8`` and the host's address to let the host in.
    Connections from sandboxes are judged by the sandbox's address. The host reaches the port by any of its own
    addresses, ``127.0.0.1`` among them, but not by ``::1``, for which Linux has no ``route_localnet``.

    :param host_ip: the host address that is listened on; None, ``0.0.0.0`` and ``::`` are all of the target's
        family. None of the host's addresses of the other family answers.
    :param sources: who may connect. Empty is everybody; nobody, if all are of the other family.
    """
    version = target.version
    if host_ip is not None and host_ip.version != version:
        return []
    listener = _everything(version) if host_ip is None or host_ip.is_unspecified else ipaddress.ip_network(host_ip)
    return [
        Element(
            f"published{version}",
            f"{host_port} . {protocol} . {_text(listener)} . {_text(source)}",
            f"{target} . {target_port}",
        )
        for source in _clients(version, sources)
    ]


def opened(target: Address, protocol: str, port: int, sources: Sequence[Subnet] = ()) -> List[Element]:
    """Return what a port of an endpoint on a routed network puts into the sets; SOURCES as in `published`."""
    return [
        Element(f"open{target.version}", f"{port} . {protocol} . {target} . {_text(source)}")
        for source in _clients(target.version, sources)
    ]


def _clients(version: int, sources: Sequence[Subnet]) -> List[Subnet]:
    """Return SOURCES of one IP version without overlaps, which an interval map refuses."""
    if not sources:
        return [_everything(version)]
    if version == 4:
        return list(ipaddress.collapse_addresses(each for each in sources if isinstance(each, ipaddress.IPv4Network)))
    return list(ipaddress.collapse_addresses(each for each in sources if isinstance(each, ipaddress.IPv6Network)))


def _everything(version: int) -> Subnet:
    return ipaddress.ip_network("0.0.0.0/0" if version == 4 else "::/0")


def _text(subnet: Subnet) -> str:
    """Return SUBNET as nft writes it: a subnet of one address is that address."""
    return str(subnet.network_address if subnet.prefixlen == subnet.max_prefixlen else subnet)
