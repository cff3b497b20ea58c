# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster of etcd, whose members can be killed, stopped and started again."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Optional

from fleet import Member as FleetMember
from fleet import until
from needed import needs

from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.client import Client
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.cluster import Cluster as Connections
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.errors import EtcdError
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.settings import Settings

FOLDER = Path("/run/etcd-of-test")
PREFIX = "/cnm/"
_PATIENCE = 60.0

needs_etcd = needs("etcd-server", "etcd")
needs_tls = needs("etcd-server openssl", "etcd", "openssl")


class Member:
    """A member at ADDRESS; on the host FLEET_MEMBER, or else on the host that the test is on."""

    def __init__(self, name: str, address: str, scheme: str, fleet_member: Optional[FleetMember]) -> None:
        self.name = name
        self.url = f"{scheme}://{address}:2379"
        self.peer_url = f"http://{address}:2380"
        self._fleet_member = fleet_member
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._argv: list[str] = []

    def configure(self, peers: str, options: Mapping[str, object]) -> None:
        """Set what it is started with: PEERS, all members, and OPTIONS."""
        all_options = {
            "name": self.name,
            "data-dir": FOLDER / self.name,
            "listen-client-urls": self.url,
            "advertise-client-urls": self.url,
            "listen-peer-urls": self.peer_url,
            "initial-advertise-peer-urls": self.peer_url,
            "initial-cluster": peers,
            "unsafe-no-fsync": "true",
            **options,
        }
        self._argv = ["etcd", *(f"--{name}={value}" for name, value in all_options.items())]

    def start(self) -> None:
        """Start it; it need not answer yet."""
        with self.here():
            FOLDER.mkdir(exist_ok=True)
            with open(FOLDER / f"{self.name}.log", "ab") as log:
                self._process = subprocess.Popen(self._argv, stdout=log, stderr=log)

    @property
    def pid(self) -> int:
        """The pid of its process, which runs."""
        assert self._process is not None
        return self._process.pid

    def here(self) -> AbstractContextManager[None]:
        """Run the block on its host."""
        return nullcontext() if self._fleet_member is None else self._fleet_member.here()

    def kill(self) -> None:
        """Kill it, unless it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Stop its process, which keeps its connections."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let its process continue."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


class Cluster:
    """MEMBERS with OPTIONS. MORE are what clients need besides the URLs."""

    def __init__(self, members: Sequence[Member], options: Mapping[str, object], **more: Any) -> None:
        self.members = members
        self._more = more
        peers = ",".join(f"{each.name}={each.peer_url}" for each in members)
        for each in members:
            each.configure(peers, options)

    def settings(self, *members: Member, **more: Any) -> Settings:
        """Return the settings of a client that knows MEMBERS, or else all; MORE replace others."""
        values: dict[str, Any] = {"prefix": PREFIX, **self._more, **more}
        return Settings([each.url for each in members or self.members], **values)

    def client(self, *members: Member, **more: Any) -> Client:
        """Return a client that knows MEMBERS, or else all."""
        return Client(self.settings(*members, **more))

    def start(self) -> None:
        """Start all, and wait until each answers."""
        for each in self.members:
            each.start()
        for each in self.members:
            self.wait_for(each)

    def wait_for(self, member: Member) -> None:
        """Wait until MEMBER answers."""
        assert until(lambda: self._status(member).get("leader"), _PATIENCE), f"{member.name} does not answer"

    def leader(self) -> Member:
        """Return the member that is the leader."""
        ahead: list[Member] = []

        def look() -> bool:
            states = [(each, self._status(each)) for each in self.members]
            ahead[:] = [each for each, state in states if state and state["header"]["member_id"] == state.get("leader")]
            return len(ahead) == 1

        assert until(look, _PATIENCE), "there is no leader"
        return ahead[0]

    def others(self, *members: Member) -> list[Member]:
        """Return all but MEMBERS."""
        return [each for each in self.members if each not in members]

    def _status(self, member: Member) -> dict[str, Any]:
        connections = Connections(self.settings(member, patience=0.0))
        try:
            with member.here():
                return connections.ask("maintenance/status", {})
        except EtcdError:
            return {}
        finally:
            connections.close()

    def end(self) -> None:
        """Kill all."""
        for each in self.members:
            each.kill()


@contextmanager
def cluster(
    size: int = 1,
    scheme: str = "http",
    fleet_members: Sequence[FleetMember] = (),
    options: Optional[Mapping[str, object]] = None,
    **more: Any,
) -> Iterator[Cluster]:
    """Let a cluster with SIZE members run on the host that was entered, or one on each of FLEET_MEMBERS."""
    if fleet_members:
        members = [Member(each.name, each.vtep[4], scheme, each) for each in fleet_members]
    else:
        members = [Member(f"m{number}", f"127.0.0.{number}", scheme, None) for number in range(1, size + 1)]
    made = Cluster(members, options or {}, **more)
    try:
        made.start()
        yield made
    finally:
        made.end()
