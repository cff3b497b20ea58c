# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user sees on all hosts, in a common form, so that it can be compared."""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Union

from cnm_hosts import CnmHosts
from docker_hosts import DockerHosts
from lab import OUTSIDE4, UPLINK4, pinged, seen
from story import Act
from view import containers

AT_ONCE = 16
ANY = "0.0.0.0"
PORT = 7777
"""The port on which somebody outside listens."""
TRIES = 4
"""With the first packet to an address, Docker asks the other hosts where it is."""
SLICES = 30
"""How long to wait for an answer each time. All are on this machine."""
HEADERS = {4: 28, 6: 48}
"""The bytes of the headers of an echo request, by IP version."""


class Onlooker:
    """Looks at the hosts of a SIDE, and remembers every name and address that there has been."""

    def __init__(self, side: Union[CnmHosts, DockerHosts]) -> None:
        self.side = side
        self._names: set[str] = set()
        self._addresses: dict[str, str] = {}
        self._chosen: set[tuple[str, str]] = set()
        """Containers with a network on which they did not ask for an address."""
        self._first: dict[tuple[str, str], str] = {}
        """The first address that each of them had."""

    def hear(self, act: Act) -> None:
        """Learn the names in ACT."""
        for _host, step in act.moves:
            if step.network:
                self._names |= {step.name, f"{step.name}.{step.network}", *step.arguments.get("aliases", ())}
                if "ip" not in step.arguments:
                    self._chosen.add((step.name, step.network))

    def look(self) -> dict[str, Any]:
        """Return what exists and what works."""
        view: dict[str, Any] = {}
        places: dict[str, str] = {}
        homes: dict[str, str] = {}
        for host, single in self.side.hosts.items():
            shown = containers(self.side.by, single)
            view[host] = {"networks": _networks(self.side.networks(host)), "containers": shown}
            self._learn(shown)
            for name, each in shown.items():
                if each["State"] == "running":
                    homes[name], places[name] = host, self.side.place(host, name)
        view["chosen"] = self._relied_on(view)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            # These take a while: unknown names, and addresses that do not answer.
            finds = {name: pool.submit(self._finds, homes[name], name) for name in places}
            reaches = {name: pool.submit(self._reaches, place) for name, place in places.items()}
        for name, place in places.items():
            view[name] = {
                "interfaces": {each["ifname"]: each["mtu"] for each in _links(place)},
                "finds": finds[name].result(),
                "reaches": reaches[name].result(),
                "outside": seen(place, (OUTSIDE4, PORT), self.side.outside(homes[name]), (ANY, PORT)),
                "published": self._published(view[homes[name]]["containers"][name], homes[name], place),
            }
        return view

    def _learn(self, shown: Mapping[str, Any]) -> None:
        for name, each in shown.items():
            for network, attachment in each["Networks"].items():
                for key, how in (("IPAddress", ""), ("GlobalIPv6Address", " by IPv6")):
                    if attachment[key]:
                        self._addresses[f"{name} on {network}{how}"] = attachment[key]

    def _relied_on(self, view: Mapping[str, Any]) -> dict[str, dict[str, bool]]:
        """Return what users rely on of each chosen address, whichever it is."""
        attached = {
            (name, network): (host, attachment["IPAddress"])
            for host in self.side.hosts
            for name, each in view[host]["containers"].items()
            for network, attachment in each["Networks"].items()
            if each["State"] == "running"
        }
        relied = {}
        for name, network in self._chosen & attached.keys():
            host, chosen = attached[name, network]
            pool = view[host]["networks"][network]["IPAM"]["Config"][0]
            holders = [who for who, (_host, address) in attached.items() if address == chosen]
            relied[f"{name} on {network}"] = {
                "it is of the subnet": ipaddress.ip_address(chosen) in ipaddress.ip_network(pool["Subnet"]),
                "nobody else has it": holders == [(name, network)] and chosen != pool.get("Gateway"),
                "it is the same as before": chosen == self._first.setdefault((name, network), chosen),
            }
        return relied

    def _finds(self, host: str, container: str) -> dict[str, list[str]]:
        """Return who answers to each name for CONTAINER."""
        holders = {address: who for who, address in self._addresses.items()}
        answers = self.side.resolved(host, container, sorted(self._names))
        return {name: sorted(holders.get(each, each) for each in addresses) for name, addresses in answers.items()}

    def _reaches(self, place: str) -> dict[str, Any]:
        """Return whom PLACE reaches: with a packet of the MTU's size, and with one that is a byte larger."""
        (mtu,) = {each["mtu"] for each in _links(place) if each["ifname"] == "eth0"}

        def reached(address: str) -> list[bool]:
            if not any(pinged(place, address, SLICES) for _time in range(TRIES)):
                return []
            return [_passes(place, address, size) for size in (mtu, mtu + 1)]

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(self._addresses, pool.map(reached, self._addresses.values())))

    def _published(self, shown: Mapping[str, Any], host: str, place: str) -> dict[str, bool]:
        """Return which published ports somebody outside reaches."""
        answers = {}
        for inside, bindings in shown["Ports"].items():
            for _address, outer in bindings:
                target, listener = (UPLINK4, int(outer)), (ANY, int(inside.split("/")[0]))
                answers[inside] = seen(self.side.outside(host), target, place, listener) is not None
        return answers


def _networks(shown: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return what inspect shows, without ids, because Docker's are different in each run."""
    for each in shown.values():
        del each["Id"]
        each["Containers"] = {
            one["Name"]: {key: value for key, value in one.items() if key not in ("EndpointID", "Name")}
            for one in each["Containers"].values()
        }
    return dict(shown)


def _links(place: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        ["nsenter", f"--net={place}", "ip", "-json", "-4", "address"], capture_output=True, text=True, check=True
    )
    return [each for each in json.loads(done.stdout) if each and each["ifname"] != "lo"]


def _passes(place: str, address: str, size: int) -> bool:
    """Return whether ADDRESS answers an IP packet of SIZE bytes from PLACE that must not be fragmented."""
    data = size - HEADERS[6 if ":" in address else 4]
    argv = f"ping -n -c 1 -W 1 -M do -s {data} {address}".split()
    return subprocess.run(["nsenter", f"--net={place}", *argv], capture_output=True, check=False).returncode == 0


def differing(ours: Any, theirs: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the paths of all differences with both values, None for a missing one."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}):
            yield from differing(ours.get(key), theirs.get(key), f"{path}/{key}" if path else key)
    elif ours != theirs:
        yield path, ours, theirs
