# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers that a CNI engine puts on networks and takes off them."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from _cnm.model.errors import KernelRefused
from _cnm.resources.plan import Step

from .conftest import Engine

NAMED = "IgnoreUnknown=1;K8S_POD_NAME=web"


def previous(result: Dict[str, Any]) -> Dict[str, Any]:
    """Return RESULT as the engine gives it back."""
    return {key: value for key, value in result.items() if key != "cniVersion"}


def test_the_result_has_what_was_made(engine: Engine) -> None:
    assert engine.done("ADD") == {
        "cniVersion": "1.1.0",
        "interfaces": [{"name": "eth0", "mac": "02:42:0a:01:00:02", "sandbox": "/run/netns/a", "mtu": 1500}],
        "ips": [
            {"address": "10.1.0.2/24", "gateway": "10.1.0.1", "interface": 0},
            {"address": "fd00:1::2/64", "gateway": "fd00:1::1", "interface": 0},
        ],
        "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.0.1"}, {"dst": "::/0", "gw": "fd00:1::1"}],
        "dns": {},
    }


@pytest.mark.parametrize(("version", "family"), [("0.4.0", "4"), ("1.0.0", None)])
def test_the_result_has_the_form_of_the_version(engine: Engine, version: str, family: Any) -> None:
    result = engine.done("ADD", cniVersion=version)
    assert result["cniVersion"] == version
    assert result["interfaces"] == [{"name": "eth0", "mac": "02:42:0a:01:00:02", "sandbox": "/run/netns/a"}]
    assert result["ips"][0].get("version") == family


def test_an_internal_network_has_no_gateway_and_no_route(engine: Engine) -> None:
    result = engine.done("ADD", network="inside")
    assert result["ips"] == [{"address": "10.3.0.2/24", "interface": 0}]
    assert result["routes"] == []


@pytest.mark.parametrize("datapath", ["system", "netdev"])
def test_a_container_has_a_port_of_open_vswitch_if_that_can_have_its_name(engine: Engine, datapath: str) -> None:
    engine.ensure(
        "network",
        {
            "name": "switch",
            "driver": "openvswitch",
            "driver_options": {"cnm.openvswitch.datapath": datapath},
            "ipam_config": [{"subnet": "10.5.0.0/24"}],
        },
    )
    before = dict(engine.kernel.present)
    if datapath == "netdev":
        _code, message = engine.code("ADD", network="switch")
        assert "with datapath netdev of network 'switch', the interface has the name of its port" in message
    else:
        assert engine.done("ADD", network="switch")["ips"][0]["address"] == "10.5.0.2/24"
        engine.done("DEL", network="switch")
    assert engine.kernel.present == before


def test_the_container_is_a_sandbox_that_is_marked_as_the_engines(engine: Engine) -> None:
    engine.done("ADD", args=NAMED)
    sandbox = engine.listed("sandbox")["web"]
    assert sandbox["SandboxKey"] == "/run/netns/a"
    assert sandbox["Labels"] == {"cnm.engine": "cni", "cnm.container": "c1", "cnm.network.eth0": "blue"}
    assert engine.listed("endpoint")["web"]["Network"] == "blue"


def test_the_field_network_names_our_network(engine: Engine) -> None:
    engine.done("ADD", args=NAMED, name="podnet", network="red")
    assert list(engine.networks_of("web")) == ["red"]
    assert engine.labels("web")["cnm.network.eth0"] == "podnet"


@pytest.mark.parametrize(
    ("container", "name"), [("default-web", "default-web"), ("0123456789abcdef" * 4, "0123456789ab")]
)
def test_a_container_without_a_name_is_called_by_its_id(engine: Engine, container: str, name: str) -> None:
    engine.done("ADD", container)
    assert list(engine.listed("sandbox")) == [name]


def test_the_namespace_of_a_process_is_adopted_with_its_identity(engine: Engine) -> None:
    engine.done("ADD", netns="/proc/77/ns/net")
    engine.vanish("/proc/77/ns/net")
    engine.appear("/proc/77/ns/net")
    assert engine.listed("sandbox")["c1"]["State"] == "lost"


