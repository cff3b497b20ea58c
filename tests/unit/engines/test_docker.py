# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Docker asks the drivers."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from _cnm.model.errors import InvalidInput
from _cnm.resources.kinds import Parent
from _cnm.resources.link import Link
from _cnm.resources.openvswitch import VethPort
from _cnm.store.objects import SqliteStore
from cnm_engines.docker import protocol

from .conftest import Engine
from .docker_requests import KEY, NETWORK, OTHER_NETWORK, Docker, endpoint_id


@pytest.fixture()
def docker(engine: Engine) -> Docker:
    return Docker(engine)


def name(number: int) -> str:
    return f"docker-{endpoint_id(number)[:12]}"


def known(docker: Docker, name: str) -> Dict[str, str]:
    """Return what Docker has of our network NAME."""

    def look(store: SqliteStore) -> Dict[str, str]:
        network = store.network_named(name)
        assert network is not None
        return dict(network.docker_networks)

    with docker.engine.core(True) as controller:
        return controller.look(look)


def test_docker_learns_what_the_drivers_can(docker: Docker) -> None:
    assert docker.post("/Plugin.Activate") == {"Implements": ["NetworkDriver", "IpamDriver"]}
    assert docker.driver("GetCapabilities") == {"Scope": "local", "ConnectivityScope": "global"}
    assert docker.ipam("GetCapabilities") == {"RequiresMACAddress": False, "RequiresRequestReplay": False}
    assert set(docker.ipam("GetDefaultAddressSpaces").values()) == {"cnm"}
    answer = protocol.answer("/NetworkDriver.AllocateNetwork", b"{}", docker.engine.core, print)
    assert answer.status == 404


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"NetworkID": 7}', b'{"NetworkID": "x"}', b""])
def test_a_bad_request_is_refused_in_dockers_way(docker: Docker, body: bytes) -> None:
    for path, key in (("/NetworkDriver.CreateNetwork", "Err"), ("/IpamDriver.RequestAddress", "Error")):
        answer = protocol.answer(path, body, docker.engine.core, print)
        assert (answer.status, list(answer.value), answer.bug) == (200, [key], None)


def test_a_request_that_docker_repeats_without_contents_says_why(docker: Docker) -> None:
    for path in ("/NetworkDriver.Join", "/IpamDriver.RequestPool"):
        (text,) = protocol.answer(path, b"", docker.engine.core, print).value.values()
        assert "The service cnm ended before it could answer" in text


def test_a_network_of_ours_is_found_by_its_subnet(docker: Docker) -> None:
    pool = docker.pool("10.1.0.0/24")
    assert docker.gateway(pool) == {"Address": "10.1.0.1/24", "Data": {}}
    for _time in range(2):
        assert docker.network("10.1.0.0/24", gateways=["10.1.0.1/24"]) == {}
    assert known(docker, "blue") == {NETWORK[:12]: "open"}
    assert set(docker.engine.listed("network")) >= {"blue", "red"}


def test_the_option_names_our_network(docker: Docker) -> None:
    pool = docker.pool("10.2.0.0/24", {"cnm.network": "red"})
    assert docker.gateway(pool)["Address"] == "10.2.0.1/24"
    assert docker.network("10.2.0.0/24", cnm__network="red") == {}
    assert known(docker, "red") == {NETWORK[:12]: "open"}


