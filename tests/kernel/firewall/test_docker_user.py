# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from lab import (
    BLUE,
    BLUE4,
    BLUE6,
    HOST,
    OUTSIDE4,
    OUTSIDE6,
    RED,
    ROUTERS,
    UPLINK4,
    UPLINK6,
    build,
    command,
    pinged,
    seen,
)
from stand_in import OUTSIDE, Host
from tasks import eventually

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.firewall import docker_user
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.firewall.docker_user import DockerUser
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.firewall.table import Firewall
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system import programs
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import KernelRefused
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources import firewall
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import ForwardAccept, Ruleset
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.plan import Step, index, plan

FAMILIES = {
    "ip": ("iptables", UPLINK4, OUTSIDE4, BLUE4, "0.0.0.0"),
    "ip6": ("ip6tables", UPLINK6, OUTSIDE6, BLUE6, "::"),
}
both_families = pytest.mark.parametrize("family", sorted(FAMILIES))


def docker(host: Host, family: str) -> None:
    """Change the filter table as dockerd does for containers on docker0."""
    program = FAMILIES[family][0]
    for rule in (
        "-P FORWARD DROP",
        "-N DOCKER-USER",
        "-A DOCKER-USER -j RETURN",
        "-A FORWARD -j DOCKER-USER",
        "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT",
    ):
        command(f"{program} -w {rule}")


@pytest.fixture
def beside_docker(host: Host) -> Host:
    build(host, bridge_netfilter=True)
    for family in FAMILIES:
        docker(host, family)
    wanted = [Ruleset(firewall.RULESET)]
    for bridge, subnets in (("br-blue", BLUE), ("br-red", RED)):
        wanted += firewall.network_elements(
            bridge, [(subnet, subnet[1]) for subnet in subnets], mac=ROUTERS.get(bridge)
        )
    for target in (BLUE4[2], BLUE6[2]):
        wanted += firewall.published(None, "tcp", 8080, target, 80)
    Firewall(host.program).apply([Step(None, resource) for resource in wanted])
    return host


def changes(host: Host, family: str, wanted: bool = True) -> list[Step]:
    resource = ForwardAccept(family)
    present = Firewall(host.program).read([resource.key])
    return plan(index([resource] if wanted else []), present)


def repair(host: Host, family: str, wanted: bool = True) -> None:
    Firewall(host.program).apply(changes(host, family, wanted))


def rules(host: Host, family: str) -> list[str]:
    return host.out([FAMILIES[family][0], "-w", "-S", "DOCKER-USER"]).splitlines()


@both_families
def test_traffic_passes_with_the_rules_and_not_without(beside_docker: Host, family: str) -> None:
    _program, uplink, outside, blue, wildcard = FAMILIES[family]

    def passing() -> list[str | None]:
        return [
            seen(OUTSIDE, (uplink, 8080), "b1", (wildcard, 80)),
            seen("b1", (outside, 90), OUTSIDE, (wildcard, 90)),
            seen("b2", (str(blue[2]), 80), "b1", (wildcard, 80)),
            seen("r1", (uplink, 8080), "b1", (wildcard, 80)),
        ]

    assert passing() == [None] * 4
    repair(beside_docker, family)
    assert passing() == [outside, uplink, str(blue[3]), str(blue[1])]
    assert seen("r1", (str(blue[2]), 80), "b1", (wildcard, 80)) is None
    repair(beside_docker, family, wanted=False)
    assert passing() == [None] * 4


def run_container(host: Host) -> None:
    """Imitate a Docker container on the network: 172.17.0.2 behind docker0."""
    command("ip netns add container")
    host.ip(
        "link add docker0 type bridge\naddress add 172.17.0.1/16 dev docker0\nlink set docker0 up\n"
        "link add v-c type veth peer name eth0 netns container\nlink set v-c master docker0 up\n"
    )
    host.ip(
        "link set eth0 up\naddress add 172.17.0.2/16 dev eth0\nroute add default via 172.17.0.1\n",
        "/run/netns/container",
    )


