# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The limit: batches of netlink messages, without a store, rules or names, and without reading the present state."""

from __future__ import annotations

import os

from clock import Cost, measured
from stand_in import Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.namespace import Namespaces
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl import (
    address,
    interface,
    link_removal,
    link_requests,
    new_link,
    route,
    uapi,
    veth,
)
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.request import encode
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.socket import CHUNK, Refusal
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Address
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import GROUP, Link
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.namespace import Namespace
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import HOST

from . import GATEWAY, PREFIX, namespaces
from . import address as address_of


class Bare:
    """The costs of the kernel alone."""

    most = 1000

    def __init__(self, host: Host) -> None:
        self._host = host

    def prepare(self, number: int) -> None:
        self._host.ip(f"link add br0 type bridge\naddress add {GATEWAY}/{PREFIX} dev br0\nlink set br0 up\n")

    def attach(self, first: int, number: int) -> Cost:
        def work() -> None:
            with namespaces.opened() as spaces:
                for start in range(first, first + number, CHUNK):
                    _attach(spaces, range(start, min(start + CHUNK, first + number)))

        return measured(work)

    def detach(self, first: int, number: int) -> Cost:
        def work() -> None:
            with namespaces.opened() as spaces:
                ends = [Link(HOST, f"v{each}", "veth") for each in range(first, first + number)]
                link_removal.remove(spaces, ends)
                for each in range(first, first + number):
                    spaces.remove(namespaces.path(each))

        return measured(work)

    def networks(self, number: int) -> Cost:
        def work() -> None:
            with namespaces.opened() as spaces:
                kernel = spaces.at(HOST)
                bridge = ("IFLA_LINKINFO", [("IFLA_INFO_KIND", "bridge")])
                names = [f"b{each}" for each in range(number)]
                _sent(kernel.exchange([new_link.request([("IFLA_IFNAME", name), bridge], True) for name in names]))
                interfaces = interface.find(kernel, names)
                _sent(
                    kernel.exchange(
                        [
                            address.addition(
                                Address(HOST, name, f"10.{each >> 6}.{(each & 63) << 2}.1/22"), interfaces[name].index
                            ).message
                            for each, name in enumerate(names)
                        ]
                    )
                )

        return measured(work)

    def close(self) -> None:
        """There is nothing to stop."""


def _attach(spaces: Namespaces, numbers: range) -> None:
    kernel = spaces.at(HOST)
    master = interface.find(kernel, ["br0"])["br0"].index
    spaces.make([Namespace(namespaces.path(each)) for each in numbers])
    opened = [spaces.open(namespaces.path(each)) for each in numbers]
    pair = veth.Pair(None, None, GROUP, master, True)
    _sent(
        kernel.exchange([veth.creation(pair, f"v{each}", "eth0", None, fd or 0) for each, fd in zip(numbers, opened)])
    )
    for fd in opened:
        os.close(fd or 0)
    for each in numbers:
        inside = spaces.at(namespaces.path(each))
        index = interface.find(inside, ["eth0"])["eth0"].index
        way = encode(
            "route",
            uapi.RTM_NEWROUTE,
            uapi.NLM_F_ACK | uapi.NLM_F_CREATE,
            [("RTA_GATEWAY", GATEWAY), ("RTA_OIF", index)],
            family=2,
            table=254,
            proto=route.FROM_ADMINISTRATOR,
            type=1,
        )
        owned = address.addition(Address("", "eth0", f"{address_of(each)}/{PREFIX}"), index).message
        _sent(inside.exchange([link_requests.setting_up("eth0"), owned, way]))


def _sent(replies: list[object]) -> None:
    refused = [reply for reply in replies if isinstance(reply, Refusal)]
    if refused:
        raise RuntimeError(str(refused[0]))
