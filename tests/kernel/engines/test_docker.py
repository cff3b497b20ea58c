# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers of a real Docker, which the service puts on our networks."""

from __future__ import annotations

import random
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerd import FOLDER, IMAGE, Dockerd, needs_docker
from engine import Plugins
from inventory import inventory
from lab import OUTSIDE4, OUTSIDE6, UPLINK4, pinged, renew_uplink
from needed import needs, needs_name_server
from service import Service
from stand_in import OUTSIDE, Host, private
from tasks import Tasks, eventually
from trunk import ROUTER, ROUTER6, plug

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput

pytestmark = [needs_docker, needs_name_server]
DOCUMENT = Path(__file__).parents[3] / "docs" / "containers.md"
PLUGIN = Path("/run/docker/plugins/cnm.sock")
SUBNET, GATEWAY = "10.9.0.0/24", "10.9.0.1"


class Docker(Dockerd):
    """A dockerd with the service cnm as its plugin, on a host with the network 'blue' and the sandbox 'own' on it."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.host = host
        self.tasks = Tasks(host)
        self._service: Service | None = None
        self.tasks.network("blue", f"{SUBNET},fd00:9::/64")
        self.tasks.sandbox("own", "blue")

    def serve(self) -> None:
        """Start the service."""
        PLUGIN.parent.mkdir(parents=True, exist_ok=True)
        self._service = Service(PLUGIN, "docker", f"--docker-api={FOLDER}/socket")

    def kill_service(self) -> None:
        if self._service is not None:
            self._service.kill()

    def lan(self, *options: str, name: str = "lan") -> None:
        """Make 'blue' known to Docker by NAME."""
        ours = ["--driver=cnm", "--ipam-driver=cnm", f"--subnet={SUBNET}"]
        self.command("network", "create", *ours, *options, name)

    def compose(self, file: Path, *arguments: str) -> None:
        """Run docker-compose for FILE."""
        own = [f"--host=unix://{FOLDER}/socket", f"--file={file}", "--project-name=app"]
        self.host.out(["docker-compose", *own, *arguments])

    def looked_up(self, name: str) -> str:
        """Return the address that a sandbox finds for NAME."""
        answer = self.host.out(["busybox", "nslookup", name, GATEWAY], "/run/netns/own")
        return re.findall(r"Address:?\s+(?:1: )?(10\.\S+)", answer)[-1]

    def run(self, name: str, program: str, *options: str) -> str:
        """Run PROGRAM in the container NAME in the background; return its address."""
        self.command("run", "--detach", f"--name={name}", "--stop-signal=KILL", *options, IMAGE, *program.split())
        return self.address(name)

    def clear(self) -> None:
        """Remove all containers, and the networks that were made."""
        for what in ("container", "network"):
            containers = self.command(
                what, "ls", "--quiet", *(["--all"] if what == "container" else ["--filter=driver=cnm"])
            )
            if containers:
                self.command(what, "rm", *(["--force"] if what == "container" else []), *containers.split())

    def address(self, name: str) -> str:
        return self.command("inspect", "--format={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name)

    def inside(self, name: str, program: str) -> str:
        return self.command("exec", name, *program.split())

    def refused(self, *arguments: str) -> str:
        """Return what docker says about ARGUMENTS, which it has to refuse."""
        done = self.host.run(self.argv(*arguments))
        assert done.returncode, done.stdout
        return done.stderr

    def sandbox_of(self, name: str) -> dict[str, Any]:
        """Return the sandbox that is the container NAME; empty if there is none yet."""
        sandboxes = self.tasks.shown("sandbox").values()
        return next((each for each in sandboxes if each["Labels"].get("cnm.container.name") == name), {})

    def is_known(self, name: str) -> bool:
        """Say whether the container NAME has its name, and runs repair its interface."""
        networks = self.sandbox_of(name).get("Networks", {})
        return any(each["InterfaceName"].startswith("eth") for each in networks.values())


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    with private() as host:
        host.have_name_server()
        renew_uplink(host)
        made = Docker(host)
        try:
            made.serve()
            made.start()
            made.load_image("cat", "httpd", "ping", "wget", "ip", "nslookup")
            yield made
        finally:
            made.end()
            made.kill_service()


@pytest.fixture()
def plugins(docker: Docker) -> Plugins:
    return Plugins(docker.host)


@pytest.fixture(autouse=True)
def nothing_left(docker: Docker) -> Iterator[None]:
    """A test leaves nothing: no address, name, link or rule."""
    # Docker's own bridge for the way out stays.
    if not docker.command("network", "ls", "--quiet", "--filter=name=docker_gwbridge"):
        docker.lan()
        docker.run("first", "sleep 1000", "--network=lan", "--publish=8080:80")
        docker.clear()
    before = _ours(docker)
    try:
        yield
    finally:
        docker.clear()
    # What a killed service has left is collected.
    assert eventually(lambda: sorted(docker.tasks.shown("endpoint")) == ["own"], 20)
    assert sorted(docker.tasks.shown("sandbox")) == ["own"]
    assert set(docker.tasks.shown("network")) == {"blue", "bridge", "host", "none"}
    assert docker.tasks.networks_of_docker() == {}
    assert _ours(docker) == before


def documented(heading: str) -> str:
    """Return the first block in YAML below HEADING in the document."""
    block = re.search(rf"^{heading}$.*?^```yaml\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    return block[1]


def _ours(docker: Docker) -> dict[str, Any]:
    """Return what is on the host, without Docker's rules, which it makes in another order when it is restarted."""
    present = inventory(docker.host)
    return {**present, "rules": [each for each in present["rules"] if '"table": "cnm"' in each]}