@pytest.mark.parametrize(
    ("subnet", "options", "part", "said"),
    [
        ("", {}, "", "Give the subnet of the network, such as --subnet 10.20.0.0/24."),
        ("", {"cnm.network": "red"}, "", "Give the subnet of the network, such as --subnet 10.2.0.0/24."),
        ("", {"cnm.network": "green"}, "", "There is no network 'green'. Create it first, or give the subnet"),
        ("10.1.0.0/24", {"cnm.network": "red"}, "", "its subnets are 10.2.0.0/24, not 10.1.0.0/24."),
        ("10.1.0.0/24", {"cnm.network": "none"}, "", "Docker cannot use it, because it is predefined."),
        (
            "10.1.0.0/24",
            {"cnm.network": "lan"},
            "",
            "Docker cannot use it, because its driver 'macvlan'",
        ),
        ("192.168.7.0/24", {}, "", "Docker cannot use it, because its ipam_driver is 'dhcp'"),
        ("10.1.0.0/24", {"cnm.colour": "red"}, "", "cnm has no IPAM option 'cnm.colour'."),
        ("10.1.0.0/24", {}, "10.1.0.128/25", "Network 'blue' exists, and its iprange is None, not 10.1.0.128/25."),
        ("10.7.0.0/24", {}, "10.7.0.128/25", "Docker cannot create a network of cnm with --ip-range."),
        ("10.7.0.9/24", {}, "", "10.7.0.9/24"),
    ],
)
def test_a_pool_that_is_not_possible_is_refused(
    docker: Docker, subnet: str, options: Dict[str, str], part: str, said: str
) -> None:
    docker.engine.kernel.facts.parents["eth1"] = Parent("", 1500, False, False, True, "")
    wire = {"name": "wire", "driver_options": {"cnm.bridge.uplink": "eth1"}, "ipam_driver": "dhcp"}
    docker.engine.ensure(
        "network",
        {"name": "lan", "driver": "macvlan", "ipam_config": [{"subnet": "10.5.0.0/24"}]},
        {**wire, "ipam_config": [{"subnet": "192.168.7.0/24"}]},
    )
    assert said in docker.request_pool(subnet, options, part=part)["Error"]


def test_a_network_is_made_for_docker_and_goes_with_it(docker: Docker) -> None:
    before = set(docker.engine.kernel.present)
    pool = docker.pool("10.8.0.0/24")
    assert docker.gateway(pool)["Address"] == "10.8.0.1/24"
    assert docker.gateway(pool, "10.8.0.254")["Address"] == "10.8.0.254/24"
    assert docker.address(pool, "10.8.0.5") == "10.8.0.5/24"
    mtu = {"com__docker__network__driver__mtu": "1400"}
    auxiliary = {"printer": "10.8.0.5/24"}
    assert docker.network("10.8.0.0/24", gateways=["10.8.0.254/24"], internal=True, auxiliary=auxiliary, **mtu) == {}
    made = docker.engine.listed("network")[f"docker-{NETWORK[:12]}"]
    assert made["IPAM"]["Config"] == [
        {"Subnet": "10.8.0.0/24", "Gateway": "10.8.0.254", "AuxiliaryAddresses": {"printer": "10.8.0.5"}}
    ]
    assert (made["Internal"], made["Host"]["Mtu"], made["Labels"]["cnm.engine"]) == (True, 1400, "docker")
    docker.ipam("ReleaseAddress", PoolID=pool, Address="10.8.0.254")
    for _time in range(2):
        docker.driver("DeleteNetwork", NetworkID=NETWORK)
        docker.ipam("ReleasePool", PoolID=pool)
    assert f"docker-{NETWORK[:12]}" not in docker.engine.listed("network")
    assert set(docker.engine.kernel.present) == before


def test_a_network_that_docker_gave_an_ipv6_subnet(docker: Docker) -> None:
    four, six = docker.pool("10.1.0.0/24"), docker.pool("fd00:1::/64", version=6)
    assert docker.gateway(six)["Address"] == "fd00:1::1/64"
    assert docker.network("10.1.0.0/24", "fd00:1::/64") == {}
    addresses = docker.address(four), docker.address(six)
    assert docker.endpoint(1, *addresses) == {"Interface": {"MacAddress": "02:42:0a:01:00:02"}}
    (shown,) = docker.engine.listed("endpoint").values()
    assert (shown["Name"], shown["IPv4Address"], shown["IPv6Address"]) == (name(1), *addresses)


def test_a_network_of_ours_stays_and_forgets_docker(docker: Docker) -> None:
    docker.pool()
    docker.network()
    for _time in range(2):
        docker.driver("DeleteNetwork", NetworkID=NETWORK)
    assert known(docker, "blue") == {}


