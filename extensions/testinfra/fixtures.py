# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of pytest for the hosts of a Molecule scenario that cnm.linux.molecule_create has made.

A conftest.py loads them; docs/harness.md shows it.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Optional

import pytest
import yaml
from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from ...plugins.plugin_utils._sandboxes.entry import as_root, in_light_host

_ROOT_COMMAND = "sudo -n -H"
_CONNECT = """\
import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3]))
"""
_tables = count()


class LightHost(BaseBackend):
    """Runs testinfra's commands in a light host."""

    NAME = "cnm"

    def __init__(self, name: str, sandbox: str) -> None:
        super().__init__(name)
        self.sandbox = sandbox

    def run(self, command: str, *args: str, **kwargs: Any) -> CommandResult:
        """Run COMMAND, into which ARGS are inserted, as root."""
        return self.run_local(in_light_host(self.sandbox, self.get_command(command, *args), _ROOT_COMMAND))

    def in_network(self, *command: str, text: str = "") -> None:
        """Run COMMAND of this machine with the network of the host, and TEXT as its input.

        :raises subprocess.CalledProcessError: if it fails
        """
        words = ["nsenter", f"--net=/run/netns/{self.sandbox}", *command]
        whole = as_root(" ".join(map(shlex.quote, words)), _ROOT_COMMAND)
        subprocess.run(whole, shell=True, input=text, capture_output=True, text=True, check=True)


class Fleet:
    """The hosts of the scenario, and what is between them."""

    def __init__(self, instances: Path) -> None:
        listed = yaml.safe_load(instances.read_text(encoding="utf-8"))
        backends = {each["instance"]: LightHost(each["instance"], each["address"]) for each in listed}
        self.hosts: Dict[str, Host] = {name: Host(backend) for name, backend in backends.items()}

    def host(self, name: str) -> Host:
        """Return the host NAME.

        :raises KeyError: if the scenario has none with this name
        """
        if name not in self.hosts:
            raise KeyError(f"The scenario has no host '{name}', only {', '.join(self.hosts)}.")
        return self.hosts[name]

    def links(self, name: str) -> List[Dict[str, Any]]:
        """Return the interfaces of the host NAME with their addresses, as ``ip`` shows them, without loopback."""
        shown = json.loads(self.host(name).check_output("ip -json address show"))
        return [link for link in shown if "LOOPBACK" not in link["flags"]]

    def addresses(self, name: str) -> List[str]:
        """Return the addresses of the host NAME, without those that are only valid on a link."""
        return [each["local"] for link in self.links(name) for each in link["addr_info"] if each["scope"] == "global"]

    def reaches(self, source: str, target: str, port: Optional[int], seconds: float) -> bool:
        """Return whether SOURCE gets an answer of TARGET, on TCP port PORT or to a ping, within SECONDS."""
        host = self.host(source)
        if port is None:
            return bool(host.run("ping -n -c 1 -W %s %s", str(seconds), target).succeeded)
        return bool(host.run("python3 -c %s %s %s %s", _CONNECT, target, str(port), str(seconds)).succeeded)

    def resolves(self, source: str, name: str) -> Optional[str]:
        """Return the first address that NAME has in SOURCE, None if it has none."""
        found = self.host(source).run("getent ahosts %s", name)
        return str(found.stdout).split()[0] if found.succeeded else None

    @contextmanager
    def partition(self, one: str, other: str) -> Iterator[None]:
        """Drop all packets between ONE and OTHER for as long as the context lasts."""
        table = f"cnm_partition_{next(_tables)}"
        lines = [f"add table inet {table}"]
        for hook, end in (("prerouting", "saddr"), ("postrouting", "daddr")):
            # Before connections are tracked, so that those that exist are cut too.
            lines.append(f"add chain inet {table} {hook} {{ type filter hook {hook} priority -400; }}")
            for address in self.addresses(other):
                family = "ip6" if ":" in address else "ip"
                lines.append(f"add rule inet {table} {hook} {family} {end} {address} drop")
        backend = self.host(one).backend
        backend.in_network("nft", "-f", "-", text="\n".join(lines))
        try:
            yield
        finally:
            backend.in_network("nft", "delete", "table", "inet", table)

    @contextmanager
    def impaired(self, name: str, netem: str) -> Iterator[None]:
        """Let netem do NETEM, such as ``delay 100ms loss 10%``, to what NAME sends while the context lasts.

        The test is skipped if the kernel has no netem.
        """
        backend = self.host(name).backend
        done = []
        try:
            for link in (each["ifname"] for each in self.links(name)):
                try:
                    backend.in_network("tc", "qdisc", "add", "dev", link, "root", "netem", *netem.split())
                except subprocess.CalledProcessError as error:
                    if "qdisc" in error.stderr and ("not found" in error.stderr or "unknown" in error.stderr):
                        pytest.skip("This kernel has no netem (module sch_netem).")
                    raise AssertionError(f"netem '{netem}' on host '{name}': {error.stderr}") from error
                done.append(link)
            yield
        finally:
            for link in done:
                backend.in_network("tc", "qdisc", "delete", "dev", link, "root")


@pytest.fixture(scope="session")
def fleet() -> Fleet:
    """Return the hosts of the scenario. ``molecule verify`` says which."""
    instances = os.environ.get("MOLECULE_INSTANCE_CONFIG")
    if not instances:
        raise RuntimeError("MOLECULE_INSTANCE_CONFIG is not set. Run the tests with molecule verify.")
    return Fleet(Path(instances))


@pytest.fixture(scope="session")
def sandbox(fleet: Fleet) -> Callable[[str], Host]:
    """Return a function that returns testinfra's host for the name of a host."""
    return fleet.host


@pytest.fixture(scope="session")
def can_reach(fleet: Fleet) -> Callable[..., bool]:
    """Return a function ``can_reach(source, target, port=None, seconds=2)``.

    It returns whether SOURCE can connect to TCP port PORT of TARGET, a name or an address, within SECONDS. Without a
    port, it sends a ping.
    """

    def ask(source: str, target: str, port: Optional[int] = None, seconds: float = 2) -> bool:
        return fleet.reaches(source, target, port, seconds)

    return ask


@pytest.fixture(scope="session")
def resolves(fleet: Fleet) -> Callable[[str, str], Optional[str]]:
    """Return a function ``resolves(source, name)``: the first address that NAME has in SOURCE, None if it has none."""
    return fleet.resolves


@pytest.fixture(scope="session")
def partition(fleet: Fleet) -> Callable[[str, str], ContextManager[None]]:
    """Return a context manager ``partition(one, other)``: no packets pass between the two hosts."""
    return fleet.partition


@pytest.fixture(scope="session")
def impaired(fleet: Fleet) -> Callable[[str, str], ContextManager[None]]:
    """Return a context manager ``impaired(name, netem)``, such as ``impaired("db", "delay 100ms")``."""
    return fleet.impaired