def test_a_container_and_a_sandbox_talk_by_name(docker: Docker) -> None:
    docker.lan()
    options = ["--network=lan", "--network-alias=www", f"--dns={GATEWAY}", "--publish=8080:80", "--cap-add=NET_ADMIN"]
    address = docker.run("web", "httpd -f -p 80 -h /etc", *options)
    assert pinged("own", address)
    assert eventually(lambda: docker.is_known("web"))
    assert "1 packets received" in docker.inside("web", "ping -c 1 own")
    assert "1 packets received" in docker.inside("web", f"ping -c 1 {docker.tasks.address('own', 'blue', 6)}")
    for name in ("web", "www"):
        assert address in docker.host.run(["busybox", "nslookup", name, GATEWAY], "/run/netns/own").stdout
    assert docker.command("port", "web").splitlines()[0] == "80/tcp -> 0.0.0.0:8080"
    assert "nameserver" in docker.host.out(
        ["busybox", "wget", "-q", "-O", "-", f"http://{UPLINK4}:8080/resolv.conf"], OUTSIDE
    )
    assert "1 packets received" in docker.inside("web", f"ping -c 1 {OUTSIDE4}")
    assert not docker.tasks.network("blue").changed
    assert not docker.tasks.restore().changed
    docker.command("rename", "web", "site")
    assert eventually(lambda: docker.is_known("site"))
    interface = docker.sandbox_of("site")["Networks"]["blue"]["InterfaceName"]
    docker.inside("site", f"ip address flush dev {interface}")
    assert docker.tasks.restore().changed
    assert pinged("own", address)
    docker.command("stop", "--time=0", "site")
    assert docker.sandbox_of("site") == {}
    docker.command("start", "site")
    assert pinged("own", docker.address("site"))


def test_addresses_are_chosen_by_us_and_only_once(docker: Docker) -> None:
    docker.lan()
    taken = docker.tasks.address("own", "blue")
    docker.run("one", "sleep 1000", "--network=lan", "--ip=10.9.0.77")
    assert docker.address("one") == "10.9.0.77"
    assert "02:42:0a:09:00:4d" in docker.inside("one", "cat /sys/class/net/eth0/address")
    for address in ("10.9.0.77", taken):
        assert f"address {address} is taken" in docker.refused(
            "run", "--rm", "--network=lan", f"--ip={address}", IMAGE, "sleep", "1"
        )
    refused = docker.refused("network", "create", "--driver=cnm", "--ipam-driver=cnm", "none-given")
    assert "Give the subnet of the network, such as --subnet 10.20.0.0/24." in refused


def test_a_running_container_is_connected_and_disconnected(docker: Docker) -> None:
    docker.lan("--internal")
    docker.run("web", "sleep 1000")
    docker.command("network", "connect", "--ip=10.9.0.9", "lan", "web")
    assert pinged("own", "10.9.0.9")
    assert eventually(lambda: docker.is_known("web"))
    assert not docker.tasks.restore().changed
    docker.command("network", "disconnect", "lan", "web")
    assert sorted(docker.tasks.shown("sandbox")) == ["own"]
    docker.command("rm", "--force", "web")
    docker.run("closed", "sleep 1000", "--network=lan")
    assert "default" not in docker.inside("closed", "ip route")


def test_the_way_out_is_our_gateway(docker: Docker) -> None:
    docker.lan()
    docker.run("web", "sleep 1000", "--network=lan")
    assert f"default via {GATEWAY}" in docker.inside("web", "ip route")
    assert len(docker.inside("web", "ip -o link").splitlines()) == 2
    for outside in (OUTSIDE4, OUTSIDE6):
        assert "1 packets received" in docker.inside("web", f"ping -c 1 {outside}")
    assert eventually(lambda: docker.is_known("web"))
    assert not docker.tasks.restore().changed


