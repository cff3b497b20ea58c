# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests are the same bytes as pyroute2's."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.nsidmsg import nsidmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl import request as ours
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl import veth

CLASSES = {"link": ifinfmsg, "address": ifaddrmsg, "route": rtmsg, "nsid": nsidmsg}
INET, INET6 = 2, 10


def theirs(kind: str, command: int, mode: int, values: Sequence[Tuple[str, Any]], **fields: int) -> bytes:
    """Return the request as pyroute2 packs it."""
    message = CLASSES[kind]()
    message["header"]["type"] = command
    message["header"]["flags"] = mode | ours.REQUEST
    message["header"]["sequence_number"] = 0
    for name, value in fields.items():
        message[name] = value
    message["attrs"] = nested(values)["attrs"]
    message.encode()
    return bytes(message.data) + bytes(-len(message.data) % 4)


def nested(values: Sequence[Tuple[str, Any]]) -> Dict[str, List[Any]]:
    return {"attrs": [[name, nested(value) if isinstance(value, list) else value] for name, value in values]}


PORT = [("IFLA_BRPORT_ISOLATED", 1), ("IFLA_BRPORT_MODE", 0)]
TUNNEL_PORT = [("IFLA_BRPORT_LEARNING", 0), ("IFLA_BRPORT_NEIGH_SUPPRESS", 1)]
TUNNEL = [
    ("IFLA_VXLAN_ID", 4667033),
    ("IFLA_VXLAN_LOCAL", "192.0.2.1"),
    ("IFLA_VXLAN_LOCAL6", "2001:db8::1"),
    ("IFLA_VXLAN_TTL", 64),
    ("IFLA_VXLAN_LEARNING", 1),
    ("IFLA_VXLAN_PORT", 4789),
    ("IFLA_VXLAN_LINK", 7),
]
REQUESTS: List[Tuple[str, int, int, List[Tuple[str, Any]], Dict[str, int]]] = [
    ("link", ours.GETLINK, 0, [("IFLA_IFNAME", "eth0"), ("IFLA_EXT_MASK", 8)], {}),
    ("link", ours.GETLINK, ours.DUMP, [("IFLA_LINKINFO", [("IFLA_INFO_KIND", "bridge")]), ("IFLA_MASTER", 7)], {}),
    ("link", ours.NEWLINK, ours.ACK, [("IFLA_IFNAME", "eth0"), ("IFLA_MTU", 1450)], {"flags": 1, "change": 1}),
    ("link", ours.NEWLINK, ours.ACK, [("IFLA_GROUP", 0x636E6D)], {"index": 1, "flags": 1, "change": 1}),
    ("link", ours.NEWLINK, ours.ACK, [("IFLA_ADDRESS", "02:42:ac:12:00:02")], {}),
    ("link", ours.DELLINK, ours.ACK, [("IFLA_GROUP", 0x78636E6D)], {}),
    (
        "link",
        ours.NEWLINK,
        ours.ACK,
        [("IFLA_LINKINFO", [("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", PORT)])],
        {},
    ),
    (
        "link",
        ours.NEWLINK,
        ours.ACK | ours.CREATE | ours.EXCLUSIVE,
        [
            ("IFLA_IFNAME", "vethabc"),
            (
                "IFLA_LINKINFO",
                [
                    ("IFLA_INFO_KIND", "veth"),
                    ("IFLA_INFO_DATA", [("VETH_INFO_PEER", [("IFLA_IFNAME", "eth0"), ("IFLA_NET_NS_FD", 9)])]),
                ],
            ),
        ],
        {"flags": 1, "change": 1},
    ),
    (
        "link",
        ours.NEWLINK,
        ours.ACK,
        [("IFLA_LINKINFO", [("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", TUNNEL_PORT)])],
        {},
    ),
    (
        "link",
        ours.NEWLINK,
        ours.ACK | ours.CREATE,
        [("IFLA_LINKINFO", [("IFLA_INFO_KIND", "vxlan"), ("IFLA_INFO_DATA", TUNNEL)])],
        {},
    ),
    ("address", ours.GETADDR, ours.DUMP, [], {"index": 3}),
    (
        "address",
        ours.NEWADDR,
        ours.ACK | ours.CREATE | ours.REPLACE,
        [("IFA_LOCAL", "172.18.0.2"), ("IFA_ADDRESS", "172.18.0.2"), ("IFA_BROADCAST", "172.18.255.255")],
        {"family": INET, "prefixlen": 16, "index": 2},
    ),
    (
        "address",
        ours.DELADDR,
        ours.ACK,
        [("IFA_LOCAL", "fd00::2"), ("IFA_ADDRESS", "fd00::2")],
        {"family": INET6, "prefixlen": 64, "flags": 2, "index": 2},
    ),
    ("route", ours.GETROUTE, ours.DUMP, [], {"family": 0, "table": 254}),
    (
        "route",
        ours.NEWROUTE,
        ours.ACK | ours.CREATE | ours.REPLACE,
        [("RTA_GATEWAY", "172.18.0.1"), ("RTA_OIF", 2)],
        {"family": INET, "table": 254, "proto": 4, "type": 1},
    ),
    (
        "route",
        ours.NEWROUTE,
        ours.ACK | ours.CREATE | ours.EXCLUSIVE,
        [("RTA_GATEWAY", "fd00::1"), ("RTA_OIF", 2), ("RTA_PRIORITY", 1)],
        {"family": INET6, "table": 254, "proto": 4, "type": 1},
    ),
    (
        "route",
        ours.DELROUTE,
        ours.ACK,
        [("RTA_DST", "fd00:1::"), ("RTA_GATEWAY", "fd00::1")],
        {"family": INET6, "dst_len": 64, "table": 254, "scope": 255},
    ),
    ("nsid", ours.GETNSID, 0, [("NETNSA_FD", 11)], {}),
]


