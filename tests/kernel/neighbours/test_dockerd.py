# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""dockerd on the same host, started before us and after us."""

from __future__ import annotations

import ipaddress
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from lab import UPLINK4, command, seen, sysctl
from playbook import (
    ALL,
    ANY,
    Playbook,
    answers,
    inventory,
    reaches,
    reaches_out,
    setting,
    web_works,
)

from ansible_collections.cnm.linux.plugins.module_utils._cnm.errors import InvalidInput

FOLDER = Path("/run/docker-beside-us")
BUSYBOX = "/bin/busybox"
NEEDED = ("dockerd", "docker", "runc", "containerd")
PUBLISHED = 8081
RUNC = """\
#!/usr/bin/python3 -IS
import json, os, sys

bundle = os.path.join(sys.argv[sys.argv.index("--bundle") + 1], "config.json") if "create" in sys.argv else None
with open("/proc/self/status") as status:
    bounding = next(int(line.split()[1], 16) for line in status if line.startswith("CapBnd"))
if bundle and not bounding >> 24 & 1:
    with open(bundle) as stream:
        config = json.load(stream)
    for names in config["process"].get("capabilities", {}).values():
        names[:] = [name for name in names if name != "CAP_SYS_RESOURCE"]
    with open(bundle, "w") as stream:
        json.dump(config, stream)
os.execv(RUNC, ["runc", *sys.argv[1:]])
"""
"""A runc that does not ask for CAP_SYS_RESOURCE where root, as in a container, does not have it."""

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, NEEDED)) or not os.path.exists(BUSYBOX),
    reason=f"{', '.join(NEEDED)} and {BUSYBOX} are needed: apt install docker.io busybox-static",
)
with_and_without_bridge_netfilter = pytest.mark.parametrize("bridge_netfilter", (0, 1))