def test_a_network_made_for_docker_stays_if_others_use_it(docker: Docker) -> None:
    docker.pool("10.8.0.0/24")
    docker.network("10.8.0.0/24")
    made = f"docker-{NETWORK[:12]}"
    docker.engine.ensure("sandbox", {"name": "own", "networks": [{"name": made}]})
    docker.driver("DeleteNetwork", NetworkID=NETWORK)
    assert known(docker, made) == {}
    assert docker.engine.listed("network")[made]["Labels"] == {}


def test_an_address_of_a_container_that_is_lost_can_be_had(docker: Docker) -> None:
    """Docker asks for it when it starts the container again, and could not say that the endpoint is gone."""
    pool = docker.pool()
    docker.network()
    address = docker.start(1, pool)
    wanted = {"PoolID": pool, "Address": address.partition("/")[0], "Options": None}
    assert "is taken" in docker.post("/IpamDriver.RequestAddress", **wanted)["Error"], "it is starting"
    docker.engine.appear(KEY)
    item = {"name": name(1), "network": "blue", "state": "joined", "sandbox": f"docker-{KEY.rpartition('/')[2]}"}
    docker.engine.ensure("endpoint", {**item, "interface_name": "eth0"})
    assert "is taken" in docker.post("/IpamDriver.RequestAddress", **wanted)["Error"], "it runs"
    docker.engine.vanish(KEY)
    assert docker.address(pool, wanted["Address"]) == address
    assert (list(docker.engine.listed("sandbox")), len(docker.engine.listed("endpoint"))) == ([], 1)


def test_two_networks_of_docker_on_one_of_ours(docker: Docker) -> None:
    docker.network("10.8.0.0/24")
    docker.network("10.8.0.0/24", identifier=OTHER_NETWORK)
    made = f"docker-{NETWORK[:12]}"
    docker.driver("DeleteNetwork", NetworkID=NETWORK)
    assert made in docker.engine.listed("network")
    docker.driver("DeleteNetwork", NetworkID=OTHER_NETWORK)
    assert made not in docker.engine.listed("network")


@pytest.mark.parametrize(
    ("subnets", "options", "said"),
    [
        (["10.7.0.0/24"], {"cnm__network": "red"}, "its subnets are 10.2.0.0/24, not 10.7.0.0/24."),
        (["10.1.0.0/24"], {"gateways": ["10.1.0.9/24"]}, "its gateway is 10.1.0.1, not 10.1.0.9."),
        (["10.1.0.0/24"], {"mtu": "1400"}, "so the option 'mtu' would have no effect."),
        (["10.7.0.0/24"], {"colour": "red"}, "colour"),
        (["10.1.0.0/25"], {}, "overlaps 10.1.0.0/24 of network 'blue'."),
        (["fd00:1::/64"], {}, "A network needs an IPv4 subnet."),
    ],
)
def test_a_network_that_does_not_fit_is_refused(
    docker: Docker, subnets: List[str], options: Dict[str, Any], said: str
) -> None:
    with docker.engine.kernel.unchanged():
        assert said in docker.network(*subnets, **options)["Err"]


def test_another_driver_gets_no_addresses_from_us(docker: Docker) -> None:
    pool = docker.pool("10.7.0.0/24")
    assert docker.gateway(pool)["Address"] == "10.7.0.1/24"
    refused = docker.post("/IpamDriver.RequestAddress", PoolID=pool, Address="", Options=None)
    assert "--ipam-driver cnm works with --driver cnm only." in refused["Error"]


def test_a_container_comes_and_goes_without_a_trace(docker: Docker) -> None:
    pool = docker.pool()
    docker.network()
    before = set(docker.engine.kernel.present)
    address = docker.start(1, pool)
    assert address == "10.1.0.2/24"
    docker.stop(1, pool, address)
    docker.stop(1, pool, address)
    assert docker.engine.listed("sandbox") == docker.engine.listed("endpoint") == {}
    assert set(docker.engine.kernel.present) == before


