# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker's Engine API: names of containers, and what Docker has lost. And our HTTP, which Docker speaks to us."""

from __future__ import annotations

import functools
import json
import socket
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from _cnm.engines.engine_api import EngineApi
from _cnm.model.errors import CnmError
from cnm_engines.docker import names, watcher
from cnm_engines.docker.watcher import Watcher
from cnm_service import core, docker
from cnm_service.connections import Connections
from cnm_service.listeners import Listeners
from cnm_service.turns import Turns

from .conftest import Engine
from .dockerd import CONTAINER, ENDPOINT, NETWORK, Dockerd

NAME, SANDBOX = f"docker-{ENDPOINT[:12]}", "docker-afec4fd59672"
KEY = "/var/run/docker/netns/afec4fd59672"


@pytest.fixture()
def dockerd(tmp_path: Path) -> Dockerd:
    return Dockerd(str(tmp_path / "docker.sock"))


@pytest.fixture()
def watched(engine: Engine, dockerd: Dockerd, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A host whose network 'blue' Docker has, with a container that has joined, and whose dockerd is watched."""
    monkeypatch.setattr(watcher, "_PAUSE", 0.05)
    engine.ensure("network", {"name": "blue", "docker_networks": {NETWORK[:12]: "open"}})
    engine.ensure("endpoint", {"name": NAME, "network": "blue"})
    labels = {"cnm.engine": "docker"}
    engine.ensure("sandbox", {"name": SANDBOX, "netns": KEY, "netns_awaited": True, "labels": labels})
    identifier = engine.listed("endpoint")[NAME]["Id"]
    waiting = {"name": NAME, "network": "blue", "sandbox": SANDBOX, "interface_name": f"cnm{identifier[:12]}"}
    engine.ensure("endpoint", waiting)
    turns = Turns()
    made = Watcher(EngineApi(dockerd.path), engine.core, turns.do, engine.warnings.append)
    made.start()
    yield engine
    begun = time.monotonic()
    made.end()
    assert time.monotonic() - begun < 2
    turns.end()


def eventually(holds: Callable[[], Any]) -> bool:
    deadline = time.monotonic() + 20
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def aliases(engine: Engine) -> List[str]:
    names: List[str] = engine.listed("endpoint")[NAME]["Aliases"]
    return names


def test_a_container_has_its_name_when_it_is_connected(watched: Engine, dockerd: Dockerd) -> None:
    dockerd.network(ENDPOINT)
    dockerd.container("early")
    with dockerd.running():
        assert eventually(lambda: aliases(watched) == ["early", CONTAINER[:12]])
        dockerd.container("web", "www", "-bad-", "web", CONTAINER[:12])
        dockerd.event("network", "connect")
        assert eventually(lambda: aliases(watched) == ["web", "www", CONTAINER[:12]])
        labels = {"cnm.engine": "docker", "cnm.container": CONTAINER, "cnm.container.name": "web"}
        assert watched.labels(SANDBOX) == labels
        dockerd.container("site", "www")
        dockerd.event("container", "rename")
        assert eventually(lambda: aliases(watched)[0] == "site")
    assert watched.warnings == []


def test_it_is_an_ordinary_sandbox_when_it_runs(watched: Engine, dockerd: Dockerd) -> None:
    dockerd.network(ENDPOINT)
    dockerd.container("web")
    with dockerd.running():
        assert eventually(lambda: aliases(watched))
        (waiting,) = [key for key in watched.kernel.present if key.kind == "link" and key[2].startswith("cnm")]
        link = watched.kernel.present.pop(waiting)
        watched.appear(KEY)
        watched.kernel.facts.inner[(KEY, link.peer.name)] = "eth1"
        dockerd.event("container", "start")
        assert eventually(lambda: watched.networks_of(SANDBOX)["blue"]["InterfaceName"] == "eth1")
        asked, reads = f"/containers/{CONTAINER}/json", watched.kernel.reads
        before = dockerd.asked.count(asked)
        for action in ("connect", "rename"):
            dockerd.event("network" if action == "connect" else "container", action)
        # They come close together.
        assert eventually(lambda: dockerd.asked.count(asked) == before + 1)
    assert watched.kernel.reads == reads
    assert ("link", KEY, "eth1") in watched.kernel.present
    assert ("route", KEY, "0.0.0.0/0") not in watched.kernel.present


def test_what_docker_no_longer_has_is_collected(watched: Engine, dockerd: Dockerd) -> None:
    other, lost = "2d54" * 16, "3d54" * 16
    for name, address in (
        (f"docker-{other[:12]}", "10.1.0.20"),
        (f"docker-{lost[:12]}", "10.1.0.21"),
        ("docker-ip-0123456789ab", "10.1.0.22"),
        ("docker-ip-ba9876543210", "10.1.0.50"),
        ("mine", "10.1.0.23"),
    ):
        watched.ensure("endpoint", {"name": name, "network": "blue", "ipv4_address": address})
    dockerd.network(other)
    with dockerd.running():
        assert eventually(lambda: len(watched.listed("endpoint")) == 3)
        assert eventually(lambda: watched.warnings)
    assert set(watched.listed("endpoint")) == {f"docker-{other[:12]}", "docker-ip-ba9876543210", "mine"}
    assert watched.listed("sandbox") == {}
    assert watched.warnings == ["Docker no longer has 3 of its endpoints. They were removed."]


def test_what_docker_is_creating_is_not_collected(watched: Engine, dockerd: Dockerd) -> None:
    dockerd.network()
    nothing = dockerd.answers[f"/networks/{NETWORK}"]
    dockerd.network(ENDPOINT)
    later = dockerd.answers[f"/networks/{NETWORK}"]
    looks = iter([nothing])
    dockerd.container("web")
    dockerd.answers[f"/networks/{NETWORK}"] = lambda: next(looks, later)
    with dockerd.running():
        assert eventually(lambda: dockerd.asked.count(f"/networks/{NETWORK}") > 1)
        dockerd.event("container", "start")
        assert eventually(lambda: aliases(watched))
    assert watched.warnings == []


def test_a_network_that_another_dockerd_has_too_is_left_alone(watched: Engine, dockerd: Dockerd) -> None:
    watched.ensure("network", {"name": "blue", "docker_networks": {"0b77" * 3: "open"}})
    dockerd.network()
    with dockerd.running():
        assert eventually(lambda: "/networks" in dockerd.asked)
        dockerd.put(None)
        assert eventually(lambda: dockerd.asked.count("/networks") > 1)
    assert NAME in watched.listed("endpoint")


def test_docker_may_come_go_and_talk_nonsense(watched: Engine, dockerd: Dockerd) -> None:
    dockerd.network(ENDPOINT)
    dockerd.container("web")
    with dockerd.running():
        assert eventually(lambda: aliases(watched))
        dockerd.put({"Type": "container"})
        dockerd.container("site")
        assert eventually(lambda: aliases(watched)[0] == "site")
    dockerd.container("again")
    with dockerd.running():
        assert eventually(lambda: aliases(watched)[0] == "again")


def test_a_container_that_is_gone_again_does_not_keep_others_from_their_names(
    watched: Engine, dockerd: Dockerd
) -> None:
    dockerd.network(ENDPOINT)
    dockerd.container("early")
    with dockerd.running():
        assert eventually(lambda: aliases(watched))
        dockerd.container("web")
        dockerd.put({"Type": "container", "Action": "start", "Actor": {"ID": "9" * 64, "Attributes": {}}})
        dockerd.event("container", "start")
        assert eventually(lambda: aliases(watched) == ["web", CONTAINER[:12]])
        assert dockerd.asked.count("/networks") == 1


def test_what_is_refused_for_one_container_is_told_of_the_others(
    watched: Engine, dockerd: Dockerd, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = names.told

    def told(store: Any, host: Any, running: Any) -> Any:
        if any(each.name == "bad" for each in running):
            raise CnmError("It is bad.")
        return original(store, host, running)

    monkeypatch.setattr(names, "told", told)
    watched.ensure("endpoint", {"name": f"docker-{'8' * 12}", "network": "blue"})
    dockerd.network(ENDPOINT, "8" * 64)
    dockerd.container("early")
    with dockerd.running():
        assert eventually(lambda: aliases(watched))
        dockerd.container("web")
        on = {"lan": {"EndpointID": "8" * 64, "Aliases": None}}
        bad = {"Id": "8" * 64, "Name": "/bad", "NetworkSettings": {"Networks": on}}
        dockerd.answers[f"/containers/{'8' * 64}/json"] = bad
        dockerd.put({"Type": "container", "Action": "start", "Actor": {"ID": "8" * 64, "Attributes": {}}})
        dockerd.event("container", "start")
        assert eventually(lambda: aliases(watched) == ["web", CONTAINER[:12]])
        assert eventually(lambda: watched.warnings)
    assert watched.warnings == ["It is bad."]


def test_a_run_that_is_refused_does_not_end_it(
    watched: Engine, dockerd: Dockerd, monkeypatch: pytest.MonkeyPatch
) -> None:
    dockerd.network(ENDPOINT)
    dockerd.container("web")
    original = watcher.carry_out

    def refuse(*arguments: Any) -> None:
        monkeypatch.setattr(watcher, "carry_out", original)
        raise CnmError("Another run is at work on this host.")

    monkeypatch.setattr(watcher, "carry_out", refuse)
    with dockerd.running():
        assert eventually(lambda: watched.warnings)
        dockerd.event("container", "start")
        assert eventually(lambda: aliases(watched))


class _Client(HTTPConnection):
    """A connection to the service."""

    def __init__(self, path: str) -> None:
        super().__init__("cnm", timeout=20)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)

    def post(self, path: str, body: bytes = b"", **headers: str) -> "tuple[int, Any]":
        self.request("POST", path, body, headers)
        response = self.getresponse()
        text = response.read()
        return response.status, json.loads(text) if response.headers["Content-Type"].endswith("json") else text


@pytest.fixture()
def client(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Client]:
    """A client of the service for the host of ENGINE."""
    monkeypatch.setattr(core, "Kernel", lambda _run: engine.kernel)
    monkeypatch.setattr(core, "_Announcing", functools.partial(core._Announcing, folder=engine.folder))
    path = str(tmp_path / "cnm.sock")
    stop, end = socket.socketpair()
    listeners, connections = Listeners(["docker"], {"docker": path}), Connections(Turns())
    served = dict.fromkeys(listeners.sockets, docker.serve)
    thread = threading.Thread(target=connections.accept, args=(served, end))
    thread.start()
    made = _Client(path)
    yield made
    made.close()
    stop.close()
    thread.join()
    listeners.close()
    connections.end()


def test_a_connection_serves_many_requests(client: _Client) -> None:
    assert client.post("/Plugin.Activate") == (200, {"Implements": ["NetworkDriver", "IpamDriver"]})
    asked = json.dumps({"Pool": "10.1.0.0/24", "Options": {}}).encode()
    assert client.post("/IpamDriver.RequestPool", asked)[1]["PoolID"] == "blue=10.1.0.0/24"
    assert client.post("/NetworkDriver.Nonsense", b"{}")[0] == 404
    status, value = client.post("/NetworkDriver.CreateNetwork", b"{}")
    assert (status, list(value)) == (200, ["Err"])


def test_a_bad_length_is_refused(client: _Client) -> None:
    client.putrequest("POST", "/Plugin.Activate")
    client.putheader("Content-Length", "x")
    client.endheaders()
    assert client.getresponse().status == 400


def test_an_unforeseen_exception_is_answered_and_logged(
    client: _Client, engine: Engine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> str:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(engine.kernel.facts, "machine_id", fail)
    pools = [{"Pool": "10.8.0.0/24"}]
    asked = json.dumps({"NetworkID": NETWORK, "Options": {}, "IPv4Data": pools}).encode()
    assert client.post("/NetworkDriver.CreateNetwork", asked) == (200, {"Err": "RuntimeError: nobody foresaw this"})
    assert "Traceback" in capfd.readouterr().err
