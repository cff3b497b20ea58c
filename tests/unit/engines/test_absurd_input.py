# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever an engine sends, the answer is a result or an error that names the mistake, never a bug of ours."""

from __future__ import annotations

import copy
import json
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from .conftest import Engine

ABSURD = [None, "x" * 300, "\ud800", "a\0\n", -1, 1 << 70, True, [], {}, [None], {"": {}}, ["\ud800"]]
CNI: Dict[str, Any] = {
    "cniVersion": "1.1.0",
    "name": "blue",
    "type": "cnm",
    "network": "blue",
    "args": {"cni": {"ips": ["10.1.0.8"]}},
    "dns": {"nameservers": ["192.0.2.1"], "domain": "example.org", "search": ["example.org"], "options": ["ndots:1"]},
    "runtimeConfig": {
        "aliases": {"blue": ["www"]},
        "dns": {"servers": ["192.0.2.1"], "searches": ["example.org"], "options": ["ndots:1"]},
        "ips": ["10.1.0.8/24"],
        "mac": "02:00:00:00:00:09",
        "portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": "127.0.0.1"}],
    },
    "prevResult": {
        "interfaces": [{"name": "eth0", "mac": "02:42:0a:01:00:02", "sandbox": "/run/netns/a"}],
        "ips": [{"address": "10.1.0.2/24", "interface": 0}],
    },
    "cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth0"}],
}
COMMANDS = {
    "cniVersion": ("ADD", "DEL", "STATUS", "VERSION"),
    "prevResult": ("ADD", "CHECK", "DEL"),
    "cni.dev/valid-attachments": ("GC",),
}
"""By field, the commands that read it; ADD and DEL read all others."""
ATTACHMENT = {"CNI_CONTAINERID": "c1", "CNI_NETNS": "/run/netns/a", "CNI_IFNAME": "eth0"}
NETAVARK: Dict[str, Any] = {
    "container_id": "c1",
    "container_name": "web",
    "port_mappings": [{"container_port": 80, "host_ip": "127.0.0.1", "host_port": 8080, "protocol": "tcp", "range": 1}],
    "network": {"name": "blue", "dns_enabled": True, "options": {"cnm.network": "blue"}},
    "network_options": {
        "aliases": ["www"],
        "interface_name": "eth0",
        "static_ips": ["10.1.0.8"],
        "static_mac": "02:00:00:00:00:09",
        "options": {},
    },
}
NETWORK: Dict[str, Any] = {
    "name": "green",
    "id": "1",
    "driver": "cnm",
    "network_interface": "",
    "subnets": [
        {
            "subnet": "10.8.0.0/24",
            "gateway": "10.8.0.1",
            "lease_range": {"start_ip": "10.8.0.64", "end_ip": "10.8.0.127"},
        }
    ],
    "ipv6_enabled": False,
    "internal": False,
    "dns_enabled": True,
    "ipam_options": {"driver": "host-local"},
    "options": {"cnm.network": "green"},
}


def places(value: Any, path: Tuple[Any, ...] = ()) -> Iterator[Tuple[Any, ...]]:
    """Yield the path of each value in VALUE."""
    pairs: List[Tuple[Any, Any]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    for key, inner in pairs:
        yield (*path, key)
        yield from places(inner, (*path, key))


def changed(whole: Dict[str, Any], path: Tuple[Any, ...]) -> Iterator[Dict[str, Any]]:
    """Yield copies of WHOLE with an absurd value at PATH."""
    for absurd in ABSURD:
        result = copy.deepcopy(whole)
        place: Any = result
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = absurd
        yield result


def named(path: Tuple[Any, ...]) -> str:
    return ".".join(map(str, path))


@pytest.mark.parametrize("path", list(places(CNI)), ids=named)
def test_of_cni(engine: Engine, path: Tuple[Any, ...]) -> None:
    for values in changed(CNI, path):
        for command in COMMANDS.get(path[0], ("ADD", "DEL")):
            configuration = dict(values)
            if command == "ADD" and path[0] != "prevResult":
                del configuration["prevResult"]
            environment = {**ATTACHMENT, "CNI_COMMAND": command}
            status, output = engine.raw(environment, json.dumps(configuration).encode())
            assert not status or output["code"] not in (0, 999), output


@pytest.mark.parametrize("path", list(places(NETAVARK)), ids=named)
def test_of_setup_and_teardown(engine: Engine, path: Tuple[Any, ...]) -> None:
    for values in changed(NETAVARK, path):
        for command in ("setup", "teardown"):
            status, output = engine.netavark(command, "/run/netns/a", **values)
            assert not status or output["error"]


@pytest.mark.parametrize("path", list(places(NETWORK)), ids=named)
def test_of_create(engine: Engine, path: Tuple[Any, ...]) -> None:
    for values in changed(NETWORK, path):
        status, output = engine.netavark("create", **values)
        assert not status or output["error"]
        engine.ensure("network", {"name": "green", "state": "absent"})


@pytest.mark.parametrize("value", ["", "x" * 300, "\udc80", "a\nb", "../..", "=", ";", "-"])
@pytest.mark.parametrize("name", [*ATTACHMENT, "CNI_ARGS"])
def test_of_the_environment(engine: Engine, name: str, value: str) -> None:
    for command in ("ADD", "CHECK", "DEL"):
        environment = {**ATTACHMENT, name: value, "CNI_COMMAND": command}
        status, output = engine.raw(environment, b'{"cniVersion": "1.0.0", "name": "blue", "type": "cnm"}')
        assert not status or output["code"] not in (0, 999), output
