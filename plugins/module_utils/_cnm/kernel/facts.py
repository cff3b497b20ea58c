# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about the host that decisions need. Each is determined only when it is asked for."""

from __future__ import annotations

import ipaddress
import os
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional, Set, Tuple, TypeVar

from ..model import addresses as forms
from ..resources.kinds import FORWARDING, Listener, Parent
from ..resources.link import GROUP, VLAN_GROUP
from ..resources.resource import HOST
from .boot import boot_id, machine_id
from .firewall.docker_user import DockerUser
from .namespace import LOOPBACK_INDEX, Namespaces
from .rtnl import address, interface, route
from .rtnl.interface import LEAVING
from .rtnl.socket import Socket
from .system import sysctl
from .system.programs import Run

if TYPE_CHECKING:
    from ..resources.openvswitch import Vswitch

_RESOLV_CONF = "/etc/resolv.conf"
_UPSTREAM_RESOLV_CONF = "/run/systemd/resolve/resolv.conf"
"""The servers that systemd-resolved forwards to. Its own address is a loopback address."""
_DEFAULT_MTU = 1500
_MAC_LENGTH = len("02:42:ac:11:00:02")
_DEFAULTS = ("0.0.0.0/0", "::/0")
_IGNORES_FORWARDING = "2"
"""accept_ra=2: router advertisements count on a host that forwards, too (ip-sysctl.rst)."""
_INTERFACES = "/proc/sys/net/ipv4/conf"
_OFTEN = ("veth", "br-", "vx-")
"""Prefixes of interface names of which a host may have a thousand. Interfaces to a LAN have other names."""
_NO_LAN = ("all", "default", "lo")
"""Entries in the folder that are the loopback or no interface."""
_OURS = (GROUP, VLAN_GROUP, LEAVING)
"""The device groups of our links."""
_LAN = ("", "vlan", "bond", "team")
"""Kinds, as in IFLA_INFO_KIND; hardware has none."""


T = TypeVar("T")


def _once(find: Callable[["Facts"], T]) -> Callable[["Facts"], T]:
    """Cache a fact, so that a run decides by its first value."""

    @wraps(find)
    def known(facts: "Facts") -> T:
        if find.__name__ not in facts.known:
            facts.known[find.__name__] = find(facts)
        value: T = facts.known[find.__name__]
        return value

    return known


class _WhenNeeded:
    """Names that are slow to find: they are looked up on iteration."""

    def __init__(self, find: Callable[[], List[str]]) -> None:
        self._find = find

    def __iter__(self) -> Iterator[str]:
        return iter(self._find())


