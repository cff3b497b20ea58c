# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A simulated host whose state is a dictionary, for tests that need no root."""

from __future__ import annotations

import contextlib
import ipaddress
from dataclasses import fields, replace

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import KernelRefused
from ansible_collections.cnm.linux.plugins.module_utils._cnm.progress import Progress
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.openvswitch import Vswitch
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import HOST


class PretendFacts:
    """The facts about the host that decisions need. Tests set the ones that matter."""

    def __init__(self):
        self.routes = []
        self.servers = []
        self.has_ipv6 = True
        self.mtu = 1500
        self.links = {}
        self.mtus = {}
        self.parents = {}
        self.down = set()
        self.vlans = {}
        """The names of VLANs that others have made, by device and tag."""
        self.programs = {}
        self.namespaces = {"/proc/self/ns/net": "1"}
        self.inner = {}
        """The names of the inner ends of veth pairs, by namespace and end on the host."""
        self.lost = []
        self.sockets = []
        self.bridges = []
        self.reserved = []
        self.apart = {4: [], 6: []}
        self.chains = []
        self.bases = []
        self.ends = {"192.0.2.1": ("eth0", 1500), "2001:db8::1": ("eth0", 1500)}
        self.vxlans = []
        self.wireguard = set()
        self.name_server = False
        self.switch = Vswitch()
        self.system_datapath = True
        self.dhcp_client = True
        self.lost_of_server = set()
        self.resolver = "nameserver 192.0.2.53\nsearch example.org\n"

    def machine_id(self):
        return "0123456789abcdef0123456789abcdef"

    def on_link(self):
        return [(ipaddress.ip_network(subnet), device) for subnet, device in self.routes]

    def nameservers(self):
        return [ipaddress.ip_address(server) for server in self.servers]

    def default_address_pools(self):
        return self.bases

    def egress_mtu(self):
        return self.mtu

    def ipv6(self):
        return self.has_ipv6

    def has_link(self, name):
        return name in self.links or name in {device for device, _mtu in self.ends.values()}

    def has_foreign_link(self, name):
        return name in self.links

    def link_mtu(self, name):
        return self.mtus.get(name, 1500)

    def parent(self, name):
        return self.parents.get(name)

    def is_up(self, name):
        return self.has_link(name) and name not in self.down

    def vlan(self, device, tag):
        return self.vlans.get((device, tag), "")

    def vswitch(self):
        return self.switch

    def has_system_datapath(self):
        return self.system_datapath

    def programs_in(self, namespace):
        return self.programs.get(namespace, [])

    def addresses(self, link):
        return self.links.get(link, [])

    def inner_end(self, namespace, device):
        return self.inner.get((namespace, device), "")

    def link_names(self, namespace):
        return {"lo", "eth0"}

    def namespace_id(self, path):
        return self.namespaces.get(path or "/proc/self/ns/net")

    def namespace_file(self, path):
        return self.namespaces.get(path)

    def has_own_namespace(self, path):
        return path not in self.lost

    def listening(self):
        return self.sockets

    def reserved_ports(self):
        return self.reserved

    def underlay(self, wanted):
        text = next(iter(self.ends), None) if wanted is None else str(wanted)
        return (ipaddress.ip_address(text), *self.ends[text]) if text in self.ends else None

    def is_wireguard(self, name):
        return name in self.wireguard

    def tunnels(self):
        return self.vxlans

    def process(self, inode):
        return "nginx (123)"

    def has_dhcp_client(self):
        return self.dhcp_client

    def lost_leases(self):
        return self.lost_of_server

    def has_name_server(self):
        return self.name_server

    def resolv_conf(self):
        return self.resolver

    def unforwarded(self, version):
        return self.apart[version]

    def lan_interfaces(self):
        return []

    def is_router(self):
        return False

    def router_advertised(self):
        return []

    def other_bridges(self):
        return self.bridges

    def docker_chains(self):
        return self.chains

    def foreign_policies(self):
        return []