@pytest.mark.parametrize(("kind", "command", "mode", "values", "fields"), REQUESTS)
def test_as_pyroute2(kind: str, command: int, mode: int, values: List[Tuple[str, Any]], fields: Dict[str, int]) -> None:
    assert ours.encode(kind, command, mode, values, **fields) == theirs(kind, command, mode, values, **fields)


def test_each_attribute_is_compared() -> None:
    def names(values: Sequence[Tuple[str, Any]]) -> List[str]:
        return [each for name, value in values for each in (name, *(names(value) if isinstance(value, list) else ()))]

    assert {name for _kind, _command, _mode, values, _fields in REQUESTS for name in names(values)} == set(ours._KINDS)


@given(
    st.text("abcdefghijklmnop-.0123456789", min_size=1, max_size=15),
    st.integers(68, 65535),
    st.binary(min_size=6, max_size=6),
)
def test_whatever_the_values(name: str, mtu: int, mac: bytes) -> None:
    values = [("IFLA_IFNAME", name), ("IFLA_MTU", mtu), ("IFLA_ADDRESS", mac.hex(":"))]
    assert ours.encode("link", ours.NEWLINK, ours.ACK, values) == theirs("link", ours.NEWLINK, ours.ACK, values)


def test_a_field_that_the_message_does_not_have() -> None:
    with pytest.raises(TypeError, match="'link' has no field 'table'"):
        ours.encode("link", ours.GETLINK, 0, [], table=1)


def test_a_pair_from_the_template_is_the_pair_itself() -> None:
    shape = veth.Shape(True, 1450, 1500, 7, 3, True)
    packed = veth.creation(shape, "vethabc", "eth0", "02:42:ac:12:00:02", 5)
    whole = theirs(
        "link",
        ours.NEWLINK,
        ours.ACK | ours.CREATE | ours.EXCLUSIVE,
        [
            ("IFLA_IFNAME", "vethabc".ljust(15, "\0")),
            ("IFLA_GROUP", 7),
            ("IFLA_MTU", 1500),
            ("IFLA_MASTER", 3),
            (
                "IFLA_LINKINFO",
                [
                    ("IFLA_INFO_KIND", "veth"),
                    (
                        "IFLA_INFO_DATA",
                        [
                            (
                                "VETH_INFO_PEER",
                                [
                                    ("IFLA_IFNAME", "eth0".ljust(15, "\0")),
                                    ("IFLA_GROUP", 7),
                                    ("IFLA_ADDRESS", "02:42:ac:12:00:02"),
                                    ("IFLA_MTU", 1450),
                                    ("IFLA_NET_NS_FD", 5),
                                ],
                            )
                        ],
                    ),
                ],
            ),
        ],
        flags=1,
        change=1,
    )
    assert packed == whole
