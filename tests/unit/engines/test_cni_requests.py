# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests of CNI that are not carried out: which code, and what is said (specification, section 5)."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest
from _cnm.model.errors import KernelRefused, Locked
from cnm_engines import cni

from .conftest import Engine


@pytest.mark.parametrize("command", ["", "add", "REMOVE"])
def test_an_unknown_command_is_an_invalid_variable(engine: Engine, command: str) -> None:
    code, text = engine.code(command)
    assert code == 4
    assert text == f"CNI_COMMAND is '{command}', and it has to be one of ADD, DEL, CHECK, GC, STATUS, VERSION."


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ("ADD", "CNI_CONTAINERID is missing. CNI_IFNAME is missing. CNI_NETNS is missing."),
        ("CHECK", "CNI_CONTAINERID is missing. CNI_IFNAME is missing. CNI_NETNS is missing."),
        ("DEL", "CNI_CONTAINERID is missing. CNI_IFNAME is missing."),
    ],
)
def test_all_missing_variables_are_named(engine: Engine, command: str, missing: str) -> None:
    assert engine.code(command, "", "", "") == (4, missing)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"container": "../etc"}, "CNI_CONTAINERID: '../etc' is not letters"),
        ({"ifname": "far-too-long-name"}, "CNI_IFNAME: 'far-too-long-name' is not a valid interface name"),
        ({"ifname": ".."}, "CNI_IFNAME: '..' is not a valid interface name"),
        ({"ifname": "a/b"}, "CNI_IFNAME: 'a/b' is not a valid interface name"),
        ({"args": "FOO"}, "CNI_ARGS: 'FOO' is not KEY=VALUE."),
        ({"args": "FOO=1;BAR=2"}, "CNI_ARGS: the keys BAR, FOO are unknown."),
        ({"args": "IgnoreUnknown=0;FOO=1"}, "CNI_ARGS: the keys FOO are unknown."),
    ],
)
def test_invalid_variables_are_named(engine: Engine, wrong: Dict[str, str], said: str) -> None:
    code, text = engine.code("ADD", **wrong)
    assert code == 4
    assert said in text


def test_unknown_arguments_are_ignored_if_the_engine_says_so(engine: Engine) -> None:
    engine.done("ADD", args="IgnoreUnknown=true;FOO=1;K8S_POD_NAMESPACE=default")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'"text"', b"\xff", b"[" * 100000])
def test_what_is_not_a_json_object_is_not_decoded(engine: Engine, text: bytes) -> None:
    status, output = engine.raw({"CNI_COMMAND": "GC"}, text)
    assert (status, output["code"], output["cniVersion"]) == (1, 6, "1.1.0")


def test_an_input_that_cannot_be_read_is_an_io_failure(engine: Engine) -> None:
    def read() -> bytes:
        raise OSError(5, "Input/output error")

    answer = cni.answer({"CNI_COMMAND": "GC"}, read, engine.core, engine.warnings.append)
    assert json.loads(answer.output)["code"] == 5


@pytest.mark.parametrize("version", ["0.1.0", "0.3.1", "2.0.0", "", None, 1])
def test_other_versions_are_refused_and_answered_with_ours(engine: Engine, version: Any) -> None:
    status, output = engine.cni("ADD", cniVersion=version)
    assert (status, output["code"], output["cniVersion"]) == (1, 1, "1.1.0")
    assert "supported are 0.4.0, 1.0.0, 1.1.0" in output["msg"]


@pytest.mark.parametrize("command", ["GC", "STATUS"])
@pytest.mark.parametrize("version", ["0.4.0", "1.0.0"])
def test_a_command_is_refused_in_versions_without_it(engine: Engine, command: str, version: str) -> None:
    status, output = engine.cni(command, cniVersion=version)
    assert (status, output["code"], output["cniVersion"]) == (1, 1, version)


