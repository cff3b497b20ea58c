# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One overlay, as all its hosts declare it: mistakes in the declarations, and the options for each host."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Set

from ...module_utils._cnm.drivers import driver, spanning
from ...module_utils._cnm.model.addresses import Address, HostBits, Subnet, address, mac, mac_of, subnet
from ...module_utils._cnm.model.overlay_peer import pack
from . import slices
from .declaration import Declaration, Item, is_in_etcd, options

_OWN = ("name", "state", "peers", "labels", "force")
"""Options of a network that may differ between hosts."""


class Fabric:
    """The network NAME and the hosts that have it, by name."""

    def __init__(self, name: str, members: Mapping[str, Declaration]) -> None:
        self.name = name
        self.members = dict(sorted(members.items()))
        self.problems: List[str] = []
        self.warnings: List[str] = []
        self._items: Dict[str, Item] = {host: one.network(name) or {} for host, one in self.members.items()}
        self.driver = str(next(iter(self._items.values()))["driver"])
        self._way = spanning(self.driver)
        self._is_in_etcd = any(map(is_in_etcd, self._items.values()))
        if self._is_in_etcd:
            self._items = self._complemented()
        self._subnets: Dict[int, Subnet] = {}
        self._endpoints: Dict[str, List[Dict[str, Any]]] = {}
        self._unaddressed: Dict[str, List[str]] = {host: [] for host in self.members}
        """By host, the names of endpoints of which the host chooses at least one address."""
        self._slices: Dict[str, Dict[int, Subnet]] = {host: {} for host in self.members}
        self._chosen: Set[int] = set()
        """Address families in which hosts choose addresses."""
        self._check_declarations()
        self._check_ends()
        if not self.problems:
            self._collect()
            self._cut()
            self._look_for_strays()

    @property
    def identifier(self) -> Optional[int]:
        """The network's VNI and UDP port as one number; None if the options are not valid."""
        chosen = self._options()
        if driver(self.driver).option_problems(chosen):
            return None
        tunnel = self._way.tunnel(self.name, chosen)
        return tunnel.id << 16 | tunnel.port

    def item(self, host: str) -> Dict[str, Any]:
        """Return the module's options for the network on HOST."""
        declared = self._items[host]
        pools = []
        for entry in declared.get("ipam_config") or ():
            part = self._slices[host].get(subnet(str(entry["subnet"])).version)
            pools.append({**entry, "iprange": str(part)} if part is not None else entry)
        chosen: Dict[str, Any] = dict(declared.get("driver_options") or {})
        if self._local(host) is not None:
            chosen[self._way.address_option] = str(self._local(host))
        return {**declared, "ipam_config": pools, "driver_options": chosen}

    def _local(self, host: str) -> Optional[Address]:
        return self.members[host].local or self.members[host].end

    def packed(self) -> str:
        """Return the description of the network's hosts for the module, the same for all hosts."""
        return pack(
            [
                {
                    "name": host,
                    "address": str(one.end) if one.end is not None else None,
                    "endpoints": self._endpoints[host],
                    "chosen": self._unaddressed[host],
                }
                for host, one in self.members.items()
            ]
        )

    def _add(self, sentence: str) -> None:
        self.problems.append(f"Network '{self.name}': {sentence}")

    def _complemented(self) -> Dict[str, Item]:
        """Return the items of the hosts, each with what it leaves out as the first host has it that gives it."""
        whole: Dict[str, Any] = {}
        options_of_all: Dict[str, Any] = {}
        for item in self._items.values():
            for key, value in item.items():
                if key not in (*_OWN, "driver_options") and value is not None:
                    whole.setdefault(key, value)
            for key, value in (item.get("driver_options") or {}).items():
                if key not in self._way.local_options:
                    options_of_all.setdefault(key, value)
        pools = [{key: each for key, each in pool.items() if key != "iprange"} for pool in whole.get("ipam_config", ())]
        if pools:
            whole["ipam_config"] = pools
        return {
            host: {
                **whole,
                **{key: value for key, value in item.items() if value is not None},
                "driver_options": {**options_of_all, **(item.get("driver_options") or {})},
            }
            for host, item in self._items.items()
        }

    def _options(self) -> Mapping[str, str]:
        try:
            return options(next(iter(self._items.values())))
        except ValueError:
            return {}

    def _check_declarations(self) -> None:
        """Check that all hosts declare the network alike, and that the declaration is valid."""
        hosts = list(self._items)
        first = self._shared(self._items[hosts[0]])
        for host in hosts[1:]:
            shared = self._shared(self._items[host])
            for key in sorted(first.keys() | shared.keys()):
                if first.get(key) != shared.get(key):
                    self._add(
                        f"hosts '{hosts[0]}' and '{host}' declare it differently: {key} is {_shown(first.get(key))} on "
                        f"one and {_shown(shared.get(key))} on the other."
                    )
        try:
            for problem in driver(self.driver).option_problems(options(self._items[hosts[0]])).values():
                self._add(problem)
        except ValueError as error:
            self._add(f"driver_options: {error}")
        for entry in self._items[hosts[0]].get("ipam_config") or ():
            try:
                found_subnet = subnet(str(entry.get("subnet")))
            except HostBits as error:
                self._add(str(error))
            except ValueError as error:
                self._add(f"ipam_config: {error}")
            else:
                if found_subnet.version in self._subnets:
                    self._add(f"it has two IPv{found_subnet.version} subnets, but can have only one.")
                self._subnets[found_subnet.version] = found_subnet
        if 4 not in self._subnets and not self._is_in_etcd:
            self._add("it needs an IPv4 subnet in ipam_config.")

    def _check_ends(self) -> None:
        """Check that the hosts can reach each other."""
        holders: Dict[Address, str] = {}
        families: Dict[int, str] = {}
        for host, one in self.members.items():
            if one.end is None:
                continue
            if one.end in holders:
                self._add(f"hosts '{holders[one.end]}' and '{host}' have the same address, {one.end}.")
            holders.setdefault(one.end, host)
            families.setdefault(one.end.version, host)
        if len(families) > 1:
            four, six = families[4], families[6]
            self._add(
                f"host '{four}' has an IPv4 address, {self.members[four].end}, and host '{six}' an IPv6 one, "
                f"{self.members[six].end}. All need addresses of the same family; set cnm_vtep_address."
            )

    def _cut(self) -> None:
        """Choose each host's part of the subnets, unless the host declares one itself, or hosts have none."""
        if not self._way.tunnel(self.name, self._options()).slices:
            return
        for version, whole in self._subnets.items():
            given: Dict[str, Subnet] = {}
            for host, item in self._items.items():
                for entry in item.get("ipam_config") or ():
                    if subnet(str(entry["subnet"])) == whole and entry.get("iprange"):
                        try:
                            given[host] = subnet(str(entry["iprange"]))
                        except ValueError as error:
                            self._add(f"host '{host}': iprange: {error}")
            numbers = {host: one.number for host, one in self.members.items() if host not in given}
            if self._is_in_etcd:
                # The others claim one there.
                numbers = {host: number for host, number in numbers.items() if number is not None}
            wrong: List[str] = []
            indices = slices.chosen(whole, numbers, wrong)
            if wrong and version not in self._chosen and any(self._endpoints.values()):
                # No host chooses an address, so none needs a part of the subnet.
                wrong, indices = [], {}
            for sentence in wrong:
                self._add(sentence)
            ranges = {**given, **{host: slices.part(whole, index) for host, index in indices.items()}}
            self._check_overlaps(ranges, given)
            for host, part in ranges.items():
                self._slices[host][version] = part

    def _check_overlaps(self, ranges: Mapping[str, Subnet], given: Mapping[str, Subnet]) -> None:
        for host, part in given.items():
            for other, another in ranges.items():
                if other != host and (other not in given or other > host) and part.overlaps(another):
                    self._add(f"host '{host}' chooses addresses from {part}, and host '{other}' from {another}.")

    def _collect(self) -> None:
        """Collect the endpoints with addresses in the inventory, and check that each address is given only once."""
        holders: Dict[str, str] = {}
        names: Dict[str, str] = {}
        for host, one in self.members.items():
            self._endpoints[host] = []
            for name, attachment in one.attachments(self.name):
                if not all(attachment.get(f"ipv{version}_address") for version in self._subnets):
                    self._unaddressed[host].append(name)
                endpoint = self._endpoint(host, name, attachment)
                if endpoint is None:
                    continue
                who = f"endpoint '{name}' of host '{host}'"
                clashing = set()
                for key in ("ipv4_address", "ipv6_address", "mac_address"):
                    held = endpoint.get(key)
                    # A derived MAC address conflicts only if its IP address does, which is reported already.
                    told = key == "mac_address" and holders.get(str(held)) in clashing
                    if held in holders and held is not None and not told:
                        self._add(f"{held} is given twice, to {holders[held]} and to {who}.")
                        clashing.add(holders[held])
                    holders.setdefault(str(held), who)
                if name in names:
                    self._add(f"hosts '{names[name]}' and '{host}' both have an endpoint '{name}' with an address.")
                names.setdefault(name, host)
                self._endpoints[host].append(endpoint)

    def _look_for_strays(self) -> None:
        """Warn of addresses of one host's endpoints that another host may have chosen earlier."""
        for version, whole in self._subnets.items():
            key = f"ipv{version}_address"
            choosers: Dict[Subnet, str] = {}
            for host, one in self.members.items():
                if version in self._slices[host] and not all(
                    each.get(key) for _sandbox, each in one.attachments(self.name)
                ):
                    choosers[self._slices[host][version]] = host
            lengths = {part.prefixlen for part in choosers}
            for host, endpoints in self._endpoints.items() if choosers else ():
                for name, given in ((one["name"], address(one[key])) for one in endpoints if key in one):
                    for part in (type(whole)((int(given), length), strict=False) for length in lengths):
                        if choosers.get(part, host) != host:
                            self.warnings.append(
                                f"Network '{self.name}': address {given} of endpoint '{name}' on host '{host}' is in "
                                f"{part}, from which host '{choosers[part]}' chooses addresses. If that host has "
                                f"chosen {given} before, two have it. Give the endpoint an address that is in no "
                                "other host's part of the subnet."
                            )

    def _endpoint(self, host: str, name: str, attachment: Item) -> Optional[Dict[str, Any]]:
        endpoint: Dict[str, Any] = {"name": name}
        held: List[Address] = []
        for version, whole in self._subnets.items():
            key = f"ipv{version}_address"
            if not attachment.get(key):
                self._chosen.add(version)
                continue
            try:
                one = address(str(attachment[key]), version)
            except ValueError:
                # The host's own declaration has this problem.
                continue
            if one not in whole:
                self._add(f"endpoint '{name}' of host '{host}': {key}: {one} is not in subnet {whole}.")
                continue
            held.append(one)
            endpoint[key] = str(one)
        if not held:
            return None
        try:
            given = attachment.get("mac_address")
            endpoint["mac_address"] = mac(str(given)) if given else mac_of(min(held, key=lambda one: one.version))
        except ValueError:
            return None
        endpoint["aliases"] = list(attachment.get("aliases") or ())
        return endpoint

    def _shared(self, item: Item) -> Dict[str, Any]:
        """Return the options of a network that must be equal on all hosts, in normal form."""
        shared = {key: value for key, value in item.items() if key not in (*_OWN, "ipam_config", "driver_options")}
        shared = {key: value for key, value in shared.items() if value is not None}
        try:
            for key, text in options(item).items():
                if key != self._way.address_option:
                    shared[f"driver option '{key}'"] = text
        except ValueError:
            shared["driver_options"] = str(item.get("driver_options"))
        shared.setdefault(f"driver option '{self._way.port_option}'", str(self._way.tunnel(self.name, {}).port))
        for entry in item.get("ipam_config") or ():
            if isinstance(entry, Mapping):
                rest = {key: value for key, value in entry.items() if key not in ("iprange", "subnet") and value}
                shared.setdefault("subnet", []).append(str(entry.get("subnet")))
                for key, value in rest.items():
                    shared[f"{key} of {entry.get('subnet')}"] = str(value)
        return shared


def _shown(value: Any) -> str:
    if value is None:
        return "not given"
    return ", ".join(value) if isinstance(value, Sequence) and not isinstance(value, str) else f"'{value}'"