def test_published_ports_stay_when_another_network_is_connected(docker: Docker) -> None:
    docker.lan()
    docker.command("network", "create", "--driver=cnm", "--ipam-driver=cnm", "--subnet=10.6.0.0/24", "other")
    docker.run("web", "httpd -f -p 80 -h /etc", "--network=lan", "--publish=8080:80")
    docker.command("network", "connect", "other", "web")
    assert docker.command("port", "web").splitlines()[0] == "80/tcp -> 0.0.0.0:8080"
    page = ["busybox", "wget", "-q", "-O", "-", f"http://{UPLINK4}:8080/resolv.conf"]
    assert "nameserver" in docker.host.out(page, OUTSIDE)


def test_a_network_with_dockers_own_addresses(docker: Docker) -> None:
    docker.command("network", "create", "--driver=cnm", "theirs")
    docker.run("web", "sleep 1000", "--network=theirs")
    docker.run("db", "sleep 1000", "--network=theirs")
    assert "1 packets received" in docker.inside("db", "ping -c 1 web")


def test_the_example_of_the_document_lets_docker_know_a_network(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{FOLDER}/socket")
    (task,) = yaml.safe_load(documented("## Docker"))
    item = task["cnm.linux.cnm_network"]
    assert docker.tasks.ensure_known(False, item).changed
    assert not docker.tasks.ensure_known(False, item).changed
    assert pinged("own", docker.run("web", "sleep 1000", f"--network={item['name']}"))
    docker.clear()
    docker.tasks.ensure_known(False, {**item, "engines": []})


def test_a_task_lets_docker_know_a_network(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{FOLDER}/socket")
    wanted = {"name": "app", "ipam_config": [{"subnet": "10.5.0.0/24"}, {"subnet": "fd00:5::/64"}]}
    for check in (True, False):
        assert docker.tasks.ensure_known(check, {**wanted, "engines": ["docker"]}).changed
    for check in (True, False):
        assert not docker.tasks.ensure_known(check, {**wanted, "engines": ["docker"]}).changed
    docker.tasks.sandbox("other", "app")
    address = docker.run("web", "sleep 1000", "--network=app")
    assert pinged("other", address)
    docker.tasks.sandbox("other", state="absent")
    gone = {"name": "app", "state": "absent"}
    for check in (True, False):
        with pytest.raises(InvalidInput, match="Docker's network 'app' has containers: 'web'"):
            docker.tasks.ensure_known(check, {**wanted, "engines": []})
        with pytest.raises(InvalidInput, match="it has active endpoints"):
            docker.tasks.ensure_known(check, gone)
    assert docker.tasks.ensure_known(False, {**gone, "force": True}).changed
    assert "app" not in docker.command("network", "ls", "--format={{.Name}}").split()
    assert "eth" not in docker.inside("web", "ip link")


def test_a_container_is_on_the_lan_of_an_uplink(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{FOLDER}/socket")
    plug(docker.tasks)
    docker.host.ip("address flush dev lan0\n")
    wire = {
        "name": "wire",
        "ipam_config": [{"subnet": "192.168.7.0/24"}, {"subnet": "fd00:7::/64"}],
        "driver_options": {"cnm.bridge.uplink": "lan0"},
        "engines": ["docker"],
    }
    docker.tasks.ensure_known(False, wire)
    address = docker.run("web", "sleep 1000", "--network=wire")
    assert f"default via {ROUTER}" in docker.inside("web", "ip route")
    assert eventually(lambda: docker.is_known("web"))
    assert not docker.tasks.restore().changed and not docker.tasks.ensure_known(False, wire).changed
    docker.tasks.sandbox("near", "wire")
    assert pinged(OUTSIDE, address) and pinged("near", address)
    for router in (ROUTER, ROUTER6):
        assert "1 packets received" in docker.inside("web", f"ping -c 1 {router}")
    published = docker.run("shop", "httpd -f -p 80 -h /etc", "--network=wire", "--publish=8080:80")
    for at, to in ((OUTSIDE, f"{UPLINK4}:8080"), ("/run/netns/near", published)):
        assert "nameserver" in docker.host.out(["busybox", "wget", "-q", "-O", "-", f"http://{to}/resolv.conf"], at)
    docker.clear()
    for kind, name in (("sandbox", "near"), ("network", "wire")):
        docker.tasks.ensure(kind, {"name": name, "state": "absent"})
    docker.host.ip("link delete lan0\n")


@needs("docker-compose", "docker-compose")
def test_compose_uses_our_networks_as_the_document_has_it(docker: Docker, tmp_path: Path) -> None:
    file = tmp_path / "compose.yml"
    # Version 1 of Compose needs a version of the format.
    file.write_text(f"version: '3.5'\n{documented('### Docker Compose')}")
    docker.lan(name="blue")
    docker.compose(file, "up", "--detach")
    assert eventually(lambda: docker.is_known("app_web_1"))
    for name in ("web", "www", "own"):
        assert pinged("own", docker.looked_up(name)), name
    for name in ("web", "www", "app_web_1"):
        assert "1 packets received" in docker.inside("app_client_1", f"ping -c 1 {name}")
    assert "1 packets received" in docker.inside("app_web_1", "ping -c 1 own")
    docker.compose(file, "down", "--timeout", "0")


def test_what_docker_has_lost_is_collected(docker: Docker) -> None:
    docker.lan()
    docker.run("web", "sleep 1000", "--network=lan")
    assert eventually(lambda: docker.is_known("web"))
    docker.kill_service()
    for name in ("docker-0123456789ab", "docker-ip-0123456789ab"):
        docker.tasks.ensure("endpoint", {"name": name, "network": "blue"})
    docker.tasks.ensure("sandbox", {"name": docker.sandbox_of("web")["Name"], "labels": {}})
    docker.serve()
    assert eventually(lambda: len(docker.tasks.shown("endpoint")) == 2)
    assert docker.is_known("web")


def test_a_container_survives_a_restart_of_docker(docker: Docker) -> None:
    docker.lan()
    docker.run("web", "sleep 1000", "--network=lan", "--restart=always")
    docker.stop()
    assert sorted(docker.tasks.shown("endpoint")) == ["own"]
    docker.start()
    assert eventually(lambda: docker.is_known("web"))
    assert pinged("own", docker.address("web"))


def test_nothing_leaks_when_docker_is_killed(docker: Docker, seed: int) -> None:
    docker.lan()
    docker.run("web", "sleep 1000", "--network=lan", "--restart=always")
    started = subprocess.Popen(docker.argv("run", "--detach", "--name=db", "--network=lan", IMAGE, "sleep", "1000"))
    time.sleep(random.Random(seed).uniform(0.05, 0.5))
    docker.kill()
    started.wait(60)
    docker.start()
    assert eventually(lambda: docker.is_known("web"))
    assert pinged("own", docker.address("web"))


def test_a_container_that_is_killed_leaves_the_network(docker: Docker) -> None:
    docker.lan()
    docker.run("web", "sleep 1000", "--network=lan")
    docker.command("kill", "--signal=KILL", "web")
    assert eventually(lambda: sorted(docker.tasks.shown("endpoint")) == ["own"])


def test_a_full_network_is_told(docker: Docker) -> None:
    docker.command("network", "create", "--driver=cnm", "--ipam-driver=cnm", "--subnet=10.6.0.0/29", "small")
    names = [f"c{number}" for number in range(5)]
    for name in names:
        docker.run(name, "sleep 1000", "--network=small")
    assert "10.6.0.0/29" in docker.refused("run", "--rm", "--network=small", IMAGE, "sleep", "1")
    docker.command("rm", "--force", names[0])
    docker.run("last", "sleep 1000", "--network=small")


def test_two_engines_start_containers_at_once(docker: Docker, plugins: Plugins) -> None:
    docker.lan()
    names = [f"n{number}" for number in range(5)]
    for name in names:
        plugins.namespace(name)
    run = ["run", "--detach", "--network=lan", IMAGE, "sleep", "1000"]
    started = [subprocess.Popen(docker.argv(*run), stdout=subprocess.DEVNULL) for _name in names]
    asked = [plugins.process("ADD", name, network="blue") for name in names]
    assert [each.wait(120) for each in started] == [0] * len(names)
    assert [each.wait(120) for each in asked] == [0] * len(names)
    endpoints = docker.tasks.shown("endpoint").values()
    assert len({each["IPv4Address"] for each in endpoints}) == len(endpoints) == 2 * len(names) + 1
    for name in names:
        plugins.done("DEL", name, network="blue")
        docker.host.out(["ip", "netns", "delete", name])


def test_nothing_leaks_when_the_service_is_killed_while_a_container_starts(docker: Docker, seed: int) -> None:
    docker.lan()
    started = subprocess.Popen(docker.argv("run", "--detach", "--name=web", "--network=lan", IMAGE, "sleep", "1000"))
    time.sleep(random.Random(seed).uniform(0.05, 0.5))
    docker.kill_service()
    docker.serve()
    if started.wait(60) == 0:
        assert eventually(lambda: docker.is_known("web"))
        assert pinged("own", docker.address("web"))
    # A request that Docker has repeated without contents fails, and so does the container. The next one does not.
    docker.run("db", "sleep 1000", "--network=lan")
    assert pinged("own", docker.address("db"))
