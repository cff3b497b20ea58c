# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An interface of the host that leads to a LAN with a router, which may be a VLAN of a trunk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from lab import HOST, OUTSIDE, pinged
from stand_in import Host
from tasks import Tasks, eventually, listed

ROUTER, ROUTER6 = "192.168.7.1", "fd00:7::1"
ON_HOST = "192.168.7.250"
"""The address of ``lan0``, if the router takes frames without a tag."""


def plug(tasks: Tasks, tag: int = 0) -> None:
    """Give the host an interface ``lan0`` at whose other end is a router.

    :param tag: the VLAN of the router; 0 if it takes frames without a tag
    """
    router = f"lan1.{tag}" if tag else "lan1"
    tasks.host.ip(
        f"link add lan0 mtu 1400 type veth peer name lan1 mtu 1400 netns {OUTSIDE}\nlink set lan0 up\n",
    )
    tasks.host.ip("link set lan1 up\n", OUTSIDE)
    if tag:
        require(tasks.host, f"link add link lan1 name {router} type vlan id {tag}", "8021q", OUTSIDE)
    tasks.host.ip(
        f"address add {ROUTER}/24 dev {router}\naddress add {ROUTER6}/64 dev {router} nodad\nlink set {router} up\n",
        OUTSIDE,
    )
    if not tag:
        tasks.host.ip(f"address add {ON_HOST}/24 dev lan0\n")
        assert eventually(lambda: pinged(HOST, ROUTER))


def require(host: Host, request: str, module: str, namespace: str = "") -> None:
    """Carry out REQUEST of ip, which makes a link in NAMESPACE; skip the test if this kernel has no MODULE for it."""
    done = host.run(["ip", *request.split()], namespace or None)
    if "Unknown device type" in done.stderr or "not supported" in done.stderr:
        pytest.skip(f"this kernel has no {module}")
    assert done.returncode == 0, done.stderr


def links_on_host(tasks: Tasks) -> set[str]:
    return {each["ifname"] for each in listed(tasks.host, "ip", "link")}


def mode_of(interface: Mapping[str, Any]) -> str:
    """Return the mode of INTERFACE, a macvlan or an ipvlan as ip shows it, and the flag of an ipvlan."""
    data = interface["linkinfo"]["info_data"]
    if interface["linkinfo"]["info_kind"] != "ipvlan":
        return str(data["mode"])
    flag = next((name for name in ("private", "vepa") if name in str(data.get("flags", data))), "bridge")
    return f"{data['mode']} {flag}"
