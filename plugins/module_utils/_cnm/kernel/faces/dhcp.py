# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DHCP clients. Whether they have a lease is no part of them: the run waits for leases when everything else is made."""

from __future__ import annotations

from typing import List, Sequence

from ...model.errors import CnmError, KernelRefused
from ...resources.dhcp import DhcpClient, DhcpClientKey
from ...resources.plan import Step
from ...resources.resource import Key, Resource, only
from ..face import Face, Host
from ..system import dhcp_client


class DhcpClients(Face):
    """DHCP clients in the namespaces of sandboxes."""

    def read(self, host: Host, keys: Sequence[Key]) -> List[Resource]:
        return [*dhcp_client.read(only(DhcpClientKey, keys))]

    def remove(self, host: Host, resources: Sequence[Resource]) -> List[CnmError]:
        clients = only(DhcpClient, resources)
        try:
            return dhcp_client.stop(host.run, clients)
        except OSError as error:
            return _refused("stopped", clients, error)

    def make(self, host: Host, steps: Sequence[Step]) -> List[CnmError]:
        clients = only(DhcpClient, [step.after for step in steps])
        try:
            return dhcp_client.start(host.run, clients)
        except OSError as error:
            return _refused("started", clients, error)


def _refused(what: str, clients: Sequence[DhcpClient], error: OSError) -> List[CnmError]:
    return [KernelRefused(f"The {one} could not be {what}: {error.strerror}.", one.key) for one in clients]
