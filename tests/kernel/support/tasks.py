# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks on the stand-in for a host, and questions about what a user then sees."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Optional

from lab import OUTSIDE4, UPLINK4, at, seen
from stand_in import OUTSIDE, Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller, Result
from ansible_collections.cnm.linux.plugins.module_utils._cnm.engines import ensure_all
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.network import PREDEFINED

ANY = {4: "0.0.0.0", 6: "::"}
BRIDGE, DRIVER = "com.docker.network.bridge", "com.docker.network"
"""The prefixes of the option keys."""


class Tasks:
    """Runs tasks; ``warnings`` has the warnings of the last one."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.warnings: list[str] = []

    def ensure(self, kind: str, *items: Mapping[str, Any]) -> Result:
        self.warnings = []
        with self._core(False) as controller:
            return controller.ensure(kind, items)

    def would(self, kind: str, *items: Mapping[str, Any]) -> bool:
        """Return whether check mode says that ITEMS would change something."""
        with self._core(True) as controller:
            return controller.ensure(kind, items).changed

    def ensure_known(self, check: bool, *networks: Mapping[str, Any]) -> Result:
        """Ensure NETWORKS, also in Docker."""
        self.warnings = []
        return ensure_all(self._core, [("network", networks)], check, self.warnings.append)

    @contextmanager
    def _core(self, check: bool) -> Iterator[Controller]:
        with Kernel(self.host.program) as kernel:
            yield Controller(kernel, self.warnings.append, check)

    def networks_of_docker(self) -> dict[str, str]:
        """Return the first digits of the ids of Docker's networks that are ours, with the names of ours."""
        with self._core(True) as controller:
            networks = controller.look(lambda store: store.networks())
        return {identifier: network.name for network in networks for identifier in network.docker_networks}

    def restore(self) -> Result:
        with self._core(False) as controller:
            return controller.restore()

    def network(self, name: str, subnet: str = "", options: Optional[Mapping[str, Any]] = None, **more: Any) -> Result:
        """Ensure a network. SUBNET is one subnet, or several separated by commas."""
        item: dict[str, Any] = {"name": name, **more}
        if subnet:
            item["ipam_config"] = [{"subnet": each} for each in subnet.split(",")]
        if options is not None:
            item["driver_options"] = dict(options)
        return self.ensure("network", item)

    def sandbox(self, name: str, *networks: Any, **more: Any) -> Result:
        """Ensure a sandbox on NETWORKS, which are names or mappings."""
        item: dict[str, Any] = {"name": name, **more}
        if networks:
            item["networks"] = [{"name": each} if isinstance(each, str) else each for each in networks]
        return self.ensure("sandbox", item)

    def shown(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return all objects of KIND in Docker's format, by name."""
        with self._core(True) as controller:
            objects = controller.describe(kind, lambda _store, _found: True)
        return {each["Name"]: each for each in objects}

    def address(self, sandbox: str, network: str, version: int = 4) -> str:
        """Return the address of SANDBOX on NETWORK."""
        containers = self.shown("network")[network]["Containers"].values()
        (endpoint,) = [each for each in containers if each["Name"] == sandbox]
        return str(endpoint[f"IPv{version}Address"]).partition("/")[0]

    def gateway(self, network: str, version: int = 4) -> str:
        pools = self.shown("network")[network]["IPAM"]["Config"]
        gateways = [pool["Gateway"] for pool in pools if ipaddress.ip_address(pool["Gateway"]).version == version]
        return str(gateways[0])

    def device(self, network: str) -> str:
        """Return the bridge of NETWORK. Its name must not have been set by an option."""
        return f"br-{self.shown('network')[network]['Id'][:12]}"

    def end(self) -> None:
        """Remove every sandbox, endpoint and network."""
        for kind in ("sandbox", "network"):
            names = [name for name in self.shown(kind) if name not in PREDEFINED]
            if names:
                self.ensure(kind, *({"name": name, "state": "absent", "force": True} for name in names))


def listed(host: Host, *command: str, place: str = "") -> list[dict[str, Any]]:
    """Return what ip or bridge lists, parsed from JSON."""
    program, *rest = command
    listing = json.loads(host.out([program, "-json", *rest], f"/run/netns/{place}" if place else None) or "[]")
    return [each for each in listing if each]


def link(host: Host, name: str, place: str = "") -> dict[str, Any]:
    """Return what ip shows of one link."""
    (interface,) = listed(host, "ip", "-details", "link", "show", "dev", name, place=place)
    return interface


def host_end(host: Host, sandbox: str, name: str = "eth0") -> dict[str, Any]:
    """Return the host's end of the link NAME of SANDBOX."""
    index = link(host, name, sandbox)["link_index"]
    (interface,) = [each for each in listed(host, "ip", "-details", "link") if each["ifindex"] == index]
    return interface


def hosts(sandbox: str) -> dict[str, str]:
    """Return the names in the hosts file of SANDBOX with their addresses."""
    entries: dict[str, str] = {}
    for line in Path("/etc/netns", sandbox, "hosts").read_text().splitlines():
        if line and not line.startswith("#"):
            address, *names = line.split()
            entries.update(dict.fromkeys(names, address))
    return entries


def default_route(host: Host, place: str, version: int = 4) -> str:
    """Return the gateway of the default route at PLACE; empty if there is none."""
    routes = listed(host, "ip", f"-{version}", "route", "show", "default", place=place)
    return str(routes[0]["gateway"]) if routes else ""


def setting(name: str, place: str = "") -> str:
    with at(place):
        return Path("/proc/sys", name).read_text().strip()


def eventually(holds: Callable[[], Any], seconds: float = 60.0) -> bool:
    """Return whether HOLDS becomes true: if links come up together, the kernel notices some only a second later."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def reaches(source: str, target: str, address: str, port: int = 80) -> bool:
    """Return whether SOURCE reaches TARGET, which listens on PORT, by its ADDRESS."""
    return seen(source, (address, port), target, (ANY[6 if ":" in address else 4], port)) is not None


def answers(port: int, place: str, client: str = OUTSIDE, at_address: str = UPLINK4, protocol: str = "tcp") -> bool:
    """Return whether CLIENT reaches PLACE, which listens on port 80, by PORT of the host."""
    version = 6 if ":" in at_address else 4
    return seen(client, (at_address, port), place, (ANY[version], 80), protocol) is not None


def source_outside(place: str, target: str = OUTSIDE4, protocol: str = "tcp") -> Optional[str]:
    """Return the source address that is seen outside when PLACE sends; None if nothing arrives."""
    return seen(place, (target, 90), OUTSIDE, (ANY[6 if ":" in target else 4], 90), protocol)
