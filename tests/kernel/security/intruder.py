# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sandbox whose programs send arbitrary packets, and sockets that show where these arrive.

Each packet contains a unique mark. Taps show everything that arrives at a place. A mark at a place that the packet
must not reach is a hole, whatever the packet was.
"""

from __future__ import annotations

import ipaddress
import random
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple, Optional

import frames
from attack import mac
from lab import HOST, OUTSIDE4, OUTSIDE6, UPLINK4, UPLINK6, at
from stand_in import OUTSIDE
from tasks import BRIDGE, Tasks

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import vni

_ALL = 3
"""ETH_P_ALL of linux/if_ether.h."""
_OUTGOING = 4
"""PACKET_OUTGOING of linux/if_packet.h."""
_PKTINFO = 8
"""IP_PKTINFO of linux/in.h, which Python has since 3.14."""
_LOOPBACK = 1
"""The index of the loopback interface in every namespace."""
PREFIX = b"cnm!"
LENGTH = len(PREFIX) + 4
SETTLED = 0.02
"""Seconds after which a packet has arrived or is lost."""
TUNNEL = 4789


class Net(NamedTuple):
    """A network of the intruder's host."""

    number: int
    options: Mapping[str, object] = {}
    six: bool = True

    @property
    def subnets(self) -> list[str]:
        return [f"10.{self.number}.0.0/24", f"fd00:{self.number}::/64"][: 1 + self.six]

    def address(self, last: int, version: int = 4) -> str:
        return f"10.{self.number}.0.{last}" if version == 4 else f"fd00:{self.number}::{last}"

    def has(self, address: str) -> bool:
        return any(ipaddress.ip_address(address) in ipaddress.ip_network(each) for each in self.subnets)


NETS = {
    "red": Net(1),
    "guests": Net(2, {"driver_options": {f"{BRIDGE}.enable_icc": False}}),
    "four": Net(3, six=False),
    "vault": Net(4, {"internal": True}),
    "blue": Net(5),
    "cellar": Net(6, {"internal": True}),
    "wide": Net(7, {"driver": "overlay", "peers": [{"name": "other", "address": OUTSIDE4}]}),
}
INTRUDERS = {"evil": {"red": "eth0", "guests": "eth1", "four": "eth2"}, "mole": {"vault": "eth0"}}
"""The attacking sandboxes, with their networks and interfaces. Their addresses end in 3, those of the victims in 2."""
VICTIMS = {"near": "red", "guest": "guests", "inner": "vault", "blue": "blue", "cellar": "cellar", "member": "wide"}
PUBLISHED = 8082
"""The host's port that publishes port 80 of victim ``blue``."""
MAPPED = "::ffff:127.0.0.1"


def build(tasks: Tasks) -> None:
    """Create the networks, the intruders and their victims."""
    tasks.ensure(
        "network",
        *(
            {"name": name, "ipam_config": [{"subnet": each} for each in net.subnets], **net.options}
            for name, net in NETS.items()
        ),
    )

    def attachment(name: str, last: int, interface: str) -> dict[str, object]:
        options: dict[str, object] = {
            "name": name,
            "ipv4_address": NETS[name].address(last),
            "interface_name": interface,
        }
        if NETS[name].six:
            options["ipv6_address"] = NETS[name].address(last, 6)
        return options

    tasks.ensure(
        "sandbox",
        *({"name": name, "networks": [attachment(net, 2, "eth0")]} for name, net in VICTIMS.items() if name != "blue"),
        {"name": "blue", "networks": [attachment("blue", 2, "eth0")], "published_ports": [f"{PUBLISHED}:80"]},
        *(
            {"name": name, "networks": [attachment(net, 3, interface) for net, interface in nets.items()]}
            for name, nets in INTRUDERS.items()
        ),
    )


@dataclass
class Wires:
    """Sockets that see everything that arrives at a place."""

    taps: dict[str, socket.socket] = field(default_factory=dict)

    def seen(self) -> Iterator[tuple[str, bytes]]:
        """Yield the place and the mark of each packet that has arrived since the last call."""
        for place, tap in self.taps.items():
            while True:
                try:
                    data, sender = tap.recvfrom(65535)
                except BlockingIOError:
                    break
                if tap.family == socket.AF_PACKET and sender[2] == _OUTGOING:
                    continue
                start = data.find(PREFIX)
                if start >= 0:
                    yield place, data[start : start + LENGTH]


