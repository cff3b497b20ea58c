# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import re

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.firewall import table
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources import firewall
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Element

address = ipaddress.ip_address
subnet = ipaddress.ip_network
WEB4, WEB6 = (subnet("172.18.0.0/16"), address("172.18.0.1")), (subnet("fd00:18::/64"), address("fd00:18::1"))


def entries(elements: list[Element], name: str) -> list[tuple[str, str]]:
    return [(element.entry, element.value) for element in elements if element.set == name]


def test_every_element_is_of_a_declared_set() -> None:
    made = firewall.network_elements("br-a", [WEB4, WEB6], source4=address("192.0.2.1"), internal=False)
    made += firewall.network_elements("br-b", [WEB4, WEB6], internal=True)
    made += firewall.network_elements("br-c", [WEB4, WEB6], routed={4, 6})
    made += firewall.network_elements("br-d", [WEB4, WEB6], source6=address("2001:db8::1"), dns=True)
    for target in (address("172.18.0.2"), address("fd00:18::2")):
        made += firewall.published(None, "tcp", 80, target, 80) + firewall.opened(target, "tcp", 80)
    made += firewall.network_elements("br-e", [WEB4], mac="02:42:ac:12:00:01")
    made += firewall.network_elements("br-f", [WEB4], lent=True)
    made += [Element("apart4", "eth0"), Element("apart6", "eth0")]
    made += firewall.elsewhere("br-a", [address("172.19.0.2"), address("fd00:19::2")])
    made += firewall.tunnel_elements(4789, "eth0", [address("192.0.2.7"), address("2001:db8::7")])
    made += firewall.encrypted_elements(4789, 77, "wg0")
    declared = dict(re.findall(r"(?:set|map) (\w+) \{\s*type(?:of)? ([^;]+);", firewall.RULESET))
    assert {element.set for element in made} == set(declared)
    for element in made:
        key, _colon, value = declared[element.set].partition(" : ")
        assert element.entry.count(" . ") == key.count(" . ")
        assert bool(element.value) == bool(value)


def test_device_names_are_quoted_in_the_sets_that_hold_them() -> None:
    declared = re.findall(r"(?:set|map) (\w+) \{\s*type ifname", firewall.RULESET)
    assert sorted(declared) == sorted(table.DEVICE_SETS)


def test_a_network_leaves_by_masquerade() -> None:
    made = firewall.network_elements("br-a", [WEB4, WEB6])
    assert entries(made, "within") == [("br-a . br-a", "accept")]
    assert entries(made, "masquerade4") == [("172.18.0.0/16", "")]
    assert entries(made, "masquerade6") == [("fd00:18::/64", "")]
    assert entries(made, "gateways4") == [("172.18.0.1", "")]
    assert entries(made, "internal") == entries(made, "source4") == entries(made, "routed4") == []


def test_a_source_address_replaces_masquerade_for_its_family() -> None:
    made = firewall.network_elements("br-a", [WEB4, WEB6], source4=address("192.0.2.9"))
    assert entries(made, "source4") == [("172.18.0.0/16", "192.0.2.9")]
    assert entries(made, "masquerade4") == []
    assert entries(made, "masquerade6") == [("fd00:18::/64", "")]


def test_no_translation_of_internal_routed_or_plain_networks() -> None:
    for options in ({"internal": True}, {"routed": (4, 6)}, {"masquerade": False}):
        made = firewall.network_elements("br-a", [WEB4, WEB6], source4=address("192.0.2.9"), **options)
        assert not [element for element in made if element.set.startswith(("masquerade", "source"))]


def test_one_family_is_routed_and_the_other_translated() -> None:
    made = firewall.network_elements("br-a", [WEB4, WEB6], routed={6})
    assert entries(made, "routed6") == [("fd00:18::/64", "")]
    assert entries(made, "masquerade4") == [("172.18.0.0/16", "")]
    assert entries(made, "routed4") == entries(made, "masquerade6") == []


def test_endpoints_kept_apart_and_pools_without_gateway() -> None:
    made = firewall.network_elements("br-a", [(WEB4[0], None)], icc=False, internal=True)
    assert entries(made, "within") == [("br-a . br-a", "drop")]
    assert entries(made, "internal") == [("br-a", "")]
    assert entries(made, "gateways4") == []


def test_a_port_is_published_on_every_address_or_on_one() -> None:
    web = address("172.18.0.2")
    everywhere = [("8080 . tcp . 0.0.0.0/0 . 0.0.0.0/0", "172.18.0.2 . 80")]
    assert entries(firewall.published(None, "tcp", 8080, web, 80), "published4") == everywhere
    assert entries(firewall.published(address("0.0.0.0"), "tcp", 8080, web, 80), "published4") == everywhere
    one = firewall.published(address("127.0.0.1"), "udp", 53, web, 5353)
    assert entries(one, "published4") == [("53 . udp . 127.0.0.1 . 0.0.0.0/0", "172.18.0.2 . 5353")]
    six = firewall.published(None, "sctp", 1, address("fd00:18::2"), 2)
    assert entries(six, "published6") == [("1 . sctp . ::/0 . ::/0", "fd00:18::2 . 2")]


def test_a_host_address_of_the_other_family_publishes_nothing() -> None:
    assert firewall.published(address("::"), "tcp", 80, address("172.18.0.2"), 80) == []


def test_overlapping_sources_are_collapsed_and_the_other_family_is_left_out() -> None:
    sources = [subnet(text) for text in ("10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16", "192.0.2.7", "2001:db8::/32")]
    made = firewall.published(None, "tcp", 80, address("172.18.0.2"), 80, sources)
    assert [element.entry.split(" . ")[3] for element in made] == ["10.0.0.0/8", "192.0.2.7"]
    assert firewall.published(None, "tcp", 80, address("fd00:18::2"), 80, sources[:4]) == []
    assert [element.entry for element in firewall.opened(address("fd00:18::2"), "udp", 53, sources)] == [
        "53 . udp . fd00:18::2 . 2001:db8::/32"
    ]
