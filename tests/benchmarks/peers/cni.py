# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The CNI plugins ``bridge`` and ``host-local``, with a process for each endpoint."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

from clock import Cost, measured
from stand_in import Host

from . import GATEWAY, SUBNET, namespaces

FOLDER = "/usr/lib/cni"
_CONFIGURATION = {
    "cniVersion": "0.4.0",
    "name": "bench",
    "type": "bridge",
    "bridge": "cni0",
    "isGateway": True,
    "ipMasq": True,
    "ipam": {"type": "host-local", "subnet": SUBNET, "gateway": GATEWAY, "routes": [{"dst": "0.0.0.0/0"}]},
}


class Cni:
    """The plugins that Kubernetes and others call."""

    most = 200

    def __init__(self, host: Host) -> None:
        os.makedirs("/var/lib/cni", exist_ok=True)

    def prepare(self, number: int) -> None:
        """The first endpoint creates the network."""
        self.attach(10000, 1)

    def attach(self, first: int, number: int) -> Cost:
        def work() -> None:
            namespaces.make(first, number)
            for each in range(first, first + number):
                call("bridge", "ADD", each, _CONFIGURATION)

        return measured(work)

    def detach(self, first: int, number: int) -> Cost:
        def work() -> None:
            for each in range(first, first + number):
                call("bridge", "DEL", each, _CONFIGURATION)
            namespaces.remove(first, number)

        return measured(work)

    def networks(self, number: int) -> Cost:
        """A network of CNI is a file, so there is nothing to measure."""
        raise NotImplementedError

    def close(self) -> None:
        """There is nothing to stop."""


def call(program: str, command: str, number: int, configuration: Mapping[str, Any]) -> Any:
    """Call PROGRAM, a plugin's name or path, for the namespace with that NUMBER; return the JSON that it prints.

    :raises RuntimeError: if it fails
    """
    done = subprocess.run(
        [os.path.join(FOLDER, program)],
        input=json.dumps(configuration),
        text=True,
        capture_output=True,
        env={**os.environ, **variables(command, number)},
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{program} {command}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def variables(command: str, number: int) -> dict[str, str]:
    """Return the variables of a request to carry out COMMAND for the namespace with that NUMBER."""
    return {
        "CNI_COMMAND": command,
        "CNI_CONTAINERID": f"s{number}",
        "CNI_NETNS": namespaces.path(number),
        "CNI_IFNAME": "eth0",
        "CNI_PATH": FOLDER,
    }
