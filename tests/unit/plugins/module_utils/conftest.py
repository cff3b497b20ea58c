# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A simulated host with its own store."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.codec import to_json
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput, StoreDamaged
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store import schema

from .pretend import PretendKernel
from .pretend_etcd import PretendEtcd


class Host:
    """A host to which the verbs are applied."""

    def __init__(self, folder):
        self.kernel = PretendKernel()
        self.folder = str(folder)
        self.warnings = []
        self.connections = None

    def controller(self, check=False):
        return Controller(self.kernel, self.warnings.append, check, self.folder, connections=self.connections)

    def ensure(self, kind, *items, check=False):
        return self.controller(check).ensure(kind, items)

    def network(self, name, check=False, **options):
        return self.ensure("network", {"name": name, **options}, check=check)

    def sandbox(self, name, check=False, **options):
        return self.ensure("sandbox", {"name": name, **options}, check=check)

    def endpoint(self, name, check=False, **options):
        return self.ensure("endpoint", {"name": name, **options}, check=check)

    def listed(self, kind):
        return {each["Name"]: each for each in self.controller().describe(kind, lambda _store, _found: True)}

    def become(self, other):
        """Copy the state and the store of OTHER."""
        if os.path.exists(other.folder):
            shutil.copytree(other.folder, self.folder)
        self.kernel.present = dict(other.kernel.present)
        self.kernel.server = dict(other.kernel.server)
        self.kernel.facts = other.kernel.facts

    def one(self, kind, name):
        return self.listed(kind)[name]

    def remembered(self):
        """Return everything in the store."""
        rows = {}

        def note(store, _item):
            for kind in (store.networks, store.endpoints, store.sandboxes):
                rows[kind.__name__] = [to_json(item) for item in kind()]
            rows["settings"] = store.settings()

        self.controller(check=True).describe("network", note)
        return rows

    def refused(self, kind, *items, check=False, error=InvalidInput):
        """Return the message with which ITEMS are refused; check that nothing was changed."""
        path = schema.path(self.folder)
        state = (lambda: Path(path).read_bytes()) if os.path.exists(path) else self.remembered
        before = state()
        with self.kernel.unchanged(), pytest.raises(error) as caught:
            self.ensure(kind, *items, check=check)
        assert state() == before
        assert not os.path.exists(os.path.join(self.folder, "intent.json"))
        return str(caught.value)

    def refused_by_store(self):
        """Return the message with which a run is refused, as is reading; check that the kernel is unchanged."""
        with self.kernel.unchanged(), pytest.raises(StoreDamaged) as caught:
            self.network("lan", labels={"a": "b"})
        with pytest.raises(StoreDamaged):
            self.listed("network")
        return str(caught.value)

    def links(self):
        """Return the names of the links, by namespace."""
        names = {}
        for key in sorted(key for key in self.kernel.present if key[0] == "link"):
            names.setdefault(key[1], []).append(key[2])
        return names

    def default_route(self, sandbox, destination="0.0.0.0/0"):
        """Return the gateway and the link of a default route of SANDBOX; None if it has none."""
        route = self.kernel.present.get(("route", f"/run/netns/{sandbox}", destination, ""))
        return route and (route.gateway, route.link)

    def left(self):
        """Return what the host holds, except kernel settings, which always have a value."""
        return {key for key in self.kernel.present if key[0] != "sysctl"}

    def kinds(self):
        return sorted({key[0] for key in self.kernel.present})


@contextlib.contextmanager
def pretended():
    """Yield a host. Its store is in memory if possible, because tests mostly wait for the disk otherwise."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        yield Host(os.path.join(folder, "cnm"))


@pytest.fixture
def host():
    with pretended() as pretended_host:
        yield pretended_host


@pytest.fixture
def etcd(monkeypatch):
    """An etcd that all hosts use."""
    made = PretendEtcd()
    made.install(monkeypatch)
    return made


@pytest.fixture
def hosts(etcd):
    """Three hosts that reach each other and the etcd."""
    with pretended() as one, pretended() as two, pretended() as three:
        for number, each in enumerate((one, two, three), 1):
            each.kernel.facts.ends = {f"192.0.2.{number}": ("eth0", 1500)}
        yield one, two, three


def lan_of(host):
    """Return HOST with a network 'lan' on which 'db', in sandbox 'db', publishes a port."""
    host.kernel.facts.routes = [("10.50.0.0/24", "eth0")]
    host.network("lan", ipam_config=[{"subnet": "10.1.0.0/24", "aux_addresses": {"router": "10.1.0.9"}}])
    host.sandbox("db", networks=[{"name": "lan"}], published_ports=["8080:80"])
    return host


@pytest.fixture
def lan(host):
    """A host with a network and a sandbox on it, for tests that change them."""
    return lan_of(host)


@pytest.fixture(scope="module")
def still():
    """The same, for tests that change nothing."""
    with pretended() as pretended_host:
        yield lan_of(pretended_host)