def test_capabilities_choose_addresses_mac_aliases_and_names(engine: Engine) -> None:
    runtime = {
        "ips": ["10.1.0.9/24", "fd00:1::9"],
        "mac": "02:00:00:00:00:09",
        "aliases": {"blue": ["www", "www"], "other": ["elsewhere"]},
        "dns": {"servers": ["192.0.2.7"], "searches": ["example.org"], "options": ["ndots:2"]},
    }
    result = engine.done("ADD", args=NAMED, runtimeConfig=runtime, dns={"nameservers": ["192.0.2.8"]})
    assert [ip["address"] for ip in result["ips"]] == ["10.1.0.9/24", "fd00:1::9/64"]
    assert result["interfaces"][0]["mac"] == "02:00:00:00:00:09"
    assert result["dns"] == {"nameservers": ["192.0.2.7"], "search": ["example.org"], "options": ["ndots:2"]}
    assert engine.networks_of("web")["blue"]["Aliases"] == ["www"]


def test_the_configuration_chooses_names_where_the_engine_does_not(engine: Engine) -> None:
    result = engine.done("ADD", dns={"nameservers": ["192.0.2.8"], "domain": "example.net"})
    assert result["dns"] == {"nameservers": ["192.0.2.8"], "search": ["example.net"]}


def test_arguments_choose_address_and_mac_as_podman_sends_them(engine: Engine) -> None:
    result = engine.done("ADD", args="IP=10.1.0.9;MAC=02:00:00:00:00:09")
    assert result["ips"][0]["address"] == "10.1.0.9/24"
    assert result["interfaces"][0]["mac"] == "02:00:00:00:00:09"


def test_an_address_that_is_taken_is_refused_with_its_holder(engine: Engine) -> None:
    engine.ensure("endpoint", {"name": "printer", "network": "blue", "ipv4_address": "10.1.0.9"})
    code, text = engine.code("ADD", runtimeConfig={"ips": ["10.1.0.9"]})
    assert code == 7
    assert "address 10.1.0.9 is taken: endpoint 'printer' has it." in text


def test_a_reserved_endpoint_gives_the_container_its_address_and_stays(engine: Engine) -> None:
    engine.ensure("endpoint", {"name": "web", "network": "blue", "ipv4_address": "10.1.0.77"})
    assert engine.done("ADD", args=NAMED)["ips"][0]["address"] == "10.1.0.77/24"
    engine.done("DEL", args=NAMED)
    assert engine.listed("endpoint")["web"]["IPv4Address"] == "10.1.0.77/24"


def test_ports_are_published_once_although_engines_ask_on_each_network(engine: Engine) -> None:
    runtime = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "TCP", "hostIP": "127.0.0.1"}]}
    engine.done("ADD", args=NAMED, runtimeConfig=runtime)
    engine.done("ADD", ifname="eth1", args=NAMED, name="red", runtimeConfig=runtime)
    assert engine.listed("sandbox")["web"]["Ports"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}
    engine.done("DEL", args=NAMED, runtimeConfig=runtime)
    assert list(engine.networks_of("web")) == ["red"]
    assert engine.listed("endpoint")["web"]["Ports"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}
    engine.done("DEL", ifname="eth1", args=NAMED, name="red", runtimeConfig=runtime)
    assert engine.listed("sandbox") == {}


@pytest.mark.parametrize("inside_first", [True, False])
def test_ports_are_published_on_the_network_that_can(engine: Engine, inside_first: bool) -> None:
    runtime = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
    order = ["inside", "red"] if inside_first else ["red", "inside"]
    for number, name in enumerate(order):
        engine.done("ADD", ifname=f"eth{number}", name=name, runtimeConfig=runtime)
    assert engine.listed("sandbox")["c1"]["Ports"] == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}
    told = "Container 'c1': its ports are not published: network 'inside' is internal"
    assert [text.startswith(told) for text in engine.warnings] == [True] * inside_first
    for number, name in reversed(list(enumerate(order))):
        engine.done("DEL", ifname=f"eth{number}", name=name, runtimeConfig=runtime)
    assert engine.listed("endpoint") == {}