def test_the_versions_are_told_whatever_the_version_of_the_question(engine: Engine) -> None:
    assert engine.raw({"CNI_COMMAND": "VERSION"}, b'{"cniVersion": "0.2.0"}') == (
        0,
        {"cniVersion": "0.2.0", "supportedVersions": ["0.4.0", "1.0.0", "1.1.0"]},
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": None}, "'name' is missing."),
        ({"name": "-blue"}, "'-blue' is not a valid network name."),
        ({"name": 7}, "'name' is 7, which is not text."),
        ({"network": ["blue"]}, """'network' is ["blue"], which is not text."""),
        ({"network": "green"}, "Sandbox 'c1': there is no network 'green'. Create it first."),
        ({"runtimeConfig": 1}, "'runtimeConfig' is 1, which is not an object."),
        ({"runtimeConfig": {"ips": "10.1.0.9"}}, """'runtimeConfig.ips' is "10.1.0.9", which is not a list."""),
        ({"runtimeConfig": {"ips": ["10.1.0.9", "10.1.0.8"]}}, "ips: an endpoint has one IPv4 address, and there are"),
        ({"runtimeConfig": {"ips": ["10.1.0.x"]}}, "ips: '10.1.0.x' is not an IP address"),
        ({"runtimeConfig": {"ips": ["10.9.0.9/24"]}}, "10.9.0.9"),
        ({"runtimeConfig": {"mac": "1:2"}}, "mac_address: '1:2' is not a MAC address"),
        ({"runtimeConfig": {"aliases": {"blue": ["a b"]}}}, "aliases: 'a b' is not a valid host name."),
        ({"runtimeConfig": {"dns": {"servers": ["x"]}}}, "dns_servers: 'x' is not an IP address"),
        (
            {"runtimeConfig": {"portMappings": [{"containerPort": 80}]}},
            "'runtimeConfig.portMappings[0].hostPort' is missing; the engine has to choose it.",
        ),
        (
            {"runtimeConfig": {"portMappings": [{"hostPort": "80", "containerPort": True}]}},
            "'runtimeConfig.portMappings[0].containerPort' is true, which is not a whole number.",
        ),
        (
            {"runtimeConfig": {"portMappings": [{"hostPort": 80, "containerPort": 80, "protocol": "icmp"}]}},
            "protocol 'icmp' is not one of tcp, udp, sctp.",
        ),
        ({"prevResult": {"interfaces": [{"name": "eth0"}]}}, "so it comes first in 'plugins'."),
    ],
)
def test_a_wrong_configuration_is_refused_before_anything_is_touched(
    engine: Engine, wrong: Dict[str, Any], said: str
) -> None:
    with engine.kernel.unchanged():
        code, text = engine.code("ADD", **wrong)
    assert code == 7
    assert said in text
    assert engine.listed("sandbox") == {}


def test_one_message_has_all_problems(engine: Engine) -> None:
    runtime = {"ips": 1, "mac": 2, "portMappings": [{"hostPort": 80, "containerPort": 80, "hostIP": []}]}
    code, text = engine.code("ADD", runtimeConfig=runtime, dns={"search": "x"})
    assert code == 7
    assert all(f"'{key}' is " in text for key in ("runtimeConfig.ips", "runtimeConfig.mac", "dns.search"))
    assert "'runtimeConfig.portMappings[0].hostIP' is []" in text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bridge": "cni0"}, """'bridge' with the value "cni0" is not supported."""),
        ({"netwrok": "blue"}, """'netwrok' with the value "blue" is not supported; did you mean 'network'?"""),
        ({"ipam": {"type": "dhcp"}}, """'ipam' with the value {"type": "dhcp"} is not supported: the network"""),
        (
            {"runtimeConfig": {"bandwidth": {"ingressRate": 1}}},
            """'runtimeConfig.bandwidth' with the value {"ingressRate": 1} is not supported.""",
        ),
    ],
)
@pytest.mark.parametrize("command", ["ADD", "STATUS"])
def test_fields_without_effect_are_refused_with_their_values(
    engine: Engine, command: str, wrong: Dict[str, Any], said: str
) -> None:
    code, text = engine.code(command, **wrong)
    assert code == 2
    assert said in text


def test_fields_of_the_protocol_and_an_empty_ipam_are_no_mistake(engine: Engine) -> None:
    protocol = {
        "cni.dev/attachments": [],
        "capabilities": {"mac": True},
        "disableCheck": True,
        "cniVersions": ["1.1.0"],
    }
    engine.done("ADD", ipam={}, **protocol)


def test_a_container_is_removed_although_the_configuration_has_become_wrong(engine: Engine) -> None:
    engine.done("ADD")
    engine.done("DEL", args="FOO", netwrok="x", runtimeConfig={"bandwidth": 1}, network="green")
    assert engine.listed("sandbox") == {}


def test_a_namespace_that_does_not_exist_is_an_unknown_container(engine: Engine) -> None:
    assert engine.code("ADD", netns="/run/netns/none") == (3, "There is no network namespace at '/run/netns/none'.")


def test_the_namespace_of_the_host_is_refused(engine: Engine) -> None:
    assert engine.code("ADD", netns="/proc/self/ns/net")[0] == 8


def test_a_locked_store_is_a_reason_to_try_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: Any) -> None:
        raise Locked("Another run is at work on this host.")

    monkeypatch.setattr("_cnm.transactions.held", locked)
    assert engine.code("ADD") == (11, "Another run is at work on this host.")


def test_a_host_that_refuses_has_a_code_of_our_own(engine: Engine) -> None:
    def refuse(_step: Any) -> None:
        raise KernelRefused("The kernel did not make it.")

    engine.kernel.before_step = refuse
    code, text = engine.code("ADD")
    assert code == 100
    assert "The kernel did not make it." in text


def test_control_characters_of_an_engine_are_not_printed(engine: Engine) -> None:
    _code, text = engine.code("ADD", args="K8S_POD_NAME=\x1b[2J")
    assert "\x1b" not in text
    assert "is not a valid name" in text