class Docker:
    """A dockerd of the stand-in's own, and one container with a published port."""

    def __init__(self, play: Playbook, cgroup: str) -> None:
        self._play = play
        self._cgroup = cgroup
        self._daemon: subprocess.Popen[bytes] | None = None
        self.container = ""
        FOLDER.mkdir()
        runc = FOLDER / "runc"
        runc.write_text(RUNC.replace("RUNC", repr(shutil.which("runc")), 1))
        runc.chmod(0o755)

    def command(self, *arguments: str) -> str:
        return self._play.host.out(["docker", "--host", f"unix://{FOLDER}/socket", *arguments]).strip()

    def start(self, **more: str) -> None:
        options = {
            "data-root": FOLDER / "data",
            "exec-root": FOLDER / "exec",
            "host": f"unix://{FOLDER}/socket",
            "pidfile": FOLDER / "pid",
            "storage-driver": "vfs",
            "cgroup-parent": f"/{self._cgroup}",
            "add-runtime": f"here={FOLDER}/runc",
            "default-runtime": "here",
            **more,
        }
        with open(FOLDER / "log", "ab") as log:
            self._daemon = subprocess.Popen(
                ["dockerd", *(f"--{name}={value}" for name, value in options.items())], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 20
        while self._play.host.run(["docker", "--host", options["host"], "version"]).returncode:
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"dockerd does not start: {(FOLDER / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def load(self) -> None:
        """Make the image ``box``, in which there is ``sleep`` alone."""
        root = FOLDER / "root" / "bin"
        root.mkdir(parents=True)
        shutil.copy(BUSYBOX, root / "sleep")
        self._play.host.out(["tar", "--create", f"--file={FOLDER}/image.tar", f"--directory={FOLDER}/root", "bin"])
        self.command("import", f"{FOLDER}/image.tar", "box")

    def run_container(self) -> None:
        self.load()
        self.command(
            "run",
            "--detach",
            "--name=theirs",
            "--restart=always",
            "--stop-signal=KILL",
            f"--publish={PUBLISHED}:80",
            "box",
            "sleep",
            "1000",
        )
        self.command("network", "create", "lan")
        self.command("network", "connect", "lan", "theirs")
        self.look()

    def look(self) -> None:
        """See where the container is."""
        self.container = f"/proc/{self.command('inspect', '--format={{.State.Pid}}', 'theirs')}/ns/net"

    def addresses(self) -> list[str]:
        """Return the container's addresses on all of its networks."""
        return self.command(
            "inspect", "--format={{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}", "theirs"
        ).split()

    def stop(self) -> None:
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait(20)
            self._daemon = None

    def end(self) -> None:
        try:
            if self._daemon is not None and self.container:
                self.command("rm", "--force", "theirs")
            self.stop()
        finally:
            if self._daemon is not None:
                self._daemon.kill()
                self._daemon.wait()
            for parent in Path("/sys/fs/cgroup").glob(f"*/{self._cgroup}"):
                for folder in (*parent.glob("*"), parent):
                    with suppress(OSError):
                        folder.rmdir()


@pytest.fixture
def docker(play: Playbook) -> Iterator[Docker]:
    made = Docker(play, f"cnm-test-{os.getpid()}")
    try:
        yield made
    finally:
        made.end()


def filter_bridges(value: int) -> None:
    """Let iptables see, or not, what passes between two ports of a bridge; Docker switches it on."""
    if os.path.exists("/proc/sys/net/bridge"):
        sysctl("net/bridge/bridge-nf-call-iptables", value)
    elif value:
        pytest.skip("this kernel has no br_netfilter")


def container_works(docker: Docker) -> bool:
    return reaches_out(docker.container) and answers(PUBLISHED, docker.container)


def all_works(play: Playbook, docker: Docker) -> bool:
    """Whether both work, are closed to each other, and reach what the other publishes."""
    assert web_works(play) == ALL
    assert container_works(docker)
    ours = play.address("one", "web")
    for address in docker.addresses():
        assert not reaches("one", docker.container, address)
    assert not reaches(docker.container, "one", ours)
    assert published(docker.container, "one", 8080)
    assert published("one", docker.container, PUBLISHED)
    return True


def published(source: str, target: str, port: int) -> bool:
    """Whether SOURCE reaches TARGET by PORT of the host."""
    return seen(source, (UPLINK4, port), target, (ANY, 80)) is not None


def rules(play: Playbook) -> list[str]:
    """Return all of iptables but what counts packets."""
    saved = play.host.out(["iptables-save"]) + play.host.out(["ip6tables-save"])
    return [line.split(" [")[0] for line in saved.splitlines() if not line.startswith("#")]


@with_and_without_bridge_netfilter
def test_docker_first(play: Playbook, docker: Docker, bridge_netfilter: int) -> None:
    docker.start()
    docker.run_container()
    theirs, rules_before = inventory(play.host), rules(play)
    filter_bridges(bridge_netfilter)
    play.web()
    assert play.warnings == []
    assert all_works(play, docker)
    assert not play.network("web").changed
    play.end()
    assert container_works(docker)
    assert rules(play) == rules_before
    assert inventory(play.host) == theirs


@with_and_without_bridge_netfilter
def test_docker_after_us(play: Playbook, docker: Docker, bridge_netfilter: int) -> None:
    play.web()
    docker.start()
    docker.run_container()
    filter_bridges(bridge_netfilter)
    assert all_works(play, docker)
    # Docker does it only where it finds forwarding switched off.
    command("iptables -w -P FORWARD DROP")
    assert all_works(play, docker)
    assert not play.network("web").changed
    assert play.warnings == []
    play.end()
    assert container_works(docker)
    assert [rule for rule in rules(play) if "cnm" in rule or "devgroup" in rule] == []
    assert "-A FORWARD -j DOCKER-USER" in rules(play)
    assert setting("net/ipv4/ip_forward") == "1"


@with_and_without_bridge_netfilter
def test_docker_restarted(play: Playbook, docker: Docker, bridge_netfilter: int) -> None:
    docker.start()
    docker.run_container()
    filter_bridges(bridge_netfilter)
    play.web()
    docker.stop()
    assert web_works(play) == ALL
    docker.start()
    docker.look()
    filter_bridges(bridge_netfilter)
    assert all_works(play, docker)
    assert not play.network("web").changed


def test_a_port_that_docker_has_is_refused(play: Playbook, docker: Docker) -> None:
    docker.start()
    docker.run_container()
    play.network("web")
    with pytest.raises(InvalidInput, match=f"{PUBLISHED}:80/tcp.*docker-proxy"):
        play.sandbox("one", "web", published_ports=[f"{PUBLISHED}:80"])
    play.sandbox("one", "web", published_ports=["80"])
    assert container_works(docker)


def test_subnets_keep_apart(play: Playbook, docker: Docker) -> None:
    docker.start()
    docker.command("network", "create", "theirs")
    taken = [
        ipaddress.ip_network(docker.command("network", "inspect", "--format={{(index .IPAM.Config 0).Subnet}}", name))
        for name in ("bridge", "theirs")
    ]
    play.web()
    play.sandbox("three", "bridge")
    ours = [
        ipaddress.ip_network(found["IPAM"]["Config"][0]["Subnet"])
        for found in play.shown("network")
        if found["Driver"] == "bridge"
    ]
    assert len(ours) == 2
    assert not any(mine.overlaps(theirs) for mine in ours for theirs in taken)
    docker.command("network", "create", "later")
    later = ipaddress.ip_network(
        docker.command("network", "inspect", "--format={{(index .IPAM.Config 0).Subnet}}", "later")
    )
    assert not any(mine.overlaps(later) for mine in ours)
    with pytest.raises(InvalidInput, match="overlaps"):
        play.network("explicit", ipam_config=[{"subnet": str(taken[1])}])
