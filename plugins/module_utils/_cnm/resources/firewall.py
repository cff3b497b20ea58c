# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall: constant rules, and what networks, endpoints and ports put into their sets and maps.

A packet costs the same with one network or port as with a thousand, because no rule is about a single one.
The rules recognize our bridges by the device group that all our links have.
"""

from __future__ import annotations

import ipaddress
from typing import Collection, Iterable, List, Optional, Sequence, Tuple

from ..model.addresses import Address, Subnet
from .kinds import Element
from .link import GROUP, VLAN_GROUP

RULESET = (
    f"define OURS = {GROUP:#x}\ndefine VLANS = {VLAN_GROUP:#x}\n"
    + """
table inet cnm {
    # From a bridge to itself: accept, or drop if containers of the network must not reach each other.
    map within { type ifname . ifname : verdict; }
    # Bridges of internal networks.
    set internal { type ifname; }
    # Addresses that the host has for our networks.
    set gateways4 { type ipv4_addr; }
    set gateways6 { type ipv6_addr; }
    # Those of these addresses at which the name server answers.
    set resolvers4 { type ipv4_addr; }
    set resolvers6 { type ipv6_addr; }
    # Subnets of our networks.
    set subnets4 { type ipv4_addr; flags interval; }
    set subnets6 { type ipv6_addr; flags interval; }
    # Subnets that leave the host with the address of the outgoing device, and those that leave with a chosen address.
    set masquerade4 { type ipv4_addr; flags interval; }
    set masquerade6 { type ipv6_addr; flags interval; }
    map source4 { type ipv4_addr : ipv4_addr; flags interval; }
    map source6 { type ipv6_addr : ipv6_addr; flags interval; }
    # In the following sets, the field that excludes the most elements comes first: the kernel looks up one field after
    # the other, each among the elements that the fields before have left (net/netfilter/nft_set_pipapo.c).
    # Subnets of routed networks, and their open ports: port, protocol, address, client.
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
    # Bridges with their own MAC addresses: a frame to such an address is for the host to route. Adopted bridges are in
    # 'lent' instead, because not only our traffic arrives there.
    set routers { type ifname . ether_addr; }
    set lent { type ifname; }
    # Bridges, each with the addresses that sandboxes on it have on their other networks.
    set elsewhere4 { type ifname . ipv4_addr; }
    set elsewhere6 { type ifname . ipv6_addr; }
    # Devices that are not ours, on a host that did not forward before we switched forwarding on.
    set apart4 { type ifname; }
    set apart6 { type ifname; }
    # UDP ports of overlays, the hosts that their packets come from, and the devices that lead to these hosts.
    set vxlan_ports { type inet_service; }
    set peers4 { type inet_service . ipv4_addr; }
    set peers6 { type inet_service . ipv6_addr; }
    set underlays { type ifname; }
    # Overlays whose packets must be encrypted, by UDP port and VNI, and the tunnels that encrypt. The VNI is 24 bits,
    # from the twelfth byte after the beginning of the UDP header (RFC 7348).
    set encrypted { typeof udp dport . @th,96,24; }
    set encrypting { type ifname; }

    # br_netfilter also shows frames from one bridge port to another here. They must not create connections: a sandbox
    # could make one up with a neighbour, and then the other direction would be open. On an adopted bridge such frames
    # cannot be recognized.
    chain from_port_to_port {
        fib daddr type != { local, broadcast, multicast } notrack
    }
    # Before address translation, so that published ports are no way around it.
    chain raw {
        type filter hook prerouting priority raw; policy accept;
        iifgroup { $OURS, $VLANS } iifname != @lent iifname . ether daddr != @routers jump from_port_to_port
        # Our bridges have route_localnet for 127.0.0.1 on the host. It would also let neighbours reach 127.0.0.0/8.
        iifname != "lo" ip daddr 127.0.0.0/8 drop
        # No sandbox may send with an address of the host. For IPv4 the kernel itself prevents it. But it accepts IPv6
        # packets with a mapped address, which programs take for IPv4.
        iifgroup $OURS meta nfproto ipv6 fib saddr type local drop
        iifgroup $OURS ip6 saddr ::ffff:0.0.0.0/96 drop
        # A sandbox must not reach the gateways of other networks, not even by the anycast address of a subnet.
        iifgroup $OURS ip daddr @gateways4 fib daddr . iif type != local drop
        iifgroup $OURS ip6 daddr @gateways6 fib daddr . iif type != local drop
        iifgroup $OURS ip6 daddr @subnets6 fib daddr type anycast drop
        # The name server is only for sandboxes and the host, but it would answer anybody whose packets arrive here.
        iifgroup != $OURS iifname != "lo" ip daddr @resolvers4 meta l4proto { 6, 17 } th dport 53 drop
        iifgroup != $OURS iifname != "lo" ip6 daddr @resolvers6 meta l4proto { 6, 17 } th dport 53 drop
        # An internal network reaches nothing on the host except its gateway.
        iifname @internal fib daddr type local fib daddr . iif type != local drop
        iifname @internal fib daddr type anycast drop
    }

    # A packet must arrive where the host would send the answer: its source is a neighbour on this bridge, or the host
    # has a route to it there. Frames from port to port, which br_netfilter also shows here, are not checked.
    chain sources {
        # At a priority at which the kernel has already found the connection.
        type filter hook prerouting priority mangle; policy accept;
        iifgroup $OURS iifname . ether daddr @routers goto source
        iifgroup $OURS iifname != @lent fib daddr type local goto source
        # A host without an address sends with none while it asks for one, or checks that nobody else has it.
        iifgroup $OURS iifname != @lent ip saddr != 0.0.0.0 fib daddr type { broadcast, multicast } goto source
        iifgroup $OURS iifname != @lent ip6 saddr != :: fib daddr type multicast goto source
        iifname @lent iifname != @internal ip saddr @subnets4 goto source
        iifname @lent iifname != @internal ip6 saddr @subnets6 goto source
    }
    chain source {
        fib saddr . iif oif exists accept
        # A sandbox on several networks, or a container that also has others, answers through its default route.
        ct direction reply accept
        # TCP connections that were open when the default route changed continue. Nobody can use them without knowing
        # their sequence numbers.
        ct state established meta l4proto 6 accept
        iifname . ip saddr @elsewhere4 accept
        iifname . ip6 saddr @elsewhere6 accept
        drop
    }

    # Protocols are numbers (6 tcp, 17 udp, 132 sctp), because names need /etc/protocols, which small systems lack.
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
        # IPv6 has no route_localnet, so the answer to ::1 would be lost. Without translation, ::1 refuses at once, and
        # clients of "localhost" then try 127.0.0.1.
        ip6 daddr ::1 accept
        fib daddr type local jump publish
    }

    # A VXLAN device accepts packets from anybody, and the packet says for which network it is.
    chain tunnelled {
        # An adopted bridge may lead to the other hosts.
        iifgroup $OURS iifname != @underlays drop
        udp dport . @th,96,24 @encrypted iifname != @encrypting drop
        udp dport . ip saddr @peers4 accept
        udp dport . ip6 saddr @peers6 accept
        drop
    }
    chain input {
        type filter hook input priority filter; policy accept;
        udp dport @vxlan_ports goto tunnelled
    }
    # After everything that can change the route of the packet.
    chain unencrypted {
        type filter hook output priority 300; policy accept;
        udp dport . @th,96,24 @encrypted oifname != @encrypting drop
    }

    # From one bridge port to another, which br_netfilter shows here.
    chain internal_traffic {
        iifname . oifname vmap @within
        drop
    }
    chain forward {
        type filter hook forward priority filter; policy accept;
        # First, so that a network that becomes internal loses its open connections, too.
        iifname @internal goto internal_traffic
        oifname @internal drop
        # A sandbox must not send to the overlays of other hosts, which would take the packet for one of this host.
        iifgroup $OURS oifgroup != $OURS udp dport @vxlan_ports drop
        ct state established,related accept
        # Before 'within', so that a published port is also open to neighbours that must not reach each other.
        ct status dnat accept
        iifname . oifname vmap @within
        meta l4proto { 6, 17, 132 } th dport . meta l4proto . ip daddr . ip saddr @open4 accept
        meta l4proto { 6, 17, 132 } th dport . meta l4proto . ip6 daddr . ip6 saddr @open6 accept
        ip daddr @routed4 icmp type echo-request accept
        ip6 daddr @routed6 icmpv6 type echo-request accept
        oifgroup $OURS drop
        # Forwarding was switched on for our networks, and should not make the host a router for its neighbours.
        iifgroup $OURS accept
        iifgroup $VLANS drop
        meta nfproto ipv4 iifname @apart4 oifname @apart4 drop
        meta nfproto ipv6 iifname @apart6 oifname @apart6 drop
    }

    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "lo" accept
        # Hairpin: the answer must return through the host, or the client gets it from an unknown address. This matches
        # by address, because with br_netfilter, and before Linux 5.10 always, there is no input device here.
        oifgroup $OURS ct status dnat ip saddr @subnets4 masquerade
        oifgroup $OURS ct status dnat ip6 saddr @subnets6 masquerade
        # A sandbox would send the answer to a loopback address to itself.
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
    :param routed: the IP versions in which endpoints are reached at their own addresses: without translation, with
        ports closed until opened, and answering echo requests.
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