def test_an_endpoint_gets_the_address_that_was_reserved(docker: Docker) -> None:
    pool = docker.pool()
    docker.network()
    first, second = docker.address(pool), docker.address(pool)
    assert (first, second) == ("10.1.0.2/24", "10.1.0.3/24")
    created = {"MacAddress": "02:42:0a:01:00:02", "AddressIPv6": "fd00:1::2/64"}
    for _time in range(2):
        assert docker.endpoint(1, first)["Interface"] == created
    assert docker.endpoint(2, second, mac="02:00:00:00:00:09")["Interface"] == {"AddressIPv6": "fd00:1::3/64"}
    assert set(docker.engine.listed("endpoint")) == {name(1), name(2)}


def test_an_address_can_be_chosen_and_only_once(docker: Docker) -> None:
    pool = docker.pool()
    docker.network()
    assert docker.address(pool, "10.1.0.77") == "10.1.0.77/24"
    docker.endpoint(1, "10.1.0.77/24")
    again = docker.post("/IpamDriver.RequestAddress", PoolID=pool, Address="10.1.0.77", Options=None)
    assert f"address 10.1.0.77 is taken: endpoint '{name(1)}' has it." in again["Error"]
    assert "10.1.0.77 is taken" in docker.endpoint(2, "10.1.0.77/24")["Err"]
    outside = docker.post("/IpamDriver.RequestAddress", PoolID=pool, Address="10.9.0.1", Options=None)
    assert "10.9.0.1" in outside["Error"]


def test_addresses_that_docker_chooses_itself(docker: Docker) -> None:
    docker.network("10.8.0.0/24", gateways=["10.8.0.1/24"])
    assert docker.endpoint(1, "10.8.0.2/24") == {"Interface": {"MacAddress": "02:42:0a:08:00:02"}}
    docker.on("Join", 1, SandboxKey=KEY, Options={})
    docker.on("DeleteEndpoint", 1)
    assert docker.engine.listed("sandbox") == docker.engine.listed("endpoint") == {}


def test_an_address_in_use_is_not_released(docker: Docker) -> None:
    pool = docker.pool()
    docker.network()
    address = docker.start(1, pool)
    docker.ipam("ReleaseAddress", PoolID=pool, Address="10.1.0.2")
    assert docker.engine.listed("endpoint")[name(1)]["IPv4Address"] == address
    docker.engine.ensure("endpoint", {"name": "mine", "network": "blue", "ipv4_address": "10.1.0.9"})
    docker.ipam("ReleaseAddress", PoolID=pool, Address="10.1.0.9")
    docker.ipam("ReleaseAddress", PoolID=pool, Address="10.1.0.200")
    docker.ipam("ReleaseAddress", PoolID="", Address="fd00:1::2")
    assert set(docker.engine.listed("endpoint")) == {name(1), "mine"}
    reserved = docker.address(pool)
    docker.ipam("ReleaseAddress", PoolID=pool, Address=reserved.partition("/")[0])
    assert set(docker.engine.listed("endpoint")) == {name(1), "mine"}


def test_a_container_on_two_networks_is_one_sandbox(docker: Docker) -> None:
    docker.network()
    docker.network("10.2.0.0/24", identifier=OTHER_NETWORK)
    docker.endpoint(1, "10.1.0.2/24")
    docker.on("Join", 1, SandboxKey=KEY)
    given = {"Address": "10.2.0.2/24", "AddressIPv6": "", "MacAddress": ""}
    docker.on("CreateEndpoint", 2, OTHER_NETWORK, Interface=given)
    docker.on("Join", 2, OTHER_NETWORK, SandboxKey=KEY)
    (sandbox,) = docker.engine.listed("sandbox").values()
    assert (sandbox["Name"], sorted(sandbox["Networks"])) == ("docker-afec4fd59672", ["blue", "red"])
    docker.on("Leave", 1)
    (sandbox,) = docker.engine.listed("sandbox").values()
    assert sorted(sandbox["Networks"]) == ["red"]
    docker.on("Leave", 2, OTHER_NETWORK)
    assert docker.engine.listed("sandbox") == {}


