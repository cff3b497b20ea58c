# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run waits until the kernel has completed what it has reported as done, but not forever."""

from __future__ import annotations

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl import interface, readiness, route, uapi
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.query import (
    ADDRESS,
    HEADER,
    LINK,
    WORD,
    attribute,
    query,
)
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.request import IPV6
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.socket import Refusal
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Address

LOCAL, UNICAST = (HEADER.pack(28, 24, 0, 0, 0) + bytes([10, 128, 0, 0, 255, 2, 0, kind]) + bytes(4) for kind in (2, 1))
THERE = query(uapi.RTM_GETADDR, 0, ADDRESS.pack(10, 64, 0, 0, 7), (uapi.IFA_ADDRESS, IPV6.pack("fd00::1")))
MANY = 12
"""Answers that take longer than the patience for everything."""


def port(state):
    """Return the kernel's message about a bridge port in STATE."""
    slave = attribute(uapi.IFLA_INFO_SLAVE_DATA, attribute(uapi.IFLA_BRPORT_STATE, bytes([state])))
    mtu = (uapi.IFLA_MTU, WORD.pack(1500))
    fixed = LINK.pack(0, 0, 7, 0, 0)
    return query(uapi.RTM_NEWLINK, 0, fixed, (uapi.IFLA_IFNAME, b"veth0\0"), mtu, (uapi.IFLA_LINKINFO, slave))


class Kernel:
    """A socket that gives the answers in order, and repeats the last one."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0
        self.addresses = [[THERE]]
        """The answers to dumps of the addresses, in order; the last one is repeated."""

    def exchange(self, messages):
        self.asked += 1
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0] for _message in messages]

    def dump(self, _message):
        return self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(readiness, "_PATIENCE", 0.05)
    monkeypatch.setattr(readiness, "_LONG_PATIENCE", 0.5)


def test_an_address_is_waited_for_until_it_is_the_host_s_own():
    kernel = Kernel(Refusal(101, "Network is unreachable"), UNICAST, LOCAL)
    readiness.await_addresses([(kernel, [Address("", "br0", "10.0.0.1/24"), Address("", "br0", "fd00::1/64")])])
    assert kernel.asked == 3
    assert route.not_local(kernel, ["fd00::1"]) == []


def test_a_late_address_is_waited_for_for_longer(monkeypatch):
    monkeypatch.setattr(readiness, "_LONG_PATIENCE", 60)
    kernel = Kernel(*[UNICAST] * MANY, LOCAL)
    readiness.await_addresses([(kernel, [Address("", "br0", "fd00::1/64")])])
    assert kernel.asked == MANY + 1


def test_a_late_address_that_is_removed_is_given_up(monkeypatch):
    monkeypatch.setattr(readiness, "_LONG_PATIENCE", 60)
    kernel = Kernel(UNICAST)
    kernel.addresses = [[THERE], []]
    readiness.await_addresses([(kernel, [Address("", "br0", "fd00::1/64")])])
    assert kernel.asked < MANY


def test_an_ipv4_address_is_not_waited_for():
    kernel = Kernel(UNICAST)
    readiness.await_addresses([(kernel, [Address("", "br0", "10.0.0.1/24")])])
    assert kernel.asked == 0


def test_a_port_is_waited_for_until_it_passes_frames():
    kernel = Kernel(port(0), port(0), port(3))
    readiness.await_ports(kernel, ["veth0"])
    assert kernel.asked == 3
    assert interface.parse(port(3)).forwarding and not interface.parse(port(4)).forwarding


@pytest.mark.parametrize("answer", [port(0), UNICAST])
def test_what_never_comes_is_given_up(answer):
    kernel = Kernel(answer)
    if answer is UNICAST:
        readiness.await_addresses([(kernel, [Address("", "br0", "fd00::1/64")])])
    else:
        readiness.await_ports(kernel, ["veth0"])
    assert kernel.asked > 3


def test_a_port_that_is_gone_is_not_waited_for():
    kernel = Kernel(Refusal(19, "No such device"))
    readiness.await_ports(kernel, ["veth0"])
    assert kernel.asked == 1
