# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that a module does not have, or of the wrong type: one message lists all of them with their places."""

from __future__ import annotations

import importlib
import json
from contextlib import contextmanager, nullcontext
from typing import Any, Iterator

import pytest

basic = pytest.importorskip("ansible.module_utils.basic")

from ansible_collections.cnm.linux.plugins.module_utils._cnm import options, task
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError

KEY, SECRET = "net.ipv4.tcp_fastopen_key", "0a1b2c3d-0a1b2c3d-0a1b2c3d-0a1b2c3d"
MODULES = "ansible_collections.cnm.linux.plugins.modules"
SANDBOX = (
    "dns_opts, dns_search_domains, dns_servers, domainname, etc_hosts, hostname, labels, name, netns, networks, "
    "no_default_route, pid, published_ports, routes, state, sysctls"
)
NETWORK = ", ".join(sorted(importlib.import_module(f"{MODULES}.cnm_network").ARGUMENTS))
ATTACHMENT = "aliases, gateway_priority, interface_name, ipv4_address, ipv6_address, mac_address, name"


@contextmanager
def given_options(options: dict[str, Any]) -> Iterator[None]:
    """Give OPTIONS to a module that starts in the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode())
        patch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        yield


def refused(capsys: pytest.CaptureFixture[str], module: str, options: dict[str, Any]) -> str:
    """Return the message with which MODULE refuses OPTIONS."""
    with given_options(options), pytest.raises(SystemExit):
        importlib.import_module(f"{MODULES}.{module}").main()
    answer = json.loads(capsys.readouterr().out)
    assert answer["failed"]
    return str(answer["msg"])


@pytest.mark.parametrize(
    ("module", "options", "sentences"),
    [
        (
            "cnm_network_info",
            {"type": "foo", "driver": "bar", "nme": "x"},
            [
                "Unknown option 'nme'; did you mean 'name'?",
                "Value of driver must be one of: bridge, overlay, macvlan, ipvlan, openvswitch, host, null, got: bar.",
                "Value of type must be one of: builtin, custom, got: foo.",
                "The options of this module are: dangling, driver, labels, name, scope, type.",
            ],
        ),
        (
            "cnm_network",
            {"name": "a", "networks": [{"name": "b", "internal": "loud"}], "driver": "weave"},
            [
                "Parameters are mutually exclusive: networks|name, networks|driver.",
                "Value of driver must be one of: bridge, overlay, macvlan, ipvlan, openvswitch, host, null, got: "
                "weave; driver 'weave' is not supported, see https://github.com/cnm-linux/cnm.linux/blob/main/docs/docker.md.",
                "Network 'b': argument 'internal' is of type str and we were unable to convert to bool.",
            ],
        ),
        ("cnm_endpoint", {}, ["One of the following is required: name, endpoints."]),
        (
            "cnm_sandbox",
            {
                "sandboxes": [
                    {"name": "a", "stat": "x", "hostnam": "y"},
                    {"name": "b", "state": "up", "netns": "/x", "pid": 1, "labels": [1]},
                    {"networks": []},
                    "c",
                    None,
                    {"name": "fine"},
                    {"name": "\x1b[2J", "networks": [{"name": "lan", "ip": 1}, {"aliases": {}}, 7]},
                ]
            },
            [
                "Sandbox 'a': unknown option 'hostnam'; did you mean 'hostname'?",
                "Sandbox 'a': unknown option 'stat'; did you mean 'state'?",
                f"The options of an entry of sandboxes are: {SANDBOX}.",
                "Sandbox 'b': parameters are mutually exclusive: netns|pid.",
                "Sandbox 'b': argument 'labels' is of type list and we were unable to convert to dict.",
                "Sandbox 'b': value of state must be one of: present, stopped, restarted, absent, got: up; did you "
                "mean 'present'?",
                "sandboxes[2]: missing required arguments: name.",
                "sandboxes[3]: 'c' is a string; use a dictionary such as {name: c}.",
                "sandboxes[4]: None is not a dictionary.",
                "Sandbox '\\x1b[2J': network 'lan': unknown option 'ip'; did you mean 'ipv4_address'?",
                f"The options of an entry of networks are: {ATTACHMENT}.",
                "Sandbox '\\x1b[2J': networks[1]: missing required arguments: name.",
                "Sandbox '\\x1b[2J': networks[1]: argument 'aliases' is of type dict and we were unable to convert to "
                "list.",
                "Sandbox '\\x1b[2J': networks[2]: 7 is not a dictionary.",
            ],
        ),
        (
            "cnm_network",
            {
                "name": "a",
                "ipam_config": [{"gateway": "10.0.0.1"}],
                "peers": [{"name": "p", "address": "192.0.2.1", "endpoints": [{"name": "e", "alias": "x"}]}],
            },
            [
                "ipam_config[0]: missing required arguments: subnet.",
                "Peer 'p': endpoint 'e': unknown option 'alias'; did you mean 'aliases'?",
                "The options of an entry of endpoints are: aliases, ipv4_address, ipv6_address, mac_address, name.",
            ],
        ),
        (
            "cnm_sandbox",
            {
                "sandboxes": [
                    {"name": "a", "ports": ["80"], "extra_hosts": {}, "state": "started"},
                    {"name": "b", "ports": ["80"], "networks": [{"name": "lan", "aliases": [{"name": "web"}, "x"]}]},
                    {"name": ["c"], "zebra": 1},
                ]
            },
            [
                "Sandbox 'a': unknown option 'extra_hosts'; did you mean 'etc_hosts'?",
                "Sandbox 'a': unknown option 'ports'; did you mean 'published_ports'?",
                "Sandbox 'a': value of state must be one of: present, stopped, restarted, absent, got: started; did "
                "you mean 'present'?",
                f"The options of an entry of sandboxes are: {SANDBOX}.",
                "Sandbox 'b': unknown option 'ports'; did you mean 'published_ports'?",
                "Sandbox 'b': network 'lan': aliases[0]: {'name': 'web'} is a dictionary; use a string such as 'web'.",
                "Sandbox '['c']': unknown option 'zebra'.",
                "Sandbox '['c']': name: ['c'] is a list; use a string such as 'c'.",
            ],
        ),
        (
            "cnm_network",
            {"name": "a", "mtu": 1400, "ipam_config": ["10.0.0.0/24"]},
            [
                "Unknown option 'mtu'; did you mean 'driver_options' with the key 'com.docker.network.driver.mtu'?",
                f"The options of this module are: {NETWORK}.",
                "ipam_config[0]: '10.0.0.0/24' is a string; use a dictionary such as {subnet: 10.0.0.0/24}.",
            ],
        ),
    ],
)
def test_all_is_said_at_once(
    capsys: pytest.CaptureFixture[str], module: str, options: dict[str, Any], sentences: list[str]
) -> None:
    assert refused(capsys, module, options) == " ".join(sentences)


def test_a_secret_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = {
        "key": {"type": "str", "no_log": True, "choices": ["a"]},
        "list": {"type": "list", "elements": "dict", "options": {"key": {"type": "str", "no_log": True}}},
    }
    given = {"key": "sesame", "list": [{"key": "tahini", "name": "open tahini", "sesame": 1}]}
    with given_options(given), pytest.raises(SystemExit):
        task._Module(argument_spec=arguments)
    text = json.loads(capsys.readouterr().out)["msg"]
    assert "must be one of: a" in text
    assert "unknown option" in text
    assert "sesame" not in text
    assert "tahini" not in text


@pytest.mark.parametrize("sysctls", ({KEY: SECRET}, f"{KEY}={SECRET}"))
@pytest.mark.parametrize("option", ("sysctls", "sandboxes"))
def test_a_secret_setting_is_not_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, option: str, sysctls: Any
) -> None:
    monkeypatch.setattr(task.os, "geteuid", lambda: 0)
    monkeypatch.setattr(task, "Kernel", lambda run: nullcontext())
    logged: list[str] = []
    monkeypatch.setattr(task.AnsibleModule, "log", lambda self, msg, log_args=None: logged.append(f"{msg} {log_args}"))
    options = {"name": "a", "sysctls": sysctls}
    arguments = importlib.import_module(f"{MODULES}.cnm_sandbox").ARGUMENTS

    def fail(*_arguments: Any) -> None:
        raise CnmError(f"The kernel does not take {SECRET}.")

    with given_options(options if option == "sysctls" else {"sandboxes": [options]}), pytest.raises(SystemExit):
        task._carry_out(task._Module(argument_spec=arguments), fail)
    assert SECRET not in capsys.readouterr().out
    assert logged
    assert SECRET not in str(logged)


def test_a_run_that_fails_says_why(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task.os, "geteuid", lambda: 0)
    monkeypatch.setattr(task, "Kernel", lambda run: nullcontext())

    def fail(*arguments: Any) -> None:
        raise CnmError("Network 'a' cannot be made.") from OSError(5, "and this is the cause")

    with given_options({}), pytest.raises(SystemExit):
        task._carry_out(task._Module(argument_spec={}), fail)
    answer = json.loads(capsys.readouterr().out)
    assert (answer["failed"], answer["msg"]) == (True, "Network 'a' cannot be made.")


def test_a_text_may_be_a_dictionary_and_aliases_are_names() -> None:
    problems: list[str] = []
    arguments = importlib.import_module(f"{MODULES}.cnm_sandbox").ARGUMENTS
    given = {"sandboxes": ["name=a pid=7", {"name": "b", "networks": [{"name": "lan", "gw_priority": "5"}]}]}
    first, second = options.examine(arguments, given, problems)["sandboxes"]
    assert problems == []
    assert (first["name"], first["pid"], first["state"], first["labels"]) == ("a", 7, "present", None)
    assert second["networks"][0]["gateway_priority"] == 5


def test_what_is_wrong_is_left_out() -> None:
    problems: list[str] = []
    arguments = importlib.import_module(f"{MODULES}.cnm_sandbox").ARGUMENTS
    given = {"sandboxes": [{"name": "a", 5: 6}, {"name": "b"}, {"name": "c", "networks": [{}]}]}
    sandboxes = options.examine(arguments, given, problems, "Host 'x': ")["sandboxes"]
    assert [each["name"] for each in sandboxes] == ["b"]
    assert [problem for problem in problems if not problem.startswith("The ")] == [
        "Host 'x': sandbox 'a': unknown option '5'.",
        "Host 'x': sandbox 'c': networks[0]: missing required arguments: name.",
    ]


@pytest.mark.parametrize("name", ["gateway_priority", "gw_priority"])
def test_the_priority_has_dockers_name_too(name: str) -> None:
    arguments = importlib.import_module(f"{MODULES}.cnm_endpoint").ARGUMENTS
    problems: list[str] = []
    values = options.examine(arguments, {"name": "e", name: 5, "endpoints": [{"name": "f", name: 6}]}, problems)
    assert (values["gateway_priority"], values["endpoints"][0]["gateway_priority"], problems) == (5, 6, [])