def test_a_port_that_is_taken_is_refused_with_its_holder(engine: Engine) -> None:
    engine.ensure("sandbox", {"name": "db", "networks": [{"name": "red"}], "published_ports": ["8080:80"]})
    code, text = engine.code("ADD", runtimeConfig={"portMappings": [{"hostPort": 8080, "containerPort": 80}]})
    assert code == 7
    assert "endpoint 'db' on network 'red' has it." in text


def test_aliases_are_left_out_where_names_are_not_resolved(engine: Engine) -> None:
    engine.done("ADD", network="bridge", runtimeConfig={"aliases": {"blue": ["0123456789ab"]}})
    assert engine.networks_of("c1")["bridge"]["Aliases"] == []


def test_adding_twice_is_an_error_and_changes_nothing(engine: Engine) -> None:
    engine.done("ADD", args=NAMED)
    with engine.kernel.unchanged():
        code, text = engine.code("ADD", args=NAMED)
    assert code == 101
    assert text == (
        "Container 'c1' (sandbox 'web') is already on network 'blue', through interface 'eth0'. Detach it first."
    )


def test_a_container_is_in_one_namespace(engine: Engine) -> None:
    engine.done("ADD")
    code, text = engine.code("ADD", netns="/run/netns/b", ifname="eth1", name="red")
    assert code == 101
    assert "in the namespace '/run/netns/a', not '/run/netns/b'" in text


def test_a_container_is_on_a_network_once(engine: Engine) -> None:
    engine.done("ADD")
    code, text = engine.code("ADD", ifname="eth1", name="again", network="blue")
    assert code == 7
    assert "network 'blue' is listed twice" in text


def test_a_name_that_a_living_container_or_a_sandbox_has_is_refused(engine: Engine) -> None:
    engine.ensure("sandbox", {"name": "web", "networks": [{"name": "red"}]})
    assert engine.code("ADD", args=NAMED) == (
        101,
        "There is a sandbox 'web', which is not a container. Give the container another name.",
    )
    engine.done("ADD", args="K8S_POD_NAME=db")
    code, text = engine.code("ADD", "c2", "/run/netns/b", args="K8S_POD_NAME=db")
    assert code == 101
    assert text == "Container 'c1' is already called 'db'. Give one of them another name."


@pytest.mark.parametrize("container", ["c1", "c2"])
def test_a_container_whose_namespace_is_gone_is_replaced_and_keeps_its_address(engine: Engine, container: str) -> None:
    engine.done("ADD", args=NAMED, runtimeConfig={"portMappings": [{"hostPort": 8080, "containerPort": 80}]})
    engine.done("ADD", ifname="eth1", args=NAMED, name="red")
    engine.done("ADD", "other", "/run/netns/b")
    engine.vanish("/run/netns/a")
    result = engine.done("ADD", container, "/run/netns/c", args=NAMED)
    assert result["ips"][0]["address"] == "10.1.0.2/24"
    sandbox = engine.listed("sandbox")["web"]
    assert (sandbox["SandboxKey"], list(sandbox["Networks"]), sandbox["Ports"]) == ("/run/netns/c", ["blue"], {})
    assert sandbox["Labels"] == {"cnm.engine": "cni", "cnm.container": container, "cnm.network.eth0": "blue"}


def test_a_container_that_was_renamed_while_it_was_gone_has_its_new_name(engine: Engine) -> None:
    engine.done("ADD", args=NAMED)
    engine.vanish("/run/netns/a")
    engine.done("ADD", netns="/run/netns/b", args="K8S_POD_NAME=www")
    assert list(engine.listed("sandbox")) == ["www"]
    assert list(engine.listed("endpoint")) == ["www"]


def break_another(engine: Engine) -> None:
    """Let a sandbox that each run now has to look at be one that cannot be repaired."""
    engine.ensure("sandbox", {"name": "broken", "networks": [{"name": "red"}]})
    for key in [key for key in engine.kernel.present if key.kind in ("ruleset", "element")]:
        engine.kernel.lose(key)
    engine.kernel.lose(("namespace", "/run/netns/broken"))

    def refuse(step: Step) -> None:
        if step.resource.key[1:2] == ("/run/netns/broken",):
            raise KernelRefused("It cannot be made.", step.resource.key)

    engine.kernel.before_step = refuse


