# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our constants of the kernel's interface are those of pyroute2, and requests that only read are the same bytes."""

from __future__ import annotations

import importlib
import socket
from typing import Any, Dict

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.firewall import conntrack, listings
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl import (
    address,
    interface,
    neighbour,
    route,
    uapi,
)
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.message_classes import message_class
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.query import HEADER
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system import sock_diag

from .pyroute2_requests import encoded

INET, INET6, BRIDGE = 2, 10, 7
NUMBERS = {name: value for name, value in vars(uapi).items() if name.isupper()}


def numbers_of(message: Any) -> Dict[str, int]:
    """Return the attributes that a class of pyroute2 names, with their numbers."""
    return {
        (entry[1] if isinstance(entry[0], int) else entry[0]): entry[0] if isinstance(entry[0], int) else place
        for place, entry in enumerate(message.nla_map)
    }


@pytest.fixture(scope="module")
def known() -> Dict[str, Dict[str, int]]:
    """pyroute2's numbers by the prefixes of their names, the longest first."""
    link, rtnl = message_class("ifinfmsg"), importlib.import_module("pyroute2.netlink.rtnl")
    vlan, vxlan = (importlib.import_module(f"{link.__module__}.plugins.{name}") for name in ("vlan", "vxlan"))
    ports = importlib.import_module(link.__module__).protinfo_bridge
    return {
        "IFLA_INFO_": numbers_of(link.ifinfo),
        "IFLA_BRPORT_": numbers_of(ports),
        "IFLA_BR_": numbers_of(link.ifinfo.data_map["bridge"]),
        "IFLA_IPVLAN_": numbers_of(link.ifinfo.data_map["ipvlan"]),
        "IFLA_MACVLAN_": numbers_of(link.ifinfo.macvlan_data),
        "IFLA_VLAN_": numbers_of(vlan.vlan),
        "IFLA_VXLAN_": numbers_of(vxlan.vxlan),
        "IFLA_": numbers_of(link),
        "IFA_": numbers_of(message_class("ifaddrmsg")),
        "RTA_": numbers_of(message_class("rtmsg")),
        "NDA_": numbers_of(message_class("ndmsg")),
        "NETNSA_": numbers_of(message_class("nsidmsg")),
        "RTM_": vars(rtnl),
        "NLM_F_": vars(importlib.import_module("pyroute2.netlink")),
        "NLMSG_": vars(importlib.import_module("pyroute2.netlink")),
        "NETLINK_": vars(importlib.import_module("pyroute2.netlink")),
    }


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_those_of_pyroute2(name: str, known: Dict[str, Dict[str, int]]) -> None:
    theirs = next(numbers for beginning, numbers in known.items() if name.startswith(beginning))
    if name not in theirs:
        # The table in this version of pyroute2 ends before it.
        assert name in ("NDA_NH_ID", "IFLA_BRPORT_NEIGH_SUPPRESS", "IFLA_BRPORT_ISOLATED")
        assert NUMBERS[name] >= len(theirs)
    else:
        assert NUMBERS[name] == theirs[name]


def test_states_types_and_origins_are_those_of_pyroute2() -> None:
    rtnl = importlib.import_module("pyroute2.netlink.rtnl")
    entries = importlib.import_module("pyroute2.netlink.rtnl.ndmsg")
    assert {name: rtnl.rt_type[name] for name in route._NUMBERS} == route._NUMBERS
    assert [rtnl.rt_proto[name] for name in ("kernel", "static", "ra")] == [
        route.FROM_KERNEL,
        route.FROM_ADMINISTRATOR,
        route.FROM_ADVERTISEMENT,
    ]
    scopes = (route.SCOPE_LINK, route._SCOPE_SITE, route._SCOPE_NOWHERE)
    assert tuple(rtnl.rt_scope[name] for name in ("link", "site", "nowhere")) == scopes
    assert (entries.NUD_NOARP, entries.NUD_PERMANENT) == (neighbour._STATIC, neighbour._PERMANENT)
    assert (entries.NTF_SELF, entries.NTF_MASTER) == (neighbour._SELF, neighbour._BY_MASTER)


def test_numbers_of_connections_are_those_of_pyroute2() -> None:
    theirs = importlib.import_module("pyroute2.netlink.nfnetlink.nfctsocket")
    flow, ends, ports = theirs.nfct_msg, theirs.nfct_msg.cta_tuple.cta_ip, theirs.nfct_msg.cta_tuple.cta_proto
    groups = {
        flow: ("TUPLE_ORIG", "TUPLE_REPLY", "STATUS", "ID", "ZONE"),
        flow.cta_tuple: ("TUPLE_IP", "TUPLE_PROTO"),
        ends: ("IP_V4_SRC", "IP_V4_DST", "IP_V6_SRC", "IP_V6_DST"),
        ports: ("PROTO_NUM", "PROTO_SRC_PORT", "PROTO_DST_PORT"),
    }
    for message, names in groups.items():
        for name in names:
            assert getattr(conntrack, f"CTA_{name}") == numbers_of(message)[f"CTA_{name}"], name
    subsystem = theirs.NFNL_SUBSYS_CTNETLINK << 8
    assert subsystem | theirs.IPCTNL_MSG_CT_GET == conntrack.GET
    assert subsystem | theirs.IPCTNL_MSG_CT_DELETE == conntrack.DELETE


