# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks of a playbook on the stand-in for a host, and the state of the host before and after them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab import OUTSIDE4, UPLINK4, at, seen
from stand_in import OUTSIDE, Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller, Result
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.network import PREDEFINED

ANY = "0.0.0.0"


class Playbook:
    """Runs tasks; ``warnings`` has the warnings of the last one."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.warnings: list[str] = []

    def task(self, kind: str, *items: Mapping[str, Any], check: bool = False) -> Result:
        self.warnings = []
        with Kernel(self.host.program) as kernel:
            return Controller(kernel, self.warnings.append, check).ensure(kind, items)

    def network(self, name: str, check: bool = False, **options: Any) -> Result:
        return self.task("network", {"name": name, **options}, check=check)

    def sandbox(self, name: str, *networks: str, check: bool = False, **options: Any) -> Result:
        joined = {"networks": [{"name": network} for network in networks]} if networks else {}
        return self.task("sandbox", {"name": name, **joined, **options}, check=check)

    def end(self) -> None:
        """Remove every sandbox and network."""
        for kind in ("sandbox", "network"):
            names = [each["Name"] for each in self.shown(kind) if each["Name"] not in PREDEFINED]
            if names:
                self.task(kind, *({"name": name, "state": "absent", "force": True} for name in names))

    def shown(self, kind: str) -> list[dict[str, Any]]:
        """Return all objects of KIND without changing anything."""
        with Kernel(self.host.program) as kernel:
            return Controller(kernel, self.warnings.append, True).describe(kind, lambda _store, _found: True)

    def address(self, sandbox: str, network: str) -> str:
        """Return the IPv4 address of SANDBOX on NETWORK."""
        (shown,) = [each for each in self.shown("network") if each["Name"] == network]
        (endpoint,) = [each for each in shown["Containers"].values() if each["Name"] == sandbox]
        return str(endpoint["IPv4Address"]).partition("/")[0]

    def device(self, network: str) -> str:
        """Return the bridge of NETWORK."""
        return next(f"br-{each['Id'][:12]}" for each in self.shown("network") if each["Name"] == network)

    def web(self) -> None:
        """Create network ``web`` with the sandboxes ``one``, which publishes port 80 as 8080, and ``two``."""
        self.network("web")
        self.sandbox("one", "web", published_ports=["8080:80"])
        self.sandbox("two", "web")


def reaches_out(place: str) -> bool:
    """Return whether PLACE reaches somebody outside, who sees the host's address."""
    return seen(place, (OUTSIDE4, 90), OUTSIDE, (ANY, 90)) == UPLINK4


def answers(port: int, place: str) -> bool:
    """Return whether PLACE, which listens on port 80, is reached from outside by PORT of the host."""
    return seen(OUTSIDE, (UPLINK4, port), place, (ANY, 80)) is not None


def reaches(source: str, target: str, address: str, port: int = 80) -> bool:
    """Return whether SOURCE reaches TARGET, which listens on PORT, by its ADDRESS."""
    return seen(source, (address, port), target, (ANY, port)) is not None


def web_works(play: Playbook) -> dict[str, bool]:
    """Return which traffic of `Playbook.web` passes."""
    return {
        "out": reaches_out("two"),
        "published": answers(8080, "one"),
        "neighbours": reaches("two", "one", play.address("one", "web")),
    }


ALL = {"out": True, "published": True, "neighbours": True}
NEIGHBOURS_ALONE = {"out": False, "published": False, "neighbours": True}


def setting(name: str, place: str = "") -> str:
    """Return the value of a kernel setting."""
    with at(place):
        return Path("/proc/sys", name).read_text().strip()


def inventory(host: Host) -> dict[str, Any]:
    """Return what is on the host: links, addresses, routes, rules, namespaces and their files."""

    def listed(*command: str) -> Any:
        return json.loads(host.out(["ip", "-json", *command]) or "[]")

    return {
        "links": sorted((link["ifname"], "UP" in link["flags"], link.get("master", "")) for link in listed("link")),
        "addresses": sorted(
            (link["ifname"], each["local"], each["prefixlen"])
            for link in listed("address")
            for each in link["addr_info"]
            # The kernel adds link-local addresses as soon as it notices a carrier.
            if not (each["family"] == "inet6" and each["scope"] == "link")
        ),
        "routes": sorted((route["dst"], route.get("gateway", ""), route["dev"]) for route in listed("route")),
        "rules": host.out(["nft", "--stateless", "list", "ruleset"]),
        "forwarding": [setting("net/ipv4/ip_forward"), setting("net/ipv6/conf/all/forwarding")],
        "files": {folder: _files(folder) for folder in ("/run/netns", "/etc/netns")},
    }


def _files(folder: str) -> dict[str, Any]:
    texts: dict[str, Any] = {}
    for name in sorted(os.listdir(folder)):
        path = Path(folder, name)
        if path.is_symlink():
            texts[name] = ("link", os.readlink(path))
        elif path.is_dir():
            texts[name] = _files(str(path))
        else:
            texts[name] = (path.stat().st_ino, path.read_bytes() if path.stat().st_size else b"")
    return texts


def advice(warning: str, bridge: str) -> list[str]:
    """Return the commands that WARNING recommends, for BRIDGE."""
    commands = re.findall(r"'([a-z-]+ [^']+)'", warning)
    assert commands, warning
    return [line.replace("<bridge>", bridge) for line in commands]