def test_docker_s_containers_stay_closed_to_our_sandboxes(beside_docker: Host) -> None:
    run_container(beside_docker)
    repair(beside_docker, "ip")
    assert seen("b1", ("172.17.0.2", 80), "container", ("0.0.0.0", 80)) is None
    assert seen("container", (OUTSIDE4, 80), OUTSIDE, ("0.0.0.0", 80)) is not None
    assert seen("container", (UPLINK4, 8080), "b1", ("0.0.0.0", 80)) is not None
    assert seen("container", ("172.18.0.2", 80), "b1", ("0.0.0.0", 80)) is None
    command("ip link set docker0 down")
    command("ip link set docker0 name br-0123456789ab")
    command("ip link set br-0123456789ab up")
    assert seen("b1", ("172.17.0.2", 80), "container", ("0.0.0.0", 80)) is None


@both_families
def test_second_time_nothing_is_planned(beside_docker: Host, family: str) -> None:
    assert changes(beside_docker, family) == [Step(None, ForwardAccept(family))]
    repair(beside_docker, family)
    assert changes(beside_docker, family) == []


@both_families
@pytest.mark.parametrize(
    "damage",
    (
        "-F DOCKER-USER",
        "-D DOCKER-USER 1",
        "-D DOCKER-USER 3",
        "-I DOCKER-USER 1 -s 192.0.2.1 -j DROP",
        "-I DOCKER-USER 3 -s 192.0.2.1 -j DROP",
    ),
)
def test_damage_is_repaired_and_the_others_rules_stay(beside_docker: Host, family: str, damage: str) -> None:
    if family == "ip6":
        damage = damage.replace("192.0.2.1", "2001:db8:99::1")
    program = FAMILIES[family][0]
    command(f"{program} -w -A DOCKER-USER -m comment --comment cnm2 -j RETURN")
    repair(beside_docker, family)
    whole = rules(beside_docker, family)
    command(f"{program} -w {damage}")
    theirs = [line for line in rules(beside_docker, family) if "devgroup" not in line]
    assert len(changes(beside_docker, family)) == 1
    repair(beside_docker, family)
    assert changes(beside_docker, family) == []
    assert [rule for rule in rules(beside_docker, family) if "devgroup" in rule] == [
        rule for rule in whole if "devgroup" in rule
    ]
    assert all("devgroup" in rule for rule in rules(beside_docker, family)[1:5])
    assert [line for line in rules(beside_docker, family) if "devgroup" not in line] == theirs


@both_families
def test_removal_takes_ours_alone_even_if_incomplete(beside_docker: Host, family: str) -> None:
    before = rules(beside_docker, family)
    repair(beside_docker, family)
    repair(beside_docker, family, wanted=False)
    assert rules(beside_docker, family) == before
    repair(beside_docker, family)
    command(f"{FAMILIES[family][0]} -w -D DOCKER-USER 2")
    assert len(changes(beside_docker, family, wanted=False)) == 1
    repair(beside_docker, family, wanted=False)
    assert rules(beside_docker, family) == before
    assert changes(beside_docker, family, wanted=False) == []


def test_families_with_docker_s_chain(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, docker=False)
    assert DockerUser(host.program).families() == []
    command("ip6tables -w -N DOCKER-USER")
    assert DockerUser(host.program).families() == ["ip6"]


def test_families_where_docker_may_start(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, docker=True)
    assert DockerUser(host.program).families() == ["ip", "ip6"]
    assert host.out(["nft", "list", "ruleset"]) == ""


def installed(monkeypatch: pytest.MonkeyPatch, docker: bool) -> None:
    find = programs.find

    def found(name: str) -> str | None:
        return ("/usr/sbin/dockerd" if docker else None) if name == "dockerd" else find(name)

    monkeypatch.setattr(docker_user, "find", found)


@both_families
def test_before_docker_the_chain_is_made_and_taken_away(host: Host, family: str) -> None:
    assert changes(host, family, wanted=False) == []
    repair(host, family)
    assert changes(host, family) == []
    repair(host, family, wanted=False)
    assert host.out(["nft", "list", "ruleset"]) == ""