@pytest.mark.parametrize(("internal", "network"), [(True, "10.1.0.0/24"), (False, "10.3.0.0/24")])
def test_a_container_on_an_internal_network_has_no_way_out(docker: Docker, internal: bool, network: str) -> None:
    docker.network(network, internal=internal)
    docker.endpoint(1)
    joined = docker.on("Join", 1, SandboxKey=KEY)
    assert joined["DisableGatewayService"] is True
    assert "Gateway" not in joined


@pytest.mark.parametrize(
    ("subnets", "published", "gateways"),
    [
        (["10.2.0.0/24"], None, {"Gateway": "10.2.0.1"}),
        (["10.1.0.0/24", "fd00:1::/64"], [], {"Gateway": "10.1.0.1", "GatewayIPv6": "fd00:1::1"}),
        (["10.1.0.0/24", "fd00:1::/64"], [{"Proto": 6, "Port": 80, "HostPort": 8080}], {}),
    ],
)
def test_the_way_out_is_ours_unless_docker_publishes_ports(
    docker: Docker, subnets: List[str], published: Any, gateways: Dict[str, str]
) -> None:
    docker.network(*subnets)
    docker.endpoint(1)
    joined = docker.on("Join", 1, SandboxKey=KEY, Options={"com.docker.network.portmap": published})
    assert {key: joined[key] for key in ("Gateway", "GatewayIPv6") if key in joined} == gateways
    assert "DisableGatewayService" not in joined


def test_a_network_without_default_route_is_not_the_way_out(docker: Docker) -> None:
    docker.engine.ensure("network", {"name": "blue", "no_default_route": True})
    docker.network()
    docker.endpoint(1)
    assert "Gateway" not in docker.on("Join", 1, SandboxKey=KEY)


def test_unknown_things_are_said(docker: Docker) -> None:
    assert f"Docker's network '{NETWORK[:12]}' no longer belongs to one of our networks" in docker.endpoint(1)["Err"]
    docker.network()
    joined = docker.post("/NetworkDriver.Join", NetworkID=NETWORK, EndpointID=endpoint_id(1), SandboxKey=KEY)
    assert joined["Err"] == f"There is no endpoint '{name(1)}' on network 'blue'."
    assert "cnm has no endpoint option 'cnm.rate'." in docker.endpoint(1, "", "", "", **{"cnm.rate": "1"})["Err"]
    docker.on("Leave", 1)
    docker.on("DeleteEndpoint", 1)