class Delivered(NamedTuple):
    """A packet that the host itself has accepted."""

    mark: bytes
    source: str
    target: str


def _tap(place: str, device: str) -> socket.socket:
    with at(place):
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
        made.bind((device, _ALL))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    made.setblocking(False)
    return made


class Ear:
    """Raw sockets of the host, which get what the host accepts for itself, after all rules."""

    def __init__(self, stack: ExitStack) -> None:
        self._sockets = []
        for family, protocols in (
            (socket.AF_INET, (frames.UDP, frames.TCP, frames.ICMP, frames.IPIP, frames.GRE, frames.SIX_IN_FOUR)),
            (socket.AF_INET6, (frames.UDP, frames.TCP, frames.ICMPV6)),
        ):
            for protocol in protocols:
                made = stack.enter_context(socket.socket(family, socket.SOCK_RAW, protocol))
                made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
                if family == socket.AF_INET6:
                    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
                else:
                    made.setsockopt(socket.IPPROTO_IP, _PKTINFO, 1)
                made.setblocking(False)
                self._sockets.append(made)

    def heard(self) -> Iterator[Delivered]:
        for each in self._sockets:
            while True:
                try:
                    data, extras, _flags, sender = each.recvmsg(65535, 256)
                except BlockingIOError:
                    break
                start = data.find(PREFIX)
                if start < 0:
                    continue
                mark, source = data[start : start + LENGTH], str(sender[0]).partition("%")[0]
                for level, kind, value in extras:
                    six = (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)
                    if not six and (level, kind) != (socket.IPPROTO_IP, _PKTINFO):
                        continue
                    (index,) = struct.unpack_from("=i", value, 16 if six else 0)
                    # The host's messages to itself, for example that a neighbour does not answer, come through the
                    # loopback.
                    if index != _LOOPBACK:
                        yield Delivered(mark, source, str(ipaddress.ip_address(value[:16] if six else value[8:12])))


class Sent(NamedTuple):
    """A packet that an intruder has sent."""

    intruder: str
    network: str
    source: str
    what: str


