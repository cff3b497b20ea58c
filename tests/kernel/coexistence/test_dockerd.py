# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""dockerd on the same host, started before or after us."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator

import pytest
from dockerd import IMAGE, Dockerd, needs_docker
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

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput

PUBLISHED = 8081

pytestmark = needs_docker
with_and_without_bridge_netfilter = pytest.mark.parametrize("bridge_netfilter", (0, 1))


class Docker(Dockerd):
    """A dockerd and one container with a published port."""

    container = ""

    def run_container(self) -> None:
        self.load_image()
        self.command(
            "run",
            "--detach",
            "--name=theirs",
            "--restart=always",
            "--stop-signal=KILL",
            f"--publish={PUBLISHED}:80",
            IMAGE,
            "sleep",
            "1000",
        )
        self.command("network", "create", "lan")
        self.command("network", "connect", "lan", "theirs")
        self.look()

    def look(self) -> None:
        """Find the container's network namespace."""
        self.container = f"/proc/{self.command('inspect', '--format={{.State.Pid}}', 'theirs')}/ns/net"

    def addresses(self) -> list[str]:
        """Return the container's addresses on all of its networks."""
        return self.command(
            "inspect", "--format={{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}", "theirs"
        ).split()

    def end(self) -> None:
        try:
            if self.container and self._daemon is not None:
                self.command("rm", "--force", "theirs")
        finally:
            super().end()


@pytest.fixture
def docker(play: Playbook) -> Iterator[Docker]:
    made = Docker(play.host)
    try:
        yield made
    finally:
        made.end()


def filter_bridges(value: int) -> None:
    """Set whether iptables sees the frames between two ports of a bridge. Docker turns this on."""
    if os.path.exists("/proc/sys/net/bridge"):
        sysctl("net/bridge/bridge-nf-call-iptables", value)
    elif value:
        pytest.skip("this kernel has no br_netfilter")


def container_works(docker: Docker) -> bool:
    return reaches_out(docker.container) and answers(PUBLISHED, docker.container)


def all_works(play: Playbook, docker: Docker) -> bool:
    """Check that both work, are closed to each other, and reach what the other publishes."""
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
    """Return whether SOURCE reaches TARGET by PORT of the host."""
    return seen(source, (UPLINK4, port), target, (ANY, 80)) is not None


def rules(play: Playbook) -> list[str]:
    """Return the rules of iptables without packet counters."""
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
    # Docker does this only if it finds forwarding switched off.
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
        ipaddress.ip_network(each["IPAM"]["Config"][0]["Subnet"])
        for each in play.shown("network")
        if each["Driver"] == "bridge"
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