@both_families
@pytest.mark.parametrize("use", ("-A DOCKER-USER -j RETURN", "-A FORWARD -j DOCKER-USER"))
def test_a_chain_in_use_stays(host: Host, family: str, use: str) -> None:
    repair(host, family)
    command(f"{FAMILIES[family][0]} -w {use}")
    repair(host, family, wanted=False)
    left = host.out([FAMILIES[family][0], "-w", "-S"]).splitlines()
    assert [line for line in left if "DOCKER-USER" in line] == ["-N DOCKER-USER", use]


@both_families
def test_what_else_is_in_the_table_stays(host: Host, family: str) -> None:
    repair(host, family)
    command(f"{FAMILIES[family][0]} -w -N theirs")
    repair(host, family, wanted=False)
    left = host.out([FAMILIES[family][0], "-w", "-S"]).splitlines()
    assert [line for line in left if line.startswith("-N")] == ["-N theirs"]


def test_docker_s_containers_stay_closed_whatever_the_policy(beside_docker: Host) -> None:
    repair(beside_docker, "ip")
    command("iptables -w -P FORWARD ACCEPT")
    run_container(beside_docker)
    assert seen("b1", ("172.17.0.2", 80), "container", ("0.0.0.0", 80)) is None
    command("iptables -w -t nat -A PREROUTING -d 198.51.100.2 -p tcp --dport 8081 -j DNAT --to 172.17.0.2:80")
    assert seen("b1", (UPLINK4, 8081), "container", ("0.0.0.0", 80)) is not None


@pytest.mark.parametrize(("device", "passes"), (("br-lan", True), ("br-0123456789ab", False)))
def test_a_bridge_of_the_host_s_is_a_way_out(beside_docker: Host, device: str, passes: bool) -> None:
    command("ip netns add neighbour")
    beside_docker.ip(
        f"link add {device} type bridge\naddress add 203.0.113.1/24 dev {device}\nlink set {device} up\n"
        f"link add v-n type veth peer name eth0 netns neighbour\nlink set v-n master {device} up\n"
    )
    beside_docker.ip(
        "link set eth0 up\naddress add 203.0.113.2/24 dev eth0\nroute add default via 203.0.113.1\n",
        "/run/netns/neighbour",
    )
    assert eventually(lambda: pinged(HOST, "203.0.113.2")), "links that come up late"
    repair(beside_docker, "ip")
    assert changes(beside_docker, "ip") == []
    assert (seen("b1", ("203.0.113.2", 80), "neighbour", ("0.0.0.0", 80)) is not None) is passes


def test_without_iptables_nothing_is_there(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_user, "find", lambda name: None)
    assert DockerUser(host.program).families() == []
    assert changes(host, "ip", wanted=False) == []


def test_a_refusal_is_told(beside_docker: Host) -> None:
    def refusing(argv: list[str], stdin: str | None) -> tuple[int, str, str]:
        if "restore" in argv[0]:
            return 4, "", "iptables-restore: line 2 failed\n"
        return beside_docker.program(argv, stdin)

    with pytest.raises(KernelRefused, match="'DOCKER-USER': iptables-restore: line 2 failed"):
        Firewall(refusing).apply([Step(None, ForwardAccept("ip"))])


def test_the_older_iptables_is_not_asked_where_it_has_no_table(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    legacy = programs.find("iptables-legacy")
    if legacy is None:
        pytest.skip("iptables-legacy is not installed")
    monkeypatch.setattr(docker_user, "find", lambda name: legacy if name.endswith("tables") else None)
    asked: list[list[str]] = []

    def noting(argv: list[str], stdin: str | None) -> tuple[int, str, str]:
        asked.append(argv)
        return 1, "", ""

    assert DockerUser(noting).families() == []
    assert asked == []


def test_iptables_is_asked_if_nft_does_not_answer(host: Host) -> None:
    command("iptables -w -N DOCKER-USER")

    def without_nft(argv: list[str], stdin: str | None) -> tuple[int, str, str]:
        return (1, "", "") if argv[0].endswith("nft") else host.program(argv, stdin)

    assert "ip" in DockerUser(without_nft).families()
