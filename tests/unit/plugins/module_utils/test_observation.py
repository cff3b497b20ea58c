# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs tell the service of themselves."""

from __future__ import annotations

import contextlib
import json
import socket

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm import observation
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Parent

LAN = [{"name": "lan"}]


class Service:
    """Receives what is told, as the service does."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self._socket.setblocking(False)

    def told(self):
        """Return verb, result and drift of each run that has ended since the last call."""
        runs = []
        while True:
            try:
                run = json.loads(self._socket.recv(4096))
            except BlockingIOError:
                return runs
            assert 0 <= run["seconds"] < 60
            runs.append((run["verb"], run["result"], run["drift"]))

    def close(self):
        self._socket.close()


@pytest.fixture
def service(tmp_path, monkeypatch):
    """The service, which counts."""
    monkeypatch.setattr(observation, "SOCKET", str(tmp_path / "s"))
    made = Service(observation.SOCKET)
    yield made
    made.close()


def test_each_run_tells_how_it_ended(host, service):
    host.network("lan", ipam_config=[{"subnet": "10.1.0.0/24"}])
    host.network("lan")
    host.network("lan", check=True, labels={"a": "b"})
    host.refused("network", {"name": "two", "ipam_config": [{"subnet": "10.1.0.0/24"}]})
    host.controller().restore()
    host.kernel.refuse = lambda step: step.after is not None
    with pytest.raises(CnmError):
        host.sandbox("web", networks=LAN)
    assert service.told() == [
        ("ensure", "changed", 0),
        ("ensure", "unchanged", 0),
        ("ensure", "refused", 0),
        ("restore", "unchanged", 0),
        ("ensure", "failed", 0),
    ]


def test_what_was_repaired_counts_and_what_was_asked_for_does_not(host, service):
    host.network("lan")
    host.sandbox("web", networks=LAN)
    host.sandbox("web", state="restarted")
    host.sandbox("web", networks=[{"name": "lan", "mac_address": "02:00:00:00:00:07"}])
    host.network("lan", driver_options={"com.docker.network.driver.mtu": 1400})
    host.sandbox("web", state="stopped")
    host.sandbox("web", state="started")
    assert [drift for _verb, _result, drift in service.told()] == [0] * 7
    host.kernel.lose(("link", "/run/netns/web", "eth0"))
    host.sandbox("web")
    ((verb, result, drift),) = service.told()
    assert (verb, result) == ("ensure", "changed") and drift > 0
    host.sandbox("web")
    assert service.told() == [("ensure", "unchanged", 0)]


def test_what_goes_with_a_link_that_is_made_again_does_not_count(host, service):
    host.kernel.facts.parents["eth1"] = Parent("", 1500, False, False, True, "")
    host.kernel.facts.links["eth1"] = []
    macvlan = {"name": "lan", "driver": "macvlan", "ipam_config": [{"subnet": "192.168.7.0/24"}]}
    host.ensure("network", {**macvlan, "driver_options": {"parent": "eth1"}})
    host.sandbox("web", networks=LAN)
    service.told()
    passthru = {"parent": "eth1", "macvlan_mode": "passthru"}
    host.ensure("network", {**macvlan, "driver_options": passthru, "force": True})
    assert service.told() == [("ensure", "changed", 0)]


def test_what_is_missing_counts_also_in_a_run_that_changes_something_else(host, service):
    host.network("lan")
    host.sandbox("web", networks=LAN)
    host.kernel.lose(("link", "/run/netns/web", "eth0"))
    service.told()
    host.ensure("sandbox", {"name": "web"}, {"name": "db", "networks": LAN})
    ((_verb, _result, drift),) = service.told()
    assert drift > 0


def test_nobody_has_to_listen(host, tmp_path, monkeypatch):
    monkeypatch.setattr(observation, "SOCKET", str(tmp_path / "s"))
    host.network("lan")
    # A killed service leaves its socket.
    Service(observation.SOCKET).close()
    assert host.sandbox("web", networks=LAN).changed


def test_no_run_waits_for_a_service_that_takes_nothing(host, service):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                sender.sendto(b"{}", observation.SOCKET)
    assert host.network("lan").changed