def as_read(wanted, before):
    """Return WANTED as read from the host: unset values as in BEFORE, without `adopted` and `announced`."""
    if wanted.adopted:
        wanted = replace(wanted, adopted=False)
    if hasattr(wanted, "announced"):
        wanted = replace(wanted, announced="")
    if before is None:
        return wanted
    left = [field.name for field in fields(wanted) if getattr(wanted, field.name) is None]
    return replace(wanted, **{name: getattr(before, name) for name in left})


class PretendKernel:
    """Holds resources by key, and removes them with their parents, as a kernel does."""

    def __init__(self):
        self.facts = PretendFacts()
        self.progress = Progress()
        self.present = {}
        self.refuse = None
        self.before_step = lambda step: None
        """Called before each step. An exception interrupts the run there."""
        self.reads = 0
        self.elsewhere = set()
        """Addresses that other hosts have."""
        self.noted = {}
        """Endpoints that may now be on other hosts, and whether they are."""
        self.server = {}
        """The addresses that a DHCP server gives, by MAC address."""
        self.released = []
        """The MAC addresses whose addresses were given back to it."""
        self.ended = []
        """Published ports, by entry and target, whose connections a killed run should have ended."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def read(self, keys):
        self.reads += 1
        keys = set(keys)
        keys |= {
            key
            for key, resource in self.present.items()
            if key[0] == "forwarding" and keys.intersection(resource.within)
        }
        return {key: self.present[key] for key in keys if key in self.present}

    def leases(self):
        return {
            key.endpoint: self.server[client.mac]
            for key, client in self.present.items()
            if key[0] == "dhcp-client" and client.mac in self.server
        }

    def await_leases(self, endpoints):
        given = self.leases()
        return {each: given[each] for each in endpoints if each in given}

    def keep_listings(self):
        """Do nothing: no program lists anything."""

    def tentative(self):
        return dict(self.noted)

    def note_tentative(self, endpoints):
        self.noted = dict(endpoints)

    def answered(self, wanted):
        asked = {(link, address) for link, addresses in wanted.items() for address in addresses}
        return {(link, address) for link, address in asked if address in self.elsewhere}

    def apply(self, steps):
        for step in steps:
            if self.refuse is not None and self.refuse(step):
                raise KernelRefused(f"Could not make {step.resource}: pretended.", step.resource.key)
            self.before_step(step)
            if step.after is None:
                if getattr(step.before, "releases", False):
                    self.released.append(step.before.mac)
                self.lose(step.before.key)
            else:
                self.present[step.after.key] = as_read(step.after, self.present.get(step.after.key))

    def end_stale_connections(self, removed, added):
        self.ended += [(one.entry, one.value) for one in removed]

    def lose(self, key):
        """Remove the resource with KEY, and everything in it or on it."""
        self.present.pop(key, None)
        for resource in list(self.present.values()):
            if key[:2] == ("link", HOST) and getattr(resource, "lower", None) and resource.lower.device == key[2]:
                self.lose(resource.key)
        if key[:2] == ("link", HOST):
            self.unplug(key[2])
        for child in [each for each in self.present.values() if key in each.within]:
            self.lose(child.key)

    def unplug(self, bridge):
        """Release the ports of a removed bridge."""
        for key, resource in self.present.items():
            peer = getattr(resource, "peer", None)
            if peer is not None and peer.master == bridge:
                self.present[key] = replace(resource, peer=replace(peer, master=""))
            tunnel = getattr(resource, "tunnel", None)
            if tunnel is not None and tunnel.master == bridge:
                self.present[key] = replace(resource, tunnel=replace(tunnel, master=""))

    def forget(self):
        """Lose everything except files, as in a reboot."""
        self.present = {key: resource for key, resource in self.present.items() if key[0] == "file"}

    @contextlib.contextmanager
    def unchanged(self):
        """Check that the block changes nothing."""
        before = dict(self.present)
        yield
        if self.present != before:
            raise AssertionError(f"changed: {set(self.present.items()) ^ set(before.items())}")
