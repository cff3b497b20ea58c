# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several stand-ins for hosts, connected by a switch. Each has an IPv4 and an IPv6 address on it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

from namespaces import Place, have_own
from stand_in import Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller, Result
from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import VTEP
from ansible_collections.cnm.linux.plugins.module_utils._cnm.items import in_order
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.overlay_peer import members, unpack
from ansible_collections.cnm.linux.plugins.plugin_utils._topology import reports
from ansible_collections.cnm.linux.plugins.plugin_utils._topology.declaration import read
from ansible_collections.cnm.linux.plugins.plugin_utils._topology.inventory import Inventory


class Member(Place):
    """One host of a fleet, on which tasks run."""

    def __init__(self, number: int) -> None:
        have_own()
        self.host = Host()
        super().__init__()
        self.number = number
        self.name = f"h{number}"
        self.vtep = {4: f"10.99.5.{number}", 6: f"fd99::{number}"}
        self.warnings: list[str] = []

    def run(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        with self.here():
            done = self.host.run(list(argv))
        assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done

    def ensure(self, kind: str, *items: Mapping[str, Any], check: bool = False) -> Result:
        with self.here(), Kernel(self.host.program) as kernel:
            return Controller(kernel, self.warnings.append, check).ensure(kind, items)

    def topology(self, networks: Sequence[Mapping[str, Any]], sandboxes: Sequence[Mapping[str, Any]]) -> Result:
        with self.here(), Kernel(self.host.program) as kernel:
            return Controller(kernel, self.warnings.append).ensure_all(in_order(networks, sandboxes))

    def exchange(self, told: Mapping[str, str]) -> Result:
        with self.here(), Kernel(self.host.program) as kernel:
            reports = {network: unpack(text) for network, text in told.items()}
            return Controller(kernel, self.warnings.append).exchange(reports, self.name)

    def restore(self) -> Result:
        with self.here(), Kernel(self.host.program) as kernel:
            return Controller(kernel, self.warnings.append).restore()

    def shown(self, kind: str) -> dict[str, dict[str, Any]]:
        with self.here(), Kernel(self.host.program) as kernel:
            objects = Controller(kernel, self.warnings.append, True).describe(kind, lambda _store, _found: True)
        return {each["Name"]: each for each in objects}

    def listed(self, *command: str) -> list[dict[str, Any]]:
        """Return what ip or bridge lists, parsed from JSON."""
        program, *rest = command
        listing = json.loads(self.run(program, "-json", *rest).stdout or "[]")
        return [each for each in listing if each]

    def ping(self, sandbox: str, target: str, *options: str, patience: float = 10.0) -> bool:
        """Return whether TARGET, a name or an address, answers one echo request from SANDBOX."""
        argv = ["ip", "netns", "exec", sandbox, "ping", "-n", "-c", "1", "-W", str(patience), *options, target]
        return self.run(*argv, check=False).returncode == 0

    def first_answer(self, sandbox: str, target: str, seconds: int = 2) -> Optional[int]:
        """Send ten echo requests per second from SANDBOX to TARGET; return the number of the first that is answered."""
        tries = str(seconds * 10)
        argv = ["ip", "netns", "exec", sandbox, "ping", "-n", "-c", tries, "-i", "0.1", "-W", "1", target]
        match = re.search(r"icmp_seq=(\d+) ttl", self.run(*argv, check=False).stdout)
        return int(match[1]) if match else None

    def forget(self) -> None:
        """Remove what does not survive a reboot."""
        for name in self.run("ls", "/run/netns").stdout.split():
            self.run("ip", "netns", "delete", name)
        for each in self.listed("ip", "link"):
            if each["ifname"].startswith(("br-", "vx-", "veth")):
                self.run("ip", "link", "delete", each["ifname"], check=False)
        self.run("nft", "flush", "ruleset")
        self.run("sh", "-c", "rm -f /run/cnm/*")


class Fleet:
    """The hosts ``h1``, ``h2`` and so on."""

    def __init__(self, size: int, mtu: int = 1500) -> None:
        self.home = Place()
        self.members: list[Member] = []
        self.family = 4
        self._folder = tempfile.TemporaryDirectory()
        have_own()
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        self.switch = Place()
        self._ip("link add sw mtu 9000 type bridge mcast_snooping 0\nlink set sw up\n")
        for number in range(1, size + 1):
            self.home.enter()
            member = Member(number)
            self.members.append(member)
            self.connect(member, mtu)
            member.enter()
            for family in ("iptables", "ip6tables"):
                path = f"/proc/sys/net/bridge/bridge-nf-call-{family}"
                if os.path.exists(path):
                    with open(path, "w") as stream:
                        stream.write("0")
        self.home.enter()

    def _ip(self, commands: str) -> None:
        done = subprocess.run(["ip", "-batch", "-"], input=commands, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr

    def close(self) -> None:
        self.home.enter()
        for member in self.members:
            with member.here():
                member.host.close()
            member.close()
        self.switch.close()
        self.home.close()
        self._folder.cleanup()

    def connect(self, member: Member, mtu: int = 1500) -> None:
        """Give MEMBER its interface to the other hosts."""
        number, descriptor = member.number, self.switch.network
        with member.here():
            self._ip(
                f"link add under mtu {mtu} type veth peer name p{number} mtu {mtu} netns /proc/{os.getpid()}/fd/"
                f"{descriptor}\n"
                f"address add 10.99.5.{number}/24 dev under\naddress add fd99::{number}/64 dev under nodad\n"
            )
        with self.switch.here():
            self._ip(f"link set p{number} master sw up\n")
        with member.here():
            self._ip("link set under up\n")

    def plug(self, number: int, up: bool) -> None:
        """Set the switch's port of a host UP or down."""
        with self.switch.here():
            self._ip(f"link set p{number} {'up' if up else 'down'}\n")

    def network(
        self,
        name: str,
        subnets: Sequence[str],
        members: Optional[Sequence[Member]] = None,
        endpoints: Optional[Mapping[str, Sequence[Mapping[str, Any]]]] = None,
        **more: Any,
    ) -> list[Result]:
        """Ensure an overlay network on MEMBERS. ENDPOINTS are the declared endpoints, by the name of their host."""
        members = self.members if members is None else members
        items = [self.item(member, name, subnets, members, endpoints, **more) for member in members]
        return [member.ensure("network", item) for member, item in zip(members, items)]

    def item(
        self,
        member: Member,
        name: str,
        subnets: Sequence[str],
        members: Optional[Sequence[Member]] = None,
        endpoints: Optional[Mapping[str, Sequence[Mapping[str, Any]]]] = None,
        **more: Any,
    ) -> dict[str, Any]:
        """Return the item for this network that MEMBER gets."""
        item: dict[str, Any] = {
            "name": name,
            "driver": "overlay",
            "ipam_config": [{"subnet": subnet, "iprange": slice_of(subnet, member.number)} for subnet in subnets],
            "peers": [
                {
                    "name": other.name,
                    "address": other.vtep[self.family],
                    "endpoints": (endpoints or {}).get(other.name, []),
                }
                for other in (self.members if members is None else members)
                if other is not member
            ],
            **more,
        }
        item["driver_options"] = {VTEP: member.vtep[self.family], **item.get("driver_options", {})}
        return item

    def play(self, inventory: Mapping[str, Mapping[str, Any]], *limit: Member) -> list[bool]:
        """Apply INVENTORY, variables by host, on the hosts of LIMIT or else on all; return for each whether it changed.

        The hosts do not exchange what they report.
        """
        self._reports = Path(tempfile.mkdtemp(dir=self._folder.name))
        problems: list[str] = []
        ends = {member.name: {"cnm_vtep_address": str(member.vtep[self.family])} for member in self.members}
        whole = Inventory(
            {name: read(name, {**ends[name], **one}, problems) for name, one in inventory.items()}, problems
        )
        assert problems == []
        changed = []
        for member in limit or self.members:
            told = whole.told(member.name)
            networks = [dict(item) for item in told.networks]
            for item in networks:
                item.update(members(whole.everywhere().members[item["name"]], member.name)._asdict())
            result = member.topology(networks, told.sandboxes)
            reports.leave(self._reports, member.name, result.reports)
            changed.append(result.changed)
        return changed

    def exchange(self, *limit: Member) -> list[Optional[bool]]:
        """Exchange what hosts have reported in the last play, with the hosts of LIMIT or else with all.

        :return: for each whether it changed; None if there was nothing to tell it
        """
        told = {member: reports.unknown(self._reports, member.name) for member in limit or self.members}
        return [member.exchange(each).changed if each else None for member, each in told.items()]

    def sandboxes(self, *networks: Any) -> None:
        """Create a sandbox on each host: ``s1``, ``s2`` and so on."""
        for member in self.members:
            on = [{"name": each} if isinstance(each, str) else each(member) for each in networks]
            member.ensure("sandbox", {"name": f"s{member.number}", "networks": on})


def slice_of(subnet: str, number: int) -> str:
    """Return the slice of SUBNET, a /16 or a /64, for the host with NUMBER."""
    return f"fd00:9:0:0:{number:x}::/80" if ":" in subnet else f"{subnet.split('.0.0/')[0]}.{number}.0/24"


def until(holds: Any, seconds: float = 60.0) -> bool:
    """Return whether HOLDS becomes true within SECONDS."""
    import time

    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