class Intruder:
    """Sends random packets of every kind, and checks where they arrive."""

    def __init__(self, tasks: Tasks, chance: random.Random, stack: ExitStack) -> None:
        self._chance = chance
        self._sent: dict[bytes, Sent] = {}
        self._count = 0
        self._out: dict[tuple[str, str], socket.socket] = {}
        self.macs = {net: mac(HOST, tasks.device(net)) for net in NETS}
        self._own: dict[tuple[str, str], bytes] = {}
        for name, nets in INTRUDERS.items():
            for net, interface in nets.items():
                with at(name):
                    made = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
                    made.bind((interface, 0))
                self._out[name, net] = made
                self._own[name, net] = mac(name, interface)
        self._victims = {VICTIMS[name]: mac(name, "eth0") for name in VICTIMS}
        self._wires = Wires({name: stack.enter_context(_tap(name, "eth0")) for name in VICTIMS})
        self._wires.taps[OUTSIDE] = stack.enter_context(_tap(OUTSIDE, "wan"))
        self._ear = Ear(stack)
        self._uplink = mac(HOST, "uplink")
        self._addresses = {
            4: [UPLINK4, OUTSIDE4, "127.0.0.1", "127.1.2.3", "0.0.0.0", "255.255.255.255", "224.0.0.1", "203.0.113.9"],
            6: [
                UPLINK6,
                OUTSIDE6,
                "::1",
                MAPPED,
                "::",
                "ff02::1",
                "ff02::2",
                "2001:db8:9::9",
                "fe80::1",
                "::127.0.0.1",
            ],
        }
        for version, known in self._addresses.items():
            for net in NETS.values():
                if version == 4 or net.six:
                    known += [net.address(last, version) for last in (1, 2, 3)]
            known += (
                [f"10.{NETS['red'].number}.0.255"] if version == 4 else [f"fd00:{NETS[net].number}::" for net in NETS]
            )

    def _mark(self, sent: Sent) -> bytes:
        self._count += 1
        mark = PREFIX + struct.pack("!I", self._count)
        self._sent[mark] = sent
        return mark

    def attack(self, count: int) -> None:
        """Send COUNT packets."""
        for _each in range(count):
            intruder, network = self._chance.choice(sorted(self._out))
            for frame in self._frames(intruder, network):
                # The packet may be too long, or the interface down.
                with suppress(OSError):
                    self._out[intruder, network].send(frame)

    def _frames(self, intruder: str, network: str) -> list[bytes]:
        """Return a packet, in one or more frames, that INTRUDER sends on NETWORK."""
        pick = self._chance.choice
        version = pick((4, 6))
        own = self._own[intruder, network]
        macs = [own, self.macs[network], self._victims.get(network, own), b"\x02\x42" + bytes(4), self._uplink]
        source_mac = own if self._chance.random() < 0.6 else pick(macs)
        target_mac = self.macs[network] if self._chance.random() < 0.6 else pick([*macs[1:], frames.BROADCAST])
        legitimate = NETS[network].address(3, version) if version == 4 or NETS[network].six else "fe80::3"
        source = legitimate if self._chance.random() < 0.4 else pick(self._addresses[version])
        target = pick(self._addresses[version])
        kind = pick(
            ("udp", "udp", "syn", "echo", "vxlan", "vxlan", "tunnel", "arp", "redirect", "router", "unreachable")
        )
        what = f"{kind} {source} > {target} by {source_mac.hex(':')} > {target_mac.hex(':')}"
        mark = self._mark(Sent(intruder, network, source, what))
        if kind == "arp":
            if version == 6:
                payload = frames.ip(
                    source, target, frames.ICMPV6, frames.advertisement(source, target, target, own) + mark
                )
                return [frames.ethernet(target_mac, source_mac, frames.IPV6, payload)]
            payload = frames.arp(pick((1, 2)), (source_mac, source), (target_mac, target)) + mark
            return [frames.ethernet(target_mac, source_mac, frames.ARP, payload)]
        packets = self._packets(kind, source, target, own, mark)
        vlan = pick((None,) * 8 + (0, 1, 7))
        kind_of_frame = frames.IPV6 if version == 6 else frames.IPV4
        return [frames.ethernet(target_mac, source_mac, kind_of_frame, each, vlan) for each in packets]

    def _packets(self, kind: str, source: str, target: str, own: bytes, mark: bytes) -> Sequence[bytes]:
        """Return the contents of the frames."""
        pick = self._chance.choice
        six = ":" in source
        echo = frames.icmp(source, target, 128 if six else 8, 0, bytes(4) + mark)
        protocol, payload = (frames.ICMPV6 if six else frames.ICMP), echo
        if kind == "udp":
            ports = (53, 80, 9, TUNNEL, 67, 111, 5353)
            protocol, payload = frames.UDP, frames.udp(source, target, pick(ports), mark, pick((53, 1024)))
        elif kind == "syn":
            protocol, payload = frames.TCP, frames.syn(source, target, pick((22, 80, 53)), mark)
        elif kind == "vxlan":
            inner_target = NETS["wide"].address(2)
            inner_source = NETS["wide"].address(pick((1, 9)))
            packet = frames.ip(inner_source, inner_target, frames.UDP, frames.udp(inner_source, inner_target, 80, mark))
            to = pick((frames.BROADCAST, self._victims["wide"], self.macs["wide"]))
            inner = frames.ethernet(to, own, frames.IPV4, packet)
            payload = frames.udp(source, target, TUNNEL, frames.vxlan(pick((vni("wide", {}), 0, 1)), inner))
            protocol = frames.UDP
        elif kind == "tunnel":
            inner_source, inner_target = NETS["blue"].address(9), NETS["blue"].address(2)
            payload = frames.ip(
                inner_source, inner_target, frames.UDP, frames.udp(inner_source, inner_target, 80, mark)
            )
            protocol = pick((frames.IPIP, frames.SIX_IN_FOUR, frames.GRE))
            payload = (struct.pack("!HH", 0, frames.IPV4) if protocol == frames.GRE else b"") + payload
        elif kind == "router" and six:
            payload = frames.router(source, "2001:db8:bad::") + mark
        elif kind in ("redirect", "unreachable"):
            # It quotes a packet of a connection that somebody else could have.
            other = NETS["blue"].address(2, 6 if six else 4)
            quoted = frames.ip(target, other, frames.UDP, frames.udp(target, other, 80, mark))
            if six:
                body = bytes(4) + packed(source) + packed(other) if kind == "redirect" else bytes(4)
                payload = frames.icmp(source, target, 137 if kind == "redirect" else 1, 0, body + quoted)
            else:
                body = packed(source) if kind == "redirect" else bytes(4)
                payload = frames.icmp(source, target, 5 if kind == "redirect" else 3, 1, body + quoted)
        if six and self._chance.random() < 0.2:
            protocol, payload = frames.hop_by_hop(protocol, payload)
        if self._chance.random() < 0.2 and len(payload) > 16:
            return frames.fragments(source, target, protocol, payload, pick((8, 16)))
        return [frames.ip(source, target, protocol, payload)]

    def holes(self) -> list[str]:
        """Return where packets have arrived that must not, since the last call, one sentence for each."""
        time.sleep(SETTLED)
        sentences = []
        for place, mark in self._wires.seen():
            sent = self._sent.get(mark)
            if sent and not allowed(sent, place):
                sentences.append(f"{sent.intruder} on {sent.network}: {sent.what} arrived at {place}")
        for one in self._ear.heard():
            sent = self._sent.get(one.mark)
            reason = misdelivered(sent, one) if sent else None
            if sent and reason:
                sentences.append(f"{sent.intruder} on {sent.network}: {sent.what}: {reason}")
        self._sent.clear()
        return sentences