def test_numbers_of_generations_of_rules_are_those_of_pyroute2() -> None:
    theirs = importlib.import_module("pyroute2.netlink.nfnetlink.nftsocket")
    subsystem = theirs.NFNL_SUBSYS_NFTABLES << 8
    assert subsystem | theirs.NFT_MSG_GETGEN == listings._GET_GENERATION
    assert subsystem | theirs.NFT_MSG_NEWGEN == listings._NEW_GENERATION
    assert numbers_of(theirs.nft_gen_msg)["NFTA_GEN_ID"] == listings._GENERATION_ID


def test_questions_about_links() -> None:
    no_statistics = ("IFLA_EXT_MASK", 8)
    assert interface.by_name("eth0") == encoded(
        "ifinfmsg", uapi.RTM_GETLINK, 0, [("IFLA_IFNAME", "eth0"), no_statistics]
    )
    assert interface.by_index(7) == encoded("ifinfmsg", uapi.RTM_GETLINK, 0, [no_statistics], index=7)
    bridges = [no_statistics, ("IFLA_LINKINFO", [("IFLA_INFO_KIND", "bridge")]), ("IFLA_MASTER", 7)]
    assert interface.listing("bridge", 7) == encoded("ifinfmsg", uapi.RTM_GETLINK, uapi.NLM_F_DUMP, bridges)
    assert interface.nsid_request(11) == encoded("nsidmsg", uapi.RTM_GETNSID, 0, [("NETNSA_FD", 11)])


def test_questions_about_addresses_and_routes() -> None:
    assert address._of_link(3) == encoded("ifaddrmsg", uapi.RTM_GETADDR, uapi.NLM_F_DUMP, [], index=3)
    assert route._main_table() == encoded("rtmsg", uapi.RTM_GETROUTE, uapi.NLM_F_DUMP, [], family=0, table=254)
    for text, family, length in (("192.0.2.1", INET, 32), ("2001:db8::1", INET6, 128)):
        asked = encoded("rtmsg", uapi.RTM_GETROUTE, 0, [("RTA_DST", text)], family=family, dst_len=length)
        assert route._lookup(text) == asked


def test_questions_about_neighbours() -> None:
    table = encoded("ndmsg", uapi.RTM_GETNEIGH, uapi.NLM_F_DUMP, [], family=BRIDGE, ifindex=3)
    assert neighbour._fdb_query(3) == table
    for text, family in (("192.0.2.1", INET), ("2001:db8::1", INET6)):
        asked = encoded("ndmsg", uapi.RTM_GETNEIGH, 0, [("NDA_DST", text)], family=family, ifindex=3)
        assert neighbour._lookup(text, 3) == asked
    mac = "02:42:ac:12:00:02"
    asked = encoded("ndmsg", uapi.RTM_GETNEIGH, 0, [("NDA_LLADDR", mac)], family=BRIDGE, ifindex=3, flags=4)
    assert neighbour._port_lookup(3, mac) == asked


@pytest.mark.parametrize(("family", "protocol"), ((INET, 6), (INET6, 17)))
def test_questions_about_sockets(family: int, protocol: int) -> None:
    theirs = importlib.import_module("pyroute2.netlink.diag")
    assert theirs.SOCK_DIAG_BY_FAMILY == sock_diag.SOCK_DIAG_BY_FAMILY
    assert (sock_diag.LISTEN, sock_diag.CLOSE) == (theirs.SS_LISTEN, theirs.SS_CLOSE)
    question = theirs.inet_diag_req()
    question["header"]["type"] = theirs.SOCK_DIAG_BY_FAMILY
    question["header"]["flags"] = uapi.NLM_F_DUMP | uapi.NLM_F_REQUEST
    for field, value in {"sdiag_family": family, "sdiag_protocol": protocol, "idiag_states": 1 << 10}.items():
        question[field] = value
    question.encode()
    assert sock_diag.request(family, protocol, 1 << 10) == bytes(question.data)


def test_answers_about_sockets() -> None:
    theirs = importlib.import_module("pyroute2.netlink.diag")
    data = HEADER.pack(HEADER.size + 72, sock_diag.SOCK_DIAG_BY_FAMILY, 0, 0, 0) + bytes([INET6, *range(1, 72)])
    answer = theirs.inet_diag_msg(data)
    answer.decode()
    port, address, inode = sock_diag.ANSWER.unpack_from(data, HEADER.size)
    assert (socket.ntohs(port), inode) == (answer["idiag_sport"], answer["idiag_inode"])
    assert socket.inet_ntop(socket.AF_INET6, address) == answer["idiag_src"]