class Facts:
    """Facts of the host's namespace, unless a path is given."""

    def __init__(self, namespaces: Namespaces, run: Run, docker_user: DockerUser) -> None:
        self._run = run
        self._docker_user = docker_user
        self._namespaces = namespaces
        self.known: Dict[str, Any] = {}
        """The known facts, by the name of the method."""

    @property
    def _host(self) -> Socket:
        return self._namespaces.at(HOST)

    @_once
    def on_link(self) -> List[Tuple[forms.Subnet, str]]:
        """Return the subnets that the host reaches without a gateway, with their devices, except those on our links."""
        subnets = []
        entries = [
            entry
            for entry in route.dump(self._host)
            if not entry.gateway
            and entry.link
            and entry.destination not in _DEFAULTS
            and (":" in entry.destination or entry.scope == route.SCOPE_LINK)
        ]
        devices = interface.find_indices(self._host, {entry.link for entry in entries})
        for entry in entries:
            subnet, device = forms.subnet(entry.destination), devices.get(entry.link)
            if device is None or device.index == LOOPBACK_INDEX or device.group in (GROUP, LEAVING):
                continue
            if not (subnet.is_link_local and subnet.version == 6) and not subnet.is_multicast:
                subnets.append((subnet, device.name))
        return subnets

    def nameservers(self) -> List[forms.Address]:
        """Return the addresses of the resolvers that the host uses."""
        return _nameservers(self.resolv_conf())

    def resolv_conf(self) -> str:
        """Return the text of the host's resolver configuration, as a namespace of its own can use it.

        Where /etc/resolv.conf has loopback addresses only, it is that of systemd-resolved's upstream servers.
        """
        text = _text(_RESOLV_CONF)
        servers = _nameservers(text)
        if servers and all(server.is_loopback for server in servers) and os.path.exists(_UPSTREAM_RESOLV_CONF):
            return _text(_UPSTREAM_RESOLV_CONF)
        return text

    @_once
    def egress_mtu(self) -> int:
        """Return the MTU, in bytes, of the device of the default route: IPv4's, or else IPv6's; 1500 without one."""
        entries = [entry for entry in route.dump(self._host) if entry.destination in _DEFAULTS and entry.link]
        for _order, index in sorted((_DEFAULTS.index(e.destination) << 32 | e.metric, e.link) for e in entries):
            devices = interface.find_indices(self._host, [index])
            if devices:
                return devices[index].mtu
        return _DEFAULT_MTU

    @_once
    def ipv6(self) -> bool:
        """Say whether the host has IPv6, and has it enabled."""
        return sysctl.value("net/ipv6/conf/all/disable_ipv6") == "0"

    def router_advertised(self) -> List[str]:
        """Return the devices whose routes come from router advertisements, which end when forwarding begins.

        Devices with accept_ra=2 are not included, because they keep their routes.
        """
        advertised = [entry for entry in route.dump(self._host) if entry.origin == route.FROM_ADVERTISEMENT]
        names = self._names({entry.link for entry in advertised} - {0})
        devices = set()
        for entry in advertised:
            name = names.get(entry.link)
            accepts = sysctl.value(f"net/ipv6/conf/{name}/accept_ra")
            if name and accepts != _IGNORES_FORWARDING and (entry.destination in _DEFAULTS or accepts == "1"):
                devices.add(name)
        return sorted(devices)

    def link_names(self, namespace: str = HOST) -> Set[str]:
        """Return the names of all links in NAMESPACE; empty if it does not exist."""
        socket = self._namespaces.find(namespace)
        return {link.name for link in interface.dump(socket)} if socket else set()

    def inner_end(self, namespace: str, device: str) -> str:
        """Return the name in NAMESPACE of the other end of DEVICE, a veth of the host; empty if it is not there."""
        from .rtnl import link_reading

        return link_reading.inner_end(self._namespaces, namespace, device)

    def has_link(self, name: str) -> bool:
        """Say whether the host has an interface called NAME, ours or not."""
        return name in interface.find(self._host, [name])

    def has_foreign_link(self, name: str) -> bool:
        """Say whether the host has a link called NAME that is not ours."""
        link = interface.find(self._host, [name]).get(name)
        return link is not None and link.group not in _OURS

    def is_up(self, name: str) -> bool:
        """Say whether the host has an interface called NAME that is up."""
        link = interface.find(self._host, [name]).get(name)
        return link is not None and link.up

    def vlan(self, device: str, tag: int) -> str:
        """Return the name of the host's interface that is the VLAN with TAG of DEVICE; empty if there is none."""
        lower = interface.find(self._host, [device]).get(device)
        return next(
            (
                each.name
                for each in interface.dump(self._host, kind="vlan")
                if lower is not None and each.peer_nsid < 0 and (each.peer, each.tag) == (lower.index, tag)
            ),
            "",
        )

    def link_mtu(self, name: str) -> int:
        """Return the MTU in bytes of the host's interface called NAME; 1500 without one."""
        link = interface.find(self._host, [name]).get(name)
        return link.mtu if link is not None else _DEFAULT_MTU

    def parent(self, name: str) -> Optional[Parent]:
        """Return what matters of the host's interface NAME to a link on top of it; None if there is none."""
        lower = interface.find(self._host, [name]).get(name)
        if lower is None:
            return None
        return Parent(
            lower.type,
            lower.mtu,
            lower.group in _OURS,
            lower.index == LOOPBACK_INDEX,
            len(lower.address) == _MAC_LENGTH,
            self._names({lower.master} - {0}).get(lower.master, ""),
            lower.up,
        )

    def addresses(self, link: str) -> List[str]:
        """Return the addresses of the host's LINK, with their prefix lengths."""
        links = interface.find(self._host, [link])
        return sorted(address.of_link(self._host, links[link].index)) if link in links else []

    def other_bridges(self) -> List[str]:
        """Return the names of the host's bridges that are not ours."""
        return sorted(i.name for i in interface.dump(self._host, kind="bridge") if i.group not in _OURS)

    def programs_in(self, namespace: str) -> List[str]:
        """Return the names and pids of the programs that run in NAMESPACE."""
        try:
            wanted = os.stat(namespace)
        except OSError:
            return []
        programs = []
        for pid in filter(str.isdecimal, os.listdir("/proc")):
            # A kernel thread, or one that has ended.
            with suppress(OSError):
                there = os.stat(f"/proc/{pid}/ns/net")
                if (there.st_dev, there.st_ino) == (wanted.st_dev, wanted.st_ino):
                    programs.append(f"{_text(f'/proc/{pid}/comm').strip()} ({pid})")
        return programs

    def unforwarded(self, version: int) -> List[str]:
        """Return the interfaces that are not ours if the host does not forward family VERSION; empty if it does."""
        return self._interfaces_of_others() if version in self._not_forwarding() else []

    @_once
    def _not_forwarding(self) -> List[int]:
        return [version for version, name in FORWARDING.items() if sysctl.value(name) == "0"]

    @_once
    def _interfaces_of_others(self) -> List[str]:
        from ..model.ids import check_device

        names: List[str] = []
        for each in interface.dump(self._host):
            with suppress(ValueError):
                if each.group not in _OURS and each.index != LOOPBACK_INDEX:
                    names.append(check_device(each.name))
        return names

    @_once
    def lan_interfaces(self) -> List[str]:
        """Return hardware, VLANs and bonds of the host.

        Bridges, tunnels and the links of containers and virtual machines are made by programs that forward.
        """
        from ..model.ids import check_device

        names = [name for name in os.listdir(_INTERFACES) if not name.startswith(_OFTEN) and name not in _NO_LAN]
        chosen: List[str] = []
        for each in interface.find(self._host, sorted(names)).values():
            with suppress(ValueError):
                if each.type in _LAN and each.group not in _OURS and each.index != LOOPBACK_INDEX:
                    chosen.append(check_device(each.name))
        return chosen

    @_once
    def is_router(self) -> bool:
        """Say whether the administrator wants the host to forward for its neighbours, too.

        :raises InvalidInput: if the file that says so is not valid
        """
        from .system.configuration import ip_forward_no_drop

        return ip_forward_no_drop()

    def namespace_id(self, path: str) -> Optional[str]:
        """Return an identity of the namespace at PATH, or of HOST, unique even after a reboot; None without one."""
        identity = self._namespaces.identity(path)
        return identity and f"{boot_id()}:{identity}"

    def namespace_file(self, path: str) -> Optional[Tuple[int, int]]:
        """Return which file is at PATH; None if there is none. Namespaces that are different files differ."""
        return self._namespaces.file(path)

    def has_own_namespace(self, path: str) -> bool:
        """Say whether there is a namespace at PATH that we made for it."""
        inside = self._namespaces.find(path)
        return inside is not None and self._namespaces.is_ours(path, inside)

    @_once
    def docker_chains(self) -> List[str]:
        """Return the families, ``ip`` and ``ip6``, for which Docker has its chain ``DOCKER-USER`` or would make it."""
        return self._docker_user.families()

    @_once
    def vswitch(self) -> Vswitch:
        """Return what Open vSwitch has."""
        from .openvswitch import read

        return read(self._run)

    @_once
    def has_system_datapath(self) -> bool:
        """Say whether the kernel has the datapath of Open vSwitch."""
        from .openvswitch import has_system_datapath

        return has_system_datapath(self._run)

    def foreign_policies(self) -> List[str]:
        """Return a sentence for each firewall of somebody else that drops our traffic."""
        from .firewall.foreign import deaf, foreign
        from .system.name_server_process import sockets

        ours = _WhenNeeded(self._our_bridges)
        return foreign(self._run, ours) + (deaf(self._run, ours) if sockets() else [])

    @_once
    def _our_bridges(self) -> List[str]:
        return sorted(bridge.name for bridge in interface.dump(self._host, kind="bridge") if bridge.group == GROUP)

    @_once
    def listening(self) -> List[Listener]:
        """Return the sockets that listen on the host's ports, except those of our own name server."""
        from .system.listeners import listening
        from .system.name_server_process import sockets

        listeners = listening()
        # Only now, because a name server that an interrupted run has started may be about to listen.
        own = sockets()
        return [each for each in listeners if each.inode not in own]

    @_once
    def reserved_ports(self) -> List[range]:
        """Return the ports that must not be chosen (ip_local_reserved_ports in ip-sysctl.rst)."""
        text = sysctl.value("net/ipv4/ip_local_reserved_ports") or ""
        ranges = []
        for part in text.split(",") if text else ():
            first, _dash, last = part.partition("-")
            ranges.append(range(int(first), int(last or first) + 1))
        return ranges

    @_once
    def has_dhcp_client(self) -> bool:
        """Say whether the DHCP client's program is installed."""
        from .system.dhcp_client import program

        return bool(program())

    @_once
    def lost_leases(self) -> Set[str]:
        """Return the ids of the endpoints whose addresses were leased by DHCP servers, for a time that is over."""
        from .system.dhcp_leases import lost_leases

        return lost_leases()

    @_once
    def has_name_server(self) -> bool:
        """Say whether the name server program is installed."""
        from .system.name_server_service import program

        return program() is not None

    def underlay(self, wanted: Optional[forms.Address]) -> Optional[Tuple[forms.Address, str, int]]:
        """Return WANTED, an address of this host, its device and MTU; with None those of the default route.

        The device is empty if packets do not leave through it, such as a loopback. None if there is no such address.
        """
        from .underlay import end_point

        return end_point(self._host, wanted, self.egress_mtu())

    def is_wireguard(self, name: str) -> bool:
        """Say whether the host's interface called NAME is a tunnel of WireGuard."""
        from .wireguard import is_wireguard

        return is_wireguard(self._host, name)

    @_once
    def tunnels(self) -> List[Tuple[str, int, bool]]:
        """Return the host's VXLAN devices: their names, UDP ports, and whether they are ours."""
        from .underlay import tunnels

        return tunnels(self._host)

    def process(self, inode: int) -> str:
        """Return the process that has the socket with that INODE; empty if it is not known."""
        from .system.listeners import process

        return process(inode)

    def machine_id(self) -> str:
        """Return an identity of this host (machine-id(5)), or its name if it has none."""
        return machine_id()

    def default_address_pools(self) -> List[Tuple[ipaddress.IPv4Network, int]]:
        """Return the pools to choose subnets from, as base and prefix length; empty for Docker's pools.

        :raises InvalidInput: if the file that says so is not valid
        """
        from .system.configuration import default_address_pools

        return default_address_pools()

    def _names(self, indices: Set[int]) -> Dict[int, str]:
        return {index: link.name for index, link in interface.find_indices(self._host, indices).items()}


def _text(path: str) -> str:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.readall().decode("utf-8", "surrogateescape")
    except OSError:
        return ""


def _nameservers(text: str) -> List[forms.Address]:
    servers = []
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            try:
                servers.append(forms.address(words[1].split("%")[0]))
            except ValueError:
                continue
    return servers