packed = frames.packed


def allowed(sent: Sent, place: str) -> bool:
    """Return whether a packet may arrive at PLACE: at neighbours, and outside unless it is a VXLAN packet."""
    if place == OUTSIDE:
        return not NETS[sent.network].options.get("internal") and not sent.what.startswith("vxlan")
    if VICTIMS[place] != "guests":
        return VICTIMS[place] in INTRUDERS[sent.intruder]
    # A reply goes to the neighbour whose address was used.
    return sent.intruder == "evil" and sent.source in [NETS["guests"].address(2, version) for version in (4, 6)]


def misdelivered(sent: Sent, one: Delivered) -> Optional[str]:
    """Return why the host must not accept ONE from an intruder; None if it may."""
    source, target = ipaddress.ip_address(one.source), ipaddress.ip_address(one.target)
    net = NETS[sent.network]
    gateways = {other.address(1, version) for other in NETS.values() for version in (4, 6)}
    if one.source in gateways | {UPLINK4, UPLINK6, MAPPED}:
        return f"the host takes {one.source}, an address of its own, for the source"
    if source.is_loopback:
        return f"the host takes the loopback address {one.source} for the source"
    own = {NETS[name].address(3, version) for name in INTRUDERS[sent.intruder] for version in (4, 6)}
    if not (
        net.has(one.source)
        or one.source in own
        or source.is_unspecified
        or (source.version == 6 and source.is_link_local)
    ):
        return f"the host takes {one.source} for the source, which is on another network"
    if target.is_multicast or one.target == "255.255.255.255" or one.target.endswith(".255"):
        return None
    if target.is_loopback:
        return f"the host hears it at {one.target} from {one.source}"
    if one.target in gateways and not net.has(one.target):
        return f"the host hears it at {one.target}, a gateway of another network"
    if net.options.get("internal") and not net.has(one.target) and not target.is_link_local:
        return f"the host hears it at {one.target} from an internal network"
    return None


@contextmanager
def intruder(tasks: Tasks, chance: random.Random) -> Iterator[Intruder]:
    """Yield an intruder on a host with networks of every kind."""
    build(tasks)
    with ExitStack() as stack:
        yield Intruder(tasks, chance, stack)