def test_another_sandbox_that_cannot_be_repaired_is_a_warning(engine: Engine) -> None:
    break_another(engine)
    assert engine.done("ADD", args=NAMED)["ips"][0]["address"] == "10.1.0.2/24"
    assert "Sandbox 'broken' was left out" in engine.warnings[-1]


def test_it_does_not_keep_a_container_either(engine: Engine) -> None:
    engine.done("ADD", args=NAMED)
    break_another(engine)
    engine.done("DEL", args=NAMED)
    assert "Sandbox 'broken' was left out" in engine.warnings[-1]
    assert list(engine.listed("sandbox")) == ["broken"]


def test_removing_leaves_nothing_and_may_be_repeated(engine: Engine) -> None:
    before = set(engine.kernel.present)
    engine.done("ADD", args=NAMED)
    assert set(engine.kernel.present) != before
    assert engine.done("DEL") is None
    assert engine.done("DEL", netns="") is None
    assert engine.listed("sandbox") == engine.listed("endpoint") == {}
    assert set(engine.kernel.present) == before


@pytest.mark.parametrize("netns", ["", "/run/netns/a"])
def test_removing_succeeds_when_the_namespace_is_gone(engine: Engine, netns: str) -> None:
    engine.done("ADD")
    engine.done("ADD", ifname="eth1", name="red")
    engine.vanish("/run/netns/a")
    engine.done("DEL", netns=netns)
    engine.done("DEL", netns=netns, ifname="eth1", name="red")
    assert engine.listed("sandbox") == engine.listed("endpoint") == {}


def test_removing_does_not_touch_a_namespace_that_has_taken_the_pid(engine: Engine) -> None:
    engine.done("ADD", netns="/proc/77/ns/net")
    engine.vanish("/proc/77/ns/net")
    engine.appear("/proc/77/ns/net")
    engine.done("DEL", netns="/proc/77/ns/net")
    assert engine.listed("sandbox") == {}


@pytest.mark.parametrize(
    "other", [{"container": "c2"}, {"ifname": "eth1"}, {"name": "red"}], ids=["container", "interface", "network"]
)
def test_removing_something_else_leaves_the_container(engine: Engine, other: Dict[str, str]) -> None:
    engine.done("ADD")
    with engine.kernel.unchanged():
        engine.done("DEL", **other)
    assert list(engine.networks_of("c1")) == ["blue"]


def test_what_an_administrator_has_joined_is_left_alone_by_the_engine(engine: Engine) -> None:
    engine.done("ADD")
    engine.ensure("endpoint", {"name": "backup", "network": "red", "sandbox": "c1", "interface_name": "red0"})
    engine.done("ADD", ifname="eth1", name="inside")
    assert sorted(engine.networks_of("c1")) == ["blue", "inside", "red"]
    engine.done("DEL", ifname="eth1", name="inside")
    assert sorted(engine.networks_of("c1")) == ["blue", "red"]
    engine.done("DEL")
    assert engine.listed("sandbox") == {}
    assert engine.listed("endpoint")["backup"]["State"] == "left"


def test_checking_says_nothing_of_a_container_that_is_well(engine: Engine) -> None:
    result = previous(engine.done("ADD"))
    with engine.kernel.unchanged():
        assert engine.done("CHECK", prevResult=result) is None


def test_checking_says_what_is_missing(engine: Engine) -> None:
    result = previous(engine.done("ADD"))
    engine.kernel.lose(("link", "/run/netns/a", "eth0"))
    with engine.kernel.unchanged():
        code, text = engine.code("CHECK", prevResult=result)
    assert code == 102
    assert "Container 'c1': missing or changed: veth 'eth0' in '/run/netns/a'" in text
    assert "address 10.1.0.2/24 on 'eth0'" in text


