# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two networks on the stand-in for a host, and traffic between any two of its places.

Each socket is created in the namespace of its place and used from this process, so that a connection needs no
additional process.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import select
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from namespaces import NEWNET, call
from stand_in import OUTSIDE, Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import GROUP

HOST = ""
OUTSIDE4, UPLINK4 = "198.51.100.1", "198.51.100.2"
OUTSIDE6, UPLINK6 = "2001:db8::1", "2001:db8::2"
PATIENCE = 20.0
"""Seconds to wait for something that must arrive. It needs less than a millisecond, but a busy machine is slow."""
SLICE, SLICES = 0.01, 15
"""The length of a slice in seconds, and how many undisturbed slices :func:`await_` waits before it takes a packet for
dropped."""

MOST_LOAD = 3
"""How many times longer :func:`await_` waits on a busy machine, at most. TCP repeats a lost packet after a second."""

BLUE4, BLUE6 = ipaddress.ip_network("172.18.0.0/16"), ipaddress.ip_network("fd00:18::/64")
RED4, RED6 = ipaddress.ip_network("172.19.0.0/16"), ipaddress.ip_network("fd00:19::/64")
BLUE, RED = (BLUE4, BLUE6), (RED4, RED6)
ROUTERS = {"br-blue": "02:42:ac:12:00:01", "br-red": "02:42:ac:13:00:01"}
"""Bridge -> its MAC address."""
SANDBOXES = {"b1": ("br-blue", BLUE, 2), "b2": ("br-blue", BLUE, 3), "r1": ("br-red", RED, 2)}
"""Name -> bridge, subnets and the host number of its addresses."""


