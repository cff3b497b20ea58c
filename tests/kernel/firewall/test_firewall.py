# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import json
import os
import socket
from collections.abc import Sequence
from dataclasses import replace

import pytest
from lab import (
    BLUE,
    HOST,
    OUTSIDE4,
    OUTSIDE6,
    RED,
    ROUTERS,
    UPLINK4,
    UPLINK6,
    at,
    await_,
    build,
    command,
    endpoint,
    pinged,
    run,
    seen,
    sysctl,
)
from stand_in import OUTSIDE, Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.firewall import table
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, KernelRefused
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources import firewall
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Element, Ruleset
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import Link
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.plan import Step, index, plan
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import Resource

RULESET = Ruleset(firewall.RULESET)
FAMILIES = {
    4: {"uplink": UPLINK4, "outside": OUTSIDE4, "blue": BLUE[0], "red": RED[0], "any": "0.0.0.0"},
    6: {"uplink": UPLINK6, "outside": OUTSIDE6, "blue": BLUE[1], "red": RED[1], "any": "::"},
}
both_families = pytest.mark.parametrize("version", (4, 6))
both_protocols = pytest.mark.parametrize("protocol", ("tcp", "udp"))


def pools(network: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> list:
    return [(subnet, subnet[1]) for subnet in network]


def network(device: str, subnets: Sequence, **options: object) -> list[Element]:
    return firewall.network_elements(device, pools(subnets), mac=ROUTERS.get(device), **options)


BOTH = [*network("br-blue", BLUE), *network("br-red", RED)]


@pytest.fixture
def networks(host: Host) -> Host:
    build(host)
    return host


@pytest.fixture(params=(False, True), ids=("plain", "bridge-netfilter"))
def bridge_netfilter(request: pytest.FixtureRequest, host: Host) -> bool:
    build(host, request.param)
    return bool(request.param)


def load(*elements: Element) -> list[Resource]:
    wanted = [RULESET, *elements]
    table.Firewall(run).apply([Step(None, resource) for resource in wanted])
    return wanted


def web(version: int, protocol: str = "tcp", **options: object) -> list[Element]:
    """Return the elements that publish port 80 of sandbox b1 as port 8080 of the host."""
    target = FAMILIES[version]["blue"][2]
    host_ip = options.pop("host_ip", None)
    return firewall.published(host_ip, protocol, 8080, target, 80, **options)


def reached(source: str, address: object, version: int, protocol: str = "tcp") -> str | None:
    """Return which source b1 sees when SOURCE connects to the published port at ADDRESS."""
    return seen(source, (str(address), 8080), "b1", (FAMILIES[version]["any"], 80), protocol)


def direct(source: str, server: str, address: object, port: int = 80, protocol: str = "tcp") -> str | None:
    own = str(address) if server == HOST else "::" if ":" in str(address) else "0.0.0.0"
    return seen(source, (str(address), port), server, (own, port), protocol)


@both_families
@both_protocols
def test_published_port(bridge_netfilter: bool, version: int, protocol: str) -> None:
    its = FAMILIES[version]
    assert reached(OUTSIDE, its["uplink"], version, protocol) is None
    load(*BOTH, *web(version, protocol))
    assert reached(OUTSIDE, its["uplink"], version, protocol) == its["outside"]
    assert reached(HOST, its["uplink"], version, protocol) == its["uplink"]
    if version == 4:
        assert reached(HOST, "127.0.0.1", version, protocol) == str(its["blue"][1])


@both_families
@both_protocols
def test_hairpin(bridge_netfilter: bool, version: int, protocol: str) -> None:
    its = FAMILIES[version]
    load(*BOTH, *web(version, protocol))
    masqueraded = str(its["blue"][1])
    assert reached("r1", its["uplink"], version, protocol) == masqueraded
    assert reached("r1", its["red"][1], version, protocol) == masqueraded
    assert reached("b2", its["uplink"], version, protocol) == masqueraded
    if bridge_netfilter:
        # br_netfilter translates the address before the bridge chooses a port, which is then the one that the frame
        # came from.
        command("bridge link set dev v-b1 hairpin on")
    assert reached("b1", its["uplink"], version, protocol) == masqueraded


def test_loopback_of_ipv6_refuses_at_once(networks: Host) -> None:
    load(*BOTH, *web(6))
    with socket.socket(socket.AF_INET6) as client:
        client.settimeout(10)
        with pytest.raises(ConnectionRefusedError):
            client.connect(("::1", 8080))


def test_published_on_one_address(networks: Host) -> None:
    load(*BOTH, *web(4, host_ip=ipaddress.ip_address("127.0.0.1")))
    assert reached(HOST, "127.0.0.1", 4)
    assert reached(HOST, UPLINK4, 4) is None
    assert reached(OUTSIDE, UPLINK4, 4) is None


def test_nobody_else_reaches_loopback(networks: Host) -> None:
    """A sandbox with full control over its own stack sends to 127.0.0.0/8 through its gateway."""
    load(*BOTH, *web(4, "udp", host_ip=ipaddress.ip_address("127.0.0.2")))
    with at("b2"):
        command("ip address del 127.0.0.1/8 dev lo")
        sysctl("net/ipv4/conf/all/route_localnet", 1)
        command("ip route add 127.0.0.2 via 172.18.0.1")
    assert seen("b2", ("127.0.0.2", 53), HOST, ("127.0.0.2", 53), "udp") is None
    assert reached("b2", "127.0.0.2", 4, "udp") is None
    command("nft flush chain inet cnm raw")
    assert seen("b2", ("127.0.0.2", 53), HOST, ("127.0.0.2", 53), "udp") == "172.18.0.3"


@pytest.mark.parametrize("protocol", ("tcp", "udp"))
@both_families
def test_allowed_sources(networks: Host, version: int, protocol: str) -> None:
    its = FAMILIES[version]
    near = ipaddress.ip_network(f"{its['outside']}/{24 if version == 4 else 64}", strict=False)
    far = ipaddress.ip_network("192.0.2.0/24" if version == 4 else "2001:db8:99::/64")
    load(*BOTH, *web(version, protocol, sources=[near, far, near]))
    assert reached(OUTSIDE, its["uplink"], version, protocol) == its["outside"]
    assert reached(HOST, its["uplink"], version, protocol) == its["uplink"]
    assert reached("r1", its["uplink"], version, protocol) is None
    if version == 4:
        assert reached(HOST, "127.0.0.1", version, protocol) is None
    load(*BOTH, *web(version, protocol, sources=[far]))
    assert reached(OUTSIDE, its["uplink"], version, protocol) is None


@both_families
def test_isolation(bridge_netfilter: bool, version: int) -> None:
    its = FAMILIES[version]
    blue, red = its["blue"], its["red"]
    assert direct("r1", "b1", blue[2]) and direct("b1", "r1", red[2]) and direct(OUTSIDE, "b1", blue[2])
    load(*BOTH)
    assert direct("b2", "b1", blue[2]) == str(blue[3])
    assert pinged("b2", str(blue[2]))
    for protocol in ("tcp", "udp"):
        assert direct("r1", "b1", blue[2], protocol=protocol) is None
        assert direct("b1", "r1", red[2], protocol=protocol) is None
        assert direct(OUTSIDE, "b1", blue[2], protocol=protocol) is None
    assert not pinged("r1", str(blue[2]))
    assert not pinged(OUTSIDE, str(blue[2]))
    assert direct(HOST, "b1", blue[2]) == str(blue[1])


@both_families
@both_protocols
def test_masquerade(networks: Host, version: int, protocol: str) -> None:
    its = FAMILIES[version]
    load(*BOTH)
    assert direct("b1", OUTSIDE, its["outside"], protocol=protocol) == its["uplink"]
    assert pinged("b1", its["outside"])
    load(*network("br-blue", BLUE, masquerade=False))
    assert direct("b1", OUTSIDE, its["outside"], protocol=protocol) == str(its["blue"][2])


def test_source_address(networks: Host) -> None:
    networks.ip("address add 198.51.100.77/24 dev uplink\naddress add 2001:db8:64::77/64 dev uplink nodad\n")
    sources = {"source4": ipaddress.ip_address("198.51.100.77"), "source6": ipaddress.ip_address("2001:db8:64::77")}
    load(*network("br-blue", BLUE, **sources), *network("br-red", RED))
    assert direct("b1", OUTSIDE, OUTSIDE4) == "198.51.100.77"
    assert direct("b1", OUTSIDE, OUTSIDE6) == "2001:db8:64::77"
    assert direct("r1", OUTSIDE, OUTSIDE4) == UPLINK4


@both_families
def test_no_talk_among_endpoints(host: Host, version: int) -> None:
    its = FAMILIES[version]
    build(host, bridge_netfilter=True)
    load(*network("br-blue", BLUE, icc=False), *network("br-red", RED), *web(version))
    assert direct("b2", "b1", its["blue"][2]) is None
    assert direct("b1", OUTSIDE, its["outside"]) == its["uplink"]
    assert reached(OUTSIDE, its["uplink"], version) == its["outside"]
    assert reached("b2", its["uplink"], version) == str(its["blue"][1])


@both_families
def test_internal_network(bridge_netfilter: bool, version: int) -> None:
    its = FAMILIES[version]
    red_port = firewall.published(None, "tcp", 9090, its["red"][2], 90)
    load(*network("br-blue", BLUE, internal=True), *network("br-red", RED), *web(version), *red_port)
    assert direct("b2", "b1", its["blue"][2]) == str(its["blue"][3])
    assert direct("b1", OUTSIDE, its["outside"]) is None
    assert direct(OUTSIDE, "b1", its["blue"][2]) is None
    assert reached(OUTSIDE, its["uplink"], version) is None
    for address in (its["uplink"], its["blue"][1], its["red"][1]):
        assert seen("b1", (str(address), 9090), "r1", (its["any"], 90)) is None
    assert seen(OUTSIDE, (its["uplink"], 9090), "r1", (its["any"], 90)) == its["outside"]
    assert direct("b1", HOST, its["uplink"]) is None
    assert direct("b1", HOST, its["blue"][1]) == str(its["blue"][2])


@both_families
def test_not_one_datagram_gets_into_an_internal_network(networks: Host, version: int) -> None:
    """A client that waits for an answer would not notice, because answers do not get out."""
    its = FAMILIES[version]
    internal = Element("internal", "br-blue")
    load(*BOTH, *web(version, "udp"))
    with endpoint("b1", "udp", its["any"], 80) as server, endpoint(OUTSIDE, "udp", its["any"]) as client:
        client.sendto(b"one", (its["uplink"], 8080))
        assert server.recv(100) == b"one"
        table.Firewall(run).apply([Step(None, internal)])
        client.sendto(b"two", (its["uplink"], 8080))
        with pytest.raises(socket.timeout):
            await_(server)


def test_network_that_becomes_internal_loses_its_connections(networks: Host) -> None:
    load(*BOTH)
    with at(OUTSIDE):
        server = socket.create_server(("0.0.0.0", 80))
    with at("b1"):
        client = socket.create_connection((OUTSIDE4, 80), timeout=10)
    accepted, _peer = server.accept()
    with server, client, accepted:
        client.sendall(b"before")
        assert accepted.recv(100) == b"before"
        table.Firewall(run).apply([Step(None, Element("internal", "br-blue"))])
        client.sendall(b"after")
        with pytest.raises(socket.timeout):
            await_(accepted)


@both_families
@both_protocols
def test_gateways_of_other_networks(bridge_netfilter: bool, version: int, protocol: str) -> None:
    its = FAMILIES[version]
    gateway, other = its["blue"][1], its["red"][1]
    assert direct("b1", HOST, other, protocol=protocol)
    load(*BOTH, *web(version, protocol))
    assert direct("b1", HOST, gateway, protocol=protocol) == str(its["blue"][2])
    assert direct("b1", HOST, other, protocol=protocol) is None
    assert not pinged("b1", str(other))
    assert pinged("b1", str(gateway))
    assert reached("b2", gateway, version, protocol)
    assert reached("r1", gateway, version, protocol) is None
    assert direct(HOST, HOST, other, protocol=protocol) == str(other)


@both_families
def test_routed_network(networks: Host, version: int) -> None:
    its = FAMILIES[version]
    target = its["blue"][2]
    near = ipaddress.ip_network(its["outside"])
    load(
        *network("br-blue", BLUE, routed={4, 6}),
        *network("br-red", RED),
        *firewall.opened(target, "tcp", 80, [near]),
        *firewall.opened(target, "udp", 80),
    )
    assert direct(OUTSIDE, "b1", target) == its["outside"]
    assert direct("r1", "b1", target) is None
    assert direct("r1", "b1", target, protocol="udp") == str(its["red"][2])
    assert direct(OUTSIDE, "b1", target, port=81) is None
    assert pinged(OUTSIDE, str(target))
    assert pinged("r1", str(target))
    assert not pinged("b1", str(its["red"][2]))
    assert direct("b1", OUTSIDE, its["outside"]) == str(target)


def many() -> list[Element]:
    made: list[Element] = []
    for port in range(1000, 2000):
        made += firewall.published(None, "tcp", port, BLUE[0][2], 80)
    for protocol in ("tcp", "udp", "sctp"):
        for version in (4, 6):
            made += firewall.published(None, protocol, 1, FAMILIES[version]["blue"][2], 1)
    made += firewall.published(
        ipaddress.ip_address("198.51.100.2"), "udp", 53, BLUE[0][2], 53, [ipaddress.ip_network("192.0.2.7")]
    )
    for number in range(20, 30):
        subnets = (ipaddress.ip_network(f"172.{number}.0.0/16"), ipaddress.ip_network(f"fd00:{number}::/64"))
        options = ({}, {"routed": {4, 6}}, {"internal": True}, {"source4": ipaddress.ip_address(UPLINK4)})[number % 4]
        made += network(f"br-{number}", subnets, **options)
    made += firewall.network_elements("br-lent", [], lent=True)
    made += [Element("apart4", "wan"), Element("apart6", "lan")]
    made += firewall.elsewhere("br-red", [FAMILIES[version]["blue"][2] for version in (4, 6)])
    made += firewall.network_elements("br-own", [], mac="02:42:ac:14:00:01")
    made += firewall.tunnel_elements(4789, "uplink", [ipaddress.ip_address(text) for text in (OUTSIDE4, OUTSIDE6)])
    return made + firewall.opened(FAMILIES[6]["blue"][2], "sctp", 132)


def test_what_is_read_is_what_was_loaded(networks: Host) -> None:
    """The elements include adjacent subnets, single addresses, all addresses, every protocol, and a thousand ports."""
    wanted = load(*BOTH, *many())
    assert table.Firewall(run).read(index(wanted)) == index(wanted)
    assert seen(OUTSIDE, (UPLINK4, 1), "b1", ("0.0.0.0", 1)) == OUTSIDE4
    assert seen(OUTSIDE, (UPLINK4, 1999), "b1", ("0.0.0.0", 80)) == OUTSIDE4


def test_what_is_read_needs_no_names_of_protocols(networks: Host) -> None:
    for name in ("protocols", "services"):
        command(f"mount --bind /dev/null /etc/{name}")
    wanted = load(*BOTH, *many())
    assert table.Firewall(run).read(index(wanted)) == index(wanted)


def changes(wanted: Sequence[Resource]) -> list[Step]:
    return plan(index(wanted), table.Firewall(run).read(index(wanted)))


@pytest.mark.parametrize(
    "damage",
    (
        "flush ruleset",
        "delete table inet cnm",
        "add rule inet cnm forward accept",
        "insert rule inet cnm raw accept",
        "flush chain inet cnm postrouting",
        "add chain inet cnm forward { policy drop ; }",
        "add chain inet cnm stranger",
        "add table inet cnm { flags dormant ; }",
    ),
)
def test_changed_rules_are_noticed_and_repaired(networks: Host, damage: str) -> None:
    wanted = load(*BOTH, *web(4))
    assert changes(wanted) == []
    code, _output, errors = run(["nft", damage])
    assert code == 0, errors
    steps = changes(wanted)
    assert Step(None, RULESET) in steps
    table.Firewall(run).apply(steps)
    assert changes(wanted) == []
    assert reached(OUTSIDE, UPLINK4, 4) == OUTSIDE4


def test_rules_of_unknown_origin_are_replaced(networks: Host) -> None:
    wanted = load(*BOTH)
    os.unlink(table.MEMORY)
    assert Step(Ruleset(None), None) in changes(wanted)


def test_an_older_text_is_replaced(networks: Host) -> None:
    older = Ruleset(firewall.RULESET.replace("oifgroup $OURS drop", "oifgroup $OURS counter drop"))
    wanted = [*BOTH, *web(4)]
    table.Firewall(run).apply([Step(None, resource) for resource in [older, *wanted]])
    steps = changes([RULESET, *wanted])
    assert steps[0] == Step(older, None)
    table.Firewall(run).apply(steps)
    assert changes([RULESET, *wanted]) == []


@pytest.mark.parametrize("name", sorted({element.set for element in many()}))
def test_one_element_deleted_by_hand_is_noticed(networks: Host, name: str) -> None:
    wanted = load(*many())
    victim = next(resource for resource in wanted if isinstance(resource, Element) and resource.set == name)
    parts = enumerate(victim.entry.split(" . "))
    entry = " . ".join(f'"{part}"' if number < table.DEVICE_SETS.get(name, 0) else part for number, part in parts)
    code, _output, errors = run(["nft", f"delete element inet cnm {name} {{ {entry} }}"])
    assert code == 0, errors
    assert changes(wanted) == [Step(None, victim)]
    table.Firewall(run).apply(changes(wanted))
    assert changes(wanted) == []


@pytest.mark.parametrize(
    ("name", "value"),
    (
        ("within", "drop"),
        ("source4", "198.51.100.99"),
        ("published4", "172.18.0.3 . 81"),
        ("published6", "fd00:18::3 . 81"),
    ),
)
def test_values_change_in_one_transaction(networks: Host, name: str, value: str) -> None:
    wanted = load(*BOTH, *many())
    position = next(number for number, each in enumerate(wanted) if isinstance(each, Element) and each.set == name)
    before = wanted[position]
    wanted[position] = replace(before, value=value)
    assert changes(wanted) == [Step(before, None), Step(None, wanted[position])]
    table.Firewall(run).apply(changes(wanted))
    assert changes(wanted) == []


def test_elements_are_removed(networks: Host) -> None:
    elements = many()
    wanted = load(*BOTH, *elements)
    table.Firewall(run).apply([Step(element, None) for element in elements])
    assert table.Firewall(run).read(index(wanted)) == index([RULESET, *BOTH])
    table.Firewall(run).apply([Step(element, None) for element in BOTH] + [Step(RULESET, None)])
    assert table.Firewall(run).read(index(wanted)) == {}
    assert run(["nft", "list", "tables"])[1] == ""


def test_all_or_nothing(networks: Host) -> None:
    wanted = load(*BOTH)
    new, twice = web(4)[0], replace(BOTH[0], value="drop")
    with pytest.raises(KernelRefused, match="nft did not load"):
        table.Firewall(run).apply([Step(None, new), Step(None, twice)])
    assert table.Firewall(run).read(index([*wanted, new])) == index(wanted)


def test_one_listing_for_a_read_and_none_without_a_question(networks: Host) -> None:
    wanted = load(*BOTH)
    asked: list[Sequence[str]] = []

    def counted(argv: Sequence[str], stdin: str | None = None) -> tuple[int, str, str]:
        asked.append(argv)
        return run(argv, stdin)

    table.Firewall(counted).read([Link.at("", "br-blue")])
    assert asked == []
    table.Firewall(counted).read(index(wanted))
    assert len(asked) == 1


def test_memory_is_root_s_alone(host: Host) -> None:
    os.rmdir(os.path.dirname(table.MEMORY))
    load()
    assert os.stat(table.MEMORY).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(table.MEMORY)).st_mode & 0o777 == 0o700
    with open(table.MEMORY) as stream:
        assert json.load(stream)["text"] == firewall.RULESET
    assert os.listdir(os.path.dirname(table.MEMORY)) == ["ruleset.json"]


def test_no_nft(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "find", lambda name: None)
    with pytest.raises(CnmError, match="apt install nftables"):
        table.Firewall(run).read([RULESET.key])


def test_names_that_nft_would_misread_are_refused() -> None:
    with pytest.raises(CnmError, match="cannot be used in firewall rules"):
        table.Firewall(run).apply([Step(None, Element("internal", "br*"))])