def test_checking_says_that_address_and_mac_have_changed(engine: Engine) -> None:
    result = previous(engine.done("ADD"))
    endpoint = {"name": "c1", "network": "blue", "ipv4_address": "10.1.0.9", "mac_address": "02:00:00:00:00:09"}
    engine.ensure("endpoint", endpoint)
    code, text = engine.code("CHECK", prevResult=result)
    assert code == 102
    assert text == (
        "Container 'c1': it no longer has the address 10.1.0.2/24; its MAC address is 02:00:00:00:00:09, "
        "not 02:42:0a:01:00:02."
    )


def test_checking_what_was_not_added_is_an_unknown_container(engine: Engine) -> None:
    result = previous(engine.done("ADD"))
    engine.done("DEL")
    assert engine.code("CHECK", prevResult=result)[0] == 3


def test_checking_a_container_whose_namespace_is_gone_says_so(engine: Engine) -> None:
    result = previous(engine.done("ADD"))
    engine.vanish("/run/netns/a")
    _code, text = engine.code("CHECK", prevResult=result)
    assert "the network namespace '/run/netns/a', which it adopted, is gone" in text


@pytest.mark.parametrize("result", [None, {}, {"interfaces": [{"name": "eth1", "sandbox": "/run/netns/a"}]}])
def test_checking_needs_the_result_of_the_add(engine: Engine, result: Any) -> None:
    engine.done("ADD")
    assert engine.code("CHECK", prevResult=result) == (7, "'prevResult' has no interface 'eth0' of a container.")


def test_collecting_keeps_what_is_valid_and_what_is_not_the_engines(engine: Engine) -> None:
    engine.ensure("sandbox", {"name": "own", "networks": [{"name": "blue"}]})
    engine.done("ADD", "c1", "/run/netns/a")
    engine.done("ADD", "c1", "/run/netns/a", "eth1", name="red")
    engine.done("ADD", "c2", "/run/netns/b")
    engine.done("ADD", "c3", "/run/netns/c", name="other", network="blue")
    engine.done("GC", **{"cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth1"}]})
    networks = {name: sorted(sandbox["Networks"]) for name, sandbox in engine.listed("sandbox").items()}
    assert networks == {"own": ["blue"], "c1": ["red"], "c3": ["blue"]}


@pytest.mark.parametrize("nothing", [None, []])
def test_collecting_without_valid_attachments_removes_all_of_the_network(engine: Engine, nothing: Any) -> None:
    engine.done("ADD")
    environment = {"CNI_COMMAND": "GC", "CNI_PATH": "/opt/cni/bin"}
    text = '{"cniVersion": "1.1.0", "name": "blue", "type": "cnm", "cni.dev/valid-attachments": %s}'
    status, output = engine.raw(environment, (text % ("null" if nothing is None else "[]")).encode())
    assert (status, output) == (0, None)
    assert engine.listed("sandbox") == {}


def test_collecting_is_refused_if_nobody_says_what_is_valid(engine: Engine) -> None:
    engine.done("ADD")
    code, text = engine.code("GC")
    assert code == 7
    assert "'cni.dev/valid-attachments' is missing" in text
    code, text = engine.code("GC", **{"cni.dev/valid-attachments": [{"containerID": "c1"}, 7]})
    assert code == 7
    assert "'cni.dev/valid-attachments[0].ifname' is missing." in text
    assert "'cni.dev/valid-attachments[1]' is 7, which is not an object." in text
    assert list(engine.listed("sandbox")) == ["c1"]


def test_the_status_is_good_if_a_container_could_join(engine: Engine) -> None:
    with engine.kernel.unchanged():
        assert engine.done("STATUS") is None
    assert engine.listed("sandbox") == {}


def test_the_status_says_why_no_container_could_join(engine: Engine) -> None:
    assert engine.code("STATUS", network="green") == (50, "There is no network 'green'. Create it first.")
    engine.ensure("network", {"name": "tiny", "ipam_config": [{"subnet": "10.4.0.0/30"}]})
    engine.done("ADD", network="tiny")
    code, text = engine.code("STATUS", network="tiny")
    assert code == 50
    assert "10.4.0.0/30" in text
