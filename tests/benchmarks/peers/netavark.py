# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""netavark, Podman's network program, with a process for each endpoint."""

from __future__ import annotations

import json
import os
import subprocess

from clock import Cost, measured
from stand_in import Host

from . import GATEWAY, SUBNET, address, namespaces

PROGRAM = "/usr/lib/podman/netavark"


class Netavark:
    """The program that Podman calls."""

    most = 200

    def __init__(self, host: Host) -> None:
        os.makedirs("/run/netavark", exist_ok=True)
        # netavark is in the same folder as aardvark-dns.
        host.have_name_server()

    def prepare(self, number: int) -> None:
        """The first endpoint creates the network."""
        self.attach(10000, 1)

    def attach(self, first: int, number: int) -> Cost:
        def work() -> None:
            namespaces.make(first, number)
            for each in range(first, first + number):
                _call("setup", each)

        return measured(work)

    def detach(self, first: int, number: int) -> Cost:
        def work() -> None:
            for each in range(first, first + number):
                _call("teardown", each)
            namespaces.remove(first, number)

        return measured(work)

    def networks(self, number: int) -> Cost:
        """A network of netavark is a file, so there is nothing to measure."""
        raise NotImplementedError

    def close(self) -> None:
        """There is nothing to stop."""


def _call(command: str, number: int) -> None:
    options = {
        "container_id": f"{number:064x}",
        "container_name": f"s{number}",
        "networks": {"bench": {"static_ips": [address(number)], "interface_name": "eth0"}},
        "network_info": {
            "bench": {
                "name": "bench",
                "id": "b" * 64,
                "driver": "bridge",
                "network_interface": "podman1",
                "subnets": [{"subnet": SUBNET, "gateway": GATEWAY}],
                "ipv6_enabled": False,
                "internal": False,
                "dns_enabled": False,
                "ipam_options": {"driver": "host-local"},
            }
        },
    }
    done = subprocess.run(
        [PROGRAM, "--config", "/run/netavark", command, namespaces.path(number)],
        input=json.dumps(options),
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"netavark {command}: {done.stdout}{done.stderr}")