def bridged_elements(device: str, mac: str) -> List[Element]:
    """Return what the network on bridge DEVICE, which an interface of the host joins to a LAN, puts into the sets.

    Only br_netfilter shows what is bridged. What the host routes is for its other networks: it does not route between
    this LAN and those of its other interfaces.

    :param mac: the MAC address of the bridge.
    """
    return [
        Element("within", f"{device} . {device}", "accept"),
        Element("routers", f"{device} . {mac}"),
        Element("apart4", device),
        Element("apart6", device),
    ]


def elsewhere(device: str, addresses: Iterable[Address]) -> List[Element]:
    """Return what lets a sandbox on bridge DEVICE send there from the ADDRESSES that it has on other networks."""
    return [Element(f"elsewhere{address.version}", f"{device} . {address}") for address in addresses]


def tunnel_elements(port: int, device: str, peers: Iterable[Address]) -> List[Element]:
    """Return what a network that spans hosts puts into the sets; several networks may have the same elements.

    :param port: the UDP port of its VXLAN device.
    :param device: the device that leads to the other hosts; empty if the routes decide.
    :param peers: the addresses of the other hosts.
    """
    elements = [Element("vxlan_ports", str(port))]
    if device:
        elements.append(Element("underlays", device))
    return elements + [Element(f"peers{peer.version}", f"{port} . {peer}") for peer in peers]