def run(argv: Sequence[str], stdin: str | None = None) -> tuple[int, str, str]:
    done = subprocess.run(argv, input=stdin, text=True, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


def command(text: str) -> str:
    code, output, errors = run(text.split())
    assert code == 0, f"{text}: {errors}"
    return output


@contextmanager
def at(place: str) -> Iterator[None]:
    """Run the block in the network namespace of PLACE."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(os.path.join("/run/netns", place), os.O_RDONLY) if place else os.dup(home)
    try:
        call("setns", there, NEWNET)
        yield
    finally:
        call("setns", home, NEWNET)
        os.close(home)
        os.close(there)


def sysctl(name: str, value: object) -> None:
    with open(f"/proc/sys/{name}", "w") as stream:
        stream.write(str(value))


def build(host: Host, bridge_netfilter: bool = False) -> None:
    """Create networks ``br-blue`` (sandboxes b1, b2) and ``br-red`` (r1) on HOST, and routes to them outside.

    With BRIDGE_NETFILTER, which Docker also turns on, the rules see frames between two ports of a bridge.
    """
    for name in SANDBOXES:
        command(f"ip netns add {name}")
    for place in (HOST, OUTSIDE, *SANDBOXES):
        with at(place):
            # Otherwise a link-local address becomes usable only after seconds.
            sysctl("net/ipv6/conf/default/accept_dad", 0)
    for family in ("iptables", "ip6tables"):
        if bridge_netfilter or os.path.exists(f"/proc/sys/net/bridge/bridge-nf-call-{family}"):
            sysctl(f"net/bridge/bridge-nf-call-{family}", int(bridge_netfilter))
    for bridge, (four, six) in (("br-blue", BLUE), ("br-red", RED)):
        host.ip(
            f"link add {bridge} address {ROUTERS[bridge]} group {GROUP} type bridge\n"
            f"address add {four[1]}/16 dev {bridge}\n"
            f"address add {six[1]}/64 dev {bridge} nodad\n"
            f"link set {bridge} up\n"
        )
        sysctl(f"net/ipv4/conf/{bridge}/route_localnet", 1)
    for name, (bridge, (four, six), number) in SANDBOXES.items():
        host.ip(
            f"link add v-{name} group {GROUP} type veth peer name eth0 netns {name}\n"
            f"link set v-{name} master {bridge} up\n"
        )
        host.ip(
            "link set lo up\n"
            f"address add {four[number]}/16 dev eth0\n"
            f"address add {six[number]}/64 dev eth0 nodad\n"
            "link set eth0 up\n"
            f"route add default via {four[1]}\n"
            f"route add default via {six[1]}\n",
            f"/run/netns/{name}",
        )
    # Recreated after all other links, with the outer end up first: if several links come up within a second, the
    # kernel notices the later ones a second later (net/core/link_watch.c).
    host.ip(
        "link delete uplink\n"
        f"link add uplink type veth peer name wan netns {OUTSIDE}\n"
        f"address add {UPLINK4}/24 dev uplink\n"
        f"address add {UPLINK6}/64 dev uplink nodad\n"
    )
    host.ip(
        f"address add {OUTSIDE4}/24 dev wan\n"
        f"address add {OUTSIDE6}/64 dev wan nodad\n"
        "link set wan up\n"
        f"route add default via {UPLINK4}\n"
        f"route add default via {UPLINK6}\n",
        OUTSIDE,
    )
    host.ip(f"link set uplink up\nroute add default via {OUTSIDE4}\nroute add default via {OUTSIDE6}\n")
    for place in (HOST, OUTSIDE, *SANDBOXES):
        with at(place):
            # Otherwise, if a rule drops a neighbour's first answer, the next question takes a second. New links do not
            # inherit this.
            for link in os.listdir("/proc/sys/net/ipv6/neigh"):
                sysctl(f"net/ipv6/neigh/{link}/retrans_time_ms", 20)
                sysctl(f"net/ipv4/neigh/{link}/retrans_time_ms", 20)
    sysctl("net/ipv4/ip_forward", 1)
    sysctl("net/ipv6/conf/all/forwarding", 1)
    settle()


def renew_uplink(host: Host) -> None:
    """Recreate the uplink of HOST so that it works at once.

    The outer end is up first: the kernel may take a second to notice a peer that comes up later.
    """
    for place in (HOST, OUTSIDE):
        with at(place):
            sysctl("net/ipv6/conf/default/accept_dad", 0)
    command("ip link delete uplink")
    host.ip(
        f"link add uplink type veth peer name wan netns {OUTSIDE}\n"
        f"address add {UPLINK4}/24 dev uplink\naddress add {UPLINK6}/64 dev uplink nodad\n"
    )
    host.ip(
        f"address add {OUTSIDE4}/24 dev wan\naddress add {OUTSIDE6}/64 dev wan nodad\nlink set wan up\n",
        OUTSIDE,
    )
    host.ip(f"link set uplink up\nroute add default via {OUTSIDE4}\nroute add default via {OUTSIDE6}\n")
    # A new IPv6 address becomes usable a moment after it was added.
    deadline = time.monotonic() + 60
    while not (pinged(HOST, OUTSIDE6) and pinged(OUTSIDE, UPLINK6)):
        assert time.monotonic() < deadline, "the uplink does not come up"


def settle() -> None:
    """Wait until every link has noticed that its peer is up. The kernel needs up to a second for this."""
    deadline = time.monotonic() + 60
    places = {HOST: {"uplink", "br-blue", "br-red"}, OUTSIDE: {"wan"}, **{name: {"eth0"} for name in SANDBOXES}}
    while not (all(places[place] <= ready(place) for place in places) and forwarding()):
        assert time.monotonic() < deadline, "the links do not come up"
        time.sleep(0.005)


def ready(place: str) -> set[str]:
    """Return the links at PLACE with a usable link-local address, which a link gets when it is up."""
    with at(place), open("/proc/thread-self/net/if_inet6") as stream:
        rows = [line.split() for line in stream]
    return {row[5] for row in rows if row[0].startswith("fe80") and not int(row[4], 16) & TENTATIVE}


def forwarding() -> bool:
    ports = command("bridge link show").splitlines()
    return len(ports) == len(SANDBOXES) and all("state forwarding" in port for port in ports)


TENTATIVE = 0x40
"""IFA_F_TENTATIVE of include/uapi/linux/if_addr.h."""
KINDS = {
    "tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    "udp": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    "sctp": (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}


def endpoint(place: str, protocol: str, address: str, port: int = 0) -> socket.socket:
    """Return a socket at PLACE that is bound to ADDRESS."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with at(place):
        made = socket.socket(family, *KINDS[protocol])
    made.settimeout(PATIENCE)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    return made


def await_(waiting: socket.socket, event: int = select.POLLIN, slices: int = SLICES) -> None:
    """Wait until WAITING is ready for EVENT.

    On a busy machine, packets are late, and so is this process. Time in which it did not run is not counted, and the
    kernel's threads, which handle the packets, get more time.

    :param slices: how many slices of SLICE seconds to wait on a machine that is not busy
    :raises socket.timeout: if it did not become ready
    """
    poll = select.poll()
    poll.register(waiting, event)
    undisturbed = 0
    slices *= min(MOST_LOAD, 1 + int(os.getloadavg()[0] / (os.cpu_count() or 1)))
    while undisturbed < slices:
        began = time.monotonic()
        if poll.poll(SLICE * 1000):
            return
        undisturbed += time.monotonic() - began < 2 * SLICE
    raise socket.timeout


def delivered(client: socket.socket, server: socket.socket, text: bytes = b"more") -> bool:
    """Return whether TEXT, sent by CLIENT, arrives at SERVER."""
    try:
        client.send(text)
        await_(server)
        return server.recv(100) == text
    except OSError:
        return False


def seen(
    source: str, target: tuple[str, int], server: str, listener: tuple[str, int], protocol: str = "tcp", own: str = ""
) -> str | None:
    """Send from SOURCE to TARGET; return the client's address as seen by SERVER, which listens on LISTENER.

    Return None if nothing arrives, or if the answer does not arrive. OWN is the address to which the client binds.
    """
    wildcard = "::" if ":" in target[0] else "0.0.0.0"
    with (
        endpoint(server, protocol, *listener) as waiting,
        endpoint(source, protocol, own or wildcard) as client,
    ):
        try:
            if protocol == "udp":
                client.sendto(b"ask", target)
                await_(waiting)
                question, peer = waiting.recvfrom(100)
                waiting.sendto(b"answer", peer)
                await_(client)
                answer, answerer = client.recvfrom(100)
                assert answerer[0] == target[0]
            else:
                waiting.listen()
                client.setblocking(False)
                if client.connect_ex(target) == errno.EINPROGRESS:
                    await_(client, select.POLLOUT)
                client.getpeername()
                client.setblocking(True)
                await_(waiting)
                accepted, peer = waiting.accept()
                with accepted:
                    client.sendall(b"ask")
                    await_(accepted)
                    question = accepted.recv(100)
                    accepted.sendall(b"answer")
                    await_(client)
                    answer = client.recv(100)
        except OSError:
            return None
        assert (question, answer) == (b"ask", b"answer")
        return str(peer[0])


def pinged(source: str, target: str, slices: int = 10 * SLICES) -> bool:
    """Return whether TARGET answers an echo request from SOURCE.

    By default, the kernel has the time to resolve the neighbours on the way to the outside.
    """
    six = ":" in target
    with at(source):
        made = socket.socket(
            socket.AF_INET6 if six else socket.AF_INET,
            socket.SOCK_RAW,
            socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP,
        )
    kind = 128 if six else 8
    with made:
        body = struct.pack("!HH4s", 7, 1, b"ping")
        total = (kind << 8) + sum(struct.unpack(f"!{len(body) // 2}H", body))
        total = (total & 0xFFFF) + (total >> 16)
        try:
            made.sendto(struct.pack("!BBH", kind, 0, 0 if six else ~total & 0xFFFF) + body, (target, 0))
            while True:
                await_(made, slices=slices)
                data, peer = made.recvfrom(200)
                if peer[0] == target and data[-8:] == body and data[0 if six else 20] == (129 if six else 0):
                    return True
        except OSError:
            return False
