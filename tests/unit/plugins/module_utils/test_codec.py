# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is written of an object is read as the same object, and nothing else is read as an object."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import is_dataclass
from typing import Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.codec import from_json, to_json
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.endpoint import Endpoint, Port
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.network import Network, Pool
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.overlay_peer import Peer, Remote, Underlay
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.sandbox import Sandbox
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.static_route import StaticRoute

ADDRESS, SUBNET = ipaddress.ip_address("10.1.0.2"), ipaddress.ip_network("10.1.0.0/24")
SIX = ipaddress.ip_address("fd00::2")
ROUTE = StaticRoute(ipaddress.ip_network("10.7.0.0/16"), ADDRESS, 3)
NETWORK = Network(
    "a" * 64,
    "lan",
    "overlay",
    (Pool(SUBNET, ADDRESS, SUBNET, {"router": ADDRESS}), Pool(ipaddress.ip_network("fd00::/64"))),
    {"com.docker.network.driver.mtu": "1400"},
    {"stage": "test"},
    kept=(ipaddress.ip_interface("10.1.0.1/24"), ipaddress.ip_interface("fd00::1/64")),
    dns_servers=("192.0.2.7",),
    routes=(ROUTE,),
    metric=7,
    underlay=Underlay(
        ADDRESS,
        "eth0",
        1500,
        (Peer("h2", ADDRESS, (Remote("far", ADDRESS, SIX, "02:00:00:00:00:09", ("x",)),)),),
        ("y",),
    ),
)
ENDPOINT = Endpoint(
    "b" * 64,
    "web",
    "a" * 64,
    "c" * 64,
    ADDRESS,
    SIX,
    "02:00:00:00:00:07",
    ("www", "site"),
    (Port(80, 8080, ADDRESS, "tcp", (SUBNET,)), Port(53)),
    interface="eth0",
)
SANDBOX = Sandbox("c" * 64, "web", dns_servers=("192.0.2.7",), etc_hosts={"a": "192.0.2.9"}, routes=(ROUTE,))
FULL = {type(item).__name__: item for item in (NETWORK, ENDPOINT, SANDBOX)}


def through_text(item):
    return json.loads(json.dumps(to_json(item)))


def drawn(kind):
    """Return a strategy for values of the type KIND."""
    arguments = get_args(kind)
    if is_dataclass(kind):
        return st.builds(kind, **{name: drawn(hint) for name, hint in get_type_hints(kind).items()})
    if get_origin(kind) is Union:
        return st.one_of(map(drawn, arguments))
    if get_origin(kind) is tuple:
        return st.lists(drawn(arguments[0]), max_size=3).map(tuple)
    return st.dictionaries(st.text(), drawn(arguments[1]), max_size=3) if arguments else st.from_type(kind)


@pytest.mark.parametrize("noun", [Network, Endpoint, Sandbox], ids=lambda noun: noun.__name__)
def test_it_is_read_as_it_was_written(noun):
    @given(drawn(noun))
    @settings(max_examples=50, deadline=None)
    def check(item):
        assert from_json(noun, through_text(item)) == item

    check()


@pytest.mark.parametrize("item", FULL.values(), ids=FULL)
def test_all_that_it_may_have(item):
    assert from_json(type(item), through_text(item)) == item


def places(data, path=()):
    """Yield the path of each value in the JSON DATA."""
    yield path
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in pairs:
        yield from places(value, (*path, key))


def exchanged(data, path, value):
    """Return DATA with VALUE at PATH."""
    if not path:
        return value
    copy = data.copy()
    copy[path[0]] = exchanged(data[path[0]], path[1:], value)
    return copy


@pytest.mark.parametrize("value", [None, True, 5, 1.5, "x", "10.0.0.1/33", [], [5], [None], {}, {"a": 5}], ids=repr)
@pytest.mark.parametrize("item", FULL.values(), ids=FULL)
def test_nothing_is_taken_for_something_else(item, value):
    """Each value, at any depth, is replaced: the result is refused, or is read as what is then written again."""
    data = through_text(item)
    for path in places(data):
        other = exchanged(data, path, value)
        try:
            read = from_json(type(item), other)
        except ValueError:
            continue
        assert json.dumps(through_text(read), sort_keys=True) == json.dumps(other, sort_keys=True), path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", None),
        ("name", 5),
        ("ipv4", 5),
        ("ipv4", "10.1.0.256"),
        ("ipv4", ["10.1.0.2"]),
        ("aliases", "www"),
        ("aliases", ["www", 5]),
        ("ports", [5]),
        ("gateway_priority", "0"),
        ("gateway_priority", True),
        ("declared", 0),
        ("declared", None),
    ],
)
def test_a_value_of_another_type_is_refused(name, value):
    with pytest.raises(ValueError, match=f"'{name}' of a endpoint is "):
        from_json(Endpoint, {**through_text(ENDPOINT), name: value})


def test_a_field_that_is_missing_and_one_too_many_are_refused():
    data = through_text(ENDPOINT)
    with pytest.raises(ValueError, match="the fields of a endpoint are "):
        from_json(Endpoint, {**data, "colour": "red"})
    del data["mac"]
    with pytest.raises(ValueError, match="the fields of a endpoint are "):
        from_json(Endpoint, data)