def encrypted_elements(port: int, identifier: int, device: str) -> List[Element]:
    """Return what keeps a network that spans hosts from sending and receiving outside of an encrypted tunnel.

    :param port: the UDP port of its VXLAN device.
    :param identifier: its VNI.
    :param device: the tunnel; empty if there is none at the moment.
    """
    elements = [Element("encrypted", f"{port} . {identifier}")]
    return elements + [Element("encrypting", device)] if device else elements


def published(
    host_ip: Optional[Address],
    protocol: str,
    host_port: int,
    target: Address,
    target_port: int,
    sources: Sequence[Subnet] = (),
) -> List[Element]:
    """Return what a published port puts into the maps.

    SOURCES also apply to the host's own connections: with ``10.0.0.0/8``, a program on the host can connect only from
    an address in this subnet. So list ``127.0.0.0/8`` and the host's address to let the host connect. For a sandbox,
    its own address counts. The host reaches the port at all its addresses, including ``127.0.0.1``, but not at ``::1``,
    for which Linux has no ``route_localnet``.

    :param host_ip: the host address at which the port is published; None, ``0.0.0.0`` and ``::`` mean all addresses of
        the target's family. No address of the other family answers.
    :param sources: who may connect. Empty means everybody. If all are of the other family, nobody may.
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
    """Return what an open port of an endpoint on a routed network puts into the sets; SOURCES are as in `published`."""
    return [
        Element(f"open{target.version}", f"{port} . {protocol} . {target} . {_text(source)}")
        for source in _clients(target.version, sources)
    ]


def _clients(version: int, sources: Sequence[Subnet]) -> List[Subnet]:
    """Return those of SOURCES with one IP version, without overlaps, which an interval map refuses."""
    if not sources:
        return [_everything(version)]
    if version == 4:
        return list(ipaddress.collapse_addresses(each for each in sources if isinstance(each, ipaddress.IPv4Network)))
    return list(ipaddress.collapse_addresses(each for each in sources if isinstance(each, ipaddress.IPv6Network)))


def _everything(version: int) -> Subnet:
    return ipaddress.ip_network("0.0.0.0/0" if version == 4 else "::/0")


def _text(subnet: Subnet) -> str:
    """Return SUBNET as nft writes it: without a length if it has only one address."""
    return str(subnet.network_address if subnet.prefixlen == subnet.max_prefixlen else subnet)