class TestHandedOver:
    """The interface, which waits on the host until Docker moves it into the container."""

    @pytest.fixture()
    def joined(self, docker: Docker) -> Link:
        docker.network()
        docker.endpoint(1, "10.1.0.2/24")
        answer = docker.on("Join", 1, SandboxKey=KEY, Options={})
        waiting = answer["InterfaceName"]["SrcName"]
        assert answer["InterfaceName"] == {"SrcName": waiting, "DstPrefix": "eth"}
        assert len(waiting) <= 15
        link = docker.engine.kernel.present[("link", "", waiting)]
        assert isinstance(link, Link)
        return link

    def again(self, docker: Docker) -> bool:
        """Run a task that names the network; return whether it changes anything."""
        with docker.engine.core(False) as controller:
            controller.restore()
            return controller.ensure("network", [{"name": "blue"}]).changed

    def take(self, docker: Docker, link: Link) -> None:
        """Move LINK into the container's namespace, which begins to exist."""
        kernel = docker.engine.kernel
        docker.engine.appear(KEY)
        assert link.peer is not None
        del kernel.present[link.key]
        kernel.facts.links[link.peer.name] = []
        kernel.present[("link", KEY, "eth0")] = Link(KEY, "eth0", "veth", link.address, link.mtu, True, 0, link.peer)

    def test_it_waits_without_receiving(self, docker: Docker, joined: Link) -> None:
        device = docker.engine.listed("network")["blue"]["Host"]["Device"]
        assert (joined.type, joined.address, joined.mtu, joined.up) == ("veth", "02:42:0a:01:00:02", 1500, None)
        assert joined.peer is not None
        assert (joined.peer.master, joined.peer.pinned) == (device, True)
        on_it = {"address", "neighbour", "sysctl", "route"}
        assert not [key for key in docker.engine.kernel.present if key.kind in on_it and joined.name in "/".join(key)]
        assert ("neighbour", "", device, "10.1.0.2") in docker.engine.kernel.present
        assert not self.again(docker)

    def test_runs_leave_it_alone_when_docker_has_taken_it(self, docker: Docker, joined: Link) -> None:
        self.take(docker, joined)
        present = docker.engine.kernel.present[("link", KEY, "eth0")]
        assert not self.again(docker)
        assert docker.engine.kernel.present[("link", KEY, "eth0")] == present
        docker.on("Join", 1, SandboxKey=KEY, Options={})
        assert joined.key not in docker.engine.kernel.present

    def test_runs_leave_its_end_on_the_host_alone_while_the_container_cannot_be_entered(
        self, docker: Docker, joined: Link
    ) -> None:
        self.take(docker, joined)
        docker.engine.vanish(KEY)
        assert joined.peer is not None
        end = Link("", joined.peer.name, "veth")
        docker.engine.kernel.present[end.key] = end
        assert not self.again(docker)
        assert docker.engine.kernel.present[end.key] == end

    def test_it_is_made_again_if_somebody_removes_it(self, docker: Docker, joined: Link) -> None:
        docker.engine.kernel.lose(joined.key)
        assert self.again(docker) is False
        assert docker.engine.kernel.present[joined.key] == joined

    def test_leaving_removes_what_docker_has_taken(self, docker: Docker, joined: Link) -> None:
        self.take(docker, joined)
        assert joined.peer is not None
        end = Link("", joined.peer.name, "veth")
        docker.engine.kernel.present[end.key] = end
        docker.on("Leave", 1)
        assert end.key not in docker.engine.kernel.present
        assert docker.engine.listed("sandbox") == {}


def test_a_container_gets_a_port_of_open_vswitch(docker: Docker) -> None:
    switch = {"name": "switch", "driver": "openvswitch", "driver_options": {"cnm.openvswitch.vlan": 7}}
    docker.engine.ensure("network", {**switch, "ipam_config": [{"subnet": "10.5.0.0/24"}]})
    docker.network("10.5.0.0/24")
    before = docker.engine.kernel.present.copy()
    address = docker.start(1, docker.pool("10.5.0.0/24"))
    (port,) = [one for one in docker.engine.kernel.present.values() if isinstance(one, VethPort)]
    (waiting,) = [one for one in docker.engine.kernel.present.values() if isinstance(one, Link) and one.peer]
    assert (port.namespace, port.tag, waiting.namespace, waiting.type, waiting.up) == ("", 7, "", "veth", None)
    assert waiting.peer is not None and waiting.peer.name == port.name
    docker.engine.ensure("network", switch)
    assert docker.engine.kernel.present[waiting.key] == waiting
    docker.stop(1, docker.pool("10.5.0.0/24"), address)
    assert docker.engine.kernel.present == before


def test_a_task_leaves_what_docker_knows_of_a_network(docker: Docker) -> None:
    engine = docker.engine
    pool = docker.pool()
    docker.network()
    docker.start(1, pool)
    with pytest.raises(InvalidInput, match=r"Docker knows it with the subnet 10\.1\.0\.0/24, and cannot change that"):
        engine.ensure("network", {"name": "blue", "ipam_config": [{"subnet": "10.8.0.0/24"}], "force": True})
    mtu = {"com.docker.network.driver.mtu": "1400"}
    engine.ensure("network", {"name": "blue", "driver_options": mtu})
    (warning,) = engine.warnings
    assert f"they keep the MTU 1500 until they start again: '{name(1)}'" in warning
    engine.ensure("network", {"name": "blue", "ipam_config": [{"subnet": "10.1.0.0/24"}]})
    assert len(engine.warnings) == 1, "a second subnet can come and go"
